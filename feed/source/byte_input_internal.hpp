#pragma once

#include <millrace/feed/source/source.hpp>

#include <memory>
#include <span>
#include <vector>

namespace millrace::feed {

/// What is read of a pipe can be read once: its first bytes, that told what it
/// holds, and the rest.
struct pipe_begin {
  std::unique_ptr<persistence::file> from;
  std::vector<std::byte> head;
};

/// The bytes of a source as they lie on the disk, or come through a pipe, from
/// begin to end. Owner: one thread.
class byte_input {
public:
  /// @param stop ends what is followed, or waits for a pipe; outlives it
  [[nodiscard]] static result<byte_input> open(persistence::file_system& fs,
                                               const source_info& info,
                                               const std::atomic<bool>& stop);

  /// As source::read.
  result<size_t> read(std::span<std::byte> into);

  [[nodiscard]] uint64_t consumed() const noexcept { return consumed_; }
  [[nodiscard]] const std::string& path() const noexcept {
    return from_->path();
  }

private:
  explicit byte_input(const std::atomic<bool>& stop) : stop_{&stop} {}

  [[nodiscard]] bool is_replaced() const;
  /// Whether what was read last still stands there.
  [[nodiscard]] result<bool> is_as_read() const;
  void keep_tail(std::span<const std::byte> read);

  const std::atomic<bool>* stop_;
  /// Where a file that is followed keeps its name; null: it is not followed.
  persistence::file_system* followed_ = nullptr;
  bool gone_ = false;           ///< Its name is, since it was read last.
  bool waited_ = false;         ///< There was nothing more, when last asked.
  std::vector<std::byte> tail_; ///< What was read last of what is followed.

  std::unique_ptr<persistence::file> from_;
  std::vector<std::byte> head_; ///< Of a pipe.
  uint64_t consumed_ = 0;
};

} // namespace millrace::feed
