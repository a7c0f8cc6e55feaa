import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "./api.js";
import { Chart } from "./chart.jsx";
import { createEditor } from "./editor.js";
import { Grid, csvOf, jsonOf } from "./grid.jsx";
import { LANGUAGES, sample } from "./languages.js";
import { Side } from "./side.jsx";
import { size } from "./board.jsx";
import { download, load, store } from "./storage.js";

const HISTORY_MAX = 200;

function remember(past, language, text, fault) {
  const rest = past.filter((each) =>
    each.text !== text || each.language !== language);
  return [{ language, text, fault, at: new Date().toISOString() }, ...rest]
    .slice(0, HISTORY_MAX);
}

function Verdict({ running, result, fault }) {
  if (running) return <span>asking …</span>;
  if (fault)
    return <span class="bad">refused: {fault.code.replaceAll("_", " ")}</span>;
  if (!result) return <span>nothing asked yet</span>;
  const rows = result.rows.length;
  return <span title={result.cut ? `Answer of ${result.cut}` : undefined}>
    <strong>{rows.toLocaleString("en")}</strong> {rows === 1 ? "row" : "rows"}
    {" · "}{result.ms.toFixed(result.ms < 10 ? 1 : 0)} ms
    {" · "}{size(result.bytes)}</span>;
}

function Export({ result }) {
  const isEmpty = !result || result.rows.length === 0;
  return <>
    <button class="plain" disabled={isEmpty} onClick={() =>
      download("rows.csv", "text/csv", csvOf(result.columns, result.rows))}>
      CSV</button>
    <button class="plain" disabled={isEmpty} onClick={() =>
      download("rows.json", "application/json", jsonOf(result.rows))}>
      JSON</button>
  </>;
}

function Outcome({ running, result, fault, view, setView, theme, serial }) {
  const tab = (key, text) => <button role="tab" id={`tab-${key}`}
    aria-selected={view === key} aria-controls="outcome"
    tabIndex={view === key ? 0 : -1} onClick={() => setView(key)}
    onKeyDown={(event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = key === "rows" ? "chart" : "rows";
      setView(other);
      document.getElementById(`tab-${other}`).focus();
    }}>{text}</button>;
  const isEmpty = result && result.rows.length === 0;
  return <section class="outcome" aria-label="Answer">
    <div class="bar">
      <div role="tablist" aria-label="Show as" class="tabs">
        {tab("rows", "Rows")}{tab("chart", "Chart")}</div>
      <div class="verdict" role="status">
        <Verdict running={running} result={result} fault={fault} /></div>
      <Export result={result} />
    </div>
    <div id="outcome" role="tabpanel" aria-labelledby={`tab-${view}`}
      class={running ? "panel stale" : "panel"}>
      {fault && <pre class="fault" role="alert">{fault.message}</pre>}
      {result?.warnings.map((text) =>
        <p class="fault warn" role="alert" key={text}>{text}</p>)}
      {!fault && !result && <p class="empty">Choose a table, or type a query
        and press <kbd>Ctrl Enter</kbd>.</p>}
      {!fault && isEmpty && <p class="empty">No rows.</p>}
      {!fault && result && !isEmpty && (view === "rows"
        ? <Grid key={serial} columns={result.columns} rows={result.rows} />
        : <Chart key={serial} columns={result.columns} rows={result.rows}
          theme={theme} />)}
    </div>
  </section>;
}

/** What is asked and what came of it, without its looks. */
function useAsking(editor, language) {
  const [state, setState] = useState(
    { running: false, result: null, fault: null, serial: 0 });
  const [past, setPast] = useState(load("history", []));
  const stop = useRef(null);
  async function run() {
    const text = editor.current.text();
    stop.current?.abort();
    const mine = new AbortController();
    stop.current = mine;
    setState((now) => ({ ...now, running: true }));
    editor.current.mark(null);
    let result = null;
    let fault = null;
    try {
      result = await ask(language, text, mine.signal);
    } catch (why) {
      fault = why.code ? why : { code: "fault", message: String(why) };
    }
    if (stop.current !== mine) return;
    stop.current = null;
    setState((now) => ({ running: false, result, fault,
      serial: now.serial + 1 }));
    if (fault) editor.current.mark(fault.message);
    setPast((now) => {
      const next = remember(now, language, text, fault?.message);
      store("history", next);
      return next;
    });
  }
  const forget = () => { store("history", []); setPast([]); };
  return { ...state, past, run, forget, cancel: () => stop.current?.abort() };
}

