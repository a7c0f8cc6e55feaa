#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/torq/feed/feed_course.hpp>
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/watched_request.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::torq {

using slice_atom = caf::atom_constant<caf::atom("slice")>;
using period_over_atom = caf::atom_constant<caf::atom("periodover")>;

/// The FEED, with what it sends itself.
using feed_self_actor = feed_actor::extend<
  // A slice was published: whether at the end, when to go on (monotonic, ns; 0:
  // at once), fault.
  caf::reacts_to<slice_atom, bool, int64_t, caf::error>,
  // A slice ended because the rows to come are of a later period than this one.
  caf::reacts_to<period_over_atom, period_id>,
  // Timer.
  caf::reacts_to<caf::tick_atom>>;

struct feed_settings {
  std::string stream;
  std::vector<endpoint> rt; ///< They order the stream, and end its periods.
  feed_work::options work;
  std::shared_ptr<feed_progress> progress = std::make_shared<feed_progress>();
  /// What the source adds up; null: it counts nothing.
  std::shared_ptr<const feed::batch_source_counters> read;
  /// Called once: no error when the last row is merged.
  std::function<void(const error&)> on_done;
  /// Called with what is to be in the log as a warning: a stable word, and what
  /// happened.
  std::function<void(const std::string& id, const std::string& text)>
    on_warning{};
};

/// How far a feed has come.
struct feed_facts {
  std::string stream;
  uint64_t rows = 0;       ///< That are in its log.
  uint64_t unrecorded = 0; ///< That were read, and are not yet.
  uint64_t batches = 0;
  uint64_t rejects = 0;   ///< Lines that gave no row.
  uint64_t backwards = 0; ///< Rows whose time is before that of the last one.
  bool finished = false;
  std::optional<period_id> ending; ///< Rows wait until it has ended.
  std::string last_failure;        ///< To end a period, or of all.
  position published;
  position merged;
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const feed_facts& facts);

/// State of the FEED HANDLER: reads a source on the pool and publishes its
/// batches. Never drops: its publisher log is the buffer.
struct feed_handler_state {
  static constexpr const char* name = "feed-handler";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit feed_handler_state(feed_self_actor::pointer owner) : self{owner} {}

  void step(const feed_course::input& what);
  void publish_slice();
  /// Has the stream end it.
  void end_period(period_id period);
  void lost(const caf::actor_addr& who);
  void tick();
  [[nodiscard]] feed_facts facts() const;

  feed_self_actor::pointer self;
  persistence::env* env = nullptr;
  feed_settings settings;
  std::shared_ptr<rt::publisher> out;
  size_t asked = 0; ///< Of the nodes that end periods.
  std::shared_ptr<feed_work> work;
  connector_actor connector;
  feed_course course;
  watched_request ending; ///< Of a period, at the stream.
  bool heard = false;     ///< RT told what it has of this publisher.
  bool told_full = false; ///< That its disk is.
};

/// @param out with a replicator, which tells it what RT merged
feed_self_actor::behavior_type
feed_handler(feed_self_actor::stateful_pointer<feed_handler_state> self,
             persistence::env* world, feed_settings settings,
             std::shared_ptr<rt::publisher> out,
             std::shared_ptr<feed::batch_source> source,
             connector_actor connector);

} // namespace millrace::torq
