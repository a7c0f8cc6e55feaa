#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The disk of the system is in posix_file_system.cpp.

namespace millrace::persistence {

/// One open file. Reads may come from any thread; writes from one at a time.
/// After a failed `sync` the file is never trusted again: close it, reopen it,
/// verify it.
class file {
public:
  virtual ~file() = default;

  /// Fills `into` from `offset`; short only at the end of the file. Of a pipe,
  /// that has no offsets: what comes next, 0 only at its end, and `timeout`
  /// when nothing came within 50 ms.
  /// @returns the number of bytes read.
  virtual result<size_t> read_at(uint64_t offset, std::span<std::byte> into)
    = 0;

  /// Writes all of `bytes` or fails; a short write of the system is continued.
  /// `no_space` when the disk is full: the bytes that did land are unspecified.
  virtual error write_at(uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Makes everything written so far survive a power cut (fdatasync).
  virtual error sync() = 0;

  virtual error truncate(uint64_t size) = 0;
  virtual result<uint64_t> size() = 0;

  /// Reserves disk space and touches the pages of [size, size + bytes) without
  /// changing what `size` reports, as far as the system can; a hint only.
  virtual void reserve(uint64_t bytes) = 0;

  [[nodiscard]] virtual const std::string& path() const noexcept = 0;
};

enum class open_mode {
  read,       ///< Must exist.
  write,      ///< Read and write; created when missing.
  create_new, ///< Read and write; `already_exists` when present.
};

/// Holds a directory for one process; released on destruction or death.
class directory_lock {
public:
  virtual ~directory_lock() = default;
};

/// Holds a name for one process, or several that share it; released on
/// destruction or death.
class file_lock {
public:
  virtual ~file_lock() = default;
};

enum class lock_mode {
  shared,         ///< Others may share it.
  exclusive,      ///< Nobody else holds it.
  exclusive_wait, ///< The same; waits for those who hold it.
};

/// Read-only memory of a whole file; stays valid after the file is removed.
class mapped_file {
public:
  virtual ~mapped_file() = default;
  [[nodiscard]] virtual std::span<const std::byte> bytes() const noexcept = 0;
  /// Whether bytes could not be brought in when they were looked at: the file
  /// was cut, or the disk failed. They read as zeros then, so that those who
  /// ask after the last look knows what its results are worth.
  [[nodiscard]] virtual bool lost() const noexcept = 0;
};

struct directory_entry {
  std::string name; ///< Last path component.
  bool is_directory = false;
  uint64_t size = 0;
  /// The sticky bit: replicated and merged everywhere, may be truncated.
  bool archived = false;
};

/// The only way to the disk. Two implementations: POSIX, and the simulator's
/// in-memory disk with faults. Paths are absolute or relative to the process.
/// Thread safe.
class file_system {
public:
  virtual ~file_system() = default;

  virtual result<std::unique_ptr<file>> open(const std::string& path,
                                             open_mode mode)
    = 0;
  /// Sorted by name. `not_found` when the directory is missing.
  virtual result<std::vector<directory_entry>> list(const std::string& path)
    = 0;
  /// Creates missing parents; fine when it exists.
  virtual error create_directories(const std::string& path) = 0;
  virtual error rename(const std::string& from, const std::string& to) = 0;
  virtual error remove(const std::string& path) = 0;
  /// A directory and all below; fine when it is missing.
  virtual error remove_all(const std::string& path) = 0;
  /// Makes creates, renames and removals in `path` survive a power cut.
  virtual error sync_directory(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  virtual error mark_archived(const std::string& path) = 0;
  /// `limit_exceeded` when the process has as many mappings as it may.
  virtual result<std::unique_ptr<mapped_file>> map(const std::string& path) = 0;
  /// `locked` with the holder's pid when another live owner has it.
  virtual result<std::unique_ptr<directory_lock>>
  lock_directory(const std::string& path) = 0;
  /// Locks a name by a file that is there for nothing else: it is made for it,
  /// and removed by the last who holds it. `locked` names who does.
  /// @param holder what others are told, if the disk has room for it
  virtual result<std::unique_ptr<file_lock>>
  lock_file(const std::string& path, lock_mode mode, const std::string& holder)
    = 0;
  /// Changes whenever unsynced bytes may have been lost: names one life of the
  /// machine, not of the process. Two equal answers around a crash mean that
  /// only the process died, and that all it wrote is still there.
  [[nodiscard]] virtual uint64_t boot_id() = 0;
  /// Bytes still free on the disk that holds `path`.
  virtual result<uint64_t> free_bytes(const std::string& path) = 0;
  /// Bytes that it has for its users, free or taken.
  virtual result<uint64_t> total_bytes(const std::string& path) = 0;
};

/// Reads a small file whole. `oversize` above `bytes_max`.
[[nodiscard]] result<std::vector<std::byte>>
read_file(file_system& fs, const std::string& path,
          uint64_t bytes_max = uint64_t{64} << 20);

/// A text that programs of others write, as their users hand it in: without the
/// mark of its byte order (U+FEFF), which some put before UTF-8.
[[nodiscard]] std::string_view without_mark(std::string_view text) noexcept;

/// Reads such a small file whole. `oversize` above `bytes_max`.
[[nodiscard]] result<std::string>
read_text_file(file_system& fs, const std::string& path,
               uint64_t bytes_max = uint64_t{64} << 20);

/// The same as `read_file` of a file that is written by this system alone: one
/// that is larger than it ever gets is damaged, `corrupt`.
[[nodiscard]] result<std::vector<std::byte>>
read_own_file(file_system& fs, const std::string& path,
              uint64_t bytes_max = uint64_t{64} << 20);

/// Replaces `path` atomically: temporary file, sync, rename, directory sync.
/// After a crash the old or the new content is there, never a mixture.
[[nodiscard]] error replace_file(file_system& fs, const std::string& path,
                                 std::span<const std::byte> bytes);

/// The same of a file that `read_own_file` reads with this bound: `oversize`
/// above it, which nobody could read again, and the old content stays.
[[nodiscard]] error replace_own_file(file_system& fs, const std::string& path,
                                     std::span<const std::byte> bytes,
                                     uint64_t bytes_max = uint64_t{64} << 20);

/// Stands before the number in the names of what was set aside.
inline constexpr std::string_view aside_mark = ".aside.";

/// Renames `path` to the first `<path>.aside.<n>` that is free. The name lasts
/// when the directory that holds it is synced.
[[nodiscard]] error set_aside(file_system& fs, const std::string& path);

/// The process-wide POSIX file system.
[[nodiscard]] file_system& posix_file_system();

} // namespace millrace::persistence
