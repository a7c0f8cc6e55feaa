#include <millrace/messages/text/civil_time.hpp>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

const std::string minimal = R"(table = "trade"
[[column]]
name = "time"
type = "timestamp"
field = 1
[[column]]
name = "sym"
type = "symbol"
field = 2
)";

std::string fault_of(const std::string& text) {
  const auto made = parse_layout(text, "l.toml");
  return made ? "" : to_string(made.failure());
}

TEST(LayoutTest, PresetsGiveSoundSchemas) {
  for (const auto name : preset_names()) {
    const auto schema = preset_schema(name);
    ASSERT_TRUE(schema) << name << ": " << to_string(schema.failure());
    EXPECT_FALSE(validate(*schema));
    EXPECT_EQ(preset(name)->name, name);
  }
  EXPECT_EQ(preset("nope").failure().code, errc::not_found);
}

/// Goal: a feed of an earlier release goes on where it stood. The numbers are
/// in the names of sources in its log.
TEST(LayoutTest, TheNumbersOfDecodingsStay) {
  const std::pair<const char*, int> numbers[]
    = {{"none", 0},       {"iex-trades", 1},  {"iex-quotes", 2},
       {"iex-levels", 3}, {"itch-trades", 4}, {"itch-orders", 5}};
  for (const auto& [name, number] : numbers) {
    const auto made = parse_layout(
      "decode = \"" + std::string{name} + "\"\n" + minimal, "l.toml");
    ASSERT_TRUE(made) << to_string(made.failure());
    EXPECT_EQ(static_cast<int>(made->decode), number) << name;
  }
}

TEST(LayoutTest, SchemaFollowsTheOrderOfTheFile) {
  const auto schema = *preset_schema("lean-equity-quote");
  std::string names;
  for (const auto& column : schema.columns)
    names += column.name + ":" + std::string{to_string(column.type)} + " ";
  EXPECT_EQ(names, "time:timestamp sym:symbol bid:float ask:float bsize:int "
                   "asize:int ex:symbol cond:symbol suspicious:boolean ");
  EXPECT_EQ(schema.name, "quote");
  EXPECT_EQ(schema.roll_zone, "America/New_York");
}

TEST(LayoutTest, DefaultsAreThoseOfPlainCsv) {
  const auto made = *parse_layout(minimal, "l.toml");
  EXPECT_EQ(made.delimiter, ',');
  EXPECT_FALSE(made.header);
  EXPECT_FALSE(made.quote);
  EXPECT_EQ(made.columns[0].format, time_format::iso);
  EXPECT_EQ(made.columns[0].zone, "UTC");
}

struct fault_case {
  std::string text;
  std::string fault;
};

std::string column(const std::string& rest) {
  return minimal + "[[column]]\nname = \"p\"\n" + rest;
}

void check_faults(const std::vector<fault_case>& cases) {
  for (const auto& each : cases) {
    const auto fault = fault_of(each.text);
    EXPECT_TRUE(fault.starts_with(each.fault)) << fault;
    EXPECT_EQ(fault.find('\n'), fault.npos) << "one fault only: " << fault;
  }
}

TEST(LayoutTest, FaultsOfRulesNameFileLineAndKey) {
  check_faults({
    {column("type = \"symbol\"\nfields = [3, 0]\n"),
     "config: l.toml:13:column.fields: is not a list of positions from 1"},
    {column("type = \"symbol\"\nfield = 3\nabs = true\n"),
     "config: l.toml:14:column.abs: only columns of number types have it"},
    {column("type = \"int\"\nfield = 3\nsign = [\"S\", \"B\"]\n"),
     "config: l.toml:14:column.sign: only columns of type symbol, string"},
    {column("type = \"timestamp\"\nfields = [3, 4, 5]\n"
            "format = \"s_of_day\"\n"),
     "config: l.toml:13:column.fields: a date and a time of day of this format "
     "are two fields"},
    {column("type = \"symbol\"\nfield = 3\nsign = [\"S\"]\n"),
     "config: l.toml:14:column.sign: is not a list of two texts"},
    {"decimal = \",\"\nthousands = \",\"\n" + minimal,
     "config: l.toml:2:thousands: is the mark of decimals as well"},
    {"thousands = \"x\"\n" + minimal,
     "config: l.toml:1:thousands: is not one of"},
    {column("type = \"date\"\nfield = 3\nformat = \"%H:%M\"\n"),
     "config: l.toml:14:column.format: '%H:%M' does not fit type date"},
    {column("type = \"timestamp\"\nfield = 3\nformat = \"%Y-%Q\"\n"),
     "config: l.toml:14:column.format: '%Y-%Q': unknown directive %Q"},
  });
}

