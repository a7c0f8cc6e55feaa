// The only file that sees toml11: it is slow to compile and keeps tables in
// hash order, while everything after `toml_value` is in the order of the file.
#include <millrace/messages/text/toml_document.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>
#include <limits>
#include <sstream>
#include <toml.hpp>

namespace millrace::text {

namespace {

bool before(const toml_value& a, const toml_value& b) {
  return std::pair{a.line, a.column} < std::pair{b.line, b.column};
}

toml_value convert(const toml::value& from) {
  toml_value to;
  const auto where = from.location();
  to.line = where.line();
  to.column = where.column();
  switch (from.type()) {
    case toml::value_t::boolean:
      to.type = toml_kind::boolean;
      to.boolean = from.as_boolean();
      break;
    case toml::value_t::integer:
      to.type = toml_kind::integer;
      to.integer = from.as_integer();
      break;
    case toml::value_t::string:
      to.type = toml_kind::text;
      to.text = from.as_string().str;
      break;
    case toml::value_t::array:
      to.type = toml_kind::array;
      for (const auto& item : from.as_array())
        to.items.push_back(convert(item));
      break;
    case toml::value_t::table:
      to.type = toml_kind::table;
      for (const auto& [key, value] : from.as_table())
        to.entries.push_back({key, convert(value)});
      std::sort(
        to.entries.begin(), to.entries.end(),
        [](const auto& a, const auto& b) { return before(a.value, b.value); });
      break;
    default: {
      std::ostringstream name;
      name << from.type();
      to.type = toml_kind::other;
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
  // toml11's word for what stands where a value must.
  if (what == "unknown value appeared")
    return "what stands after '=' is no value: text needs quotes";
  return std::string{what};
}

constexpr const char* unquoted = "text needs quotes";

/// Whether it is a word, or a number with letters or a colon in it: text
/// without its quotes.
bool is_bare_word(std::string_view value) {
  while (!value.empty() && value.front() == ' ')
    value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\r'))
    value.remove_suffix(1);
  if (value.empty() || value == "true" || value == "false")
    return false;
  const auto is_letter
    = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (is_letter(value.front()) || value.front() == '/' || value.front() == '.')
    return true;
  return value.front() >= '0' && value.front() <= '9'
         && std::any_of(value.begin(), value.end(),
                        [&](char c) { return is_letter(c) || c == ':'; });
}

/// Whether what the parser refused in a line may be that.
bool has_bare_word(std::string_view line) {
  const auto at = line.find('=');
  if (at == std::string_view::npos)
    return false;
  auto value = line.substr(at + 1);
  value = value.substr(0, value.find('#'));
  const auto list = value.find('[');
  if (list == std::string_view::npos)
    return is_bare_word(value);
  value.remove_prefix(list + 1);
  value = value.substr(0, value.find(']'));
  while (!value.empty()) {
    const auto comma = value.find(',');
    if (is_bare_word(value.substr(0, comma)))
      return true;
    value = comma == std::string_view::npos ? std::string_view{}
                                            : value.substr(comma + 1);
  }
  return false;
}

/// The parser's own words, or what they should be.
std::string words_for(std::string_view line, std::string said) {
  if (!has_bare_word(line) || said.ends_with(unquoted))
    return said;
  const auto place = said.find_first_not_of(' ');
  if (place == std::string::npos || said[place] == '(')
    said = "what stands after '=' is no value";
  return said + ": " + unquoted;
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

/// toml11 3.7 reads out of bounds when it reports bytes that are not UTF-8
/// within '...': they must not reach it.
error check_utf8(std::string_view text, const std::string& file) {
  const auto good = valid_utf8_prefix(text);
  if (good == text.size())
    return {};
  const auto before = text.substr(0, good);
  const auto line_begin = before.rfind('\n') + 1;
  toml_value at;
  at.line
    = static_cast<uint32_t>(1 + std::count(before.begin(), before.end(), '\n'));
  at.column = static_cast<uint32_t>(good - line_begin + 1);
  toml_faults faults{file};
  faults.add(at, key_of_line(before.substr(line_begin)),
             "a byte that is not UTF-8");
  return faults.to_error();
}

} // namespace

result<toml_value> parse_toml(std::string_view text, const std::string& file) {
  if (auto invalid = check_utf8(text, file))
    return invalid;
  const auto fault
    = [&](const toml::source_location& where, std::string_view what) {
        toml_faults faults{file};
        toml_value at;
        at.line = where.line();
        at.column = where.column();
        faults.add(at, key_of_line(where.line_str()),
                   words_for(where.line_str(), first_sentence(what)));
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

} // namespace millrace::text
