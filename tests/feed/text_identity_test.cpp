// Goal: a text is what it is under every name, whatever a layout makes of it.
#include "feed_support.hpp"

namespace millrace::feed {
namespace {

constexpr const char* notes_layout = R"(
table = "trade"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
[[column]]
name = "note"
type = "string"
header = "note"
)";
const std::string notes = "time,sym,note\n2024-01-29,A,none\n2024-01-29,B,y\n";

/// Goal: what comes after the published lines of a text is published once, by
/// the layout that there is now, under the name that the text has now.
TEST(TextIdentityTest, ATextGoesOnUnderAnotherNameOrLayoutWhenAsked) {
  const std::string line = "2024-01-29,C,x\n";
  auto mended = std::string{notes_layout};
  mended += "null = [\"none\"]\n";
  for (const auto& [layout, path] :
       {std::pair{std::string{notes_layout}, "a.csv.1"}, {mended, "a.csv"}})
    for (const bool told_place : {true, false}) {
      SCOPED_TRACE(path);
      sim::memory_file_system disk;
      put_file(disk, "a.csv", notes);
      const auto first = read_all(disk, options_of(notes_layout, {"a.csv"}));
      auto before = first.batches.back().cursor;
      if (!told_place) // As names were once.
        before.name.erase(before.name.find('~'));
      put_file(disk, path, notes + line);
      auto options = options_of(layout, {path});
      options.resume = {before};
      const auto refused = read_all(disk, options);
      EXPECT_EQ(refused.failed.code, errc::already_exists);
      EXPECT_NE(refused.failed.context.find("--go-on"), std::string::npos);
      options.go_on = true;
      const auto more = read_all(disk, options);
      EXPECT_FALSE(more.failed) << to_string(more.failed);
      ASSERT_EQ(more.rows(), 1u);
      EXPECT_TRUE(more.reports[0].resumed);
      EXPECT_TRUE(
        more.batches[0].cursor.name.starts_with(path + std::string{"@"}));
      // From then on it needs no word.
      options.go_on = false;
      options.resume.push_back(more.batches[0].cursor);
      const auto none = read_all(disk, options);
      EXPECT_FALSE(none.failed) << to_string(none.failed);
      EXPECT_EQ(none.rows(), 0u);
    }
}

TEST(TextIdentityTest, NamesOfAnEarlierFormAreKnown) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", notes);
  auto options = options_of(notes_layout, {"a.csv"});
  auto before = read_all(disk, options).batches.back().cursor;
  before.name.erase(before.name.find('~'));
  options.resume = {before};
  const auto none = read_all(disk, options);
  EXPECT_FALSE(none.failed) << to_string(none.failed);
  EXPECT_EQ(none.rows(), 0u);
  EXPECT_TRUE(none.reports[0].resumed);
}

TEST(TextIdentityTest, AHeaderThatDoesNotComeIsTold) {
  sim::memory_file_system disk;
  const auto fault_of = [&](const std::string& top, const std::string& text) {
    put_file(disk, "a.csv", text);
    return read_all(disk, options_of(top + notes_layout, {"a.csv"}))
      .failed.context;
  };
  EXPECT_NE(fault_of("skip_lines = 20\n", "time,sym\n1,A\n")
              .find("it has 2 lines, and the layout passes over the first 20"),
            std::string::npos);
  EXPECT_NE(fault_of("comment = \"#\"\n", "# nothing\n\n")
              .find("it ends before a header"),
            std::string::npos);
  EXPECT_EQ(fault_of("skip_lines = 20\n", ""), "");
}

} // namespace
} // namespace millrace::feed
