#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/persistence/log/waiting_records.hpp>

#include <memory>
#include <optional>
#include <string>

namespace millrace::rt {

/// The instructions that were applied, in a log of their own: with the inputs,
/// any part of the merged log can be made again from it, also long after the
/// group forgot them. It lags: what is not written yet the group still has. One
/// owner.
class merge_history {
public:
  static constexpr uint64_t roll_bytes_default = uint64_t{16} << 20;
  /// Damage in it costs what it covers, and is no fault.
  [[nodiscard]] static result<std::unique_ptr<merge_history>>
  open(persistence::env& world, const std::string& directory,
       uint64_t roll_bytes = roll_bytes_default);

  /// On a full disk it waits in memory, as long as the merge itself finds room.
  /// @param before the one that was applied before it; 0: none.
  /// @param end of the merged log after it
  [[nodiscard]] error add(entry_index index, entry_index before,
                          const merge_entry& entry, position end);
  /// Hands all to the system; a sync then covers it. `no_space` changes
  /// nothing: to be repeated.
  [[nodiscard]] error write();
  [[nodiscard]] persistence::log_writer::sync_job begin_sync() {
    return log_->begin_sync();
  }
  void finish_sync(position end, const error& outcome) {
    log_->finish_sync(end, outcome);
  }
  [[nodiscard]] bool is_empty() const noexcept {
    return log_->appended_end() == position{} && waiting_.empty();
  }
  /// As that of log_writer.
  [[nodiscard]] bool has_its_name() const { return log_->has_its_name(); }
  [[nodiscard]] error close();

  /// Lets files go that hold nothing after `last`. May run beside all else.
  [[nodiscard]] static error collect(persistence::env& world,
                                     const std::string& directory,
                                     entry_index last);

private:
  explicit merge_history(std::unique_ptr<persistence::log_writer> log)
    : log_{std::move(log)} {}

  std::unique_ptr<persistence::log_writer> log_;
  persistence::waiting_records waiting_;
};

/// One of a history.
struct applied_instruction {
  entry_index index;
  merge_entry entry;
  /// Of the merged log after it, in the file where that ended; none: the
  /// history does not say.
  std::optional<uint64_t> end_offset{};
};

/// Reads a history, in order, each instruction once.
class history_reader {
public:
  /// What was applied after `last`.
  [[nodiscard]] static result<history_reader> open(persistence::file_system& fs,
                                                   const std::string& directory,
                                                   entry_index last);

  using instruction = applied_instruction;
  /// None at its end, and where instructions are missing in it.
  [[nodiscard]] result<std::optional<instruction>> next();

private:
  history_reader(std::unique_ptr<persistence::log_reader> log, entry_index last)
    : log_{std::move(log)}, last_{last} {}

  std::unique_ptr<persistence::log_reader> log_;
  entry_index last_;
};

} // namespace millrace::rt