function Toolbar({ language, onLanguage, asking, onSave }) {
  return <div class="bar">
    <div class="segments" role="radiogroup" aria-label="Language">
      {LANGUAGES.map(([key, text]) => <label key={key}
        class={language === key ? "on" : ""}><input type="radio"
          name="language" value={key} checked={language === key}
          onChange={() => onLanguage(key)} />{text}</label>)}</div>
    <span class="space" />
    <button class="plain" onClick={onSave}>Save</button>
    {asking.running
      ? <button class="run" onClick={asking.cancel}>Cancel <kbd>Esc</kbd></button>
      : <button class="run" onClick={asking.run}>Run <kbd>Ctrl ↵</kbd></button>}
  </div>;
}

function SaveAs({ onSave, onClose }) {
  const [name, setName] = useState("");
  return <dialog aria-labelledby="save-title" onClose={onClose}
    ref={(element) => element && !element.open && element.showModal()}>
    <h2 id="save-title">Save this query</h2>
    <form method="dialog" onSubmit={() => name.trim() && onSave(name.trim())}>
      <label class="field">Name
        <input value={name} required autofocus
          onInput={(event) => setName(event.currentTarget.value)} /></label>
      <div class="actions"><button class="plain" type="button"
        onClick={onClose}>Cancel</button>
      <button class="run">Save</button></div>
    </form></dialog>;
}

/** The texts of each language, and the one that is written now. */
function useDraft(editor, tables) {
  const [language, setLanguage] = useState(load("language", "qsql"));
  const drafts = useRef(load("drafts", {}));
  const write = (to, text) => {
    store("language", to);
    setLanguage(to);
    drafts.current[to] = text;
    editor.current.speak(to, tables.list);
    editor.current.replace(text);
    editor.current.mark(null);
    editor.current.focus();
  };
  const keep = (text) => {
    drafts.current[load("language", language)] = text;
    store("drafts", drafts.current);
  };
  return { language, write, keep,
    draft: (of) => drafts.current[of] ?? "" };
}

export function Query({ isShown, tables, theme, onReload }) {
  const host = useRef(null);
  const editor = useRef(null);
  const latest = useRef(null);
  const draft = useDraft(editor, tables);
  const { language } = draft;
  const asking = useAsking(editor, language);
  const [view, setView] = useState("rows");
  const [saving, setSaving] = useState(false);
  const [saved, setSaved] = useState(load("saved", []));
  latest.current = asking;

  useEffect(() => {
    editor.current = createEditor(host.current, {
      text: draft.draft(language), language,
      onRun: () => latest.current.run(), onChange: draft.keep,
    });
    editor.current.focus();
    return () => editor.current.destroy();
  }, []);
  useEffect(() => { editor.current?.speak(language, tables.list); }, [tables]);
  useEffect(() => {
    const press = (event) => {
      if (event.key === "Escape") latest.current.cancel();
      if (!isShown || !event.altKey) return;
      if (event.code === "KeyE") editor.current.focus();
      else if (event.code === "KeyR") document.querySelector(".grid")?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [isShown]);

  const keepSaved = (next) => { store("saved", next); setSaved(next); };
  return <div class="query" hidden={!isShown}>
    <Side tables={tables} past={asking.past} saved={saved} onReload={onReload}
      onTable={(table) => draft.write(language, sample(language, table))}
      onColumn={(name) => editor.current.insert(name)}
      onText={(each) => draft.write(each.language, each.text)}
      onForget={asking.forget}
      onUnsave={(name) => keepSaved(saved.filter((each) => each.name !== name))}
    />
    <main class="work">
      <h1 class="hidden">Query</h1>
      <section class="ask" aria-label="Question">
        <Toolbar language={language} asking={asking}
          onLanguage={(to) => draft.write(to, draft.draft(to))}
          onSave={() => setSaving(true)} />
        <div class="editor" ref={host} />
      </section>
      <Outcome {...asking} view={view} setView={setView} theme={theme} />
    </main>
    {saving && <SaveAs onClose={() => setSaving(false)} onSave={(name) => {
      keepSaved([...saved.filter((each) => each.name !== name),
        { name, language, text: editor.current.text() }]);
      setSaving(false);
    }} />}
  </div>;
}
