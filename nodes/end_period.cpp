#include <millrace/nodes/end_period.hpp>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Ends the period on one stream. @returns the marker's end position.
result<uint64_t> end_on(runtime& host, const cluster_config& config,
                        const std::string& stream, int64_t period,
                        std::chrono::seconds timeout) {
  auto at = endpoint_of_stream(config, stream);
  if (!at)
    return at.failure();
  auto rt = host.find_as<sequencer_actor>(*at, 5s);
  if (!rt)
    return rt.failure();
  caf::scoped_actor self{host.system()};
  result<uint64_t> answer{error{errc::internal, "no answer"}};
  self->request(*rt, caf::timespan{timeout}, period_atom_v, period)
    .receive([&](uint64_t end) { answer = end; },
             [&](const caf::error& fault) { answer = from_caf(fault); });
  return answer;
}

/// Waits until an HDB serves what this RDB holds up to `position`.
error wait_served(runtime& host, const cluster_config& config,
                  const std::string& rdb, uint64_t position,
                  std::chrono::seconds timeout) {
  auto at = endpoint_of(config, rdb);
  if (!at)
    return at.failure();
  const auto until = host.env().clock->monotonic_ns()
                     + std::chrono::nanoseconds{timeout}.count();
  error last{errc::timeout, "rdb '" + rdb + "': not served by an hdb"};
  // The rdb may restart meanwhile: asked again until it says so.
  while (host.env().clock->monotonic_ns() < until) {
    auto handle = host.find_as<rdb_actor>(*at, timeout);
    if (!handle)
      return handle.failure();
    caf::scoped_actor self{host.system()};
    error fault;
    self->request(*handle, caf::timespan{2s}, installed_atom_v, position)
      .receive([](uint64_t) {},
               [&](const caf::error& why) { fault = from_caf(why); });
    if (!fault)
      return {};
    if (fault.code != errc::timeout && fault.code != errc::unavailable)
      return fault;
  }
  return last;
}

} // namespace

result<uint64_t> end_period(runtime& host, const cluster_config& config,
                            const std::string& stream, int64_t period,
                            std::chrono::seconds deadline) {
  auto end = end_on(host, config, stream, period, deadline);
  if (!end)
    return end;
  for (const auto& process : config.processes) {
    if (process.type != process_type::rdb || !process.write_down
        || process.hdb_directory.empty() || process.node.empty()
        || config.table(process.tables.front())->stream != stream)
      continue;
    if (auto fault = wait_served(host, config, process.name, *end, deadline))
      return fault;
  }
  return end;
}

} // namespace millrace::nodes
