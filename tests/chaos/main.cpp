#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/chaos.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/own_program.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/tests/chaos/fault_player.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace millrace::chaos {

namespace {

using steady = std::chrono::steady_clock;

struct event {
  /// None: nothing happens, but the script is not over before.
  std::optional<sim::fault> what{};
  std::string comes_back{}; ///< A node that does; empty: none.
  uint64_t starts = 0;      ///< Of that node when it ended.
};
/// By their times from the begin of the script; equal times keep their order.
using event_queue = std::multimap<std::chrono::nanoseconds, event>;

event_queue events_of(const sim::fault_script& script) {
  event_queue out;
  for (const auto& each : script) {
    out.emplace(each.at, event{each.what});
    // It has so long to end, at least.
    if (each.what.kind == sim::fault::what::crash && each.what.back.after)
      out.emplace(each.at + *each.what.back.after, event{});
  }
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

/// The program of the nodes: beside this one as it was built, or where a
/// package put both.
std::string program_of_nodes() {
  const auto here = std::filesystem::path{nodes::own_program()}.parent_path();
  const auto beside = here / "millrace";
  std::error_code fault;
  return (std::filesystem::exists(beside, fault) ? beside
                                                 : here / "../../bin/millrace")
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
  struct order {
    std::string text;
    bool may_miss = false;
  };
  void add(double seconds, const order& fault, const fault_player::deed& done) {
    say(fmt::format("{:8.3f}s  {}: {}", seconds, fault.text, done.text));
    faults_.add({{"at_s", seconds},
                 {"fault", fault.text},
                 {"result", done.text},
                 {"done", done.is_done}});
    undone_ += done.is_done || fault.may_miss ? 0 : 1;
  }
  /// What became of a fault that waited for its moment.
  void tell(double seconds, const std::string& text) {
    say(fmt::format("{:8.3f}s  {}", seconds, text));
    outcomes_.add({{"at_s", seconds}, {"text", text}});
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
      out.add("outcomes", outcomes_);
      fmt::print("{}\n", out.dump(2));
    }
    return is_whole_ && undone_ == 0 ? nodes::exit_ok : nodes::exit_negative;
  }

private:
  bool is_json_;
  bool is_whole_ = true;
  size_t undone_ = 0;
  text::json_value faults_ = text::json_value::array();
  text::json_value outcomes_ = text::json_value::array();
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

/// Carries out what is due, in the order of the times, until nothing is left.
class performance {
public:
  performance(fault_player& player, const sim::fault_script& script,
              report& told)
    : player_{player}, told_{told}, events_{events_of(script)} {}

  void run(const nodes::interrupts& signals) {
    for (;;) {
      for (const auto& crash : player_.take_crashed())
        expect_back(crash, "ended there: " + to_text(crash));
      tell_news();
      if (signals.raised() || events_.empty())
        return;
      if (events_.begin()->first <= passed())
        perform(events_.extract(events_.begin()).mapped());
      else
        ::poll(nullptr, 0, 5);
    }
  }

  /// What became of faults that waited for their moment.
  void tell_news() {
    for (const auto& each : player_.take_news())
      told_.tell(seconds(), each);
  }

private:
  [[nodiscard]] std::chrono::nanoseconds passed() const {
    return steady::now() - begin_;
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(passed()).count();
  }

  /// A node has ended, and comes back as its fault says.
  void expect_back(const sim::fault& what, const std::string& said = {}) {
    if (!said.empty())
      told_.tell(seconds(), said);
    if (what.back.after)
      events_.emplace(
        passed() + *what.back.after,
        event{.comes_back = what.node, .starts = player_.starts_of(what.node)});
  }

  void perform(const event& what) {
    if (!what.comes_back.empty())
      told_.add(seconds(), {.text = "back " + what.comes_back},
                player_.come_back(what.comes_back, what.starts));
    if (!what.what)
      return;
    const auto done = player_.play(*what.what);
    told_.add(seconds(), {to_text(*what.what), what.what->may_miss}, done);
    if (done.is_done && what.what->kind == sim::fault::what::kill)
      expect_back(*what.what);
  }

  fault_player& player_;
  report& told_;
  event_queue events_;
  steady::time_point begin_ = steady::now();
};

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
  fault_player player{(*world)->world(), *config, program_of_nodes()};
  const bool links = has_links(*script);
  if (links) {
    if (auto fault = player.open_links(library_of_links())) {
      if (player.has_proxies())
        close_links(player, told);
      return fail(fault);
    }
    told.say("nodes were started again: they talk through proxies now");
  }
  performance played{player, *script, told};
  played.run(signals);
  told.leave("awaited", "these did not come to happen", player.awaited());
  told.leave("armed", "these still end at a crash point; restart them",
             one_or_none(player.disarm()));
  if (links)
    close_links(player, told);
  played.tell_news();
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
