#include <millrace/nodes/cli/pub_command.hpp>

#include <map>
#include <memory>

namespace millrace::nodes {

void add_line_format_option(CLI::App& command, line_format& format) {
  const std::map<std::string, line_format> formats{{"json", line_format::json},
                                                   {"csv", line_format::csv}};
  command
    .add_option("--format", format, "json (default) or csv, one row a line")
    ->transform(CLI::CheckedTransformer(formats).description(""))
    ->type_name("FORMAT");
}

void add_pub_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<pub_options>();
  auto* command
    = add_command(app, "pub", "Publish the lines of standard input",
                  "echo '{\"time\": \"2013-10-08T14:30:00Z\", \"sym\": "
                  "\"SPY\", \"price\": 168.1, \"size\": 100}' |\n    "
                  "millrace pub --stream market --table trade --config "
                  "examples/local.toml");
  add_config_option(*command, options->config);
  command
    ->add_option("--stream", options->stream,
                 "A [[stream]], or a full path: a log of its own there")
    ->required()
    ->type_name("STREAM");
  command
    ->add_option("--table", options->table,
                 "Lines are rows of it; default: payloads, {\"data\": "
                 "\"text\"} or {\"hex\": \"00ff\"}")
    ->type_name("TABLE");
  add_line_format_option(*command, options->format);
  command->add_option("--origin", options->origin, "Who publishes")
    ->type_name("NAME");
  command
    ->add_option("--level", options->level,
                 "Wait until all is recorded, synced or committed (default)")
    ->check(CLI::IsMember({"recorded", "synced", "committed"}).description(""))
    ->type_name("LEVEL");
  command->callback(
    [options, &run] { run = [options] { return run_pub(*options); }; });
}

} // namespace millrace::nodes
