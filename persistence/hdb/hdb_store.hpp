#pragma once

#include <millrace/persistence/columns/published.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

// check_part is in part_check.cpp.

struct hdb_directory;

/// How much of the files of an hdb is held when no query needs it.
struct hdb_limits {
  uint32_t mappings_max = 16 * 1024;
  uint64_t memory_max = uint64_t{256} << 20;
};

/// One damaged file of a historical database.
struct hdb_damage {
  std::string path;
  std::string reason;
};

/// Compares every byte of a part's files with its checksums, and names those
/// that differ, are missing, or cannot be read. Reads them all.
[[nodiscard]] std::vector<hdb_damage>
check_part(file_system& fs, const std::string& directory, const hdb_part& part);

/// One version of a historical database as readers pin it: its files stay
/// readable while it lives, whatever is committed since. Thread safe.
class hdb_snapshot : public std::enable_shared_from_this<hdb_snapshot> {
public:
  [[nodiscard]] const hdb_manifest& manifest() const noexcept {
    return manifest_;
  }
  [[nodiscard]] uint64_t version() const noexcept { return manifest_.version; }
  /// @see hdb_manifest::identity.
  [[nodiscard]] uint64_t identity() const noexcept {
    return manifest_.identity;
  }

  /// The newest schema of a table; nullptr when there is no such table.
  [[nodiscard]] std::shared_ptr<const table_schema>
  schema(std::string_view table) const noexcept;

  /// @see hdb_manifest::cutover; looked up.
  [[nodiscard]] std::optional<position> cutover(const std::string& stream,
                                                const std::string& table) const;

  /// Parts of a table that have rows and may be read (those up to its
  /// cutovers), ascending by stream, position and stripe. They live as long
  /// as the snapshot.
  [[nodiscard]] const std::vector<const hdb_part*>&
  parts(std::string_view table) const noexcept;

  /// The rows of one of `parts` in the newest schema: one segment, sorted by
  /// symbol, time, stream order, whose `source` brings the bytes in. Touches no
  /// file.
  [[nodiscard]] table_view view(const hdb_part& part) const;

private:
  friend class hdb_store;
  struct slot;

  std::shared_ptr<hdb_directory> directory_;
  hdb_manifest manifest_;
  std::map<std::string, std::shared_ptr<const table_schema>, std::less<>>
    schemas_;
  std::map<std::string, std::vector<const hdb_part*>, std::less<>> parts_;
  std::map<hdb_manifest::place, position> cutovers_;
  /// By number of the part in the manifest; null when it has no rows. Shared
  /// with later snapshots.
  std::vector<std::shared_ptr<slot>> slots_;
};

/// The read side of a historical database directory. Needs no lock and
/// disturbs no writer. `snapshot` may be called from any thread, `refresh`
/// from one.
class hdb_store {
public:
  /// Reads the newest manifest; files are held, within `limits`, when they are
  /// asked for. `not_found` when nothing was ever committed there.
  [[nodiscard]] static result<std::unique_ptr<hdb_store>>
  open(file_system& fs, std::string directory, hdb_limits limits = {});

  [[nodiscard]] std::shared_ptr<const hdb_snapshot> snapshot() const {
    return published_.load();
  }

  /// Picks up the newest manifest; readers of the one before go on with it.
  /// @returns true when there was another one. After an error the version
  /// before stays.
  [[nodiscard]] result<bool> refresh();

private:
  explicit hdb_store(std::shared_ptr<hdb_directory> directory,
                     std::shared_ptr<const hdb_snapshot> first);
  static std::shared_ptr<const hdb_snapshot>
  make_snapshot(std::shared_ptr<hdb_directory> directory, hdb_manifest manifest,
                const hdb_snapshot* before);

  std::shared_ptr<hdb_directory> directory_;
  published<hdb_snapshot> published_;
};

} // namespace millrace::persistence
