#pragma once

#include <millrace/feed/source/layout_guess.hpp>

#include "feed_support.hpp"

namespace millrace::feed {

struct guessed_file {
  std::string what;
  std::string text;
  std::string columns; ///< Of the table.
  std::string first;   ///< Its first row.
  std::string question{};
};

inline std::string columns_of(const table_schema& schema) {
  std::string out;
  for (const auto& each : schema.columns)
    out += (out.empty() ? "" : " ") + each.name + ":"
           + std::string{to_string(each.type)};
  return out;
}

inline void check(const guessed_file& file) {
  SCOPED_TRACE(file.what);
  const auto guess = guess_layout(file.text, "t");
  ASSERT_TRUE(guess) << to_string(guess.failure());
  SCOPED_TRACE(guess->layout);
  auto options = options_of(guess->layout, {"a.csv"});
  EXPECT_EQ(columns_of(options.schema), file.columns);
  std::string questions;
  for (const auto& each : guess->questions)
    questions += each + "\n";
  EXPECT_NE(questions.find(file.question), std::string::npos) << questions;
  for (const auto& each : options.schema.columns)
    EXPECT_NE(guess->table.find("\"" + each.name + ":"), std::string::npos);
  sim::memory_file_system disk;
  put_file(disk, "a.csv", file.text);
  if (questions.find("feed with --symbol") != std::string::npos)
    options.symbol = "X";
  if (questions.find("--date") != std::string::npos)
    options.date = 8'767;
  const auto got = read_all(disk, options);
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
  ASSERT_NE(got.rows(), 0u);
  EXPECT_EQ(rows_of(got)[0], file.first);
}

} // namespace millrace::feed
