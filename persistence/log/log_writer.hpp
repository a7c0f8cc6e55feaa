#pragma once

#include <millrace/messages/data/id_policy.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// What it finds when it opens is in log_writer_recovery.cpp; log_replica stands
// in log_replica.cpp.

namespace millrace::persistence {

enum class session_policy {
  next,   ///< Open `log.<last session + 1>.0`.
  resume, ///< Go on in the last file after its last intact record.
  /// As resume, and what is damaged there is set aside: the owner can make it
  /// again (out/). Damage in earlier files stays, to be mended by the owner.
  rebuild,
  /// Go on where the last owner closed the log; as next where none did
  /// (publishers). A file that several owners wrote is the last one of its
  /// session: who takes it away takes whole runs, which is a `reset`.
  same,
};

/// More files than these are not to wait for a sync that nobody needs.
inline constexpr size_t unsynced_files_max = 16;

struct log_writer_options {
  std::string directory{};
  session_policy session = session_policy::next;
  /// A file rolls before a record would pass this size; at most 2^30.
  uint64_t roll_bytes = uint64_t{1} << 30;
  /// A record of many messages closes at this size.
  uint32_t record_bytes = 64u << 10;
  /// Bytes to reserve and touch ahead of the end; 0: none.
  uint64_t reserve_bytes = uint64_t{8} << 20;
  /// Lineage for a new directory; drawn from env.random when zero. A directory
  /// of another lineage is `fenced`.
  lineage_id lineage{};
  /// Which of two last ids of an origin is the newer one.
  id_policy ids = id_policy::strict;
  /// Called once, before `open` changes a log of which something that was
  /// recorded may be missing; what fails ends `open`. Only of policies next and
  /// same.
  std::function<error()> before_repair{};
};

/// Writes one log directory: `append` collects records in memory, `write`
/// hands them to the system ("recorded"), a sync makes them survive a power
/// cut ("synced"). Not thread safe: one owner. After a failed write or sync the
/// writer answers `closed`; reopen it to recover. Only `no_space` is different:
/// nothing is lost or changed, the same call may be repeated.
class log_writer {
public:
  /// Locks the directory, verifies the last file, and stands ready.
  /// After a power cut the log ends before the first loss after its synced
  /// end; what came after it is kept aside in `.quarantine.<file>.<offset>`.
  /// Policy resume: after the last intact record, a torn tail is truncated;
  /// `corrupt` when it finds damage or misses bytes below the synced end.
  /// Policy rebuild: never; damage stays where intact records follow it, and
  /// the log goes on after them.
  /// Policy next: in a new session. When the earlier one did not end cleanly,
  /// but only its process died (same boot, no failed sync), nothing is lost: it
  /// is sealed now. Otherwise it is left as it is, and readers see `reset`.
  /// A session is never used again, also where its files were taken away.
  /// Policy same: where the earlier owner closed the log, in its session, with
  /// no look at the rest of the file; else as next.
  /// `locked` with the holder's pid; `limit_exceeded` after session 2^19 - 1.
  [[nodiscard]] static result<std::unique_ptr<log_writer>>
  open(env& world, log_writer_options options);

  ~log_writer(); ///< Writes nothing. Call `close` for a clean end.
  log_writer(const log_writer&) = delete;
  log_writer& operator=(const log_writer&) = delete;

  [[nodiscard]] const lineage_id& lineage() const noexcept;
  /// Last id seen per origin in what was recovered, for id continuity.
  [[nodiscard]] const std::map<std::string, int64_t>&
  recovered_ids() const noexcept;
  /// The same, from intact records alone. Less than `recovered_ids` when files
  /// with those ids were collected, or lost in a power cut.
  [[nodiscard]] const std::map<std::string, int64_t>&
  surviving_ids() const noexcept;
  /// Nothing that was recorded before is missing: the directory was empty, or
  /// its last session ended cleanly, or only its process died.
  [[nodiscard]] bool recovered_clean() const noexcept;
  /// All files of the log, or those of its newest session, were taken away
  /// since its last owner ended. Only of policies next and same.
  [[nodiscard]] bool files_taken() const noexcept;

  /// Appends one message to the buffer. Does not check ids: the publisher does.
  /// Rolls (which writes what is buffered) when the file would pass its size.
  /// `oversize` and `invalid_argument` (origin too long) change nothing.
  /// @returns the position of the message's end.
  result<position> append(record_kind kind, payload_kind payload,
                          const message_header& header,
                          std::span<const std::byte> bytes);
  /// The same with the payload's CRC known: a merge sums no payload again.
  result<position> append(record_kind kind, payload_kind payload,
                          const message_header& header,
                          std::span<const std::byte> bytes,
                          uint32_t payload_crc);

  /// Appends all messages of a verified record of another log, as they are.
  /// @param first_id, last_id those of its first and last message.
  result<position> append(const record_view& record, int64_t first_id,
                          int64_t last_id);

  /// Appends what stands for bytes that are lost, up to `to` in the file that
  /// is written: readers tell them as a `badtail`. `invalid_argument` where no
  /// record of that length can be.
  [[nodiscard]] error append_lost(position to);

  /// Bytes appended and not yet written.
  [[nodiscard]] size_t buffered_bytes() const noexcept;

  /// What one `write` handed to the system: whole records, one file.
  struct written {
    position begin;
    position end;
    std::span<const std::byte> bytes; ///< Valid until the next append or write.
  };
  /// Writes the buffer. A roll since the last call has written the earlier
  /// file's part itself: `on_write` sees every part, in order.
  [[nodiscard]] error write();
  /// Called with each part right after it was written, also by rolls.
  std::function<void(const written&)> on_write;

