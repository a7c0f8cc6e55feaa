#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/sql/grammar.hpp>
#include <millrace/query/front/sql/source.hpp>

#include <algorithm>
#include <memory>
#include <pg_query.h>
#include <string>

namespace millrace::query::sql {

namespace {

/// The offset of a character, counted from 1.
uint32_t offset_of(std::string_view text, int character) {
  size_t at = 0;
  for (int i = 1; i < character && at < text.size(); ++i)
    do
      ++at;
    while (at < text.size()
           && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  return static_cast<uint32_t>(at);
}

/// What the word at `at` may have meant, where a query begins with it.
std::string meant_word(std::string_view text, size_t at) {
  const auto first = text.find_first_not_of(" \t\r\n(");
  if (first != at)
    return {};
  const auto end = std::min(text.find_first_of(" \t\r\n(;*", at), text.size());
  return text::meant(text.substr(at, end - at),
                     {"select", "with", "explain", "values"});
}

} // namespace

result<text::json_value> parse_tree(const rewritten_query& query,
                                    std::string_view source) {
  struct owned_result {
    explicit owned_result(const char* written)
      : value{pg_query_parse(written)} {}
    ~owned_result() { pg_query_free_parse_result(value); }
    owned_result(const owned_result&) = delete;
    owned_result& operator=(const owned_result&) = delete;
    PgQueryParseResult value;
  };
  const owned_result parsed{query.text.c_str()};
  if (const auto* fault = parsed.value.error) {
    const auto at
      = fault->cursorpos > 0 ? offset_of(query.text, fault->cursorpos) : 0;
    return fault_at(source, query.source_of(at), errc::invalid_argument,
                    fault->message + meant_word(query.text, at));
  }
  auto tree = text::parse_json(parsed.value.parse_tree);
  if (!tree)
    return error{errc::limit_exceeded,
                 "the query cannot be read: it is nested more than "
                   + std::to_string(text::json_depth_max / 2)
                   + " levels deep, or has text that is not UTF-8"};
  const auto& statements = tree->at("stmts").elements();
  if (statements.empty())
    return fault_at(source, 0, errc::invalid_argument,
                    "the query is empty; a SELECT is wanted");
  if (statements.size() > 1) {
    const auto second = statements[1].at("stmt_location").integer();
    return fault_at(source,
                    query.source_of(static_cast<uint32_t>(second.value_or(0))),
                    errc::unsupported, "one statement is asked at a time");
  }
  return statements[0].at("stmt");
}

int64_t whole_number_in(const text::json_value& constant,
                        const rewritten_query& query) {
  if (const auto value = constant.at("ival").at("ival").integer())
    return *value;
  const auto& text = query.text;
  auto at = static_cast<size_t>(constant.at("location").integer().value_or(0));
  while (at < text.size() && (text[at] < '0' || text[at] > '9'))
    ++at;
  int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9')
    value = value * 10 + (text[at++] - '0');
  return -value;
}

} // namespace millrace::query::sql
