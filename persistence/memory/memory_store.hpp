#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/columns/published.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// Up to which row a table had come at a position of the stream.
struct row_mark {
  position end;
  uint64_t row_end = 0;
};

/// One moment of all tables of an rdb, at one position of the stream: rows of
/// every message up to `end` and of none after it. Immutable; thread safe.
class store_snapshot : public std::enable_shared_from_this<store_snapshot> {
public:
  /// Rows of messages in (begin, end] are here.
  position begin;
  position end;

  [[nodiscard]] std::vector<std::string> table_names() const;
  /// nullptr when there is no such table.
  [[nodiscard]] std::shared_ptr<const table_schema>
  schema(std::string_view table) const noexcept;

  /// Everything of one table. `not_found` names a table that is not here.
  [[nodiscard]] result<table_view> view(std::string_view table) const;

  /// The rows of messages whose end lies in (lower, upper]. `pruned` when lower
  /// is below `begin`, `ahead` when upper is after `end`.
  [[nodiscard]] result<table_view> view(std::string_view table, position lower,
                                        position upper) const;

  /// The largest time of all rows, ns since 2000.01.01 UTC; null: none has one.
  [[nodiscard]] int64_t newest_time() const;

private:
  friend class memory_store;
  struct entry {
    memory_table_mark mark;
    std::shared_ptr<const stable_array<row_mark>> history;
    size_t history_size = 0;

    [[nodiscard]] uint64_t rows_at(position at) const noexcept;
  };

  [[nodiscard]] const entry* find(std::string_view table) const noexcept;

  /// Ascending by name; shared by all snapshots between two declarations.
  std::shared_ptr<const std::map<std::string, size_t, std::less<>>> names_;
  std::vector<entry> entries_;
};

/// All tables of one rdb. One writer thread appends and publishes; any thread
/// takes snapshots, and neither waits for the other.
class memory_store {
public:
  explicit memory_store(memory_table_options options = {});
  memory_store(const memory_store&) = delete;
  memory_store& operator=(const memory_store&) = delete;

  /// The newest published moment. Any thread.
  [[nodiscard]] std::shared_ptr<const store_snapshot> snapshot() const {
    return published_.load();
  }

  // -- the writer's thread only ----------------------------------------------

  /// Adds a table or takes on a later version of its schema.
  [[nodiscard]] error declare(const table_schema& schema);

  /// Appends the rows of a message that ends at `end`. All or none; a message
  /// at or below the end already reached is refused as `bad_position`.
  [[nodiscard]] error append(const batch_view& batch, position end);

  /// Shows readers everything appended, as the state at `end`, which is also
  /// the end of messages that carried no rows for this store. Positions never
  /// go back.
  void publish(position end);

  /// A period ends at `end`: later rows start new segments, so that the
  /// period's rows can later be dropped whole. Publishes.
  void end_period(position end);

  /// Lets go of the rows of messages up to `cutover` and publishes; snapshots
  /// taken before keep them. `ahead` when it is after the published end.
  [[nodiscard]] error drop(position cutover);

  /// Where an empty store starts, when it is not the start of the stream:
  /// rows at or below are accounted for elsewhere. Drops everything.
  void reset(position begin);

  [[nodiscard]] position begin() const noexcept;
  [[nodiscard]] position end() const noexcept { return end_; }
  [[nodiscard]] const memory_table* table(std::string_view name) const noexcept;
  /// Memory of all tables and their histories, in bytes.
  [[nodiscard]] size_t byte_count() const noexcept;

private:
  struct slot {
    std::unique_ptr<memory_table> table;
    std::shared_ptr<stable_array<row_mark>> history;
    /// The last published entry still holds.
    bool changed = true;
  };

  slot* find(std::string_view table) noexcept;
  void show();

  memory_table_options options_;
  std::shared_ptr<const std::map<std::string, size_t, std::less<>>> names_;
  std::vector<slot> slots_;
  position begin_;
  position end_;
  published<store_snapshot> published_;
};

} // namespace millrace::persistence
