#include <millrace/nodes/cli/feed_command.hpp>

#include <charconv>
#include <cmath>
#include <memory>

namespace millrace::nodes {

std::optional<double> parse_speed(const std::string& text) {
  if (text == "max")
    return 0.0;
  if (text == "original")
    return 1.0;
  double factor = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, factor);
  if (fault != std::errc{} || stop + 1 != end || *stop != 'x'
      || !std::isfinite(factor) || factor <= 0)
    return std::nullopt;
  return factor;
}

void add_feed_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<feed_options>();
  auto date = std::make_shared<std::string>();
  auto speed = std::make_shared<std::string>("max");
  auto* command = add_command(
    app, "feed", "Publish files as rows of a table",
    "millrace feed --layout lean-equity-trade --date 2013-10-08 --symbol SPY "
    "\\\n"
    "    --table trade --config examples/local.toml spy_20131008_trade.zip");
  add_config_option(*command, options->config);
  command
    ->add_option("--layout", options->layout,
                 "How lines are read: a preset, a name of [feed.layouts], or "
                 "a layout file")
    ->required()
    ->type_name("LAYOUT");
  command->add_option("--table", options->table, "Where the rows go")
    ->required()
    ->type_name("TABLE");
  command->add_option("--date", *date, "Day of files that carry times only")
    ->check([](const std::string& text) {
      const auto days = parse_date(text);
      return days ? std::string{} : days.failure().context;
    })
    ->type_name("YYYY-MM-DD");
  command->add_option("--symbol", options->symbol, "Of files that carry none")
    ->type_name("SYMBOL");
  command
    ->add_option("--speed", *speed,
                 "original, a multiple of it such as 10x, or max (default)")
    ->check([](const std::string& text) {
      return parse_speed(text)
               ? std::string{}
               : "'" + text + "' is not original, max, or as 10x";
    })
    ->type_name("SPEED");
  command->add_flag("--again", options->again,
                    "Publish anew what was published before");
  command
    ->add_option("--reject", options->reject,
                 "Where lines go that cannot be read; default: beside the "
                 "publisher's log")
    ->type_name("FILE");
  command->add_option("FILE", options->files, "Plain, gzip or zip")->required();
  command->callback([options, date, speed, &run] {
    // The checks above have accepted both.
    if (!date->empty())
      options->date = *parse_date(*date);
    options->speed = *parse_speed(*speed);
    run = [options] { return run_feed(*options); };
  });
}

} // namespace millrace::nodes
