#pragma once

#include <millrace/feed/source/file_source.hpp>
#include <millrace/feed/source/text_identity.hpp>

#include "feed_support.hpp"

// Files that are fed, and what their reject file holds.

namespace millrace::feed {
inline const std::string reject_layout = R"(table = "t"
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
[[column]]
name = "price"
type = "float"
header = "price"
[[column]]
name = "size"
type = "float"
header = "size"
[[constant]]
name = "sym"
type = "symbol"
value = "{symbol}"
)";
inline const std::string reject_path = "/log/rejects.txt";

class RejectReadingTest : public testing::Test {
protected:
  RejectReadingTest() {
    world_.fs = &disk_;
    put_file(disk_, "/log/here", "");
  }

  static reader_options with(std::vector<std::string> files,
                             std::optional<int32_t> date = {},
                             const std::string& symbol = "X",
                             const std::string& layout = reject_layout) {
    auto out = options_of(layout, std::move(files));
    out.date = date;
    out.symbol = symbol;
    return out;
  }

  /// The lines of the reject file alone.
  static reader_options alone(std::optional<int32_t> date = {},
                              const std::string& symbol = {},
                              const std::string& layout = reject_layout) {
    auto out = with({}, date, symbol, layout);
    out.only_rejects = reject_path;
    return out;
  }

  /// What a feed would publish, and how it ends; cursors are kept.
  /// @param batches_max after so many it is killed
  outcome feed(reader_options options, size_t batches_max = SIZE_MAX) {
    outcome out;
    auto counters = std::make_shared<batch_source_counters>();
    file_source files{world_, std::move(options), reject_path, counters};
    out.failed = files.open(cursors_);
    while (!out.failed) {
      if (out.batches.size() == batches_max)
        return out;
      auto batch = files.next();
      out.failed = batch.failure();
      if (!batch || !*batch)
        break;
      std::erase_if(cursors_, [&](const auto& each) {
        return each.name == (*batch)->cursor.name;
      });
      cursors_.push_back((*batch)->cursor);
      out.batches.push_back(std::move(**batch));
    }
    if (!out.failed)
      out.failed = files.close();
    out.reports = counters->reports();
    return out;
  }

  [[nodiscard]] std::vector<rejected_line> kept() {
    const auto lines = read_rejects(disk_, reject_path);
    EXPECT_TRUE(lines) << to_string(lines.failure());
    return lines ? *lines : std::vector<rejected_line>{};
  }

  void mend(const std::string& from, const std::string& to) {
    auto text = file_text(disk_, reject_path);
    for (size_t at = 0; (at = text.find(from, at)) != text.npos;
         at += to.size())
      text.replace(at, from.size(), to);
    put_file(disk_, reject_path, text);
  }

  void expect_refused(reader_options options, const std::string& why) {
    const auto before = file_text(disk_, reject_path);
    const auto got = feed(std::move(options));
    EXPECT_NE(got.failed.context.find(why), std::string::npos)
      << to_string(got.failed);
    EXPECT_EQ(got.rows(), 0u);
    EXPECT_EQ(file_text(disk_, reject_path), before);
  }

  sim::memory_file_system disk_;
  persistence::env world_;
  std::vector<source_cursor> cursors_;
};

inline constexpr int32_t monday = 8'402; ///< 2023-01-02
inline constexpr int64_t day_of_ns = 86'400'000'000'000;

inline std::string row_at(int64_t day, int64_t seconds,
                          const std::string& rest) {
  return std::to_string(day * day_of_ns + seconds * 1'000'000'000) + "|" + rest;
}

} // namespace millrace::feed
