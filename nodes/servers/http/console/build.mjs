// node build.mjs [--check]: makes built/ from source/, or tells whether it is
// what the sources make. MILLRACE_NODE_MODULES says where the packages are.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync }
  from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const BYTES_MAX = 300 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const packages = process.env.MILLRACE_NODE_MODULES;
if (!packages) {
  console.error("MILLRACE_NODE_MODULES is not set; scripts/console sets it");
  process.exit(64);
}
const { buildSync } = createRequire(join(packages, "here.js"))("esbuild");
const made = buildSync({
  entryPoints: [join(here, "source/main.jsx"), join(here, "source/style.css")],
  absWorkingDir: here, nodePaths: [packages], bundle: true, minify: true,
  write: false, outdir: "out", format: "iife", target: "es2022",
  jsx: "automatic", jsxImportSource: "preact", charset: "utf8",
  legalComments: "none", logLevel: "warning",
});
const files = new Map();
let page = readFileSync(join(here, "index.html"), "utf8");
for (const { path, contents } of made.outputFiles) {
  const suffix = path.endsWith(".css") ? "css" : "js";
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 10);
  const name = `console-${hash}.${suffix}`;
  page = page.replace(`CONSOLE_${suffix.toUpperCase()}`, name);
  files.set(name + ".gz", Buffer.from(contents));
}
files.set("index.html", Buffer.from(page));
files.set("NOTICE.txt.gz", readFileSync(join(here, "NOTICE.txt")));

const built = join(here, "built");
const plain = (name, bytes) => name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
if (process.argv.includes("--check")) {
  const there = readdirSync(built).sort();
  const wanted = [...files.keys()].sort();
  const differs = there.join() !== wanted.join()
    || wanted.some((name) => !plain(name, readFileSync(join(built, name)))
      .equals(files.get(name)));
  if (differs) {
    console.error(`built/ has ${there}; the sources make ${wanted}, or other `
      + "bytes: run scripts/console");
    process.exit(1);
  }
} else {
  rmSync(built, { recursive: true, force: true });
  mkdirSync(built);
  for (const [name, bytes] of files)
    writeFileSync(join(built, name), name.endsWith(".gz")
      ? gzipSync(bytes, { level: 9 }) : bytes);
}
let total = 0;
for (const name of readdirSync(built))
  total += readFileSync(join(built, name)).length;
console.log(`${total} bytes of ${BYTES_MAX}`);
if (total > BYTES_MAX)
  process.exit(1);
