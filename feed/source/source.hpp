#pragma once

#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::feed {

enum class source_kind : uint8_t { plain, gzip, zip_member };

/// One text to read: a file, or one member of a zip archive.
struct source_info {
  std::string path;
  std::string member; ///< Name in the archive; empty otherwise.
  source_kind kind = source_kind::plain;
  /// File name, size and hash of the file's first 64 KiB, and the member: what
  /// the text is where no hash of it is kept.
  std::string identity;
  /// What progress() counts up to: bytes of the file, or of the member's text.
  uint64_t total_bytes = 0;
  uint64_t index = 0; ///< In the archive.

  /// "path" or "path#member": its name in messages and cursors.
  [[nodiscard]] std::string label() const {
    return member.empty() ? path : path + "#" + member;
  }
};

/// What a file holds, told by its first bytes: members of an archive in the
/// order of their names. Fails when the file is missing, not readable, or a
/// damaged archive.
[[nodiscard]] result<std::vector<source_info>>
list_sources(persistence::file_system& fs, const std::string& path);

/// The text of one source, from begin to end. Owner: one thread.
class source {
public:
  virtual ~source() = default;

  /// The whole text in memory, when it is a plain file; empty: use `read`.
  [[nodiscard]] virtual std::span<const std::byte> mapped() const noexcept {
    return {};
  }
  /// Keeps mapped() alive.
  [[nodiscard]] virtual std::shared_ptr<const void> mapping() const {
    return {};
  }

  /// The next bytes; 0 only at the end. Faults name path and reason; damage in
  /// an archive is `corrupt`.
  virtual result<size_t> read(std::span<std::byte> into) = 0;

  /// Bytes consumed, in the unit of source_info::total_bytes.
  [[nodiscard]] virtual uint64_t progress() const noexcept = 0;
};

[[nodiscard]] result<std::unique_ptr<source>>
open_source(persistence::file_system& fs, const source_info& info);

} // namespace millrace::feed
