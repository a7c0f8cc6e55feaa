#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <charconv>
#include <cstdio>
#include <date/date.h>
#include <map>

namespace millrace::nodes {

int fail(const error& failure) {
  if (failure.code == errc::config)
    std::fprintf(stderr, "%s\n", failure.context.c_str());
  else
    std::fprintf(stderr, "millrace: %s\n", to_string(failure).c_str());
  return exit_code_of(failure.code);
}

void add_config_option(CLI::App& command, std::string& path) {
  command
    .add_option("--config", path,
                "The cluster's configuration; default: $MILLRACE_CONFIG")
    ->type_name("FILE");
}

void add_output_option(CLI::App& command, output_format& output,
                       bool with_csv) {
  std::map<std::string, output_format> formats{{"table", output_format::table},
                                               {"json", output_format::json}};
  if (with_csv)
    formats.emplace("csv", output_format::csv);
  command
    .add_option("-o,--output", output,
                with_csv ? "table (default), csv or json"
                         : "table (default) or json")
    ->transform(CLI::CheckedTransformer(formats).description(""))
    ->type_name("FORMAT");
}

CLI::Validator whole_number() {
  return CLI::Validator{[](const std::string& text) {
                          uint64_t value = 0;
                          const auto* end = text.data() + text.size();
                          const auto [stop, fault]
                            = std::from_chars(text.data(), end, value);
                          return fault == std::errc{} && stop == end
                                   ? std::string{}
                                   : "'" + text + "' is not a whole number";
                        },
                        ""};
}

CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& description,
                      const std::string& example) {
  auto* command = app.add_subcommand(name, description);
  command->footer("Example:\n  " + example);
  return command;
}

result<cluster_config> load_cluster(const std::string& path) {
  auto found = configuration_path(path);
  if (!found)
    return found.failure();
  return load_configuration(persistence::posix_file_system(), *found);
}

} // namespace millrace::nodes
