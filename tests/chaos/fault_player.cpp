#include <millrace/tests/chaos/fault_player.hpp>
#include <millrace/tests/chaos/node_disk.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace millrace::chaos {

namespace {

using kind = sim::fault::what;

bool is_possible(const sim::fault& what) {
  switch (what.kind) {
    case kind::kill:
    case kind::restart:
    case kind::pause:
    case kind::resume:
    case kind::crash:
    case kind::flip:
    case kind::shorten:
    case kind::back_up:
    case kind::cut:
    case kind::corrupt:
    case kind::half_open:
    case kind::slow:
    case kind::delay:
    case kind::heal:
      return true;
    case kind::reset: // What a message is no proxy knows.
      return what.number == 0;
    default:
      return false;
  }
}

bool is_of_link(const sim::fault& what) { return !what.other.empty(); }

/// "1 connection", "2 connections".
std::string connections(size_t count) {
  return std::to_string(count) + " connection" + (count == 1 ? "" : "s");
}

/// Whether a process was started with this, "NAME=value", in its environment.
bool inherits(int pid, const std::string& entry) {
  std::ifstream all{"/proc/" + std::to_string(pid) + "/environ",
                    std::ios::binary};
  for (std::string each; std::getline(all, each, '\0');)
    if (each == entry)
      return true;
  return false;
}

/// A process that is held by its descriptor: no other one can be met.
class held_process {
public:
  explicit held_process(int pid)
    : descriptor_{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))} {}
  ~held_process() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  held_process(const held_process&) = delete;
  held_process& operator=(const held_process&) = delete;

  [[nodiscard]] bool send(int signal) const {
    return descriptor_ >= 0
           && ::syscall(SYS_pidfd_send_signal, descriptor_, signal, nullptr, 0)
                == 0;
  }
  /// Until it has ended.
  void wait() const {
    pollfd ended{descriptor_, POLLIN, 0};
    while (::poll(&ended, 1, -1) == -1 && errno == EINTR)
      continue;
  }

private:
  int descriptor_;
};

} // namespace

error check_script(const nodes::cluster_config& config,
                   const sim::fault_script& script) {
  std::string unknown;
  std::string impossible;
  for (const auto& [at, what] : script) {
    for (const auto& node : {what.node, what.other})
      if (!node.empty() && config.node(node) == nullptr)
        unknown += (unknown.empty() ? "" : ", ") + node;
    if (!is_possible(what))
      impossible += (impossible.empty() ? "'" : ", '") + to_text(what) + "'";
  }
  if (!unknown.empty())
    return {errc::not_found, config.path + ": no [[node]] is named " + unknown};
  if (!impossible.empty())
    return {errc::unsupported,
            impossible
              + ": real nodes are killed, stopped, restarted, their links cut "
                "and their files damaged; the rest is of the simulator"};
  return {};
}

bool has_links(const sim::fault_script& script) {
  return std::any_of(script.begin(), script.end(),
                     [](const auto& each) { return is_of_link(each.what); });
}

fault_player::fault_player(persistence::env& world,
                           const nodes::cluster_config& config,
                           std::string program)
  : config_{config}, nodes_{world, config}, program_{std::move(program)} {}

fault_player::deed fault_player::play(const sim::fault& what) {
  switch (what.kind) {
    case kind::kill:
      return kill(what.node);
    case kind::restart:
      return runs(what.node) ? deed{"runs already", false} : start(what.node);
    case kind::pause:
      return send(what.node, SIGSTOP, "stopped");
    case kind::resume:
      return stands_still(what.node) ? send(what.node, SIGCONT, "goes on")
                                     : deed{"does not stand still", false};
    case kind::crash:
      return crash(what);
    case kind::flip:
    case kind::shorten:
      return damage(what);
    case kind::back_up:
      return back_up(what.node);
    default:
      return is_of_link(what) ? fault_of_link(what) : heal();
  }
}

