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
    // As pgjdbc asks for words of the language.
    {"select string_agg(word, ',') from pg_catalog.pg_get_keywords() where "
     "word < 'and'|",
     "T(string_agg:25) D(all,analyse,analyze) C(SELECT 1) Z(I)"},
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

/// The values that a SELECT without rows of a table gives, or its fault.
std::string value_row(const std::string& text) {
  std::string bytes;
  message{bytes, 'Q'}.text("select " + text);
  talk made;
  auto out = pg_read(made.say(bytes));
  EXPECT_FALSE(made.is_asking) << text;
  if (made.is_asking)
    return std::string{"asked"};
  if (const auto fault = out.find("E("); fault != out.npos)
    return out.substr(0, out.find(") Z"));
  const auto begin = out.find(" D(") + 3;
  return out.substr(begin, out.find(") C(SELECT") - begin);
}

using value_case = std::pair<const char*, const char*>;
void expect_values(const std::vector<value_case>& cases) {
  for (const auto& [text, wanted] : cases)
    EXPECT_EQ(value_row(text), wanted) << text;
}

/// What has no rows of a table is as PostgreSQL has it, or refused.
TEST(PgCatalogueTest, NumbersAreThoseOfPostgresql) {
  expect_values({
    {"greatest(1, null, 3), least(null, 2), greatest(null, null)", "3,2,null"},
    {"greatest('a', 'b'), least(1, 2.5), greatest(1, '2')", "b,1,2"},
    {"greatest(null::int, 1::int), least(date '2024-01-02', timestamp "
     "'2024-01-01 10:00')",
     "1,2024-01-01 10:00:00"},
    {"2147483647 + 1", "E(22003 2147483648 does not fit type integer"},
    {"2147483647::bigint + 1, 2147483647 + 1::bigint", "2147483648,2147483648"},
    {"9223372036854775807 + 1", "E(22003 a value does not fit type bigint"},
    {"30000::smallint * 2::smallint",
     "E(22003 60000 does not fit type smallint"},
    {"9999999999::int", "E(22003 9999999999 does not fit type integer"},
    {"70000::smallint", "E(22003 70000 does not fit type smallint"},
    {"1e10::int", "E(22003 10000000000 does not fit type integer"},
    {"1e10::bigint, 9223372036854775807", "10000000000,9223372036854775807"},
    // Half to even, as of a double precision.
    {"2.5::int, 3.5::int, 1.7::bigint, -1.7::int, ' 12 '::int", "2,4,2,-2,12"},
    {"cast('1.5' as int)", "E(22P02 '1.5' is not a value of type integer"},
    {"'x'::bigint", "E(22P02 'x' is not a value of type bigint"},
    {"'99999999999999999999'::bigint",
     "E(22003 99999999999999999999 does not fit type bigint"},
    // What is no number is null in floats here.
    {"'NaN'::float8, 'Infinity'::float8, '-infinity'::numeric, '1e3'::float4",
     "null,Infinity,-Infinity,1000"},
    {"'1.5x'::float8", "E(22P02 '1.5x' is not a value of type float"},
    {"'1e400'::float8", "E(22003 '1e400' does not fit a float"},
    {"1e300 * 1e300", "E(22003 a value does not fit type double precision"},
    {"2 + '2', '2' * 3, 1.5 + '2.5', - '5', 7 % 2, 7.5 % 2, 7 / 2",
     "4,6,4,-5,1,1.5,3"},
    {"2 + '2.5'", "E(22P02 '2.5' is not a value of type integer"},
    {"1::bigint + 0.5, 0.1 + 0.2, coalesce(1::int, 2.5)",
     "1.5,0.30000000000000004,1"},
    {"1 / 0", "E(22012 division by zero"},
    {"1.5 % 0", "E(22012 division by zero"},
    {"null + 1, null / 0", "null,null"},
  });
}

