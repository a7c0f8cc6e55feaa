// Goal: a text is what it is under every name, whatever a layout makes of it.
#include <map>

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

/// Goal: a file of a name whose text was published does not give its rows
/// twice, whatever was changed beside its text. Method: text and layout, text
/// and header, and the header alone are changed, so that another source comes
/// of it; no line of it is a line of before.
TEST(TextIdentityTest, AChangedFileIsRefusedWhateverMakesItsRowsNow) {
  auto other_layout = std::string{notes_layout};
  other_layout += "null = [\"none\"]\n";
  auto changed = notes;
  changed[changed.find("9,A")] = '8';
  auto last_changed = notes;
  last_changed[last_changed.rfind("y\n")] = 'z';
  const auto moved = [](std::string text) {
    return text.replace(0, text.find('\n'), "time,note,sym");
  };
  struct {
    std::string what;
    std::string layout;
    std::string text;
    std::string path = "d/a.csv";
    uint64_t rows = 0;
  } const cases[] = {
    {"text and layout", other_layout, changed},
    {"its last line and the layout", other_layout, last_changed},
    {"fewer lines, and the layout", other_layout,
     changed.substr(0, changed.rfind("2024"))},
    {"the header alone", notes_layout, moved(notes)},
    {"the header, and a line more", notes_layout,
     moved(notes) + "2024-01-29,C,x\n"},
    {"header, text and layout", other_layout, moved(changed)},
    {"another file, and the layout", other_layout, changed, "e/a.csv", 2},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.what);
    sim::memory_file_system disk;
    put_file(disk, "d/a.csv", notes);
    const auto first = read_all(disk, options_of(notes_layout, {"d/a.csv"}));
    ASSERT_EQ(first.rows(), 2u);
    put_file(disk, each.path, each.text);
    auto options = options_of(each.layout, {each.path});
    options.resume = {first.batches.back().cursor};
    const auto got = read_all(disk, options);
    EXPECT_EQ(got.rows(), each.rows);
    if (each.rows != 0)
      continue;
    EXPECT_EQ(got.failed.code, errc::bad_data) << to_string(got.failed);
    EXPECT_TRUE(got.failed.context.starts_with("d/a.csv: its first "))
      << got.failed.context;
    // On purpose it is another source, or published anew.
    auto other_place = options;
    other_place.schema.name = "print";
    EXPECT_GT(read_all(disk, other_place).rows(), 0u);
    options.again = true;
    const auto anew = read_all(disk, options);
    ASSERT_GT(anew.rows(), 0u) << to_string(anew.failed);
    // After that it needs no word.
    options.again = false;
    options.resume.push_back(anew.batches.back().cursor);
    const auto none = read_all(disk, options);
    EXPECT_FALSE(none.failed) << to_string(none.failed);
    EXPECT_EQ(none.rows(), 0u);
  }
}

/// A feed's memory: the last cursor of each source, as its log keeps them.
class told_feed {
public:
  explicit told_feed(const std::string& layout = notes_layout)
    : layout_{layout} {}

  void put(const std::string& path, int lines, int from = 1) {
    std::string text = "time,sym,note\n";
    for (int i = 0; i < lines; ++i)
      text += line(from + i);
    put_file(disk_, path, text);
  }
  static std::string line(int number) {
    return "2024-01-29,S" + std::to_string(number) + ",none\n";
  }
  outcome feed(std::vector<std::string> paths, bool goes_on = false,
               const std::string& layout = {}, bool again = false) {
    auto options
      = options_of(layout.empty() ? layout_ : layout, std::move(paths));
    options.go_on = goes_on;
    options.again = again;
    if (!again)
      for (const auto& [name, cursor] : cursors_)
        options.resume.push_back(cursor);
    auto got = read_all(disk_, options);
    for (const auto& each : got.batches)
      cursors_[each.cursor.name] = each.cursor;
    published_ += got.rows();
    return got;
  }
  /// Expects rows, or none and a refusal that says so much.
  void expect(const outcome& got, uint64_t rows,
              const std::string& refusal = {}) {
    EXPECT_EQ(got.rows(), rows);
    if (refusal.empty()) {
      EXPECT_FALSE(got.failed) << to_string(got.failed);
      return;
    }
    EXPECT_EQ(got.failed.code, errc::already_exists) << to_string(got.failed);
    EXPECT_NE(got.failed.context.find(".csv: i"), std::string::npos)
      << "which file it is: " << got.failed.context;
    EXPECT_NE(got.failed.context.find(refusal), std::string::npos)
      << got.failed.context;
    EXPECT_NE(got.failed.context.find("--again"), std::string::npos)
      << got.failed.context;
  }
  /// As names of sources were before they had marks.
  void forget_marks() {
    std::map<std::string, source_cursor> plain;
    for (auto [name, cursor] : cursors_) {
      cursor.name.erase(cursor.name.rfind('^'));
      plain[cursor.name] = cursor;
    }
    cursors_ = std::move(plain);
  }
  void remove(const std::string& path) { EXPECT_FALSE(disk_.remove(path)); }
  void move(const std::string& from, const std::string& to) {
    EXPECT_FALSE(disk_.rename(from, to));
  }
  [[nodiscard]] uint64_t published() const { return published_; }

private:
  std::string layout_;
  sim::memory_file_system disk_;
  std::map<std::string, source_cursor> cursors_;
  uint64_t published_ = 0;
};

