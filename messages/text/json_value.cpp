#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace millrace::text {

namespace {

constexpr auto largest = uint64_t{std::numeric_limits<int64_t>::max()};

/// The shortest text that reads back the same, and reads back as a double.
void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const auto size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
  std::array<char, 32> digits{};
  const auto end
    = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    plain ? std::chars_format::fixed
                          : std::chars_format::scientific)
        .ptr;
  const std::string_view made{digits.data(), end};
  out += made;
  if (plain && made.find('.') == made.npos)
    out += ".0";
}

} // namespace

json_value::json_value() noexcept = default;
json_value::json_value(bool value) noexcept : value_{value} {}
json_value::json_value(double value) noexcept : value_{value} {}
json_value::json_value(std::string value) noexcept : value_{std::move(value)} {}
json_value::json_value(std::string_view value) : value_{std::string{value}} {}
json_value::json_value(const char* value) : value_{std::string{value}} {}
json_value::json_value(std::initializer_list<entry> entries)
  : value_{entries_type{entries}} {}
json_value::json_value(const json_value&) = default;
json_value::json_value(json_value&&) noexcept = default;
json_value& json_value::operator=(const json_value&) = default;
json_value& json_value::operator=(json_value&&) noexcept = default;
json_value::~json_value() = default;

json_value json_value::whole(uint64_t bits, bool negative) noexcept {
  json_value out;
  if (negative || bits <= largest)
    out.value_ = static_cast<int64_t>(bits);
  else
    out.value_ = bits;
  return out;
}

json_value json_value::array() {
  json_value out;
  out.value_ = list{};
  return out;
}

json_value json_value::object() {
  json_value out;
  out.value_ = entries_type{};
  return out;
}

std::optional<bool> json_value::boolean() const noexcept {
  const auto* value = std::get_if<bool>(&value_);
  return value ? std::optional{*value} : std::nullopt;
}

std::optional<double> json_value::number() const noexcept {
  if (const auto* value = std::get_if<double>(&value_))
    return *value;
  if (const auto* value = std::get_if<uint64_t>(&value_))
    return static_cast<double>(*value);
  if (const auto* value = std::get_if<int64_t>(&value_))
    return static_cast<double>(*value);
  return std::nullopt;
}

std::optional<int64_t> json_value::integer() const noexcept {
  const auto* value = std::get_if<int64_t>(&value_);
  return value ? std::optional{*value} : std::nullopt;
}

std::optional<uint64_t> json_value::natural() const noexcept {
  if (const auto* value = std::get_if<uint64_t>(&value_))
    return *value;
  const auto* value = std::get_if<int64_t>(&value_);
  return value && *value >= 0 ? std::optional{static_cast<uint64_t>(*value)}
                              : std::nullopt;
}

const std::string* json_value::text() const noexcept {
  return std::get_if<std::string>(&value_);
}

const std::string& json_value::text_or_empty() const noexcept {
  static const std::string none;
  const auto* value = text();
  return value ? *value : none;
}

const json_value::list& json_value::elements() const noexcept {
  static const list none;
  const auto* value = std::get_if<list>(&value_);
  return value ? *value : none;
}

const json_value::entries_type& json_value::entries() const noexcept {
  static const entries_type none;
  const auto* value = std::get_if<entries_type>(&value_);
  return value ? *value : none;
}

const json_value* json_value::find(std::string_view key) const noexcept {
  for (const auto& each : entries())
    if (each.key == key)
      return &each.value;
  return nullptr;
}

const json_value& json_value::at(std::string_view key) const noexcept {
  static const json_value none;
  const auto* found = find(key);
  return found ? *found : none;
}

json_value& json_value::operator[](std::string_view key) {
  const auto* found = find(key);
  return found ? const_cast<json_value&>(*found)
               : add(std::string{key}, json_value{});
}

json_value& json_value::add(std::string key, json_value value) {
  MILLRACE_ASSERT(is_object());
  auto& all = std::get<entries_type>(value_);
  all.push_back({std::move(key), std::move(value)});
  return all.back().value;
}

json_value& json_value::add(json_value value) {
  MILLRACE_ASSERT(is_array());
  auto& all = std::get<list>(value_);
  all.push_back(std::move(value));
  return all.back();
}

std::string json_value::dump(std::optional<size_t> indent) const {
  std::string out;
  write(out, indent, 0);
  return out;
}

bool json_value::operator==(const json_value& other) const {
  return value_ == other.value_;
}

void json_value::write(std::string& out, std::optional<size_t> indent,
                       size_t depth) const {
  const auto line = [&](size_t level) {
    if (indent)
      out.append("\n").append(level * *indent, ' ');
  };
  const auto within
    = [&](char open, char close, const auto& all, const auto& write_one) {
        out += open;
        for (const auto& each : all) {
          if (&each != &all.front())
            out += ',';
          line(depth + 1);
          write_one(each);
        }
        if (!all.empty())
          line(depth);
        out += close;
      };
  if (is_object())
    within('{', '}', entries(), [&](const entry& each) {
      append_json_string(out, each.key);
      out += indent ? ": " : ":";
      each.value.write(out, indent, depth + 1);
    });
  else if (is_array())
    within('[', ']', elements(),
           [&](const json_value& each) { each.write(out, indent, depth + 1); });
  else if (const auto* string = text())
    append_json_string(out, *string);
  else if (const auto* fraction = std::get_if<double>(&value_))
    append_double(out, *fraction);
  else if (const auto truth = boolean())
    out += *truth ? "true" : "false";
  else if (const auto* number = std::get_if<int64_t>(&value_))
    out += std::to_string(*number);
  else if (const auto* large = std::get_if<uint64_t>(&value_))
    out += std::to_string(*large);
  else
    out += "null";
}

} // namespace millrace::text
