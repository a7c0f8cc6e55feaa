#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/nearest_name.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace {

/// What SQL, DuckDB, Arrow and others call a type: its name here; else empty.
[[nodiscard]] inline std::string_view own_name_of_type(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> names[]
    = {{"double", "float"},
       {"float64", "float"},
       {"decimal", "float"},
       {"numeric", "float"},
       {"float32", "real"},
       {"int64", "long"},
       {"bigint", "long"},
       {"integer", "int"},
       {"int32", "int"},
       {"int16", "short"},
       {"smallint", "short"},
       {"varchar", "string"},
       {"text", "string"},
       {"str", "string"},
       {"utf8", "string"},
       {"enum", "symbol"},
       {"bool", "boolean"},
       {"datetime", "timestamp"},
       {"timestamptz", "timestamp"}};
  for (const auto& [theirs, ours] : names)
    if (word == theirs && column_type_of(ours))
      return ours;
  return {};
}

/// Which type of a column a word may have meant: see text::meant.
[[nodiscard]] inline std::string meant_type(std::string_view word) {
  if (const auto ours = own_name_of_type(word); !ours.empty())
    return "; that is '" + std::string{ours} + "' here";
  std::vector<std::string> known;
  for (int code = 0; code <= static_cast<int>(column_type::string); ++code)
    if (const auto name = to_string(static_cast<column_type>(code));
        column_type_of(name))
      known.emplace_back(name);
  return text::meant(word, known);
}

} // namespace millrace
