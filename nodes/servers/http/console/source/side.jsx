import { useState } from "preact/hooks";
import { TYPES } from "./languages.js";

function Table({ table, onTable, onColumn }) {
  const [isOpen, setOpen] = useState(true);
  return <li>
    <div class="table">
      <button class="fold" aria-expanded={isOpen}
        aria-label={`Columns of ${table.name}`}
        onClick={() => setOpen(!isOpen)}>{isOpen ? "▾" : "▸"}</button>
      <button class="name" title="Write a query of this table"
        onClick={() => onTable(table)}>{table.name}</button>
      <span class="count">{table.columns.length}</span>
    </div>
    {isOpen && <ul class="columns">{table.columns.map(({ name, type }) =>
      <li key={name}><button title="Insert the name"
        onClick={() => onColumn(name)}><span>{name}</span>
        <span class="type">{TYPES[type] ?? type}</span></button></li>)}</ul>}
  </li>;
}

function Past({ each, onText }) {
  const line = each.text.trim().replace(/\s+/g, " ");
  return <button class="past" title={each.text} onClick={() => onText(each)}>
    <span class={each.fault ? "text bad" : "text"}>{line}</span>
    <span class="type">{each.language}
      {each.at && ` · ${new Date(each.at).toTimeString().slice(0, 8)}`}
      {each.fault && " · refused"}</span></button>;
}

/** Tables, and the queries that were kept or asked. */
export function Side(props) {
  const { tables, past, saved, onReload, onForget, onUnsave, onText } = props;
  return <aside class="side" aria-label="Tables and queries" tabIndex={0}>
    <div class="title"><h2>Tables</h2>
      <button class="link" onClick={onReload}>Read again</button></div>
    {tables.fault && <p class="fault" role="alert">{tables.fault}</p>}
    <ul class="tree">{tables.list.map((table) => <Table key={table.name}
      table={table} onTable={props.onTable} onColumn={props.onColumn} />)}</ul>
    {saved.length > 0 && <><div class="title"><h2>Saved</h2></div>
      <ul class="texts">{saved.map((each) => <li key={each.name}>
        <button class="past" title={each.text} onClick={() => onText(each)}>
          <span class="text name">{each.name}</span>
          <span class="type">{each.language}</span></button>
        <button class="remove" aria-label={`Remove ${each.name}`}
          onClick={() => onUnsave(each.name)}>×</button></li>)}</ul></>}
    {past.length > 0 && <><div class="title"><h2>History</h2>
      <button class="link" onClick={onForget}>Clear</button></div>
    <ul class="texts">{past.map((each) => <li key={each.at}>
      <Past each={each} onText={onText} /></li>)}</ul></>}
  </aside>;
}
