#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/base/reconnection.hpp>
#include <millrace/messages/data/ids.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::rt {

/// One end of a flow as its owner keeps it: asks for a flow, again and again
/// with back-off, numbers tell its messages from those of earlier flows, and a
/// peer that falls silent is given up. The end that takes chunks in
/// acknowledges them. Pure; one owner.
class link_core {
public:
  struct settings {
    std::string peer; ///< For messages.
    /// When to ask again, and after which silence the flow is given up.
    reconnection::pace pace{.first_ns = 50'000'000,
                            .max_ns = 2'000'000'000,
                            .silence_ns = 3'000'000'000};
    /// Bytes taken in between acknowledgements; the peer's window is larger.
    uint64_t acknowledge_bytes = 512u << 10;
    /// This end sends the chunks: each `passed` tells the peer that it lives.
    bool sends = false;
  };

  /// Time passed: comes several times per second.
  struct passed {};
  /// The peer agreed: chunks of this flow are to come, or to be sent.
  struct granted {
    flow_id flow;
  };
  /// The peer cannot be reached, refused, or the flow broke.
  struct failed {
    error why;
  };
  /// The flow is to be asked for anew, from elsewhere, without a fault.
  struct restarted {};
  /// A message of this flow came.
  struct heard {
    flow_id flow;
  };
  /// The peer says that it lives, and wants to hear the same.
  struct pinged {
    flow_id flow;
  };
  /// Bytes of a chunk were taken in.
  struct taken {
    uint64_t bytes = 0;
  };
  using input
    = std::variant<passed, granted, failed, restarted, heard, pinged, taken>;

  /// Find the peer and ask it for a flow; `granted` or `failed` follows.
  struct connect {
    friend bool operator==(const connect&, const connect&) = default;
  };
  /// Let go of the peer, if there is one.
  struct drop {
    friend bool operator==(const drop&, const drop&) = default;
  };
  /// Tell the peer that this end lives.
  struct ping {
    friend bool operator==(const ping&, const ping&) = default;
  };
  /// Tell the peer how many bytes of the flow were taken in so far.
  struct acknowledge {
    uint64_t bytes = 0;
    friend bool operator==(const acknowledge&, const acknowledge&) = default;
  };
  using effect = std::variant<connect, drop, ping, acknowledge>;

  explicit link_core(settings how)
    : settings_{std::move(how)}, peer_{settings_.pace} {}

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  using phase_type = reconnection::phase_type;
  [[nodiscard]] phase_type phase() const noexcept { return peer_.phase(); }
  /// Connected: the peer granted a flow.
  [[nodiscard]] bool flowing() const noexcept { return peer_.connected(); }
  /// Whether a message of this flow is one of the flow that runs now.
  [[nodiscard]] bool runs(flow_id flow) const noexcept {
    return flowing() && flow == flow_;
  }
  /// The flow that runs, or the last one that ran.
  [[nodiscard]] flow_id flow() const noexcept { return flow_; }
  /// Why there is no flow; none while one runs.
  [[nodiscard]] const error& last_failure() const noexcept {
    return peer_.last_failure();
  }

private:
  using effects = std::vector<effect>;
  void take(const passed&, int64_t now_ns, effects& out);
  void take(const granted& what, int64_t now_ns, effects& out);
  void take(const failed& what, int64_t now_ns, effects& out);
  void take(const restarted&, int64_t now_ns, effects& out);
  void take(const heard& what, int64_t now_ns, effects& out);
  void take(const pinged& what, int64_t now_ns, effects& out);
  void take(const taken& what, int64_t now_ns, effects& out);
  void acknowledge_all(effects& out);

  settings settings_;
  reconnection peer_;
  flow_id flow_;
  uint64_t bytes_taken_ = 0;
  uint64_t bytes_acknowledged_ = 0;
};

} // namespace millrace::rt
