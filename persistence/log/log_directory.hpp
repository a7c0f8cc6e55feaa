#pragma once

#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Verification is in log_verify.cpp.

namespace millrace::persistence {

/// One `log.<session>.<roll>` of a directory.
struct log_file_info {
  uint64_t session = 0;
  uint64_t roll = 0;
  uint64_t size = 0;     ///< Bytes of the file; may exceed the valid end.
  bool archived = false; ///< A tombstone when size is 0.
};

[[nodiscard]] std::string log_file_name(uint64_t session, uint64_t roll);

/// The log files of a directory in stream order; other names are ignored. An
/// empty file with the mark of a tombstone is none where a file before it lacks
/// the mark: it is another log's, or was emptied by somebody, and is listed
/// without it.
[[nodiscard]] result<std::vector<log_file_info>>
list_log_files(file_system& fs, const std::string& directory);

/// The content of `.lineage`: `not_found` when the directory has none.
[[nodiscard]] result<lineage_id> read_lineage(file_system& fs,
                                              const std::string& directory);
/// Writes `.lineage` durably. `already_exists` when another one is there.
[[nodiscard]] error write_lineage(file_system& fs, const std::string& directory,
                                  const lineage_id& lineage);

/// What a seal says of the file that it closes.
struct seal_info {
  uint64_t message_count = 0; ///< Frames of messages and markers.
  /// hash(n) = XXH3(header CRC of record n, seed hash(n - 1)), hash(-1) = 0,
  /// over all records before the seal.
  uint64_t running_hash = 0;
  bool session_end = false; ///< The writer ended cleanly with this file.
  struct id_range {
    int64_t first = 0;
    int64_t last = 0;
    friend bool operator==(const id_range&, const id_range&) = default;
  };
  std::map<std::string, id_range> ids; ///< By origin; records of messages only.
  friend bool operator==(const seal_info&, const seal_info&) = default;
};

/// The payload of a seal record.
[[nodiscard]] std::vector<std::byte> encode(const seal_info& seal);
[[nodiscard]] result<seal_info> decode_seal(std::span<const std::byte> payload);

/// What the scan of one file found.
struct file_scan {
  position begin;
  position valid_end; ///< After the last intact record from the start.
  uint64_t size = 0;  ///< Bytes of the file when it was scanned.
  uint64_t record_count = 0;
  /// What a seal at valid_end (or the one found) has to say.
  seal_info tally;
  std::optional<seal_info> seal;
  /// The last record before valid_end says that the owner ended there.
  bool closed = false;
  /// Set when bytes after valid_end are damage rather than a torn or unwritten
  /// tail: the file is sealed, an intact record follows, or they lie below the
  /// known synced end.
  bool damaged = false;
  /// The bytes at valid_end end before the record they begin, as a write that
  /// was cut short leaves them.
  bool cut_off = false;
  /// First intact record after the damage, if any.
  std::optional<position> next_intact;
  /// The first padding before valid_end: what the seal counts there is lost.
  std::optional<position> padding;
  std::string reason; ///< Why the bytes at valid_end are not a record.
};

/// Scans one file from its start and checks every byte of it.
/// @param synced_end counts when it lies in this file.
[[nodiscard]] result<file_scan>
scan_log_file(file_system& fs, const std::string& directory,
              const lineage_id& lineage, const log_file_info& file,
              std::optional<position> synced_end = {});

/// What of [from, to) of one file is no record, in order: damaged, or not
/// there. Both ends are those of records. `not_found` when the file is.
[[nodiscard]] result<std::vector<std::pair<position, position>>>
damaged_parts(file_system& fs, const std::string& directory,
              const lineage_id& lineage, position from, position to);

/// A record as its header tells it.
struct record_place {
  position begin;
  uint32_t sum = 0; ///< Covers all that it says, and its place.
  record_kind kind = record_kind::padding;
};

/// The record that ends at `end`; none where no intact one does.
[[nodiscard]] std::optional<record_place>
record_before(file_system& fs, const std::string& directory,
              const lineage_id& lineage, position end);

/// The synced end that the writer recorded beside the log (`.synced`), a lower
/// bound of what must be there; none when never recorded or itself damaged.
[[nodiscard]] std::optional<position>
read_synced_end(file_system& fs, const std::string& directory);

/// One damage found by `verify_log`.
struct log_damage {
  std::string file; ///< Path.
  uint64_t offset = 0;
  std::string reason;
};

struct verify_report {
  lineage_id lineage;
  std::vector<log_file_info> files;
  uint64_t message_count = 0;
  position end; ///< After the last intact record of the last file.
  std::vector<log_damage> damages;
};

/// Checks a whole directory, live or dead, without writing. Missing files in
/// the middle, short seals and bytes below the synced end are damage too.
/// `progress(done_bytes, all_bytes)` is called now and then.
[[nodiscard]] result<verify_report>
verify_log(file_system& fs, const std::string& directory,
           const std::function<void(uint64_t, uint64_t)>& progress = {});

} // namespace millrace::persistence
