#pragma once

#include <millrace/actors/rt/raft/raft_log.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/schema/raft.capnp.h>

// What messages between members and records of their logs have in common.

namespace millrace::rt::wire {

using member_list = ::capnp::List<schema::RaftMember>;

void write(schema::RaftPlace::Builder out, const raft_place& place);
[[nodiscard]] raft_place read(schema::RaftPlace::Reader in);

/// How many elements the list of `members` takes.
[[nodiscard]] unsigned count(const raft_configuration& members);
void write(member_list::Builder out, const raft_configuration& members);
/// `malformed_message` when a member stands there twice.
[[nodiscard]] result<raft_configuration> read(member_list::Reader in);

void write(schema::RaftEntry::Builder out, const raft_entry& entry);
[[nodiscard]] result<raft_entry> read(schema::RaftEntry::Reader in);

} // namespace millrace::rt::wire
