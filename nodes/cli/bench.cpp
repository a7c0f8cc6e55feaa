#include <millrace/nodes/cli/bench.hpp>
#include <millrace/nodes/cli/cluster/own_program.hpp>
#include <millrace/nodes/cli/command/failure.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, bench_options& into) {
  list.text("NAME", into.name, "What to measure");
  list
    .number("--runs", into.runs, 1u, 1000u, "Runs, of which the median counts")
    .shown_as("UINT:INT in [1 - 1000]");
  list
    .number(
      "--scale", into.scale, 0.0001, 100.0,
      "Share of the messages and rows; 1 gives figures that count, 0.01 tries "
      "a benchmark out")
    .shown_as("FLOAT:FLOAT in [0.0001 - 100]");
  list.flag("--list", into.list, "List what can be measured");
  declare_output(list, into.output);
}

int run(const bench_options& options) {
  if (options.name.empty() != options.list)
    return fail({errc::invalid_argument, "either NAME or --list is required"});
  return become("millrace-bench", words_of(options),
                "no package has it, a build with -DMILLRACE_BENCH=ON makes it");
}

} // namespace

std::vector<std::string> words_of(const bench_options& options) {
  std::vector<std::string> words{"--runs", std::to_string(options.runs),
                                 "--scale", fmt::format("{}", options.scale)};
  if (options.list)
    words.emplace_back("--list");
  if (options.output == output_format::json)
    words.insert(words.end(), {"-o", "json"});
  if (!options.name.empty())
    words.insert(words.end(), {"--", options.name});
  return words;
}

const command<bench_options> bench_command{
  {"bench", "Measure one thing beside its peer",
   "millrace bench publish_cached_100 -o json"},
  declare,
  run};

} // namespace millrace::nodes
