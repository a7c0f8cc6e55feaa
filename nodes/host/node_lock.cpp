#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/host/last_words.hpp>
#include <millrace/nodes/host/node_lock.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr auto pid_file = "/node.pid";
/// Where the signal is written over by who ends by it: last_words.
constexpr std::string_view no_signal = "\"signal\":\"";

std::string line_of(const node_pid& self) {
  text::json_value content{
    {"pid", self.pid},
    {"start_ticks", self.start_ticks},
    {"boot", self.boot},
    {"started_ns", self.started_ns},
    {"signal", std::string(last_words::width, ' ')},
  };
  if (!self.failure.empty())
    content.add("failure", self.failure);
  return content.dump() + "\n";
}

error write_line(persistence::file_system& fs, const std::string& path,
                 const std::string& line) {
  return persistence::replace_file(
    fs, path, std::as_bytes(std::span{line.data(), line.size()}));
}

std::string read_small(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string boot_of_host() {
  auto id = read_small("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n')
    id.pop_back();
  return id;
}

/// Whether the lock of an open file is held through it, not only asked for.
bool is_held(const std::filesystem::path& process, const std::string& number) {
  const auto facts = read_small(process / "fdinfo" / number);
  const auto lock = facts.find("lock:");
  return lock != facts.npos && facts.find("FLOCK", lock) != facts.npos;
}

/// When the file was marked last; 0: it is not there.
int64_t marked_ns(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    return 0;
  return int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec
         - epoch_2000_ns;
}

/// How the system names an open file that lies nowhere any more.
constexpr std::string_view removed_mark = " (deleted)";

/// The name under which a process holds the lock at `path`; empty: it does not.
std::string held_name(const std::filesystem::path& process,
                      const std::string& path) {
  namespace files = std::filesystem;
  std::error_code hidden; // One that ended, or is another user's.
  for (files::directory_iterator each{process / "fd", hidden}, end;
       !hidden && each != end; each.increment(hidden)) {
    std::error_code closed;
    auto name = files::read_symlink(each->path(), closed).string();
    if (!closed && name.starts_with(path)
        && (name.size() == path.size()
            || name.substr(path.size()) == removed_mark)
        && is_held(process, each->path().filename()))
      return name;
  }
  return {};
}

} // namespace

std::optional<lock_holder> find_lock_holder(const std::string& directory) {
  namespace files = std::filesystem;
  std::error_code fault;
  const auto path
    = files::weakly_canonical(files::absolute(directory), fault) / ".lock";
  std::optional<lock_holder> found;
  if (fault)
    return found;
  for (files::directory_iterator each{"/proc", fault}, end;
       !fault && each != end; each.increment(fault)) {
    const auto number = each->path().filename().string();
    if (number.find_first_not_of("0123456789") != number.npos)
      continue;
    const auto name = held_name(each->path(), path);
    if (name.empty())
      continue;
    const bool removed = name.ends_with(removed_mark);
    if (const auto process = identify_process(std::stoi(number));
        process && (!found || !removed))
      found = lock_holder{*process, removed};
  }
  return found;
}

std::optional<node_pid> identify_process(int pid) {
  const auto stat = read_small("/proc/" + std::to_string(pid) + "/stat");
  // "pid (name) state ...": the name may hold anything, also ')'.
  const auto close = stat.rfind(')');
  if (close == std::string::npos)
    return std::nullopt;
  std::istringstream rest{stat.substr(close + 1)};
  std::string field;
  rest >> field;
  if (field == "Z" || field == "X")
    return std::nullopt;
  node_pid out;
  out.pid = pid;
  // The state is field 3, the start time field 22.
  for (int i = 4; i < 22; ++i)
    rest >> field;
  if (!(rest >> out.start_ticks))
    return std::nullopt;
  out.boot = boot_of_host();
  return out;
}

bool is_alive(const node_pid& process) {
  const auto now = identify_process(process.pid);
  return now && now->start_ticks == process.start_ticks
         && now->boot == process.boot;
}

result<std::optional<node_pid>> read_node_pid(persistence::file_system& fs,
                                              const std::string& directory) {
  const auto path = directory + pid_file;
  auto bytes = persistence::read_own_file(fs, path, 64u << 10);
  if (!bytes) {
    if (bytes.failure().code == errc::not_found)
      return std::optional<node_pid>{};
    return bytes.failure();
  }
  const std::string_view content{reinterpret_cast<const char*>(bytes->data()),
                                 bytes->size()};
  const auto read = text::parse_json(content);
  const auto parsed = read ? *read : text::json_value{};
  const auto pid = parsed.at("pid").integer();
  const auto start_ticks = parsed.at("start_ticks").natural();
  const auto started_ns = parsed.at("started_ns").integer();
  const auto* boot = parsed.at("boot").text();
  if (!pid || !start_ticks || !started_ns || !boot)
    return error{errc::corrupt, path + ": is not what a node writes"};
  node_pid out{static_cast<int>(*pid), *start_ticks, *boot, *started_ns,
               marked_ns(path)};
  // Spaces: it ended by none.
  out.signal = std::atoi(parsed.at("signal").text_or_empty().c_str());
  out.failure = parsed.at("failure").text_or_empty();
  return std::optional{std::move(out)};
}

node_lock::node_lock(persistence::file_system& fs, std::string pid_path,
                     node_pid self,
                     std::unique_ptr<persistence::directory_lock> held,
                     std::string overwritten, std::optional<node_pid> before)
  : fs_{fs}, pid_path_{std::move(pid_path)}, self_{std::move(self)},
    held_{std::move(held)}, overwritten_{std::move(overwritten)},
    before_{std::move(before)}, words_{std::make_unique<last_words>()} {}

result<std::unique_ptr<node_lock>>
node_lock::acquire(persistence::env& world, const std::string& directory) {
  auto& fs = *world.fs;
  if (auto fault = fs.create_directories(directory))
    return fault;
  auto held = fs.lock_directory(directory);
  if (!held)
    return held.failure();
  std::string overwritten;
  const auto before = read_node_pid(fs, directory);
  if (!before) {
    // Who holds the lock is the node; a file can only say so.
    overwritten = to_string(before.failure());
    if (auto fault = fs.remove_all(directory + pid_file))
      return fault;
  }
  auto self = identify_process(::getpid());
  if (!self)
    return error{errc::internal, "/proc does not know this process"};
  self->started_ns = world.clock->now_ns();
  const auto line = line_of(*self);
  if (auto fault = write_line(fs, directory + pid_file, line))
    return fault;
  std::unique_ptr<node_lock> out{
    new node_lock{fs, directory + pid_file, *std::move(self), *std::move(held),
                  std::move(overwritten), before ? *before : std::nullopt}};
  if (auto fault = out->words_->open(directory + pid_file,
                                     line.find(no_signal) + no_signal.size()))
    return fault;
  return out;
}

std::string end_of(const node_pid& life) {
  if (!life.failure.empty())
    return "ended by itself: " + life.failure;
  if (life.signal == 0)
    return life.boot != boot_of_host()
             ? "ended with its host, which lost power or started anew"
             : "ended without a word: somebody sent it a signal, as 'kill' "
               "does or a terminal that closes over a program of your own, or "
               "the system ended it for want of memory ('journalctl -k' tells; "
               "memory_max bounds an rdb)";
  const auto* name = ::sigabbrev_np(life.signal);
  return "ended by "
         + (name != nullptr ? "SIG" + std::string{name}
                            : "signal " + std::to_string(life.signal))
         + ", a fault of its own";
}

error node_lock::mark_alive() const {
  if (::utimensat(AT_FDCWD, pid_path_.c_str(), nullptr, 0) == 0)
    return {};
  return {errc::storage_failed,
          pid_path_ + ": cannot be marked: " + std::strerror(errno)
            + "; should the node be killed, nobody will "
              "know when"};
}

node_lock::~node_lock() {
  if (!self_.failure.empty() && !write_line(fs_, pid_path_, line_of(self_)))
    return;
  // Left behind it does no harm: readers compare the start time.
  static_cast<void>(fs_.remove(pid_path_));
}

} // namespace millrace::nodes
