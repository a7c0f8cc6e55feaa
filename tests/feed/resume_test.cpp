#include <millrace/feed/source/parse_pool.hpp>
#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/nodes/host/thread_pool.hpp>
#include <millrace/tests/support/effort.hpp>
#include <millrace/tests/support/queued_executor.hpp>

#include <malloc.h>
#include <random>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

constexpr const char* layout_text = R"(
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
name = "price"
type = "float"
header = "price"
[[column]]
name = "note"
type = "string"
header = "note"
)";

/// Lines of all kinds: good ones, bad values, bad field counts, blank ones.
std::string mixed_text(size_t lines, uint64_t seed, bool all_good = false) {
  std::mt19937_64 random{seed};
  std::string text = "time,sym,price,note\n";
  for (size_t i = 0; i < lines; ++i) {
    const auto kind = all_good ? 9 : random() % 40;
    if (kind == 0) {
      text += kind % 2 != 0 ? "\n" : "\r\n";
    } else if (kind == 1) {
      text += "only,three,fields\n";
    } else {
      char line[160];
      std::snprintf(
        line, sizeof line,
        "2024-01-%02d %02d:%02d:%02d.%0*d,S%d,%s%d.%d,%.*s\n",
        static_cast<int>(1 + i * 28 / lines), static_cast<int>(random() % 24),
        static_cast<int>(random() % 60), static_cast<int>(random() % 60),
        static_cast<int>(1 + random() % 9), 5, static_cast<int>(random() % 700),
        kind == 2 ? "x" : "", static_cast<int>(random() % 100'000),
        static_cast<int>(random() % 10'000), static_cast<int>(random() % 40),
        "a note that varies in its length only.....");
      text += line;
    }
  }
  return text;
}

void expect_same(const outcome& got, const outcome& wanted) {
  EXPECT_EQ(got.failed, wanted.failed);
  ASSERT_EQ(got.batches.size(), wanted.batches.size());
  for (size_t i = 0; i < got.batches.size(); ++i) {
    EXPECT_EQ(got.batches[i].bytes, wanted.batches[i].bytes) << i;
    EXPECT_EQ(got.batches[i].first_time, wanted.batches[i].first_time);
    EXPECT_EQ(got.batches[i].last_time, wanted.batches[i].last_time);
  }
  EXPECT_EQ(reasons_of(got), reasons_of(wanted));
  EXPECT_EQ(got.counters.rows, wanted.counters.rows);
  EXPECT_EQ(got.counters.backwards, wanted.counters.backwards);
}

/// A text that comes in chunks of given sizes, then in one.
class chunked_source : public source {
public:
  chunked_source(std::string text, std::vector<size_t> sizes)
    : text_{std::move(text)}, sizes_{std::move(sizes)} {}
  result<size_t> read(std::span<std::byte> into) override {
    auto count = std::min(into.size(), text_.size() - at_);
    if (next_ < sizes_.size())
      count = std::min(count, sizes_[next_++]);
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }
  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

private:
  std::string text_;
  std::vector<size_t> sizes_;
  size_t next_ = 0;
  size_t at_ = 0;
};

/// Cuts and parses by hand, with cells of a size of one's own.
outcome parse_chunks(const std::string& text, std::vector<size_t> sizes,
                     uint64_t cell_bytes, bool quote = false,
                     uint32_t line_bytes_max = 4096) {
  auto options = options_of(
    (quote ? "quote = true\n" : "") + std::string{layout_text}, {"a"});
  binding_request request{
    &options.layout, options.schema, "a", {}, null_int, {}};
  request.header = {"time", "sym", "price", "note"};
  auto fitted = *bind(request);
  piece_cutter cutter{std::make_unique<chunked_source>(text, std::move(sizes)),
                      {.quote = quote,
                       .line_bytes_max = line_bytes_max,
                       .cell_bytes = cell_bytes}};
  EXPECT_TRUE(cutter.take_line());
  csv_parser parser{fitted, {}, line_bytes_max};
  outcome out;
  for (;;) {
    auto piece = cutter.next();
    EXPECT_TRUE(piece);
    if (!*piece)
      return out;
    parsed_piece parsed;
    parser.parse(**piece, parsed);
    for (const auto& raw : parsed.rejects) {
      const auto known = raw.begin < (*piece)->text.size()
                           ? (*piece)->text.substr(raw.begin, raw.length)
                           : std::string_view{};
      out.rejects.push_back({"a",
                             (*piece)->first_line + raw.line + 1,
                             (*piece)->offset + raw.begin,
                             explain(*fitted, raw, known, line_bytes_max),
                             {}});
    }
    out.counters.rows += parsed.rows;
    for (auto& batch : parsed.batches)
      out.batches.push_back(std::move(batch));
  }
}

TEST(ResumeTest, EveryBatchBoundaryGoesOnWithTheSameBatches) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(6'000, 1));
  auto options = options_of(layout_text, {"a.csv"});
  options.limits.bytes_max = 4096;
  const auto whole = read_all(disk, options);
  ASSERT_GT(whole.batches.size(), 50u);
  for (size_t i = 0; i < whole.batches.size(); ++i) {
    auto again = options;
    again.resume = {whole.batches[i].cursor};
    const auto rest = read_all(disk, again);
    EXPECT_FALSE(rest.failed) << to_string(rest.failed);
    ASSERT_EQ(rest.batches.size(), whole.batches.size() - i - 1);
    for (size_t k = 0; k < rest.batches.size(); ++k)
      ASSERT_EQ(rest.batches[k].bytes, whole.batches[i + 1 + k].bytes);
  }
}

// The same across the borders of pieces, where batches end early.
TEST(ResumeTest, BoundariesOfPiecesToo) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(120'000, 2));
  const auto options = options_of(layout_text, {"a.csv"});
  const auto whole = read_all(disk, options);
  ASSERT_GT(whole.batches.back().cursor.offset, 2 * piece_bytes);
  for (size_t i = 0; i < whole.batches.size(); i += 7) {
    auto again = options;
    again.resume = {whole.batches[i].cursor};
    const auto rest = read_all(disk, again);
    ASSERT_EQ(rest.batches.size(), whole.batches.size() - i - 1);
    for (size_t k = 0; k < rest.batches.size(); ++k)
      ASSERT_EQ(rest.batches[k].bytes, whole.batches[i + 1 + k].bytes);
    EXPECT_EQ(rest.rejects.empty() ? 0 : rest.rejects.back().line,
              rest.rejects.empty() ? 0 : whole.rejects.back().line);
  }
}

TEST(ResumeTest, EachSourceGoesOnBehindItsOwnCursor) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(50, 3));
  put_file(disk, "b.csv", mixed_text(60, 4));
  auto options = options_of(layout_text, {"a.csv", "b.csv"});
  const auto whole = read_all(disk, options);
  ASSERT_EQ(whole.batches.size(), 2u);
  options.resume = {whole.batches[1].cursor};
  const auto first = read_all(disk, options);
  ASSERT_EQ(first.batches.size(), 1u);
  EXPECT_EQ(first.batches[0].bytes, whole.batches[0].bytes);
  options.resume.push_back(whole.batches[0].cursor);
  const auto none = read_all(disk, options);
  EXPECT_TRUE(none.batches.empty());
  EXPECT_FALSE(none.failed);
  EXPECT_TRUE(none.reports[0].resumed && none.reports[1].resumed);
  EXPECT_EQ(none.counters.bytes, none.counters.total_bytes);
}

