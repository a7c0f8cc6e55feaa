#include <millrace/actors/rt/raft/raft_wire_internal.hpp>

#include <set>
#include <utility>

namespace millrace::rt::wire {

void write(schema::RaftPlace::Builder out, const raft_place& place) {
  out.setIndex(place.index.value);
  out.setTerm(place.term.value);
}

raft_place read(schema::RaftPlace::Reader in) {
  return {entry_index{in.getIndex()}, raft_term{in.getTerm()}};
}

unsigned count(const raft_configuration& members) {
  return static_cast<unsigned>(members.members().size());
}

void write(member_list::Builder out, const raft_configuration& members) {
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto& member = members.members()[i];
    out[i].setNode(member.id.node.value);
    out[i].setIncarnation(member.id.incarnation.value);
    out[i].setVotes(member.votes);
  }
}

result<raft_configuration> read(member_list::Reader in) {
  std::set<member_id> seen;
  std::vector<raft_member> members;
  for (auto each : in) {
    const member_id id{each.getNode(), each.getIncarnation()};
    if (!seen.insert(id).second)
      return error{errc::malformed_message,
                   "member " + to_string(id) + " stands there twice"};
    members.push_back({id, each.getVotes()});
  }
  return raft_configuration{std::move(members)};
}

void write(schema::RaftEntry::Builder out, const raft_entry& entry) {
  out.setTerm(entry.term.value);
  out.setKind(static_cast<uint8_t>(entry.kind));
  if (!entry.payload.empty())
    out.setPayload(::capnp::Data::Reader(
      reinterpret_cast<const kj::byte*>(entry.payload.data()),
      entry.payload.size()));
  if (!entry.members.empty())
    write(out.initMembers(count(entry.members)), entry.members);
}

result<raft_entry> read(schema::RaftEntry::Reader in) {
  raft_entry out;
  out.term = raft_term{in.getTerm()};
  out.kind = static_cast<raft_entry_kind>(in.getKind());
  if (out.kind != raft_entry_kind::no_op && out.kind != raft_entry_kind::payload
      && out.kind != raft_entry_kind::configuration)
    return error{errc::malformed_message,
                 "entry of kind " + std::to_string(in.getKind())};
  const auto payload = in.getPayload();
  if (payload.size() != 0)
    out.payload = chunk::copy_of(
      {reinterpret_cast<const std::byte*>(payload.begin()), payload.size()});
  auto members = read(in.getMembers());
  if (!members)
    return members.failure();
  out.members = *std::move(members);
  return out;
}

} // namespace millrace::rt::wire
