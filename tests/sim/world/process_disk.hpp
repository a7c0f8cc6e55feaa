#pragma once

#include <millrace/sim/disk/memory_file_system.hpp>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::sim {

/// The disk as one process sees it: after its end every call fails and changes
/// nothing, although code of the dead process may still be unwinding.
class process_disk final : public persistence::file_system {
public:
  using liveness = std::shared_ptr<const bool>;

  process_disk(memory_file_system& disk, liveness alive)
    : disk_{disk}, alive_{std::move(alive)} {}

  result<std::unique_ptr<persistence::file>>
  open(const std::string& path, persistence::open_mode mode) override {
    if (!*alive_)
      return over(path);
    meet(path, mode == persistence::open_mode::read);
    auto opened = disk_.open(path, mode);
    if (!opened)
      return opened.failure();
    return std::unique_ptr<persistence::file>{
      std::make_unique<life_file>(*std::move(opened), alive_)};
  }
  result<std::vector<persistence::directory_entry>>
  list(const std::string& path) override {
    if (!*alive_)
      return over(path);
    return disk_.list(path);
  }
  error create_directories(const std::string& path) override {
    return *alive_ ? disk_.create_directories(path) : over(path);
  }
  error rename(const std::string& from, const std::string& to) override {
    known_.insert(to);
    return *alive_ ? disk_.rename(from, to) : over(from);
  }
  error remove(const std::string& path) override {
    return *alive_ ? disk_.remove(path) : over(path);
  }
  error remove_all(const std::string& path) override {
    return *alive_ ? disk_.remove_all(path) : over(path);
  }
  error sync_directory(const std::string& path) override {
    return *alive_ ? disk_.sync_directory(path) : over(path);
  }
  bool exists(const std::string& path) override {
    return *alive_ && disk_.exists(path);
  }
  error mark_archived(const std::string& path) override {
    return *alive_ ? disk_.mark_archived(path) : over(path);
  }
  result<std::unique_ptr<persistence::mapped_file>>
  map(const std::string& path) override {
    if (!*alive_)
      return over(path);
    meet(path, true);
    return disk_.map(path);
  }
  result<std::unique_ptr<persistence::directory_lock>>
  lock_directory(const std::string& path) override {
    if (!*alive_)
      return over(path);
    auto lock = disk_.lock_directory(path);
    if (!lock)
      return lock.failure();
    auto held = std::make_shared<held_lock>(*std::move(lock));
    std::erase_if(locks_, [](const auto& old) { return old.expired(); });
    locks_.push_back(held);
    return std::unique_ptr<persistence::directory_lock>{
      std::make_unique<life_lock>(std::move(held))};
  }
  result<std::unique_ptr<persistence::file_lock>>
  lock_file(const std::string& path, persistence::lock_mode mode,
            const std::string& holder) override {
    if (!*alive_)
      return over(path);
    return disk_.lock_file(path, mode, holder);
  }
  uint64_t boot_id() override { return disk_.boot_id(); }
  result<uint64_t> free_bytes(const std::string& path) override {
    if (!*alive_)
      return over(path);
    return disk_.free_bytes(path);
  }
  result<uint64_t> total_bytes(const std::string& path) override {
    return *alive_ ? disk_.total_bytes(path) : over(path);
  }

  /// Files that it has read so far, and that it had not opened before: those
  /// are in no cache.
  [[nodiscard]] uint64_t first_reads() const noexcept { return first_reads_; }

  /// The process is gone: its locks are free.
  void end() {
    for (const auto& lock : locks_)
      if (auto held = lock.lock())
        held->reset();
    locks_.clear();
  }

private:
  using held_lock = std::unique_ptr<persistence::directory_lock>;

  class life_lock final : public persistence::directory_lock {
  public:
    explicit life_lock(std::shared_ptr<held_lock> held)
      : held_{std::move(held)} {}

  private:
    std::shared_ptr<held_lock> held_;
  };

  class life_file final : public persistence::file {
  public:
    life_file(std::unique_ptr<persistence::file> inner, liveness alive)
      : file_{std::move(inner)}, alive_{std::move(alive)} {}
    result<size_t> read_at(uint64_t offset,
                           std::span<std::byte> into) override {
      if (!*alive_)
        return over(path());
      return file_->read_at(offset, into);
    }
    error write_at(uint64_t offset, std::span<const std::byte> bytes) override {
      return *alive_ ? file_->write_at(offset, bytes) : over(path());
    }
    error sync() override { return *alive_ ? file_->sync() : over(path()); }
    error truncate(uint64_t size) override {
      return *alive_ ? file_->truncate(size) : over(path());
    }
    result<uint64_t> size() override {
      if (!*alive_)
        return over(path());
      return file_->size();
    }
    void reserve(uint64_t bytes) override {
      if (*alive_)
        file_->reserve(bytes);
    }
    [[nodiscard]] const std::string& path() const noexcept override {
      return file_->path();
    }

  private:
    std::unique_ptr<persistence::file> file_;
    liveness alive_;
  };

  void meet(const std::string& path, bool reads) {
    if (known_.insert(path).second && reads)
      ++first_reads_;
  }

  static error over(const std::string& path) {
    return {errc::storage_failed, path + ": its process has ended"};
  }

  memory_file_system& disk_;
  liveness alive_;
  std::vector<std::weak_ptr<held_lock>> locks_;
  std::set<std::string> known_;
  uint64_t first_reads_ = 0;
};

} // namespace millrace::sim
