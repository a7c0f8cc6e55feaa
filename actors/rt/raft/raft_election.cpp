#include <millrace/actors/rt/raft/raft_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/base/result.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {

/// A number that looks random, of any other (the mixing of splitmix64).
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

} // namespace

void raft_core::await_election(int64_t now_ns) {
  waits_since_ns_ = now_ns;
  // Of what differs between members and from one wait to the next.
  auto drawn = mixed(options_.seed);
  for (const auto each :
       {options_.self.node.value, options_.self.incarnation.value,
        vote_.term.value, static_cast<uint64_t>(now_ns)})
    drawn = mixed(drawn ^ each);
  waits_ns_ = options_.election_ns
              + static_cast<int64_t>(
                drawn % static_cast<uint64_t>(options_.election_ns));
}

void raft_core::enter_term(raft_term term) {
  MILLRACE_ASSERT(term > vote_.term);
  vote_ = {term, {}};
  changes_.vote = true;
  role_ = role_type::follower;
  leader_.reset();
  ballots_.clear();
  peers_.clear();
  handover_.reset();
  held_back_.clear(); // Of a term that is over.
  agreed_ = group_committed_;
  acknowledged_ = {};
}

void raft_core::follow(std::optional<member_id> leader, int64_t now_ns) {
  if (role_ == role_type::leader) {
    agreed_ = group_committed_;
    acknowledged_ = {};
  }
  role_ = role_type::follower;
  leader_ = leader;
  ballots_.clear();
  peers_.clear();
  handover_.reset();
  await_election(now_ns);
}

/// Whether a message of a later term makes this member enter it.
bool raft_core::changes_term(const raft_message& what, int64_t now_ns) const {
  if (const auto* request = std::get_if<raft_vote_request>(&what.body))
    return !request->pre && (request->transfer || !hears_leader(now_ns));
  if (const auto* answer = std::get_if<raft_vote_response>(&what.body))
    return !(answer->pre && answer->granted);
  return true;
}

bool raft_core::hears_leader(int64_t now_ns) const {
  if (role_ == role_type::leader)
    return majority_heard(now_ns);
  return leader_ && now_ns - waits_since_ns_ < options_.election_ns;
}

/// Where the log ends that a crash would leave, or what it waits to become.
raft_place raft_core::last_durable() const {
  return log_.place(std::max(durability_.index(), log_.base().at.index));
}

bool raft_core::may_stand() const {
  const auto durable = durability_.index();
  return durable >= log_.base().at.index
         && log_.members_at(durable).votes(options_.self);
}

void raft_core::ask_for_votes(bool pre, bool leader_wishes) {
  const raft_vote_request request{pre, leader_wishes, last_durable()};
  const auto term = pre ? vote_.term.next() : vote_.term;
  for (const auto& each : members().members())
    if (each.votes && each.id != options_.self)
      say(each.id, request, term);
}

void raft_core::begin_pre_vote(int64_t now_ns) {
  follow(std::nullopt, now_ns);
  role_ = role_type::pre_candidate;
  ask_for_votes(true, false);
  count({options_.self, true}, now_ns);
}

void raft_core::stand(bool leader_wishes, int64_t now_ns) {
  if (!may_stand())
    return follow(std::nullopt, now_ns);
  if (durability_.index() < log_.last_index())
    cut_log(durability_.index().next());
  enter_term(vote_.term.next());
  await_election(now_ns);
  waits_ns_ <<= stood_in_vain_;
  vote_.candidate = options_.self;
  role_ = role_type::candidate;
  // Its own vote counts when it is durable.
  ask_for_votes(false, leader_wishes);
}

void raft_core::count(const ballot& one, int64_t now_ns) {
  if (!members().votes(one.voter)
      || std::any_of(ballots_.begin(), ballots_.end(), [&](const ballot& each) {
           return each.voter == one.voter;
         }))
    return;
  ballots_.push_back(one);
  const auto granted = static_cast<size_t>(
    std::count_if(ballots_.begin(), ballots_.end(),
                  [](const ballot& each) { return each.granted; }));
  if (granted >= members().majority()) {
    if (role_ == role_type::candidate)
      begin_to_lead(now_ns);
    else
      stand(false, now_ns);
  } else if (ballots_.size() - granted >= members().majority()) {
    follow(std::nullopt, now_ns);
  }
}

void raft_core::take(const raft_message& from, const raft_vote_request& what,
                     int64_t now_ns) {
  const bool free = from.term > vote_.term || vote_.candidate == from.from
                    || (vote_.candidate == member_id{} && !leader_)
                    || MILLRACE_PLANTED(vote_twice);
  // A vote in a later term than this member entered is only an opinion.
  const bool grants
    = free
      && (what.last >= last_durable() || MILLRACE_PLANTED(elect_a_shorter_log))
      && (what.pre ? !hears_leader(now_ns) : from.term == vote_.term);
  if (!what.pre && from.term != vote_.term)
    return; // A leader is heard: the term is none of this member's.
  if (grants && !what.pre) {
    if (vote_.candidate != from.from) {
      vote_.candidate = from.from;
      changes_.vote = true;
    }
    if (role_ == role_type::pre_candidate)
      follow(std::nullopt, now_ns);
    waits_since_ns_ = now_ns;
  }
  say(from.from, raft_vote_response{what.pre, grants},
      what.pre && grants ? from.term : vote_.term);
}

void raft_core::take(const raft_message& from, const raft_vote_response& what,
                     int64_t now_ns) {
  const auto asks = what.pre ? role_type::pre_candidate : role_type::candidate;
  const auto term = what.pre && what.granted ? vote_.term.next() : vote_.term;
  if (role_ == asks && from.term == term)
    count({from.from, what.granted}, now_ns);
}

void raft_core::take(const raft_message& from, const raft_timeout_now&,
                     int64_t now_ns) {
  if (leader_ == from.from && role_ == role_type::follower && may_stand()
      && disk_is_well_)
    stand(true, now_ns);
}

} // namespace millrace::rt
