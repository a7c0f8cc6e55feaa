#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/messages/text/time_scan.hpp>
#include <millrace/messages/text/toml_section.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace millrace::text {

namespace {

constexpr int64_t most_int = std::numeric_limits<int64_t>::max();

std::string_view article(toml_kind kind) {
  switch (kind) {
    case toml_kind::boolean:
      return "a boolean";
    case toml_kind::integer:
      return "an integer";
    case toml_kind::text:
      return "a text";
    case toml_kind::array:
      return "an array";
    case toml_kind::table:
      return "a table";
    case toml_kind::other:
      break;
  }
  return "another type";
}

/// Reads the digits in front of `text` and removes them.
std::optional<int64_t> leading_integer(std::string_view& text) {
  int64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || text.front() == '-')
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  return value;
}

} // namespace

void toml_faults::add(const toml_value& where, std::string_view key,
                      std::string_view reason) {
  faults_.push_back({where.line, where.column,
                     file_ + ":" + std::to_string(where.line) + ":"
                       + std::string{key} + ": " + std::string{reason}
                       + " (column " + std::to_string(where.column) + ")"});
}

error toml_faults::to_error() const {
  if (faults_.empty())
    return {};
  auto sorted = faults_;
  std::stable_sort(
    sorted.begin(), sorted.end(), [](const fault& a, const fault& b) {
      return std::pair{a.line, a.column} < std::pair{b.line, b.column};
    });
  error out{errc::config, {}};
  for (const auto& each : sorted)
    add_to_list(out.context, each.text, "\n");
  return out;
}

toml_section::toml_section(const toml_value& table, std::string path,
                           toml_faults& faults)
  : table_(table), path_(std::move(path)), faults_(faults) {}

const toml_value* toml_section::find(std::string_view key) {
  known_.emplace(key);
  for (const auto& [name, value] : table_.entries)
    if (name == key)
      return &value;
  return nullptr;
}

bool toml_section::has(std::string_view key) { return find(key) != nullptr; }

void toml_section::fault(std::string_view key, std::string_view reason) {
  const auto* at = find(key);
  const auto full
    = path_.empty() ? std::string{key} : path_ + "." + std::string{key};
  faults_.add(at ? *at : table_, full, reason);
}

void toml_section::refuse(std::string_view key, std::string_view reason) {
  for (const auto& [name, value] : table_.entries)
    if (name == key) {
      faults_.add(value, path_ + "." + name, reason);
      refused_.insert(name);
    }
}

const toml_value* toml_section::typed(std::string_view key, toml_kind kind,
                                      std::string_view expected) {
  const auto* found = find(key);
  if (!found || found->type == kind)
    return found;
  fault(key, "expected " + std::string{expected} + ", found "
               + (found->type == toml_kind::other
                    ? "a " + found->text
                    : std::string{article(found->type)}));
  return nullptr;
}

std::string toml_section::text(std::string_view key, std::string fallback) {
  const auto* found = typed(key, toml_kind::text, "a text");
  return found ? found->text : fallback;
}

std::string toml_section::required_text(std::string_view key) {
  const auto* found = typed(key, toml_kind::text, "a text");
  if (found && !found->text.empty())
    return found->text;
  if (found)
    fault(key, "must not be empty");
  else if (!has(key))
    fault(key, "is missing");
  return {};
}

std::string toml_section::required_name(std::string_view key) {
  auto name = required_text(key);
  if (!name.empty() && !is_plain_name(name))
    fault(key, in_quotes(name)
                 + " is not a name: 1 to 64 letters, digits, '_', '-', '.', "
                   "not led by '-' or '.'");
  return name;
}

bool toml_section::flag(std::string_view key, bool fallback) {
  const auto* found = typed(key, toml_kind::boolean, "true or false");
  return found ? found->boolean : fallback;
}

int64_t toml_section::integer(std::string_view key, int64_t least, int64_t most,
                              std::optional<int64_t> fallback) {
  const auto* found = typed(key, toml_kind::integer, "an integer");
  if (!found) {
    if (!fallback && !has(key))
      fault(key, "is missing");
    return fallback.value_or(least);
  }
  // The parser gives the largest number for one that is too large.
  if (found->integer < least || found->integer > most) {
    fault(key, (found->integer == most_int ? "the number"
                                           : std::to_string(found->integer))
                 + " is not within " + std::to_string(least) + " to "
                 + std::to_string(most));
    return fallback.value_or(least);
  }
  return found->integer;
}

std::vector<std::string> toml_section::texts(std::string_view key) {
  std::vector<std::string> out;
  const auto* found = typed(key, toml_kind::array, "an array of texts");
  if (!found)
    return out;
  for (const auto& item : found->items) {
    if (item.type != toml_kind::text || item.text.empty()) {
      faults_.add(item, path_ + "." + std::string{key},
                  "expected a text that is not empty");
      continue;
    }
    if (std::find(out.begin(), out.end(), item.text) != out.end())
      faults_.add(item, path_ + "." + std::string{key},
                  in_quotes(item.text) + " appears twice");
    out.push_back(item.text);
  }
  return out;
}

