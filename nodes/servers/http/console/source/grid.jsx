import { useEffect, useLayoutEffect, useMemo, useRef, useState }
  from "preact/hooks";

const ROW = 24;
const HEAD = 28;
// Browsers do not scroll higher elements.
const HEIGHT_MAX = 15_000_000;
const SAMPLE = 200;
const CHARACTER = 7.5;

const isNumber = (value) =>
  typeof value === "number" || typeof value === "bigint";

export function shown(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function compare(left, right) {
  const leftIs = left !== null && left !== undefined;
  const rightIs = right !== null && right !== undefined;
  if (!leftIs || !rightIs) return leftIs - rightIs;
  return left < right ? -1 : left > right ? 1 : 0;
}

function shapes(columns, rows) {
  const head = rows.slice(0, SAMPLE);
  return columns.map((name) => {
    const texts = head.map((row) => shown(row[name]).length);
    const longest = Math.max(name.length + 3, ...texts);
    return { name, width: Math.min(360, Math.ceil(longest * CHARACTER) + 22),
      isNumber: head.some((row) => isNumber(row[name]))
        && head.every((row) => row[name] === null || isNumber(row[name])) };
  });
}

/** Rows of the order in which they are shown. */
function ordered(rows, sort) {
  if (!sort) return rows;
  const sign = sort.descends ? -1 : 1;
  return [...rows].sort((left, right) =>
    sign * compare(left[sort.name], right[sort.name]));
}

const STEPS = {
  ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1],
};

function moved(at, event, rows, columns, page) {
  const clamp = (value, end) => Math.max(0, Math.min(end - 1, value));
  const whole = event.ctrlKey || event.metaKey;
  if (STEPS[event.key]) {
    const [down, right] = STEPS[event.key];
    return { row: clamp(at.row + down, rows), column:
      clamp(at.column + right, columns) };
  }
  if (event.key === "PageDown" || event.key === "PageUp")
    return { ...at, row: clamp(at.row
      + (event.key === "PageDown" ? page : -page), rows) };
  if (event.key === "Home")
    return { row: whole ? 0 : at.row, column: 0 };
  if (event.key === "End")
    return { row: whole ? rows - 1 : at.row, column: columns - 1 };
  return null;
}

function Row({ row, index, top, shape, chosen, onChoose }) {
  return <div role="row" class={index % 2 ? "row odd" : "row"}
    aria-rowindex={index + 2} style={{ top: `${top}px` }}>
    <span class="number" aria-hidden="true">{index + 1}</span>
    {shape.map(({ name, width, isNumber: right }, column) => {
      const value = row[name];
      const isNone = value === null || value === undefined;
      const classes = ["cell", right && "right", isNone && "none",
        chosen === column && "chosen"].filter(Boolean).join(" ");
      return <span role="gridcell" class={classes} key={name}
        id={chosen === column ? "grid-chosen" : undefined}
        aria-colindex={column + 1} style={{ width: `${width}px` }}
        onMouseDown={() => onChoose({ row: index, column })}>
        {isNone ? "null" : shown(value)}</span>;
    })}
  </div>;
}

