#pragma once

#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// What log writer, replica and reader share, in log_scan.cpp and
/// log_repair.cpp.
namespace millrace::persistence::detail {

template <class T>
[[nodiscard]] T load(const std::byte* from) noexcept {
  T x;
  std::memcpy(&x, from, sizeof(T));
  return x;
}

template <class T>
void store(std::byte* to, T x) noexcept {
  std::memcpy(to, &x, sizeof(T));
}

template <class T>
void append_to(std::vector<std::byte>& out, T x) {
  out.resize(out.size() + sizeof(T));
  store(out.data() + out.size() - sizeof(T), x);
}

[[nodiscard]] inline std::string path_of(const std::string& directory,
                                         const std::string& name) {
  return directory + "/" + name;
}

[[nodiscard]] inline std::string log_path(const std::string& directory,
                                          uint64_t session, uint64_t roll) {
  return path_of(directory, log_file_name(session, roll));
}

/// The sparse time index of one log file.
[[nodiscard]] inline std::string index_path(const std::string& directory,
                                            uint64_t session, uint64_t roll) {
  return path_of(directory, ".index." + std::to_string(session) + "."
                              + std::to_string(roll));
}

/// The records of one file through a sliding window of its bytes.
class record_window {
public:
  static constexpr size_t bytes_default = 256u << 10;

  record_window(file& source, const lineage_id& lineage, uint64_t session,
                uint64_t roll, payload_check check,
                size_t window_bytes = bytes_default)
    : source_{&source}, lineage_{lineage}, session_{session}, roll_{roll},
      check_{check}, window_bytes_{window_bytes} {}

  /// The record at `offset`; what is not a record was read from the file just
  /// now. `incomplete`: the file ends before the record does. The view lives
  /// until the next call.
  [[nodiscard]] result<parse_outcome> at(uint64_t offset);

  /// Whole records in the window from `offset` on, where `at` just found
  /// `first`: at most `bytes_max` unless the first is larger, none that ends
  /// after `limit`, none after a seal.
  [[nodiscard]] std::span<const std::byte> run_from(uint64_t offset,
                                                    const record_view& first,
                                                    uint32_t bytes_max,
                                                    uint64_t limit);

  /// Parses bytes of this file at `offset` that lie elsewhere in memory.
  [[nodiscard]] parse_outcome parse_in(std::span<const std::byte> bytes,
                                       uint64_t offset) const {
    return parse_record(bytes, lineage_, position::of(session_, roll_, offset),
                        check_);
  }

  /// Forgets the bytes that were read.
  void clear() noexcept { valid_ = 0; }

private:
  [[nodiscard]] parse_outcome parse(uint64_t offset) const;
  [[nodiscard]] error fill(uint64_t offset, size_t bytes);

  file* source_;
  lineage_id lineage_;
  uint64_t session_;
  uint64_t roll_;
  payload_check check_;
  size_t window_bytes_;
  std::vector<std::byte> buffer_;
  uint64_t begin_ = 0; ///< Offset of buffer_[0]; a multiple of 8.
  size_t valid_ = 0;
  bool more_ = false; ///< The file went on after what was read.
};

/// The start of the intact record that ends at `end`, if there is one: the
/// proof that `end` is a place to go on. Reads backwards, one record at most.
[[nodiscard]] result<std::optional<uint64_t>>
record_ending_at(file& source, const lineage_id& lineage, uint64_t session,
                 uint64_t roll, uint64_t end);

/// The first intact record at or after `from` in a file of `size` bytes.
[[nodiscard]] result<std::optional<uint64_t>>
find_intact(file& source, const lineage_id& lineage, uint64_t session,
            uint64_t roll, uint64_t from, uint64_t size);

/// Intact records one after the other, and where the next ones begin.
struct intact_records {
  uint64_t end = 0; ///< Offset in the file.
  std::optional<position> next;
};
[[nodiscard]] result<intact_records> intact_run(file& source,
                                                const lineage_id& lineage,
                                                position from, uint64_t size,
                                                seal_info* tally = nullptr);

/// Adds to `tally` what is intact after the damage that `scan` found.
[[nodiscard]] error tally_after_damage(file& source, const lineage_id& lineage,
                                       const file_scan& scan, seal_info& tally);

/// Reads the seal that ends a file of `size` bytes, if one does.
[[nodiscard]] result<std::optional<seal_info>>
read_seal(file& source, const lineage_id& lineage, uint64_t session,
          uint64_t roll, uint64_t size);

/// That the owner ended at the end of a file of `size` bytes, if its last
/// record says so; with what the records before its next one tell, if that says
/// it.
struct closed_end {
  std::optional<seal_info> tally;
};
[[nodiscard]] result<std::optional<closed_end>>
read_closing(file& source, const lineage_id& lineage, uint64_t session,
             uint64_t roll, uint64_t size);

[[nodiscard]] uint64_t chain_hash(uint64_t hash, uint32_t record_crc) noexcept;

/// Adds one record to what a seal will say.
void add_to_tally(seal_info& tally, const record_view& record);

/// Scans an open file; see scan_log_file.
[[nodiscard]] result<file_scan>
scan_open_file(file& source, const lineage_id& lineage, uint64_t session,
               uint64_t roll, std::optional<position> synced_end);

/// One slot of `.synced`.
struct synced_mark {
  position end;
  uint64_t boot_id = 0;
  bool fenced = false; ///< A write or sync failed: the cache is not trusted.
  bool closed = false; ///< The owner ended cleanly here.
};

/// `.synced`: the newest of two checksummed slots counts.
class synced_file {
public:
  [[nodiscard]] static result<std::shared_ptr<synced_file>>
  open(file_system& fs, const std::string& directory,
       const lineage_id& lineage);
  /// The newest intact mark of this lineage.
  [[nodiscard]] static std::optional<synced_mark>
  read(file_system& fs, const std::string& directory,
       const lineage_id& lineage);