TEST(LayoutTest, FaultsNameFileLineAndKey) {
  check_faults({
    {minimal + "feild = 3\n",
     "config: l.toml:10:column.feild: unknown key; did you mean 'field'? "},
    {"tables = 1\n" + minimal, "config: l.toml:1:tables: unknown key; "},
    {"delimiter = \"ab\"\n" + minimal,
     "config: l.toml:1:delimiter: is not one ASCII"},
    {column("type = \"number\"\nfield = 3\n"),
     "config: l.toml:12:column.type: unknown type 'number' (column 8)"},
    {column("type = \"flaot\"\nfield = 3\n"),
     "config: l.toml:12:column.type: unknown type 'flaot'; did you mean "
     "'float'?"},
    {column("type = \"timestamp\"\nfield = 3\nformat = \"hhmms\"\n"),
     "config: l.toml:14:column.format: unknown time format 'hhmms'; did you "
     "mean 'hhmmss'?"},
    {column("type = \"symbol\"\nfield = 3\ndecimal = \",\"\n"),
     "config: l.toml:14:column.decimal: only columns of number types, and"},
    {minimal + "zone = America/New_York\n",
     "config: l.toml:10:zone: what stands after '=' is no value: text needs"},
    {column("type = \"symbol\"\nfield = 3\nscale = 10\n"),
     "config: l.toml:14:column.scale: only columns of number types have one"},
    {column("type = \"float\"\nfield = \"3\"\n"),
     "config: l.toml:13:column.field: expected an integer, found a text"},
    {column("type = \"float\"\nfield = 0\n"),
     "config: l.toml:13:column.field: 0 is not within 1 to 4096"},
    {column("type = \"float\"\n"),
     "config: l.toml:10:column.field: column 'p' needs either field"},
    {minimal + "zone = \"Mars/Olympus\"\n",
     "config: l.toml:10:column.zone: unknown time zone 'Mars/Olympus'"},
    {column("type = \"timestamp\"\nfield = 3\nformat = \"julian\"\n"),
     "config: l.toml:14:column.format: unknown time format 'julian'"},
    {column("type = \"date\"\nfield = 3\nformat = \"unix_s\"\n"),
     "config: l.toml:14:column.format: unix_s does not fit type date"},
    {minimal + "[[absent]]\ncolumns = [\"bid\"]\n",
     "config: l.toml:11:absent.columns: unknown column 'bid' (column 12)"},
    {minimal + "[[absent]]\ncolumns = [\"sym\"]\n",
     "config: l.toml:11:absent.columns: column 'sym' is not a number"},
    {minimal + "[[absent]]\ncolumns = []\n",
     "config: l.toml:11:absent.columns: is not a list of column names"},
    {minimal + "[[constant]]\nname = \"sym\"\ntype = \"symbol\"\n",
     "config: l.toml:11:constant.name: column 'sym' appears twice"},
    {minimal
       + "[[constant]]\nname = \"c\"\ntype = \"symbol\"\n"
         "value = \"{who}\"\n",
     "config: l.toml:13:constant.value: unknown placeholder '{who}'"},
    {"fields = 1\n" + minimal, "config: l.toml:10:column.field: 2 of 1 fields"},
    {column("type = \"int\"\nheader = \"H\"\n"),
     "config: l.toml:13:column.header: the layout says that there is no "
     "header line"},
    {minimal + "[[column]\n", "config: l.toml:1"},
    {"table = \"t\"\n", "config: l.toml:1:column: a layout needs at least one"},
    {column("type = \"int\"\npaths = [\"a\"]\n"),
     "config: l.toml:13:column.paths: only lines of JSON have it"},
  });
}

TEST(LayoutTest, PathsOfJsonAreChecked) {
  const auto fault_with = [](const std::string& top, const std::string& place) {
    return fault_of("table = \"t\"\njson = true\n" + top
                    + "[[column]]\nname = \"time\"\ntype = \"timestamp\"\n"
                    + place
                    + "\n[[column]]\nname = \"sym\"\ntype = \"symbol\"\n"
                      "path = \"s\"\n");
  };
  EXPECT_EQ(fault_with("", "paths = [\"a\", \"b.'c.d'.e\"]"), "");
  for (const auto* path : {"a.'b", "'a'b", "'", "a.'b'c'"})
    EXPECT_NE(
      fault_with("", "path = \"" + std::string{path} + "\"")
        .find("'" + std::string{path} + "': a key in single quotes ends"),
      std::string::npos)
      << path;
  EXPECT_NE(fault_with("", "paths = []").find("is not a list of paths"),
            std::string::npos);
  EXPECT_NE(fault_with("", "path = \"a\"\npaths = [\"b\"]")
              .find("is all that says where"),
            std::string::npos);
  EXPECT_NE(fault_with("only = [\"'a.b=c\"]\n", "path = \"a\"")
              .find("of the form path=text"),
            std::string::npos);
  EXPECT_NE(fault_with("each = \"'a\"\n", "path = \"a\"").find(":each: ''a'"),
            std::string::npos);
}

