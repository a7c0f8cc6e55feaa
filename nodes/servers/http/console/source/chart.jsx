import uPlot from "uplot";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

const TIME = /^\d{4}-\d\d-\d\d(T[\d:.]+Z)?$/;
const LINES_MAX = 12;
const HUES = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5",
  "--line-6"];

/** Seconds since 1970, as precise as a picture needs. */
const seconds = (text) => Date.parse(text) / 1000;
const numeric = (value) =>
  value === null || value === undefined ? null : Number(value);

function kinds(columns, rows) {
  const head = rows.slice(0, 200);
  const every = (name, test) => head.some((row) => row[name] !== null)
    && head.every((row) => row[name] === null || test(row[name]));
  return {
    times: columns.filter((name) => every(name, (value) =>
      typeof value === "string" && TIME.test(value))),
    numbers: columns.filter((name) => every(name, (value) =>
      typeof value === "number" || typeof value === "bigint")),
    words: columns.filter((name) => every(name, (value) =>
      typeof value === "string" && !TIME.test(value))),
  };
}

/** Which columns are open, high, low, close; null: not all are there. */
function barsOf(numbers) {
  const find = (words) => numbers.find((name) =>
    words.some((word) => name.toLowerCase().startsWith(word)))
    ?? numbers.find((name) => name.toLowerCase() === words[0][0]);
  const out = [["open", "first"], ["high", "max"], ["low", "min"],
    ["close", "last"]].map(find);
  return out.every(Boolean) && new Set(out).size === 4 ? out : null;
}

function paint(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}

/** {data, labels, left}: one line a word of `by`, or one a column. */
function series(rows, x, ys, by) {
  const place = x === "" ? (row, index) => index : (row) =>
    typeof row[x] === "string" ? seconds(row[x]) : numeric(row[x]);
  const lines = new Map();
  const points = new Map();
  let left = 0;
  rows.forEach((row, index) => {
    const at = place(row, index);
    if (at === null || Number.isNaN(at)) { left += 1; return; }
    for (const y of ys) {
      const label = by ? `${row[by]} ${ys.length > 1 ? y : ""}`.trim() : y;
      if (!lines.has(label)) {
        if (lines.size === LINES_MAX) { left += 1; continue; }
        lines.set(label, lines.size);
      }
      if (!points.has(at)) points.set(at, []);
      points.get(at)[lines.get(label)] = numeric(row[y]);
    }
  });
  const xs = [...points.keys()].sort((one, other) => one - other);
  const data = [xs, ...[...lines.values()].map((number) =>
    xs.map((at) => points.get(at)[number] ?? null))];
  return { data, labels: [...lines.keys()], left };
}

/** Draws bars over the scales of uPlot; its own lines are not shown. */
function barPlugin() {
  return { hooks: { draw: (plot) => {
    const { ctx, data } = plot;
    const [xs, open, high, low, close] = data;
    const gap = xs.length > 1
      ? Math.abs(plot.valToPos(xs[1], "x", true)
        - plot.valToPos(xs[0], "x", true)) : 12;
    const wide = Math.max(1, Math.min(18, gap * 0.65));
    ctx.save();
    ctx.beginPath();
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    ctx.clip();
    xs.forEach((at, index) => {
      if ([open, high, low, close].some((each) => each[index] === null)) return;
      const x = Math.round(plot.valToPos(at, "x", true));
      const y = (value) => Math.round(plot.valToPos(value, "y", true));
      ctx.fillStyle = paint(close[index] >= open[index] ? "--up" : "--down");
      ctx.fillRect(x - 0.5, y(high[index]), 1.5,
        Math.max(1, y(low[index]) - y(high[index])));
      const top = y(Math.max(open[index], close[index]));
      const end = y(Math.min(open[index], close[index]));
      ctx.fillRect(x - wide / 2, top, wide, Math.max(1.5, end - top));
    });
    ctx.restore();
  } } };
}

const DAY = "{YYYY}-{MM}-{DD}";
// From which distance of ticks: its text, and what is below it when the year,
// month, day, hour, minute or second is another.
const TICKS = [
  [31_536_000, "{YYYY}", null, null, null, null, null, null, 1],
  [2_419_200, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", `\n${DAY}`, null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", `\n${DAY}`, null, "\n{MM}-{DD}", null, null, null, 1],
  [0.001, ":{ss}.{fff}", `\n${DAY} {HH}:{mm}`, null, "\n{MM}-{DD} {HH}:{mm}",
    null, "\n{HH}:{mm}", null, 1],
];

