#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/front/named_queries.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What stands for $1 is in parameters.cpp.

namespace millrace::nodes::postgres {

/// What a statement is for the port: what it reads is a question, most of the
/// rest is about the session alone.
enum class command : uint8_t {
  nothing, ///< Blanks and comments.
  query,
  show,
  set,
  reset,
  begin,
  commit,
  rollback,
  savepoint, ///< Or RELEASE.
  copy,
  noted, ///< Answered by its tag; there is nothing to do.
  discard,
  deallocate,
  declare,
  fetch,
  close,
  refused, ///< It would change something.
};

struct statement {
  std::string text;
  size_t begin = 0; ///< Where it stands in what the client sent.
  command what = command::nothing;
  std::string word; ///< The first, in lower case.
};

/// The statements of a text, without the semicolons between them; one at least.
/// `invalid_argument` for a quotation or a comment without an end.
[[nodiscard]] result<std::vector<statement>>
statements_in(std::string_view text);

/// A word of a statement in lower case, or what stands between quotes.
struct part {
  std::string text;
  bool is_quoted = false; ///< A text, or a name in quotes.
  bool is_text = false;   ///< In single quotes, or dollars.
  size_t begin = 0;
  size_t end = 0;
  [[nodiscard]] bool is(std::string_view word) const {
    return !is_quoted && text == word;
  }
};
/// The words, signs, numbers and texts of a statement that can be scanned.
[[nodiscard]] std::vector<part> parts_of(std::string_view statement);

using tables_by_name = std::map<std::string, table_schema>;

/// The types of $1, $2, ... : as the client said, else as what stands beside
/// them, or as the named query takes that they are given to.
/// `limit_exceeded` for more than there may be.
[[nodiscard]] result<std::vector<uint32_t>>
parameter_types(std::string_view statement, std::vector<uint32_t> declared,
                const tables_by_name& tables,
                const query::named_queries& queries);

/// Whether values of a type are texts, by its number.
[[nodiscard]] bool holds_text(uint32_t type) noexcept;

/// A parameter as text.
using parameter_value = std::optional<std::string>;

/// What a client sent for a parameter. `unsupported` for a type whose binary
/// form is not read, `invalid_argument` for bytes that are no value of it.
[[nodiscard]] result<parameter_value>
read_parameter(std::string_view bytes, uint32_t type, bool is_binary);

/// The statement with the values in the places of its parameters.
/// `invalid_argument` when there are not enough, or one is no number.
[[nodiscard]] result<std::string>
with_values(std::string_view statement, const std::vector<uint32_t>& types,
            const std::vector<parameter_value>& values);

/// Values that any statement can be planned with.
[[nodiscard]] std::vector<parameter_value>
sample_values(const std::vector<uint32_t>& types);

} // namespace millrace::nodes::postgres