/// Goal: a cursor stands for the rows that were published, and so fits only
/// what would publish the same ones.
TEST(ResumeTest, WhateverChangesTheRowsMakesAnotherSource) {
  const auto layout_with = [](const std::string& zone, int scale) {
    return R"(table = "trade"
[[column]]
name = "time"
type = "timestamp"
field = 1
format = "ms_of_day"
zone = ")" + zone
           + R"("
[[column]]
name = "price"
type = "float"
field = 2
scale = )" + std::to_string(scale)
           + R"(
[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}"
)";
  };
  sim::memory_file_system disk;
  put_file(disk, "a.csv", "34200000,481800\n34200001,481900\n");
  auto options = options_of(layout_with("UTC", 10'000), {"a.csv"});
  options.date = 5'029;
  options.symbol = "SPY";
  const auto whole = read_all(disk, options);
  ASSERT_EQ(whole.batches.size(), 1u) << to_string(whole.failed);
  const auto rows_behind = [&](reader_options changed) {
    changed.resume = {whole.batches[0].cursor};
    const auto got = read_all(disk, changed);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(got.reports[0].resumed, got.counters.rows == 0);
    return got.counters.rows;
  };
  EXPECT_EQ(rows_behind(options), 0u);
  auto other_date = options;
  other_date.date = 5'030;
  EXPECT_EQ(rows_behind(other_date), 2u);
  auto other_symbol = options;
  other_symbol.symbol = "AIG";
  EXPECT_EQ(rows_behind(other_symbol), 2u);
  auto other_table = options;
  other_table.schema.name = "print";
  EXPECT_EQ(rows_behind(other_table), 2u);
  for (const auto& text :
       {layout_with("Asia/Tokyo", 10'000), layout_with("UTC", 100)}) {
    auto other_layout = options_of(text, {"a.csv"});
    other_layout.date = options.date;
    other_layout.symbol = options.symbol;
    other_layout.resume = {whole.batches[0].cursor};
    const auto refused = read_all(disk, other_layout);
    EXPECT_EQ(refused.failed.code, errc::already_exists) << text;
    EXPECT_EQ(refused.rows(), 0u);
    EXPECT_NE(refused.failed.context.find("by another layout"),
              std::string::npos)
      << refused.failed.context;
    other_layout.go_on = true;
    EXPECT_EQ(read_all(disk, other_layout).rows(), 0u);
    other_layout.go_on = false;
    other_layout.again = true;
    EXPECT_EQ(read_all(disk, other_layout).rows(), 2u);
  }
}

/// Goal: what a file is, is its text up to where it was published. Method: it
/// is published, becomes another text at another place, and is fed again.
TEST(ResumeTest, AFileIsItsTextUpToTheCursor) {
  const auto text = mixed_text(3'000, 3);
  auto changed = text;
  changed[text.find("only,three")] = 'O';
  auto late = text;
  late[text.size() - 10] = '#';
  const std::string line = "2024-01-29,A,1,x\n";
  const auto cut = text.substr(0, text.size() - 1);
  const std::string is_changed = "are not the same any more: --again";
  const std::string is_copy = " lines) are those of d/a.csv, which was read";
  struct {
    std::string what;
    std::string before;
    std::string path;
    std::string now;
    uint64_t rows;     ///< More of them.
    std::string fault; ///< "": none.
  } const cases[] = {
    {"the same", text, "d/a.csv", text, 0, ""},
    {"grown", text, "d/a.csv", text + line, 1, ""},
    {"grown elsewhere", text, "e/f/a.csv", text + line, 1, ""},
    {"changed early", text, "d/a.csv", changed, 0, is_changed},
    {"changed late, of the same size", text, "d/a.csv", late, 0, is_changed},
    {"shorter", text, "d/a.csv", text.substr(0, 9'000), 0, is_changed},
    {"emptied", text, "d/a.csv", "", 0, ""},
    {"another of that name", "time,sym,price,note\n" + line, "e/a.csv",
     "time,sym,price,note\n" + line.substr(0, 10) + ",B,2,y\n", 1, ""},
    {"another of another name", "time,sym,price,note\n" + line, "d/b.csv",
     "time,sym,price,note\n" + line.substr(0, 10) + ",B,2,y\n", 1, ""},
    {"renamed", text, "d/b.csv", text, 0, is_copy},
    {"renamed and grown", text, "e/b.csv", text + line, 0, is_copy},
    {"its last line ended", cut, "d/a.csv", text, 0, ""},
    {"its last line ended otherwise", cut, "d/a.csv", cut + "\r\n" + line, 1,
     ""},
    {"its last line went on", cut, "d/a.csv", cut + "x\n" + line, 0,
     "without its end, and goes on now"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.what);
    sim::memory_file_system disk;
    put_file(disk, "d/a.csv", each.before);
    const auto first = read_all(disk, options_of(layout_text, {"d/a.csv"}));
    ASSERT_FALSE(first.failed) << to_string(first.failed);
    put_file(disk, each.path, each.now);
    auto options = options_of(layout_text, {each.path});
    options.resume = {first.batches.back().cursor};
    const auto got = read_all(disk, options);
    EXPECT_EQ(got.rows(), each.rows);
    if (each.fault.empty()) {
      EXPECT_FALSE(got.failed) << to_string(got.failed);
    } else {
      EXPECT_EQ(got.failed.code,
                each.fault == is_copy ? errc::already_exists : errc::bad_data);
      EXPECT_TRUE(got.failed.context.starts_with(each.path + ": "));
      EXPECT_NE(got.failed.context.find(each.fault), std::string::npos)
        << got.failed.context;
    }
    if (got.rows() != 0)
      // Where the text goes on, its name does.
      EXPECT_EQ(got.batches[0].cursor.name == first.batches[0].cursor.name,
                each.before.size() > 100);
  }
}

/// Goal: rows do not come twice because a text has two names.
TEST(ResumeTest, ATextUnderTwoNamesIsRefusedUnlessAskedForAgain) {
  sim::memory_file_system disk;
  const auto text = mixed_text(3'000, 3);
  put_file(disk, "a.csv", text);
  put_file(disk, "b.csv", mixed_text(3'000, 4));
  put_file(disk, "c.csv", text);
  // Without a row there is nothing that could come twice.
  put_file(disk, "d.csv", "time,sym,price,note\n");
  put_file(disk, "e.csv", "time,sym,price,note\n");
  EXPECT_FALSE(
    read_all(disk, options_of(layout_text, {"d.csv", "e.csv"})).failed);
  auto options = options_of(layout_text, {"d.csv", "a.csv", "b.csv", "c.csv"});
  const auto refused = read_all(disk, options);
  EXPECT_EQ(refused.failed.code, errc::already_exists);
  EXPECT_TRUE(refused.failed.context.starts_with("c.csv: "))
    << refused.failed.context;
  EXPECT_EQ(refused.rows(), 0u) << "the others would be published";
  // One that is the other and more, in either order, as in two commands.
  put_file(disk, "f.csv", text + "2024-01-29,A,1,x\n");
  put_file(disk, "h.csv", text.substr(0, text.find('\n', 300) + 1));
  for (const auto& pair :
       std::vector<std::vector<std::string>>{{"a.csv", "f.csv"},
                                             {"f.csv", "a.csv"},
                                             {"h.csv", "a.csv"},
                                             {"a.csv", "h.csv"}}) {
    options.files = pair;
    EXPECT_EQ(read_all(disk, options).failed.code, errc::already_exists)
      << pair[0];
  }
  // It may differ after what is looked at first.
  put_file(disk, "i.csv", text.substr(0, text.size() - 3) + "y\n");
  options.files = {"a.csv", "i.csv"};
  EXPECT_FALSE(read_all(disk, options).failed);
  options.files = {"a.csv", "b.csv"};
  const auto two = read_all(disk, options);
  options.files = {"c.csv"};
  options.resume = {two.batches.front().cursor, two.batches.back().cursor};
  EXPECT_EQ(read_all(disk, options).failed.code, errc::already_exists);
  put_file(disk, "g.csv", mixed_text(3'000, 5));
  options.files = {"g.csv", "c.csv"};
  EXPECT_EQ(read_all(disk, options).failed.code, errc::already_exists);
  EXPECT_EQ(read_all(disk, options).rows(), 0u);
  options.files = {"c.csv"};
  // Of other rows, or where it is asked for.
  auto other = options;
  other.schema.name = "print";
  EXPECT_FALSE(read_all(disk, other).failed);
  options.files = {"a.csv", "b.csv", "c.csv"};
  options.resume.clear();
  options.again = true;
  const auto all = read_all(disk, options);
  EXPECT_FALSE(all.failed) << to_string(all.failed);
  EXPECT_GT(all.rows(), two.rows() + 2'000);
}

TEST(ResumeTest, AFileThatIsNamedTwiceIsRefused) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(5, 3));
  const auto got = read_all(disk, options_of(layout_text, {"a.csv", "a.csv"}));
  EXPECT_EQ(got.failed.code, errc::invalid_argument);
  EXPECT_TRUE(got.failed.context.starts_with("a.csv: is named twice"));
}

TEST(ResumeTest, ALastLineWithoutItsEndIsTold) {
  sim::memory_file_system disk;
  const std::string text = "time,sym,price,note\n2024-01-29,A,1,x";
  put_file(disk, "a.csv", text);
  put_file(disk, "b.csv", "time,sym,price,note\n2024-01-29,B,1,x\n");
  const auto got = read_all(disk, options_of(layout_text, {"a.csv", "b.csv"}));
  EXPECT_EQ(got.rows(), 2u);
  EXPECT_EQ(got.reports[0].open_line, "2024-01-29,A,1,x");
  EXPECT_EQ(got.reports[1].open_line, "");
}

TEST(ResumeTest, ThreadsDoNotChangeBatches) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(250'000, 5));
  auto options = options_of(layout_text, {"a.csv"});
  const auto wanted = read_all(disk, options);
  ASSERT_GT(wanted.batches.size(), 100u);
  nodes::thread_pool pool{3, "parse"};
  for (const uint32_t threads : {2u, 4u}) {
    options.threads = threads;
    expect_same(read_all(disk, options, &pool), wanted);
  }
  // Nor does an executor that never comes, or comes too late.
  test_support::queued_executor idle;
  expect_same(read_all(disk, options, &idle), wanted);
  ASSERT_FALSE(idle.empty());
  idle.run_all();
}

// A reader may go away while helpers are at work.
TEST(ResumeTest, ReadersEndInTheMiddle) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(100'000, 6));
  nodes::thread_pool pool{2, "parse"};
  for (int i = 0; i < 20; ++i) {
    persistence::env outside;
    outside.fs = &disk;
    outside.pool = &pool;
    auto options = options_of(layout_text, {"a.csv"});
    options.threads = 3;
    auto opened = reader::open(outside, std::move(options));
    ASSERT_TRUE(opened);
    ASSERT_TRUE(*opened->next());
  }
}

TEST(ResumeTest, ChunksAtEveryByteGiveTheSameBatches) {
  const auto text = mixed_text(test_support::exhaustive() ? 60 : 20, 7);
  const auto wanted = parse_chunks(text, {}, piece_bytes);
  ASSERT_FALSE(wanted.batches.empty());
  for (size_t cut = 1; cut < text.size(); ++cut)
    expect_same(parse_chunks(text, {cut}, piece_bytes), wanted);
  expect_same(
    parse_chunks(text, std::vector<size_t>(text.size(), 1), piece_bytes),
    wanted);
}

// Pieces of every small size: batches are cut elsewhere, the rows, rejects and
// line numbers are the same. With and without quotes, with a line too long.
TEST(ResumeTest, PiecesOfEverySizeGiveTheSameRows) {
  for (const bool quote : {false, true}) {
    auto text = mixed_text(test_support::exhaustive() ? 40 : 20, 8);
    text.insert(text.find('\n', 700) + 1, std::string(500, 'y') + "\n");
    if (quote)
      text.insert(text.find('\n', 300) + 1,
                  "2024-01-01,\"a,\nb\"\"c\",1,\"x\n\ny\"\n"
                  "2024-01-01,\"open,1,x\n");
    const auto wanted = parse_chunks(text, {}, piece_bytes, quote, 200);
    ASSERT_GT(wanted.rejects.size(), quote ? 2u : 1u);
    for (uint64_t cell = 1; cell < text.size(); ++cell) {
      const auto got
        = parse_chunks(text, {1, 2, 3, 5, 8, 13, 21}, cell, quote, 200);
      ASSERT_EQ(rows_of(got), rows_of(wanted)) << cell;
      ASSERT_EQ(reasons_of(got), reasons_of(wanted)) << cell;
    }
  }
}

TEST(ResumeTest, LimitsCutBatches) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", mixed_text(2'000, 9, true));
  auto options = options_of(layout_text, {"a.csv"});
  const auto wanted = rows_of(read_all(disk, options));
  options.limits.rows_max = 7;
  auto got = read_all(disk, options);
  EXPECT_EQ(rows_of(got), wanted);
  for (const auto& each : got.batches)
    EXPECT_LE(each.rows, 7u);
  options.limits = {};
  options.limits.bytes_max = 200;
  got = read_all(disk, options);
  EXPECT_EQ(rows_of(got), wanted);
  for (const auto& each : got.batches)
    EXPECT_LE(each.rows, 200 / 24);
}

/// One line of 400 MB without end, made as it is read. Notes how much memory
/// the process holds meanwhile.
class endless_line : public source {
public:
  result<size_t> read(std::span<std::byte> into) override {
    const auto count = std::min<uint64_t>(into.size(), length - at_);
    std::memset(into.data(), 'x', count);
    at_ += count;
    const auto held = mallinfo2();
    *most_ = std::max(*most_, held.uordblks + held.hblkhd);
    return static_cast<size_t>(count);
  }
  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

  explicit endless_line(size_t* most) : most_{most} {}
  static constexpr uint64_t length = 400'000'000;

private:
  size_t* most_;
  uint64_t at_ = 0;
};

TEST(PieceCutterTest, MemoryDoesNotFollowALongLine) {
  for (const bool quote : {false, true}) {
    const auto now = mallinfo2();
    const auto before = now.uordblks + now.hblkhd;
    size_t most = before;
    piece_cutter cutter{std::make_unique<endless_line>(&most),
                        {.quote = quote}};
    auto piece = cutter.next();
    ASSERT_TRUE(piece && *piece);
    EXPECT_TRUE((*piece)->text.empty());
    ASSERT_TRUE((*piece)->oversize);
    EXPECT_EQ((*piece)->oversize->length, endless_line::length);
    EXPECT_FALSE(*cutter.next());
    EXPECT_LT(most - before, size_t{16} << 20);
  }
}

// Goal: no input crashes the reader or loses a line. Method: damage a good
// file in random places; every line must be a row, a reject or blank.
TEST(MutationTest, EveryLineOfADamagedFileIsAccountedFor) {
  const auto* rounds_text = std::getenv("MILLRACE_MUTATION_ROUNDS");
  const auto rounds = rounds_text ? std::atoi(rounds_text) : 300;
  const auto base = mixed_text(60, 10);
  std::mt19937_64 random{11};
  for (int round = 0; round < rounds; ++round) {
    auto text = base;
    const auto start = text.find('\n') + 1;
    for (auto hits = 1 + random() % 30; hits > 0; --hits) {
      const auto at = start + random() % (text.size() - start);
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        case 2:
          text.insert(at, 1 + random() % 5, ",\n\"-."[random() % 5]);
          break;
        default:
          text.insert(at, text.substr(start + random() % 500, random() % 50));
      }
    }
    for (const bool quote : {false, true}) {
      const auto got
        = parse_chunks(text, {1 + random() % 100, 1 + random() % 1000},
                       1 + random() % 3'000, quote);
      EXPECT_EQ(rows_of(got).size(), got.rows());
      if (quote)
        continue;
      size_t lines = 0;
      std::istringstream in{text.substr(start)};
      for (std::string line; std::getline(in, line);)
        lines += !line.empty() && line != "\r";
      EXPECT_EQ(got.rows() + got.rejects.size(), lines) << "round " << round;
    }
  }
}

} // namespace
} // namespace millrace::feed
