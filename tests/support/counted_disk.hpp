#pragma once

#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/tests/support/watched_executor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace millrace::test_support {

/// Another disk, and how much is asked of it: what a test says of effort then
/// depends on no clock. Thread safe.
class counted_disk final : public persistence::file_system {
public:
  explicit counted_disk(persistence::file_system& disk) : disk_{&disk} {}

  /// Times that a directory was listed.
  std::atomic<uint64_t> listings{0};
  /// Bytes that were read from files.
  std::atomic<uint64_t> bytes_read{0};
  /// Those of them that no job of a watched_executor read: what an actor reads
  /// in its handlers.
  std::atomic<uint64_t> handlers_bytes_read{0};

  using file = persistence::file;

  result<std::unique_ptr<file>> open(const std::string& path,
                                     persistence::open_mode mode) override {
    auto opened = disk_->open(path, mode);
    if (!opened)
      return opened.failure();
    return std::unique_ptr<file>{
      std::make_unique<counted_file>(*std::move(opened), *this)};
  }
  result<std::vector<persistence::directory_entry>>
  list(const std::string& path) override {
    ++listings;
    return disk_->list(path);
  }
  error create_directories(const std::string& path) override {
    return disk_->create_directories(path);
  }
  error rename(const std::string& from, const std::string& to) override {
    return disk_->rename(from, to);
  }
  error remove(const std::string& path) override { return disk_->remove(path); }
  error remove_all(const std::string& path) override {
    return disk_->remove_all(path);
  }
  error sync_directory(const std::string& path) override {
    return disk_->sync_directory(path);
  }
  bool exists(const std::string& path) override { return disk_->exists(path); }
  error mark_archived(const std::string& path) override {
    return disk_->mark_archived(path);
  }
  result<std::unique_ptr<persistence::mapped_file>>
  map(const std::string& path) override {
    return disk_->map(path);
  }
  result<std::unique_ptr<persistence::directory_lock>>
  lock_directory(const std::string& path) override {
    return disk_->lock_directory(path);
  }
  result<std::unique_ptr<persistence::file_lock>>
  lock_file(const std::string& path, persistence::lock_mode mode,
            const std::string& holder) override {
    return disk_->lock_file(path, mode, holder);
  }
  uint64_t boot_id() override { return disk_->boot_id(); }
  result<uint64_t> free_bytes(const std::string& path) override {
    return disk_->free_bytes(path);
  }
  result<uint64_t> total_bytes(const std::string& path) override {
    return disk_->total_bytes(path);
  }

private:
  class counted_file final : public file {
  public:
    counted_file(std::unique_ptr<file> of, counted_disk& counts)
      : of_{std::move(of)}, counts_{&counts} {}
    result<size_t> read_at(uint64_t offset,
                           std::span<std::byte> into) override {
      auto got = of_->read_at(offset, into);
      if (!got)
        return got;
      counts_->bytes_read += *got;
      if (!watched_executor::in_job())
        counts_->handlers_bytes_read += *got;
      return got;
    }
    error write_at(uint64_t offset, std::span<const std::byte> bytes) override {
      return of_->write_at(offset, bytes);
    }
    error sync() override { return of_->sync(); }
    error truncate(uint64_t size) override { return of_->truncate(size); }
    result<uint64_t> size() override { return of_->size(); }
    void reserve(uint64_t bytes) override { of_->reserve(bytes); }
    [[nodiscard]] const std::string& path() const noexcept override {
      return of_->path();
    }

  private:
    std::unique_ptr<file> of_;
    counted_disk* counts_;
  };

  persistence::file_system* disk_;
};

} // namespace millrace::test_support