  /// Overwrites the older slot; durable only after `sync`. Once a mark was
  /// fenced, all later ones are. Thread safe.
  [[nodiscard]] error record(const synced_mark& mark);
  [[nodiscard]] error sync() { return file_->sync(); }

private:
  std::unique_ptr<file> file_;
  lineage_id lineage_;
  std::mutex mutex_;
  uint64_t sequence_ = 0;
  bool fenced_ = false;
};

/// `.ids`: the last id of every origin in the files before `covered`, so that
/// ids go on after those were collected.
struct ids_snapshot {
  position covered;
  std::map<std::string, int64_t> ids;
};
[[nodiscard]] std::optional<ids_snapshot> read_ids(file_system& fs,
                                                   const std::string& directory,
                                                   const lineage_id& lineage);
[[nodiscard]] error write_ids(file_system& fs, const std::string& directory,
                              const lineage_id& lineage,
                              const ids_snapshot& snapshot);

/// Files with written and unsynced bytes.
struct unsynced {
  std::vector<std::shared_ptr<file>> files;
  bool directory = false; ///< Created or removed names.

  void add(const std::shared_ptr<file>& written) {
    if (files.empty() || files.back() != written)
      files.push_back(written);
  }
  /// Takes everything into a job that syncs it, then marks `end`; a full disk
  /// may refuse the mark alone, but for that of a clean end.
  [[nodiscard]] std::function<error()> take(file_system& fs,
                                            const std::string& path,
                                            std::shared_ptr<synced_file> marks,
                                            const synced_mark& mark);
};

/// Adds the files that a dead process may have left unsynced: all of `files`
/// that reach beyond `synced`. With `rewrite` their bytes are written again
/// first, as a failed sync may have left pages marked clean.
[[nodiscard]] error add_left_unsynced(file_system& fs,
                                      const std::string& directory,
                                      std::span<const log_file_info> files,
                                      position synced, bool rewrite,
                                      unsynced& dirty);

/// Reads back [from, end) and writes it again, so that the next sync really
/// writes pages that a failed one may have marked clean.
[[nodiscard]] error rewrite(file& target, uint64_t from, uint64_t end);

/// How a session was left, as the next owner found it: `.ends`.
struct session_end_note {
  position end; ///< After the last intact record.
  position
    known_end; ///< What had been synced once; larger when bytes are lost.
};
[[nodiscard]] std::optional<session_end_note>
read_session_end(file_system& fs, const std::string& directory,
                 const lineage_id& lineage, uint64_t session);
/// Up to where a session must be there: the writer's recorded end, what it once
/// synced, what the next session's writer found.
[[nodiscard]] std::optional<position>
known_end_of(file_system& fs, const std::string& directory,
             const lineage_id& lineage, uint64_t session,
             std::optional<position> recorded);
[[nodiscard]] error add_session_end(file_system& fs,
                                    const std::string& directory,
                                    const lineage_id& lineage,
                                    const session_end_note& note);

/// `.cut`: where the messages before the files that are kept ended. Who
/// stands there has missed nothing, though the file that it stands in is gone.
struct cut_note {
  position before; ///< After the last of them.
  position begin;  ///< Of the file that follows.
};
/// Whether it is known that nothing lies between `at` and the file that begins
/// at `next`.
[[nodiscard]] bool cut_joins(file_system& fs, const std::string& directory,
                             const lineage_id& lineage, position at,
                             position next);
[[nodiscard]] error write_cut(file_system& fs, const std::string& directory,
                              const lineage_id& lineage, const cut_note& note);

/// Keeps the bytes of a file from `offset` on in `.quarantine.<file>.<offset>`.
[[nodiscard]] error keep_aside(file_system& fs, const std::string& directory,
                               file& source, position from, uint64_t size);

/// Keeps a whole file so, and takes it out of the log.
[[nodiscard]] error set_aside(file_system& fs, const std::string& directory,
                              const log_file_info& gone);

/// A power cut takes what it likes of everything after the synced end, also
/// from the middle of it. Ends the log before the first file that is missing,
/// or that is not whole though others follow; sets those aside and takes them
/// from `files`. Files below `trusted` are not looked at.
[[nodiscard]] error cut_after_loss(file_system& fs,
                                   const std::string& directory,
                                   const lineage_id& lineage, position trusted,
                                   std::vector<log_file_info>& files);

/// Reads `.lineage`, or writes `wanted` (random when zero) into a directory
/// without log files. `fenced` when another lineage than wanted is there.
[[nodiscard]] result<lineage_id> adopt_lineage(env& world,
                                               const std::string& directory,
                                               lineage_id wanted,
                                               bool has_files);

} // namespace millrace::persistence::detail
