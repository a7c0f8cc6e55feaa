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

class hdb_part_data;

/// One damaged file of a historical database.
struct hdb_damage {
  std::string path;
  std::string reason;
};

/// One version of a historical database as readers pin it: its files stay
/// readable while it lives, whatever is committed since. Thread safe.
class hdb_snapshot : public std::enable_shared_from_this<hdb_snapshot> {
public:
  [[nodiscard]] const hdb_manifest& manifest() const noexcept {
    return manifest_;
  }
  [[nodiscard]] uint64_t version() const noexcept { return manifest_.version; }

  /// The newest schema of a table; nullptr when there is no such table.
  [[nodiscard]] std::shared_ptr<const table_schema>
  schema(std::string_view table) const noexcept;

  /// Parts of a table that have rows and may be read (those up to its
  /// cutovers), ascending by stream, position and stripe. They live as long
  /// as the snapshot.
  [[nodiscard]] const std::vector<const hdb_part*>&
  parts(std::string_view table) const noexcept;

  /// The rows of one of `parts`, mapped at the first call, in the newest
  /// schema: one segment, sorted by symbol, time, stream order. `moved` when
  /// the part was replaced and removed before it was mapped: refresh;
  /// `corrupt` names the file that does not fit the manifest.
  [[nodiscard]] result<table_view> view(const hdb_part& part) const;

  /// Compares every byte of all parts with its checksum. Reads everything.
  [[nodiscard]] result<std::vector<hdb_damage>> check() const;

private:
  friend class hdb_store;
  struct slot;

  [[nodiscard]] result<std::shared_ptr<hdb_part_data>>
  load(const hdb_part& part) const;

  file_system* fs_ = nullptr;
  std::string directory_;
  hdb_manifest manifest_;
  std::map<std::string, std::shared_ptr<const table_schema>, std::less<>>
    schemas_;
  std::map<std::string, std::vector<const hdb_part*>, std::less<>> parts_;
  /// By path of the part; shared with later snapshots.
  std::map<std::string, std::shared_ptr<slot>, std::less<>> slots_;
};

/// The read side of a historical database directory. Needs no lock and
/// disturbs no writer. `snapshot` may be called from any thread, `refresh`
/// from one.
class hdb_store {
public:
  /// Reads the newest manifest; files are mapped when they are asked for.
  /// `not_found` when nothing was ever committed there.
  [[nodiscard]] static result<std::unique_ptr<hdb_store>>
  open(file_system& fs, std::string directory);

  [[nodiscard]] std::shared_ptr<const hdb_snapshot> snapshot() const {
    return published_.load();
  }

  /// Picks up the newest manifest; readers of the one before go on with it.
  /// @returns true when there was a newer one. After an error the version
  /// before stays.
  [[nodiscard]] result<bool> refresh();

private:
  hdb_store(file_system& fs, std::string directory,
            std::shared_ptr<const hdb_snapshot> first);
  static std::shared_ptr<const hdb_snapshot>
  make_snapshot(file_system& fs, const std::string& directory,
                hdb_manifest manifest, const hdb_snapshot* before);

  file_system* fs_;
  std::string directory_;
  published<hdb_snapshot> published_;
};

} // namespace millrace::persistence
