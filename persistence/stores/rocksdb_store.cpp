#include <millrace/persistence/stores/freezing_files_internal.hpp>
#include <millrace/persistence/stores/rocksdb_store_internal.hpp>

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <filesystem>
#include <system_error>

namespace millrace::persistence {

namespace {

/// RocksDB has no code of its own for a held lock.
bool is_held(const rocksdb::Status& status) {
  const auto text = status.ToString();
  return status.IsIOError() && text.find("lock ") != std::string::npos
         && (text.find("No locks available") != std::string::npos
             || text.find("temporarily unavailable") != std::string::npos);
}

/// What RocksDB says of it is for those who know its files.
error worded(errc code, const std::string& what, const char* why,
             const rocksdb::Status& status) {
  return {code, what + ": " + why + " (RocksDB: " + status.ToString() + ")"};
}

} // namespace

error to_error(const rocksdb::Status& status, const std::string& what) {
  if (status.ok())
    return {};
  if (is_held(status))
    return {errc::locked, what + ": another process has it open"};
  if (status.IsNotFound())
    return worded(errc::not_found, what, "is not there", status);
  if (status.IsCorruption())
    return worded(errc::corrupt, what, "its files are damaged", status);
  if (status.IsNoSpace())
    return worded(errc::no_space, what, "the disk is full", status);
  if (status.IsInvalidArgument())
    return worded(errc::invalid_argument, what,
                  "a file of it is missing, or is not of it", status);
  if (status.IsBusy() || status.IsTryAgain() || status.IsTimedOut())
    return worded(errc::unavailable, what, "it is busy", status);
  return worded(errc::storage_failed, what,
                "a file of it cannot be read or written", status);
}

opened_rocksdb::opened_rocksdb() = default;
opened_rocksdb::~opened_rocksdb() = default;
opened_rocksdb::opened_rocksdb(opened_rocksdb&&) noexcept = default;

bool opened_rocksdb::is_frozen() const {
  return files && !files->failure().ok();
}

error opened_rocksdb::outcome(const rocksdb::Status& status,
                              const std::string& what) const {
  return is_frozen() ? to_error(files->failure(), what)
                     : to_error(status, what);
}

namespace {

rocksdb::Options options_for_small_state() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  // The default stops in silence at the first bad record and drops the rest;
  // this one accepts a torn end, and answers Corruption for anything else.
  options.wal_recovery_mode
    = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // After a refused write its owner opens it again.
  options.max_bgerror_resume_count = 0;
  options.max_open_files = 64;
  options.write_buffer_size = 8u << 20;
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 1;
  options.keep_log_file_num = 2;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.compression = rocksdb::kNoCompression;
  return options;
}

/// The first `<directory>.damaged.<n>` that is free.
result<std::string> move_aside(const std::string& directory) {
  std::error_code fault;
  for (int n = 1;; ++n) {
    auto to = directory + ".damaged." + std::to_string(n);
    if (std::filesystem::exists(to, fault))
      continue;
    std::filesystem::rename(directory, to, fault);
    if (fault)
      return error{errc::storage_failed,
                   directory + ": rename to " + to + ": " + fault.message()};
    return to;
  }
}

result<opened_rocksdb> open_in_memory() {
  opened_rocksdb out;
  out.memory.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  auto options = options_for_small_state();
  options.env = out.memory.get();
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(options, "/memory", &raw);
  if (!status.ok())
    return to_error(status, "a database in memory");
  out.db.reset(raw);
  return out;
}

} // namespace

result<opened_rocksdb> open_rocksdb(const std::string& directory,
                                    bool derived) {
  if (directory.empty() && derived)
    return open_in_memory();
  std::error_code fault;
  std::filesystem::create_directories(directory, fault);
  if (fault)
    return error{fault == std::errc::permission_denied ? errc::permission
                                                       : errc::storage_failed,
                 directory + ": " + fault.message()};
  opened_rocksdb out;
  out.is_new = !std::filesystem::exists(directory + "/CURRENT", fault);
  for (;;) {
    out.files = std::make_shared<freezing_files>();
    auto options = options_for_small_state();
    options.env = out.files->env();
    rocksdb::DB* raw = nullptr;
    const auto status = rocksdb::DB::Open(options, directory, &raw);
    out.db.reset(raw);
    auto failure = out.outcome(status, directory);
    if (!failure)
      return out;
    out.db.reset();
    // Nothing is known of what a disk that refuses has.
    if (out.is_frozen())
      return failure;
    // A damaged file answers Corruption, a lost one InvalidArgument, or "path
    // not found", as the directory itself is there.
    const bool is_damage = failure.code == errc::corrupt
                           || failure.code == errc::invalid_argument
                           || status.IsPathNotFound()
                           || (derived && failure.code != errc::locked
                               && failure.code != errc::no_space);
    if (!is_damage || out.quarantine)
      return failure;
    auto moved = move_aside(directory);
    if (!moved)
      return moved.failure();
    out.quarantine = std::move(*moved);
    out.reason = failure.context;
  }
}

} // namespace millrace::persistence
