import { useEffect, useState } from "preact/hooks";
import { status } from "./api.js";

const EVERY_MS = 2000;

const count = (value) => value.toLocaleString("en");

export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} `
    + units[unit];
}

/** The processes of all nodes; those of type rt say all of their streams. */
function processes(said) {
  return said.nodes.flatMap((node) => Object.entries(node.processes)
    .filter(([name]) => !name.includes("/"))
    .map(([name, facts]) => ({ node: node.name, name, ...facts })));
}

function streamsOf(all) {
  const out = new Map();
  for (const each of all)
    if (each.role === "rt" && each.stream) {
      const known = out.get(each.stream);
      if (!known || (each.leads && !known.leads) || each.end > known.end)
        out.set(each.stream, each);
    }
  return out;
}

const sum = (counts) => Object.values(counts ?? {})
  .reduce((total, each) => total + each, 0);

/** What needs a person: [{level, text}]. */
function worries(facts, lag) {
  const out = [];
  const say = (level, text) => out.push({ level, text });
  if (facts.losses > 0) say("bad", `${count(facts.losses)} losses`);
  if (facts.ready === false) say("warn", "not ready");
  if (facts.paused) say("warn", "paused");
  if (facts.failure) say("bad", facts.failure);
  if (facts.collection?.failure) say("bad", facts.collection.failure);
  if (facts.rejected_batches > 0)
    say("warn", `${count(facts.rejected_batches)} rejected batches`);
  if (facts.repair?.lost > 0) say("bad", `${facts.repair.lost} blocks lost`);
  if (facts.disk_percent >= 90) say("bad", `disk ${facts.disk_percent} % full`);
  if (facts.role === "gateway")
    for (const [name, { connected, ready }] of Object.entries(facts.backends))
      if (!connected || !ready) say("warn", `${name} cannot be asked`);
  if (facts.last_refusal) say("warn", `last refusal: ${facts.last_refusal}`);
  if (lag > 64 * 1024 * 1024) say("warn", `${size(lag)} behind`);
  return out;
}

function Facts({ facts, lag }) {
  const rows = [];
  const add = (name, value) => value !== undefined && value !== null
    && rows.push([name, value]);
  if (facts.role === "rt") {
    add("end", count(facts.end ?? 0));
    add("leads", facts.leads ? "yes" : "no");
    add("publishers", facts.publishers);
    add("subscribers", facts.subscribers);
    add("unsent", size(facts.pending_bytes ?? 0));
  } else if (facts.role === "rdb") {
    add("position", count(facts.position ?? 0));
    add("lag", lag === null ? "unknown" : size(lag));
    add("rows", count(sum(facts.rows)));
    add("memory", size(facts.bytes ?? 0));
    add("periods to write", facts.periods_to_write);
  } else if (facts.role === "hdb") {
    const days = facts.partitions ?? [];
    add("periods", days.length === 0 ? "none" : days.length === 1 ? days[0]
      : `${days.length}: ${days[0]} to ${days.at(-1)}`);
    add("rows", count(sum(facts.rows)));
    add("version", facts.version);
  } else if (facts.role === "gateway") {
    add("answered", count(facts.answered ?? 0));
    add("refused", count(facts.refused ?? 0));
    add("running", facts.running);
  } else {
    for (const name of ["listens", "connections", "requests", "failed",
      "refused", "registered", "available", "watchers"])
      add(name, typeof facts[name] === "number" ? count(facts[name])
        : facts[name]);
    if (facts.held_bytes !== undefined) add("held", size(facts.held_bytes));
  }
  if (facts.losses !== undefined) add("losses", count(facts.losses));
  return <dl>{rows.map(([name, value]) =>
    <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Card({ each, streams }) {
  const end = streams.get(each.stream)?.end;
  const lag = each.role === "rdb" && end !== undefined
    ? Math.max(0, end - each.position) : null;
  const all = worries(each, lag);
  const level = all.some((one) => one.level === "bad") ? "bad"
    : all.length ? "warn" : "good";
  const word = { bad: "needs care", warn: "look", good: "well" }[level];
  return <li class={`card ${level}`}>
    <h3>{each.name}<span class="role">{each.role}</span>
      <span class={`state ${level}`}>{word}</span></h3>
    <Facts facts={each} lag={lag} />
    {all.map(({ level: how, text }) =>
      <p class={`worry ${how}`} key={text}>{text}</p>)}
  </li>;
}

const COLUMNS = [["feed", "rt"], ["rdb", "hdb"], ["gateway"],
  ["http", "kdb", "postgres"]];
const BOX = { width: 132, height: 40, across: 214, down: 62 };

/** Each process in the column of its role, and who asks or follows whom. */
function topology(all) {
  const boxes = [];
  COLUMNS.forEach((roles, column) => {
    const those = all.filter((each) => roles.includes(each.role))
      .sort((one, other) => roles.indexOf(one.role) - roles.indexOf(other.role));
    those.forEach((each, row) => boxes.push({ ...each,
      x: 12 + column * BOX.across, y: 12 + row * BOX.down }));
  });
  const lines = [];
  const join = (from, to, isWell) =>
    from && to && lines.push({ from, to, isWell });
  const named = (name) => boxes.find((box) => box.name === name);
  for (const box of boxes) {
    if (box.role === "rdb")
      for (const rt of boxes)
        if (rt.role === "rt" && rt.leads && rt.stream === box.stream)
          join(rt, box, box.ready);
    if (box.role === "gateway")
      for (const [name, { connected, ready }] of
        Object.entries(box.backends ?? {}))
        join(named(name), box, connected && ready);
    if (box.gateway) join(named(box.gateway), box, true);
  }
  return { boxes, lines };
}

function Picture({ all }) {
  const { boxes, lines } = topology(all);
  const rows = Math.max(1, ...boxes.map((box) => box.y + BOX.height));
  const wide = 24 + 3 * BOX.across + BOX.width;
  return <svg class="picture" viewBox={`0 0 ${wide} ${rows + 12}`}
    width={wide} height={rows + 12} role="img"
    aria-label={`Who is fed and asked by whom: ${lines.map(({ from, to }) =>
      `${from.name} to ${to.name}`).join(", ")}`}>
    {lines.map(({ from, to, isWell }) => {
      const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
      const [x2, y2] = [to.x, to.y + BOX.height / 2];
      const bend = (x1 + x2) / 2;
      return <path key={`${from.name} ${to.name}`}
        class={isWell ? "edge" : "edge bad"}
        d={`M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`} />;
    })}
    {boxes.map((box) => <g key={`${box.node} ${box.name}`}>
      <rect class={`box ${box.role}`} x={box.x} y={box.y} rx="7"
        width={BOX.width} height={BOX.height} />
      <text x={box.x + 12} y={box.y + 17} class="name">{box.name}</text>
      <text x={box.x + 12} y={box.y + 31} class="what">
        {box.role}{box.stream ? ` · ${box.stream}` : ""}</text>
    </g>)}
  </svg>;
}

function Summary({ said, all, streams }) {
  const silent = said.nodes.filter((node) => !node.answers);
  const losses = all.reduce((total, each) => total + (each.losses ?? 0), 0);
  const memory = all.reduce((total, each) =>
    total + (each.role === "rdb" ? each.bytes ?? 0 : 0), 0);
  const lags = all.filter((each) => each.role === "rdb"
    && streams.has(each.stream))
    .map((each) => Math.max(0, streams.get(each.stream).end - each.position));
  const tiles = [
    ["nodes that answer",
      `${said.nodes.length - silent.length} of ${said.nodes.length}`,
      silent.length > 0],
    ["processes", count(all.length)],
    ["largest lag", lags.length ? size(Math.max(...lags)) : "no rdb"],
    ["rows in memory", size(memory)],
    ["losses", count(losses), losses > 0],
  ];
  return <ul class="tiles">{tiles.map(([name, value, isBad]) =>
    <li key={name} class={isBad ? "tile bad" : "tile"}><span>{name}</span>
      <strong>{value}</strong></li>)}</ul>;
}

/** What all processes say of themselves, asked again and again. */
export function Board() {
  const [said, setSaid] = useState(null);
  const [fault, setFault] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    async function look() {
      try {
        setSaid({ ...await status(stop.signal), at: new Date() });
        setFault(null);
      } catch (why) {
        if (stop.signal.aborted) return;
        setFault(why.message);
      }
      timer = setTimeout(look, EVERY_MS);
    }
    look();
    return () => { stop.abort(); clearTimeout(timer); };
  }, []);
  const all = said ? processes(said) : [];
  const streams = streamsOf(all);
  return <main class="board" tabIndex={-1}>
    <h1 class="hidden">Processes</h1>
    {fault && <p class="fault" role="alert">{fault}
      {said && ` What is shown is of ${said.at.toTimeString().slice(0, 8)}.`}</p>}
    {!said && !fault && <p class="empty">Asking all nodes …</p>}
    {said && <>
      <Summary said={said} all={all} streams={streams} />
      <section><h2 id="topology">Topology</h2>
        <div class="scrolls" tabIndex={0} role="region"
          aria-labelledby="topology"><Picture all={all} /></div></section>
      {said.nodes.map((node) => <section key={node.name}
        aria-label={`Node ${node.name}`}>
        <h2>Node {node.name}{!node.answers
          && <span class="state bad">does not answer</span>}</h2>
        <ul class="cards">{all.filter((each) => each.node === node.name)
          .map((each) => <Card key={each.name} each={each} streams={streams} />)}
        </ul></section>)}
      <p class="note">From /status, every {EVERY_MS / 1000} seconds; lag is in
        bytes of the stream. The same numbers for Prometheus: <a
          href="/metrics">/metrics</a>.</p>
    </>}
  </main>;
}
