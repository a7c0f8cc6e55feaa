#pragma once

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/torq/registry/rdb_declarations.hpp>
#include <millrace/messages/data/header.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/servers/gateway/door_actor.hpp>
#include <millrace/nodes/servers/port/listener.hpp>

#include <caf/actor_cast.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

/// What the state of a door does beside `door_state` when its clients publish.
/// `State` derives from both, and has `publish(connection_id)`, which takes up
/// again what one of `publishing` waits for; its settings name `publishers`, by
/// stream. `Running` has `end`, the position in the publisher's log once it is
/// there. One request of a connection at a time.
template <class State, class Running>
struct publishing_door {
  /// Into the log of a stream's publisher, as one message; the schema of the
  /// table before its first. Not when an RDB that is there would not take it.
  /// @returns where it ends.
  [[nodiscard]] result<position> put_batch(const std::string& stream,
                                           const table_schema& table,
                                           std::span<const std::byte> batch,
                                           const message_header& header = {}) {
    // Not with each batch: it walks through all columns of the table.
    if (auto& judged = judged_at[table.name]; judged != rdbs.known()) {
      if (auto refused
          = rdbs.refusal(table, stream, derived().settings.holders[table.name]))
        return refuse(table.name, std::move(refused));
      judged = rdbs.known();
    }
    auto& out = *derived().settings.publishers.at(stream);
    if (!declared.contains(table.name)) {
      const auto token
        = out.publish(encode(table), {}, payload_kind::table_schema);
      if (!token)
        return token.failure();
      declared.insert(table.name);
    }
    const auto token = out.publish(batch, header, payload_kind::table_batch);
    if (!token)
      return token.failure();
    return token->end;
  }

  /// What came of it: an error, `timeout` when it is late and not as safe as is
  /// wanted, none when all is done; empty: it goes on by itself.
  /// @param put sets `what.end`, in the log
  /// @param level none: that it is in the log is enough
  template <class Put>
  [[nodiscard]] std::optional<error>
  advance(Running& what, const std::string& stream,
          std::optional<rt::ack_level> level, bool is_late, Put put) {
    error fault;
    if (!what.end)
      fault = put();
    // These go by themselves, and the rows come again.
    const bool passes
      = fault.code == errc::no_space || fault.code == errc::origin_unverified;
    if (passes && !is_late) {
      derived().tell("publish_waits",
                     "rows of a client wait: " + to_string(fault));
      return std::nullopt;
    }
    if (fault || !level)
      return fault;
    // Without time it begins the sync, and says whether it is done.
    fault = derived().settings.publishers.at(stream)->wait(
      {.end = *what.end}, *level, std::chrono::milliseconds{0});
    if (fault.code != errc::timeout || is_late)
      return fault;
    constexpr auto interval = std::chrono::milliseconds{2};
    if (!std::exchange(polling, true))
      derived().self->delayed_send(derived().self, caf::timespan{interval},
                                   synced_atom::value);
    return std::nullopt;
  }

  void publish_all() {
    polling = false;
    look_for_rdbs();
    std::vector<connection_id> all;
    for (const auto& each : publishing)
      all.push_back(each.first);
    for (const auto from : all)
      derived().publish(from);
  }

  void close_publishers() {
    const auto& settings = derived().settings;
    for (const auto& [stream, out] : settings.publishers)
      if (const auto fault = out->close(); fault && settings.on_warning)
        settings.on_warning("not_closed", stream + ": " + to_string(fault));
  }

  std::map<connection_id, Running> publishing;
  std::set<std::string> declared; ///< Tables whose schema is published.
  bool polling = false;
  torq::rdb_declarations rdbs;
  uint64_t refused_batches = 0;
  int64_t refused_at_ns = 0; ///< Monotonic; the last one.
  int64_t asked_at_ns = 0;
  /// By table: what was known of RDBs when they were found to take its rows.
  std::map<std::string, uint64_t> judged_at;

private:
  State& derived() { return static_cast<State&>(*this); }

  error refuse(const std::string& table, error why) {
    ++refused_batches;
    derived().tell("declared_otherwise",
                   "rows of a client are refused: " + why.context, table);
    refused_at_ns = derived().env->clock->monotonic_ns();
    ask_for_rdbs();
    return why;
  }

  /// What was told of RDBs may be over: one that went tells nobody.
  // lint: allow(half_used): by itself, while it refuses.
  void ask_for_rdbs() {
    asked_at_ns = derived().env->clock->monotonic_ns();
    rdbs.ask_anew();
    derived().ask_registry_for("rdb");
  }

  /// Publishers try again for a while.
  // lint: allow(half_used): by itself, as the one above.
  void look_for_rdbs() {
    constexpr int64_t between_ns = 1'000'000'000;
    constexpr int64_t while_ns = 60'000'000'000;
    const auto now = derived().env->clock->monotonic_ns();
    if (refused_batches != 0 && now - refused_at_ns < while_ns
        && now - asked_at_ns >= between_ns)
      ask_for_rdbs();
  }
};

} // namespace millrace::nodes
