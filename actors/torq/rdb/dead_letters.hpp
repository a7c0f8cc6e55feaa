#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace millrace::torq {

/// A batch that no table fits.
struct dead_letter {
  std::string_view stream;
  position end; ///< Of its message.
  std::string_view origin;
  int64_t id = 0;
  std::string_view table; ///< Empty: it could not be read.
  uint32_t rows = 0;
  std::string reason;
  std::span<const std::byte> payload;
};

/// The dead letters of an rdb: a file of JSON lines, each with the fields above
/// and the payload in hexadecimal digits, which only grows. A letter that comes
/// again, when a stream is replayed, is kept once. One owner.
class dead_letters {
public:
  /// Opens the file, or makes it; a line that a power cut has torn is cut off.
  [[nodiscard]] static result<std::unique_ptr<dead_letters>>
  open(persistence::file_system& fs, const std::string& path);

  /// Writes it, not synced: until its period is written down it would come
  /// again.
  [[nodiscard]] error keep(const dead_letter& what);

  /// What has been kept survives a power cut. Any thread.
  [[nodiscard]] error sync() { return file_->sync(); }

private:
  explicit dead_letters(std::unique_ptr<persistence::file> into)
    : file_{std::move(into)} {}

  [[nodiscard]] error load();

  std::unique_ptr<persistence::file> file_;
  uint64_t end_ = 0;
  std::set<uint64_t> known_; ///< Hashes of lines.
};

} // namespace millrace::torq
