#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/plan/plan.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// The q type number that a JSON value stands for, as it is printed in
/// messages: -11 string (a symbol), 11 list of strings, -7 integer, -9 float,
/// -1 boolean, 99 object, 0 mixed list; {"type":T,"value":V}: the atom's.
[[nodiscard]] int q_type(const text::json_value& value);

/// Minus the kdb+ number: the type of an atom; -10 is a char, 10 a string.
[[nodiscard]] int q_type(column_type type) noexcept;

/// {"type":T,"value":V}: the type; none for anything else.
[[nodiscard]] std::optional<column_type>
named_type(const text::json_value& value);

/// A JSON value as a constant beside a column of `type`. A number stands for no
/// time, unless it names its unit: {"unix_ms": 1704205800000}.
[[nodiscard]] result<literal> read_literal(const text::json_value& value,
                                           column_type type);

/// "`a`b"; ",`a" for a single one, as q prints a list of one.
[[nodiscard]] std::string symbol_list(const std::vector<std::string>& names);

/// {`invalid_argument`, "<check>: <text>"}.
[[nodiscard]] error check_failed(std::string_view check,
                                 const std::string& text);

/// The same, and after TorQ's text what it means to one who does not know q.
/// @param more what only such a one is told, for TorQ's text says it itself
[[nodiscard]] error check_failed(std::string_view check,
                                 const std::string& text,
                                 const std::string& plain,
                                 const std::string& more = {});

/// The same, where TorQ's text says it all in words of q.
[[nodiscard]] error check_failed_plainly(std::string_view check,
                                         const std::string& text,
                                         const std::string& plain);

/// Both texts of a failed check stand in it until it is known who asks.
/// @param torq TorQ's text and, after "that is:", what it means; else that
///   alone
[[nodiscard]] std::string chosen_words(std::string_view context, bool torq);

/// Between TorQ's text and what it means.
inline constexpr char means = '\x1f';

/// "'a'", "'a' and 'b'", "'a', 'b' and 'c'".
[[nodiscard]] std::string quoted_list(const std::vector<std::string>& names);

/// "`name input type incorrect - valid type(s):... - input type:...".
/// @param why ": " and the reason, where the value says it
[[nodiscard]] error type_incorrect(std::string_view parameter,
                                   std::string_view valid,
                                   const text::json_value& value,
                                   const std::string& why = {});

/// One string or a list of strings; nullopt for anything else.
[[nodiscard]] std::optional<std::vector<std::string>>
read_names(const text::json_value& value);

} // namespace millrace::query