const std::string& changed_layout() {
  static const auto text = std::string{notes_layout} + "null = [\"none\"]\n";
  return text;
}

/// Goal: where another layout went on with a text, the first one does not go on
/// where it was itself.
TEST(TextIdentityTest, AnEarlierLayoutGoesOnBehindALaterOneOnly) {
  told_feed feed;
  feed.put("g.csv", 5);
  feed.expect(feed.feed({"g.csv"}), 5);
  feed.put("g.csv", 8);
  feed.expect(feed.feed({"g.csv"}, false, changed_layout()), 0,
              "by another layout");
  feed.expect(feed.feed({"g.csv"}, true, changed_layout()), 3);
  feed.expect(feed.feed({"g.csv"}), 0, "(9 lines) are those of g.csv");
  feed.expect(feed.feed({"g.csv"}, true), 0);
  feed.put("g.csv", 9);
  feed.expect(feed.feed({"g.csv"}), 0, "by another layout");
  feed.expect(feed.feed({"g.csv"}, true), 1);
  // Each that was the last one needs no word.
  feed.put("g.csv", 10);
  feed.expect(feed.feed({"g.csv"}), 1);
  EXPECT_EQ(feed.published(), 10u);
}

TEST(TextIdentityTest, ASourceDoesNotGoOnWhereAnotherIsFurther) {
  told_feed feed;
  feed.put("r.csv", 5);
  feed.expect(feed.feed({"r.csv"}), 5);
  feed.put("r.csv.1", 8);
  feed.expect(feed.feed({"r.csv.1"}, true), 3);
  feed.move("r.csv.1", "r.csv");
  feed.expect(feed.feed({"r.csv"}), 0, "(9 lines) are those of r.csv.1");
  feed.put("r.csv", 9);
  feed.expect(feed.feed({"r.csv"}), 0, "(9 lines) are those of r.csv.1");
  feed.expect(feed.feed({"r.csv"}, true), 1);
  feed.expect(feed.feed({"r.csv"}), 0);
  EXPECT_EQ(feed.published(), 9u);
}

TEST(TextIdentityTest, CopiesInOneCommandGoOnBehindEachOther) {
  for (const bool shorter_first : {true, false}) {
    told_feed feed;
    feed.put("p.csv", 5);
    feed.expect(feed.feed({"p.csv"}), 5);
    feed.put("p1.csv", 8);
    feed.put("p2.csv", 9);
    std::vector<std::string> both{"p1.csv", "p2.csv"};
    if (!shorter_first)
      std::swap(both[0], both[1]);
    feed.expect(feed.feed(both), 0, "are those of p.csv");
    feed.expect(feed.feed(both, true), 4);
    feed.expect(feed.feed({"p2.csv"}), 0);
    EXPECT_EQ(feed.published(), 9u);
  }
}

