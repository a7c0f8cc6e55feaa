#pragma once

#include <millrace/messages/text/civil_time.hpp>

#include "feed_support.hpp"

namespace millrace::feed {

/// A layout, a text, and the rows that it gives.
struct kind {
  std::string what;
  std::string top;     ///< Of the layout.
  std::string columns; ///< Each as an inline table without its braces.
  std::string text;
  std::vector<std::string> rows;
  std::vector<std::string> reasons{}; ///< Of rejects, as parts of them.
  int32_t date = null_int;
};

/// "name:type rest; name:type rest" as TOML.
inline std::string layout_of(const kind& from) {
  std::string out = "table = \"t\"\n" + from.top;
  size_t at = 0;
  bool symbol = false;
  while (at < from.columns.size()) {
    auto end = std::min(from.columns.find(';', at), from.columns.size());
    const auto one = from.columns.substr(at, end - at);
    const auto colon = one.find(':');
    const auto blank = one.find(' ');
    const auto name = one.substr(0, colon);
    symbol = symbol || name == "sym";
    out += "[[column]]\nname = \"" + name + "\"\ntype = \""
           + one.substr(colon + 1, blank - colon - 1) + "\"\n";
    auto rest = one.substr(blank + 1);
    for (size_t bar; (bar = rest.find('|')) != rest.npos;)
      rest[bar] = '\n';
    out += rest + "\n";
    at = end + 1;
  }
  if (!symbol)
    out += "[[constant]]\nname = \"sym\"\ntype = \"symbol\"\nvalue = \"S\"\n";
  return out;
}

inline outcome load(const kind& from) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", from.text);
  auto options = options_of(layout_of(from), {"a.csv"});
  if (from.date != null_int)
    options.date = from.date;
  return read_all(disk, options);
}

inline void check(const std::vector<kind>& kinds) {
  for (const auto& each : kinds) {
    SCOPED_TRACE(each.what);
    const auto got = load(each);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(rows_of(got), each.rows);
    ASSERT_EQ(got.rejects.size(), each.reasons.size())
      << (got.rejects.empty() ? "" : got.rejects[0].reason);
    for (size_t i = 0; i < each.reasons.size(); ++i)
      EXPECT_NE(got.rejects[i].reason.find(each.reasons[i]), std::string::npos)
        << got.rejects[i].reason;
  }
}

/// ns since 2000 of a time in UTC.
inline std::string at(const std::string& date, int64_t ns_of_day) {
  return std::to_string(*text::parse_date(date) * text::day_ns + ns_of_day);
}

inline constexpr int64_t one_second = text::second_ns;

} // namespace millrace::feed
