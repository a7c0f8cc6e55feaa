#pragma once

#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace millrace::sim {

/// Classes of calls that can be made to fail.
enum class disk_call {
  open,
  read,
  write,
  sync,
  truncate,
  rename,
  remove,
  sync_directory,
  list,
};

/// What a power cut leaves of bytes and names that were not synced.
enum class survival {
  nothing, ///< Exactly what was synced.
  all,     ///< Everything: the cache was written back just before.
  /// Any legal mixture, drawn sector by sector (512 bytes): data without its
  /// length, length without its data, later sectors without earlier ones; what
  /// was never written holds zeroes, or stale blocks of another file.
  some,
};

// Faults, and what survives a power cut, are in memory_faults.cpp.

/// A disk in memory that knows what is durable and what only is in the cache,
/// and that fails as it is told. Bytes are durable after `file::sync`, names
/// after `sync_directory`: what was created, renamed or removed may be as it
/// was before until then, and a removed directory may be there again with what
/// was in it. Made directories are durable at once, as `create_directories`
/// promises, and moved ones are. One simulated host has one. Thread safe.
/// Handles hold it: it must outlive them.
class memory_file_system final : public persistence::file_system {
public:
  explicit memory_file_system(uint64_t seed = 1);
  ~memory_file_system() override;

  // -- faults -----------------------------------------------------------------

  /// The `nth` call of this class from now on (1: the next) on a path that
  /// contains `path` fails with `code`; `times` calls in a row do.
  /// @returns what becomes true with the first of them; nobody else holds it
  /// once none can come. Read it on the thread that calls the disk.
  std::shared_ptr<const bool> fail(disk_call call, uint64_t nth,
                                   errc code = errc::storage_failed,
                                   uint64_t times = 1, std::string path = {});
  /// The same for a write that lands its first `bytes` and then fails.
  void write_short(uint64_t nth, uint64_t bytes,
                   errc code = errc::storage_failed);
  /// Who is told of calls of a test that make no sense (a bit of a file that is
  /// not there), and which then do nothing. Nobody: the program ends by them.
  void tell_misuse(std::function<void(const std::string&)> listener);
  /// Forgets all failures that were asked for; it can be changed again.
  void heal();
  /// Calls of this class so far, failed ones included.
  [[nodiscard]] uint64_t calls(disk_call call) const;
  /// Calls that failed as it was told, or for want of space.
  [[nodiscard]] uint64_t refused() const;

  /// Bytes that all files may have together; beyond that `no_space`, after as
  /// much as fits has landed.
  /// @returns what becomes true when something found no room; nobody else holds
  /// it once there is another quota, or none
  std::shared_ptr<const bool> set_quota(std::optional<uint64_t> bytes);
  /// How often it had a quota and was full by it.
  [[nodiscard]] uint64_t times_full() const;
  /// A quota that leaves so many bytes from now on.
  void leave_free(uint64_t bytes);
  /// A disk that says "synced" and forgets at the next power cut.
  void set_lying_sync(bool lies);
  /// Whatever would change something is refused from now on (`permission`), as
  /// on a file system that the kernel has made read-only; until `heal`, or
  /// another disk.
  /// @returns what becomes true when it has refused something; nobody else
  /// holds it once it refuses nothing any more
  std::shared_ptr<const bool> set_read_only();
  [[nodiscard]] bool is_read_only() const;
  /// How often it was made read-only and refused something then.
  [[nodiscard]] uint64_t times_read_only() const;

  /// Damage as of rot or an operator: at once, in cache and on disk.
  void flip_bit(const std::string& path, uint64_t bit);
  void cut(const std::string& path, uint64_t size);
  void overwrite(const std::string& path, uint64_t offset,
                 std::span<const std::byte> bytes);
  /// Two files change places. Who has one of them open keeps what it opened.
  void swap(const std::string& one, const std::string& other);
  void lose(const std::string& path); ///< It is gone.

  /// kill -9 of the process: handles and locks end, the cache stays.
  void end_process();
  /// Power cut: what is not durable survives as `how` says; a new boot.
  void cut_power(survival how);

  /// The machine gets another disk, which holds what `other` does, and a new
  /// boot. @pre no process has files open
  void become(const memory_file_system& other);

  /// The content as a reader sees it now.
  [[nodiscard]] std::vector<std::byte> content(const std::string& path) const;
  /// Of all files; those of a directory before those after it.
  [[nodiscard]] std::vector<std::string> paths() const;
  /// A copy of everything, with all of it durable and no failures pending.
  [[nodiscard]] std::unique_ptr<memory_file_system> clone() const;

