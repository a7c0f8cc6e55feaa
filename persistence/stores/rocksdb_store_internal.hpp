#pragma once

#include <millrace/messages/base/result.hpp>

#include <memory>
#include <optional>
#include <string>

namespace rocksdb {
class DB;
class Env;
class Status;
} // namespace rocksdb

/// What checkpoint_store and hdb_index share. RocksDB's own headers are
/// included by sources only.
namespace millrace::persistence {

/// The one place where RocksDB's outcomes become ours; `what` names the path.
[[nodiscard]] error to_error(const rocksdb::Status& status,
                             const std::string& what);

class freezing_files;

struct opened_rocksdb {
  opened_rocksdb();
  ~opened_rocksdb();
  opened_rocksdb(opened_rocksdb&&) noexcept;
  /// It would let go of the files before the database.
  opened_rocksdb& operator=(opened_rocksdb&&) = delete;

  /// What a call came to: also a success is none when its disk refused a write
  /// before. It is of no use then, and has to be opened anew.
  [[nodiscard]] error outcome(const rocksdb::Status& status,
                              const std::string& what) const;
  [[nodiscard]] bool is_frozen() const;

  /// One of the two holds its files; outlives the database.
  std::shared_ptr<freezing_files> files;
  std::shared_ptr<rocksdb::Env> memory;
  std::unique_ptr<rocksdb::DB> db;
  std::optional<std::string> quarantine;
  std::string reason;
  bool is_new = false; ///< There was none.
};

/// Opens or creates a database of small values. Its log is replayed up to the
/// first torn record; damage before that, or in a table, moves the directory
/// aside.
/// @param directory empty: one of its own in memory, if it is derived
/// @param derived what is there can be made again: whatever keeps it from being
///   opened moves it aside, but for a lock that is held and a full disk
[[nodiscard]] result<opened_rocksdb> open_rocksdb(const std::string& directory,
                                                  bool derived = false);

} // namespace millrace::persistence
