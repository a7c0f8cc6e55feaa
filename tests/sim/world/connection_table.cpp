#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/wire.hpp>
#include <millrace/sim/world/connection_table.hpp>

#include <caf/send.hpp>

#include <algorithm>

namespace millrace::sim {

namespace {
using namespace std::chrono_literals;
/// As a node's connector has it.
constexpr duration connect_deadline = 2s;
constexpr duration connect_again = 1s;
} // namespace

duration connection_table::draw(duration below) {
  return duration{
    static_cast<int64_t>(random_() % static_cast<uint64_t>(below.count() + 1))};
}

// -- time ---------------------------------------------------------------------

size_t connection_table::run() {
  size_t done = 0;
  for (;; ++done) {
    if (!later_.empty()) {
      auto action = std::move(later_.front());
      later_.pop_front();
      action();
    } else if (!outside_parcels_.empty()) {
      const auto what = std::move(outside_parcels_.front());
      outside_parcels_.pop_front();
      take_outside(what);
    } else if (const auto what = links_.arrived(now_)) {
      take(*what);
    } else if (!events_.empty() && events_.begin()->first <= now_) {
      const auto due = events_.begin()->second;
      events_.erase(events_.begin());
      std::visit([this](const auto& each) { act(each); }, due);
    } else {
      return done;
    }
  }
}

std::optional<duration> connection_table::next_due() const {
  if (!later_.empty() || !outside_parcels_.empty())
    return now_;
  auto next = links_.next_due();
  if (!events_.empty() && (!next || events_.begin()->first < *next))
    next = events_.begin()->first;
  return next;
}

// -- processes ----------------------------------------------------------------

void connection_table::add(actor_home& home) {
  MILLRACE_ASSERT(home.life() == homes_.size());
  homes_.push_back(&home);
  if (home.life() == outside)
    return;
  home.direct[outside] = 0;
  homes_[outside]->direct[home.life()] = 0;
}

void connection_table::ended(actor_home& home, bool power_cut) {
  home.alive = false;
  home.silent = power_cut;
  home.died_at = now_;
  home.paused_since.reset();
  home.inbox.clear();
  std::erase_if(attempts_,
                [&](const auto& each) { return each.second.from == &home; });
  for (const auto number : of(home)) {
    auto& which = *find(number);
    const auto side = side_of(which, home.life());
    if (!which.open[side])
      continue;
    if (power_cut)
      expect_silence(number, 1 - side);
    else
      transmit(which, side, {.kind = parcel::what::close});
    shut(number, side);
  }
  homes_[outside]->lose(home.life());
}

void connection_table::paused(actor_home& home) {
  home.paused_since = now_;
  for (const auto number : of(home))
    expect_silence(number, 1 - side_of(*find(number), home.life()));
}

void connection_table::resumed(actor_home& home) {
  if (!home.paused_since)
    return;
  const auto stood = now_ - *std::exchange(home.paused_since, std::nullopt);
  // Its clock may be looked at before what came meanwhile.
  if (stood > settings_.silence_max && random_() % 2 == 0)
    for (const auto number : of(home))
      if (const auto side = side_of(*find(number), home.life());
          find(number)->open[side])
        close(number, side);
  for (const auto& what : std::exchange(home.inbox, {}))
    take(what);
  for (const auto number : of(home))
    act(look{number, side_of(*find(number), home.life())});
}

// -- ways ---------------------------------------------------------------------

connection_table::connection* connection_table::find(uint64_t number) {
  const auto found = connections_.find(number);
  return found == connections_.end() ? nullptr : &found->second;
}

size_t connection_table::side_of(const connection& which, uint64_t life) {
  return which.ends[0]->life() == life ? 0 : 1;
}

std::vector<uint64_t> connection_table::of(const actor_home& home) const {
  std::vector<uint64_t> out;
  for (const auto& [number, each] : connections_)
    if (each.ends[0] == &home || each.ends[1] == &home)
      out.push_back(number);
  return out;
}

std::vector<uint64_t> connection_table::between(size_t one,
                                                size_t other) const {
  std::vector<uint64_t> out;
  for (const auto& [number, each] : connections_) {
    const pair nodes{each.ends[0]->node(), each.ends[1]->node()};
    if (nodes == pair{one, other} || nodes == pair{other, one})
      out.push_back(number);
  }
  return out;
}

std::optional<uint64_t> connection_table::next_hop(actor_home& from,
                                                   uint64_t target) {
  if (from.direct.contains(target))
    return target;
  const auto ways = from.indirect.find(target);
  if (ways == from.indirect.end())
    return std::nullopt;
  std::erase_if(ways->second,
                [&](uint64_t hop) { return !from.direct.contains(hop); });
  if (ways->second.empty())
    return std::nullopt;
  return *ways->second.begin();
}

bool connection_table::dispatch(actor_home& from, parcel what) {
  // Nobody hears the dead; but the test, whose questions they leave behind.
  if (!from.alive && what.target != outside)
    return true;
  const auto hop = next_hop(from, what.target);
  if (!hop)
    return false;
  if (from.life() == outside || *hop == outside) {
    what.from = from.life();
    what.to = *hop;
    outside_parcels_.push_back(std::move(what));
    return true;
  }
  auto& over = *find(from.direct.at(*hop));
  transmit(over, side_of(over, from.life()), std::move(what));
  return true;
}

void connection_table::transmit(connection& over, size_t side, parcel what) {
  const auto& from = *over.ends[side];
  const auto& to = *over.ends[1 - side];
  if (over.vanished)
    return;
  const auto armed = resets_.find(std::minmax(from.node(), to.node()));
  if (armed != resets_.end() && --armed->second.left == 0) {
    *armed->second.met = true;
    resets_.erase(armed);
    ++resets_done_;
    over.vanished = now_;
    return later([this, number = over.number] {
      shut(number, 0);
      shut(number, 1);
    });
  }
  damage({from.node(), to.node()}, what);
  what.connection = over.number;
  what.from = from.life();
  what.to = to.life();
  links_.send(from.node(), to.node(), std::move(what), now_);
}

// -- what arrives -------------------------------------------------------------

void connection_table::take_outside(const parcel& what) {
  auto& to = *homes_[what.to];
  if (to.alive)
    return handle(to, what);
  homes_[what.from]->refused(what);
}

void connection_table::take(const parcel& what) {
  auto* const over = find(what.connection);
  if (over == nullptr || over->vanished)
    return;
  const auto side = side_of(*over, what.to);
  auto& home = *over->ends[side];
  if (!over->open[side])
    return;
  if (home.paused_since)
    home.inbox.push_back(what);
  else
    handle(home, what);
}

void connection_table::handle(actor_home& home, const parcel& what) {
  switch (what.kind) {
    case parcel::what::close:
      return shut(what.connection,
                  side_of(*find(what.connection), home.life()));
    case parcel::what::resolve:
      return resolve(home, what);
    case parcel::what::resolved:
      if (!what.bytes.empty())
        answer(what.number, home.handle_of(what.bytes, what.from), {});
      else if (const auto asked = attempts_.find(what.number);
               asked != attempts_.end())
        answer(what.number, nullptr,
               {errc::unavailable, asked->second.address + ": nobody there"});
      return;
    default:
      if (what.target == home.life())
        home.take(what);
      else
        (void)dispatch(home, what);
  }
}

void connection_table::resolve(actor_home& home, const parcel& what) {
  parcel reply{.kind = parcel::what::resolved, .number = what.number};
  const std::string name{what.bytes.begin(), what.bytes.end()};
  if (const auto found = nodes_->named(home.node(), name))
    reply.bytes = home.bytes_of(found);
  auto& over = *find(what.connection);
  transmit(over, side_of(over, home.life()), std::move(reply));
}

// -- beginning and end of a connection ----------------------------------------

void connection_table::connect(actor_home& from, const caf::actor& asker,
                               uint64_t request, std::optional<size_t> to,
                               const std::string& address,
                               const std::string& actor) {
  const auto number = ++attempt_last_;
  auto round_trip = duration{};
  if (to)
    round_trip
      = links_.travel(from.node(), *to) + links_.travel(*to, from.node());
  attempts_[number]
    = {&from, asker, request, to, address, actor, now_ + connect_deadline};
  events_.emplace(now_ + round_trip, retry{number});
}

void connection_table::answer(uint64_t number,
                              const caf::strong_actor_ptr& handle,
                              const error& fault) {
  const auto asked = attempts_.extract(number);
  if (asked)
    caf::anon_send(asked.mapped().asker, asked.mapped().request, handle,
                   to_caf(fault));
}

void connection_table::act(const retry& what) {
  const auto found = attempts_.find(what.attempt);
  if (found == attempts_.end())
    return;
  auto& asked = found->second;
  if (now_ >= asked.deadline)
    return answer(
      what.attempt, nullptr,
      {errc::unavailable, asked.address + ": no answer before the deadline"});
  if (asked.asked)
    return;
  auto& from = *asked.from;
  auto* over = asked.to ? used_between(from, *asked.to) : nullptr;
  if (over == nullptr) {
    auto* const to = asked.to ? nodes_->living(*asked.to) : nullptr;
    const bool passes = asked.to && nodes_->powered(*asked.to)
                        && !links_.blocked_since(from.node(), *asked.to)
                        && !links_.blocked_since(*asked.to, from.node());
    if (!asked.to || (passes && to == nullptr))
      return answer(what.attempt, nullptr,
                    {errc::unavailable, asked.address + ": nobody there"});
    if (!passes || to->paused_since) {
      events_.emplace(std::min(asked.deadline, now_ + connect_again), what);
      return;
    }
    over = &open(from, *to);
  }
  asked.asked = true;
  asked.deadline = now_ + connect_deadline;
  events_.emplace(asked.deadline, what);
  transmit(*over, side_of(*over, from.life()),
           {.kind = parcel::what::resolve,
            .number = what.attempt,
            .bytes = {asked.actor.begin(), asked.actor.end()}});
}

/// CAF keeps to a connection that it opened, whatever became of the peer, and
/// takes one that the peer opened.
connection_table::connection*
connection_table::used_between(const actor_home& from, size_t to) {
  connection* out = nullptr;
  for (const auto number : between(from.node(), to)) {
    auto& each = *find(number);
    const auto side = side_of(each, from.life());
    const auto used = from.direct.find(each.ends[1 - side]->life());
    if (used == from.direct.end() || used->second != number)
      continue;
    if (side == 0)
      return &each;
    out = &each;
  }
  return out;
}

connection_table::connection& connection_table::open(actor_home& from,
                                                     actor_home& to) {
  auto& made = connections_[++connection_last_];
  made.number = connection_last_;
  made.ends = {&from, &to};
  from.direct[to.life()] = made.number;
  to.direct[from.life()] = made.number;
  from.indirect.erase(to.life());
  to.indirect.erase(from.life());
  return made;
}

/// One side knows that the connection is over.
void connection_table::shut(uint64_t number, size_t side) {
  auto* const which = find(number);
  if (which == nullptr)
    return;
  auto& home = *which->ends[side];
  const auto peer = which->ends[1 - side]->life();
  const bool was_open = std::exchange(which->open[side], false);
  if (!which->open[1 - side])
    connections_.erase(number);
  if (!was_open || !home.alive)
    return;
  // A newer connection may have taken its place.
  if (const auto used = home.direct.find(peer);
      used != home.direct.end() && used->second == number)
    home.lose(peer);
}

/// One side ends the connection.
void connection_table::close(uint64_t number, size_t side) {
  transmit(*find(number), side, {.kind = parcel::what::close});
  shut(number, side);
}

// -- silence ------------------------------------------------------------------

std::optional<duration> connection_table::silent_since(const connection& which,
                                                       size_t side) const {
  const auto& me = *which.ends[side];
  const auto& peer = *which.ends[1 - side];
  std::optional<duration> since;
  const auto cause = [&](std::optional<duration> at) {
    if (at && (!since || *at < *since))
      since = at;
  };
  cause(which.vanished);
  cause(links_.blocked_since(peer.node(), me.node()));
  cause(peer.paused_since);
  if (!peer.alive && peer.silent)
    cause(peer.died_at);
  return since;
}

void connection_table::expect_silence(uint64_t number, size_t side) {
  events_.emplace(now_ + settings_.silence_max + draw(settings_.heartbeat),
                  look{number, side});
}

void connection_table::act(const look& what) {
  const auto* const which = find(what.connection);
  if (which == nullptr || !which->open[what.side]
      || which->ends[what.side]->paused_since)
    return;
  const auto since = silent_since(*which, what.side);
  if (!since)
    return;
  if (now_ - *since >= settings_.silence_max)
    close(what.connection, what.side);
  else
    events_.emplace(*since + settings_.silence_max + draw(settings_.heartbeat),
                    what);
}

// -- faults -------------------------------------------------------------------

void connection_table::cut(size_t from, size_t to) {
  links_.cut(from, to, now_);
  for (const auto number : between(from, to))
    expect_silence(number, find(number)->ends[0]->node() == to ? 0 : 1);
}

void connection_table::heal(size_t from, size_t to) {
  resets_.erase(std::minmax(from, to));
  corruptions_.erase({from, to});
  const auto since = links_.blocked_since(from, to);
  if (!since)
    return;
  // Only a connection that is still open waits for its next try.
  const bool open = !between(from, to).empty();
  links_.heal(from, to, open ? link_table::next_try(*since, now_) : now_);
}

bool connection_table::vanish(size_t one, size_t other) {
  const auto met = between(one, other);
  for (const auto number : met) {
    find(number)->vanished = now_;
    expect_silence(number, 0);
    expect_silence(number, 1);
  }
  return !met.empty();
}

bool connection_table::reset(size_t one, size_t other) {
  const auto met = between(one, other);
  for (const auto number : met) {
    shut(number, 0);
    shut(number, 1);
  }
  return !met.empty();
}

connection_table::fate connection_table::reset_at(size_t one, size_t other,
                                                  uint64_t count) {
  MILLRACE_ASSERT(count > 0);
  return (resets_[std::minmax(one, other)] = {.left = count}).met;
}

connection_table::fate connection_table::corrupt_at(size_t from, size_t to,
                                                    uint64_t count) {
  MILLRACE_ASSERT(count > 0);
  return (corruptions_[{from, to}] = {.left = count}).met;
}

void connection_table::damage(const pair& way, parcel& what) {
  const auto armed = corruptions_.find(way);
  if (armed == corruptions_.end() || what.record_bytes == 0
      || --armed->second.left != 0)
    return;
  *armed->second.met = true;
  corruptions_.erase(armed);
  ++corruptions_done_;
  const auto bit = random_() % (8 * what.record_bytes);
  auto& hit = what.bytes[what.bytes.size() - 1 - bit / 8];
  hit = static_cast<char>(static_cast<unsigned char>(hit) ^ (1u << (bit % 8)));
}

} // namespace millrace::sim
