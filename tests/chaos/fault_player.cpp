#include <millrace/persistence/disk/crash_point_names.hpp>
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
  std::string points;
  std::string impossible;
  for (const auto& [at, what, place] : script) {
    for (const auto& node : {what.node, what.other})
      if (!node.empty() && config.node(node) == nullptr)
        unknown += (unknown.empty() ? "" : ", ") + node;
    if (what.kind == kind::crash && !persistence::is_crash_point(what.name))
      points += (points.empty() ? "'" : ", '") + what.name + "'";
    if (!is_possible(what))
      impossible += (impossible.empty() ? "'" : ", '") + to_text(what) + "'";
  }
  if (!unknown.empty())
    return {errc::not_found, config.path + ": no [[node]] is named " + unknown};
  if (!points.empty())
    return {errc::not_found,
            "no code of a node passes a crash point named " + points};
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
      return kill(what);
    case kind::restart:
      return runs(what.node) ? deed{"runs already", false} : start(what.node);
    case kind::pause:
      return stands_still(what.node) ? deed{"stands still already", false}
                                     : send(what.node, SIGSTOP, "stopped");
    case kind::resume:
      return stands_still(what.node) ? send(what.node, SIGCONT, "goes on")
                                     : deed{"does not stand still", false};
    case kind::crash:
      return crash(what);
    case kind::flip:
    case kind::shorten: {
      auto [text, is_done]
        = damage_file(directories_of(config_, what.node), what);
      return {std::move(text), is_done};
    }
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
      give_up_links(what.node, what.other);
      if (!what.one_way)
        give_up_links(what.other, what.node);
      change([&](link_rule& rule) {
        rule.corrupt_in = std::max<uint64_t>(1, what.number);
      });
      if (what.may_miss)
        tried_.insert(
          {what.node + " -> " + what.other, what.other + " -> " + what.node});
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
      give_up_links(what.node, what.other);
      give_up_links(what.other, what.node);
      change([](link_rule& rule) { rule = {}; });
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
  give_up_links();
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
  const auto started = start_node(node);
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

/// What cannot come to happen any more is no success, unless it may miss.
void fault_player::give_up(const sim::fault& what) {
  if (what.may_miss)
    news_.push_back("did not come to happen: " + to_text(what));
  else
    missed_.push_back(to_text(what));
}

/// A bit that was to flip on a link flips no more.
void fault_player::give_up_links(const std::string& from,
                                 const std::string& to) {
  const auto way = from + " -> " + to;
  const auto all = links_->awaited();
  const bool tried = tried_.erase(way) != 0;
  if (std::find(all.begin(), all.end(), way) == all.end())
    return;
  if (tried)
    news_.push_back("did not come to happen: try corrupt " + way);
  else
    missed_.push_back("corrupt " + way);
}

/// The same on all of them.
void fault_player::give_up_links() {
  for (const auto& one : config_.nodes)
    for (const auto& other : config_.nodes)
      give_up_links(one.name, other.name);
  tried_.clear();
  links_->disarm();
  links_->heal();
}

std::vector<std::string> fault_player::take_news() {
  if (links_)
    for (auto& way : links_->take_flipped())
      news_.push_back("a bit flipped: corrupt " + way);
  return std::exchange(news_, {});
}

/// One that does not run ends there in its next life.
fault_player::deed fault_player::crash(const sim::fault& what) {
  if (!has_disk(what.node, what.back.on))
    return {"was never backed up", false};
  if (const auto armed = armed_.find(what.node); armed != armed_.end())
    give_up(armed->second.crash);
  armed_[what.node] = {what, 0};
  const auto there
    = "to end at " + what.name + ":" + std::to_string(what.number);
  if (!runs(what.node))
    return {"does not run; " + there + " in its next life"};
  const auto ended = end(what.node);
  if (!ended.is_done)
    return ended;
  const auto begun = start(what.node);
  return {ended.text + "; " + begun.text, begun.is_done};
}

std::vector<sim::fault> fault_player::take_crashed() {
  std::vector<sim::fault> out;
  for (auto it = armed_.begin(); it != armed_.end();) {
    if (it->second.pid == 0 || is_still_armed(it->first)) {
      ++it;
      continue;
    }
    out.push_back(it->second.crash);
    it = armed_.erase(it);
    if (const auto why = replace_disk(out.back().node, out.back().back.on);
        !why.empty())
      missed_.push_back(to_text(out.back()) + ": " + why);
  }
  return out;
}

uint64_t fault_player::starts_of(const std::string& node) const {
  const auto found = starts_.find(node);
  return found == starts_.end() ? 0 : found->second;
}

std::vector<std::string> fault_player::awaited() {
  auto out = missed_;
  if (links_)
    for (const auto& way : links_->awaited())
      if (!tried_.contains(way))
        out.push_back("corrupt " + way);
  for (const auto& [node, armed] : armed_)
    if (!armed.crash.may_miss && (armed.pid == 0 || is_still_armed(node)))
      out.push_back(to_text(armed.crash));
  return out;
}