  /// Seals the current file and opens the next roll; after one that an earlier
  /// owner began, the next session, as `end_session`.
  [[nodiscard]] error roll();
  /// The same, and the file begins the next session: readers go on there
  /// without an event. `limit_exceeded` after session 2^19 - 1.
  [[nodiscard]] error end_session();

  /// Where the first damage lay that the file being written had when it was
  /// opened, or cut back; for its owner to mend, or to tell.
  [[nodiscard]] std::optional<position> damaged_from() const noexcept;

  /// End of what was appended, written, and marked synced.
  [[nodiscard]] position appended_end() const noexcept;
  [[nodiscard]] position recorded_end() const noexcept;
  [[nodiscard]] position synced_end() const noexcept;

  /// A sync that may run on another thread: `run` syncs every file with written
  /// but unsynced bytes, and holds them open; `end` is what it covers.
  struct sync_job {
    position end;
    std::function<error()> run;
  };
  /// @pre no other sync_job of this writer is outstanding.
  [[nodiscard]] sync_job begin_sync();
  /// Tells the result of `run`. A failure closes the writer for good.
  void finish_sync(position end, const error& outcome);
  /// Files that wait for a sync. They are held open until then, also when
  /// nobody waits and when they were removed: sync when there are many.
  [[nodiscard]] size_t unsynced_files() const noexcept;
  /// Whether the file that is written is still the one of its name. Not when it
  /// was moved or removed, or another one was put in its place: what is written
  /// then goes where nobody looks for it. Reads 128 bytes; a disk that refuses
  /// proves nothing.
  [[nodiscard]] bool has_its_name() const;
  /// Writes what the file holds that is written, and that lost its name, to a
  /// new one of that name, durably, and goes on there; what has the name now is
  /// kept as `.quarantine.<file>.0`. Copies all of it. After a failure nothing
  /// is changed but what was moved; it may be called again.
  [[nodiscard]] error restore_name();
  /// Whether that was done since this was asked last: a log that is not
  /// resumed does it by itself before it leaves a file.
  [[nodiscard]] bool take_restored() noexcept;
  /// The file that is written is shorter than what was written to it: somebody
  /// cut it.
  [[nodiscard]] bool is_cut() const;
  /// Writes and syncs now, on this thread.
  [[nodiscard]] error sync();

  /// Clean end: writes, syncs, unlocks. Policy next seals with session_end;
  /// policy same says in a last record that it closed, while there is room for
  /// more, and seals so where there is none; a resumed log goes on after its
  /// last record. Idempotent.
  [[nodiscard]] error close();

  /// Cuts the log back to `end` (a record boundary) and goes on there. Only
  /// for logs that can be rebuilt (out/). @pre nothing is buffered.
  [[nodiscard]] error truncate(position end);

private:
  struct impl;
  explicit log_writer(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

/// Grows a byte-identical copy of another log directory: input logs of an RT
/// node, local copies of subscribers. One owner. The bytes handed over must
/// have been verified by `parse_record` against the source's lineage.
class log_replica {
public:
  enum class damage {
    cut,  ///< What comes after it is copied again.
    keep, ///< Its owner mends it in place: what is intact after it stays.
  };
  struct options {
    position trusted{}; ///< All below was synced once, as the owner knows.
    damage damaged = damage::cut; ///< In the last file.
  };
  /// Locks the directory; a new one takes `lineage`, one of another lineage is
  /// `fenced`. Cuts the last file after its last intact record, and after a
  /// power cut the whole copy before the first loss after its synced end;
  /// bytes after damage are kept aside in `.quarantine.<file>.<offset>`.
  [[nodiscard]] static result<std::unique_ptr<log_replica>>
  open(env& world, const std::string& directory, const lineage_id& lineage,
       const options& how);
  [[nodiscard]] static result<std::unique_ptr<log_replica>>
  open(env& world, const std::string& directory, const lineage_id& lineage) {
    return open(world, directory, lineage, options{});
  }

  ~log_replica();
  log_replica(const log_replica&) = delete;
  log_replica& operator=(const log_replica&) = delete;

  /// End of the valid copy; none while it is empty.
  [[nodiscard]] std::optional<position> end() const noexcept;
  /// Appends whole records at `at`: the current end, or the start of a later
  /// file (the source rolled, or the copy starts in the middle of a stream).
  [[nodiscard]] error append(position at, std::span<const std::byte> records);

  /// What `damage::keep` left in the last file: bytes that are no records.
  [[nodiscard]] const std::vector<std::pair<position, position>>&
  damaged() const noexcept;
  /// Puts whole records in their place before `end`: where the copy ended early
  /// in an earlier file, or where its bytes are damaged or gone.
  [[nodiscard]] error mend(position at, std::span<const std::byte> records);

  /// Ends the copy at a record's end, or a file's start, to be copied again
  /// from there; what came after it is kept aside.
  [[nodiscard]] error cut(position at);

  [[nodiscard]] log_writer::sync_job begin_sync();
  void finish_sync(position end, const error& outcome);
  /// As those of log_writer.
  [[nodiscard]] size_t unsynced_files() const noexcept;
  [[nodiscard]] position synced_end() const noexcept;

private:
  struct impl;
  explicit log_replica(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

} // namespace millrace::persistence
