#pragma once

#include <millrace/persistence/file_system.hpp>
#include <millrace/persistence/log_format.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence {

/// One `log.<session>.<roll>` of a directory.
struct log_file_info {
  uint64_t session = 0;
  uint64_t roll = 0;
  uint64_t size = 0;     ///< Bytes of the file; may exceed the valid end.
  bool archived = false; ///< A tombstone when size is 0.
};

[[nodiscard]] std::string log_file_name(uint64_t session, uint64_t roll);

/// The log files of a directory in stream order; other names are ignored.
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
  uint64_t message_count = 0;
  uint64_t running_hash = 0; ///< XXH3 over the file's record header CRCs.
  bool session_end = false;  ///< The writer ended cleanly with this file.
  struct id_range {
    int64_t first = 0;
    int64_t last = 0;
  };
  std::map<std::string, id_range> ids; ///< By origin.
};

/// What the scan of one file found.
struct file_scan {
  position begin;
  position valid_end;   ///< Behind the last intact record from the start.
  uint64_t message_count = 0;
  std::optional<seal_info> seal;
  /// Set when bytes behind valid_end are damage rather than a torn or unwritten
  /// tail: the file is sealed, an intact record follows, or they lie below the
  /// known synced end.
  bool damaged = false;
  position next_intact; ///< First intact record behind the damage, if any.
  std::string reason;
};

/// Scans one file from its start and checks every byte of it.
[[nodiscard]] result<file_scan>
scan_log_file(file_system& fs, const std::string& directory,
              const lineage_id& lineage, const log_file_info& file,
              std::optional<position> synced_end = {});

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
  position end; ///< Behind the last intact record of the last file.
  std::vector<log_damage> damages;
};

/// Checks a whole directory, live or dead, without writing. Missing files in
/// the middle, short seals and bytes below the synced end are damage too.
/// `progress(done_bytes, all_bytes)` is called now and then.
[[nodiscard]] result<verify_report>
verify_log(file_system& fs, const std::string& directory,
           const std::function<void(uint64_t, uint64_t)>& progress = {});

} // namespace millrace::persistence
