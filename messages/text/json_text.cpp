#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace millrace::text {

namespace {

using library = nlohmann::json;

/// What "[json.exception.parse_error.101] parse error at line 1, column 2:
/// syntax error while parsing value - ..." means.
std::string words_of(std::string_view what) {
  constexpr std::pair<std::string_view, std::string_view> meanings[] = {
    {"ill-formed UTF-8", "text that is not UTF-8"},
    {"missing closing quote", "a text lacks its closing quote"},
    {"control character", "a control character in a text must be escaped"},
    {"invalid string", "a text has an escape that JSON does not know"},
    {"number overflow", "a number is beyond what can be held"},
    {"invalid number", "a number is not written as JSON has it"},
    // The second is a part of the first.
    {"unexpected end of input", "the text ends before its value does"},
    {"expected end of input", "something comes after the value"},
    {"while parsing object key", "a key in quotes is expected"},
    {"while parsing object separator", "a ':' is expected after a key"},
    {"while parsing object", "a ',' or '}' is expected"},
    {"while parsing array", "a ',' or ']' is expected"},
  };
  std::string place;
  if (const auto begin = what.find("line "); begin != what.npos)
    place = std::string{what.substr(begin, what.find(": ", begin) + 2 - begin)};
  for (const auto& [mark, meaning] : meanings)
    if (what.find(mark) != what.npos)
      return place + std::string{meaning};
  return place + "no value of JSON begins here";
}

/// Builds a document from the parser's events. The library's own builder looks
/// through all keys of an object for each new one, and lets the last win.
class builder : public nlohmann::json_sax<library> {
public:
  explicit builder(std::vector<std::string>& repeated) : repeated_{repeated} {}

  bool null() override { return put({}); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(int64_t value) override { return put(value); }
  bool number_unsigned(uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override {
    return put(value);
  }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(library::binary_t&) override { return false; } // JSON has none.
  bool start_object(size_t) override { return open(json_value::object()); }
  bool start_array(size_t) override { return open(json_value::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& top = stack_.back();
    if (is_new(top, name)) {
      top.slot = &top.at->add(name, {});
    } else {
      repeated_.push_back(path_to(name));
      top.slot = &(*top.at)[name];
    }
    top.key = std::move(name);
    return true;
  }

  bool parse_error(size_t, const std::string&,
                   const nlohmann::detail::exception& fault) override {
    reason_ = words_of(fault.what());
    return false;
  }

  [[nodiscard]] json_value take() { return std::move(root_); }
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
  /// An array or object that is not complete.
  struct level {
    json_value* at;
    std::string key;            ///< Of an object: the one whose value comes.
    json_value* slot = nullptr; ///< That value.
    std::unordered_set<std::string> keys = {}; ///< Of a large object.
  };

  static bool is_new(level& top, const std::string& name) {
    constexpr size_t looked_through_max = 16;
    const auto& entries = top.at->entries();
    if (entries.size() <= looked_through_max)
      return std::none_of(entries.begin(), entries.end(),
                          [&](const auto& each) { return each.key == name; });
    if (top.keys.empty())
      for (const auto& each : entries)
        top.keys.insert(each.key);
    return top.keys.insert(name).second;
  }

  [[nodiscard]] std::string path_to(const std::string& name) const {
    std::string path;
    for (const auto& each : stack_)
      if (&each != &stack_.back() && !each.key.empty())
        path += each.key + ".";
    return path + name;
  }

  json_value* place(json_value value) {
    if (stack_.empty())
      return &(root_ = std::move(value));
    auto& top = stack_.back();
    if (top.at->is_object())
      return &(*top.slot = std::move(value));
    return &top.at->add(std::move(value));
  }
  bool put(json_value value) {
    place(std::move(value));
    return true;
  }
  bool open(json_value value) {
    if (stack_.size() == json_depth_max) {
      reason_ = "arrays and objects are nested more than "
                + std::to_string(json_depth_max) + " deep";
      return false;
    }
    stack_.push_back({place(std::move(value)), {}});
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  std::vector<std::string>& repeated_;
  json_value root_;
  std::vector<level> stack_;
  std::string reason_;
};

} // namespace

result<json_value> parse_json(std::string_view text,
                              std::vector<std::string>& repeated) {
  // To the parser a NUL ends the text.
  if (const auto nul = text.find('\0'); nul != text.npos)
    return error{errc::bad_data, "a NUL at byte " + std::to_string(nul + 1)};
  builder made{repeated};
  if (!library::sax_parse(text, &made))
    return error{errc::bad_data, made.reason()};
  return made.take();
}

result<json_value> parse_json(std::string_view text) {
  std::vector<std::string> repeated;
  auto out = parse_json(text, repeated);
  if (out && !repeated.empty())
    return error{errc::bad_data,
                 "key '" + repeated.front() + "' appears twice"};
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto length = utf8_length(text);
    const char first = text.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (first == '"' || first == '\\') {
      out.push_back('\\');
      out.push_back(first);
    } else if (first == '\n') {
      out += "\\n";
    } else if (is_control(first)) {
      out += "\\u00";
      append_hex(out, static_cast<std::byte>(first));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out.push_back('"');
}

} // namespace millrace::text