/// Goal: a text that ends before a published one does is known all the same.
/// Method: with the other file there, gone, and another in its place; by
/// names as they are, and as they were.
TEST(TextIdentityTest, AShorterCopyIsRefused) {
  for (const bool marked : {true, false})
    for (const int lines : {1, 2, 5, 7}) {
      SCOPED_TRACE(std::to_string(lines) + (marked ? "" : " unmarked"));
      told_feed feed;
      feed.put("b.csv", 8);
      feed.expect(feed.feed({"b.csv"}), 8);
      if (!marked)
        feed.forget_marks();
      feed.put("a.csv", lines);
      feed.expect(feed.feed({"a.csv"}), 0,
                  "its text is what b.csv begins with, of which 9 lines");
      feed.expect(feed.feed({"a.csv"}, true), 0);
      feed.put("other.csv", lines, 3);
      feed.expect(feed.feed({"other.csv"}), static_cast<uint64_t>(lines));
      if (!marked)
        continue;
      feed.put("b.csv", 8, 20);
      feed.expect(feed.feed({"a.csv"}), 0, "are those of b.csv, of which 9");
      feed.remove("b.csv");
      feed.expect(feed.feed({"a.csv"}), 0, "not there any more");
      feed.expect(feed.feed({"a.csv"}, true), 0, "not there any more");
      feed.expect(feed.feed({"a.csv"}, false, changed_layout()), 0,
                  "by another layout");
      // A header alone is no copy of anything.
      feed.put("a.csv", 0);
      feed.expect(feed.feed({"a.csv"}), 0);
    }
}

/// Goal: what grew by several names in one command comes once: the lines that
/// are new in both are refused before the first row.
TEST(TextIdentityTest, TextsThatGrewIntoOneAreRefused) {
  told_feed feed;
  feed.put("a.csv", 3);
  feed.put("b.csv", 3, 4);
  feed.expect(feed.feed({"a.csv", "b.csv"}), 6);
  feed.expect(feed.feed({"a.csv", "b.csv"}), 0);
  told_feed copies;
  copies.put("a.csv", 3);
  copies.put("d/b.csv", 3);
  copies.expect(copies.feed({"a.csv"}), 3);
  copies.expect(copies.feed({"d/b.csv"}, false, {}, true), 3);
  copies.expect(copies.feed({"a.csv", "d/b.csv"}), 0);
  copies.put("a.csv", 5);
  copies.put("d/b.csv", 6);
  copies.expect(copies.feed({"a.csv", "d/b.csv"}), 0, "would come twice");
  copies.expect(copies.feed({"a.csv", "d/b.csv"}, true), 3);
}

/// Goal: what is known by its whole text is known as the beginning of another
/// one too, and by another one that it begins with.
TEST(TextIdentityTest, ALoadedTextIsKnownInALongerAndAShorterOne) {
  sim::memory_file_system disk;
  const auto text_of = [](int lines) {
    std::string text = "time,sym,note\n";
    for (int i = 0; i < lines; ++i)
      text += told_feed::line(i);
    return text;
  };
  put_file(disk, "d/a.csv", text_of(5));
  put_file(disk, "d/b.csv", text_of(8));
  const auto load
    = [&](std::vector<std::string> paths, std::vector<source_cursor> before) {
        auto options = options_of(notes_layout, std::move(paths));
        options.named_by_text = true;
        for (auto& each : before)
          each.digest = 0; // It is not kept.
        options.resume = std::move(before);
        return read_all(disk, options);
      };
  const auto of_a = load({"d/a.csv"}, {});
  const auto of_b = load({"d/b.csv"}, {});
  ASSERT_EQ(of_a.rows() + of_b.rows(), 13u);
  const auto& a = of_a.batches.back().cursor;
  const auto& b = of_b.batches.back().cursor;
  const auto refused = [](const outcome& got, const std::string& why) {
    EXPECT_EQ(got.rows(), 0u);
    EXPECT_EQ(got.failed.code, errc::already_exists) << to_string(got.failed);
    EXPECT_NE(got.failed.context.find(why), std::string::npos)
      << got.failed.context;
  };
  refused(load({"d/b.csv"}, {a}), "are those of a.csv");
  refused(load({"d/a.csv"}, {b}), "what b.csv begins with");
  refused(load({"d/a.csv", "d/b.csv"}, {}), "that of d/a.csv");
  refused(load({"d/b.csv", "d/a.csv"}, {}), "that of d/b.csv");
  ASSERT_FALSE(disk.remove("d/b.csv"));
  refused(load({"d/a.csv"}, {b}), "not there any more");
  const auto none = load({"d/a.csv"}, {a});
  EXPECT_FALSE(none.failed) << to_string(none.failed);
  EXPECT_EQ(none.rows(), 0u);
}

const std::string by_symbol = R"(table = "trade"
fields = 2
[[column]]
name = "time"
type = "timestamp"
field = 1
[[column]]
name = "price"
type = "float"
field = 2
[[constant]]
name = "sym"
type = "symbol"
value = "{file}"
)";

const std::string by_venue
  = std::string{by_symbol}.replace(by_symbol.find("{file}"), 6, "X")
    + R"([[constant]]
name = "venue"
type = "int"
value = "{file}"
)";

