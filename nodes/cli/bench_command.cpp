#include <millrace/nodes/cli/bench_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_bench_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<bench_options>();
  auto output = std::make_shared<output_format>(output_format::table);
  auto* command = add_command(app, "bench", "Measure one thing beside its peer",
                              "millrace bench publish_cached_100 -o json");
  command->add_option("NAME", options->name, "What to measure");
  command
    ->add_option("--runs", options->runs, "Runs, of which the median counts")
    ->check(CLI::Range(1, 1000));
  command
    ->add_option("--scale", options->scale,
                 "Of the messages and rows; 1 gives figures that count, 0.01 "
                 "tries a benchmark out")
    ->check(CLI::Range(0.0001, 100.0));
  command->add_flag("--list", options->list, "List what can be measured");
  // For this program alone: no group, no line in the help text.
  command->add_option("--part", options->part)->group("");
  add_output_option(*command, *output, false);
  command->callback([options, output, &run] {
    if (options->part.empty() && options->name.empty() != options->list)
      throw CLI::RequiredError("Either NAME or --list");
    options->json = *output == output_format::json;
    run = [options] { return run_bench(*options); };
  });
}

} // namespace millrace::nodes
