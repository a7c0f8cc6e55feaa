#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/sim/world/actor_home.hpp>
#include <millrace/sim/world/link.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::sim {

/// What a connection needs to know of the nodes: the world.
class node_view {
public:
  virtual ~node_view() = default;
  /// The life that a node has now; null: none.
  [[nodiscard]] virtual actor_home* living(size_t node) = 0;
  /// Whether its machine has power, and could refuse a connection.
  [[nodiscard]] virtual bool powered(size_t node) = 0;
  [[nodiscard]] virtual caf::strong_actor_ptr named(size_t node,
                                                    const std::string& actor)
    = 0;
  virtual void defect(size_t node, const std::string& what) = 0;
};

/// The connections between all processes of a world, as CAF has them: one per
/// pair, opened by whichever asks first, kept until it is lost, and ended by
/// heartbeats when nothing comes from the other side. Handles that came through
/// a third process are relayed by it.
class connection_table {
public:
  struct settings {
    link_delay usual;
    /// Without a sign of life for longer, a side gives its connection up; it
    /// looks once per heartbeat.
    duration silence_max{};
    duration heartbeat{};
  };
  /// The test itself: it reaches everybody at once, whatever is cut.
  static constexpr uint64_t outside = 0;

  connection_table(uint64_t seed, settings how, node_view& nodes)
    : settings_{how}, random_{seed}, links_{random_(), how.usual}, nodes_{
                                                                     &nodes} {}

  [[nodiscard]] duration now() const noexcept { return now_; }
  void set_time(duration now) noexcept { now_ = now; }
  /// Does all that is due; @returns how much that was.
  size_t run();
  [[nodiscard]] std::optional<duration> next_due() const;

  // -- processes --------------------------------------------------------------

  void add(actor_home& home);
  /// The process is over. Its kernel closes what it had open; without power
  /// nobody hears.
  void ended(actor_home& home, bool power_cut);
  void paused(actor_home& home);
  void resumed(actor_home& home);
  /// Sends what goes to `what.target`; @returns false if there is no way.
  bool dispatch(actor_home& from, parcel what);
  /// Does this soon, when no actor is in the middle of something.
  void later(std::function<void()> action) {
    later_.push_back(std::move(action));
  }

  /// Opens a connection to a node and finds an actor there by its name; the
  /// answer goes to `asker` as (request, handle, error).
  /// @param to none: nobody has that address.
  void connect(actor_home& from, const caf::actor& asker, uint64_t request,
               std::optional<size_t> to, const std::string& address,
               const std::string& actor);

  void broken_message(const actor_home& at, const std::string& why) {
    nodes_->defect(at.node(), why);
  }

  // -- faults of the links between two nodes, in one direction ----------------

  void cut(size_t from, size_t to);
  void heal(size_t from, size_t to);
  [[nodiscard]] link_table& links() noexcept { return links_; }

  // -- faults of the connection between two nodes -----------------------------

  /// It vanishes, and neither side is told. @returns whether there was one
  bool vanish(size_t one, size_t other);
  /// It is reset: what was under way is lost, both sides are told. @returns
  /// whether there was one
  bool reset(size_t one, size_t other);
  /// Becomes true when a fault that waits for its message has met it; nobody
  /// else holds it once it cannot any more.
  using fate = std::shared_ptr<const bool>;
  /// The same when the `count`th message from now on is sent on it, in either
  /// direction.
  fate reset_at(size_t one, size_t other, uint64_t count);
  /// A bit flips in the records of the `count`th message from now on that
  /// carries such in this direction.
  fate corrupt_at(size_t from, size_t to, uint64_t count);
  /// Of those that waited for their message, how many met it.
  [[nodiscard]] uint64_t resets() const noexcept { return resets_done_; }
  [[nodiscard]] uint64_t corruptions() const noexcept {
    return corruptions_done_;
  }

private:
  struct connection {
    uint64_t number = 0;
    std::array<actor_home*, 2> ends{};
    std::array<bool, 2> open{true, true};
    std::optional<duration> vanished;
  };
  struct attempt {
    actor_home* from = nullptr;
    caf::actor asker;
    uint64_t request = 0;
    std::optional<size_t> to;
    std::string address;
    std::string actor;
    duration deadline{};
    bool asked = false; ///< There is a connection, and the question is sent.
  };
  /// A side looks whether its peer still speaks.
  struct look {
    uint64_t connection = 0;
    size_t side = 0;
  };
  /// A connection is tried again, or the answer comes too late.
  struct retry {
    uint64_t attempt = 0;
  };
  using event = std::variant<look, retry>;
  using pair = std::pair<size_t, size_t>;

  void take(const parcel& what);
  void take_outside(const parcel& what);
  void handle(actor_home& home, const parcel& what);
  void resolve(actor_home& home, const parcel& what);
  void transmit(connection& over, size_t side, parcel what);
  void damage(const pair& way, parcel& what);
  [[nodiscard]] std::optional<uint64_t> next_hop(actor_home& from,
                                                 uint64_t target);
  connection& open(actor_home& from, actor_home& to);
  [[nodiscard]] connection* find(uint64_t number);
  [[nodiscard]] connection* used_between(const actor_home& from, size_t to);
  [[nodiscard]] std::vector<uint64_t> of(const actor_home& home) const;
  [[nodiscard]] std::vector<uint64_t> between(size_t one, size_t other) const;
  static size_t side_of(const connection& which, uint64_t life);
  void shut(uint64_t number, size_t side);
  void close(uint64_t number, size_t side);
  [[nodiscard]] std::optional<duration> silent_since(const connection& which,
                                                     size_t side) const;
  void expect_silence(uint64_t number, size_t side);
  void act(const look& what);
  void act(const retry& what);
  void answer(uint64_t number, const caf::strong_actor_ptr& handle,
              const error& fault);
  [[nodiscard]] duration draw(duration below);

  settings settings_;
  std::mt19937_64 random_;
  link_table links_;
  node_view* nodes_;
  duration now_{};
  std::vector<actor_home*> homes_; ///< By life.
  std::map<uint64_t, connection> connections_;
  uint64_t connection_last_ = 0;
  std::map<uint64_t, attempt> attempts_;
  uint64_t attempt_last_ = 0;
  std::multimap<duration, event> events_;
  std::deque<parcel> outside_parcels_; ///< From and to the test: at once.
  std::deque<std::function<void()>> later_;
  /// A fault that waits for a message.
  struct armed_fault {
    uint64_t left = 0;
    std::shared_ptr<bool> met = std::make_shared<bool>(false);
  };
  std::map<pair, armed_fault> resets_;      ///< By nodes, lower first.
  std::map<pair, armed_fault> corruptions_; ///< By direction.
  uint64_t resets_done_ = 0;
  uint64_t corruptions_done_ = 0;
};

} // namespace millrace::sim
