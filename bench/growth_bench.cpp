#include <millrace/bench/growth_bench.hpp>
#include <millrace/bench/stream_nodes.hpp>
#include <millrace/bench/stream_peers.hpp>
#include <millrace/bench/stream_rig.hpp>
#include <millrace/nodes/client/collect_status.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace millrace::bench {

namespace {

constexpr size_t payload_bytes = 1024;
constexpr double live_rate = 10'000;
constexpr int64_t patience_ns = 120'000'000'000;

text::json_value said_of(nodes::runtime& host,
                         const nodes::cluster_config& config, size_t index) {
  return nodes::collect_status(host, config)
    .at("streams")
    .at("bench")
    .at(bench_rt(index));
}

uint64_t end_of(const text::json_value& said) {
  return static_cast<uint64_t>(said.at("end").integer().value_or(0));
}

/// Publishes messages that name when they were due; 0: at once.
class stamped_publisher {
public:
  static result<stamped_publisher> open(nodes::runtime& host) {
    auto made = verified_publisher(host);
    if (!made)
      return made.failure();
    return stamped_publisher{*std::move(made)};
  }
  error operator()(int64_t due) {
    std::memcpy(payload_.data(), &due, sizeof due);
    return out_->publish(payload_).failure();
  }
  error fill(uint64_t messages) {
    for (uint64_t i = 0; i < messages; ++i)
      if (auto fault = (*this)(0))
        return fault;
    return {};
  }

private:
  explicit stamped_publisher(std::shared_ptr<rt::publisher> out)
    : out_{std::move(out)} {}
  std::shared_ptr<rt::publisher> out_;
  std::vector<std::byte> payload_ = std::vector<std::byte>(payload_bytes);
};

/// Reads all, and keeps how late those were that name a time.
class stamped_reader {
public:
  error read(nodes::runtime& host, start_spec from = {}) {
    return read_stream(host,
                       {.start = from,
                        .on_message = [this](const rt::message& m) { take(m); },
                        .on_failure =
                          [this](const error& why) {
                            const std::scoped_lock lock{mutex_};
                            fault_ = why;
                            changed_.notify_all();
                          }});
  }
  /// Until so many came since the last `wait`.
  /// @returns how late they were, in their order
  result<std::vector<int64_t>> wait(uint64_t messages) {
    std::unique_lock lock{mutex_};
    wanted_ = messages;
    changed_.wait(lock, [this] { return fault_ || count_ >= wanted_; });
    if (fault_)
      return fault_;
    count_ -= messages;
    return std::exchange(late_ns_, {});
  }

private:
  void take(const rt::message& m) {
    int64_t due = 0;
    std::memcpy(&due, m.payload.data(), sizeof due);
    const std::scoped_lock lock{mutex_};
    if (due != 0)
      late_ns_.push_back(now_ns() - due);
    if (++count_ >= wanted_)
      changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  error fault_;
  uint64_t count_ = 0;
  uint64_t wanted_ = UINT64_MAX;
  std::vector<int64_t> late_ns_;
};

struct caught_up {
  double bytes_per_second = 0;
  double live_p99_us = 0;
  double before_p99_us = 0;
};

/// A group of three, this process as publisher and subscriber.
class wiped_group {
public:
  static result<std::unique_ptr<wiped_group>>
  create(const std::string& directory) {
    std::unique_ptr<wiped_group> out{new wiped_group};
    auto group = stream_nodes::create(directory, true, 3);
    if (!group)
      return group.failure();
    out->group_ = *std::move(group);
    auto host = nodes::runtime::create(out->group_->config());
    if (!host)
      return host.failure();
    out->host_ = *std::move(host);
    auto publisher = stamped_publisher::open(*out->host_);
    if (!publisher)
      return publisher.failure();
    out->publisher_.emplace(*std::move(publisher));
    if (auto fault = out->reader_.read(*out->host_))
      return fault;
    if (auto fault = out->publisher_->fill(1))
      return fault;
    if (auto first = out->reader_.wait(1); !first)
      return first.failure();
    return out;
  }