/// Goal: the page about layouts has every key. Method: a key that is not known
/// is answered with those that are.
TEST(LayoutTest, EveryKeyIsDocumented) {
  const auto path = test_support::source_path("docs/feed_layouts.md");
  std::ifstream in{path};
  const std::string page{std::istreambuf_iterator<char>{in}, {}};
  ASSERT_FALSE(page.empty()) << path;
  for (const std::string& text :
       {"no_key = 1\n" + minimal, minimal + "no_key = 1\n",
        minimal + "[[constant]]\nname = \"c\"\ntype = \"symbol\"\nno_key = 1\n",
        minimal + "[[absent]]\ncolumns = []\nno_key = 1\n"}) {
    const auto fault = fault_of(text);
    const std::string mark = "known here: ";
    auto at = fault.find(mark);
    ASSERT_NE(at, std::string::npos) << fault;
    at += mark.size();
    std::istringstream keys{
      fault.substr(at, fault.find_first_of("(\n", at) - at)};
    for (std::string key; std::getline(keys, key, ',');) {
      key.erase(0, key.find_first_not_of(' '));
      key.erase(key.find_last_not_of(' ') + 1);
      const bool told = page.find("\n" + key + " = ") != page.npos
                        || page.find("\n# " + key + " = ") != page.npos
                        || page.find("[[" + key + "]]") != page.npos;
      EXPECT_TRUE(told) << key;
    }
  }
}

TEST(LayoutTest, AllFaultsAreToldAtOnce) {
  const auto fault
    = fault_of("delimiter = \"\"\n" + minimal + "format = \"x\"\nodd = 1\n");
  std::string places;
  for (const auto* place : {"l.toml:1:delimiter: ", "l.toml:11:column.format: ",
                            "l.toml:12:column.odd: "})
    places += fault.find(place) == fault.npos ? "-" : "+";
  EXPECT_EQ(places, "+++") << fault;
}

TEST(LayoutTest, LoadsPresetsAndFiles) {
  sim::memory_file_system disk;
  put_file(disk, "mine.toml", minimal);
  EXPECT_TRUE(load_layout(disk, "taq-trade"));
  EXPECT_EQ(load_layout(disk, "mine.toml")->path, "mine.toml");
  const auto none = load_layout(disk, "none.toml").failure();
  EXPECT_EQ(none.code, errc::not_found);
  EXPECT_NE(none.context.find("lean-equity-quote"), std::string::npos);
}

TEST(LayoutTest, TemplatesTakeNamesApart) {
  const template_values values{"GC", "20131009", "/d/gc.zip",
                               "x/20131009_gc_tick_201312.csv.old"};
  EXPECT_EQ(*fill_template("{symbol}{member:-1}", values), "GC201312");
  EXPECT_EQ(*fill_template("{file}-{member:0}-{date}", values),
            "gc-20131009-20131009");
  EXPECT_EQ(*fill_template("plain", values), "plain");
  EXPECT_EQ(fill_template("{member:9}", values).failure().code,
            errc::not_found);
  EXPECT_EQ(fill_template("{open", values).failure().code,
            errc::invalid_argument);
  EXPECT_EQ(fill_template("{symbol}", {}).failure().code, errc::not_found);
}

TEST(LayoutTest, BytesThatAreNotUtf8AreNamedByLine) {
  EXPECT_EQ(parse_layout("table = 'trade'\ndelimiter = '\xff\xfe'\n", "a.toml")
              .failure()
              .context.substr(0, 20),
            "a.toml:2:delimiter: ");
}

TEST(LayoutTest, TimesOfDayNeedADate) {
  sim::memory_file_system disk;
  put_file(disk, "quotes.csv", "1,2,3,0,0,P,1,0\n");
  auto options = preset_options("lean-equity-quote", {"quotes.csv"});
  options.symbol = "AIG";
  const auto got = read_all(disk, options);
  EXPECT_EQ(got.failed.code, errc::invalid_argument);
  EXPECT_NE(got.failed.context.find("give a date (--date)"), std::string::npos)
    << got.failed.context;
  options.date = *text::parse_date("2013-10-08");
  EXPECT_EQ(read_all(disk, options).rows(), 1u);
  options.symbol.clear();
  EXPECT_NE(read_all(disk, options).failed.context.find("--symbol"),
            std::string::npos);
}

} // namespace
} // namespace millrace::feed
