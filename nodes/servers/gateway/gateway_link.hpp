#pragma once

#include <millrace/messages/base/reconnection.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// A question of a client for a GATEWAY.
struct gateway_errand {
  std::string parameters;  ///< As a GATEWAY takes them.
  int64_t deadline_ns = 0; ///< Monotonic.
  /// Called once, on a thread of the pool.
  std::function<void(const chunks& rows, const query_cut& cut)> write;
  /// Called instead, from any thread. `closed`: the gateway ended meanwhile,
  /// and `gateway_link::ask_again` may be called.
  std::function<void(error why)> fail;
};

/// One errand as an actor: the gateway ends what it does for it when it ends.
void run_errand(caf::event_based_actor* self, persistence::env* world,
                const gateway_actor& gateway, const gateway_errand& what);

/// The questions of one door, by a number of its own, and the gateway that it
/// asks: those of the configuration one after the other, and those that
/// discovery knows, until one is there. While none is, questions wait for it.
/// Part of an actor's state.
template <class Self>
class gateway_link {
public:
  gateway_link(Self* self, persistence::env* world, connector_actor connector,
               std::vector<endpoint> gateways)
    : self_{self}, env_{world},
      connector_{std::move(connector)}, gateways_{std::move(gateways)} {}

  /// @pre the number asks nothing else
  void ask(uint64_t number, gateway_errand what) {
    auto& made = asking_[number];
    made.what = std::move(what);
    start(made);
  }
  /// After `closed`: waits for a gateway, or asks another one. false: its time
  /// is over, or it was given up.
  bool ask_again(uint64_t number) {
    const auto found = asking_.find(number);
    if (found == asking_.end()
        || env_->clock->monotonic_ns() >= found->second.what.deadline_ns)
      return false;
    found->second.asker = nullptr;
    start(found->second);
    return true;
  }
  /// It has its answer.
  void done(uint64_t number) { asking_.erase(number); }
  /// Nobody wants the answer any more.
  void give_up(uint64_t number) {
    const auto found = asking_.find(number);
    if (found == asking_.end())
      return;
    if (found->second.asker)
      self_->send_exit(found->second.asker, caf::exit_reason::kill);
    asking_.erase(found);
  }

  /// Connects, and fails what waits for a gateway beyond its time: with the
  /// reason why the last one that was tried is none.
  void tick() {
    connect();
    const auto now = env_->clock->monotonic_ns();
    for (const auto& [number, each] : asking_)
      if (!each.asker && now >= each.what.deadline_ns)
        each.what.fail({errc::timeout, "no gateway answers: " + why_none()});
  }
  /// One that `spawn` started is known by discovery alone.
  void know(const std::vector<process_row>& rows) {
    for (const auto& row : rows)
      if (row.available
          && std::none_of(
            gateways_.begin(), gateways_.end(),
            [&](const endpoint& at) { return at.name == row.at.name; }))
        gateways_.push_back(row.at);
  }
  /// @returns the name of the gateway, when it is the one that went.
  std::string lost(const caf::actor_addr& who) {
    if (!gateway_ || who != gateway_.address())
      return {};
    gateway_ = nullptr;
    link_.lost({errc::unavailable, at_ + ": its process is gone"},
               env_->clock->monotonic_ns());
    auto name = std::exchange(at_, {});
    connect();
    return name;
  }
  /// Empty: none is connected.
  [[nodiscard]] const std::string& gateway() const noexcept { return at_; }

private:
  struct running {
    gateway_errand what;
    caf::actor asker; ///< Null: it waits for a gateway.
  };

  void start(running& what) {
    if (gateway_)
      what.asker = self_->spawn(run_errand, env_, gateway_, what.what);
  }

  void connect() {
    if (gateways_.empty() || !link_.due(env_->clock->monotonic_ns()))
      return;
    link_.begin();
    const auto at = gateways_[next_++ % gateways_.size()];
    connect_to<gateway_actor>(
      self_, connector_, at,
      [this, at](const gateway_actor& found) {
        link_.found(env_->clock->monotonic_ns());
        gateway_ = found;
        at_ = at.name;
        self_->monitor(found);
        for (auto& [number, each] : asking_)
          if (!each.asker)
            start(each);
      },
      // The next one is tried at the next tick, for ever.
      [this](const error& why) {
        link_.lost(why, env_->clock->monotonic_ns());
      });
  }

  [[nodiscard]] std::string why_none() const {
    if (link_.last_failure())
      return to_string(link_.last_failure());
    return gateways_.empty() ? "none is known" : "the first try goes on";
  }

  Self* self_;
  persistence::env* env_;
  connector_actor connector_;
  std::vector<endpoint> gateways_;
  std::map<uint64_t, running> asking_;
  gateway_actor gateway_;
  std::string at_;
  reconnection link_{{.first_ns = 0, .max_ns = 0}}; ///< Due at each tick.
  size_t next_ = 0; ///< Of `gateways_`: which one is tried next.
};

} // namespace millrace::nodes
