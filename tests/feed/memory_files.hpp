#pragma once

#include <millrace/persistence/disk/file_system.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Files in memory, with the faults that a feed can meet: a read that fails
/// from an offset on, a disk that is full. Single-threaded writes.
class memory_files : public persistence::file_system {
public:
  using bytes_ptr = std::shared_ptr<std::vector<std::byte>>;

  /// From this offset on, reads of any file fail.
  uint64_t read_fault_at = UINT64_MAX;
  /// Bytes that the disk still takes.
  uint64_t room = UINT64_MAX;

  void put(const std::string& path, std::string_view text) {
    auto bytes = std::make_shared<std::vector<std::byte>>(text.size());
    std::memcpy(bytes->data(), text.data(), text.size());
    files_[path] = std::move(bytes);
  }

  [[nodiscard]] std::string text(const std::string& path) const {
    const auto found = files_.find(path);
    if (found == files_.end())
      return {};
    return {reinterpret_cast<const char*>(found->second->data()),
            found->second->size()};
  }

  result<std::unique_ptr<persistence::file>>
  open(const std::string& path, persistence::open_mode mode) override {
    if (mode == persistence::open_mode::read && !files_.contains(path))
      return missing(path);
    auto& bytes = files_[path];
    if (!bytes)
      bytes = std::make_shared<std::vector<std::byte>>();
    return std::unique_ptr<persistence::file>{
      std::make_unique<memory_file>(*this, path, bytes)};
  }
  result<std::vector<persistence::directory_entry>>
  list(const std::string&) override {
    return std::vector<persistence::directory_entry>{};
  }
  error create_directories(const std::string&) override { return {}; }
  error rename(const std::string& from, const std::string& to) override {
    files_[to] = files_[from];
    files_.erase(from);
    return {};
  }
  error remove(const std::string& path) override {
    files_.erase(path);
    return {};
  }
  error remove_all(const std::string&) override { return {}; }
  error sync_directory(const std::string&) override { return {}; }
  bool exists(const std::string& path) override {
    return files_.contains(path);
  }
  error mark_archived(const std::string&) override { return {}; }
  result<std::unique_ptr<persistence::mapped_file>>
  map(const std::string& path) override {
    if (!files_.contains(path))
      return missing(path);
    return std::unique_ptr<persistence::mapped_file>{
      std::make_unique<memory_map>(files_[path])};
  }
  result<std::unique_ptr<persistence::directory_lock>>
  lock_directory(const std::string&) override {
    return std::make_unique<persistence::directory_lock>();
  }
  result<uint64_t> free_bytes(const std::string&) override { return room; }
  uint64_t boot_id() override { return 1; }

private:
  static error missing(const std::string& path) {
    return {errc::not_found, path + ": No such file or directory"};
  }

  class memory_file : public persistence::file {
  public:
    memory_file(memory_files& disk, std::string path, bytes_ptr bytes)
      : disk_{disk}, path_{std::move(path)}, bytes_{std::move(bytes)} {}

    result<size_t> read_at(uint64_t offset,
                           std::span<std::byte> into) override {
      if (offset + into.size() > disk_.read_fault_at)
        return error{errc::storage_failed, path_ + ": read at "
                                             + std::to_string(offset)
                                             + ": Input/output error"};
      if (offset >= bytes_->size())
        return size_t{0};
      const auto count
        = std::min<uint64_t>(into.size(), bytes_->size() - offset);
      std::memcpy(into.data(), bytes_->data() + offset, count);
      return static_cast<size_t>(count);
    }
    error write_at(uint64_t offset, std::span<const std::byte> bytes) override {
      if (bytes.size() > disk_.room)
        return {errc::no_space, path_ + ": No space left on device"};
      disk_.room -= disk_.room == UINT64_MAX ? 0 : bytes.size();
      bytes_->resize(std::max<size_t>(bytes_->size(), offset + bytes.size()));
      std::memcpy(bytes_->data() + offset, bytes.data(), bytes.size());
      return {};
    }
    error sync() override { return {}; }
    error truncate(uint64_t size) override {
      bytes_->resize(size);
      return {};
    }
    result<uint64_t> size() override { return uint64_t{bytes_->size()}; }
    void reserve(uint64_t) override {}
    [[nodiscard]] const std::string& path() const noexcept override {
      return path_;
    }

  private:
    memory_files& disk_;
    std::string path_;
    bytes_ptr bytes_;
  };

  class memory_map : public persistence::mapped_file {
  public:
    explicit memory_map(bytes_ptr bytes) : bytes_{std::move(bytes)} {}
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept override {
      return *bytes_;
    }

  private:
    bytes_ptr bytes_;
  };

  std::map<std::string, bytes_ptr> files_;
};

} // namespace millrace::feed
