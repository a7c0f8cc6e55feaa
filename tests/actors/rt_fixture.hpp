#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/nodes/node/connector.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

using namespace std::chrono_literals;

/// Keeps checkpoints in memory; shared so that they survive a core's death.
class memory_state_store final : public state_store {
public:
  using shared = std::shared_ptr<std::optional<std::vector<std::byte>>>;
  explicit memory_state_store(shared where) : where_{std::move(where)} {}
  result<std::optional<std::vector<std::byte>>> load() override {
    return *where_;
  }
  error save(std::span<const std::byte> state) override {
    *where_ = std::vector<std::byte>{state.begin(), state.end()};
    return {};
  }

private:
  shared where_;
};

/// Everything a subscription delivered, for tests to wait on.
struct inbox {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> payloads;
  std::vector<int64_t> ids;
  std::vector<position> ends;
  std::vector<stream_event> events;
  std::vector<std::pair<int64_t, position>> periods;
  std::vector<error> failures;

  bool wait_for(size_t count, std::chrono::milliseconds deadline = 20s) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, deadline,
                            [&] { return payloads.size() >= count; });
  }

  std::shared_ptr<subscription_handlers> handlers() {
    auto out = std::make_shared<subscription_handlers>();
    out->on_message = [this](const message& m, position end) {
      const std::scoped_lock lock{mutex};
      payloads.emplace_back(reinterpret_cast<const char*>(m.payload.data()),
                            m.payload.size());
      ids.push_back(m.header.id);
      ends.push_back(end);
      changed.notify_all();
    };
    out->on_event = [this](const stream_event& event) {
      const std::scoped_lock lock{mutex};
      events.push_back(event);
      changed.notify_all();
    };
    out->on_period = [this](int64_t period, position end) {
      const std::scoped_lock lock{mutex};
      periods.emplace_back(period, end);
      changed.notify_all();
    };
    out->on_failure = [this](const error& fault) {
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
  struct config : caf::actor_system_config {
    config() {
      messages::register_with(*this);
      load<caf::io::middleman>();
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", size_t{4});
    }
  };

  void SetUp() override {
    root
      = std::filesystem::temp_directory_path()
        / ("millrace-" + std::to_string(::getpid()) + "-"
           + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    auto made = nodes::real_env::create();
    ASSERT_TRUE(made) << to_string(made.failure());
    real = *std::move(made);
    env = &real->world();
    sys = std::make_unique<caf::actor_system>(cfg);
    connector
      = sys->spawn(nodes::connector, locals, std::string{}, uint16_t{0});
  }

  void TearDown() override {
    stop_node();
    for (auto& handle : owned)
      caf::anon_send_exit(handle, caf::exit_reason::kill);
    owned.clear();
    caf::anon_send_exit(connector, caf::exit_reason::kill);
    connector = nullptr;
    locals->clear();
    sys.reset();
    real.reset();
    std::filesystem::remove_all(root);
  }

  void start_node(bool cached) {
    auto core
      = sequencer_core::open(*env,
                             {.stream = "market",
                              .directory = (root / "rt").string(),
                              .cached = cached},
                             std::make_unique<memory_state_store>(state));
    ASSERT_TRUE(core) << to_string(core.failure());
    node = sys->spawn(
      sequencer, env,
      std::make_shared<std::unique_ptr<sequencer_core>>(*std::move(core)),
      sequencer_settings{});
    locals->put("rt/market", caf::actor_cast<caf::strong_actor_ptr>(node));
  }

  void stop_node() {
    if (!node)
      return;
    locals->remove("rt/market");
    caf::scoped_actor self{*sys};
    self->request(node, 10s, stop_atom_v)
      .receive([](bool) {}, [](const caf::error&) {});
    self->wait_for(node);
    node = nullptr;
  }

  /// As a crash: nothing is closed.
  void kill_node() {
    locals->remove("rt/market");
    caf::scoped_actor self{*sys};
    caf::anon_send_exit(node, caf::exit_reason::kill);
    self->wait_for(node);
    node = nullptr;
    wait_for_inputs();
  }

  /// The node's children are killed with it, but die a moment later: another
  /// life in the same process must find their directories free, as it would in
  /// a process of its own.
  void wait_for_inputs() {
    const auto in = root / "rt" / "in";
    if (!std::filesystem::exists(in))
      return;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{in})
      if (entry.is_directory()
          && std::filesystem::exists(entry.path() / ".lineage"))
        while (!env->fs->lock_directory(entry.path().string()))
          std::this_thread::yield();
  }

  std::shared_ptr<publisher> publish_to(const std::string& host,
                                        bool cached = false) {
    auto made = publisher::open(*env, {.topic = "market",
                                       .log_path = (root / "pub").string(),
                                       .host = host,
                                       .cached = cached});
    EXPECT_TRUE(made) << to_string(made.failure());
    std::shared_ptr<publisher> out{*std::move(made)};
    pusher_options options;
    options.rt.name = "rt/market";
    options.stream = "market";
    pushers.push_back(sys->spawn(pusher, env, out, connector, options));
    owned.push_back(caf::actor_cast<caf::actor>(pushers.back()));
    return out;
  }

  /// Ends the newest publisher's replicator and lets the publisher go; as a
  /// killed process would, when it was not closed before.
  void end_publisher(std::shared_ptr<publisher> last) {
    caf::scoped_actor self{*sys};
    caf::anon_send_exit(pushers.back(), caf::exit_reason::user_shutdown);
    self->wait_for(pushers.back());
    std::erase(owned, caf::actor_cast<caf::actor>(pushers.back()));
    pushers.pop_back();
    const std::weak_ptr<publisher> held{last};
    last.reset();
    while (!held.expired())
      std::this_thread::yield();
  }

  std::shared_ptr<subscription> subscribe(inbox& to, start_spec start = {},
                                          std::string local_copy = {}) {
    auto control = std::make_shared<subscription>("market");
    subscriber_options options;
    options.topic = "market";
    options.rt.name = "rt/market";
    options.start = start;
    options.local_copy = std::move(local_copy);
    owned.push_back(caf::actor_cast<caf::actor>(
      sys->spawn(subscriber, env, connector, options, control, to.handlers())));
    return control;
  }

  static std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text.data(), text.size()});
  }

  std::filesystem::path root;
  config cfg;
  std::unique_ptr<nodes::real_env> real;
  persistence::env* env = nullptr;
  std::unique_ptr<caf::actor_system> sys;
  std::shared_ptr<nodes::local_actors> locals
    = std::make_shared<nodes::local_actors>();
  connector_actor connector;
  sequencer_actor node;
  memory_state_store::shared state
    = std::make_shared<std::optional<std::vector<std::byte>>>();
  std::vector<pusher_actor> pushers;
  std::vector<caf::actor> owned;
};

} // namespace millrace::rt
