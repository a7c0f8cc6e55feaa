#include <millrace/nodes/cli/eop_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_eop_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<eop_options>();
  auto period = std::make_shared<std::string>();
  auto* command
    = add_command(app, "eop", "End a period and wait for its partition",
                  "millrace eop --period 2013-10-08 --config "
                  "examples/local.toml");
  add_config_option(*command, options->config);
  command->add_option("--period", *period, "The date that ends")
    ->required()
    ->check([](const std::string& text) {
      const auto days = parse_date(text);
      return days ? std::string{} : days.failure().context;
    })
    ->type_name("YYYY-MM-DD");
  command
    ->add_option("--timeout", options->timeout_s,
                 "Seconds until the partition must be served; default: 300")
    ->check(CLI::Range(1, 86'400).description(""));
  command->callback([options, period, &run] {
    options->period = *parse_date(*period);
    run = [options] { return run_eop(*options); };
  });
}

} // namespace millrace::nodes
