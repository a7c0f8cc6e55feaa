#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::query::sql {

/// What a query may take: a longer one is `limit_exceeded`.
inline constexpr size_t text_bytes_max = size_t{1} << 20;
inline constexpr size_t tokens_max = 100'000;
/// Operators, brackets and words that nest what stands beside them. The
/// grammar's library walks what they make by recursion, without a bound of its
/// own.
inline constexpr size_t nesting_tokens_max = 2'000;

enum class token_kind : uint8_t {
  end,
  word,        ///< A name or a keyword, as it is written.
  quoted_name, ///< "..." with its quotes.
  text,        ///< '...', E'...', $tag$...$tag$, with all that.
  number,
  span, ///< A number with a unit at its end: 15m, 1h.
  operation,
  open,
  close,
  comma,
  semicolon,
  other, ///< Other characters: . [ ] : and what PostgreSQL refuses.
};

struct token {
  token_kind kind = token_kind::end;
  uint32_t begin = 0; ///< Offsets of bytes.
  uint32_t end = 0;
};

/// The tokens of a query as PostgreSQL sees them, `end` last; comments are
/// left out. A fault is `fault_at` of its place.
[[nodiscard]] result<std::vector<token>> scan_tokens(std::string_view text);

} // namespace millrace::query::sql