/// A node that somebody else started since: what befalls its links is nothing
/// to it. Empty: it does not run, or talks through its proxies.
std::string fault_player::meets_directly(const std::string& node) {
  const auto state = nodes_.state_of(node);
  const auto ports
    = std::string{link_proxy::variable()} + "=" + links_->ports_of(node);
  if (!state || state->state != nodes::node_state::kind::running
      || inherits(state->process.pid, ports))
    return {};
  return node + " was started by others, and does not talk through proxies";
}

fault_player::deed fault_player::fault_of_link(const sim::fault& what) {
  for (const auto& node : {what.node, what.other})
    if (auto why = meets_directly(node); !why.empty())
      return {std::move(why), false};
  const auto change = [&](const std::function<void(link_rule&)>& how) {
    links_->change(what.node, what.other, how);
    if (!what.one_way)
      links_->change(what.other, what.node, how);
  };
  switch (what.kind) {
    case kind::cut:
      change([](link_rule& rule) { rule.is_cut = true; });
      return {"cut"};
    case kind::corrupt:
      change([&](link_rule& rule) {
        rule.corrupt_in = std::max<uint64_t>(1, what.number);
      });
      return {"a bit will flip"};
    case kind::slow:
      change([&](link_rule& rule) { rule.bytes_per_second = what.number; });
      return {"slow"};
    case kind::delay:
      change([&](link_rule& rule) { rule.delay = what.time; });
      return {"delayed"};
    case kind::reset: {
      const auto met = links_->reset(what.node, what.other);
      return {connections(met) + " reset", met != 0};
    }
    case kind::half_open: {
      const auto met = links_->vanish(what.node, what.other);
      return {connections(met) + " vanished", met != 0};
    }
    default:
      change([](link_rule& rule) { rule = {.corrupt_in = rule.corrupt_in}; });
      return {"whole"};
  }
}

error fault_player::open_links(const std::string& library) {
  if (!std::filesystem::exists(library))
    return {errc::not_found, library
                               + ": is what redirects connections, and "
                                 "is built with the tests"};
  std::vector<std::string> running;
  for (const auto& node : config_.nodes) {
    const auto state = nodes_.state_of(node.name);
    if (!state)
      return state.failure();
    if (state->state == nodes::node_state::kind::running)
      running.push_back(node.name);
  }
  if (running.empty())
    return {errc::unavailable, config_.path
                                 + ": no node runs here whose links could "
                                   "fail: 'millrace up' starts them"};
  auto made = link_proxy::create(config_);
  if (!made)
    return made.failure();
  links_ = *std::move(made);
  library_ = library;
  for (const auto& node : running)
    if (const auto why = restart(node); !why.empty())
      return {errc::unavailable, node + ": " + why};
  return {};
}

std::string fault_player::close_links() {
  if (!links_)
    return {};
  links_->disarm();
  links_->heal();
  library_.clear();
  std::string out;
  for (const auto& node : config_.nodes) {
    const auto state = nodes_.state_of(node.name);
    if (state && state->state != nodes::node_state::kind::running)
      continue;
    const auto why = !state                        ? to_string(state.failure())
                     : paused_.contains(node.name) ? "stands still"
                                                   : restart(node.name);
    if (!why.empty())
      out += (out.empty() ? "" : "; ") + node.name + ": " + why;
  }
  return out;
}

/// @returns why not; empty: it runs again
std::string fault_player::restart(const std::string& node) {
  for (const auto& each : nodes_.stop({node}, {}))
    if (each.failure)
      return to_string(each.failure);
  const auto started = start_node(node, {});
  return started.failure ? to_string(started.failure) : std::string{};
}

/// Its process has passed no crash point yet, and ends at one.
bool fault_player::is_still_armed(const std::string& node) {
  const auto armed = armed_.find(node);
  if (armed == armed_.end())
    return false;
  const auto state = nodes_.state_of(node);
  return state && state->state == nodes::node_state::kind::running
         && state->process.pid == armed->second.pid;
}

