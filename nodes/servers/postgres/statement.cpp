#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>
#include <millrace/query/front/sql/scanner.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

using query::sql::token_kind;

command command_of(std::string_view word) {
  using enum command;
  static constexpr std::array<std::pair<std::string_view, command>, 40> known{
    {{"begin", begin},
     {"start", begin},
     {"commit", commit},
     {"end", commit},
     {"rollback", rollback},
     {"abort", rollback},
     {"savepoint", savepoint},
     {"release", savepoint},
     {"unlisten", noted},
     {"show", show},
     {"set", set},
     {"reset", reset},
     {"discard", discard},
     {"deallocate", deallocate},
     {"declare", declare},
     {"fetch", fetch},
     {"close", close},
     {"insert", refused},
     {"update", refused},
     {"delete", refused},
     {"merge", refused},
     {"create", refused},
     {"drop", refused},
     {"alter", refused},
     {"truncate", refused},
     {"grant", refused},
     {"revoke", refused},
     {"copy", copy},
     {"vacuum", refused},
     {"analyze", refused},
     {"lock", refused},
     {"call", refused},
     {"do", refused},
     {"prepare", refused},
     {"execute", refused},
     {"listen", refused},
     {"notify", refused},
     {"comment", refused},
     {"refresh", refused},
     {"move", refused}}};
  const auto found
    = std::find_if(known.begin(), known.end(),
                   [&](const auto& each) { return each.first == word; });
  return found == known.end() ? query : found->second;
}

/// What stands between quotes, without them.
std::string unquoted(std::string_view text) {
  if (text.starts_with('$')) { // $tag$...$tag$
    const auto size = text.find('$', 1) + 1;
    return std::string{text.substr(size, text.size() - 2 * size)};
  }
  const bool has_escapes = text[0] == 'e' || text[0] == 'E';
  if (has_escapes)
    text.remove_prefix(1);
  const auto quote = text[0];
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == quote || (has_escapes && text[i] == '\\'))
        && i + 1 < text.size())
      ++i;
    out += text[i];
  }
  return out;
}

} // namespace

result<std::vector<statement>> statements_in(std::string_view text) {
  const auto tokens = query::sql::scan_tokens(text);
  if (!tokens)
    return tokens.failure();
  std::vector<statement> out;
  bool has_begun = false;
  size_t begin = 0;
  size_t end = 0;
  std::string word;
  for (const auto& each : *tokens) {
    if (each.kind != token_kind::semicolon && each.kind != token_kind::end) {
      if (!has_begun) {
        has_begun = true;
        begin = each.begin;
        word = text::lower_case(text.substr(each.begin, each.end - each.begin));
      }
      end = each.end;
      continue;
    }
    if (has_begun)
      out.push_back({std::string{text.substr(begin, end - begin)}, begin,
                     command_of(word), word});
    has_begun = false;
  }
  if (out.empty())
    out.emplace_back();
  return out;
}

std::vector<part> parts_of(std::string_view statement) {
  std::vector<part> out;
  const auto tokens = query::sql::scan_tokens(statement);
  if (!tokens)
    return out;
  for (const auto& each : *tokens) {
    if (each.kind == token_kind::end)
      break;
    const auto text = statement.substr(each.begin, each.end - each.begin);
    const bool is_quoted
      = each.kind == token_kind::text || each.kind == token_kind::quoted_name;
    out.push_back({is_quoted ? unquoted(text) : text::lower_case(text),
                   is_quoted, each.kind == token_kind::text, each.begin,
                   each.end});
  }
  return out;
}

} // namespace millrace::nodes::postgres
