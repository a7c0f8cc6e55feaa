#pragma once

#include <millrace/feed/kdb/kdb_columns.hpp>
#include <millrace/feed/parse/batch_source.hpp>
#include <millrace/feed/text/text_digest.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::feed {

/// One table of a database of kdb+, as the batches of a load. Each part is a
/// source of its own, named by what its rows are, so that one that was loaded
/// is known again, also when it was compressed or moved since. A part is read
/// and checked as a whole before its first row is given.
class kdb_source final : public batch_source {
public:
  struct options {
    persistence::kdb_database database;
    std::string table; ///< Of the database.
    table_schema schema;
    std::set<std::string> left_out; ///< Columns of the database.
    /// Asked now and then while a part is checked.
    std::function<bool()> interrupted;
  };
  /// What a part says of itself.
  struct part_report {
    std::string part;
    uint64_t rows = 0;
    /// Of these, those that are loaded already; known once the part was begun.
    uint64_t rows_known = 0;
    std::vector<std::string> absent; ///< Columns whose rows are null.
  };

  /// What a part is called in the names of sources.
  [[nodiscard]] static std::string
  name_of(const persistence::kdb_database& database, const std::string& table,
          const persistence::kdb_part& part);

  /// Nothing is touched yet. `fs` outlives the object.
  kdb_source(persistence::file_system& fs, options given,
             std::shared_ptr<batch_source_counters> counters);

  /// Reads the headers of all parts; a fault before the first row is given.
  error open(const std::vector<source_cursor>& published) override;
  result<std::optional<parsed_batch>> next() override;
  error close() override;

  /// After `open`.
  [[nodiscard]] const std::vector<part_report>& parts() const noexcept {
    return reports_;
  }

private:
  [[nodiscard]] std::string label(const persistence::kdb_part& part) const;
  [[nodiscard]] result<kdb_columns> plan(const persistence::kdb_part& part);
  [[nodiscard]] error begin_part();
  [[nodiscard]] result<std::string> identify();
  void tell_progress(uint64_t rows);
  void end_part();

  persistence::file_system* fs_;
  options given_;
  std::shared_ptr<batch_source_counters> counters_;
  kdb_domains domains_;
  std::vector<source_cursor> published_;
  std::vector<part_report> reports_;
  std::vector<source_report> done_;
  size_t next_ = 0; ///< Of the table's parts.
  std::optional<kdb_columns> part_;
  source_cursor at_;
  source_report report_;
  batch_builder builder_;
};

/// The `[[table]]` that takes a table of a database.
struct kdb_proposal {
  std::vector<std::string> columns; ///< "<name>:<type>"
  std::string time;
  std::string symbol;
  std::vector<std::string> notes; ///< What a person must look at.
};

/// By its newest part. `unsupported` when it has no time, or no symbol, that a
/// table here could be ordered by.
[[nodiscard]] result<kdb_proposal>
propose_table(persistence::file_system& fs,
              const persistence::kdb_table& table);

} // namespace millrace::feed
