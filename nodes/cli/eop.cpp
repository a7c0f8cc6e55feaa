#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/eop.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, eop_options& into) {
  declare_config(list, into.config);
  list
    .read(
      "--period",
      [&into](const std::string& text) {
        const auto days = text::parse_date(text);
        if (!days)
          return days.failure();
        into.period = *days;
        return error{};
      },
      "The date that ends")
    .required()
    .shown_as("YYYY-MM-DD");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until the partition must be served; default: 300");
}

int run(const eop_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto host = runtime::create({});
  if (!host)
    return fail(host.failure());
  for (const auto& stream : config->streams) {
    const auto ended
      = end_period(**host, *config, stream.name, period_id{options.period},
                   std::chrono::seconds{options.timeout_s});
    if (!ended)
      return fail(ended.failure());
    if (ended->before)
      fmt::print("stream {}: had ended before, served by the hdb\n",
                 stream.name);
    else
      fmt::print("stream {}: ended at {}, served by the hdb\n", stream.name,
                 to_string(ended->end));
  }
  return exit_ok;
}

} // namespace

const command<eop_options> eop_command{
  {"eop", "End a period and wait for its partition",
   "millrace eop --period 2013-10-08 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
