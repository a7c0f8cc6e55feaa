#include <gtest/gtest.h>

#include "postgres_talk.hpp"

// What clients ask of pg_catalog and information_schema.

namespace millrace::nodes::postgres {
namespace {

struct catalogue_case {
  const char* text;
  const char* wanted;
};

void expect_answers(const std::vector<catalogue_case>& cases) {
  for (const auto& [text, wanted] : cases) {
    std::string bytes;
    std::string_view query{text};
    query.remove_suffix(1);
    message{bytes, 'Q'}.text(query);
    talk made;
    EXPECT_EQ(pg_read(made.say(bytes)), wanted) << text;
    EXPECT_FALSE(made.is_asking) << text;
  }
}

TEST(PgCatalogueTest, TellsOfTablesAndTheirColumns) {
  expect_answers({
    // As psql asks for tables, some parts left out.
    {"SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE "
     "c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as "
     "\"Type\", pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" FROM "
     "pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid "
     "= c.relnamespace WHERE c.relkind IN ('r','p','') AND n.nspname <> "
     "'pg_catalog' AND n.nspname !~ '^pg_toast' AND c.relname "
     "OPERATOR(pg_catalog.~) '^(tr.*)$' COLLATE pg_catalog.default AND "
     "pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2;|",
     "T(Schema:25,Name:25,Type:25,Owner:25) D(public,trade,table,"
     "millrace) C(SELECT 1) Z(I)"},
    {"select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), "
     "(select 1 from pg_attrdef d) from pg_catalog.pg_attribute a where "
     "a.attrelid = '16384' and a.attnum > 0 and a.attname like '%i%e'|",
     "T(attname:25,format_type:25,?column?:23) D(time,timestamp without "
     "time zone,null) D(price,double precision,null) D(size,integer,null) "
     "C(SELECT 3) Z(I)"},
    {"select relname from pg_class where relkind in ('v','m')|",
     "T(relname:25) C(SELECT 0) Z(I)"},
    {"select c.relname from pg_class c join pg_index i on i.indrelid = "
     "c.oid|",
     "T(relname:25) C(SELECT 0) Z(I)"},
    // As SQLAlchemy asks for a primary key.
    {"select a.attname from pg_attribute a join (select unnest(ix.indkey) "
     "attnum from pg_index ix where ix.indisprimary) k on "
     "a.attnum=k.attnum where a.attrelid = 16384|",
     "T(attname:25) C(SELECT 0) Z(I)"},
    {"select d.datname as \"Name\" from pg_catalog.pg_database d join "
     "pg_catalog.pg_tablespace t on d.dattablespace = t.oid|",
     "T(Name:25) D(test) C(SELECT 1) Z(I)"},
    // As Grafana asks for columns.
    {"select quote_ident(column_name) as \"column\", data_type as "
     "\"type\" from information_schema.columns where "
     "quote_ident(table_name) = 'trade' and udt_name in ('float8')|",
     "T(column:25,type:25) D(price,double precision) C(SELECT 1) Z(I)"},
    {"select count(*) from information_schema.tables where table_schema "
     "= 'other'|",
     "T(count:20) D(0) C(SELECT 1) Z(I)"},
    // As pgjdbc asks for columns.
    {"SELECT * FROM (SELECT n.nspname,c.relname,a.attname FROM "
     "pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON "
     "(c.relnamespace = n.oid) JOIN pg_catalog.pg_attribute a ON "
     "(a.attrelid=c.oid) WHERE c.relname LIKE 'tra_e' AND a.attname = "
     "'sym') c WHERE true|",
     "T(nspname:25,relname:25,attname:25) D(public,trade,sym) C(SELECT 1) "
     "Z(I)"},
    {"select relname from pg_class where relname ~ '^(tr|b).+$'|",
     "T(relname:25) D(trade) C(SELECT 1) Z(I)"},
    {"select relname from pg_class where relname ~ '^(a|b)+$'|",
     "T(relname:25) C(SELECT 0) Z(I)"},
  });
}

TEST(PgCatalogueTest, ReadsWhatIsNestedOnce) {
  std::string nested = "1";
  for (int i = 0; i < 15; ++i)
    nested
      = (i % 2 == 0 ? "coalesce(abs(" : "greatest(abs(") + nested + "), 0)";
  const auto text = "select " + nested + " as n|";
  expect_answers({{text.c_str(), "T(n:23) D(1) C(SELECT 1) Z(I)"}});
}

TEST(PgCatalogueTest, AnswersWhatIsAsked) {
  expect_answers({
    // Conditions mean what they say.
    {"select attname from pg_attribute where attname = 'sym' or attnum = "
     "4 or atttypid = 'float8'::regtype order by attnum desc|",
     "T(attname:25) D(size) D(price) D(sym) C(SELECT 3) Z(I)"},
    {"select c.relname, count(*) from pg_class c left join pg_attribute "
     "a on a.attrelid = c.oid and a.attlen = -1 group by 1 having "
     "count(*) > 0|",
     "T(relname:25,count:20) D(trade,1) C(SELECT 1) Z(I)"},
    {"select 'trade'::regclass::oid, 16384::regclass, -1, "
     "1 + 2 * 3, nullif('', ''), '' as x|",
     "T(oid:20,regclass:25,?column?:23,?column?:23,nullif:25,x:25) "
     "D(16384,trade,-1,7,null,) C(SELECT 1) Z(I)"},
    {"select 'none'::regclass|", "E(42P01 there is no table 'none') Z(I)"},
    // As asyncpg asks what an array is.
    {"with recursive tree(oid, element, depth) as (select t.oid, "
     "t.typelem, 0 from pg_type t where t.oid = any('{1007}'::oid[]) "
     "union all select t.oid, t.typelem, tree.depth + 1 from pg_type t, "
     "tree where t.oid = tree.element) select oid, element, "
     "format_type(oid, null) from tree order by depth desc|",
     "T(oid:20,element:20,format_type:25) D(23,0,integer) "
     "D(1007,23,integer[]) C(SELECT 2) Z(I)"},
    {"with recursive n(i) as (select 1 union all select i + 1 from n) "
     "select count(*) from n, pg_class|",
     "E(53400 what is asked of the catalogue takes too long, or is too "
     "large) Z(I)"},
    {"with recursive n(i, x) as (select 1, 'aaaaaaaa' union all select "
     "i + 1, x || x from n where i < 16), m(i) as (select 1 union all "
     "select i + 1 from m where i < 5000) select count(*) from (select "
     "distinct x || m.i as y from n, m) d|",
     "E(53400 what is asked of the catalogue takes too long, or is too "
     "large) Z(I)"},
    {"select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' ~ '^(a+)+$', 'a' ~ "
     "'(', 'Tab' ~* '^t.b$'|",
     "E(0A000 the catalogue cannot be asked this: '(' is not a pattern that "
     "can be read) Z(I)"},
    {"select 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' ~ '^(a+)+$', 'Tab' "
     "~* '^t.b$', 'Tab' ~ '^t'|",
     "T(?column?:16,?column?:16,?column?:16) D(f,t,f) C(SELECT 1) Z(I)"},
    {"select 'TRUE'::bool, 'off'::bool, relispartition = 'FALSE' from "
     "pg_class|",
     "T(bool:16,bool:16,?column?:16) D(t,f,t) C(SELECT 1) Z(I)"},
    {"select 'maybe'::bool|",
     "E(42601 'maybe' is not a value of type boolean) Z(I)"},
    {"select array(select attname from pg_attribute order by attnum), "
     "array_to_string('{a,NULL,b}', '-'), (array['x','y'])[2]|",
     "T(array:25,array_to_string:25,array:25) D({time,sym,price,size},a-b,"
     "y) C(SELECT 1) Z(I)"},
    {"select relname from pg_class, trade|",
     "E(0A000 one query asks the catalogue or tables, not both) Z(I)"},
    {"select c.nothing, pg_get_expr(c.relname, 1) from pg_class c|",
     "T(nothing:25,pg_get_expr:25) D(null,null) C(SELECT 1) Z(I)"},
  });
}

} // namespace
} // namespace millrace::nodes::postgres
