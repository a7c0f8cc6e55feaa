#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <memory>
#include <optional>
#include <string>
#include <variant>

// The search for a time is in log_index.cpp.

namespace millrace::persistence {

/// What to do after damage that no copy repairs.
enum class damage_policy {
  next_file, ///< Go on at the start of the next log file (as KX RT does).
  resync,    ///< Go on at the next intact record.
};

struct log_reader_options {
  std::string directory{};
  damage_policy damage = damage_policy::next_file;
  /// Checks payload CRCs too. Off only for bytes that were checked before.
  payload_check payloads = payload_check::verify;
};

/// One delivered thing, in stream order.
struct log_message {
  position begin;
  position end; ///< Where to resume.
  record_kind kind = record_kind::messages;
  frame_view frame; ///< Valid until the next call.
};

/// Nothing more is written yet; `end` is where the next record will start.
struct log_end {
  position end;
};

/// Whole records of one file, one after the other, unparsed beyond their
/// checks: the unit of replication.
struct log_chunk {
  position begin;
  position end;
  std::span<const std::byte> bytes; ///< Valid until the next call.
  bool lost = false;                ///< Padding alone: what was there is lost.
};

/// Reads one log directory, live or dead, from a position on, in order, without
/// locking it. Emits `badtail`, `reset` and `pruned` where the directory shows
/// them; the same start always gives the same sequence. One owner.
class log_reader {
public:
  /// Positions `from`: none = the earliest retained. Every place where a
  /// message begins or ends is found without a scan, in both spellings at a
  /// file's end. A position inside a message is `bad_position`, one beyond the
  /// end is `ahead`, a directory without a lineage `not_found`. A position
  /// whose bytes are damaged, lost or pruned opens, and the first item is the
  /// event.
  [[nodiscard]] static result<std::unique_ptr<log_reader>>
  open(file_system& fs, log_reader_options options,
       std::optional<position> from);

  ~log_reader();
  log_reader(const log_reader&) = delete;
  log_reader& operator=(const log_reader&) = delete;

  [[nodiscard]] const lineage_id& lineage() const noexcept;
  /// Where the next call goes on; normalised as the last delivery left it.
  [[nodiscard]] position where() const noexcept;

  using item = std::variant<log_message, stream_event, log_end>;
  /// The next message or event, or the end as of now (call again later).
  /// State and seal records are passed over; event records come as
  /// stream_event, markers as log_message; padding is a `badtail` of what it
  /// stands for. Failed reads may be repeated.
  [[nodiscard]] result<item> next();

  using chunk_item = std::variant<log_chunk, stream_event, log_end>;
  /// The next whole records, at most `bytes_max` unless one record is larger,
  /// seals and state records included; never across files; padding apart from
  /// others. Starts at a record:
  /// when `where` is inside one, at that record's start.
  [[nodiscard]] result<chunk_item> next_chunk(uint32_t bytes_max);

  /// Records end here for now, although the file may be longer: the writer's
  /// recorded end. Without it every intact record is read.
  void limit(position end);

  /// Why the end is the end although bytes are there or were there: damage in
  /// the last file, which becomes an event once the next file exists (the
  /// writer should roll). Empty while all is well.
  [[nodiscard]] const std::string& stalled() const noexcept;

private:
  struct impl;
  explicit log_reader(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

/// The first position whose message has ts >= `ts_ns`, by the sparse index of
/// each file (built when missing); the end when there is none.
[[nodiscard]] result<position>
find_time(file_system& fs, const std::string& directory, int64_t ts_ns);

/// The largest ts of the messages of a closed file, by the same index; none
/// when it has no message.
[[nodiscard]] result<std::optional<int64_t>>
newest_time(file_system& fs, const std::string& directory,
            const log_file_info& of);

} // namespace millrace::persistence