uint64_t toml_section::bytes(std::string_view key, uint64_t least,
                             uint64_t most, uint64_t fallback) {
  const auto* found = find(key);
  if (!found)
    return fallback;
  std::optional<uint64_t> value;
  if (found->type == toml_kind::integer && found->integer >= 0)
    value = static_cast<uint64_t>(found->integer);
  else if (found->type == toml_kind::text)
    value = parse_bytes(found->text);
  if (!value) {
    fault(key, "expected a count of bytes, such as 65536 or \"64KiB\"");
    return fallback;
  }
  if (*value < least || *value > most) {
    fault(key, std::to_string(*value) + " bytes are not within "
                 + std::to_string(least) + " to " + std::to_string(most));
    return fallback;
  }
  return *value;
}

int64_t toml_section::duration(std::string_view key, int64_t least,
                               int64_t most, int64_t fallback) {
  const auto* found
    = typed(key, toml_kind::text, "a duration, such as \"1ms\" or \"7d\"");
  if (!found)
    return fallback;
  const auto value = parse_duration(found->text);
  if (!value) {
    fault(key, in_quotes(found->text)
                 + " is not a duration, such as \"1ms\", \"1h30m\" or \"7d\"");
    return fallback;
  }
  if (*value < least || *value > most) {
    fault(key, in_quotes(found->text) + " is not within "
                 + std::to_string(least) + " to " + std::to_string(most)
                 + " ns");
    return fallback;
  }
  return *value;
}

size_t toml_section::choice(std::string_view key,
                            const std::vector<std::string_view>& choices,
                            bool required) {
  const auto* found = typed(key, toml_kind::text, "a text");
  if (!found) {
    if (required && !has(key))
      fault(key, "is missing");
    return 0;
  }
  for (size_t i = 0; i < choices.size(); ++i)
    if (found->text == choices[i])
      return i;
  const auto near = meant(found->text, {choices.begin(), choices.end()});
  fault(key,
        in_quotes(found->text) + " is not one of " + joined(choices) + near);
  return 0;
}

void toml_section::pass_over() {
  for (const auto& [name, value] : table_.entries)
    known_.insert(name);
}

void toml_section::finish() {
  for (const auto& [name, value] : table_.entries) {
    if (known_.contains(name) || refused_.contains(name))
      continue;
    std::string all;
    for (const auto& key : known_)
      add_to_list(all, key);
    const auto near = meant(name, {known_.begin(), known_.end()});
    faults_.add(value, path_.empty() ? name : path_ + "." + name,
                "unknown key" + near + (near.empty() ? "; known" : " Known")
                  + " here: " + all);
  }
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 6> units{
    {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  if (text.empty())
    return std::nullopt;
  const auto value = leading_integer(text);
  if (!value)
    return std::nullopt;
  if (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  for (const auto& [unit, shift] : units)
    if (text == unit)
      return *value > (most_int >> shift)
               ? std::nullopt
               : std::optional{static_cast<uint64_t>(*value) << shift};
  return std::nullopt;
}

std::optional<int64_t> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 7> units{
    {{"d", 86'400'000'000'000},
     {"h", 3'600'000'000'000},
     {"m", 60'000'000'000},
     {"s", 1'000'000'000},
     {"ms", 1'000'000},
     {"us", 1'000},
     {"ns", 1}}};
  const bool negative = !text.empty() && text.front() == '-';
  if (negative)
    text.remove_prefix(1);
  if (text == "0")
    return 0;
  if (text.empty())
    return std::nullopt;
  int64_t total = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const auto value = leading_integer(text);
    if (!value)
      return std::nullopt;
    const auto letters = text.substr(0, text.find_first_of("0123456789"));
    size_t unit = next_unit;
    while (unit < units.size() && units[unit].first != letters)
      ++unit;
    int64_t part = 0;
    if (unit == units.size()
        || __builtin_mul_overflow(*value, units[unit].second, &part)
        || __builtin_add_overflow(total, part, &total))
      return std::nullopt;
    next_unit = unit + 1;
    text.remove_prefix(letters.size());
  }
  return negative ? -total : total;
}

std::optional<int64_t> parse_time_of_day(std::string_view text) {
  if (text == "24:00" || text == "24:00:00")
    return day_ns;
  scanner in{text};
  int64_t ns = 0;
  if ((text.size() == 5 || text.size() == 8)
      && scan_clock(in, time_forms::extended, ns) && in.done())
    return ns;
  return std::nullopt;
}

} // namespace millrace::text
