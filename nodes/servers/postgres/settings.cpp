#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/settings.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

/// Names as they are reported, with values of a new session.
constexpr std::array<std::pair<std::string_view, std::string_view>, 34>
  known_settings{{{"application_name", ""},
                  {"bytea_output", "hex"},
                  {"client_encoding", "UTF8"},
                  {"client_min_messages", "notice"},
                  {"DateStyle", "ISO, MDY"},
                  {"default_transaction_isolation", "read committed"},
                  {"default_transaction_read_only", "on"},
                  {"extra_float_digits", "1"},
                  {"geqo", "on"},
                  {"idle_in_transaction_session_timeout", "0"},
                  {"in_hot_standby", "off"},
                  {"integer_datetimes", "on"},
                  {"IntervalStyle", "postgres"},
                  {"is_superuser", "off"},
                  {"jit", "off"},
                  {"lc_collate", "C"},
                  {"lc_ctype", "C"},
                  {"lc_monetary", "C"},
                  {"lock_timeout", "0"},
                  {"max_identifier_length", "63"},
                  {"max_index_keys", "32"},
                  {"row_security", "on"},
                  {"search_path", "\"$user\", public"},
                  {"server_encoding", "UTF8"},
                  {"server_version", "15.0"},
                  {"server_version_num", "150000"},
                  {"session_authorization", ""},
                  {"standard_conforming_strings", "on"},
                  {"statement_timeout", "0"},
                  {"tcp_keepalives_idle", "0"},
                  {"TimeZone", "UTC"},
                  {"transaction_isolation", "read committed"},
                  {"transaction_read_only", "on"},
                  {"work_mem", "4MB"}}};

constexpr std::array<std::string_view, 13> reported_settings{
  "server_version",
  "server_encoding",
  "client_encoding",
  "application_name",
  "is_superuser",
  "session_authorization",
  "DateStyle",
  "IntervalStyle",
  "TimeZone",
  "integer_datetimes",
  "in_hot_standby",
  "standard_conforming_strings",
  "default_transaction_read_only"};

/// The name as it is reported; empty: there is none.
std::string_view known_name(std::string_view name) {
  for (const auto& [known, value] : known_settings)
    if (text::lower_case(known) == text::lower_case(name))
      return known;
  return {};
}

/// What a value must be, where the port has nothing else.
struct only_value {
  std::string_view name;
  std::vector<std::string_view> values;
};
const std::vector<only_value>& only_values() {
  static const std::vector<only_value> out{
    {"client_encoding", {"utf8", "utf-8", "unicode", "sql_ascii"}},
    {"DateStyle", {"iso", "iso, mdy", "iso, dmy", "iso, ymd"}},
    {"IntervalStyle", {"postgres"}},
    {"standard_conforming_strings", {"on", "true", "1"}},
    {"TimeZone", {"utc", "etc/utc", "gmt", "z"}},
    {"bytea_output", {"hex"}},
    {"transaction_read_only", {"on", "true", "1"}},
    {"default_transaction_read_only", {"on", "true", "1"}},
  };
  return out;
}

constexpr std::array<std::string_view, 8> fixed_settings{
  "in_hot_standby", "integer_datetimes",     "is_superuser",
  "lc_collate",     "max_identifier_length", "server_encoding",
  "server_version", "server_version_num"};

/// "1500", "1500ms", "2s", "1min", in ns.
std::optional<int64_t> span_of(std::string_view text) {
  int64_t count = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, count);
  const std::string unit{read.ptr, end};
  const auto ms = unit.empty() || unit == "ms" ? int64_t{1}
                  : unit == "s"                ? int64_t{1'000}
                  : unit == "min"              ? int64_t{60'000}
                                               : int64_t{0};
  if (read.ec != std::errc{} || ms == 0 || count < 0 || count > 86'400'000 / ms)
    return std::nullopt;
  return count * ms * 1'000'000;
}

std::string joined(const std::vector<part>& parts, size_t from) {
  std::string out;
  for (size_t i = from; i < parts.size(); ++i) {
    if (!out.empty() && !parts[i].is(",") && !parts[i - 1].is("-")
        && !parts[i - 1].is("+"))
      out += ' ';
    out += parts[i].text;
  }
  return out;
}

bool begins_with(const std::vector<part>& parts, size_t at,
                 std::initializer_list<std::string_view> words) {
  for (const auto word : words)
    if (at >= parts.size() || !parts[at++].is(word))
      return false;
  return true;
}

} // namespace

session_settings::session_settings(const std::string& user) {
  for (const auto& [name, value] : known_settings)
    values_.emplace(name, value);
  values_["session_authorization"] = user;
  defaults_ = values_;
}

error session_settings::put(std::string_view named, std::string value) {
  const auto name = known_name(named);
  if (name.empty())
    return {errc::not_found,
            "there is no setting '" + std::string{named} + "'"};
  const auto wrong = [&](const std::string& wanted) {
    return error{errc::unsupported, std::string{name} + " is " + wanted
                                      + " here, and not '" + value + "'"};
  };
  if (std::find(fixed_settings.begin(), fixed_settings.end(), name)
      != fixed_settings.end())
    return wrong(values_.find(name)->second);
  for (const auto& only : only_values())
    if (only.name == name
        && std::find(only.values.begin(), only.values.end(),
                     text::lower_case(value))
             == only.values.end())
      return wrong(std::string{only.values[0]});
  if (name == "statement_timeout") {
    const auto ns = span_of(value);
    if (!ns)
      return wrong("a number of ms, s or min, up to a day");
    timeout_ns_ = *ns;
  }
  constexpr size_t value_bytes_max = 256;
  if (value.size() > value_bytes_max)
    return {errc::limit_exceeded,
            "the value of " + std::string{name} + " has more than "
              + std::to_string(value_bytes_max) + " bytes"};
  if (name == "client_encoding")
    value = "UTF8";
  else if (name == "DateStyle")
    value = "ISO, MDY";
  else if (name == "TimeZone")
    value = "UTC";
  values_.find(name)->second = std::move(value);
  return {};
}

