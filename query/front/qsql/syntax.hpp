#pragma once

#include <millrace/query/front/qsql/constant.hpp>
#include <millrace/query/front/qsql/source.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace millrace::query::qsql {

enum class node_kind : uint8_t {
  nothing,  ///< An argument that was left out, and "::".
  constant, ///< `value`
  name,     ///< `text`: a column, table, function or local name
  verb,     ///< `text`, `iterator`: "+" or "wavg" as a value
  list,     ///< `items`: "(a;b)"
  table,    ///< `items`: columns, the first `key_count` of them keys
  apply,    ///< `items`: what is applied, then its arguments
  assign,   ///< `label`, and the value in `items`
  phrase,   ///< `phrase`: select, exec, update or delete
};

struct select_phrase;

/// A part of a query's text, as it is nested. What stands for what is found
/// out later.
struct node {
  node_kind kind = node_kind::nothing;
  text_range at;
  std::string label; ///< Of "label:value", in a phrase or a table.
  constant value;
  std::string text;
  std::string iterator;
  std::vector<node> items;
  size_t key_count = 0;
  std::unique_ptr<select_phrase> phrase;

  node() = default;
  node(node_kind what, text_range where) : kind{what}, at{where} {}
  node(node&&) noexcept;
  node& operator=(node&&) noexcept;
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node();
};

enum class phrase_kind : uint8_t { select, exec, update, delete_ };

/// "select[limits] distinct columns by keys from source where conditions".
struct select_phrase {
  phrase_kind kind = phrase_kind::select;
  bool distinct = false;
  bool grouped = false; ///< "by" is there.
  std::vector<node> limits;
  std::vector<node> columns;
  std::vector<node> keys;
  node source;
  std::vector<node> conditions;
};

/// "select", "exec", ...
[[nodiscard]] std::string_view to_string(phrase_kind kind) noexcept;

} // namespace millrace::query::qsql
