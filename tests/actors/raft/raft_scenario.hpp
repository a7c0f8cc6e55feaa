#pragma once

#include <millrace/tests/actors/raft/raft_group.hpp>

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace millrace::rt {

using role = raft_core::role_type;

constexpr int64_t election_ns = raft_options{}.election_ns;
constexpr int64_t heartbeat_ns = raft_options{}.heartbeat_ns;

/// A message between first incarnations.
[[nodiscard]] inline raft_message message(uint64_t from, uint64_t to,
                                          uint64_t term,
                                          decltype(raft_message::body) body) {
  return {{from, 1}, {to, 1}, raft_term{term}, std::move(body)};
}

[[nodiscard]] inline raft_place place(uint64_t index, uint64_t term) {
  return {entry_index{index}, raft_term{term}};
}

[[nodiscard]] inline raft_entry payload(uint64_t term,
                                        const std::string& text) {
  return {raft_term{term}, raft_entry_kind::payload, text_chunk(text)};
}

/// Entries of these terms, one each.
[[nodiscard]] inline std::vector<raft_entry>
entries_of(const std::vector<uint64_t>& terms) {
  std::vector<raft_entry> out;
  for (const auto term : terms)
    out.push_back(payload(term, "t" + std::to_string(term)));
  return out;
}

/// Begins a member of a group anew, with another disk.
inline void begin_with(raft_group& group, uint64_t node,
                       const std::vector<uint64_t>& terms,
                       raft_vote vote = {}) {
  auto& host = group.at(node);
  group.crash(host);
  host.disk.log = raft_log{host.disk.log.base(), entries_of(terms)};
  host.disk.vote = vote;
  if (vote.term < host.disk.log.last().term)
    host.disk.vote.term = host.disk.log.last().term;
  group.restart(host);
}

[[nodiscard]] inline std::vector<uint64_t> terms_of(const raft_log& log) {
  std::vector<uint64_t> out;
  for (auto each = log.base().at.index.next(); each <= log.last_index();
       each = each.next())
    out.push_back(log.at(each).term.value);
  return out;
}

/// What `node` said last, of one kind.
template <class Body>
[[nodiscard]] std::vector<raft_message> said(raft_group& group, uint64_t node) {
  std::vector<raft_message> out;
  for (const auto& each : group.told<raft_core::send>(node))
    if (std::holds_alternative<Body>(each.message.body))
      out.push_back(each.message);
  return out;
}

template <class Body>
[[nodiscard]] const Body& body_of(const raft_message& what) {
  return std::get<Body>(what.body);
}

/// Everything that was told since the last call.
inline void forget(raft_group& group) {
  for (auto& [id, host] : group.hosts())
    host.told.clear();
}

[[nodiscard]] inline std::vector<raft_core::reason> reasons(raft_group& group,
                                                            uint64_t node) {
  std::vector<raft_core::reason> out;
  for (const auto& each : group.told<raft_core::declined>(node))
    out.push_back(each.why);
  return out;
}

[[nodiscard]] inline std::vector<raft_core::refusal> refusals(raft_group& group,
                                                              uint64_t node) {
  std::vector<raft_core::refusal> out;
  for (const auto& each : group.told<raft_core::refused>(node))
    out.push_back(each.why);
  return out;
}

} // namespace millrace::rt