/// Goal: the same where an older release published the first file, whose name
/// for it says nothing of what the file's name says.
TEST(TextIdentityTest, WhatTheFilesNameSaysIsKnownOfOlderNames) {
  const std::string lines = "2024-01-02T10:00:00,1\n2024-01-03T10:00:00,1\n";
  for (const auto& layout : {by_symbol, by_venue})
    for (const bool loads : {false, true}) {
      sim::memory_file_system disk;
      for (const auto* path : {"/in/1.csv", "/in/2.csv", "/in/m/1.old.csv"})
        put_file(disk, path, lines);
      const auto with = [&](const char* file) {
        auto options = options_of(layout, {file});
        options.named_by_text = loads;
        return options;
      };
      auto older = read_all(disk, with("/in/1.csv")).batches.at(0).cursor;
      older.name.resize(older.name.find('+'));
      auto other = with("/in/2.csv");
      other.resume = {older};
      const auto got = read_all(disk, other);
      EXPECT_FALSE(got.failed) << to_string(got.failed);
      EXPECT_EQ(got.rows(), 2u);
      // And a copy of it stays one.
      auto copy = with("/in/m/1.old.csv");
      copy.resume = {older};
      EXPECT_EQ(read_all(disk, copy).rows(), 0u);
    }
}

/// Goal: bars of instruments that nobody trades have the same text, and are
/// rows of each; so are those of several days.
TEST(TextIdentityTest, AnInstrumentOfTheFilesNameIsAnother) {
  const auto by_day
    = "date = \"{member:0}\"\n"
      + std::string{by_symbol}.replace(by_symbol.find("{file}"), 6, "X");
  const std::string lines = "2024-01-02T10:00:00,1\n2024-01-03T10:00:00,1\n";
  const std::string clocks = "10:00:00,1\n11:00:00,1\n";
  struct {
    std::string layout;
    std::vector<std::string> files;
    std::string text;
  } const cases[]
    = {{by_symbol, {"/in/AAA.csv", "/in/BBB.csv", "/in/CCC.csv"}, lines},
       {by_venue, {"/in/1.csv", "/in/2.csv"}, lines},
       {by_day, {"/in/20240102_x.csv", "/in/20240103_x.csv"}, clocks}};
  for (const auto& each : cases)
    for (const bool loads : {false, true}) {
      SCOPED_TRACE(each.files[0]);
      sim::memory_file_system disk;
      put_file(disk, each.files[0],
               each.text.substr(0, each.text.find('\n') + 1));
      for (size_t i = 1; i < each.files.size(); ++i)
        put_file(disk, each.files[i], each.text);
      const auto with = [&](std::vector<std::string> files) {
        auto options = options_of(each.layout, std::move(files));
        options.named_by_text = loads;
        return options;
      };
      const auto all = read_all(disk, with(each.files));
      EXPECT_FALSE(all.failed) << to_string(all.failed);
      EXPECT_EQ(all.rows(), 2 * each.files.size() - 1);
      // One after the other, and each once.
      std::vector<source_cursor> published;
      for (const auto& file : each.files) {
        auto options = with({file});
        options.resume = published;
        const auto one = read_all(disk, options);
        EXPECT_FALSE(one.failed) << to_string(one.failed);
        ASSERT_EQ(one.batches.size(), 1u);
        published.push_back(one.batches[0].cursor);
      }
      auto again = with(each.files);
      again.resume = published;
      EXPECT_EQ(read_all(disk, again).rows(), 0u);
    }
}

TEST(TextIdentityTest, AnInstrumentOfTheFilesNameHidesNoCopy) {
  // What was published of a file by a layout that takes the instrument from
  // elsewhere, and a copy of the same instrument, are known.
  const std::string lines = "2024-01-02T10:00:00,1\n2024-01-03T10:00:00,1\n";
  sim::memory_file_system disk;
  put_file(disk, "/in/AAA.csv", lines);
  const auto first = read_all(disk, options_of(by_symbol, {"/in/AAA.csv"}));
  auto other = by_symbol;
  other.replace(other.find("{file}"), 6, "X");
  put_file(disk, "/in/AAA.old.csv", lines + "2024-01-04T10:00:00,1\n");
  for (auto options : {options_of(other, {"/in/AAA.csv"}),
                       options_of(by_symbol, {"/in/AAA.old.csv"})}) {
    options.resume = {first.batches[0].cursor};
    EXPECT_EQ(read_all(disk, options).failed.code, errc::already_exists);
  }
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
