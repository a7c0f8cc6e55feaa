#include <millrace/persistence/hdb/table_rolls.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::persistence {

namespace {

// A line per rule: table, zone and nanoseconds, with tabs between; "end" and
// the XXH3-64 of all before that line as the last one.
constexpr std::string_view rolls_end = "end\t";

std::string end_of(std::string_view lines) {
  return std::string{rolls_end}
         + std::to_string(XXH3_64bits(lines.data(), lines.size())) + "\n";
}

error damaged(const std::string& path) {
  return {errc::corrupt, path + ": it is damaged"};
}

/// Takes what is before the next `mark` off the text.
std::string_view take_to(std::string_view& text, char mark) {
  const auto out = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(text.size(), out.size() + 1));
  return out;
}

} // namespace

std::set<table_roll> rolls_of(const hdb_manifest& manifest) {
  std::set<table_roll> out;
  for (const auto& schema : manifest.schemas)
    out.insert({schema.name, schema.roll_zone, schema.roll_offset_ns});
  return out;
}

result<std::set<table_roll>> read_table_rolls(file_system& fs,
                                              const std::string& directory) {
  const auto path = directory + "/" + std::string{table_rolls_name};
  const auto bytes = read_own_file(fs, path);
  if (!bytes)
    return bytes.failure();
  std::string_view text{reinterpret_cast<const char*>(bytes->data()),
                        bytes->size()};
  const auto end = text.rfind(rolls_end);
  if (end == text.npos || text.substr(end) != end_of(text.substr(0, end)))
    return damaged(path);
  text = text.substr(0, end);
  std::set<table_roll> out;
  while (!text.empty()) {
    auto line = take_to(text, '\n');
    table_roll each;
    each.table = take_to(line, '\t');
    each.zone = take_to(line, '\t');
    const auto [last, fault]
      = std::from_chars(line.data(), line.data() + line.size(), each.offset_ns);
    if (fault != std::errc{} || last != line.data() + line.size())
      return damaged(path);
    out.insert(std::move(each));
  }
  return out;
}

error write_table_rolls(file_system& fs, const std::string& directory,
                        const std::set<table_roll>& rolls) {
  std::string lines;
  for (const auto& each : rolls)
    lines += each.table + "\t" + each.zone + "\t"
             + std::to_string(each.offset_ns) + "\n";
  lines += end_of(lines);
  return replace_own_file(fs, directory + "/" + std::string{table_rolls_name},
                          std::as_bytes(std::span{lines}));
}

} // namespace millrace::persistence
