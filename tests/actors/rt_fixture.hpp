#pragma once

#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

using namespace std::chrono_literals;

/// Everything a subscription delivered, for tests to wait on.
struct inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> payloads;
  std::vector<int64_t> ids;
  std::vector<position> ends;
  std::vector<stream_event> events;
  std::vector<std::pair<period_id, position>> periods;
  std::vector<error> failures;

  bool wait_for(size_t count, std::chrono::milliseconds deadline = 20s) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, deadline,
                            [&] { return payloads.size() >= count; });
  }

  subscription_handlers handlers() {
    subscription_handlers out;
    out.on_message = [this](const message& m, position end) {
      const std::scoped_lock lock{mutex};
      payloads.emplace_back(reinterpret_cast<const char*>(m.payload.data()),
                            m.payload.size());
      ids.push_back(m.header.id);
      ends.push_back(end);
      changed.notify_all();
    };
    out.on_event = [this](const stream_event& event) {
      const std::scoped_lock lock{mutex};
      events.push_back(event);
      changed.notify_all();
    };
    out.on_period = [this](period_id period, position end) {
      const std::scoped_lock lock{mutex};
      periods.emplace_back(period, end);
      changed.notify_all();
    };
    out.on_failure = [this](const error& fault) {
      const std::scoped_lock lock{mutex};
      failures.push_back(fault);
      changed.notify_all();
    };
    return out;
  }
};

/// One process with an RT node, publishers and subscribers, on a real disk.
class rt_fixture : public ::testing::Test {
protected:
  void TearDown() override {
    stop_node();
    pushers.clear();
    subscribers.clear();
    host.reset();
  }

  /// The mode of the first call is that of the stream.
  void start_node(bool cached) {
    if (!host) {
      auto made = nodes::runtime::create(cluster(cached));
      ASSERT_TRUE(made) << to_string(made.failure());
      host = *std::move(made);
    }
    auto started = nodes::rt_factory{}(*host, *host->config().process("rt1"));
    ASSERT_TRUE(started) << to_string(started.failure());
    node = started->streams.front();
  }

  void stop_node() {
    if (!node)
      return;
    host->locals()->remove("rt/market");
    caf::scoped_actor self{host->system()};
    self->request(node, 10s, stop_atom_v)
      .receive([](bool) {}, [](const caf::error&) {});
    self->wait_for(node);
    node = nullptr;
  }

  /// As a crash: nothing is closed.
  void kill_node() {
    host->locals()->remove("rt/market");
    end(node, caf::exit_reason::kill);
    node = nullptr;
    wait_for_logs(host->config().stream_directory("rt1", "market") + "/in");
  }

  /// Who wrote them is gone, but leaves a moment later: another life in the
  /// same process must find their directories free, as it would in a process of
  /// its own.
  void wait_for_logs(const std::filesystem::path& below) {
    if (!std::filesystem::exists(below))
      return;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{below})
      if (entry.is_directory()
          && std::filesystem::exists(entry.path() / ".lineage"))
        while (!host->env().fs->lock_directory(entry.path().string()))
          std::this_thread::yield();
  }

  std::shared_ptr<publisher> publish_to(const std::string& name) {
    auto made = host->publish("market", {.name = name});
    EXPECT_TRUE(made) << to_string(made.failure());
    pushers.push_back(made->replicators.front());
    return made->out;
  }

  /// Ends the newest publisher's replicator and lets the publisher go; as a
  /// killed process would, when it was not closed before.
  void end_publisher(std::shared_ptr<publisher> last) {
    end(pushers.back(), caf::exit_reason::user_shutdown);
    pushers.pop_back();
    const std::weak_ptr<publisher> held{last};
    last.reset();
    while (!held.expired())
      std::this_thread::yield();
    wait_for_logs(root / "pub");
  }

  std::shared_ptr<subscription> subscribe(inbox& to, start_spec start = {},
                                          std::string local_copy = {}) {
    auto running
      = host->subscribe("market", to.handlers(),
                        {.start = start, .local_copy = std::move(local_copy)});
    EXPECT_TRUE(running) << to_string(running.failure());
    subscribers.push_back(running->subscriber);
    return running->control;
  }

  /// Ends the newest subscriber, as a crash would.
  void kill_subscriber() {
    end(subscribers.back(), caf::exit_reason::kill);
    subscribers.pop_back();
  }

  template <class Handle>
  void end(const Handle& handle, caf::exit_reason reason) {
    caf::scoped_actor self{host->system()};
    caf::anon_send_exit(handle, reason);
    self->wait_for(handle);
  }

  static std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text.data(), text.size()});
  }

  nodes::cluster_config cluster(bool cached) const {
    nodes::cluster_config out;
    out.data_directory = root.string();
    out.log_path = (root / "pub").string();
    out.streams.push_back({.name = "market",
                           .mode = cached ? nodes::stream_mode::cached
                                          : nodes::stream_mode::synced});
    out.nodes.push_back({.name = "node", .processes = {"rt1"}});
    auto& rt = out.processes.emplace_back();
    rt.name = "rt1";
    rt.type = nodes::process_type::rt;
    rt.node = "node";
    rt.streams = {"market"};
    out.period.grace_ns = 5'000'000'000;
    return out;
  }

  test_support::temporary_directory home;
  std::filesystem::path root{home.path()};
  std::unique_ptr<nodes::runtime> host;
  sequencer_actor node;
  std::vector<pusher_actor> pushers;
  std::vector<subscriber_actor> subscribers;
};

} // namespace millrace::rt
