#include <millrace/bench/library_stream.hpp>
#include <millrace/bench/stream_rig.hpp>

#include <cstring>

namespace millrace::bench {

namespace {

using namespace std::chrono_literals;

error publish_all(rt::publisher& to, uint64_t messages, size_t bytes) {
  const std::vector<std::byte> payload(bytes, std::byte{'x'});
  for (uint64_t i = 0; i < messages; ++i)
    if (auto sent = to.publish(payload); !sent)
      return sent.failure();
  return {};
}

/// One message through everything, so that connections stand.
error warm_up(stream_rig& rig, arrivals& seen) {
  seen.expect(1);
  if (auto fault = publish_all(rig.publisher(), 1, 8))
    return fault;
  seen.wait();
  return {};
}

} // namespace

result<double> library_stream::throughput(const stream_load& load) {
  arrivals seen;
  told failure;
  auto rig = stream_rig::create(how_.directory, how_.cached);
  if (!rig)
    return rig.failure();
  if (auto fault = (*rig)->subscribe(
        {.local_copy = how_.local_copy ? how_.directory + "/copy" : "",
         .on_message = [&](const rt::message&) { seen.add(); },
         .on_failure = failure.sink({&seen})}))
    return fault;
  if (auto fault = warm_up(**rig, seen))
    return fault;
  seen.expect(load.messages);
  const auto begin = now_ns();
  if (auto fault = publish_all((*rig)->publisher(), load.messages, load.bytes))
    return fault;
  seen.wait();
  const auto out = per_second(load.messages, begin);
  if (auto why = failure.what())
    return why;
  return out;
}

result<double> library_stream::replay(const stream_load& load) {
  arrivals seen;
  told failure;
  auto rig = stream_rig::create(how_.directory, how_.cached);
  if (!rig)
    return rig.failure();
  if (auto fault = publish_all((*rig)->publisher(), load.messages, load.bytes))
    return fault;
  if (auto fault = (*rig)->publisher().flush(rt::ack_level::committed, 60s))
    return fault;
  seen.expect(load.messages);
  const auto begin = now_ns();
  if (auto fault = (*rig)->subscribe(
        {.on_message = [&](const rt::message&) { seen.add(); },
         .on_failure = failure.sink({&seen})}))
    return fault;
  seen.wait();
  const auto out = per_second(load.messages, begin);
  if (auto why = failure.what())
    return why;
  return out;
}

result<std::vector<int64_t>> library_stream::latency(const stream_load& load,
                                                     double rate) {
  arrivals seen;
  told failure;
  std::vector<int64_t> out;
  out.reserve(load.messages + 1);
  auto rig = stream_rig::create(how_.directory, how_.cached);
  if (!rig)
    return rig.failure();
  const auto take = [&](const rt::message& m) {
    int64_t due = 0;
    std::memcpy(&due, m.payload.data(), sizeof due);
    out.push_back(now_ns() - due);
    seen.add();
  };
  if (auto fault = (*rig)->subscribe(
        {.on_message = take, .on_failure = failure.sink({&seen})}))
    return fault;
  if (auto fault = warm_up(**rig, seen))
    return fault;
  out.clear();
  seen.expect(load.messages);
  std::vector<std::byte> payload(load.bytes);
  if (auto fault = at_rate(rate, load.messages, [&](int64_t due) {
        std::memcpy(payload.data(), &due, sizeof due);
        auto sent = (*rig)->publisher().publish(payload);
        return sent ? error{} : sent.failure();
      }))
    return fault;
  seen.wait();
  // Ends the deliveries into `out`.
  rig->reset();
  if (auto why = failure.what())
    return why;
  return out;
}

} // namespace millrace::bench
