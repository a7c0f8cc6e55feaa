#include <millrace/nodes/cli/sub_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_sub_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<sub_options>();
  auto* command
    = add_command(app, "sub", "Print the messages of a stream as they come",
                  "millrace sub --stream market --from begin --config "
                  "examples/local.toml");
  add_config_option(*command, options->config);
  command
    ->add_option("--stream", options->stream,
                 "A [[stream]], or the full path of a log")
    ->required()
    ->type_name("STREAM");
  command->add_option("--table", options->table, "Only rows of this table")
    ->type_name("TABLE");
  add_line_format_option(*command, options->format);
  command
    ->add_option("--from", options->from,
                 "begin, end (default), a position, or a time in ISO 8601")
    ->type_name("PLACE");
  command
    ->add_option("--count", options->count,
                 "End after this many messages; default: never")
    ->check(whole_number())
    ->type_name("N");
  command->callback(
    [options, &run] { run = [options] { return run_sub(*options); }; });
}

} // namespace millrace::nodes