namespace {

/// Words between blanks; a backslash keeps what is after it.
std::vector<std::string> words_of_options(std::string_view text) {
  std::vector<std::string> out;
  bool is_within = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
      is_within = false;
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size())
      ++i;
    if (!std::exchange(is_within, true))
      out.emplace_back();
    out.back() += text[i];
  }
  return out;
}

} // namespace

/// `-c name=value` and `--name=value`, as of a server that is started.
error session_settings::take_options(std::string_view text) {
  const auto words = words_of_options(text);
  for (size_t i = 0; i < words.size(); ++i) {
    auto word = words[i];
    if (word == "-c" && i + 1 < words.size())
      word = words[++i];
    else if (word.starts_with("-c") || word.starts_with("--"))
      word.erase(0, 2);
    else
      word.clear();
    const auto sign = word.find('=');
    if (sign == word.npos || sign == 0)
      return {errc::unsupported, "of options there are -c name=value and "
                                 "--name=value, and not '"
                                   + words[i] + "'"};
    auto name = word.substr(0, sign);
    std::replace(name.begin(), name.end(), '-', '_');
    if (auto fault = put(name, word.substr(sign + 1)))
      return fault;
  }
  return {};
}

error session_settings::start_with(std::string_view name,
                                   std::string_view value) {
  auto fault = take_at_start(name, value);
  // What RESET comes back to.
  defaults_ = values_;
  return fault;
}

error session_settings::take_at_start(std::string_view name,
                                      std::string_view value) {
  // Clients say the zone of their host, and work with times without one.
  if (name == "user" || name == "database"
      || text::lower_case(name) == "timezone" || name.starts_with("_pq_."))
    return {};
  if (name == "options")
    return take_options(value);
  if (name == "replication" && !value.empty())
    return {errc::unsupported, "replication is not there"};
  // Some clients put it between quotes, as in SET.
  if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
    value = value.substr(1, value.size() - 2);
  return put(name, std::string{value});
}

error session_settings::set(const std::vector<part>& parts) {
  size_t at = 1;
  const bool is_local = begins_with(parts, at, {"local"});
  if (begins_with(parts, at, {"session", "characteristics"})
      || begins_with(parts, at, {"transaction"}))
    return {};
  if (begins_with(parts, at, {"session", "authorization"})
      || begins_with(parts, at, {"role"}))
    return {errc::unsupported, "there are no roles here"};
  if (is_local || begins_with(parts, at, {"session"}))
    ++at;
  std::string name;
  if (begins_with(parts, at, {"time", "zone"})) {
    name = "TimeZone";
    at += 2;
  } else if (begins_with(parts, at, {"names"})) {
    name = "client_encoding";
    at += 1;
  } else if (at + 1 < parts.size()
             && (parts[at + 1].is("=") || parts[at + 1].is("to"))) {
    name = parts[at].text;
    at += 2;
  }
  if (name.empty() || at >= parts.size())
    return {errc::invalid_argument, "SET has a name, TO and a value"};
  if (is_local)
    local_.push_back(std::string{known_name(name)});
  if (begins_with(parts, at, {"default"})) {
    const auto found = defaults_.find(known_name(name));
    return put(name, found == defaults_.end() ? std::string{} : found->second);
  }
  return put(name, joined(parts, at));
}

error session_settings::reset(const std::vector<part>& parts) {
  if (begins_with(parts, 1, {"all"})) {
    reset_all();
    return {};
  }
  if (parts.size() != 2)
    return {errc::invalid_argument, "RESET has a name, or ALL"};
  const auto found = defaults_.find(known_name(parts[1].text));
  return put(parts[1].text,
             found == defaults_.end() ? std::string{} : found->second);
}

void session_settings::reset_all() {
  values_ = defaults_;
  timeout_ns_ = span_of(values_.find("statement_timeout")->second).value_or(0);
}

std::optional<std::string> session_settings::find(std::string_view name) const {
  const auto found = values_.find(known_name(name));
  if (found == values_.end())
    return std::nullopt;
  return found->second;
}

void session_settings::commit() {
  for (const auto& name : local_)
    if (const auto found = before_.values.find(name);
        found != before_.values.end())
      values_[name] = found->second;
  if (std::find(local_.begin(), local_.end(), "statement_timeout")
      != local_.end())
    timeout_ns_ = before_.timeout_ns;
  local_.clear();
}

void session_settings::roll_back() {
  if (!before_.values.empty()) {
    values_ = before_.values;
    timeout_ns_ = before_.timeout_ns;
  }
  local_.clear();
}

std::vector<std::pair<std::string, std::string>>
session_settings::reported() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto name : reported_settings)
    out.emplace_back(name, values_.find(name)->second);
  return out;
}

} // namespace millrace::nodes::postgres
