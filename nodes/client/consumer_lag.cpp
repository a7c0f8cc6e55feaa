#include <millrace/nodes/client/consumer_lag.hpp>
#include <millrace/nodes/client/read_stream.hpp>
#include <millrace/nodes/client/stream_admin.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Of consumers of one stream, while what they lack is counted.
struct counting {
  std::vector<consumer_lag> lags;
  position begin; ///< Of what the stream still has.
  position end;

  void count(const rt::message& message, position at) {
    if (message.begin >= end)
      return;
    // A file may have begun between the two.
    const bool same_file = file_of(message.begin) == file_of(at);
    for (auto& lag : lags) {
      if (message.begin < lag.needs_from.value_or(begin))
        continue;
      ++lag.messages;
      lag.bytes += same_file ? at.value - message.begin.value : at.offset();
      if (!lag.oldest_ns)
        lag.oldest_ns = message.header.ts;
    }
  }
};

/// Where the first of them begins; none: nothing is needed.
std::optional<position> first_needed(const counting& what) {
  std::optional<position> out;
  for (const auto& lag : what.lags) {
    const auto from = std::max(lag.needs_from.value_or(what.begin), what.begin);
    if (from < what.end)
      out = std::min(out.value_or(from), from);
  }
  return out;
}

} // namespace

result<std::vector<consumer_lag>> consumer_lags(runtime& host,
                                                const cluster_config& config,
                                                const std::string& stream) {
  const auto facts = stream_status(host, config, stream);
  if (!facts)
    return facts.failure();
  // Others know what is agreed on, and not who is connected.
  if (!facts->at("leads").boolean().value_or(false))
    return error{errc::unavailable,
                 "stream '" + stream + "': no node orders it now"};
  const auto& collection = facts->at("collection");
  counting into;
  into.begin = position{collection.at("begin").natural().value_or(0)};
  into.end = position{facts->at("end").natural().value_or(0)};
  for (const auto& each : collection.at("consumers").elements()) {
    consumer_lag lag;
    lag.stream = stream;
    lag.consumer = each.at("consumer").text_or_empty();
    if (const auto at = each.at("needs_from").natural())
      lag.needs_from = position{*at};
    if (const auto at = each.at("agreed").natural())
      lag.agreed = position{*at};
    lag.configured = each.at("configured").boolean().value_or(false);
    lag.connected = each.at("connected").boolean().value_or(false);
    lag.process = each.at("process").text_or_empty();
    lag.heard_ns = each.at("heard_ns").integer();
    lag.end = into.end;
    into.lags.push_back(std::move(lag));
  }
  if (const auto from = first_needed(into)) {
    rt::subscription_handlers on;
    on.on_message = [&](const rt::message& message, position at) {
      into.count(message, at);
    };
    // What is lost on the way is no message.
    on.on_event = [](const stream_event&) {};
    start_spec start;
    start.kind = start_spec::at_position;
    start.at = *from;
    if (auto fault = read_to_end(host, stream, into.end, on, {.start = start}))
      return fault;
  }
  return into.lags;
}

} // namespace millrace::nodes
