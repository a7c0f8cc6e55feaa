#pragma once

#include <millrace/actors/rt/link/link_core.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <caf/stateful_actor.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::rt {

using copied_atom = caf::atom_constant<caf::atom("copied")>;
using synced_atom = caf::atom_constant<caf::atom("synced")>;

/// What an OUT COPIER tells the actor that it works for.
using copy_owner_actor = caf::typed_actor<
  // It is done, durably, or could not go on.
  caf::reacts_to<copied_atom, caf::error>>;

/// OUT COPIER: adds to a copy of a stream's merged log what another node has of
/// it, up to a position or a little more. Goes on where an earlier one stopped.
using out_copier_actor = sink_actor::extend<
  // INTERNAL: nothing may come for too long.
  caf::reacts_to<caf::tick_atom>,
  // INTERNAL: the last sync ended.
  caf::reacts_to<synced_atom, caf::error>>;

struct out_copier_options {
  std::string directory; ///< Of the copy.
  lineage_id lineage;
  position target;
  sequencer_actor from;
  /// Those that lie in what is copied are added; its owner reads them when all
  /// is done.
  std::shared_ptr<std::vector<stream_event>> events;
};

struct out_copier_state {
  static constexpr const char* name = "out-copier";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit out_copier_state(out_copier_actor::pointer me) : self{me} {}

  void start();
  void step(const link_core::input& what);
  void act(const link_core::connect&);
  void act(const link_core::drop&) { end(link.last_failure()); }
  void act(const link_core::ping&) {} // The other end's part.
  void act(const link_core::acknowledge& what);
  void begin_flow(const source_actor& at, const flow_grant& grant);
  void take(flow_id flow, position begin, const chunk& bytes);
  void note_events(position at, std::span<const std::byte> bytes);
  void event(flow_id flow, const chunk& bytes);
  void tick();
  void finish_if_reached();
  [[nodiscard]] error begins_later(position begin) const;
  void end(const error& fault);

  out_copier_actor::pointer self;
  persistence::env* env = nullptr;
  out_copier_options options;
  copy_owner_actor owner;
  std::unique_ptr<persistence::log_replica> copy;
  source_actor source;
  /// It is asked once: who wants the copy tries again, maybe elsewhere.
  link_core link{{}};
  bool ended = false;
};

/// @pre nobody else writes `options.directory`.
out_copier_actor::behavior_type
out_copier(out_copier_actor::stateful_pointer<out_copier_state> self,
           persistence::env* world, out_copier_options options,
           copy_owner_actor owner);

} // namespace millrace::rt
