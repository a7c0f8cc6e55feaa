#pragma once

// What travels between actors, as CAF knows it: types with a name, and atoms.
// Their order travels, too: new ones stand at the end.

#include <millrace/messages/data/answer.hpp>
#include <millrace/messages/data/consumer_floor.hpp>
#include <millrace/messages/data/cut_mode.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/start_spec.hpp>
#include <millrace/messages/protocol/announcements.hpp>
#include <millrace/messages/protocol/bundle.hpp>
#include <millrace/messages/protocol/endpoint.hpp>
#include <millrace/messages/protocol/message_response.hpp>
#include <millrace/messages/protocol/peer_hello.hpp>
#include <millrace/messages/protocol/table_news.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/type_id.hpp>

#include <vector>

namespace millrace {

// Of rt_interfaces.hpp.
struct input_offer;
struct flow_grant;
struct flow_ack;
struct stream_facts;

// Of torq_interfaces.hpp.
struct rdb_facts;
struct period_report;

// Of node_interfaces.hpp.
struct process_row;

} // namespace millrace

CAF_BEGIN_TYPE_ID_BLOCK(millrace, caf::first_custom_type_id)
  CAF_ADD_TYPE_ID(millrace, (millrace::chunk))
  CAF_ADD_TYPE_ID(millrace, (millrace::endpoint))
  CAF_ADD_TYPE_ID(millrace, (millrace::process_row))
  CAF_ADD_TYPE_ID(millrace, (std::vector<millrace::process_row>))
  CAF_ADD_TYPE_ID(millrace, (millrace::input_offer))
  CAF_ADD_TYPE_ID(millrace, (millrace::start_spec))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_grant))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_ack))
  CAF_ADD_TYPE_ID(millrace, (millrace::query_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::chunks))

  CAF_ADD_ATOM(millrace, millrace, status_atom, "status")
  CAF_ADD_ATOM(millrace, millrace, resolve_atom, "mresolve")
  CAF_ADD_ATOM(millrace, millrace, register_atom, "register")
  CAF_ADD_ATOM(millrace, millrace, lookup_atom, "lookup")
  CAF_ADD_ATOM(millrace, millrace, watch_atom, "watch")
  CAF_ADD_ATOM(millrace, millrace, offer_atom, "offer")
  CAF_ADD_ATOM(millrace, millrace, chunk_atom, "chunk")
  CAF_ADD_ATOM(millrace, millrace, event_atom, "event")
  CAF_ADD_ATOM(millrace, millrace, ack_atom, "ack")
  CAF_ADD_ATOM(millrace, millrace, origin_atom, "origin")
  CAF_ADD_ATOM(millrace, millrace, query_atom, "query")
  CAF_ADD_ATOM(millrace, millrace, installed_atom, "installed")
  CAF_ADD_ATOM(millrace, millrace, refresh_atom, "refresh")
  CAF_ADD_ATOM(millrace, millrace, spawn_atom, "mspawn")
  CAF_ADD_ATOM(millrace, millrace, stop_atom, "stop")
  CAF_ADD_ATOM(millrace, millrace, pause_atom, "pause")

  CAF_ADD_TYPE_ID(millrace, (millrace::position))
  CAF_ADD_TYPE_ID(millrace, (millrace::flow_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::input_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::entry_index))
  CAF_ADD_TYPE_ID(millrace, (millrace::period_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::manifest_version))

  CAF_ADD_TYPE_ID(millrace, (millrace::partition_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::rows_after))
  CAF_ADD_TYPE_ID(millrace, (millrace::hdb_announcement))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_facts))
  CAF_ADD_ATOM(millrace, millrace, facts_atom, "facts")
  CAF_ADD_ATOM(millrace, millrace, leader_atom, "leader")
  CAF_ADD_ATOM(millrace, millrace, announce_atom, "announce")
  CAF_ADD_TYPE_ID(millrace, (millrace::stream_facts))
  CAF_ADD_ATOM(millrace, millrace, mark_atom, "mark")
  CAF_ADD_ATOM(millrace, millrace, end_period_atom, "endperiod")
  CAF_ADD_ATOM(millrace, millrace, refused_atom, "refused")

  CAF_ADD_TYPE_ID(millrace, (millrace::input_range))
  CAF_ADD_TYPE_ID(millrace, (millrace::peer_hello))
  CAF_ADD_ATOM(millrace, millrace, hello_atom, "hello")
  CAF_ADD_ATOM(millrace, millrace, raft_atom, "raft")
  CAF_ADD_ATOM(millrace, millrace, fetch_atom, "fetch")

  CAF_ADD_TYPE_ID(millrace, (millrace::period_report))
  CAF_ADD_TYPE_ID(millrace, (millrace::lineage_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_cut))
  CAF_ADD_TYPE_ID(millrace, (millrace::rdb_announcement))
  CAF_ADD_ATOM(millrace, millrace, ready_atom, "ready")

  CAF_ADD_ATOM(millrace, millrace, snapshot_atom, "snapshot")
  CAF_ADD_ATOM(millrace, millrace, members_atom, "members")

  CAF_ADD_ATOM(millrace, millrace, floor_atom, "floor")
  CAF_ADD_ATOM(millrace, millrace, prune_atom, "prune")
  CAF_ADD_ATOM(millrace, millrace, losses_atom, "losses")
  CAF_ADD_ATOM(millrace, millrace, lead_atom, "lead")
  CAF_ADD_ATOM(millrace, millrace, collected_atom, "collected")

  CAF_ADD_TYPE_ID(millrace, (millrace::text::json_value))
  CAF_ADD_TYPE_ID(millrace, (millrace::cluster_key))
  CAF_ADD_TYPE_ID(millrace, (millrace::node_id))
  CAF_ADD_TYPE_ID(millrace, (millrace::founding_id))

  CAF_ADD_ATOM(millrace, millrace, give_up_atom, "giveup")
  CAF_ADD_ATOM(millrace, millrace, finished_atom, "finished")

  CAF_ADD_TYPE_ID(millrace, (millrace::bundle))

  CAF_ADD_TYPE_ID(millrace, (millrace::message_response))
  CAF_ADD_ATOM(millrace, millrace, respond_atom, "respond")
  CAF_ADD_TYPE_ID(millrace, (millrace::consumer_floor))
  CAF_ADD_TYPE_ID(millrace, (millrace::consumer_facts))

  CAF_ADD_TYPE_ID(millrace, (millrace::byte_number))
  CAF_ADD_TYPE_ID(millrace, (millrace::chunk_number))
  CAF_ADD_TYPE_ID(millrace, (millrace::loss_number))
  CAF_ADD_TYPE_ID(millrace, (millrace::session_number))
  CAF_ADD_TYPE_ID(millrace, (millrace::cut_mode))
  CAF_ADD_ATOM(millrace, millrace, archive_atom, "archive")
  CAF_ADD_ATOM(millrace, millrace, reset_atom, "reset")
  CAF_ADD_ATOM(millrace, millrace, forget_atom, "forget")

  CAF_ADD_TYPE_ID(millrace, (millrace::table_news))
  CAF_ADD_TYPE_ID(millrace, (millrace::table_intake))
  CAF_ADD_ATOM(millrace, millrace, take_table_atom, "taketable")
CAF_END_TYPE_ID_BLOCK(millrace)
