#include <millrace/nodes/cli/query_command.hpp>

#include <memory>

namespace millrace::nodes {

void add_query_command(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<query_options>();
  auto* command = add_command(
    app, "query", "Ask the gateway",
    "millrace query -l getdata '{\"tablename\": \"trade\", \"aggregations\": "
    "{\"sum\": [\"size\"]}}' -o json --config examples/local.toml");
  add_config_option(*command, options->config);
  command->add_option("-l,--language", options->language, "getdata (default)")
    ->check(CLI::IsMember({"getdata"}).description(""))
    ->type_name("LANGUAGE");
  command->add_option("QUERY", options->text,
                      "The query; default: read from standard input");
  add_output_option(*command, options->output, true);
  command
    ->add_option("--at-least", options->at_least,
                 "Wait until the answer covers this position")
    ->check(whole_number())
    ->type_name("POSITION");
  command->add_flag("--cut", options->show_cut,
                    "Print the cut of the answer to standard error");
  command
    ->add_option("--timeout", options->timeout_s,
                 "Seconds until the answer must be there; default: 30")
    ->check(CLI::Range(1, 86'400).description(""));
  command->callback(
    [options, &run] { run = [options] { return run_query(*options); }; });
}

} // namespace millrace::nodes
