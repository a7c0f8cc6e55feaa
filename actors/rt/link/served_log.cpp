#include <millrace/actors/rt/link/served_log.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace millrace::rt {

namespace {

constexpr int64_t rate_span_ns = 10'000'000'000;
constexpr int64_t trace_interval_ns = 1'000'000'000;

void tell_readers(const progress_trace& trace,
                  const std::vector<log_reading>& readers, int64_t now_ns,
                  text::json_value& into) {
  std::vector<std::pair<position, const log_reading*>> all;
  for (const auto& each : readers)
    all.emplace_back(position{each.taken->load(std::memory_order_relaxed)},
                     &each);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  stream_lag most;
  auto rows = text::json_value::array();
  for (const auto& [at, reader] : all) {
    const auto lag = trace.lag_of(at, now_ns).value_or(stream_lag{});
    if (reader == all.front().second)
      most = lag;
    // A hash of the host, and the number of the process there.
    const auto process = caf::to_string(reader->process);
    rows.add({{"process", process},
              {"pid", process.substr(process.rfind('#') + 1)},
              {"position", at.value},
              {"lag", to_json(lag)}});
  }
  into.add("subscriber_lag", to_json(most));
  into.add("connected", std::move(rows));
}

} // namespace

void log_growth::grew(position end) {
  bytes_ += file_of(end) == file_of(counted_end_)
              ? end.value - std::min(end, counted_end_).value
              : end.offset();
  counted_end_ = end;
}

void log_growth::note(int64_t now_ns, position end, uint64_t messages) {
  if (messages < messages_)
    trace_ = {};
  messages_ = messages;
  trace_.move({now_ns, end, messages, bytes_}, trace_interval_ns);
}

void tell_growth(const log_growth& growth,
                 const std::vector<log_reading>& readers, int64_t now_ns,
                 text::json_value& into) {
  const auto& trace = growth.trace();
  const auto rates = trace.rates_over(rate_span_ns);
  into.add("rate", {{"messages_per_s", rates ? text::json_value{rates->messages}
                                             : text::json_value{}},
                    {"bytes_per_s", rates ? text::json_value{rates->bytes}
                                          : text::json_value{}}});
  tell_readers(trace, readers, now_ns, into);
  into.add("progress", trace.to_json(now_ns));
}

} // namespace millrace::rt
