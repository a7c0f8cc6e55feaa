#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace millrace::nodes {

class last_words;

/// The process of a node, as `node.pid` in its directory says. Start time and
/// boot tell it from a later one with the same id.
struct node_pid {
  int pid = 0;
  uint64_t start_ticks = 0; ///< As /proc/<pid>/stat counts, since the boot.
  std::string boot;         ///< Id of the boot of the host.
  int64_t started_ns = 0;   ///< Wall time, ns since 2000.01.01 UTC.
  int64_t seen_ns = 0;      ///< Wall time of its last sign of life; 0: unknown.
  int signal = 0; ///< That it ended by, by a fault of its own; 0: by none.
  std::string failure{}; ///< Why it ended by itself; empty: it did not.

  /// Whether both are of one process.
  friend bool operator==(const node_pid& a, const node_pid& b) {
    return a.pid == b.pid && a.start_ticks == b.start_ticks && a.boot == b.boot
           && a.started_ns == b.started_ns;
  }
};

/// Held by the process that hosts a node. The lock ends with the process, in
/// whatever way; the destructor also removes `node.pid`, unless the node fails:
/// then it says why.
class node_lock {
public:
  /// Creates the directory, locks it, writes `node.pid`, whatever is in its
  /// place. `locked` with the holder when a live process hosts the node.
  /// `world` outlives the lock.
  [[nodiscard]] static result<std::unique_ptr<node_lock>>
  acquire(persistence::env& world, const std::string& directory);

  /// Marks `node.pid` with the time: should the process be killed, that is when
  /// it was last seen. For once per second or so; a system call.
  [[nodiscard]] error mark_alive() const;

  /// The node ends by itself, for this: `node.pid` stays and tells it, until
  /// its next life or a stop.
  void keep_failure(const error& why) { self_.failure = to_string(why); }

  /// The life before this one, when it ended without a stop, and when it was
  /// last seen.
  [[nodiscard]] const std::optional<node_pid>& before() const noexcept {
    return before_;
  }
  /// What was in the place of `node.pid` and no node had written; empty:
  /// nothing was.
  [[nodiscard]] const std::string& overwritten() const noexcept {
    return overwritten_;
  }

  ~node_lock();
  node_lock(const node_lock&) = delete;
  node_lock& operator=(const node_lock&) = delete;

private:
  node_lock(persistence::file_system& fs, std::string pid_path, node_pid self,
            std::unique_ptr<persistence::directory_lock> held,
            std::string overwritten, std::optional<node_pid> before);

  persistence::file_system& fs_;
  std::string pid_path_;
  node_pid self_;
  std::unique_ptr<persistence::directory_lock> held_;
  std::string overwritten_;
  std::optional<node_pid> before_;
  std::unique_ptr<last_words> words_;
};

/// How a life ended that did not end by a stop: "ended by itself: locked: ...",
/// "ended by SIGSEGV, a fault of its own", that it was killed, or, when the
/// host has started since, that it ended with that.
[[nodiscard]] std::string end_of(const node_pid& life);

/// What `node.pid` says; none when there is no such file. `corrupt` when it
/// does not parse.
[[nodiscard]] result<std::optional<node_pid>>
read_node_pid(persistence::file_system& fs, const std::string& directory);

/// Who holds the lock of a node's directory, whatever lies there.
struct lock_holder {
  node_pid process;     ///< Without the wall time of its start: 0.
  bool removed = false; ///< Its lock is not in the directory any more.
};

/// From the open files of processes: only those of the same user are seen, all
/// by root.
[[nodiscard]] std::optional<lock_holder>
find_lock_holder(const std::string& directory);

/// Facts of a process from the system; none when it does not exist, or has
/// ended and only waits to be reaped.
[[nodiscard]] std::optional<node_pid> identify_process(int pid);

/// The very process that wrote the file lives.
[[nodiscard]] bool is_alive(const node_pid& process);

} // namespace millrace::nodes
