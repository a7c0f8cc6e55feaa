#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/kdb/kdb_database.hpp>
#include <millrace/persistence/kdb/kdb_symbols.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::feed {

/// The symbols of a database's enumerations, each file read once.
class kdb_domains {
public:
  kdb_domains(persistence::file_system& fs, std::string directory)
    : fs_{&fs}, directory_{std::move(directory)} {}

  [[nodiscard]] result<std::shared_ptr<const persistence::kdb_symbols>>
  read(const std::string& name);

private:
  persistence::file_system* fs_;
  std::string directory_;
  std::map<std::string, std::shared_ptr<const persistence::kdb_symbols>> held_;
};

/// How rows of a part of a table of kdb+ become rows of a table here: by the
/// names of columns, and what their types allow. Values, nulls and infinities
/// stay what they are. A time of day becomes a timestamp with the date of its
/// partition, or of a column `date` beside it. One owner.
class kdb_columns {
public:
  /// `schema_mismatch` names all that does not fit, a line each: a column that
  /// the table has not and `left_out` does not name, a type that does not
  /// become the declared one, a time of day without a date.
  [[nodiscard]] static result<kdb_columns>
  plan(persistence::file_system& fs, kdb_domains& domains,
       const persistence::kdb_part& part, const table_schema& schema,
       const std::set<std::string>& left_out);

  [[nodiscard]] uint64_t rows() const noexcept { return part_->rows; }
  [[nodiscard]] uint64_t byte_count() const noexcept;
  /// Whether the part has such a column, taken or not.
  [[nodiscard]] bool has(const std::string& name) const {
    return part_->column(name) != nullptr;
  }
  /// Columns of the table that the part has not: their rows are null.
  [[nodiscard]] const std::vector<std::string>& absent() const noexcept {
    return absent_;
  }

  /// Reads a piece of all that is taken, and finds every fault that `append`
  /// could meet, also a row without a time (`bad_data`).
  /// @param digest is called with what was read, in the same order each time
  [[nodiscard]] error
  check(uint64_t begin, uint64_t count,
        const std::function<void(std::string_view)>& digest);
  /// What the codes that `check` has met stand for.
  [[nodiscard]] std::vector<std::string_view> symbols_met() const;

  /// Rows from `begin` on, at most `count`, fewer when they have much text.
  /// @returns how many there were.
  [[nodiscard]] result<uint64_t> append(uint64_t begin, uint64_t count,
                                        batch_builder& into);

  /// Of the rows appended last: first and last time.
  [[nodiscard]] std::pair<int64_t, int64_t> times() const noexcept {
    return times_;
  }

private:
  enum class how {
    copied,
    widened,
    symbols,
    symbols_as_text,
    texts,
    texts_as_symbols,
    datetime,
    time_of_day,
    partition_date,
    absent
  };
  struct mapped {
    how kind = how::absent;
    column_type type = column_type::long_; ///< Of the table here.
    persistence::kdb_column* from = nullptr;
    persistence::kdb_column* date = nullptr; ///< Beside a time of day.
    std::shared_ptr<const persistence::kdb_symbols> domain;
    uint64_t met = 0;                ///< One more than the largest code.
    std::vector<uint32_t> codes{};   ///< Of this batch, by code of the domain.
    std::vector<uint64_t> batches{}; ///< That they are of.
  };

  kdb_columns() = default;

  [[nodiscard]] error map_column(kdb_domains& domains,
                                 const table_schema& schema, size_t target,
                                 bool is_left_out);
  static bool gather(error& all, error fault);
  [[nodiscard]] error map_time(mapped& into, const std::string& name);
  [[nodiscard]] std::optional<how> way(uint8_t from, column_type to) const;
  [[nodiscard]] error refuse_unused(const table_schema& schema,
                                    const std::set<std::string>& left_out);
  [[nodiscard]] error
  check_column(mapped& column, uint64_t begin, uint64_t count,
               const std::function<void(std::string_view)>& digest);
  [[nodiscard]] error times_of(mapped& column, uint64_t begin, uint64_t count,
                               std::vector<int64_t>& into);
  [[nodiscard]] error check_times(uint64_t begin, uint64_t count);
  [[nodiscard]] result<uint64_t> fit_texts(uint64_t begin, uint64_t count);
  [[nodiscard]] error append_column(size_t target, uint64_t begin,
                                    uint64_t count, batch_builder& into);
  [[nodiscard]] error append_symbols(size_t target, uint64_t begin,
                                     uint64_t count, batch_builder& into);
  [[nodiscard]] error append_texts(size_t target, uint64_t begin,
                                   uint64_t count, batch_builder& into);

  /// Columns point into it.
  std::unique_ptr<persistence::kdb_open_part> part_;
  std::string directory_;
  std::optional<int32_t> date_;
  std::vector<mapped> columns_; ///< As the table's.
  std::vector<std::string> absent_;
  size_t time_ = 0; ///< Of the columns.
  uint64_t batch_ = 0;
  std::pair<int64_t, int64_t> times_{null_long, null_long};
  std::vector<std::byte> bytes_;
  std::vector<int64_t> numbers_;
  std::string text_;
  std::vector<uint64_t> ends_;
};

} // namespace millrace::feed
