import { useEffect, useRef, useState } from "preact/hooks";
import { Chart } from "./chart.jsx";
import { Grid } from "./grid.jsx";

const ROWS_MAX = 5000;
const DRAW_MS = 250;
const EVENTS = ["end_of_period", "reset", "badtail", "gap", "pruned", "ahead",
  "id_conflict", "unreadable", "cut_off", "over"];
const ENDS = ["cut_off", "over"];

/** What an event says, in a line. */
function lineOf(said) {
  const { type, position, ...rest } = said;
  return `${type} ${Object.entries(rest)
    .map(([key, value]) => `${key}=${value}`).join(" ")}`;
}

/** The last rows of a table as they come; null: nothing is followed. */
function useFlow(table) {
  const [seen, setSeen] = useState(null);
  useEffect(() => {
    if (!table) return undefined;
    const now = { rows: [], total: 0, notes: [], state: "connecting",
      columns: [] };
    let isNew = true;
    const change = (what) => { Object.assign(now, what); isNew = true; };
    const source = new EventSource(`/stream?table=${encodeURIComponent(table)}`);
    source.addEventListener("begin", () => change({ state: "open" }));
    source.addEventListener("rows", (event) => {
      const { rows } = JSON.parse(event.data);
      change({ rows: [...now.rows, ...rows].slice(-ROWS_MAX),
        total: now.total + rows.length });
      if (rows.length && !now.columns.length)
        change({ columns: Object.keys(rows[0]) });
    });
    for (const name of EVENTS)
      source.addEventListener(name, (event) => {
        const said = JSON.parse(event.data);
        change({ notes: [lineOf(said), ...now.notes].slice(0, 20) });
        if (!ENDS.includes(name)) return;
        source.close();
        change({ state: "ended" });
      });
    source.onerror = () => change({ state:
      source.readyState === EventSource.CLOSED ? "refused" : "connecting" });
    const timer = setInterval(() => {
      if (!isNew) return;
      isNew = false;
      setSeen({ ...now });
    }, DRAW_MS);
    return () => { clearInterval(timer); source.close(); };
  }, [table]);
  return table ? seen : null;
}

const STATES = { connecting: "connecting …", open: "follows",
  ended: "ended", refused: "the port refused it" };

/** The rows of a table while they come. */
export function Live({ tables, theme }) {
  const [chosen, choose] = useState("");
  const [isHeld, hold] = useState(false);
  const [view, setView] = useState("rows");
  const held = useRef(null);
  const flow = useFlow(chosen);
  if (!isHeld || !held.current) held.current = flow;
  const shown = held.current;
  return <main class="live">
    <h1 class="hidden">Live rows</h1>
    <div class="bar">
      <label class="pick">Table<select value={chosen} onChange={(event) => {
        held.current = null;
        choose(event.currentTarget.value);
      }}><option value="">none</option>{tables.list.map(({ name }) =>
        <option key={name} value={name}>{name}</option>)}</select></label>
      <button class="plain" aria-pressed={isHeld} disabled={!chosen}
        onClick={() => hold(!isHeld)}>{isHeld ? "Go on" : "Hold"}</button>
      <button class="plain" aria-pressed={view === "chart"} disabled={!chosen}
        onClick={() => setView(view === "rows" ? "chart" : "rows")}>
        Chart</button>
      <span class="verdict" role="status">{flow && <>
        {STATES[flow.state]}{" · "}
        <strong>{flow.total.toLocaleString("en")}</strong> rows
        {flow.total > ROWS_MAX && `, the last ${ROWS_MAX} are shown`}</>}</span>
    </div>
    {flow?.notes.map((text, at) =>
      <p class="fault warn" key={`${text}${at}`}>{text}</p>)}
    <div class="panel">{!chosen ? <p class="empty">Choose a table, to see its
      rows from now on.</p>
      : !shown || shown.rows.length === 0 ? <p class="empty">No rows yet.</p>
      : view === "rows" ? <Grid columns={shown.columns} rows={shown.rows}
        newestFirst />
      : <Chart columns={shown.columns} rows={shown.rows} theme={theme} />}</div>
  </main>;
}