TEST(PgCatalogueTest, ValuesOfSeveralTypesMeetAsInPostgresql) {
  expect_values({
    {"1 = '1', 1 = 1.0, '1' = '1', 1 in ('1', '2'), '2' between 1 and 3, "
     "nullif(1, '1'), 1 is distinct from '1'",
     "t,t,t,t,t,null,f"},
    {"date '2024-01-02' = timestamp '2024-01-02', date '2024-01-02' < "
     "timestamp '2024-01-02 00:00:01', now() > '2024-01-01', "
     "timestamp '2024-01-02' in (date '2024-01-02')",
     "t,t,t,t"},
    {"case 1 when '1' then 'a' else 'b' end, case when true then 1 else 2.5 "
     "end, case when false then 1 else 2.5 end",
     "a,1,2.5"},
    {"'1'::text = 1", "E(0A000 a text beside what is none is not there where "
                      "the catalogue is asked"},
    {"'d' || date '2024-01-02' || true || 1.0", "d2024-01-02true1"},
    {"1.0::text, 'Infinity'::float8::text, 5::bool, 0::bool, true::int",
     "1,Infinity,t,f,1"},
    {"substr('abc', -1, 3), substr('\xc3\xa9t\xc3\xa9', 2, 2), "
     "substring('abc' from 2)",
     "a,t\xc3\xa9,bc"},
    {"5 = any('{5,6}'), '5' = any('{5,6}'), '5' = any(array['5'])", "t,t,t"},
    {"12345.678::numeric(6,1), 1.005::numeric(5,2), 2.5::numeric(4,0), "
     "'abcdef'::varchar(3), 'abc'::char(2)",
     "12345.7,1.01,3,abc,ab"},
    {"12345.67::numeric(6,2)",
     "E(22003 12345.67 has more than 4 digits before its point"},
    {"9.996::numeric(3,2)", "E(22003 10.0 has more than 1 digits before its "
                            "point"},
    {"timestamp(0) '2024-01-02 10:00:00.7', "
     "current_timestamp(0) = '2024-01-02 14:30:01'",
     "2024-01-02 10:00:01,t"},
    {"sum(i) from generate_series(1, 4) as i", "10"},
    {"to_regclass('trade'), to_regclass('public.nothing')", "trade,null"},
    {"exists (select from information_schema.tables where table_name = "
     "'trade'), exists (select from pg_class where relname = 'x')",
     "t,f"},
    {"x from (values (1), (2)) v(x) where x > 1", "2"},
    {"1::date", "E(0A000 a cast of such a value to date is not there where "
                "the catalogue is asked"},
    {"null::timestamp, null::int", "null,null"},
    {"'x'::nosuch", "E(0A000 the type nosuch is not there where the catalogue "
                    "is asked"},
    {"has_no_privilege()", "E(0A000 the function has_no_privilege is not there "
                           "where the catalogue is asked"},
    {"nothing_is_visible(1)",
     "E(0A000 the function nothing_is_visible is not there where the catalogue "
     "is asked"},
  });
}

TEST(PgCatalogueTest, ComputesTimesWithoutATable) {
  expect_values({
    {"now() - interval '1 day', now() + interval '90 minutes', "
     "current_date + 1, current_date - 1, date '2024-03-01' - 1",
     "2024-01-01 14:30:00.5,2024-01-02 16:00:00.5,2024-01-03,2024-01-01,"
     "2024-02-29"},
    {"date '2024-03-01' - date '2024-02-01', current_date - interval '1 hour'",
     "29,2024-01-01 23:00:00"},
    {"timestamp '2024-03-31 10:00' - interval '1 month', "
     "timestamp '2024-01-31' + interval '1 mon 1 day', "
     "date '2024-02-29' + interval '1 year', interval '1 month' + date "
     "'2024-01-01'",
     "2024-02-29 10:00:00,2024-03-01 00:00:00,2025-02-28 00:00:00,"
     "2024-02-01 00:00:00"},
    {"interval '1 month'", "E(42601 '1 month' is not a span of a fixed length"},
    {"1 + interval '1 month'",
     "E(0A000 an interval of months beside what is no time is not there where "
     "the catalogue is asked"},
    {"timestamp '2024-01-02 10:00' - timestamp '2024-01-01 09:30', "
     "interval '1 hour' * 3 - interval '5 minutes', interval '1 hour' / 4",
     "24:30:00,02:55:00,00:15:00"},
    {"extract(year from now()), extract(month from now()), extract(day from "
     "now()), extract(hour from now()), extract(minute from now()), "
     "extract(second from now())",
     "2024,1,2,14,30,0.5"},
    {"extract(dow from date '2024-01-07'), extract(isodow from date "
     "'2024-01-07'), extract(doy from date '2024-12-31'), date_part('quarter', "
     "date '2024-08-01'), extract(dow from date '1969-12-31')",
     "0,7,366,3,3"},
    {"extract(epoch from timestamp '2000-01-01'), extract(epoch from interval "
     "'1 day 1 second'), extract(hour from interval '30 hours'), extract(day "
     "from now() - timestamp '2023-12-30')",
     "946684800,86401,6,3"},
    {"date_trunc('day', now()), date_trunc('hour', now()), date_trunc('month', "
     "date '2024-05-17'), date_trunc('quarter', date '2024-05-17'), "
     "date_trunc('year', now())",
     "2024-01-02 00:00:00,2024-01-02 14:00:00,2024-05-01 00:00:00,"
     "2024-04-01 00:00:00,2024-01-01 00:00:00"},
    {"date_trunc('week', date '2024-01-07'), date_trunc('week', date "
     "'2024-01-08'), date_trunc('week', date '1999-12-31')",
     "2024-01-01 00:00:00,2024-01-08 00:00:00,1999-12-27 00:00:00"},
    {"to_timestamp(1704205801.5), now()::time, '10:30'::time, "
     "now() - date_trunc('day', now()) > '12 hours'",
     "2024-01-02 14:30:01.5,14:30:00.5,10:30:00,t"},
    {"now() + 1", "E(0A000 the sign + between these is not there where the "
                  "catalogue is asked"},
    {"now() > interval '1 day'", "E(0A000 an interval beside what is none is "
                                 "not there where the catalogue is asked"},
    {"extract(century from now())", "E(0A000 'century' of a time is not there "
                                    "where the catalogue is asked"},
    {"extract(year from interval '1 day')",
     "E(0A000 'year' of an interval is not there where the catalogue is asked"},
    {"timestamp '2024-01-01' + interval '400 years'",
     "E(22003 a time is beyond the years 1708 to 2291"},
    {"timestamp '2291-01-01' + interval '30000 days'",
     "E(22003 a value does not fit type bigint"},
    {"null::timestamp + interval '1 month', extract(day from "
     "null::timestamp), date_trunc('day', null::timestamp)",
     "null,null,null"},
  });
}

