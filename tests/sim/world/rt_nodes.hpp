#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/sim/world/cluster_plan.hpp>

#include <caf/stateful_actor.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::sim {

struct rt_node_options {
  bool cached = false;
  uint64_t roll_bytes = uint64_t{1} << 29;
  uint64_t checkpoint_bytes = uint64_t{64} << 20;
  int64_t period_grace_ns = 5'000'000'000;
  uint64_t behind_bytes_max = uint64_t{8} << 20;
  duration gc_grace = std::chrono::minutes{10};
  bool draws_first_place = false; ///< Else its first file is log.0.0.
};

/// The RT node of "market"; its sequencer is the actor "rt/market". A failure
/// of its storage ends the process, which comes back a second later.
void add_rt_node(cluster_plan& to, const std::string& name,
                 const rt_node_options& options = {});

[[nodiscard]] std::span<const std::byte> bytes_of(const std::string& text);

/// What a publisher's program knows of the messages it handed over: the truth
/// that checkers hold streams against. Outlives the lives of the program.
struct ledger {
  struct entry {
    std::string payload;
    /// Highest level that the program was told.
    rt::ack_level told = rt::ack_level::recorded;
    bool recorded = false;
  };
  std::string origin;
  /// By |id|: each payload that was accepted under it. More than one only when
  /// a tail was lost, and the next life took the number again.
  std::map<uint64_t, std::vector<entry>> entries;
  /// Payloads that were accepted, or in whose `publish` the process ended.
  std::set<std::string> attempted;
  uint64_t attempts = 0;
  uint64_t accepted = 0; ///< Messages that `publish` accepted.
  uint64_t refused = 0;  ///< Messages that it refused with an error.
  std::map<errc, uint64_t> refusals;
  std::map<uint64_t, uint64_t> accepted_by_life;
  /// All messages are published, and those of the present life committed.
  bool settled = false;
};

struct publisher_load {
  uint64_t roll_bytes = uint64_t{1} << 30; ///< Of its own log.
  /// Messages to get accepted in all lives together.
  uint64_t messages = 300;
  uint64_t payload_bytes_max = 200;
  duration pause_max = std::chrono::milliseconds{20};
  uint64_t burst_max = 12;
  /// Of bursts after which the program wants to have its messages synced; it
  /// goes on publishing meanwhile.
  double sync_share = 0;
};

/// A machine that publishes seeded messages: "/pub/<name>.market". The program
/// restarts a second after its process ended by itself.
void add_publisher(cluster_plan& to, const std::string& name,
                   const publisher_load& load, std::shared_ptr<ledger> book);

/// One delivery of a subscription, copied.
struct delivered {
  enum class what : uint8_t { message, event, period } kind = what::message;
  position begin;
  position end;
  std::string origin;
  int64_t id = 0;
  std::string payload;
  stream_event event;
  period_id period;
  friend bool operator==(const delivered&, const delivered&) = default;
};

/// All that one life of a subscriber's program was given.
struct delivery_record {
  uint64_t life = 0;
  std::optional<position> started_at; ///< None: the beginning.
  std::vector<delivered> items;
  std::vector<error> failures;
};

struct subscriber_load {
  std::string local_copy; ///< Empty: none.
  rt::archived_exchange archived = rt::archived_exchange::follow;
  /// Stores a checkpoint (position and what was applied, in one file) about
  /// every so many deliveries and starts from it; 0: always from the beginning.
  uint64_t checkpoint_every = 0;
  /// Of a durable consumer of this name: without a checkpoint it goes on at its
  /// floor. Empty: it is none.
  std::string consumer;
  bool floor_follows = false; ///< @see nodes::subscribe_options
};

/// What a subscriber's program saw in all its lives.
struct reading {
  std::vector<delivery_record> lives;
  /// State that the program recovered with its checkpoint, by life: how many
  /// deliveries it had applied.
  std::vector<uint64_t> recovered;
  std::shared_ptr<rt::subscription> control; ///< Of the newest life.
  [[nodiscard]] position reached() const;
};

/// A machine that subscribes and records what it is given.
void add_subscriber(cluster_plan& to, const std::string& name,
                    const subscriber_load& load, std::shared_ptr<reading> into);

/// The merged log of an RT node's disk, read with nothing but a log_reader.
[[nodiscard]] result<std::vector<delivered>>
read_stream(persistence::file_system& fs, const std::string& directory);

} // namespace millrace::sim