  result<caught_up> measure(uint64_t messages) {
    if (auto fault = publisher_->fill(messages))
      return fault;
    if (auto all = reader_.wait(messages); !all)
      return all.failure();
    auto before = live([this](uint64_t sent) { return sent < 20'000; });
    if (!before)
      return before.failure();
    const auto wiped = victim();
    const auto end = end_of(said_of(*host_, group_->config(), 1));
    group_->kill(wiped);
    std::filesystem::remove_all(std::filesystem::path{
      group_->config().stream_directory(bench_rt(wiped), "bench")}
                                  .parent_path());
    const auto begin = now_ns();
    int64_t done_ns = 0;
    error fault;
    std::thread waiting{[&] {
      fault = group_->start(wiped);
      while (!fault && !has_caught_up(wiped, end)) {
        if (now_ns() - begin > patience_ns)
          fault = {errc::timeout, "the wiped node did not catch up"};
        // lint: allow(sleep): another process, which wakes nobody
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
      }
      done_ns = now_ns();
      done_ = true;
    }};
    auto during = live([this](uint64_t) { return !done_; });
    waiting.join();
    if (fault)
      return fault;
    if (!during)
      return during.failure();
    return caught_up{per_second(messages * payload_bytes, begin, done_ns),
                     quantile(*during, 0.99) / 1e3,
                     quantile(*before, 0.99) / 1e3};
  }

private:
  wiped_group() = default;

  /// The first or the last, which does not lead: nobody is elected meanwhile.
  size_t victim() {
    const auto last
      = said_of(*host_, group_->config(), group_->count() - 1).at("leads");
    return last.boolean().value_or(false) ? 0 : group_->count() - 1;
  }
  bool has_caught_up(size_t index, uint64_t end) {
    const auto said = said_of(*host_, group_->config(), index);
    const auto* role = said.at("group").at("role").text();
    return end_of(said) >= end && role != nullptr && *role == "follower";
  }
  /// Publishes at the pace while `goes_on(sent)`. @returns how late they were
  template <class GoesOn>
  result<std::vector<int64_t>> live(GoesOn goes_on) {
    uint64_t sent = 0;
    while (goes_on(sent)) {
      constexpr uint64_t at_once = 100;
      if (auto fault = at_rate(live_rate, at_once, [this](int64_t due) {
            return (*publisher_)(due);
          }))
        return fault;
      sent += at_once;
    }
    return reader_.wait(sent);
  }

  std::unique_ptr<stream_nodes> group_;
  std::unique_ptr<nodes::runtime> host_;
  std::optional<stamped_publisher> publisher_;
  stamped_reader reader_;
  std::atomic<bool> done_{false};
};

/// What an operator waits for after a kill, in seconds.
struct waits {
  double start = 0;     ///< Until the node serves.
  double subscribe = 0; ///< At a time in the middle, until its first message.
  double status = 0;

  [[nodiscard]] double longest_against(const waits& less) const {
    return std::max(
      {start / less.start, subscribe / less.subscribe, status / less.status});
  }
};

double seconds_since(int64_t begin_ns) {
  return static_cast<double>(now_ns() - begin_ns) / 1e9;
}

/// @returns a time at which half of the messages were published
result<int64_t> fill(const stream_nodes& node, uint64_t messages) {
  auto host = nodes::runtime::create(node.config());
  if (!host)
    return host.failure();
  auto publisher = stamped_publisher::open(**host);
  if (!publisher)
    return publisher.failure();
  stamped_reader reader;
  if (auto fault = reader.read(**host))
    return fault;
  if (auto fault = publisher->fill(messages / 2))
    return fault;
  const auto middle = (*host)->env().clock->now_ns();
  if (auto fault = publisher->fill(messages / 2))
    return fault;
  auto all = reader.wait(messages / 2 * 2);
  host->reset(); // Ends the deliveries.
  if (!all)
    return all.failure();
  return middle;
}

result<waits> measure_waits(const std::string& directory, uint64_t messages) {
  auto made = stream_nodes::create(directory, true, 1);
  if (!made)
    return made.failure();
  auto& node = **made;
  auto middle = fill(node, messages);
  if (!middle)
    return middle.failure();
  node.kill(0);
  waits out;
  auto begin = now_ns();
  if (auto fault = node.start(0))
    return fault;
  out.start = seconds_since(begin);
  auto host = nodes::runtime::create(node.config());
  if (!host)
    return host.failure();
  stamped_reader reader;
  begin = now_ns();
  if (auto fault
      = reader.read(**host, {.kind = start_spec::at_time, .time_ns = *middle}))
    return fault;
  auto first = reader.wait(1);
  out.subscribe = seconds_since(begin);
  host->reset();
  if (!first)
    return first.failure();
  auto asks = nodes::runtime::create(node.config());
  if (!asks)
    return asks.failure();
  begin = now_ns();
  if (end_of(said_of(**asks, node.config(), 0)) == 0)
    return error{errc::unavailable, "the node has no status"};
  out.status = seconds_since(begin);
  return out;
}

} // namespace

result<outcome> catch_up_r3(const measure_options& options) {
  outcome out;
  out.name = "catch_up_r3";
  out.unit = "bytes/s";
  out.mode = "cached";
  out.target = 300e6;
  std::vector<double> live;
  std::vector<double> before;
  contest all{std::move(out), options};
  auto got = all.measure([&]() -> result<double> {
    auto group = wiped_group::create(options.directory + "/millrace");
    if (!group)
      return group.failure();
    auto once = (*group)->measure(options.scaled(1'000'000));
    if (!once)
      return once.failure();
    live.push_back(once->live_p99_us);
    before.push_back(once->before_p99_us);
    return once->bytes_per_second;
  });
  if (got)
    got->more = {{"live_messages_per_second", live_rate},
                 {"live_p99_us", median(live)},
                 {"before_p99_us", median(before)}};
  return got;
}

result<outcome> start_growth(const measure_options& options) {
  constexpr uint64_t gib_of_messages = (uint64_t{1} << 30) / payload_bytes;
  outcome out;
  out.name = "start_growth";
  out.unit = "times as long";
  out.mode = "cached";
  out.less_is_better = true;
  out.target = 2;
  std::vector<waits> one;
  std::vector<waits> four;
  contest all{std::move(out), options};
  auto got = all.measure([&]() -> result<double> {
    for (auto* each : {&one, &four}) {
      auto once = measure_waits(
        options.directory + "/millrace",
        options.scaled(gib_of_messages * (each == &one ? 1 : 4)));
      if (!once)
        return once.failure();
      each->push_back(*once);
    }
    return four.back().longest_against(one.back());
  });
  if (!got)
    return got;
  const auto add = [&](const char* name, const std::vector<waits>& of,
                       double waits::*which) {
    std::vector<double> values;
    for (const auto& each : of)
      values.push_back(each.*which);
    got->more.emplace_back(name, median(std::move(values)));
  };
  add("start_s_1g", one, &waits::start);
  add("start_s_4g", four, &waits::start);
  add("subscribe_s_1g", one, &waits::subscribe);
  add("subscribe_s_4g", four, &waits::subscribe);
  add("status_s_1g", one, &waits::status);
  add("status_s_4g", four, &waits::status);
  return got;
}

} // namespace millrace::bench
