#pragma once

#include <millrace/messages/data/schema.hpp>
#include <millrace/sim/world/cluster_plan.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::torq {
struct feed_progress;
}

namespace millrace::sim {

/// The table that simulated feeds fill: time, sym, seq (long), size (int).
/// `seq` numbers the rows of a feed from 0, shifted by the feed's number.
[[nodiscard]] table_schema trade_table();

/// One row of it, a pure function of the feed's number and the row's.
struct trade_row {
  int64_t time = 0;
  std::string sym;
  int64_t seq = 0;
  int32_t size = 0;
  friend auto operator<=>(const trade_row&, const trade_row&) = default;
};
inline constexpr int64_t rows_of_feed_max = 1'000'000;
[[nodiscard]] trade_row row_of(uint64_t feed, uint64_t row);

void add_discovery(cluster_plan& to, const std::string& name);

struct feed_load {
  uint64_t feed = 0; ///< Its number.
  uint64_t rows = 600;
  uint32_t rows_per_batch_max = 12;
  /// After about so many it has a period ended, from 8000 on; 0: none.
  uint64_t rows_per_period = 0;
  uint64_t roll_bytes = uint64_t{1} << 30; ///< Of its own log.
};

/// A feed handler that publishes its rows at the pace of their times, from the
/// last cursor that RT or its own log knows. Its replicator stays after that.
void add_feed(cluster_plan& to, const std::string& name, const feed_load& load,
              std::shared_ptr<torq::feed_progress> progress);

struct database_options {
  std::string hdb_directory = "/hdb";
  std::string machine = "db"; ///< Whose disk holds the HDB.
  int64_t query_timeout_ns = 2'000'000'000;
  uint64_t memory_max_bytes = 0;         ///< rdb; 0: no limit.
  uint64_t query_memory_max_bytes = 0;   ///< rdb, hdb; 0: no limit.
  uint64_t queries_memory_max_bytes = 0; ///< rdb, hdb, gateway; 0: no limit.
};

void add_rdb(cluster_plan& to, const std::string& name,
             const database_options& options);
void add_hdb(cluster_plan& to, const std::string& name,
             const database_options& options);
void add_gateway(cluster_plan& to, const std::string& name,
                 const database_options& options);

/// Where the RDB that is this process stands, or why it does not say.
[[nodiscard]] result<rdb_facts> facts_of_rdb(world& in,
                                             const std::string& process);

/// Rows of a query's answer, sorted. @pre its columns are those of the table.
[[nodiscard]] result<std::vector<trade_row>> rows_of(const chunks& answer);

/// Rows that a merged log holds, with the position after their batch.
[[nodiscard]] result<std::vector<std::pair<position, trade_row>>>
rows_in_stream(persistence::file_system& fs, const std::string& directory);

} // namespace millrace::sim
