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

/// The proxies end with this process. @returns whether no node needs them
bool close_links(fault_player& player) {
  const auto left = player.close_links();
  if (left.empty())
    fmt::print("nodes were started again: they meet directly\n");
  else
    fmt::print("these still talk through proxies, which end now; restart them: "
               "{}\n",
               left);
  return left.empty();
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
  fault_player player{(*world)->world(), *config,
                      std::filesystem::path{nodes::own_program()}
                        .replace_filename("millrace")
                        .string()};
  const bool links = has_links(*script);
  if (links) {
    if (auto fault = player.open_links(library_of_links())) {
      if (player.has_proxies())
        (void)close_links(player);
      return fail(fault);
    }
    fmt::print("nodes were started again: they talk through proxies now\n");
    std::fflush(stdout);
  }
  size_t undone = 0;
  const auto begin = steady::now();
  for (const auto& [at, what, comes_back] : events_of(*script)) {
    while (steady::now() - begin < at && !signals.raised())
      ::poll(nullptr, 0, 5);
    if (signals.raised())
      break;
    const auto done = comes_back ? player.come_back(what.node, what.back.on)
                                 : player.play(what);
    fmt::print("{:8.3f}s  {}: {}\n",
               std::chrono::duration<double>(steady::now() - begin).count(),
               comes_back ? "back " + what.node : to_text(what), done.text);
    std::fflush(stdout);
    undone += done.is_done ? 0 : 1;
  }
  const auto awaited = player.awaited();
  if (!awaited.empty())
    fmt::print("these did not come to happen: {}\n", fmt::join(awaited, ", "));
  const auto armed = player.disarm();
  if (!armed.empty())
    fmt::print("these still end at a crash point; restart them: {}\n", armed);
  const bool whole = (!links || close_links(player)) && armed.empty();
  const auto harmed = player.harmed();
  if (signals.raised())
    return signals.exit_code();
  if (!harmed.empty())
    fmt::print("at the end these do not run: {}\n", fmt::join(harmed, ", "));
  if (undone != 0)
    fmt::print("faults that could not be done: {}\n", undone);
  return harmed.empty() && awaited.empty() && whole && undone == 0
           ? nodes::exit_ok
           : nodes::exit_negative;
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
