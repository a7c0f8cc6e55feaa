#include <millrace/feed/layout/json_path.hpp>
#include <millrace/feed/parse/json_splitter.hpp>
#include <millrace/feed/text/wide_numbers.hpp>

#include <charconv>
#include <optional>
#include <simdjson.h>
#include <utility>

namespace millrace::feed {

namespace {

using simdjson::dom::element;

/// A path, taken apart at its points. @pre parse_json_steps takes it
struct json_path {
  enum class root { document, each, before };
  root from = root::document;
  std::vector<std::string> steps;

  explicit json_path(std::string_view text) {
    constexpr std::string_view each = "@each";
    if (text == "@before") {
      from = root::before;
      return;
    }
    if (text == each || text.starts_with("@each.")) {
      from = root::each;
      text.remove_prefix(std::min(text.size(), each.size() + 1));
    }
    steps = parse_json_steps(text).value_or(std::vector<std::string>{});
  }
};

/// @param twice set where the key stands twice: which is meant nobody knows
std::optional<element> take(element from, const std::string& step,
                            bool& twice) {
  if (from.is_array()) {
    element found;
    size_t index = 0;
    const auto* end = step.data() + step.size();
    const auto read = std::from_chars(step.data(), end, index);
    if (read.ec != std::errc{} || read.ptr != end
        || from.at(index).get(found) != simdjson::SUCCESS)
      return {};
    return found;
  }
  if (!from.is_object())
    return {};
  std::optional<element> found;
  const simdjson::dom::object object{from};
  for (auto each = object.begin(); each != object.end(); ++each)
    if (each.key_equals(step)) {
      twice = twice || found;
      found = each.value();
    }
  return found;
}

std::optional<element> walk(element from, const json_path& path, bool& twice) {
  for (const auto& step : path.steps) {
    const auto next = take(from, step, twice);
    if (!next)
      return {};
    from = *next;
  }
  return from;
}

template <class Number>
void append_number(Number value, std::string& out) {
  char text[32];
  const auto made = std::to_chars(text, text + sizeof text, value);
  out.append(text, made.ptr);
}

/// Objects and lists as their text.
/// @param mark before numbers that were put into quotes; empty: none was
void append_text(element value, const std::string& mark, std::string& out) {
  std::string text = simdjson::minify(value);
  if (mark.empty()) {
    out += text;
    return;
  }
  const auto quoted = "\"" + mark;
  size_t taken = 0;
  for (size_t at; (at = text.find(quoted, taken)) != text.npos;) {
    const auto number = at + quoted.size();
    const auto end = text.find('"', number);
    out.append(text, taken, at - taken).append(text, number, end - number);
    taken = end + 1;
  }
  out.append(text, taken);
}

void append_value(element value, const std::string& mark, std::string& out) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING: {
      std::string_view text{value};
      const auto marks = mark.size() / std::string_view{"\\u0001"}.size();
      if (marks != 0 && text.substr(0, marks) == std::string(marks, '\x01'))
        text.remove_prefix(marks);
      out += text;
      return;
    }
    case simdjson::dom::element_type::INT64:
      return append_number(int64_t{value}, out);
    case simdjson::dom::element_type::UINT64:
      return append_number(uint64_t{value}, out);
    case simdjson::dom::element_type::DOUBLE:
      return append_number(double{value}, out);
    case simdjson::dom::element_type::BOOL:
      out += bool{value} ? "true" : "false";
      return;
    case simdjson::dom::element_type::NULL_VALUE:
      return;
    default:
      append_text(value, mark, out);
  }
}

} // namespace

struct json_splitter::state {
  simdjson::dom::parser parser;
  std::vector<json_path> paths;
  std::optional<json_path> each;
  std::vector<std::pair<json_path, std::string>> only;
  std::string mark; ///< Of numbers in quotes that the line has none around.
  uint32_t repeated = 0;        ///< See repeated_path.
  bool takes_positions = false; ///< A document may be a list.

