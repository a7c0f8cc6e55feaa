#pragma once

#include <string>
#include <vector>

#include "plan_support.hpp"

// Tables that questions in SQL are about, and their rows.

namespace millrace::query::testing_support {

inline constexpr int64_t second_of_sql = 1'000'000'000;

inline const std::vector<table_schema>& sql_tables() {
  static const auto tables = [] {
    std::vector<table_schema> out(3);
    out[0].name = "trade";
    out[0].columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
         {"price", column_type::float_},   {"size", column_type::long_},
         {"lot", column_type::int_},       {"ok", column_type::boolean}};
    out[1].name = "quote";
    out[1].columns = {{"time", column_type::timestamp},
                      {"sym", column_type::symbol},
                      {"bid", column_type::float_}};
    out[2].name = "orders";
    out[2].columns = {{"time", column_type::timestamp},
                      {"sym", column_type::symbol},
                      {"id", column_type::guid},
                      {"parent", column_type::guid},
                      {"day", column_type::date}};
    for (auto& each : out) {
      each.time_column = "time";
      each.symbol_column = "sym";
    }
    return out;
  }();
  return tables;
}

inline const table_schema* sql_table(std::string_view name) {
  for (const auto& each : sql_tables())
    if (each.name == name)
      return &each;
  return nullptr;
}

/// Two stores of trades, and one of quotes. A row in three has nulls.
inline const parts_of_tables& sql_parts() {
  static const auto parts = [] {
    const auto at = [](int64_t seconds, std::vector<cell> rest) {
      std::vector<cell> cells{seconds * second_of_sql};
      cells.insert(cells.end(), rest.begin(), rest.end());
      return placed_row{std::move(cells)};
    };
    const auto none = nan_value;
    const std::string no_name;
    std::vector<placed_row> first{
      at(1, {std::string{"A"}, 10.0, int64_t{100}, int64_t{7}, int64_t{1}}),
      at(2, {std::string{"B"}, 5.5, null_long, int64_t{-7}, int64_t{0}}),
      at(3, {std::string{"A"}, none, int64_t{300}, null_long, int64_t{1}})};
    std::vector<placed_row> second{
      at(61, {no_name, 2.5, int64_t{40}, int64_t{2}, int64_t{0}}),
      at(62, {std::string{"C"}, none, null_long, int64_t{0}, int64_t{0}}),
      at(63, {std::string{"B"}, 6.5, int64_t{20}, int64_t{-2}, int64_t{1}})};
    std::vector<placed_row> quotes{
      at(0, {std::string{"A"}, 9.0}), at(2, {std::string{"A"}, 9.5}),
      at(3, {no_name, 1.0}), at(62, {std::string{"B"}, 6.0})};
    const auto id = [](char c) {
      return std::string(c == '0' ? 16 : 15, '\0')
             + (c == '0' ? "" : std::string(1, c));
    };
    std::vector<placed_row> orders{
      at(1, {std::string{"A"}, id('\1'), id('0'), int64_t{8785}}),
      at(2, {std::string{"B"}, id('\2'), id('\1'), int64_t{8786}}),
      at(3, {std::string{"C"}, id('\3'), id('\3'), null_long})};
    const auto& tables = sql_tables();
    parts_of_tables out;
    out["orders"].push_back(make_view(tables[2], orders, {}));
    out["trade"].push_back(make_view(tables[0], first, {}));
    out["trade"].push_back(
      make_view(tables[0], second, {.part_order = 1, .order_base = 100}));
    out["quote"].push_back(make_view(tables[1], quotes, {}));
    return out;
  }();
  return parts;
}

} // namespace millrace::query::testing_support
