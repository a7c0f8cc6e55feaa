#pragma once

#include <millrace/actors/rt/sequence/space_reserve.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

using recorded_atom = caf::atom_constant<caf::atom("recorded")>;
using durable_atom = caf::atom_constant<caf::atom("durable")>;
using lacking_atom = caf::atom_constant<caf::atom("lacking")>;
using failed_atom = caf::atom_constant<caf::atom("failed")>;
using flow_atom = caf::atom_constant<caf::atom("rtflow")>;
using merged_atom = caf::atom_constant<caf::atom("merged")>;
using fill_atom = caf::atom_constant<caf::atom("fill")>;
using lost_atom = caf::atom_constant<caf::atom("lost")>;
using collect_atom = caf::atom_constant<caf::atom("collect")>;
using synced_atom = caf::atom_constant<caf::atom("synced")>;

/// What an INPUT SINK tells the actor that orders its input.
using input_owner_actor = caf::typed_actor<
  // The bytes of the records [from, to) of an input are recorded.
  caf::reacts_to<recorded_atom, copy_id, position, position, chunk>,
  // The input is durable up to a position.
  caf::reacts_to<durable_atom, copy_id, position>,
  // The copy lacks the bytes [from, to): damaged here, or at the publisher.
  caf::reacts_to<lacking_atom, copy_id, position, position>,
  // The disk had no room for what came, or it was damaged on its way
  // (`malformed_message`): it is offered again. `not_found`: the copy that was
  // here is gone, and begins anew.
  caf::reacts_to<refused_atom, copy_id, caf::error>,
  // A write or sync of the input failed, or it cannot be read: its sink is
  // gone.
  caf::reacts_to<failed_atom, copy_id, caf::error>>;

/// INPUT SINK: the copy of one publisher's log on an RT node.
using input_sink_actor = sink_actor::extend<
  caf::replies_to<status_atom>::with<status_facts>,
  // A new flow from the publisher's replicator; answers whether the copy holds
  // anything, its end, and the sum of the record before that (see flow_grant).
  caf::replies_to<flow_atom, flow_id, pusher_actor>::with<bool, position,
                                                          uint32_t>,
  // The input is merged up to this position, and whether this node leads: it is
  // the first to know, and its publisher hears of it at once.
  caf::reacts_to<merged_atom, position, lineage_id, bool>,
  // Whole records from there on, out of another copy or the publisher's log.
  caf::reacts_to<fill_atom, position, chunk>,
  // Nobody has the bytes [from, to) of a file that lacked here.
  caf::reacts_to<lost_atom, position, position>,
  // Another node wants whole records from there on, up to there at most.
  caf::replies_to<fetch_atom, position, position>::with<position, chunk>,
  // Nobody needs the files before that of this position: they may go. Before
  // that of the second one the publisher's, too, no matter who is away.
  caf::reacts_to<collect_atom, position, position>,
  // INTERNAL: they went.
  caf::reacts_to<collected_atom, position, caf::error>,
  // INTERNAL: a sync up to this position ended.
  caf::reacts_to<synced_atom, position, caf::error>,
  // INTERNAL: acknowledgements that gathered are due.
  caf::reacts_to<caf::tick_atom>>;

struct input_sink_options {
  copy_id copy;
  std::string directory; ///< Of the copy.
  lineage_id lineage;
  position merged;        ///< What the stream holds of it already.
  lineage_id merged_by{}; ///< The life of the stream; not known: it has none.
  /// All before this was durable here once, whatever a power cut took.
  position vouched;
  /// Something of it was kept here before.
  bool was_here = true;
  bool cached = false;
  /// While it is given, nothing is taken in from publishers; null: there is
  /// none.
  std::shared_ptr<const space_reserve> reserve{};
};

/// How far the copy of an input has come.
struct input_facts {
  std::string directory;
  position durable;
  position merged;
  position collected;    ///< Files before that of this place went.
  position released;     ///< Of those, what is not kept for nodes away.
  error collect_failure; ///< Why more of them stay; none: they do not.
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const input_facts& facts);

/// State of the INPUT SINK: verifies what a publisher sends, grows the copy,
/// makes it durable, and hands it to its owner in order. It never asks for a
/// flow: of link_core, a number and a sum would be left to it.
struct input_sink_state {
  static constexpr const char* name = "input-sink";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit input_sink_state(input_sink_actor::pointer me) : self{me} {}

  error open(persistence::env& world, input_sink_options how,
             input_owner_actor whose);
  caf::result<bool, position, uint32_t> offer(flow_id flow,
                                              const pusher_actor& from);
  void take(flow_id flow, position begin, const chunk& bytes);
  void fill(position begin, const chunk& bytes);
  void pad(position from, position to);
  [[nodiscard]] caf::result<position, chunk> fetch(position from,
                                                   position to) const;
  void event(flow_id flow, const chunk& event_bytes);
  void ping(flow_id flow);
  void merged_up_to(position end, const lineage_id& by, bool leads);
  void acknowledge_soon();
  void synced(position end, const caf::error& outcome);
  void collect(position below, position released);
  void collected(position below, const caf::error& outcome);
  [[nodiscard]] position released() const noexcept {
    return std::min(released_end, collected_end);
  }
  [[nodiscard]] input_facts facts() const {
    return {options.directory, durable_end, merged_end,
            collected_end,     released(),  collect_failure};
  }

  error verify(position at, std::span<const std::byte> bytes) const;
  error grow(position begin, chunk bytes);
  error mend(position begin, chunk bytes);
  void tell(position begin, const chunk& bytes);
  void tell_mended();
  error hand_over_unmerged();
  void start_sync();
  void acknowledge_many();
  void acknowledge();
  void refuse(const error& fault);
  void tell_refused(error fault, const char* from);
  void fail(const error& fault);

  input_sink_actor::pointer self;
  persistence::env* env = nullptr;
  input_sink_options options;
  input_owner_actor owner;
  std::unique_ptr<persistence::log_replica> replica;
  pusher_actor source;
  /// Until its publisher comes, or other nodes fill it: nothing of it is held
  /// open when all is merged.
  bool rests = true;
  flow_id current_flow;
  uint64_t bytes_taken = 0;
  uint64_t bytes_acknowledged = 0;
  bool owes_acknowledgement = false; ///< It goes with others, soon.
  position durable_end;
  position merged_end;
  /// Put in place before the end, to be told when they are durable.
  std::vector<std::pair<position, chunk>> mended;
  size_t mended_in_sync = 0; ///< Of them, those that the running sync covers.
  position collected_end;
  position released_end;
  position collect_next; ///< While files go.
  bool collecting = false;
  error collect_failure;
  bool sync_running = false;
  bool broken = false;
};

/// @pre nobody else writes `options.directory`.
input_sink_actor::behavior_type
input_sink(input_sink_actor::stateful_pointer<input_sink_state> self,
           persistence::env* world, input_sink_options options,
           input_owner_actor owner);

} // namespace millrace::rt
