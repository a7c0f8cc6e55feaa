#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/front/qsql/constant.hpp>
#include <millrace/query/front/qsql/source.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::query::qsql {

/// What a query may take: a longer one is `limit_exceeded`.
inline constexpr size_t text_bytes_max = size_t{1} << 20;
inline constexpr size_t tokens_max = 100'000;

enum class token_kind : uint8_t {
  end,
  constant,
  name,     ///< "price", "time.date", ".z.p", "select", "xbar"
  verb,     ///< "+", "<=", ":", ...
  iterator, ///< "/", "\\", "'", "/:", "\\:", "':"
  open_paren,
  close_paren,
  open_bracket,
  close_bracket,
  open_brace,
  close_brace,
  semicolon,
};

struct token {
  token_kind kind = token_kind::end;
  text_range at;
  std::string text; ///< Of a name, verb or iterator.
  constant value;   ///< Of a constant.
};

/// The tokens of a query, `end` last. Numbers that follow each other with
/// nothing but blanks between are one constant, as are symbols that touch. A
/// `-` is the sign of a number that follows at once, but not after what it can
/// be subtracted from. What follows a `/` after a blank, up to the end of its
/// line, is a comment. A fault is `fault_at` of its place.
[[nodiscard]] result<std::vector<token>> scan_tokens(std::string_view source);

} // namespace millrace::query::qsql
