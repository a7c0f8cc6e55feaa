#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/query/plan/plan.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace millrace::nodes {

class runtime;

/// Rows that came by a stream and are in no partition yet: what is done to a
/// database by hand does not concern them, and they come to it with the end of
/// their period.
struct rows_in_rdbs {
  struct of_date {
    std::string rdb;
    std::string table;
    std::string partition;
    uint64_t rows = 0;
  };
  std::vector<of_date> rows;
  std::vector<std::string> unasked; ///< And why.
};

/// Asks rdbs of a table's stream. Blocks: not for handlers.
/// @param asks whether one is asked, by its name
/// @param cutover up to where the database has the stream
/// @param is_meant by date, days since 2000.01.01
/// @param choice rows that are meant; null: all
[[nodiscard]] rows_in_rdbs
look_into_rdbs(runtime& host, const cluster_config& config,
               const table_config& table, position cutover,
               const std::function<bool(const std::string& rdb)>& asks,
               const std::function<bool(int64_t date)>& is_meant,
               const query::logical_plan* choice = nullptr);

/// Lines for people. @param fate what becomes of such rows: "stay"
[[nodiscard]] std::vector<std::string> lines_of(const rows_in_rdbs& what,
                                                const std::string& fate);
[[nodiscard]] text::json_value json_of(const rows_in_rdbs& what);

} // namespace millrace::nodes
