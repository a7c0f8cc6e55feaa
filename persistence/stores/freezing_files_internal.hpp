#pragma once

#include <memory>

namespace rocksdb {
class Env;
class Status;
} // namespace rocksdb

namespace millrace::persistence {

/// Files for RocksDB, whose writers assert, and so end the process, when they
/// are used again after a write of theirs was refused. From the first refused
/// write on all that changes the disk is taken and not done: the disk stays as
/// kill -9 at that moment would have left it, which RocksDB recovers from.
/// Who owns the database looks at `failure` after each call, and opens it
/// anew. Thread safe.
class freezing_files {
public:
  freezing_files();
  ~freezing_files();
  freezing_files(const freezing_files&) = delete;
  freezing_files& operator=(const freezing_files&) = delete;

  /// For a database that does not outlive this.
  [[nodiscard]] rocksdb::Env* env() const noexcept;
  /// Of the write that was refused; OK: none was.
  [[nodiscard]] rocksdb::Status failure() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace millrace::persistence
