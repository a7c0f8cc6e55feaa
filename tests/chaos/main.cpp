#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/chaos.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/own_program.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/tests/chaos/fault_player.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace millrace::chaos {

namespace {

using steady = std::chrono::steady_clock;

struct event {
  std::chrono::nanoseconds at;
  sim::fault what;
  bool comes_back = false;
};

std::vector<event> events_of(const sim::fault_script& script) {
  std::vector<event> out;
  for (const auto& [at, what] : script) {
    out.push_back({at, what});
    if (what.back.after)
      out.push_back({at + *what.back.after, what, true});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return out;
}

result<sim::fault_script> read_script(const nodes::cluster_config& config,
                                      const std::string& path) {
  const auto bytes
    = persistence::read_file(persistence::posix_file_system(), path);
  if (!bytes)
    return bytes.failure();
  auto script = sim::parse_fault_script(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()}, path);
  if (!script)
    return script;
  if (auto fault = check_script(config, *script))
    return fault;
  return script;
}

/// Beside this program's directory, as it was built.
std::string library_of_links() {
  return (std::filesystem::path{nodes::own_program()}.parent_path()
          / "link_redirect.so")
    .lexically_normal()
    .string();
}

/// What was done, for people as it happens, or in one piece of JSON.
class report {
public:
  explicit report(nodes::output_format output)
    : is_json_{output == nodes::output_format::json} {}

  /// Something that only people are told.
  void say(const std::string& text) const {
    if (is_json_)
      return;
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  void add(double seconds, const std::string& fault,
           const fault_player::deed& done) {
    say(fmt::format("{:8.3f}s  {}: {}", seconds, fault, done.text));
    faults_.add({{"at_s", seconds},
                 {"fault", fault},
                 {"result", done.text},
                 {"done", done.is_done}});
    undone_ += done.is_done ? 0 : 1;
  }
  /// What is left that should not be. @param names nothing: all is well
  void leave(const char* key, const char* text,
             const std::vector<std::string>& names) {
    left_.add(key, names);
    if (names.empty())
      return;
    is_whole_ = false;
    say(fmt::format("{}: {}", text, fmt::join(names, ", ")));
  }
  /// @returns the exit code
  int end() const {
    if (undone_ != 0)
      say(fmt::format("faults that could not be done: {}", undone_));
    if (is_json_) {
      auto out = left_;
      out.add("faults", faults_);
      fmt::print("{}\n", out.dump(2));
    }
    return is_whole_ && undone_ == 0 ? nodes::exit_ok : nodes::exit_negative;
  }

private:
  bool is_json_;
  bool is_whole_ = true;
  size_t undone_ = 0;
  text::json_value faults_ = text::json_value::array();
  text::json_value left_ = text::json_value::object();
};

std::vector<std::string> one_or_none(std::string text) {
  return text.empty() ? std::vector<std::string>{}
                      : std::vector{std::move(text)};
}

/// The proxies end with this process.
void close_links(fault_player& player, report& told) {
  const auto left = player.close_links();
  if (left.empty())
    told.say("nodes were started again: they meet directly");
  told.leave("behind_proxies",
             "these still talk through proxies, which end now; restart them",
             one_or_none(left));
}

void play(fault_player& player, const std::vector<event>& events,
          const nodes::interrupts& signals, report& told) {
  const auto begin = steady::now();
  for (const auto& [at, what, comes_back] : events) {
    while (steady::now() - begin < at && !signals.raised())
      ::poll(nullptr, 0, 5);
    if (signals.raised())
      return;
    const auto done = comes_back ? player.come_back(what.node, what.back.on)
                                 : player.play(what);
    told.add(std::chrono::duration<double>(steady::now() - begin).count(),
             comes_back ? "back " + what.node : to_text(what), done);
  }
}

int run(const nodes::chaos_options& options) {
  using nodes::fail;
  const auto config = nodes::load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto script = read_script(*config, options.script);
  if (!script)
    return fail(script.failure());
  auto world = nodes::real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!world)
    return fail(world.failure());
  const nodes::interrupts signals;
  report told{options.output};
  fault_player player{(*world)->world(), *config,
                      std::filesystem::path{nodes::own_program()}
                        .replace_filename("millrace")
                        .string()};
  const bool links = has_links(*script);
  if (links) {
    if (auto fault = player.open_links(library_of_links())) {
      if (player.has_proxies())
        close_links(player, told);
      return fail(fault);
    }
    told.say("nodes were started again: they talk through proxies now");
  }
  play(player, events_of(*script), signals, told);
  told.leave("awaited", "these did not come to happen", player.awaited());
  told.leave("armed", "these still end at a crash point; restart them",
             one_or_none(player.disarm()));
  if (links)
    close_links(player, told);
  told.leave("down", "at the end these do not run", player.harmed());
  const auto code = told.end();
  return signals.raised() ? signals.exit_code() : code;
}

} // namespace

} // namespace millrace::chaos

int main(int argc, char** argv) {
  using namespace millrace;
  auto program = nodes::chaos_command;
  program.text.name = "millrace-chaos";
  program.text.example
    = "millrace-chaos examples/kills.faults --config examples/local.toml";
  program.run = chaos::run;
  return nodes::run_program(program, argc, argv);
}
