#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/find_stream.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Ends the period on one stream, or finds that it has ended.
result<ended_period> end_on(runtime& host, const cluster_config& config,
                            const std::string& stream, period_id period,
                            std::chrono::seconds timeout) {
  auto rt = find_stream(host, config, stream, 5s);
  if (!rt)
    return rt.failure();
  guest self{host.system()};
  result<ended_period> answer{error{errc::internal, "no answer"}};
  self->request(*rt, caf::timespan{timeout}, end_period_atom_v, period)
    .receive(
      [&](position end) {
        answer = ended_period{end, false};
      },
      [&](const caf::error& fault) { answer = from_caf(fault); });
  if (answer || answer.failure().code != errc::already_exists)
    return answer;
  const auto end = stream_end(host, config, stream);
  if (!end)
    return end.failure();
  return ended_period{*end, true};
}

/// Waits until an HDB serves what this RDB wrote down of the period.
error wait_served(runtime& host, const cluster_config& config,
                  const std::string& rdb, period_id period,
                  const ended_period& ended, std::chrono::seconds timeout) {
  using std::chrono::milliseconds;
  auto at = endpoint_of(config, rdb);
  if (!at)
    return at.failure();
  auto& clock = *host.env().clock;
  const auto until
    = clock.monotonic_ns() + std::chrono::nanoseconds{timeout}.count();
  // The rdb may restart meanwhile: asked again until it says so.
  for (milliseconds left = timeout; left.count() > 0;
       left = std::chrono::duration_cast<milliseconds>(
         std::chrono::nanoseconds{until - clock.monotonic_ns()})) {
    auto handle = host.find_as<rdb_actor>(*at, left);
    if (!handle)
      return handle.failure();
    guest self{host.system()};
    error fault;
    auto served = [](manifest_version) {};
    auto failed = [&](const caf::error& why) { fault = from_caf(why); };
    const caf::timespan deadline{std::min<milliseconds>(left, 2s)};
    if (ended.before)
      self->request(*handle, deadline, installed_atom_v, period, ended.end)
        .receive(served, failed);
    else
      self->request(*handle, deadline, installed_atom_v, ended.end)
        .receive(served, failed);
    if (!fault)
      return {};
    if (fault.code != errc::timeout && fault.code != errc::unavailable)
      return fault;
  }
  return {errc::timeout,
          "rdb '" + rdb + "': after " + std::to_string(timeout.count())
            + " s no hdb serves the partition; 'millrace status' shows what "
              "rdb and hdb wait for"};
}

} // namespace

result<position> stream_end(runtime& host, const cluster_config& config,
                            const std::string& stream) {
  auto rt = find_stream(host, config, stream, 5s);
  if (!rt)
    return rt.failure();
  result<position> answer{error{errc::internal, "no answer"}};
  guest self{host.system()};
  self->request(*rt, caf::timespan{5s}, facts_atom_v)
    .receive([&](const stream_facts& facts) { answer = facts.end; },
             [&](const caf::error& fault) { answer = from_caf(fault); });
  return answer;
}

result<ended_period> end_period(runtime& host, const cluster_config& config,
                                const std::string& stream, period_id period,
                                std::chrono::seconds deadline) {
  auto ended = end_on(host, config, stream, period, deadline);
  if (!ended)
    return ended;
  for (const auto& process : config.processes) {
    if (process.type != process_type::rdb || !process.write_down
        || process.hdb_directory.empty() || process.node.empty()
        || config.table(process.tables.front())->stream != stream)
      continue;
    if (auto fault
        = wait_served(host, config, process.name, period, *ended, deadline))
      return fault;
  }
  return ended;
}

} // namespace millrace::nodes