TEST(PgCatalogueTest, AnswersTheQueryBuilderOfGrafana) {
  expect_answers({
    // Its tables, the columns of one, and the first one with times.
    {"SELECT CASE WHEN quote_ident(table_schema) IN (SELECT CASE "
     "WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END "
     "FROM "
     "generate_series(array_lower(string_to_array(current_setting('search_path'"
     "),','),1), "
     "array_upper(string_to_array(current_setting('search_path'),','),1)) "
     "as i, string_to_array(current_setting('search_path'),',') s) "
     "THEN quote_ident(table_name) ELSE quote_ident(table_schema) "
     "|| '.' || quote_ident(table_name) END AS \"table\" FROM "
     "information_schema.tables WHERE quote_ident(table_schema) NOT "
     "IN "
     "('information_schema','pg_catalog','_timescaledb_cache','_timescaledb_"
     "catalog','_timescaledb_internal','_timescaledb_config','timescaledb_"
     "information','timescaledb_experimental') "
     "ORDER BY CASE WHEN quote_ident(table_schema) IN (SELECT CASE "
     "WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END "
     "FROM "
     "generate_series(array_lower(string_to_array(current_setting('search_path'"
     "),','),1), "
     "array_upper(string_to_array(current_setting('search_path'),','),1)) "
     "as i, string_to_array(current_setting('search_path'),',') s) "
     "THEN 0 ELSE 1 END, 1"
     "|",
     "T(table:25) D(trade) C(SELECT 1) Z(I)"},
    {"SELECT quote_ident(column_name) AS \"column\", data_type AS "
     "\"type\" FROM information_schema.columns WHERE CASE WHEN "
     "array_length(parse_ident('trade'),1) = 2 THEN "
     "quote_ident(table_schema) = (parse_ident('trade'))[1] AND "
     "quote_ident(table_name) = (parse_ident('trade'))[2] ELSE "
     "quote_ident(table_name) = 'trade' AND "
     "quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = "
     "'\"$user\"' THEN user ELSE trim(s[i]) END FROM "
     "generate_series(array_lower(string_to_array(current_setting('search_path'"
     "),','),1), "
     "array_upper(string_to_array(current_setting('search_path'),','),1)) "
     "as i, string_to_array(current_setting('search_path'),',') s) "
     "END"
     "|",
     "T(column:25,type:25) D(time,timestamp without time zone) D(sym,text) "
     "D(price,double precision) D(size,integer) C(SELECT 4) Z(I)"},
    {"SELECT quote_ident(table_name) FROM information_schema.tables "
     "WHERE table_schema IN ( SELECT CASE WHEN trim(s[i]) = "
     "'\"$user\"' THEN user ELSE trim(s[i]) END FROM generate_series( "
     "array_lower(string_to_array(current_setting('search_path'),','),1), "
     "array_upper(string_to_array(current_setting('search_path'),','),1) "
     ") as i, string_to_array(current_setting('search_path'),',') s "
     ") AND EXISTS ( SELECT 1 FROM information_schema.columns WHERE "
     "columns.table_schema=tables.table_schema and "
     "columns.table_name=tables.table_name and udt_name IN "
     "('timestamptz','timestamp') ) LIMIT 1"
     "|",
     "T(quote_ident:25) D(trade) C(SELECT 1) Z(I)"},
    {"select string_to_array('a,,b c', ','), string_to_array('', ','), "
     "string_to_array('ab', null), string_to_array('a,-', ',', '-'), "
     "array_lower('{a,b}', 1), array_upper('{a,b}', 1), array_lower('{}', 1)|",
     "T(string_to_array:25,string_to_array:25,string_to_array:25,"
     "string_to_array:25,array_lower:23,array_upper:23,array_lower:23) "
     "D({a,\"\",\"b c\"},{},{a,b},{a,NULL},1,2,null) C(SELECT 1) Z(I)"},
    {"select parse_ident('Public.\"My \"\"Table\"'), (parse_ident('x'))[1]|",
     "T(parse_ident:25,parse_ident:25) D({public,\"My \\\"Table\"},x) "
     "C(SELECT 1) Z(I)"},
    {"select parse_ident('a..b')|",
     "E(22P02 'a..b' is not a value of type name) Z(I)"},
  });
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
     "E(22P02 'maybe' is not a value of type boolean) Z(I)"},
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
