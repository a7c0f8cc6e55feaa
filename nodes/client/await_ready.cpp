#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/await_ready.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/client/registered_processes.hpp>

#include <algorithm>
#include <set>

namespace millrace::nodes {

namespace {

constexpr auto look_interval = std::chrono::milliseconds{100};
constexpr auto registry_patience = std::chrono::milliseconds{300};
constexpr int64_t election_max_ns = 15'000'000'000;

/// Its node answers, and it is nowhere: somebody stopped it.
bool is_stopped(const process_config& process, const text::json_value& live) {
  return live.at("answered").find(process.node) != nullptr
         && live.at("processes").find(process.name) == nullptr
         && live.at("hosts").find(process.name) == nullptr;
}

/// It serves, and those that ask discoveries for it do not find it.
bool is_unknown(const process_config& process, const text::json_value& facts,
                const text::json_value& live) {
  const auto& known = live.at("registered");
  return process.type != process_type::rt
         && process.type != process_type::discovery && facts.is_object()
         && known.is_object() && known.find(process.name) == nullptr;
}

/// The names of those that the first discovery to answer knows to be there.
text::json_value registered(runtime& host, const cluster_config& config) {
  const auto rows = registered_processes(host, config, {}, registry_patience);
  if (!rows)
    return {};
  auto out = text::json_value::object();
  for (const auto& row : *rows)
    if (row.available)
      out.add(row.name, true);
  return out;
}

/// Whether somebody orders a stream.
/// `forgot`: enough of its nodes are there, and too many of them forgot.
enum class order_of : uint8_t { led, elects, minority, forgot };

/// @param nodes are started: what they host counts before it answers
order_of look_at(const cluster_config& config, const std::string& stream,
                 const std::vector<std::string>& nodes,
                 const text::json_value& live) {
  const auto& rows = live.at("streams").at(stream);
  for (const auto& [member, facts] : rows.entries())
    if (facts.at("leads").boolean().value_or(false))
      return order_of::led;
  const auto members = config.members_of(stream);
  size_t there = 0;
  const auto run
    = std::count_if(members.begin(), members.end(), [&](const auto* each) {
        // Where some forgot what was agreed on, they elect nobody before an
        // operator tells them: what they wait for is said by the others.
        if (const auto* facts = rows.find(each->name); facts != nullptr) {
          ++there;
          const auto& group = facts->at("group");
          return group.at("role").text_or_empty() != "forgot"
                 && (!group.at("forgetful").is_array()
                     || group.at("forgetful").elements().empty());
        }
        return (std::count(nodes.begin(), nodes.end(), each->node) != 0
                && !is_stopped(*each, live));
      });
  // A new group is founded by all of its members.
  const bool forms
    = std::any_of(members.begin(), members.end(), [&](const auto* each) {
        return rows.at(each->name).at("group").at("role").text_or_empty()
               == "forming";
      });
  const auto wanted = forms ? members.size() : members.size() / 2 + 1;
  if (static_cast<size_t>(run) >= wanted)
    return order_of::elects;
  return there >= wanted ? order_of::forgot : order_of::minority;
}

unready_process unready_rdb(const cluster_config& config,
                            const process_config& process,
                            const std::vector<std::string>& nodes,
                            const text::json_value& live) {
  const auto& facts = live.at("processes").at(process.name);
  unready_process out{process.name, facts.at("standing").text_or_empty()};
  out.replayed_percent
    = static_cast<uint32_t>(facts.at("replayed_percent").natural().value_or(0));
  if (out.why.empty())
    out.why = facts.at("stalled").text_or_empty();
  if (out.why.empty())
    out.why = facts.at("ended_by").text_or_empty();
  if (out.why.empty())
    out.why = "does not answer";
  out.refuses = facts.at("refuses").boolean().value_or(false);
  // Nothing comes while no RT node orders its stream.
  out.goes_on = facts.find("stalled") == nullptr && !out.refuses
                && look_at(config, config.stream_of(process), nodes, live)
                     < order_of::minority;
  return out;
}

/// The streams that rts here are to order and no node does.
void add_not_ordered(const cluster_config& config,
                     const std::set<std::string>& streams,
                     const std::vector<std::string>& nodes,
                     const text::json_value& live,
                     std::vector<unready_process>& out) {
  for (const auto& stream : streams) {
    const auto order = look_at(config, stream, nodes, live);
    if (order == order_of::led)
      continue;
    const bool elects = order == order_of::elects;
    unready_process each{"stream '" + stream + "'",
                         elects ? "no node orders it yet"
                         : order == order_of::forgot
                           ? "no node orders it: too many of its rt processes "
                             "forgot what was agreed on, as 'millrace status' "
                             "tells; 'millrace stream recover' begins it anew"
                           : "no node orders it: a majority of its rt "
                             "processes must run, all of them the first "
                             "time"};
    each.goes_on = each.elects = elects;
    each.refuses = order == order_of::forgot;
    out.push_back(std::move(each));
  }
}

} // namespace

std::vector<unready_process> unready_of(const cluster_config& config,
                                        const std::vector<std::string>& nodes,
                                        const text::json_value& live) {
  std::vector<unready_process> out;
  std::set<std::string> streams; // That rts here order.
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
    const auto& facts = live.at("processes").at(process.name);
    const auto before = out.size();
    if (process.type == process_type::rt)
      streams.insert(process.streams.begin(), process.streams.end());
    else if (process.type == process_type::rdb) {
      if (!facts.at("ready").boolean().value_or(false))
        out.push_back(unready_rdb(config, process, nodes, live));
    } else if (facts.at("refuses").boolean().value_or(false)) {
      out.push_back({process.name, facts.at("standing").text_or_empty(), 0,
                     false, true, true});
    }
    const auto& gone = facts.at("gone").elements();
    if (!gone.empty() && (out.size() == before || !out.back().goes_on)) {
      out.resize(before);
      out.push_back({process.name, gone.front().text_or_empty(), 0, false, true,
                     true, false, true});
    }
    if (out.size() == before && is_unknown(process, facts, live))
      out.push_back({process.name, "no discovery knows it yet"});
  }
  add_not_ordered(config, streams, nodes, live, out);
  return out;
}

std::vector<unready_process> await_ready(
  runtime& host, const cluster_config& config,
  const std::vector<std::string>& nodes, std::chrono::nanoseconds limit,
  const std::function<void(const std::vector<unready_process>&)>& progress) {
  auto& clock = *host.env().clock;
  const auto begun = clock.monotonic_ns();
  const auto until = begun + limit.count();
  guest self{host.system()};
  for (;;) {
    auto live = collect_status(host, config);
    live.add("registered", registered(host, config));
    auto out = unready_of(config, nodes, live);
    if (progress)
      progress(out);
    // Who can be elected is by then.
    if (clock.monotonic_ns() - begun >= election_max_ns)
      for (auto& each : out)
        if (each.elects) {
          each.goes_on = false;
          each.refuses = true;
        }
    const bool helps = std::any_of(
      out.begin(), out.end(), [](const auto& each) { return each.goes_on; });
    if (!helps || clock.monotonic_ns() >= until)
      return out;
    self.pause(look_interval);
  }
}

} // namespace millrace::nodes