/** Rows of any count, of which those in sight are drawn. */
export function Grid({ columns, rows, newestFirst = false }) {
  const pane = useRef(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [sort, setSort] = useState(null);
  const [at, setAt] = useState({ row: 0, column: 0 });
  const shape = useMemo(() => shapes(columns, rows), [columns, rows]);
  const lines = useMemo(() => newestFirst && !sort ? [...rows].reverse()
    : ordered(rows, sort), [rows, sort]);
  useEffect(() => { setSort(null); setAt({ row: 0, column: 0 }); },
    [columns]);
  useLayoutEffect(() => {
    const element = pane.current;
    const look = () =>
      setView({ top: element.scrollTop, height: element.clientHeight });
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const height = Math.min(HEIGHT_MAX, lines.length * ROW);
  const inSight = Math.ceil(view.height / ROW);
  // A pixel is more than a row's part where the height is not enough.
  const scrolls = Math.max(1, height + HEAD - view.height);
  const share = height === lines.length * ROW ? null
    : Math.min(1, view.top / scrolls);
  const first = share === null ? Math.floor(view.top / ROW)
    : Math.floor(share * Math.max(0, lines.length - inSight + 2));
  const begin = Math.max(0, first - 6);
  const some = lines.slice(begin, first + inSight + 6);
  const topOf = (index) => share === null ? index * ROW
    : view.top + (index - first) * ROW;
  const width = 56 + shape.reduce((sum, each) => sum + each.width, 0);

  function reveal(to) {
    setAt(to);
    const element = pane.current;
    const room = view.height - HEAD;
    if (share !== null) {
      if (to.row < first || to.row > first + inSight - 3)
        element.scrollTop = to.row / Math.max(1, lines.length) * scrolls;
    } else if (to.row * ROW < element.scrollTop) {
      element.scrollTop = to.row * ROW;
    } else if ((to.row + 1) * ROW > element.scrollTop + room) {
      element.scrollTop = (to.row + 1) * ROW - room;
    }
    const left = 56 + shape.slice(0, to.column)
      .reduce((sum, each) => sum + each.width, 0);
    const right = left + shape[to.column].width;
    if (left - 56 < element.scrollLeft) element.scrollLeft = left - 56;
    else if (right > element.scrollLeft + element.clientWidth)
      element.scrollLeft = right - element.clientWidth;
  }

  function onKeyDown(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "c"
        && getSelection().isCollapsed) {
      navigator.clipboard.writeText(
        shown(lines[at.row]?.[columns[at.column]]));
      return event.preventDefault();
    }
    const to = moved(at, event, lines.length, columns.length, inSight - 2);
    if (!to || event.target !== pane.current) return undefined;
    event.preventDefault();
    return reveal(to);
  }

  return <div class="grid-and-note">
    {sort && <p class="note" role="status">Shown rows are sorted by {sort.name},
      {sort.descends ? " descending" : " ascending"}: the answer is not asked
      anew. <button class="link" onClick={() => setSort(null)}>As answered
      </button></p>}
    <div class="grid" role="grid" tabIndex={0} ref={pane}
      aria-label="Rows of the answer" aria-rowcount={lines.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={lines.length ? "grid-chosen" : undefined}
      onKeyDown={onKeyDown}
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop,
        height: event.currentTarget.clientHeight })}>
      <div role="rowgroup" class="head" style={{ width: `${width}px` }}>
        <div role="row" aria-rowindex={1} class="head-row">
          <span class="number" aria-hidden="true">#</span>
          {shape.map(({ name, width: wide, isNumber: right }, column) => {
            const mine = sort?.name === name;
            return <span role="columnheader" key={name}
              aria-colindex={column + 1} style={{ width: `${wide}px` }}
              aria-sort={!mine ? "none"
                : sort.descends ? "descending" : "ascending"}>
              <button class={right ? "column right" : "column"}
                title="Sort the rows that are shown"
                onClick={() => setSort(!mine ? { name, descends: false }
                  : sort.descends ? null : { name, descends: true })}>
                {name}<span aria-hidden="true" class="arrow">
                  {mine ? (sort.descends ? "↓" : "↑") : ""}</span></button>
            </span>;
          })}
        </div>
      </div>
      <div role="rowgroup" class="body"
        style={{ height: `${height}px`, width: `${width}px` }}>
        {some.map((row, offset) => <Row key={begin + offset} row={row}
          index={begin + offset} top={topOf(begin + offset)} shape={shape}
          chosen={at.row === begin + offset ? at.column : -1}
          onChoose={setAt} />)}
      </div>
    </div>
  </div>;
}

const quoted = (text) => /[",\n\r]/.test(text)
  ? `"${text.replaceAll('"', '""')}"` : text;

export function csvOf(columns, rows) {
  const line = (values) => values.map((each) => quoted(shown(each))).join(",");
  return [line(columns), ...rows.map((row) =>
    line(columns.map((name) => row[name])))].join("\n") + "\n";
}

export function jsonOf(rows) {
  const text = (row) => JSON.stringify(row, (key, value) =>
    typeof value === "bigint" ? JSON.rawJSON(String(value)) : value);
  return `[\n${rows.map(text).join(",\n")}\n]\n`;
}
