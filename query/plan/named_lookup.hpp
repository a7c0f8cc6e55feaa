#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/plan/plan_tree.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// A constant that a named query is given, or several.
struct argument_value {
  column_type type = column_type::long_;
  bool is_list = false;
  std::vector<literal> values;
  friend bool operator==(const argument_value&, const argument_value&)
    = default;
};

/// As a parameter of a type takes it: a text is read as a constant of the type,
/// a number or a time may be of a narrower type. `invalid_argument` says what
/// does not fit.
[[nodiscard]] result<argument_value> fit(argument_value given,
                                         column_type type);

/// A name in a query that has a value.
struct bound_name {
  std::string name;
  argument_value value;
};

/// What a named query gives.
struct named_rows {
  plan_node plan;                ///< Resolved.
  std::vector<std::string> keys; ///< Its first columns, when they are keys.
};

/// The queries that have names, for the languages.
struct named_lookup {
  /// Whether there is one; empty: there is none at all.
  std::function<bool(std::string_view name)> knows;
  /// Of one that there is. Faults name the query.
  std::function<result<named_rows>(std::string_view name,
                                   std::vector<argument_value> arguments)>
    rows_of;
  struct listed {
    std::string name;
    std::string parameters; ///< "startdate:date, bucket:timespan"
    std::string description;
  };
  /// All of them, by name; empty: there is none at all.
  std::function<std::vector<listed>()> list;

  [[nodiscard]] bool has(std::string_view name) const {
    return knows && knows(name);
  }
  /// For hints.
  [[nodiscard]] std::vector<std::string> names() const;
};

} // namespace millrace::query