fault_player::deed fault_player::crash(const sim::fault& what) {
  const auto ended = kill(what.node);
  const auto begun
    = start(what.node, what.name + ":" + std::to_string(what.number));
  if (const auto state = nodes_.state_of(what.node); begun.is_done && state)
    armed_[what.node] = {to_text(what), state->process.pid};
  return {ended.text + "; " + begun.text, begun.is_done};
}

std::vector<std::string> fault_player::awaited() {
  auto out = links_ ? links_->awaited() : std::vector<std::string>{};
  out.insert(out.end(), not_passed_.begin(), not_passed_.end());
  for (const auto& [node, armed] : armed_)
    if (is_still_armed(node))
      out.push_back(armed.crash);
  return out;
}

std::string fault_player::disarm() {
  std::string out;
  for (const auto& [node, armed] : armed_) {
    if (!is_still_armed(node))
      continue;
    not_passed_.push_back(armed.crash);
    const auto why = stands_still(node) ? "stands still" : restart(node);
    if (!why.empty())
      out += (out.empty() ? "" : "; ") + node + ": " + why;
  }
  armed_.clear();
  return out;
}

bool fault_player::runs(const std::string& node) {
  const auto state = nodes_.state_of(node);
  return state && state->state == nodes::node_state::kind::running;
}

/// Whoever stopped it.
bool fault_player::stands_still(const std::string& node) {
  const auto state = nodes_.state_of(node);
  if (!state || state->state != nodes::node_state::kind::running)
    return false;
  std::ifstream facts{"/proc/" + std::to_string(state->process.pid)
                      + "/status"};
  for (std::string line; std::getline(facts, line);)
    if (line.starts_with("State:"))
      return line.find("\tT") != std::string::npos;
  return false;
}

fault_player::deed fault_player::kill(const std::string& node) {
  const auto state = nodes_.state_of(node);
  if (!state)
    return {to_string(state.failure()), false};
  if (state->state != nodes::node_state::kind::running)
    return {"does not run", false};
  const bool armed = is_still_armed(node);
  const held_process process{state->process.pid};
  if (!process.send(SIGKILL))
    return {std::string{"cannot be killed: "} + std::strerror(errno), false};
  process.wait();
  paused_.erase(node);
  if (armed)
    not_passed_.push_back(armed_.at(node).crash);
  armed_.erase(node);
  return {"killed (process " + std::to_string(state->process.pid) + ")"};
}

/// What it inherits is set for its start alone.
nodes::node_outcome fault_player::start_node(const std::string& node,
                                             const std::string& crash_at) {
  std::vector<std::pair<const char*, std::string>> inherited{
    {"CRASH_AT", crash_at}};
  if (!library_.empty()) {
    inherited.emplace_back(link_proxy::variable(), links_->ports_of(node));
    inherited.emplace_back("LD_PRELOAD", library_);
  }
  for (const auto& [name, value] : inherited)
    value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
  nodes::start_options how;
  how.command = {program_, "node"};
  auto outcome = nodes_.start({node}, how);
  for (const auto& each : inherited)
    ::unsetenv(each.first);
  return std::move(outcome.front());
}

fault_player::deed fault_player::start(const std::string& node,
                                       const std::string& crash_at) {
  const auto outcome = start_node(node, crash_at);
  if (outcome.failure)
    return {to_string(outcome.failure), false};
  return {outcome.text + " (process " + std::to_string(outcome.pid) + ")"
          + (crash_at.empty() ? "" : ", to end at " + crash_at)};
}

fault_player::deed fault_player::send(const std::string& node, int signal,
                                      const char* done) {
  const auto state = nodes_.state_of(node);
  if (!state)
    return {to_string(state.failure()), false};
  if (state->state != nodes::node_state::kind::running)
    return {"does not run", false};
  if (!held_process{state->process.pid}.send(signal))
    return {std::string{"cannot be signalled: "} + std::strerror(errno), false};
  if (signal == SIGSTOP)
    paused_.insert(node);
  else
    paused_.erase(node);
  return {done};
}

