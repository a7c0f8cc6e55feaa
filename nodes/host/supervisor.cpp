#include <millrace/nodes/host/descriptor.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/own_addresses.hpp>
#include <millrace/nodes/host/readiness.hpp>
#include <millrace/nodes/host/supervisor.hpp>
#include <millrace/nodes/host/tcp_probe.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

// glibc 2.36 declares these for C only.
int open_pidfd(int pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int signal_pidfd(int pidfd, int signal) {
  return static_cast<int>(
    ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

error system_fault(std::string what, int reason) {
  const auto code = reason == EACCES || reason == EPERM ? errc::permission
                                                        : errc::storage_failed;
  return {code, std::move(what) + ": " + std::strerror(reason)};
}

/// A node that is being started or stopped.
struct pending {
  size_t index = 0;   ///< Of its outcome.
  descriptor process; ///< A pidfd; readable when the process has ended.
  descriptor ready;   ///< start: the read end of its pipe; -1 when closed.
};

/// Polls until something is readable or the deadline passes; false then.
bool wait_readable(std::vector<pollfd>& watched,
                   persistence::clock_source& clock, int64_t deadline_ns) {
  for (;;) {
    const auto left_ns = deadline_ns - clock.monotonic_ns();
    if (left_ns <= 0)
      return false;
    // Rounded up, so that the last wait is not a busy one.
    const auto left_ms = std::min<int64_t>(left_ns / 1'000'000 + 1,
                                           std::numeric_limits<int>::max());
    const auto got
      = ::poll(watched.data(), watched.size(), static_cast<int>(left_ms));
    if (got > 0)
      return true;
    if (got < 0 && errno != EINTR)
      return false;
  }
}

std::string last_line(const std::string& path) {
  std::ifstream in{path};
  // Only the end of a long log is read.
  in.seekg(0, std::ios::end);
  const auto size = static_cast<int64_t>(in.tellg());
  in.seekg(std::max<int64_t>(0, size - 8192));
  std::string line;
  std::string last;
  while (std::getline(in, line))
    if (!line.empty())
      last = line;
  return last;
}

/// Spawns one node; its standard output and errors go to `log_path`.
result<pending> spawn_node(const cluster_config& config,
                           const std::string& node,
                           const start_options& options,
                           const std::string& log_path, int& pid) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return system_fault("pipe", errno);
  descriptor read_end{ends[0]};
  descriptor write_end{ends[1]};
  descriptor log{::open(log_path.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                        0640)};
  if (log.get() == -1 && errno == ELOOP)
    return error{errc::permission,
                 log_path + ": is a link, and is not written: remove it"};
  if (log.get() == -1)
    return system_fault(log_path, errno);

  auto words = options.command;
  const auto path
    = std::filesystem::absolute(config.path).lexically_normal().string();
  words.insert(words.end(), {"--config", path, "--name", node});
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // The descriptor that the node inherits; dup2 clears close-on-exec.
  constexpr int ready_fd = 3;
  auto variable = std::string{ready_variable} + "=" + std::to_string(ready_fd);
  std::vector<char*> environment;
  for (auto** each = environ; *each != nullptr; ++each)
    if (std::strncmp(*each, ready_variable, std::strlen(ready_variable)) != 0)
      environment.push_back(*each);
  environment.push_back(variable.data());
  environment.push_back(nullptr);

  // Away from the numbers that the actions assign.
  descriptor high_log{::fcntl(log.get(), F_DUPFD_CLOEXEC, 16)};
  descriptor high_ready{::fcntl(write_end.get(), F_DUPFD_CLOEXEC, 16)};
  if (high_log.get() == -1 || high_ready.get() == -1)
    return system_fault("duplicating a descriptor", errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, high_log.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, high_log.get(), 2);
  posix_spawn_file_actions_adddup2(&actions, high_ready.get(), ready_fd);
  // Who waits for the end of a pipe, or for a lock, that the caller has
  // open does not wait for the node.
  posix_spawn_file_actions_addclosefrom_np(&actions, ready_fd + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  const auto fault = ::posix_spawnp(&pid, arguments[0], &actions, &attributes,
                                    arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (fault != 0)
    return system_fault(words[0], fault);
  pending out;
  out.ready = std::move(read_end);
  out.process = descriptor{open_pidfd(pid)};
  if (out.process.get() == -1)
    return system_fault("pidfd of " + std::to_string(pid), errno);
  return out;
}

/// Reaps a node that ended before it was ready, and says why.
void describe_end(node_outcome& out, const std::string& log_path) {
  int status = 0;
  ::waitpid(out.pid, &status, 0);
  std::string how;
  if (WIFSIGNALED(status)) {
    how = std::string{"killed by signal "} + strsignal(WTERMSIG(status));
    out.exit_code = exit_unavailable;
  } else {
    const auto code = WEXITSTATUS(status);
    how = "exit code " + std::to_string(code);
    out.exit_code = code == 0 ? static_cast<int>(exit_unavailable) : code;
  }
  out.text = "failed";
  auto context = "node '" + out.name + "' ended before it was ready: " + how
                 + "; see " + log_path;
  if (const auto line = last_line(log_path); !line.empty())
    context += ", which ends with: " + line;
  out.failure = {errc::unavailable, std::move(context)};
}

/// True when the node said "ready".
bool heard_ready(descriptor& ready) {
  std::array<char, 64> buffer{};
  const auto got = ::read(ready.get(), buffer.data(), buffer.size());
  const bool is_ready
    = std::string_view{buffer.data(), got > 0 ? static_cast<size_t>(got) : 0}
        .starts_with("ready");
  if (got <= 0 || is_ready)
    ready = descriptor{};
  return is_ready;
}

void fail(node_outcome& out, error failure) {
  out.text = "failed";
  out.exit_code = exit_code_of(failure.code);
  out.failure = std::move(failure);
}

/// One look at a starting node; true when its outcome is settled.
bool settle_start(pending& each, node_outcome& out,
                  const std::string& log_path) {
  pollfd events[2]
    = {{each.process.get(), POLLIN, 0}, {each.ready.get(), POLLIN, 0}};
  ::poll(events, 2, 0);
  // A node may have said "ready" right before it ended: that counts as an end.
  const bool ended = (events[0].revents & POLLIN) != 0;
  if (ended) {
    describe_end(out, log_path);
    return true;
  }
  if (each.ready.get() != -1 && events[1].revents != 0
      && heard_ready(each.ready)) {
    out.text = "started";
    return true;
  }
  return false;
}

/// Asks a node to end. @returns what to wait for; none when it does not run, or
/// could not be asked: `out` says which.
std::optional<pending> ask_to_stop(persistence::env& world,
                                   const std::string& directory,
                                   const result<node_state>& state,
                                   node_outcome& out) {
  out.text = "does not run";
  if (!state) {
    fail(out, state.failure());
    return std::nullopt;
  }
  if (state->state == node_state::kind::died
      || state->state == node_state::kind::failed) {
    out.text
      = state->state == node_state::kind::died ? "had died" : "had failed";
    // A node that starts right now writes another one. It is not locked out
    // meanwhile: who holds the lock passes for the node.
    const auto file = read_node_pid(*world.fs, directory);
    if (file && *file && **file == state->process)
      if (auto fault = world.fs->remove(directory + "/node.pid"))
        fail(out, std::move(fault));
    return std::nullopt;
  }
  if (state->state == node_state::kind::stopped)
    return std::nullopt;
  out.pid = state->process.pid;
  pending next;
  next.process = descriptor{open_pidfd(out.pid)};
  // The descriptor first, then the identity: what it names cannot change.
  if (next.process.get() == -1 || !is_alive(state->process)) {
    out.text = "stopped";
    return std::nullopt;
  }
  if (signal_pidfd(next.process.get(), SIGTERM) != 0 && errno != ESRCH) {
    fail(out,
         system_fault("signal to process " + std::to_string(out.pid), errno));
    return std::nullopt;
  }
  return next;
}

} // namespace

std::string_view to_string(node_state::kind state) noexcept {
  switch (state) {
    case node_state::kind::running:
      return "running";
    case node_state::kind::stopped:
      return "stopped";
    case node_state::kind::failed:
      return "failed";
    case node_state::kind::died:
      return "died";
  }
  return "unknown";
}

supervisor::supervisor(persistence::env& world, const cluster_config& config)
  : world_{world}, config_{config} {}

bool supervisor::lies_elsewhere(const std::string& node) const {
  return !is_of_this_host(config_.address_of(*config_.node(node)));
}

std::string supervisor::elsewhere_text(const std::string& node,
                                       const char* command,
                                       const char* does) const {
  return "is on another host, at " + config_.address_of(*config_.node(node))
         + ": 'millrace " + command + " " + node + "' " + does + " it there";
}

result<node_state> supervisor::state_of(const std::string& node) {
  const auto directory = config_.node_directory(node);
  auto file = read_node_pid(*world_.fs, directory);
  node_state out;
  out.name = node;
  if (!file && file.failure().code == errc::permission)
    return file.failure();
  if (file && *file) {
    out.process = **file;
    out.state = is_alive(**file)           ? node_state::kind::running
                : (*file)->failure.empty() ? node_state::kind::died
                                           : node_state::kind::failed;
  }
  if (out.state == node_state::kind::running)
    return out;
  // A node that runs holds its lock, whatever became of the directory.
  const auto holder = find_lock_holder(directory);
  if (!holder)
    return out;
  out.state = node_state::kind::running;
  out.process = holder->process;
  const auto what = "; process " + std::to_string(out.process.pid)
                    + " still runs the node: 'millrace down " + node
                    + "' ends it";
  if (holder->removed)
    out.unnamed
      = {errc::locked, directory + ": was removed while the node ran" + what};
  else if (!file)
    out.unnamed = {errc::locked, file.failure().context + what};
  return out;
}

std::vector<node_outcome>
supervisor::start(const std::vector<std::string>& names,
                  const start_options& options) {
  std::vector<node_outcome> out(names.size());
  std::vector<pending> waiting;
  const auto log_of = [&](const node_outcome& each) {
    return config_.node_directory(each.name) + "/node.log";
  };
  for (size_t i = 0; i < names.size(); ++i) {
    auto& each = out[i];
    each.name = names[i];
    if (lies_elsewhere(names[i])) {
      each.text = elsewhere_text(names[i], "up", "starts");
      continue;
    }
    auto state = state_of(names[i]);
    if (!state) {
      fail(each, state.failure());
    } else if (state->unnamed) {
      fail(each, state->unnamed);
    } else if (state->state == node_state::kind::running) {
      each.text = "runs already";
      each.pid = state->process.pid;
    } else if (auto fault = world_.fs->create_directories(
                 config_.node_directory(names[i]))) {
      fail(each, std::move(fault));
    } else if (auto spawned = spawn_node(config_, names[i], options,
                                         log_of(each), each.pid)) {
      spawned->index = i;
      waiting.push_back(*std::move(spawned));
    } else {
      fail(each, spawned.failure());
    }
  }
  const auto deadline = world_.clock->monotonic_ns() + options.ready_timeout_ns;
  for (;;) {
    std::erase_if(waiting, [&](pending& each) {
      return settle_start(each, out[each.index], log_of(out[each.index]));
    });
    if (waiting.empty())
      return out;
    std::vector<pollfd> watched;
    for (const auto& each : waiting) {
      watched.push_back({each.process.get(), POLLIN, 0});
      watched.push_back({each.ready.get(), POLLIN, 0});
    }
    if (!wait_readable(watched, *world_.clock, deadline))
      break;
  }
  for (const auto& each : waiting) {
    auto& late = out[each.index];
    fail(late, {errc::timeout, "node '" + late.name + "' (process "
                                 + std::to_string(late.pid)
                                 + ") is not ready yet and goes on starting; "
                                   "see "
                                 + log_of(late)});
  }
  return out;
}

std::vector<node_outcome>
supervisor::stop(const std::vector<std::string>& names,
                 const stop_options& options) {
  std::vector<node_outcome> out(names.size());
  std::vector<pending> waiting;
  for (size_t i = 0; i < names.size(); ++i) {
    auto& each = out[i];
    each.name = names[i];
    if (lies_elsewhere(names[i])) {
      each.text = elsewhere_text(names[i], "down", "stops");
      continue;
    }
    const auto state = state_of(names[i]);
    auto next
      = ask_to_stop(world_, config_.node_directory(names[i]), state, each);
    if (!next && state && state->state == node_state::kind::stopped) {
      const auto port = config_.node(names[i])->port;
      if (listens_at(config_.address_of(*config_.node(names[i])), port))
        each.text += "; its port " + std::to_string(port)
                     + " is another's, of another cluster or of other data";
    }
    if (!next)
      continue;
    next->index = i;
    waiting.push_back(*std::move(next));
  }

  const auto wait_until = [&](int64_t deadline, std::string_view text) {
    for (;;) {
      std::vector<pollfd> watched;
      for (const auto& each : waiting)
        watched.push_back({each.process.get(), POLLIN, 0});
      if (watched.empty() || !wait_readable(watched, *world_.clock, deadline))
        return;
      size_t at = 0;
      std::erase_if(waiting, [&](const pending& each) {
        if ((watched[at++].revents & POLLIN) == 0)
          return false;
        out[each.index].text = text;
        return true;
      });
    }
  };
  wait_until(world_.clock->monotonic_ns() + options.grace_ns, "stopped");
  if (options.force && !waiting.empty()) {
    for (const auto& each : waiting)
      signal_pidfd(each.process.get(), SIGKILL);
    wait_until(world_.clock->monotonic_ns() + options.grace_ns, "killed");
  }
  for (const auto& each : waiting) {
    auto& late = out[each.index];
    fail(late,
         {errc::timeout, "node '" + late.name + "' (process "
                           + std::to_string(late.pid) + ") has not ended yet"
                           + (options.force ? "" : "; --force kills it")});
  }
  return out;
}

} // namespace millrace::nodes
