#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/eop_command.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

int run_eop(const eop_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto host = runtime::create({});
  if (!host)
    return fail(host.failure());
  for (const auto& stream : config->streams) {
    const auto ended = end_period(**host, *config, stream.name, options.period,
                                  std::chrono::seconds{options.timeout_s});
    if (!ended)
      return fail(ended.failure());
    if (ended->before)
      fmt::print("stream {}: had ended before, served by the hdb\n",
                 stream.name);
    else
      fmt::print("stream {}: ended at {}, served by the hdb\n", stream.name,
                 to_string(position{ended->position}));
  }
  return exit_ok;
}

} // namespace millrace::nodes
