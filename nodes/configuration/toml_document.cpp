// The only file that sees toml11: it is slow to compile and keeps tables in
// hash order, while everything behind `setting` is in the order of the file.
#include <millrace/nodes/configuration/settings.hpp>

#include <algorithm>
#include <limits>
#include <sstream>
#include <toml.hpp>

namespace millrace::nodes {

namespace {

bool before(const setting& a, const setting& b) {
  return std::pair{a.line, a.column} < std::pair{b.line, b.column};
}

setting convert(const toml::value& from) {
  setting to;
  const auto where = from.location();
  to.line = where.line();
  to.column = where.column();
  switch (from.type()) {
    case toml::value_t::boolean:
      to.type = setting::kind::boolean;
      to.boolean = from.as_boolean();
      break;
    case toml::value_t::integer:
      to.type = setting::kind::integer;
      to.integer = from.as_integer();
      break;
    case toml::value_t::string:
      to.type = setting::kind::text;
      to.text = from.as_string().str;
      break;
    case toml::value_t::array:
      to.type = setting::kind::array;
      for (const auto& item : from.as_array())
        to.items.push_back(convert(item));
      break;
    case toml::value_t::table:
      to.type = setting::kind::table;
      for (const auto& [key, value] : from.as_table())
        to.entries.emplace_back(key, convert(value));
      std::sort(to.entries.begin(), to.entries.end(),
                [](const auto& a, const auto& b) {
                  return before(a.second, b.second);
                });
      break;
    default: {
      std::ostringstream name;
      name << from.type();
      to.type = setting::kind::other;
      to.text = name.str();
    }
  }
  return to;
}

/// "[error] toml::insert_value: table (\"x\") already exists.\n --> ..."
/// becomes "table (\"x\") already exists".
std::string first_sentence(std::string_view what) {
  what = what.substr(0, what.find('\n'));
  if (const auto end = what.find(": "); end != std::string_view::npos)
    what.remove_prefix(end + 2);
  while (!what.empty() && (what.back() == '.' || what.back() == ' '))
    what.remove_suffix(1);
  return std::string{what};
}

/// What a reader of the message can look for in the line: its text up to '='.
std::string key_of_line(std::string_view line) {
  line = line.substr(0, line.find('='));
  std::string key;
  for (char c : line)
    if (static_cast<unsigned char>(c) > 0x20 && c != 0x7f && key.size() < 64)
      key += c;
  return key.empty() ? "syntax" : key;
}

/// Bytes of the UTF-8 sequence that `text` begins with; 0: none that is well
/// formed (overlong, a surrogate, beyond U+10FFFF, cut).
size_t sequence_length(std::string_view text) {
  const auto byte
    = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80)
    return 1;
  const size_t length = byte(0) >= 0xc2 && byte(0) <= 0xdf   ? 2
                        : byte(0) >= 0xe0 && byte(0) <= 0xef ? 3
                        : byte(0) >= 0xf0 && byte(0) <= 0xf4 ? 4
                                                             : 0;
  if (length == 0 || text.size() < length)
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0)
                        || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool beyond = (byte(0) == 0xed && byte(1) > 0x9f)
                      || (byte(0) == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : length;
}

/// toml11 3.7 reads out of bounds when it reports bytes that are not UTF-8
/// within '...': they must not reach it.
error check_utf8(std::string_view text, const std::string& file) {
  setting at;
  size_t line_begin = 0;
  for (size_t i = 0; i < text.size();) {
    const auto length = sequence_length(text.substr(i));
    if (length == 0) {
      at.column = static_cast<uint32_t>(i - line_begin + 1);
      fault_list faults{file};
      faults.add(at, key_of_line(text.substr(line_begin, i - line_begin)),
                 "a byte that is no UTF-8");
      return faults.to_error();
    }
    if (text[i] == '\n') {
      ++at.line;
      line_begin = i + 1;
    }
    i += length;
  }
  return {};
}

} // namespace

result<setting> parse_toml(std::string_view text, const std::string& file) {
  if (auto invalid = check_utf8(text, file))
    return invalid;
  const auto fault
    = [&](const toml::source_location& where, std::string_view what) {
        fault_list faults{file};
        setting at;
        at.line = where.line();
        at.column = where.column();
        faults.add(at, key_of_line(where.line_str()), first_sentence(what));
        return faults.to_error();
      };
  try {
    std::istringstream in{std::string{text}};
    return convert(toml::parse(in, file));
  } catch (const toml::exception& found) {
    return fault(found.location(), found.what());
  } catch (const std::exception& found) {
    // The parser gives no place for a few faults (an offset out of range).
    return error{errc::config, file + ":1:syntax: " + found.what()};
  }
}

} // namespace millrace::nodes
