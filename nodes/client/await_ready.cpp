#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/await_ready.hpp>
#include <millrace/nodes/client/collect_status.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

constexpr auto look_interval = std::chrono::milliseconds{100};

/// Its node answers, and it is nowhere: somebody stopped it.
bool is_stopped(const process_config& process, const text::json_value& live) {
  return live.at("answered").find(process.node) != nullptr
         && live.at("processes").find(process.name) == nullptr
         && live.at("hosts").find(process.name) == nullptr;
}

} // namespace

std::vector<unready_process> unready_of(const cluster_config& config,
                                        const std::vector<std::string>& nodes,
                                        const text::json_value& live) {
  std::vector<unready_process> out;
  for (const auto& process : config.processes) {
    if (std::find(nodes.begin(), nodes.end(), process.node) == nodes.end())
      continue;
    if (is_stopped(process, live)) {
      out.push_back(
        {process.name,
         "does not run: 'millrace spawn " + process.name + "' starts it", 0,
         false, false});
      continue;
    }
    if (process.type != process_type::rdb)
      continue;
    const auto& facts = live.at("processes").at(process.name);
    if (facts.at("ready").boolean().value_or(false))
      continue;
    unready_process each{process.name, facts.at("standing").text_or_empty(), 0,
                         true};
    each.replayed_percent = static_cast<uint32_t>(
      facts.at("replayed_percent").natural().value_or(0));
    if (each.why.empty())
      each.why = facts.at("stalled").text_or_empty();
    if (each.why.empty())
      each.why = facts.at("ended_by").text_or_empty();
    if (each.why.empty())
      each.why = "does not answer";
    const auto& stream = config.stream_of(process);
    each.goes_on = facts.find("stalled") == nullptr
                   && !facts.at("refuses").boolean().value_or(false)
                   // Nothing comes while no RT node orders its stream.
                   && live.at("streams").find(stream) != nullptr;
    out.push_back(std::move(each));
  }
  return out;
}

std::vector<unready_process> await_ready(
  runtime& host, const cluster_config& config,
  const std::vector<std::string>& nodes, std::chrono::nanoseconds limit,
  const std::function<void(const std::vector<unready_process>&)>& progress) {
  auto& clock = *host.env().clock;
  const auto until = clock.monotonic_ns() + limit.count();
  guest self{host.system()};
  for (;;) {
    auto out = unready_of(config, nodes, collect_status(host, config));
    if (progress)
      progress(out);
    const bool helps = std::any_of(
      out.begin(), out.end(), [](const auto& each) { return each.goes_on; });
    if (!helps || clock.monotonic_ns() >= until)
      return out;
    self->receive(caf::after(look_interval) >> [] {});
  }
}

} // namespace millrace::nodes