std::string fault_player::disarm() {
  std::string out;
  for (const auto& [node, armed] : std::exchange(armed_, {})) {
    const auto state = nodes_.state_of(node);
    const bool waits = armed.pid != 0 && state
                       && state->state == nodes::node_state::kind::running
                       && state->process.pid == armed.pid;
    if (waits || armed.pid == 0)
      give_up(armed.crash);
    if (!waits)
      continue;
    const auto why = stands_still(node) ? "stands still" : restart(node);
    if (!why.empty())
      out += (out.empty() ? "" : "; ") + node + ": " + why;
  }
  return out;
}

bool fault_player::runs(const std::string& node) {
  const auto state = nodes_.state_of(node);
  return state && state->state == nodes::node_state::kind::running;
}

/// No matter who stopped it.
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

fault_player::deed fault_player::kill(const sim::fault& what) {
  if (!has_disk(what.node, what.back.on))
    return {"was never backed up", false};
  auto out = end(what.node);
  if (!out.is_done)
    return out;
  const auto why = replace_disk(what.node, what.back.on);
  if (!why.empty())
    return {out.text + "; " + why, false};
  if (what.back.on != sim::comeback::disk::same)
    out.text += what.back.on == sim::comeback::disk::empty ? "; empty disk"
                                                           : "; older disk";
  return out;
}

fault_player::deed fault_player::end(const std::string& node) {
  const auto state = nodes_.state_of(node);
  if (!state)
    return {to_string(state.failure()), false};
  if (state->state != nodes::node_state::kind::running)
    return {"does not run", false};
  const held_process process{state->process.pid};
  if (!process.send(SIGKILL))
    return {std::string{"cannot be killed: "} + std::strerror(errno), false};
  process.wait();
  paused_.erase(node);
  if (const auto armed = armed_.find(node); armed != armed_.end())
    armed->second.pid = 0; // Its next life ends there.
  return {"killed (process " + std::to_string(state->process.pid) + ")"};
}

/// What it inherits is set for its start alone.
nodes::node_outcome fault_player::start_node(const std::string& node) {
  const auto armed = armed_.find(node);
  std::vector<std::pair<const char*, std::string>> inherited{
    {"CRASH_AT", armed == armed_.end()
                   ? std::string{}
                   : armed->second.crash.name + ":"
                       + std::to_string(armed->second.crash.number)}};
  if (!library_.empty()) {
    inherited.emplace_back(link_proxy::variable(), links_->ports_of(node));
    inherited.emplace_back("LD_PRELOAD", library_);
  }
  for (const auto& [name, value] : inherited)
    value.empty() ? ::unsetenv(name) : ::setenv(name, value.c_str(), 1);
  nodes::start_options how;
  how.command = {program_, "node"};
  auto outcome = std::move(nodes_.start({node}, how).front());
  for (const auto& each : inherited)
    ::unsetenv(each.first);
  ++starts_[node];
  if (armed != armed_.end())
    armed->second.pid = outcome.pid;
  return outcome;
}

fault_player::deed fault_player::start(const std::string& node) {
  const auto outcome = start_node(node);
  const auto armed = armed_.find(node);
  if (outcome.failure) {
    const auto why = to_string(outcome.failure);
    if (armed != armed_.end()
        && why.find("killed by signal Killed") != std::string::npos)
      return {"passed its crash point before it was ready"};
    if (armed != armed_.end())
      armed->second.pid = 0;
    return {why, false};
  }
  return {outcome.text + " (process " + std::to_string(outcome.pid) + ")"
          + (armed == armed_.end()
               ? ""
               : ", to end at " + armed->second.crash.name + ":"
                   + std::to_string(armed->second.crash.number))};
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

bool fault_player::has_disk(const std::string& node,
                            sim::comeback::disk on) const {
  return on != sim::comeback::disk::older
         || std::filesystem::exists(kept_of(node));
}

/// @pre the node does not run. @returns why not; empty: it has that disk now
std::string fault_player::replace_disk(const std::string& node,
                                       sim::comeback::disk on) {
  std::error_code fault;
  if (on == sim::comeback::disk::same)
    return {};
  for (const auto& directory : directories_of(config_, node)) {
    std::filesystem::remove_all(directory, fault);
    if (fault)
      break;
  }
  if (!fault && on == sim::comeback::disk::older)
    std::filesystem::copy(kept_of(node), config_.data_directory,
                          std::filesystem::copy_options::recursive, fault);
  return fault ? "its disk cannot be changed: " + fault.message()
               : std::string{};
}

fault_player::deed fault_player::come_back(const std::string& node,
                                           uint64_t starts) {
  if (runs(node) || starts_of(node) != starts)
    return {"was started meanwhile"};
  return start(node);
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
    give_up_links();
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
