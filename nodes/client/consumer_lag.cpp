#include <millrace/nodes/client/consumer_lag.hpp>
#include <millrace/nodes/client/stream_admin.hpp>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// A stream that is read without a word for so long is not read to its end.
constexpr auto silence_max = 10s;

/// What the thread that waits and the callbacks share.
struct counting {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<consumer_lag> lags;
  position begin; ///< Of what the stream still has.
  position end;
  uint64_t steps = 0;
  bool done = false;
  error fault;

  void step(position reached) {
    ++steps;
    done = done || reached >= end;
    changed.notify_all();
  }

  void count(const rt::message& message, position at) {
    const std::scoped_lock held{mutex};
    if (message.begin >= end)
      return step(at);
    // A file may have begun between the two.
    const bool same_file = message.begin.session() == at.session()
                           && message.begin.roll() == at.roll();
    for (auto& lag : lags) {
      if (message.begin < lag.needs_from.value_or(begin))
        continue;
      ++lag.messages;
      lag.bytes += same_file ? at.value - message.begin.value : at.offset();
      if (!lag.oldest_ns)
        lag.oldest_ns = message.header.ts;
    }
    step(at);
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

error read_all(runtime& host, const std::string& stream, position from,
               const std::shared_ptr<counting>& into) {
  rt::subscription_handlers on;
  on.on_message = [into](const rt::message& message, position at) {
    into->count(message, at);
  };
  on.on_event = [into](const stream_event& event) {
    const std::scoped_lock held{into->mutex};
    into->step(event.to);
  };
  on.on_batch_end = [into](position reached) {
    const std::scoped_lock held{into->mutex};
    into->step(reached);
  };
  on.on_failure = [into](const error& why) {
    const std::scoped_lock held{into->mutex};
    into->fault = why;
    into->changed.notify_all();
  };
  start_spec start;
  start.kind = start_spec::at_position;
  start.at = from;
  auto control = std::make_shared<rt::subscription>(stream);
  const auto running
    = host.subscribe(stream, on, {.start = start, .control = control});
  if (!running)
    return running.failure();
  error out;
  {
    std::unique_lock lock{into->mutex};
    for (auto seen = into->steps; !into->done && !into->fault;
         seen = into->steps) {
      const auto goes_on
        = [&] { return into->done || into->fault || into->steps != seen; };
      if (into->changed.wait_for(lock, silence_max, goes_on))
        continue;
      into->fault = {errc::timeout, "stream '" + stream
                                      + "': it cannot be read up to its end "
                                      + to_string(into->end) + " now"};
    }
    out = into->fault;
  }
  control->unsubscribe();
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
  auto into = std::make_shared<counting>();
  into->begin = position{collection.at("begin").natural().value_or(0)};
  into->end = position{facts->at("end").natural().value_or(0)};
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
    lag.end = into->end;
    into->lags.push_back(std::move(lag));
  }
  if (const auto from = first_needed(*into))
    if (auto fault = read_all(host, stream, *from, into))
      return fault;
  const std::scoped_lock held{into->mutex};
  return into->lags;
}

} // namespace millrace::nodes
