#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/cluster_rates.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <cmath>
#include <optional>
#include <string>

namespace millrace::nodes {

namespace {

using text::json_value;

/// The element of an array that has the same text at each key.
const json_value& same_in(const json_value& all, const json_value& one,
                          std::initializer_list<const char*> keys) {
  static const json_value nothing;
  for (const auto& each : all.elements()) {
    bool same = true;
    for (const auto* key : keys)
      same = same && each.at(key) == one.at(key);
    if (same)
      return each;
  }
  return nothing;
}

/// Counted up since the look before. Nothing that counts goes down but by a
/// new beginning.
class per_second {
public:
  explicit per_second(int64_t elapsed_ns) : elapsed_ns_{elapsed_ns} {}

  json_value operator()(std::optional<int64_t> before,
                        std::optional<int64_t> after) const {
    if (!before || !after || *after < *before)
      return {};
    return std::llround(static_cast<double>(*after - *before) * 1e9
                        / static_cast<double>(elapsed_ns_));
  }

private:
  int64_t elapsed_ns_;
};

/// The numbers of an object, or a number, added up.
std::optional<int64_t> sum_of(const json_value& what) {
  if (!what.is_object())
    return what.integer();
  int64_t sum = 0;
  for (const auto& [key, value] : what.entries())
    sum += value.integer().value_or(0);
  return sum;
}

std::optional<int64_t> messages_of(const json_value& stream) {
  const auto* origins = stream.find("origins");
  if (origins == nullptr)
    return std::nullopt;
  int64_t sum = 0;
  // Ids keep their sign, and grow in magnitude.
  for (const auto& [origin, facts] : origins->entries())
    sum += std::llabs(facts.at("last_id").integer().value_or(0));
  return sum;
}

json_value node_rates(const json_value& before, const json_value& after,
                      const per_second& rate) {
  const auto cpu_ms
    = before.at("pid") == after.at("pid")
        ? rate(before.at("cpu_ms").integer(), after.at("cpu_ms").integer())
        : json_value{};
  json_value out{{"name", after.at("name")},
                 {"state", after.at("state")},
                 {"cpu_percent", {}},
                 {"memory_bytes", after.at("memory_bytes")}};
  if (const auto ms = cpu_ms.integer())
    out["cpu_percent"] = *ms / 10;
  return out;
}

json_value stream_rates(const json_value& before, const json_value& after,
                        const per_second& rate) {
  json_value out{
    {"name", after.at("name")},
    {"process", after.at("process")},
    {"leads", after.at("leads")},
    {"messages_per_s", rate(messages_of(before), messages_of(after))},
    {"bytes_per_s", {}},
    {"pending_bytes", after.at("pending_bytes")},
    {"publishers", after.at("publishers")},
    {"subscribers", after.at("subscribers")}};
  const auto from = before.at("end").natural();
  const auto to = after.at("end").natural();
  // From one file to the next the distance is no number of bytes.
  if (from && to && file_of(position{*from}) == file_of(position{*to}))
    out["bytes_per_s"]
      = rate(static_cast<int64_t>(*from), static_cast<int64_t>(*to));
  return out;
}

/// How far a process is behind the end of its stream, in its newest file; none:
/// they are in different sessions, which is no number of bytes.
json_value lag_of(const json_value& process, const json_value& streams) {
  const auto at = process.at("position").natural();
  const auto& name = process.at("stream");
  if (!at || name.is_null() || process.at("type").text() == nullptr
      || *process.at("type").text() != process_type::rdb)
    return {};
  std::optional<uint64_t> end;
  for (const auto& each : streams.elements())
    if (each.at("name") == name)
      if (const auto there = each.at("end").natural())
        end = std::max(end.value_or(0), *there);
  if (end && position{*end}.session() != position{*at}.session())
    return {};
  // What it applied since the stream was asked is no lag.
  return end ? json_value{*end > *at ? *end - *at : 0} : json_value{};
}

json_value process_rates(const json_value& before, const json_value& after,
                         const json_value& node, const json_value& streams,
                         const per_second& rate) {
  const auto* node_state = node.at("state").text();
  const bool runs
    = node_state != nullptr && *node_state == "running" && !after.find("down");
  return {
    {"name", after.at("name")},
    {"type", after.at("type")},
    {"node", node.at("name")},
    {"state", runs ? "runs" : "down"},
    {"rows", sum_of(after.at("rows")) ? json_value{*sum_of(after.at("rows"))}
                                      : json_value{}},
    {"rows_per_s", rate(sum_of(before.at("rows")), sum_of(after.at("rows")))},
    {"lag_bytes", lag_of(after, streams)},
    {"memory_bytes", after.at("bytes")},
    {"answers_per_s",
     rate(before.at("answered").integer(), after.at("answered").integer())},
    {"rejected", after.at("rejected")}};
}

} // namespace

json_value cluster_rates(const json_value& before, const json_value& after,
                         int64_t elapsed_ns) {
  const per_second rate{elapsed_ns};
  json_value out{{"cluster", after.at("cluster")},
                 {"nodes", json_value::array()},
                 {"streams", json_value::array()},
                 {"processes", json_value::array()}};
  for (const auto& node : after.at("nodes").elements()) {
    const auto& node_before = same_in(before.at("nodes"), node, {"name"});
    out["nodes"].add(node_rates(node_before, node, rate));
    for (const auto& each : node.at("processes").elements())
      if (*each.at("type").text() != process_type::rt)
        out["processes"].add(
          process_rates(same_in(node_before.at("processes"), each, {"name"}),
                        each, node, after.at("streams"), rate));
  }
  for (const auto& each : after.at("streams").elements())
    out["streams"].add(stream_rates(
      same_in(before.at("streams"), each, {"name", "process"}), each, rate));
  return out;
}

} // namespace millrace::nodes
