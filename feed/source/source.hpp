#pragma once

#include <millrace/feed/parse/line_reading.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::feed {

enum class source_kind : uint8_t { plain, gzip, bzip2, xz, zstd, zip_member };

struct pipe_begin;

/// Lines of a source that were rejected, as a text to read anew.
struct reject_text {
  std::string text; ///< Without the header of the source.
  struct origin {
    uint64_t begin = 0; ///< In `text`.
    uint64_t line = 0;  ///< In the source, from 1.
    uint64_t offset = 0;
    std::optional<uint32_t> hash; ///< See line_place.
  };
  std::vector<origin> lines;
  /// How all of them were read; none: it is not known.
  std::optional<line_reading> reading;
};

/// One text to read: a file, or one member of a zip archive.
struct source_info {
  std::string path;
  std::string member; ///< Name in the archive; empty otherwise.
  source_kind kind = source_kind::plain;
  /// What the text is where no cursor keeps a hash of it: see
  /// feed/source/text_identity.hpp. Empty: nobody asked.
  std::string identity;
  /// What progress() counts up to: bytes of the file, or of the member's text.
  uint64_t total_bytes = 0;
  uint64_t index = 0; ///< In the archive.
  /// Members of the archive that are not read, for their names say that they
  /// are hidden; told by its first one that is.
  std::vector<std::string> left_out;
  /// Of a pipe, which is read once.
  std::shared_ptr<pipe_begin> pipe;
  /// What is read instead of the source.
  std::shared_ptr<const reject_text> rejected;
  /// Reading waits at the end of the file for more.
  bool followed = false;

  /// "path" or "path#member": its name in messages and cursors.
  [[nodiscard]] std::string label() const {
    return member.empty() ? path : path + "#" + member;
  }
};

/// What is wanted of the files.
struct source_choice {
  /// Members of archives whose names it fits: '*' stands for any text, '?' for
  /// one character. Empty: all.
  std::string member;
  bool follow = false; ///< Goes on at the end of a file when it grows.
};

/// What a file holds, told by its first bytes: members of an archive in the
/// order of their names. Fails when the file is missing, not readable, or a
/// damaged archive, and when no member is chosen. Waits for the first bytes of
/// a pipe, until `stop`.
[[nodiscard]] result<std::vector<source_info>>
list_sources(persistence::file_system& fs, const std::string& path,
             const source_choice& choice, const std::atomic<bool>& stop);

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
  /// an archive is `corrupt`. `timeout`: nothing is there yet, try again.
  virtual result<size_t> read(std::span<std::byte> into) = 0;

  /// Bytes consumed, in the unit of source_info::total_bytes.
  [[nodiscard]] virtual uint64_t progress() const noexcept = 0;

  /// After a fault: it ends too early, and what came before that is whole. Not
  /// of what is compressed, whose checksums come last.
  [[nodiscard]] virtual bool cut_off() const noexcept { return false; }
};

/// Members are of archives: `invalid_argument` when some are chosen, and none
/// of the sources is one.
[[nodiscard]] error check_member(const source_choice& choice,
                                 const std::vector<source_info>& sources);

/// @param stop ends what is followed; outlives the source
[[nodiscard]] result<std::unique_ptr<source>>
open_source(persistence::file_system& fs, const source_info& info,
            const std::atomic<bool>& stop);

} // namespace millrace::feed
