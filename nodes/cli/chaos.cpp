#include <millrace/nodes/cli/chaos.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/own_program.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, chaos_options& into) {
  declare_config(list, into.config);
  list
    .text("SCRIPT", into.script,
          "Lines `at <time>: <fault> | <fault>`: kill N [restart T "
          "[empty|older]], restart N, pause N, resume N, crash N POINT COUNT, "
          "flip N FILE BIT, shorten N FILE BYTES, back-up N, cut N <-> M, "
          "cut N -> M, reset N <-> M, half-open N <-> M, slow N <-> M BYTES, "
          "delay N <-> M T, corrupt N -> M [COUNT], heal [N <-> M]")
    .required()
    .shown_as("");
  declare_output(list, into.output);
}

int run(const chaos_options& options) {
  std::vector<std::string> words;
  if (!options.config.empty())
    words = {"--config", options.config};
  if (options.output == output_format::json)
    words.insert(words.end(), {"-o", "json"});
  words.insert(words.end(), {"--", options.script});
  return become("millrace-chaos", std::move(words),
                "the package libmillrace-sim-dev has it, and a build with "
                "-DMILLRACE_TESTS=ON makes it");
}

} // namespace

const command<chaos_options> chaos_command{
  {"chaos", "Put the nodes of a cluster on this host through faults",
   "millrace chaos examples/kills.faults --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
