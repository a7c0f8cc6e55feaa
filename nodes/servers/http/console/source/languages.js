import { StreamLanguage } from "@codemirror/language";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { snippetCompletion } from "@codemirror/autocomplete";

const Q_PHRASES = "select exec update delete from by where fby";
const Q_WORDS = "abs aj aj0 all and any asc asof avg avgs bin ceiling cols cor cos "
  + "count cov deltas desc dev differ distinct div ema exp fills first "
  + "floor ij in key last like lj log lower mavg max maxs mcount mdev "
  + "med meta min mins mmax mmin mod msum neg next not null or "
  + "percentile prd prds prev queries rank ratios reciprocal scov sdev "
  + "signum sqrt sublist sum sums sumsq svar tables til uj ungroup "
  + "upper value var wavg within wj wj1 wsum xasc xbar xcol xcols "
  + "xdesc xkey xprev";
const Q_PHRASE = new Set(Q_PHRASES.split(" "));
const Q_WORD = new Set(Q_WORDS.split(" "));

const qsql = StreamLanguage.define({
  name: "qsql",
  token(stream) {
    if (stream.sol() && stream.match(/\s*\/.*/)) return "comment";
    if (stream.match(/\s+\/.*/)) return "comment";
    if (stream.eatSpace()) return null;
    if (stream.match(/"(\\.|[^"\\])*"?/)) return "string";
    if (stream.match(/`[\w.:]*/)) return "atom";
    if (stream.match(/\d[\w.:]*/)) return "number";
    if (stream.match(/\.?[A-Za-z][\w.]*/)) {
      const word = stream.current();
      if (Q_PHRASE.has(word)) return "keyword";
      return Q_WORD.has(word) ? "variableName.standard"
        : "variableName";
    }
    stream.next();
    return "operator";
  },
});

const json = StreamLanguage.define({
  name: "getdata",
  token(stream) {
    if (stream.eatSpace()) return null;
    if (stream.match(/"(\\.|[^"\\])*"(?=\s*:)/)) return "propertyName";
    if (stream.match(/"(\\.|[^"\\])*"?/)) return "string";
    if (stream.match(/-?\d[\d.eE+-]*/)) return "number";
    if (stream.match(/true|false|null/)) return "atom";
    stream.next();
    return null;
  },
});

const GETDATA = "tablename starttime endtime timecolumn instruments "
  + "instrumentcolumn columns grouping aggregations timebar timebarorigin "
  + "filters ordering renamecolumn sublist getquery optimisation timeout "
  + "at_least as_of priority limits words";

function options(words, type) {
  return words.split(" ").map((label) => ({ label, type }));
}

const FIXED = {
  qsql: [
    ...options(Q_PHRASES, "keyword"), ...options(Q_WORDS, "function"),
    snippetCompletion("select open:first ${price}, high:max ${price}, "
      + "low:min ${price}, close:last ${price} by time:0D00:05 xbar time "
      + "from ${trade} where sym=`${AAA}",
    { label: "bars", detail: "open, high, low, close", type: "text" }),
  ],
  getdata: options(GETDATA, "property"),
};

function names(tables) {
  const out = new Map();
  for (const table of tables) {
    out.set(table.name, { label: table.name, type: "class", detail: "table" });
    for (const { name, type } of table.columns)
      if (!out.has(name))
        out.set(name, { label: name, type: "variable",
          detail: TYPES[type] ?? type, boost: 2 });
  }
  return [...out.values()];
}

export const TYPES = {
  p: "timestamp", s: "symbol", f: "float", i: "int", j: "long", h: "short",
  e: "real", b: "boolean", x: "byte", c: "char", d: "date", m: "month",
  n: "timespan", u: "minute", v: "second", t: "time", g: "guid", C: "text",
  z: "datetime",
};

export const LANGUAGES = [["qsql", "q"], ["sql", "SQL"], ["getdata", "getdata"]];

/** What the editor knows of a language, with the tables that there are. */
export function support(language, tables) {
  if (language === "sql")
    return sql({
      dialect: PostgreSQL, upperCaseKeywords: true,
      schema: Object.fromEntries(tables.map((table) =>
        [table.name, table.columns.map(({ name }) => name)])),
    });
  const all = [...names(tables), ...FIXED[language]];
  const word = language === "qsql" ? /[\w.]+/ : /"?\w+/;
  const made = language === "qsql" ? qsql : json;
  return [made, made.data.of({
    autocomplete(context) {
      const before = context.matchBefore(word);
      if (!before && !context.explicit) return null;
      const from = before
        ? before.from + (before.text.startsWith('"') ? 1 : 0) : context.pos;
      return { from, options: all, validFor: /^[\w.]*$/ };
    },
  })];
}

/** The offset that a refusal names, or null. */
export function place(text, said) {
  const line = /^line (\d+), column (\d+)/.exec(said);
  if (line) {
    const before = text.split("\n").slice(0, line[1] - 1);
    return before.reduce((sum, each) => sum + each.length + 1, 0)
      + Number(line[2]) - 1;
  }
  const character = /at character (\d+)/.exec(said);
  return character ? Number(character[1]) - 1 : null;
}

/** A first question about a table. */
export function sample(language, table) {
  const { name, columns } = table;
  if (language === "sql")
    return `SELECT *\nFROM ${name}\nLIMIT 1000`;
  if (language === "qsql")
    return `select[1000] from ${name}`;
  const day = new Date().toISOString().slice(0, 10);
  return JSON.stringify({
    tablename: name, starttime: "2000-01-01", endtime: day,
    columns: columns.map((column) => column.name), sublist: 1000,
  }, null, 2);
}