/** Bars have a width, the first and the last one too. */
function withRoom(plot, least, most) {
  const gap = (most - least) / Math.max(1, plot.data[0].length);
  return [least - gap, most + gap];
}

function options({ width, height, labels, isTime, isBars }) {
  const axis = { stroke: paint("--soft"), font: "11px system-ui",
    grid: { stroke: paint("--grid"), width: 1 },
    ticks: { stroke: paint("--grid"), width: 1 } };
  return {
    width, height, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    plugins: isBars ? [barPlugin()] : [],
    scales: { x: { time: isTime, range: isBars ? withRoom : undefined } },
    legend: { markers: { show: !isBars } },
    axes: [isTime ? { ...axis, values: TICKS } : axis, { ...axis, size: 64 }],
    cursor: { points: { size: 6 }, drag: { x: true, y: false } },
    series: [isTime ? { label: "time, UTC", value: `${DAY} {HH}:{mm}:{ss}` }
      : { label: "x" }, ...labels.map((label, number) => ({
      label, width: 1.5, spanGaps: true,
      stroke: paint(HUES[number % HUES.length]),
      ...(isBars && { points: { show: false }, paths: () => null }),
    }))],
  };
}

function Pick({ label, value, values, onPick }) {
  return <label class="pick">{label}
    <select value={value} onChange={(event) =>
      onPick(event.currentTarget.value)}>
      {values.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
    </select></label>;
}

function choiceOf({ times, numbers, words }, bars, x, y, by) {
  const isBars = y === "bars";
  return { x, isBars, by: isBars ? "" : by,
    ys: isBars ? bars : y === "all" ? numbers.filter((each) => each !== x) : [y],
    isTime: times.includes(x), words };
}

/** Lines, or bars of open, high, low and close, over what was answered. */
export function Chart({ columns, rows, theme }) {
  const host = useRef(null);
  const known = useMemo(() => kinds(columns, rows), [columns, rows]);
  const bars = useMemo(() => barsOf(known.numbers), [known]);
  const [x, setX] = useState(known.times[0] ?? "");
  const [y, setY] = useState(bars ? "bars" : known.numbers[0] ?? "");
  const [by, setBy] = useState(bars ? "" : known.words[0] ?? "");
  const wanted = choiceOf(known, bars, x, y, by);
  const drawn = useMemo(() => y === "" ? null
    : series(rows, x, wanted.ys, wanted.by), [rows, x, y, by]);
  useEffect(() => {
    if (!drawn) return undefined;
    const element = host.current;
    const size = () => ({ width: Math.max(200, element.clientWidth - 8),
      height: Math.max(120, element.clientHeight - 40) });
    const plot = new uPlot(options({ ...size(), labels: drawn.labels,
      isTime: wanted.isTime, isBars: wanted.isBars }), drawn.data, element);
    const watch = new ResizeObserver(() => plot.setSize(size()));
    watch.observe(element);
    return () => { watch.disconnect(); plot.destroy(); };
  }, [drawn, theme]);
  if (known.numbers.length === 0)
    return <p class="empty">There is no column of numbers to draw.</p>;
  const plain = (names) => names.map((name) => [name, name]);
  return <div class="chart">
    <div class="picks">
      <Pick label="x" value={x} onPick={setX} values={[
        ...plain([...known.times, ...known.numbers]), ["", "row number"]]} />
      <Pick label="y" value={y} onPick={setY} values={[
        ...(bars ? [["bars", "open, high, low, close"]] : []),
        ...plain(known.numbers), ["all", "all numbers"]]} />
      {known.words.length > 0 && !wanted.isBars
        && <Pick label="a line for each" value={by} onPick={setBy}
          values={[["", "column"], ...plain(known.words)]} />}
      <span class="note">drag to zoom, double-click for all; times are UTC
      </span>
      {drawn.left > 0 && <span class="note warn" role="status">
        {drawn.left} values are not drawn: there are at most {LINES_MAX} lines,
        and a point needs an x</span>}
    </div>
    <div class="plot" ref={host} role="img"
      aria-label={`Chart of ${drawn.labels.join(", ")}`} />
  </div>;
}
