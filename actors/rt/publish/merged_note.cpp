#include <millrace/actors/rt/publish/merged_note.hpp>

#include <charconv>
#include <span>
#include <string_view>

namespace millrace::rt {

namespace {

constexpr uint64_t note_bytes_max = 256;
constexpr size_t lineage_digits = 32;

std::string path_of(const std::string& directory) {
  return directory + "/.merged";
}

} // namespace

merged_note read_merged_note(persistence::file_system& fs,
                             const std::string& directory) {
  const auto bytes
    = persistence::read_own_file(fs, path_of(directory), note_bytes_max);
  if (!bytes || bytes->size() <= lineage_digits + 1)
    return {};
  const std::string_view text{reinterpret_cast<const char*>(bytes->data()),
                              bytes->size()};
  const auto by = lineage_of(text.substr(0, lineage_digits));
  uint64_t end = 0;
  const auto* last = text.data() + text.size() - 1;
  const auto [stop, fault]
    = std::from_chars(text.data() + lineage_digits + 1, last, end);
  if (!by || text[lineage_digits] != ' ' || text.back() != '\n'
      || fault != std::errc{} || stop != last)
    return {};
  return {*by, {end}};
}

error write_merged_note(persistence::file_system& fs,
                        const std::string& directory, const merged_note& what) {
  const auto text
    = to_string(what.by) + " " + std::to_string(what.end.value) + "\n";
  return persistence::replace_own_file(
    fs, path_of(directory), std::as_bytes(std::span{text.data(), text.size()}),
    note_bytes_max);
}

} // namespace millrace::rt