  /// False: it is no JSON.
  bool parse(std::string_view text, element& document) {
    const auto is_read = [&] {
      return parser.parse(text.data(), text.size(), false).get(document)
             == simdjson::SUCCESS;
    };
    mark.clear();
    const bool suspect = may_read_otherwise(text);
    if (!suspect && is_read())
      return true;
    // A number beyond what parsers take, or one that they would give back
    // otherwise than it is written.
    mark = unused_mark(text);
    if (const auto quoted
        = quote_numbers(text, mark, number_choice::as_written))
      return parser.parse(*quoted).get(document) == simdjson::SUCCESS;
    mark.clear();
    return suspect && is_read();
  }

  [[nodiscard]] bool wants(element document, bool& twice) const {
    for (const auto& [path, text] : only) {
      const auto found = walk(document, path, twice);
      std::string value;
      if (found)
        append_value(*found, mark, value);
      if (value != text)
        return false;
    }
    return true;
  }

  /// False: a path has a key that stands twice, and its number is kept.
  bool append_row(element document, std::optional<element> one,
                  std::string_view before, std::string& out,
                  std::vector<uint32_t>& ends) {
    for (const auto& path : paths) {
      bool twice = false;
      if (path.from == json_path::root::before) {
        out += before;
      } else {
        const auto found = path.from == json_path::root::document
                             ? walk(document, path, twice)
                           : one ? walk(*one, path, twice)
                                 : std::nullopt;
        repeated = static_cast<uint32_t>(&path - paths.data());
        if (twice)
          return false;
        if (found)
          append_value(*found, mark, out);
      }
      ends.push_back(static_cast<uint32_t>(out.size()));
      out += '\n';
    }
    return true;
  }
};

json_splitter::json_splitter(const json_lines& wanted)
  : state_{std::make_unique<state>()} {
  for (const auto& each : wanted.paths)
    state_->paths.emplace_back(each);
  if (!wanted.each.empty())
    state_->each.emplace(wanted.each);
  const auto is_position = [](const std::string& path) {
    return !path.empty() && path[0] >= '0' && path[0] <= '9';
  };
  state_->takes_positions
    = is_position(wanted.each)
      || std::any_of(wanted.paths.begin(), wanted.paths.end(), is_position)
      || std::any_of(wanted.only.begin(), wanted.only.end(), is_position);
  for (const auto& each : wanted.only) {
    const auto mark = end_of_path(each);
    state_->only.emplace_back(json_path{each.substr(0, mark)},
                              each.substr(mark + 1));
  }
}

json_splitter::~json_splitter() = default;

fault json_splitter::split(std::string_view line, std::string& out,
                           std::vector<uint32_t>& ends) {
  const auto begin = line.find_first_of("{[");
  if (begin == line.npos)
    return fault::not_json;
  auto before = line.substr(0, begin);
  while (before.ends_with(' ') || before.ends_with('\t'))
    before.remove_suffix(1);
  const auto text = line.substr(begin);
  element document;
  if (!state_->parse(text, document))
    return fault::not_json;
  if (document.is_array() && !state_->takes_positions)
    return fault::list_of_rows;
  bool twice = false;
  state_->repeated = static_cast<uint32_t>(state_->paths.size());
  const bool wanted = state_->wants(document, twice);
  if (twice)
    return fault::repeated_key;
  if (!wanted)
    return fault::none;
  if (!state_->each)
    return state_->append_row(document, {}, before, out, ends)
             ? fault::none
             : fault::repeated_key;
  const auto list = walk(document, *state_->each, twice);
  if (twice)
    return fault::repeated_key;
  if (!list)
    return fault::none;
  if (!list->is_array())
    return fault::not_list;
  for (const element one : simdjson::dom::array(*list))
    if (!state_->append_row(document, one, before, out, ends))
      return fault::repeated_key;
  return fault::none;
}

uint32_t json_splitter::repeated_path() const noexcept {
  return state_->repeated;
}

} // namespace millrace::feed
