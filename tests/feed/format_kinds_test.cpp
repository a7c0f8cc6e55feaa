// Goal: what files of vendors look like can be said in a layout, and loads
// exactly. Method: one small text per kind, and its rows.
#include "format_kinds.hpp"

namespace millrace::feed {
namespace {

TEST(FormatKindsTest, Times) {
  const std::string nine = at("2024-01-02", 34'200 * one_second + 123'000'000);
  const auto day = *text::parse_date("2024-01-02");
  check({
    {"day first, with points",
     "",
     "time:timestamp field = 1|format = \"%d.%m.%Y %H:%M:%S.%f\"",
     "02.01.2024 09:30:00.123\n2.1.2024 9:30:0.123\n",
     {nine + "|S", nine + "|S"}},
    {"month first, twelve hours",
     "",
     "time:timestamp field = 1|format = \"%m/%d/%Y %I:%M:%S %p\"",
     "01/31/2020 09:30:00 PM\n01/31/2020 12:00:00 am\n13/31/2020 1:00:00 AM\n",
     {at("2020-01-31", 77'400 * one_second) + "|S", at("2020-01-31", 0) + "|S"},
     {"is not a date of the calendar"}},
    {"digits with a fixed fraction",
     "",
     "time:timestamp field = 1|format = \"%Y%m%d %H%M%S%3f\"",
     "20120201 000003660\n20120201 00003660\n",
     {at("2012-02-01", 3'660'000'000) + "|S"},
     {"is not a time"}},
    {"FIX times",
     "",
     "time:timestamp field = 1|format = \"%Y%m%d-%H:%M:%S.%f\"",
     "20240101-09:30:01.123456\n",
     {at("2024-01-01", 34'201 * one_second + 123'456'000) + "|S"}},
    {"fourteen digits",
     "",
     "time:timestamp field = 1|format = \"%Y%m%d%H%M%S\"",
     "20240101093001\n",
     {at("2024-01-01", 34'201 * one_second) + "|S"}},
    {"hours of one digit, of a given day",
     "",
     "time:timestamp field = 1|format = \"%H:%M:%S\"",
     "6:24:34\n16:24:34\n6:24\n",
     {at("2024-01-02", 23'074 * one_second) + "|S",
      at("2024-01-02", 59'074 * one_second) + "|S"},
     {"is not a time"},
     day},
    {"zone words",
     "",
     "time:timestamp field = 1|format = \"%Y-%m-%d %H:%M:%S %Z\"",
     "2024-01-02 04:30:00 EST\n2024-01-02 05:30:00 EDT\n"
     "2024-01-02 09:30:00 UTC\n2024-01-02 09:30:00 XYZ\n",
     std::vector<std::string>(3, at("2024-01-02", 34'200 * one_second) + "|S"),
     {"is not a time"}},
    {"names of months, offsets", "delimiter = \";\"\n",
     "time:timestamp field = 1|format = \"%a, %d %b %Y %T %z\"",
     "Tue, 02 Jan 2024 10:30:00 +0100\nTue, 2 january 2024 09:30:00 Z\n",
     std::vector<std::string>(2, at("2024-01-02", 34'200 * one_second) + "|S")},
  });
}

TEST(FormatKindsTest, CountsOfAFinerUnitAreToldAsSuch) {
  const std::string nine = at("2024-01-02", 34'200 * one_second + 123'000'000);
  check({
    {"milliseconds",
     "",
     "time:timestamp field = 1|format = \"unix_ms\"",
     "1704187800123\n1704187800123000\n1704187800123000000\n1704187800\n"
     "99999999999999\n",
     {nine + "|S"},
     {"digits as a time of another unit", "digits as a time of another unit",
      "digits as a time of another unit", "does not fit"}},
    {"seconds",
     "",
     "time:timestamp field = 1|format = \"unix_s\"",
     "1704187800.123\n1704187800123\n1704187800123000\n99999999999\n",
     {nine + "|S"},
     {"digits as a time of another unit", "digits as a time of another unit",
      "does not fit"}},
  });
}

TEST(FormatKindsTest, TimesWithAFractionInSomeRows) {
  const std::string nine = at("2024-01-02", 34'200 * one_second + 123'000'000);
  check({
    {"a fraction in some rows only",
     "",
     "time:timestamp field = 1|format = \"%m/%d/%Y %H:%M:%S%.f\"",
     "01/02/2024 09:30:00.123\n01/02/2024 9:30:00\n01/02/2024 09:30:00.\n"
     "01/02/2024 09:30:00.1234567891\n",
     {nine + "|S", at("2024-01-02", 34'200 * one_second) + "|S"},
     {"is not a time", "is not a time"}},
    {"a fraction in some rows only, and a word after it",
     "",
     "time:timestamp field = 1|format = \"%m/%d/%Y %I:%M:%S%.f %p\"",
     "01/02/2024 09:30:00.123 AM\n01/02/2024 9:30:00 am\n",
     {nine + "|S", at("2024-01-02", 34'200 * one_second) + "|S"}},
  });
}

TEST(FormatKindsTest, ClocksOfDigitsBesideADate) {
  check({
    {"as numbers, without the zeroes before them",
     "header = true\n",
     "time:timestamp headers = [\"d\", \"t\"]|format = \"%Y%m%d %H%M%S\"",
     "t,x,d\n93000,?,20240102\n1530,?,20240102\n0,?,20240102\n"
     "0930,?,20240102\n",
     {at("2024-01-02", 34'200 * one_second) + "|S",
      at("2024-01-02", 930 * one_second) + "|S", at("2024-01-02", 0) + "|S"},
     {"'20240102 0930' is not a time"}},
    {"hours and minutes alone",
     "",
     "time:timestamp fields = [1, 2]|format = \"%Y-%m-%d %H%M\"",
     "2024-01-02,930\n2024-01-02,0931\n2024-01-02,1600\n",
     {at("2024-01-02", 34'200 * one_second) + "|S",
      at("2024-01-02", 34'260 * one_second) + "|S",
      at("2024-01-02", 57'600 * one_second) + "|S"}},
  });
}

// A file of many days that counts since each midnight.
TEST(FormatKindsTest, CountsOfADayBesideItsDate) {
  const auto day = *text::parse_date("2024-01-02");
  const std::string in_zone = "|zone = \"America/New_York\"";
  check({
    {"seconds of a day, a zone, days of its summer and of its changes",
     "header = true\n",
     "time:timestamp headers = [\"DATE\", \"TIME\"]|format = \"s_of_day\""
       + in_zone,
     "SYM,TIME,DATE\n?,34200,20240102\n?,34200.5,2024-01-02\n"
     "?,34200,2024/07/02\n?,9000,20240310\n?,0,20240102\n",
     {at("2024-01-02", 52'200 * one_second) + "|S",
      at("2024-01-02", 52'200 * one_second + one_second / 2) + "|S",
      at("2024-07-02", 48'600 * one_second) + "|S",
      at("2024-01-02", 18'000 * one_second) + "|S"},
     {"'20240310 9000' is a time that the zone's clock skipped"}},
    {"every unit, and digits",
     "",
     "time:timestamp fields = [2, 1]|format = \"ms_of_day\";"
     "a:timestamp fields = [2, 3]|format = \"us_of_day\";"
     "b:timestamp fields = [2, 4]|format = \"ns_of_day\";"
     "c:timestamp fields = [2, 5]|format = \"hhmmss\";"
     "d:timestamp fields = [2, 6]|format = \"hhmmss_ms\"",
     "34200001,2024-01-02,34200000002,34200000000003,93000,93000004\n",
     {at("2024-01-02", 34'200 * one_second + 1'000'000) + "|"
      + at("2024-01-02", 34'200 * one_second + 2'000) + "|"
      + at("2024-01-02", 34'200 * one_second + 3) + "|"
      + at("2024-01-02", 34'200 * one_second) + "|"
      + at("2024-01-02", 34'200 * one_second + 4'000'000) + "|S"}},
    {"what is no date, or no time of it",
     "",
     "time:timestamp fields = [1, 2]|format = \"s_of_day\"",
     "20240102,1\n,1\n20240102,\n,\n20240230,1\n2024-01-02T,1\n"
     "20240102,86400\n20240102, 1\n01/02/2024,1\n20240102,1 \n"
     "2024-01-02 ,1\n20240102,2\n",
     {at("2024-01-02", one_second) + "|S",
      at("2024-01-02", 2 * one_second) + "|S"},
     {"' 1' is not a time", "'20240102 ' is not a time", "is empty",
      "'20240230 1' is not a date of the calendar",
      "'2024-01-02T 1' is not a time", "'20240102 86400' is not a time",
      "'20240102  1' is not a time", "'01/02/2024 1' is not a time",
      "'20240102 1 ' is not a time", "'2024-01-02  1' is not a time"}},
    {"blanks around both, and words for none",
     "trim = true\nnull = [\"NA\"]\n",
     "time:timestamp field = 3|format = \"unix_s\";a:timestamp fields = "
     "[1, 2]|format = \"s_of_day\"",
     " 20240102 , 1 ,1\n , ,1\n",
     {"-946684799000000000|" + at("2024-01-02", one_second) + "|S",
      "-946684799000000000|null|S"}},
    {"a date that is said beside those of the rows",
     "",
     "time:timestamp fields = [1, 2]|format = \"s_of_day\";"
     "other:timestamp field = 2|format = \"s_of_day\"",
     "20240101,1\n",
     {at("2024-01-01", one_second) + "|" + at("2024-01-02", one_second) + "|S"},
     {},
     day},
  });
}

TEST(FormatKindsTest, TimesOfFieldsAndDigits) {
  const auto day = *text::parse_date("2024-01-02");
  check({
    {"date and time in two fields, of many dates, in a zone",
     "",
     "time:timestamp fields = [1, 2]|zone = \"America/New_York\"",
     "2024-01-02,09:30:00\n2024-07-02,09:30:00.5\n,\n",
     {at("2024-01-02", 52'200 * one_second) + "|S",
      at("2024-07-02", 48'600 * one_second + one_second / 2) + "|S"},
     {"is empty"}},
    {"two fields by name, out of order, as digits",
     "header = true\n",
     "time:timestamp headers = [\"d\", \"t\"]|format = \"%Y%m%d %H%M%S\"",
     "t,x,d\n093000,?,20240102\n",
     {at("2024-01-02", 34'200 * one_second) + "|S"}},
    {"counts since 1970 of every unit, with fraction and exponent",
     "",
     "time:timestamp field = 1|format = \"unix_s\";a:timestamp field = "
     "2|format "
     "= \"unix_ms\";b:timestamp field = 3|format = \"unix_us\";c:timestamp "
     "field = 4|format = \"unix_ns\"",
     "1.7041914E9,1704191400000,1704191400000000.0,1704191400000000000\n",
     {at("2024-01-02", 37'800 * one_second) + "|"
      + at("2024-01-02", 37'800 * one_second) + "|"
      + at("2024-01-02", 37'800 * one_second) + "|"
      + at("2024-01-02", 37'800 * one_second) + "|S"}},
    {"days of the year",
     "",
     "time:timestamp field = 1|format = \"%Y%j\"",
     "2024060\n2023366\n",
     {at("2024-02-29", 0) + "|S"},
     {"is not a date of the calendar"}},
    {"a time of day without a date",
     "",
     "time:timestamp field = 1",
     "2024-01-02T00:00:01\n09:30:00\n",
     {at("2024-01-02", one_second) + "|S"},
     {"give --date"}},
    {"a date of its own where another one is said",
     "",
     "time:timestamp field = 1",
     "2024-01-02T00:00:01\n09:30:00\n",
     {at("2024-01-02", 34'200 * one_second) + "|S"},
     {"has a date of its own"},
     day},
    {"the same beside times of day that need one",
     "",
     "time:timestamp field = 1|format = \"hhmmss\";"
     "received:timestamp field = 2",
     "093000,2024-01-01T00:00:01\n",
     {at("2024-01-02", 34'200 * one_second) + "|" + at("2024-01-01", one_second)
      + "|S"},
     {},
     day},
    {"microseconds where nanoseconds are said",
     "",
     "time:timestamp field = 1|format = \"hhmmss_ns\"",
     "093000123456789\n093000123456\n",
     {at("2024-01-02", 34'200 * one_second + 123'456'789) + "|S"},
     {"as many digits as a time of another unit"},
     day},
  });
}

TEST(FormatKindsTest, Values) {
  const std::string time = "time:timestamp field = 1|format = \"unix_s\";";
  const std::string t = "-946684799000000000|";
  check({
    {"words for no value",
     "null = [\"NA\", \"N/A\", \"null\", \"\\\\N\"]\n",
     time + "p:float field = 2;n:int field = 3;s:symbol field = 4",
     "1,NA,null,N/A\n1,\\N,7,x\n1,none,7,x\n",
     {t + "nan|null||S", t + "nan|7|x|S"},
     {"'none' is not a number"}},
    {"a number that means none, for one column",
     "",
     time
       + "n:long field = 2|null = [\"18446744073709551615\"];m:long field = 3",
     "1,18446744073709551615,5\n",
     {t + "null|5|S"}},
    {"whole numbers with a fraction or an exponent",
     "",
     time + "n:long field = 2",
     "1,100.0\n1,2.99E9\n1,-5.\n1,100.5\n1,1e30\n",
     {t + "100|S", t + "2990000000|S", t + "-5|S"},
     {"is not a whole number", "does not fit"}},
    {"marks of thousands",
     "delimiter = \";\"\nthousands = \",\"\n",
     time + "p:float field = 2;n:int field = 3",
     "1;1,234.5;12,345\n",
     {t + "1234.5|12345|S"}},
    {"marks of thousands where none can be",
     "delimiter = \";\"\nthousands = \",\"\n",
     time + "p:float field = 2",
     "1;-1,234,567.25\n1;1,5\n1;,1\n1;1,23\n1;1,2345\n1;1234,567\n"
     "1;0,125\n1;1,234,5\n1;1,,234\n1;1.5,000\n1;1,234,\n",
     {t + "-1234567.25|S"},
     {"'1,5' has a mark of thousands elsewhere", "',1' has", "'1,23' has",
      "'1,2345' has", "'1234,567' has", "'0,125' has", "'1,234,5' has",
      "'1,,234' has", "'1.5,000' has", "'1,234,' has"}},
    {"decimal comma",
     "delimiter = \";\"\ndecimal = \",\"\nthousands = \".\"\n",
     time + "p:float field = 2;n:int field = 3",
     "1;1.234,5;1.000\n1;1234,5;7\n",
     {t + "1234.5|1000|S", t + "1234.5|7|S"}},
    {"a point where the comma is the mark",
     "delimiter = \";\"\ndecimal = \",\"\n",
     time + "p:float field = 2",
     "1;0,5\n1;1234.5\n",
     {t + "0.5|S"},
     {"is not a number"}},
    {"hexadecimal",
     "",
     time + "n:long field = 2|hex = true",
     "1,0x1F\n1,ff\n1,-0x10\n1,xyz\n1,ffffffffffffffffff\n",
     {t + "31|S", t + "255|S", t + "-16|S"},
     {"is not a number", "does not fit"}},
  });
}

TEST(FormatKindsTest, ValuesThatAreReckoned) {
  const std::string time = "time:timestamp field = 1|format = \"unix_s\";";
  const std::string t = "-946684799000000000|";
  check({
    {"fixed point of any factor",
     "",
     time
       + "p:float field = 2|scale = 256;q:float field = 2|multiply = 100;"
         "n:int field = 2|multiply = 3|scale = 2;r:real field = 2|scale = 10",
     "1,384\n1,1\n",
     {t + "1.5|38400|576|38.4000015|S"},
     {"is not a whole number"}},
    {"the sign is the side",
     "",
     time
       + "n:int field = 2|abs = true;side:symbol field = 2|sign = [\"S\", "
         "\"B\"]",
     "1,-500\n1,300\n1,\n",
     {t + "500|S|S", t + "300|B|S", t + "null||S"}},
    {"a sign of what has none",
     "delimiter = \";\"\nthousands = \".\"\ndecimal = \",\"\n"
     "null = [\"NA\"]\n",
     time + "side:symbol field = 2|sign = [\"S\", \"B\"];note:string field = 3",
     "1;-1.234,5;x\n1;abc;x\n1;-;x\n1;Sell;x\n1;0;y\n1;NA;x\n1;1,2,3;x\n",
     {t + "S|x|S", t + "B|y|S", t + "|x|S"},
     {"'abc' is not a number, so that it has no sign", "'-' is not a number",
      "'Sell' is not a number", "'1,2,3' is not a number"}},
    {"times finer than their type",
     "",
     time + "s:second field = 2;m:minute field = 3;x:time field = 4",
     "1,10:00:00.000,10:00:00,10:00:00.123000\n1,10:00:00.9,,\n"
     "1,,10:00:30,\n1,,,10:00:00.1239\n1,inf,-inf,30:00:00\n",
     {t + "36000|600|36000123|S", t + "2147483647|-2147483647|108000000|S"},
     {"'10:00:00.9' is finer than", "'10:00:30' is finer than",
      "'10:00:00.1239' is finer than"}},
    {"counts finer than their type",
     "",
     time + "s:second field = 2|format = \"ms_of_day\"",
     "1,36000000\n1,36000001\n",
     {t + "36000|S"},
     {"'36000001' is finer than what the column's type counts (second)"}},
    {"capitals",
     "",
     time + "sym:symbol field = 2|upper = true",
     "1,btcusdt\n1,\xc3\xa4x\n",
     {t + "BTCUSDT", t + "\xc3\xa4X"}},
    {"blanks around values",
     "trim = true\n",
     time + "p:float field = 2;sym:symbol field = 3",
     "1,  1.5 , A B \n",
     {t + "1.5|A B"}},
    {"times of day as spans",
     "",
     time + "n:timespan field = 2;m:minute field = 3",
     "1,0D09:30:00.000000001,09:30\n1,-0D00:00:00.5,-00:01\n"
     "1,2D01:00:00,26:00\n1,123D,1\n",
     {t + "34200000000001|570|S", t + "-500000000|-1|S",
      t + "176400000000000|1560|S"},
     {"is not a time"}},
  });
}

TEST(FormatKindsTest, Lines) {
  const std::string time = "time:timestamp field = 1|format = \"unix_s\";";
  const std::string named
    = "time:timestamp header = \"t\"|format = \"unix_s\";p:long header = \"p\"";
  const std::string t = "-946684799000000000|";
  check({
    {"a mark of byte order, without a header",
     "",
     time + "p:long field = 2",
     "\xef\xbb\xbf"
     "1,5\n1,6\n",
     {t + "5|S", t + "6|S"}},
    {"and with one",
     "header = true\n",
     named,
     "\xef\xbb\xbft,p\n1,5\n",
     {t + "5|S"}},
    {"lines before the header",
     "header = true\nskip_lines = 2\n",
     named,
     "a title\nby,someone,else\nt,p\n1,5\n",
     {t + "5|S"}},
    {"lines before the first row",
     "skip_lines = 1\n",
     time + "p:long field = 2",
     "whatever\n1,5\n",
     {t + "5|S"}},
    {"blank lines before the header",
     "header = true\ncomment = \"#\"\n",
     named,
     "\n\r\n# of\n\nt,p\n1,5\n",
     {t + "5|S"}},
    {"comments anywhere",
     "header = true\ncomment = \"#\"\n",
     named,
     "# of\n# two\nt,p\n1,5\n# bye\n1,6\n",
     {t + "5|S", t + "6|S"}},
    {"comments and a trailer",
     "comment = \"//\"\ntrailer = \"END\"\n",
     time + "p:long field = 2",
     "// x\n1,5\nEND,1\n",
     {t + "5|S"}},
    {"carriage returns, tabs, a header with quotes",
     "header = true\nquote = true\ndelimiter = \"\\t\"\n",
     named,
     "\"t\"\t\"p\"\r\n1\t\"5\"\r\n",
     {t + "5|S"}},
  });
}

// What query results and subscriptions print as CSV can be fed.
TEST(FormatKindsTest, WhatTheProductPrints) {
  check({{
    "csv of every type",
    "header = true\nquote = true\n",
    "time:timestamp header = \"p\";b:boolean header = \"b\";x:byte header = "
    "\"x\";h:short header = \"h\";e:real header = \"e\";f:float header = "
    "\"f\";c:char header = \"c\";sym:symbol header = \"s\";m:month header = "
    "\"m\";d:date header = \"d\";n:timespan header = \"n\";u:minute header = "
    "\"u\";v:second header = \"v\";t:time header = \"t\";text:string header = "
    "\"text\"",
    "b,x,h,e,f,c,s,p,m,d,n,u,v,t,text\n"
    "1,10,-5,0.1,inf,\"\"\"\",\"a\"\"b\n"
    "c\",2013-10-08T09:30:00.123456789Z,2013-10,2013-10-08,"
    "-1D00:00:00.000000001,-00:01,26:00:00,-00:00:00.001,\"two, words\"\n",
    {"434539800123456789|1|10|-5|0.100000001|inf|\"|a\"b\nc|165|5029|"
     "-86400000000001|-1|93600|-1|two, words"},
  }});
}

TEST(FormatKindsTest, FilesOfOtherKindsAreNamed) {
  using namespace std::string_literals;
  for (const auto& [text, what] :
       std::vector<std::pair<std::string, std::string>>{
         {"\xff\xfe"
          "1\0,\0A\0\n\0"s,
          "it is UTF-16: `iconv"},
         {"\xfe\xff"
          "\0001\0,\0A\0\n"s,
          "it is UTF-16: `iconv"},
         {"\xff\xfe\0\0"
          "1\0\0\0,\0\0\0"s,
          "it is UTF-32: `iconv"},
         {"\0\0\xfe\xff\0\0\0001"s, "it is UTF-32: `iconv"},
         {"a.csv" + std::string(252, '\0') + "ustar", "it is a tar archive"},
         {"PAR1\x15\x04", "it is Parquet"},
         {"7z\xbc\xaf\x27\x1c", "it is a 7z archive"},
         {"1,A\r2,B\r", "lines that end with a carriage return alone"}}) {
    SCOPED_TRACE(what);
    sim::memory_file_system disk;
    put_file(disk, "a.csv", text);
    const auto got = read_all(
      disk, options_of(layout_of({"", "", "time:timestamp field = 1", "", {}}),
                       {"a.csv"}));
    EXPECT_NE(got.failed.context.find(what), std::string::npos)
      << got.failed.context;
    EXPECT_EQ(got.rows(), 0u);
  }
}

TEST(FormatKindsTest, AFileThatDoesNotFitIsToldBeforeTheRowsOfOthers) {
  const kind with_header{"",
                         "header = true\n",
                         "time:timestamp header = \"t\"|format = \"unix_s\"",
                         "",
                         {}};
  sim::memory_file_system disk;
  put_file(disk, "a.csv", "t\n1\n");
  put_file(disk, "b.csv", "x\n1\n");
  const auto got
    = read_all(disk, options_of(layout_of(with_header), {"a.csv", "b.csv"}));
  EXPECT_NE(got.failed.context.find("b.csv: the header has no field 't'"),
            std::string::npos)
    << got.failed.context;
  EXPECT_EQ(got.rows(), 0u);
}

TEST(FormatKindsTest, NamesThatAHeaderHasTwiceAreRefusedWhenUsed) {
  kind twice{
    "",
    "header = true\n",
    "time:timestamp header = \"t\"|format = \"unix_s\";p:long header = "
    "\"p\"",
    "t,p,x,x,p\n1,5,0,0,6\n",
    {}};
  const auto got = load(twice);
  EXPECT_EQ(got.failed.code, errc::bad_data);
  EXPECT_NE(got.failed.context.find("has 'p' twice, as fields 2 and 5"),
            std::string::npos)
    << got.failed.context;
  twice.text = "t,p,x,x\n1,5,0,0\n";
  EXPECT_EQ(load(twice).rows(), 1u);
}

// Texts near the middle of two floats, where two roundings differ from one.
TEST(FormatKindsTest, ValuesAreRoundedOnce) {
  const auto read = [](const std::string& type, const std::string& scale,
                       const std::string& text) {
    const auto got = load({"",
                           "",
                           "time:timestamp field = 1|format = \"unix_s\";p:"
                             + type + " field = 2" + scale,
                           "1," + text + "\n",
                           {}});
    EXPECT_EQ(got.rows(), 1u) << text;
    const auto rows = rows_of(got);
    return rows.empty() ? std::string{} : rows[0].substr(20);
  };
  const auto wanted = [](auto value) {
    char text[64];
    std::snprintf(text, sizeof text, sizeof value == 4 ? "%.9g" : "%.17g",
                  static_cast<double>(value));
    return std::string{text} + "|S";
  };
  for (uint32_t bits = 0x3f800000; bits < 0x3f800400; ++bits) {
    float low;
    std::memcpy(&low, &bits, sizeof low);
    const auto high = std::nextafterf(low, 2.0f);
    const double middle = (static_cast<double>(low) + high) / 2;
    char exact[80];
    std::snprintf(exact, sizeof exact, "%.40f", middle);
    for (const std::string more : {"", "0000000001"}) {
      const auto text = exact + more;
      EXPECT_EQ(read("real", "", text),
                wanted(std::strtof(text.c_str(), nullptr)))
        << text;
    }
    // Just below: the double is the middle itself.
    std::string below{exact};
    below.erase(below.find_last_not_of('0') + 1);
    --below.back();
    below += "99999999999999999";
    EXPECT_EQ(read("real", "", below),
              wanted(std::strtof(below.c_str(), nullptr)))
      << below;
  }
  for (const std::string text :
       {"9007199254740993", "0.1", "123456789012345678", "1234567890123456789",
        "2.2250738585072011", "12345678.901234567", "72057594037927945",
        "123456789012345678901234567890"})
    for (const std::string zeroes : {"0", "00", "0000", "000000000"}) {
      const auto shifted = text + "e-" + std::to_string(zeroes.size());
      EXPECT_EQ(read("float", "|scale = 1" + zeroes, text),
                wanted(std::strtod(shifted.c_str(), nullptr)))
        << shifted;
      EXPECT_EQ(read("real", "|scale = 1" + zeroes, text),
                wanted(std::strtof(shifted.c_str(), nullptr)))
        << shifted;
    }
}

} // namespace
} // namespace millrace::feed
