// What the port is asked.

const BYTES_MAX = 64 * 1024 * 1024;
// Whole numbers beyond this are not exact as numbers of JavaScript.
const LONG_NUMBER = /[:[]\s*-?\d{16,}\s*[,}\]]/;

export class Refusal extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

function parsed(text) {
  if (!LONG_NUMBER.test(text))
    return JSON.parse(text);
  return JSON.parse(text, (key, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value)
      && context && /^-?\d+$/.test(context.source)
      ? BigInt(context.source) : value);
}

async function failed(response) {
  const text = await response.text();
  try {
    const said = JSON.parse(text);
    return new Refusal(said.error, said.text);
  } catch {
    return new Refusal(String(response.status), text.trim());
  }
}

/** {rows, columns, ms, bytes, cut, warnings}; throws a Refusal. */
export async function ask(language, text, signal) {
  const begin = performance.now();
  let response;
  try {
    response = await fetch(`/query?language=${language}`,
      { method: "POST", body: text, signal });
  } catch (fault) {
    if (fault.name === "AbortError")
      throw new Refusal("cancelled", "The query was cancelled.");
    throw new Refusal("unreachable", "The port does not answer.");
  }
  if (!response.ok)
    throw await failed(response);
  const bytes = Number(response.headers.get("Content-Length"));
  if (bytes > BYTES_MAX) {
    await response.body.cancel();
    throw new Refusal("limit_exceeded", `The answer has ${bytes} bytes; the `
      + `console shows at most ${BYTES_MAX}. Ask for fewer rows, or fetch it `
      + "with curl.");
  }
  const rows = parsed(await response.text());
  const warnings = response.headers.get("Millrace-Warning");
  return {
    rows, bytes, ms: performance.now() - begin,
    columns: rows.length ? Object.keys(rows[0]) : [],
    cut: response.headers.get("Millrace-Cut"),
    warnings: warnings ? [warnings] : [],
  };
}

/** [{name, columns: [{name, type}]}] */
export async function schema() {
  const { rows } = await ask("qsql", "tables[]");
  return Promise.all(rows.map(async ({ table }) => ({
    name: table,
    columns: (await ask("qsql", `meta ${table}`)).rows
      .map(({ c, t }) => ({ name: c, type: t })),
  })));
}

export async function status(signal) {
  let response;
  try {
    response = await fetch("/status", { signal });
  } catch (fault) {
    if (fault.name === "AbortError")
      throw fault;
    throw new Refusal("unreachable", "The port does not answer.");
  }
  if (!response.ok)
    throw await failed(response);
  return response.json();
}
