#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What all held files of an hdb take now.
struct held_totals {
  std::atomic<uint32_t> mappings{0};
  std::atomic<uint64_t> memory{0};
};

/// The bytes of one file, read when it is small and mapped when it is not: no
/// descriptor stays open, and a hundred thousand small files are no mappings.
/// Immutable; thread safe.
class held_file final : public held_bytes {
public:
  /// Larger files are mapped.
  static constexpr uint64_t read_bytes_max = 64 * 1024;

  /// `corrupt` unless the file has `size` bytes, `not_found` when it is
  /// missing, `limit_exceeded` when no more can be mapped.
  [[nodiscard]] static result<std::shared_ptr<const held_file>>
  open(file_system& fs, const std::string& path, uint64_t size,
       std::shared_ptr<held_totals> totals);
  ~held_file() override;
  held_file(const held_file&) = delete;
  held_file& operator=(const held_file&) = delete;

  /// 8-byte aligned.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return mapped_ ? mapped_->bytes() : std::span<const std::byte>{read_};
  }
  [[nodiscard]] error fault() const override;
  [[nodiscard]] bool lost() const noexcept {
    return mapped_ && mapped_->lost();
  }
  /// Whether the file has lost bytes of its end since. Within its last page no
  /// look at the memory tells: they read as zeros. Asks the disk.
  [[nodiscard]] error cut(file_system& fs) const;
  /// Bytes before the end that one page may hold, on any machine.
  static constexpr uint64_t last_page_bytes = 64 * 1024;

private:
  held_file(std::string path, std::shared_ptr<held_totals> totals)
    : path_{std::move(path)}, totals_{std::move(totals)} {}

  std::string path_;
  std::shared_ptr<held_totals> totals_;
  std::unique_ptr<mapped_file> mapped_;
  std::vector<std::byte> read_;
};

/// A file that is held when it was used, until room is needed for others.
struct held_slot {
  std::mutex mutex;
  std::shared_ptr<const held_file> file; ///< Under mutex.
  bool listed = false;                   ///< Of held_files.
};

/// Bounds what an hdb holds of its files: those that came first and are not in
/// use are let go first. Thread safe.
class held_files {
public:
  /// How much is held when no query needs it.
  held_files(uint32_t mappings_max, uint64_t memory_max)
    : mappings_max_{mappings_max}, memory_max_{memory_max} {}

  [[nodiscard]] const std::shared_ptr<held_totals>& totals() const noexcept {
    return totals_;
  }
  /// To be told of each slot that was filled, without its mutex.
  void filled(const std::shared_ptr<held_slot>& slot);
  /// Lets go of every file that is not in use.
  void let_go();

private:
  /// Looks at `count` slots at most, while there is more than this.
  void shrink(size_t count, uint32_t mappings, uint64_t memory);

  const uint32_t mappings_max_;
  const uint64_t memory_max_;
  std::shared_ptr<held_totals> totals_ = std::make_shared<held_totals>();
  std::mutex mutex_;
  std::deque<std::weak_ptr<held_slot>> slots_; ///< Oldest first.
};

} // namespace millrace::persistence
