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

TEST(LayoutTest, FaultsNameFileLineAndKey) {
  const auto with = [](const std::string& more) { return minimal + more; };
  EXPECT_EQ(fault_of(with("feild = 3\n")),
            "config: l.toml:10: column.feild: unknown key");
  EXPECT_EQ(fault_of("tables = 1\n" + minimal),
            "config: l.toml:1: tables: unknown key");
  EXPECT_EQ(fault_of("delimiter = \"ab\"\n" + minimal).substr(0, 45),
            "config: l.toml:1: delimiter: is not one ASCII");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"p\"\ntype = \"number\"\n"
                          "field = 3\n")),
            "config: l.toml:12: column.type: unknown type 'number'");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"p\"\ntype = \"float\"\n"
                          "field = 3\nscale = 12\n")),
            "config: l.toml:14: column.scale: is not a power of ten");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"p\"\ntype = \"float\"\n"
                          "field = \"3\"\n")),
            "config: l.toml:13: column.field: is not a whole number");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"p\"\ntype = \"float\"\n"
                          "field = 0\n")),
            "config: l.toml:13: column.field: 0 is not within 1 .. 4096");
  EXPECT_EQ(fault_of(with("zone = \"Mars/Olympus\"\n")),
            "config: l.toml:10: column.zone: unknown time zone "
            "'Mars/Olympus'");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"t\"\ntype = \"timestamp\"\n"
                          "field = 3\nformat = \"julian\"\n")),
            "config: l.toml:14: column.format: unknown time format 'julian'");
  EXPECT_EQ(fault_of(with("[[absent]]\ncolumns = [\"bid\"]\n")),
            "config: l.toml:11: absent.columns: unknown column 'bid'");
  EXPECT_EQ(fault_of(with("[[constant]]\nname = \"sym\"\n"
                          "type = \"symbol\"\nvalue = \"x\"\n"))
              .substr(0, 16),
            "config: l.toml:2");
  EXPECT_EQ(fault_of(with("[[constant]]\nname = \"c\"\n"
                          "type = \"symbol\"\nvalue = \"{who}\"\n")),
            "config: l.toml:13: constant.value: unknown placeholder '{who}'");
  EXPECT_EQ(fault_of("fields = 1\n" + minimal),
            "config: l.toml:7: column.field: 2 of 1 fields");
  EXPECT_EQ(fault_of(with("[[column]]\nname = \"h\"\ntype = \"int\"\n"
                          "header = \"H\"\n")),
            "config: l.toml:13: column.header: the layout says that there is "
            "no header line");
  EXPECT_EQ(fault_of(with("[[column]\n")).substr(0, 16), "config: l.toml:1");
}

TEST(LayoutTest, LoadsPresetsAndFiles) {
  memory_files disk;
  disk.put("mine.toml", minimal);
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

TEST(LayoutTest, BytesThatAreNoUtf8AreNamedByLine) {
  EXPECT_EQ(parse_layout("table = 'trade'\ndelimiter = '\xff\xfe'\n", "a.toml")
              .failure(),
            (error{errc::config, "a.toml:2: a byte that is no UTF-8"}));
}

TEST(LayoutTest, TimesOfDayNeedADate) {
  memory_files disk;
  disk.put("quotes.csv", "1,2,3,0,0,P,1,0\n");
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
