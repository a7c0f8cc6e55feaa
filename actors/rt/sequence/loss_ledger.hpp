#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace millrace::rt {

/// What a stream lost or may have lost, or what was not taken into it, as one
/// node wrote it down.
struct loss {
  uint64_t number = 0; ///< From 1 on; of this node.
  int64_t time_ns = 0; ///< When it was written down; ns since 2000.01.01.
  /// Of an event: its kind. "pruned": files before `to` went. Others are of
  /// this node alone: "life_lost" (of the publisher's log, up to `to`, an
  /// earlier life of the stream had it), "input_lost", "out_lost", "refused",
  /// "fenced" (from
  /// `from` on nothing of it is merged; to `to` this node has it), "overruled",
  /// "ledger_damaged" (so many losses that were written down are `missing`).
  std::string kind;
  lineage_id life; ///< Of the merged log, whose positions these are.
  position from;
  position to;
  std::string origin;
  /// Not empty: the positions are of this publisher's directory.
  std::string input;
  int64_t first_id = 0; ///< Ids concerned, as far as they are known.
  int64_t last_id = 0;
  std::string cause;
  uint64_t missing = 0;
  /// Of what was written down up to here, so many lines are of what was let go
  /// and not lost ("pruned").
  uint64_t let_go = 0;
};

/// Losses of a stream, in a file of one line of JSON each: the newest are kept,
/// the number of all is. Each line has a checksum (docs/group_format.md), and
/// how many there were is noted beside the file. One owner; a sync may run
/// beside it.
class loss_ledger {
public:
  /// Losses that are kept at least.
  static constexpr size_t kept_max = 5000;
  /// Of `after`, in one answer.
  static constexpr size_t part_max = 500;

  /// Opens or begins the file `path`. A line that a crash tore is written again
  /// by its owner. Where one cannot be read, or is missing, the file is set
  /// aside and made again of the others, with a loss that says so.
  /// @param now_ns since 2000.01.01
  [[nodiscard]] static result<std::unique_ptr<loss_ledger>>
  open(persistence::file_system& fs, const std::string& path,
       int64_t now_ns = 0);

  /// What was damaged when it was opened, in words; empty: nothing.
  [[nodiscard]] const std::string& damage() const noexcept { return damage_; }

  /// Writes it down, with the next number. An event or a cut that is known
  /// already, because its entry is applied again, changes nothing. Cuts of one
  /// day that follow each other are one line.
  [[nodiscard]] error add(loss what);
  /// One of the same kind and input, with the same cause, is among those that
  /// are kept.
  [[nodiscard]] bool tells(const loss& what) const;

  /// All that was ever written down here.
  [[nodiscard]] uint64_t count() const noexcept { return count_; }
  /// Of them, what was let go by a retention or an operator, and what was lost.
  [[nodiscard]] uint64_t let_go() const noexcept { return let_go_; }
  [[nodiscard]] uint64_t lost() const noexcept { return count_ - let_go_; }
  /// As JSON: {"count", "first" (the oldest that is kept), "missing" (for
  /// damage), "losses": those
  /// after this number, `part_max` at most}.
  [[nodiscard]] text::json_value after(uint64_t number) const;

  /// Makes what was written so far survive a power cut; for another thread.
  [[nodiscard]] std::function<error()> sync_job();

private:
  loss_ledger(persistence::file_system& fs, std::string path);
  error load();
  error open_file();
  /// How many there were, and which is the oldest, as it was noted.
  void read_noted();
  /// Those that were written down and are not here.
  [[nodiscard]] uint64_t missing() const;
  /// Those of them that a loss tells of.
  [[nodiscard]] uint64_t told_missing() const;
  error replace_damaged(uint64_t missing, int64_t now_ns);
  [[nodiscard]] bool knows(const loss& what) const;
  void keep(loss what);
  [[nodiscard]] bool goes_on(const loss& cut) const;
  error extend(loss cut);
  error shorten();

  persistence::file_system* fs_;
  std::string path_;
  std::shared_ptr<persistence::file> file_;
  uint64_t end_ = 0;
  uint64_t count_ = 0;
  uint64_t let_go_ = 0;
  size_t last_bytes_ = 0;  ///< Of the last line, where it is the newest kept.
  size_t lines_ = 0;       ///< In the file.
  uint64_t bad_lines_ = 0; ///< Of them, when it was opened.
  uint64_t first_ = 1;     ///< Where fewer than `kept_max` are there.
  std::string damage_;
  /// Synced, and noted beside the file.
  std::shared_ptr<std::atomic<uint64_t>> noted_
    = std::make_shared<std::atomic<uint64_t>>(0);
  std::deque<loss> kept_;
  lineage_id life_; ///< Of the newest event or cut,
  position event_;  ///< where the last event ended,
  position cut_;    ///< and where the log begins.
};

} // namespace millrace::rt