fault_player::deed fault_player::damage(const sim::fault& what) {
  const auto path = find_file(directories_of(config_, what.node), what.name);
  if (path.empty())
    return {"has no file '" + what.name + "'", false};
  std::error_code fault;
  if (what.kind == kind::shorten) {
    const auto has = std::filesystem::file_size(path, fault);
    if (!fault && has <= what.number)
      return {path + " has only " + std::to_string(has) + " bytes", false};
    std::filesystem::resize_file(path, what.number, fault);
    return {path + (fault ? ": " + fault.message() : " shortened"), !fault};
  }
  std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
  const auto at = static_cast<std::streamoff>(what.number / 8);
  file.seekg(at);
  const int byte = file.get();
  if (byte == std::char_traits<char>::eof())
    return {path + " has no byte " + std::to_string(at), false};
  file.seekp(at);
  file.put(static_cast<char>(byte ^ (1 << (what.number % 8))));
  file.flush();
  return {path + (file ? " flipped" : ": write failed"), bool{file}};
}

std::string fault_player::kept_of(const std::string& node) const {
  return config_.data_directory + "/chaos/" + node;
}

/// The node stands still meanwhile, as a disk that is snapshotted does.
fault_player::deed fault_player::back_up(const std::string& node) {
  const auto kept = kept_of(node);
  const bool was_paused = paused_.contains(node);
  if (!was_paused)
    (void)send(node, SIGSTOP, "");
  std::error_code fault;
  std::filesystem::remove_all(kept, fault);
  for (const auto& directory : directories_of(config_, node)) {
    const auto to
      = kept + "/"
        + std::filesystem::relative(directory, config_.data_directory).string();
    std::filesystem::create_directories(std::filesystem::path{to}.parent_path(),
                                        fault);
    std::filesystem::copy(directory, to,
                          std::filesystem::copy_options::recursive, fault);
    if (fault)
      break;
  }
  if (!was_paused)
    (void)send(node, SIGCONT, "");
  if (fault)
    return {"cannot be backed up: " + fault.message(), false};
  return {"backed up"};
}

fault_player::deed fault_player::come_back(const std::string& node,
                                           sim::comeback::disk on) {
  std::string done;
  if (on != sim::comeback::disk::same) {
    std::error_code fault;
    if (on == sim::comeback::disk::older
        && !std::filesystem::exists(kept_of(node)))
      return {"was never backed up, and stays down", false};
    for (const auto& directory : directories_of(config_, node))
      std::filesystem::remove_all(directory, fault);
    if (on == sim::comeback::disk::older)
      std::filesystem::copy(kept_of(node), config_.data_directory,
                            std::filesystem::copy_options::recursive, fault);
    if (fault)
      return {"its disk cannot be changed: " + fault.message(), false};
    done = on == sim::comeback::disk::older ? "older disk, " : "empty disk, ";
  }
  auto out = start(node);
  out.text = done + out.text;
  return out;
}

std::vector<std::string> fault_player::harmed() {
  std::vector<std::string> out;
  for (const auto& node : config_.nodes) {
    const auto state = nodes_.state_of(node.name);
    if (paused_.contains(node.name) || !state
        || state->state != nodes::node_state::kind::running)
      out.push_back(node.name);
  }
  return out;
}

fault_player::deed fault_player::heal() {
  deed out;
  if (links_)
    links_->heal();
  if (const auto why = disarm(); !why.empty())
    out = {"ends at a crash point still: " + why, false};
  for (const auto& node : harmed()) {
    const auto one
      = paused_.contains(node) ? send(node, SIGCONT, "goes on") : start(node);
    out.text += (out.text.empty() ? "" : "; ") + node + " " + one.text;
    out.is_done = out.is_done && one.is_done;
  }
  // What was done to its links before had no effect since then.
  for (const auto& node : config_.nodes)
    if (links_)
      if (const auto why = meets_directly(node.name); !why.empty()) {
        out.text += (out.text.empty() ? "" : "; ") + why;
        out.is_done = false;
      }
  if (out.text.empty())
    out.text = links_ ? "all nodes run, all links pass" : "all nodes run";
  return out;
}

} // namespace millrace::chaos
