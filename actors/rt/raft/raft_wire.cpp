#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/raft/raft_wire_internal.hpp>
#include <millrace/messages/data/capnp_io.hpp>

#include <utility>

namespace millrace::rt {

namespace {

using wire::read;
using wire::write;

void write(schema::RaftMessage::Builder root, const raft_vote_request& body) {
  auto out = root.initVoteRequest();
  out.setPre(body.pre);
  out.setTransfer(body.transfer);
  write(out.initLast(), body.last);
}

void write(schema::RaftMessage::Builder root, const raft_vote_response& body) {
  auto out = root.initVoteResponse();
  out.setPre(body.pre);
  out.setGranted(body.granted);
}

void write(schema::RaftMessage::Builder root, const raft_append_request& body) {
  auto out = root.initAppendRequest();
  write(out.initPrevious(), body.previous);
  out.setCommitted(body.committed.value);
  out.setPreviousSum(body.previous_sum);
  out.setNotice(body.notice);
  auto entries = out.initEntries(static_cast<unsigned>(body.entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i)
    write(entries[i], body.entries[i]);
}

void write(schema::RaftMessage::Builder root,
           const raft_append_response& body) {
  auto out = root.initAppendResponse();
  out.setDurable(body.durable.value);
  out.setHeld(body.held.value);
  if (!body.refusal)
    return;
  auto missing = out.initMissing();
  missing.setPrevious(body.refusal->previous.value);
  write(missing.initHint(), body.refusal->hint);
}

void write(schema::RaftMessage::Builder root, const raft_timeout_now&) {
  root.setTimeoutNow();
}

/// No group holds so many elections: a term after it would be none.
error refuse_term(uint64_t term) {
  if (term < uint64_t{1} << 62)
    return {};
  return {errc::malformed_message, "term " + std::to_string(term)};
}

result<raft_append_request>
read(schema::RaftMessage::AppendRequest::Reader in) {
  raft_append_request out;
  out.previous = read(in.getPrevious());
  out.committed = entry_index{in.getCommitted()};
  out.previous_sum = in.getPreviousSum();
  out.notice = in.getNotice();
  for (auto each : in.getEntries()) {
    auto entry = read(each);
    if (!entry)
      return entry.failure();
    if (auto fault = refuse_term(entry->term.value))
      return fault;
    out.entries.push_back(*std::move(entry));
  }
  return out;
}

raft_append_response read(schema::RaftMessage::AppendResponse::Reader in) {
  raft_append_response out;
  out.durable = entry_index{in.getDurable()};
  out.held = entry_index{in.getHeld()};
  if (in.hasMissing())
    out.refusal = raft_append_response::missing{
      entry_index{in.getMissing().getPrevious()},
      read(in.getMissing().getHint())};
  return out;
}

} // namespace

std::vector<std::byte> encode(const raft_message& message) {
  ::capnp::MallocMessageBuilder builder{128};
  auto root = builder.initRoot<schema::RaftMessage>();
  root.setFromNode(message.from.node.value);
  root.setFromIncarnation(message.from.incarnation.value);
  root.setToNode(message.to.node.value);
  root.setToIncarnation(message.to.incarnation.value);
  root.setTerm(message.term.value);
  std::visit([&](const auto& body) { write(root, body); }, message.body);
  return messages::to_bytes(builder);
}

result<raft_message> decode_raft_message(std::span<const std::byte> bytes) {
  return messages::read_as<schema::RaftMessage>(
    bytes, [](schema::RaftMessage::Reader root) -> result<raft_message> {
      raft_message out;
      out.from = {root.getFromNode(), root.getFromIncarnation()};
      out.to = {root.getToNode(), root.getToIncarnation()};
      out.term = raft_term{root.getTerm()};
      if (auto fault = refuse_term(out.term.value))
        return fault;
      switch (root.which()) {
        case schema::RaftMessage::VOTE_REQUEST: {
          auto in = root.getVoteRequest();
          out.body = raft_vote_request{in.getPre(), in.getTransfer(),
                                       read(in.getLast())};
          return out;
        }
        case schema::RaftMessage::VOTE_RESPONSE: {
          auto in = root.getVoteResponse();
          out.body = raft_vote_response{in.getPre(), in.getGranted()};
          return out;
        }
        case schema::RaftMessage::APPEND_REQUEST: {
          auto body = read(root.getAppendRequest());
          if (!body)
            return body.failure();
          out.body = *std::move(body);
          return out;
        }
        case schema::RaftMessage::APPEND_RESPONSE:
          out.body = read(root.getAppendResponse());
          return out;
        case schema::RaftMessage::TIMEOUT_NOW:
          out.body = raft_timeout_now{};
          return out;
      }
      return error{errc::malformed_message, "message of an unknown kind"};
    });
}

std::vector<std::byte> encode(const raft_snapshot& snapshot) {
  ::capnp::MallocMessageBuilder builder{64};
  auto root = builder.initRoot<schema::RaftSnapshot>();
  root.setTerm(snapshot.term.value);
  auto base = root.initBase();
  write(base.initAt(), snapshot.base.at);
  write(base.initMembers(wire::count(snapshot.base.members)),
        snapshot.base.members);
  root.setStateBytes(snapshot.state_bytes);
  return messages::to_bytes(builder);
}

result<raft_snapshot> decode_raft_snapshot(std::span<const std::byte> bytes) {
  return messages::read_as<schema::RaftSnapshot>(
    bytes, [](schema::RaftSnapshot::Reader root) -> result<raft_snapshot> {
      auto members = read(root.getBase().getMembers());
      if (!members)
        return members.failure();
      if (auto fault = refuse_term(root.getTerm()))
        return fault;
      return raft_snapshot{raft_term{root.getTerm()},
                           {read(root.getBase().getAt()), *std::move(members)},
                           root.getStateBytes()};
    });
}

} // namespace millrace::rt
