#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/configuration/q_schema.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr std::string_view q_blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(q_blanks);
  if (begin == text.npos)
    return {};
  return text.substr(begin, text.find_last_not_of(q_blanks) - begin + 1);
}

/// The letters that q has for its types.
std::optional<column_type> type_of_letter(char letter) {
  constexpr std::array<std::pair<char, column_type>, 17> letters{{
    {'b', column_type::boolean},
    {'g', column_type::guid},
    {'x', column_type::byte_},
    {'h', column_type::short_},
    {'i', column_type::int_},
    {'j', column_type::long_},
    {'e', column_type::real},
    {'f', column_type::float_},
    {'c', column_type::char_},
    {'s', column_type::symbol},
    {'p', column_type::timestamp},
    {'m', column_type::month},
    {'d', column_type::date},
    {'n', column_type::timespan},
    {'u', column_type::minute},
    {'v', column_type::second},
    {'t', column_type::time},
  }};
  for (const auto& [known, type] : letters)
    if (known == letter)
      return type;
  return std::nullopt;
}

/// "`g#`symbol$()", "\"f\"$()", "()": an empty list of a type.
std::optional<column_type> type_of_list(std::string_view list) {
  list = trimmed(list);
  if (const auto attribute = list.find('#'); attribute != list.npos)
    list = trimmed(list.substr(attribute + 1));
  if (list == "()")
    return column_type::string;
  constexpr std::string_view end = "$()";
  if (!list.ends_with(end))
    return std::nullopt;
  list.remove_suffix(end.size());
  if (list.starts_with('`')) {
    list.remove_prefix(1);
    return list.empty() ? column_type::symbol : column_type_of(list);
  }
  if (list.size() == 3 && list.front() == '"' && list.back() == '"')
    return type_of_letter(list[1]);
  return std::nullopt;
}

/// Comments are lines that begin with '/', and what follows " /".
std::string_view without_comment(std::string_view line) {
  return line.starts_with('/') ? std::string_view{}
                               : line.substr(0, line.find(" /"));
}

/// Lines that go together, without their comments: those that begin with a
/// blank go on.
std::vector<std::string> statements_of(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = without_comment(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trimmed(line).empty())
      continue;
    const bool goes_on = line.front() == ' ' || line.front() == '\t'
                         || trimmed(line) == ")" || open;
    if (goes_on && !out.empty())
      out.back() += "\n" + std::string{line};
    else
      out.emplace_back(line);
    const auto& all = out.back();
    open = std::count(all.begin(), all.end(), '(')
           > std::count(all.begin(), all.end(), ')');
  }
  return out;
}

/// The reason why a statement is no table; empty: it is in `into`.
std::string read_table(std::string_view statement, table_schema& into) {
  statement = trimmed(statement);
  while (statement.ends_with(';'))
    statement = trimmed(statement.substr(0, statement.size() - 1));
  const auto colon = statement.find(':');
  const auto body = colon == statement.npos
                      ? std::string_view{}
                      : trimmed(statement.substr(colon + 1));
  const auto brackets = body.find(']');
  if (!body.starts_with("([") || !body.ends_with(')') || brackets == body.npos)
    return "declares no table";
  into.name = trimmed(statement.substr(0, colon));
  if (!trimmed(body.substr(2, brackets - 2)).empty())
    return "table '" + into.name + "' has keys; rows of a stream have none";
  auto columns = body.substr(brackets + 1, body.size() - brackets - 2);
  while (!columns.empty()) {
    const auto end = std::min(columns.find(';'), columns.size());
    const auto column = columns.substr(0, end);
    columns.remove_prefix(std::min(end + 1, columns.size()));
    const auto name_end = std::min(column.find(':'), column.size());
    const std::string name{trimmed(column.substr(0, name_end))};
    const auto type
      = type_of_list(column.substr(std::min(name_end + 1, column.size())));
    if (!type)
      return "table '" + into.name + "': the type of column '" + name
             + "' is not known";
    into.columns.push_back({name, *type});
  }
  into.time_column = "time";
  into.symbol_column = "sym";
  const auto fault = validate(into);
  return fault ? "table '" + into.name + "': " + fault.context : std::string{};
}

} // namespace

q_schema read_q_schema(std::string_view text, const std::string& path) {
  q_schema out;
  for (const auto& statement : statements_of(text)) {
    table_schema table;
    const auto why = read_table(statement, table);
    if (why.empty()) {
      out.tables.push_back(std::move(table));
      continue;
    }
    const auto first = trimmed(statement).substr(0, 40);
    out.left_out.push_back(path + ": '"
                           + std::string{first.substr(0, first.find('\n'))}
                           + "' is left out: " + why);
  }
  return out;
}

} // namespace millrace::nodes
