// The only file that sees toml11: it is slow to compile and keeps tables in
// hash order, while everything behind `setting` is in the order of the file.
#include <millrace/nodes/settings.hpp>

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

} // namespace

result<setting> parse_toml(std::string_view text, const std::string& file) {
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
