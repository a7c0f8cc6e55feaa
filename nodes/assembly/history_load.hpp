#pragma once

#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::nodes {

/// Files into the partitions of their rows' own dates, past every stream. How
/// much of a file is there is noted in the hdb's manifest in one step with its
/// rows: a load that was cut off goes on where it stood, and a file that is
/// there is passed over. Works beside a running cluster. Blocks. One owner.
class history_load {
public:
  /// Rows that are held in memory and written down together, at least.
  static constexpr uint64_t rows_per_write = 4'000'000;

  struct options {
    /// Files, layout, table, date and symbol, as of a feed.
    process_config what;
    /// Rows of a date that are there make room for those of the files.
    bool replaces = false;
    std::string reject_path;
  };

  /// Nothing is read yet, but what of the files is there. `config` when the
  /// table does not fit the rows that are there.
  /// @param counters are added up while it runs
  [[nodiscard]] static result<std::unique_ptr<history_load>>
  open(persistence::env& world, const cluster_config& config, options given,
       std::shared_ptr<feed::batch_source_counters> counters);

  /// Reads one batch; writes when enough are read, and at the end. After a
  /// failure what was written stays; `locked`: another writes there.
  /// @returns false when all is written.
  [[nodiscard]] result<bool> step();

  [[nodiscard]] uint64_t rows() const noexcept { return rows_written_; }
  [[nodiscard]] uint64_t rows_replaced() const noexcept {
    return rows_replaced_;
  }
  /// That rows were written to.
  [[nodiscard]] const std::set<std::string>& partitions() const noexcept {
    return partitions_;
  }
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }

private:
  /// Where a source stands in the hdb.
  struct standing {
    uint32_t generation = 1; ///< One more each time its rows were replaced.
    source_cursor there;
  };

  history_load(persistence::env& world, table_schema schema,
               std::string directory, bool replaces)
    : env_{&world}, schema_{std::move(schema)},
      directory_{std::move(directory)}, replaces_{replaces} {}

  [[nodiscard]] error read_standings();
  [[nodiscard]] error take(const feed::parsed_batch& batch);
  [[nodiscard]] error write();
  [[nodiscard]] bool is_own(const persistence::hdb_part& part) const;
  void clear();

  persistence::env* env_;
  table_schema schema_;
  std::string directory_;
  bool replaces_;
  std::vector<std::string> kept_; ///< Begins of the streams of these files.
  std::shared_ptr<feed::batch_source> from_;
  std::map<std::string, standing> standings_; ///< By source.
  std::unique_ptr<persistence::memory_store> store_;
  position store_end_;
  source_cursor read_; ///< Of the source whose rows are in `store_`.
  uint64_t rows_held_ = 0;
  std::set<std::string> partitions_;
  uint64_t rows_written_ = 0;
  uint64_t rows_replaced_ = 0;
};

} // namespace millrace::nodes
