#include <millrace/messages/position.hpp>
#include <millrace/nodes/command_support.hpp>
#include <millrace/nodes/end_period.hpp>
#include <millrace/nodes/eop_command.hpp>
#include <millrace/nodes/exit_codes.hpp>

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
    auto end = end_period(**host, *config, stream.name, options.period,
                          std::chrono::seconds{options.timeout_s});
    if (!end && end.failure().code == errc::already_exists) {
      fmt::print("stream {}: the period had ended before\n", stream.name);
      continue;
    }
    if (!end)
      return fail(end.failure());
    fmt::print("stream {}: ended at {}, served by the hdb\n", stream.name,
               to_string(position{*end}));
  }
  return exit_ok;
}

} // namespace millrace::nodes
