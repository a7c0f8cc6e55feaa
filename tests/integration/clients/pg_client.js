// npm's pg and postgres as programs use them: pg_client.js PORT.
const assert = require("assert");
const {Client, Pool} = require("pg");
const postgres = require("postgres");

const port = Number(process.argv[2]);
const place = {host: "127.0.0.1", port, user: "me", database: "any"};

async function with_pg() {
  const to = new Client(place);
  await to.connect();
  const got = await to.query(
    "select sym, size, time from trade where sym = $1 and size > $2 and " +
      "time >= $3 order by size limit $4",
    ["IBM", 25, new Date("2024-01-02T14:30:00Z"), 2]);
  assert.deepStrictEqual(got.rows.map(row => [row.sym, row.size]),
                         [["IBM", 27], ["IBM", 29]]);
  for (const size of [12, 28]) { // Prepared once.
    const named = {name: "above", text: "select count(*) as n from trade where " +
                                        "size >= $1", values: [size]};
    assert.strictEqual((await to.query(named)).rows[0].n, String(30 - size));
  }
  const any = await to.query("select count(*) as n from trade where sym = " +
                             "any($1) and size = any($2)",
                             [["AAPL", "IBM"], [10, 11, 99]]);
  assert.strictEqual(any.rows[0].n, "2");
  await assert.rejects(to.query("select nothing from trade"), {code: "42703"});
  const both = await to.query("select 1 as a; select 2 as b");
  assert.deepStrictEqual(both.map(each => each.rows[0]), [{a: 1}, {b: 2}]);
  await to.end();
  const pool = new Pool({...place, max: 3});
  const counts = await Promise.all(Array.from({length: 12}, () =>
    pool.query("select count(*) as n from trade")));
  assert(counts.every(each => each.rows[0].n === "20"));
  await pool.end();
}

async function with_postgres() {
  const sql = postgres({...place, max: 2});
  const rows = await sql`select sym, size from trade where sym = ${"IBM"} and
    size > ${26} order by size`;
  assert.deepStrictEqual(rows.map(row => row.size), [27, 29]);
  const any = await sql`select count(*) as n from trade where sym =
    any(${["IBM", "none"]})`;
  assert.strictEqual(any[0].n, "10");
  const inside = await sql`select count(*) as n from trade where sym in
    ${sql(["AAPL", "IBM"])}`;
  assert.strictEqual(inside[0].n, "20");
  let seen = 0;
  await sql`select size from trade`.cursor(7, part => { seen += part.length; });
  assert.strictEqual(seen, 20);
  await sql.begin("read only", ask => ask`select count(*) from quote`);
  await sql.end();
}

with_pg().then(with_postgres).catch(fault => {
  console.error(fault);
  process.exit(1);
});