  // -- file_system ------------------------------------------------------------

  result<std::unique_ptr<persistence::file>>
  open(const std::string& path, persistence::open_mode mode) override;
  result<std::vector<persistence::directory_entry>>
  list(const std::string& path) override;
  error create_directories(const std::string& path) override;
  error rename(const std::string& from, const std::string& to) override;
  error remove(const std::string& path) override;
  error remove_all(const std::string& path) override;
  error sync_directory(const std::string& path) override;
  bool exists(const std::string& path) override;
  error mark_archived(const std::string& path) override;
  result<std::unique_ptr<persistence::mapped_file>>
  map(const std::string& path) override;
  result<std::unique_ptr<persistence::directory_lock>>
  lock_directory(const std::string& path) override;
  result<std::unique_ptr<persistence::file_lock>>
  lock_file(const std::string& path, persistence::lock_mode mode,
            const std::string& holder) override;
  uint64_t boot_id() override;
  result<uint64_t> free_bytes(const std::string& path) override;
  result<uint64_t> total_bytes(const std::string& path) override;

private:
  friend class memory_file;
  friend class memory_lock;
  friend class memory_file_lock;

  struct extent {
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };
  struct inode {
    std::vector<std::byte> now;     ///< As read.
    std::vector<std::byte> durable; ///< As after a power cut.
    std::vector<extent> dirty;      ///< Written since the last sync.
    bool size_dirty = false;        ///< `now` got another size since then.
    bool archived = false;
  };
  using node = std::shared_ptr<inode>;
  /// One change of a directory: `path` becomes `to` (none: is removed), and
  /// `from` goes at the same moment (a rename).
  struct name_change {
    std::string path;
    node to;
    std::string from{};
    void apply(std::map<std::string, node>& names) const;
  };
  struct failure_plan {
    disk_call call = disk_call::write;
    uint64_t after = 0; ///< Calls of the class that still pass.
    uint64_t times = 1;
    errc code = errc::storage_failed;
    std::string path;
    std::optional<uint64_t> landed; ///< Bytes of a write that land first.
    std::shared_ptr<bool> met = std::make_shared<bool>(false);
  };

  struct failing {
    error fault;
    std::optional<uint64_t> landed;
  };
  std::optional<failing> called(disk_call call, const std::string& path);
  void change_name(name_change change);
  error write(inode& target, const std::string& path, uint64_t offset,
              std::span<const std::byte> bytes);
  void put(inode& target, uint64_t offset, std::span<const std::byte> bytes);
  error sync(inode& target, const std::string& path);
  void leave_stale(std::vector<std::byte>& bytes, uint64_t from);
  void settle(inode& target, survival how);
  void settle_names(survival how);
  void add_directories_of(const std::string& path);
  void settle_directory(const std::string& path);
  [[nodiscard]] error refuse_change(const std::string& path,
                                    std::string_view call);
  [[nodiscard]] bool makes_sense(bool sense, const std::string& call) const;
  void find_full();
  [[nodiscard]] uint64_t used() const;
  [[nodiscard]] node find(const std::string& path) const;

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  uint64_t boot_ = 1;
  uint64_t life_ = 1; ///< Handles of an earlier life are dead.
  std::set<std::string> directories_;
  std::map<std::string, node> names_;         ///< As seen.
  std::map<std::string, node> durable_names_; ///< As after a power cut.
  /// Unsynced changes of names by directory, oldest first.
  std::map<std::string, std::vector<name_change>> changes_;
  std::map<std::string, uint64_t> locks_; ///< Directory to life.
  struct name_holders {
    uint64_t life = 0; ///< Others are gone.
    uint64_t count = 0;
    bool exclusive = false;
    std::string last;
  };
  std::map<std::string, name_holders> name_locks_;
  std::vector<failure_plan> plans_;
  std::map<disk_call, uint64_t> calls_;
  uint64_t refused_ = 0;
  std::optional<uint64_t> quota_;
  std::shared_ptr<bool> full_; ///< It was, by this quota. Null: there is none.
  uint64_t times_full_ = 0;
  std::function<void(const std::string&)> misuse_listener_;
  bool lying_sync_ = false;
  std::shared_ptr<bool> read_only_; ///< Null: it is not.
  uint64_t times_read_only_ = 0;
};

} // namespace millrace::sim
