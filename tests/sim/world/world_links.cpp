#include <millrace/sim/world/world.hpp>

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <iterator>

namespace millrace::sim {

// -- what connections need to know --------------------------------------------

/// The node that answers at an address: of a configuration, or its own name.
std::optional<size_t> world::node_at(const endpoint& at) const {
  for (const auto& some : nodes_)
    if (some->name_ == at.host || some->listens_at(at))
      return some->number_;
  return std::nullopt;
}

actor_home* world::living(size_t node) {
  auto& some = *nodes_.at(node);
  return some.alive_ ? &some.home() : nullptr;
}

bool world::powered(size_t node) {
  return !without_power_.contains(nodes_.at(node)->disk_);
}

caf::strong_actor_ptr world::named(size_t node, const std::string& actor) {
  return nodes_.at(node)->locals()->find(actor);
}

void world::defect(size_t node, const std::string& what) {
  mark(node == nowhere ? std::string{} : nodes_[node]->name_, what);
  defects_.push_back((node == nowhere ? "outside" : nodes_[node]->name_) + ": "
                     + what);
}

/// The connector of a node, with what the connections tell it.
connector_actor world::make_connector(node& who) {
  struct connector_state {
    connector_state() = default;
    std::map<uint64_t, caf::typed_response_promise<caf::strong_actor_ptr>>
      asked;
    uint64_t last = 0;
  };
  auto made = who.spawn(
    [this, &who](caf::stateful_actor<connector_state>* self) -> caf::behavior {
      return {
        [=, this, &who](caf::connect_atom, const endpoint& to)
          -> caf::result<caf::strong_actor_ptr> {
          const auto node = node_at(to);
          if (node == who.number_) {
            if (auto handle = who.locals()->find(to.name))
              return handle;
            return to_caf({errc::not_found, to_string(to) + ": no such actor"});
          }
          auto& state = self->state;
          auto promise = self->make_response_promise<caf::strong_actor_ptr>();
          state.asked[++state.last] = promise;
          connections_.connect(*living(who.number_), caf::actor{self},
                               state.last, node, to_string(to), to.name);
          return promise;
        },
        [=](uint64_t request, const caf::strong_actor_ptr& found,
            const caf::error& fault) {
          auto asked = self->state.asked.extract(request);
          if (fault)
            asked.mapped().deliver(fault);
          else
            asked.mapped().deliver(found);
        },
      };
    });
  return caf::actor_cast<connector_actor>(made);
}

// -- faults -------------------------------------------------------------------

void world::cut_one_way(const std::string& from, const std::string& to) {
  inject(
    {.kind = fault::what::cut, .node = from, .other = to, .one_way = true});
}

void world::cut(const std::string& one, const std::string& other) {
  inject({.kind = fault::what::cut, .node = one, .other = other});
}

void world::partition(const std::vector<std::vector<std::string>>& groups) {
  for (auto group = groups.begin(); group != groups.end(); ++group)
    for (auto rest = std::next(group); rest != groups.end(); ++rest)
      for (const auto& one : *group)
        for (const auto& other : *rest)
          cut(one, other);
}

void world::heal_one_way(size_t from, size_t to) {
  connections_.heal(from, to);
  connections_.links().slow(from, to, 0, now());
  connections_.links().delay(from, to, std::nullopt);
}

void world::heal(const std::string& one, const std::string& other) {
  inject({.kind = fault::what::heal, .node = one, .other = other});
}

void world::heal_all_links() {
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (size_t k = 0; k < nodes_.size(); ++k)
      heal_one_way(i, k);
}

void world::half_open(const std::string& one, const std::string& other) {
  inject({.kind = fault::what::half_open, .node = one, .other = other});
}

void world::reset_connection(const std::string& one, const std::string& other) {
  inject({.kind = fault::what::reset, .node = one, .other = other});
}

void world::reset_connection_at(const std::string& one,
                                const std::string& other, uint64_t count) {
  fault what{.kind = fault::what::reset, .node = one, .other = other};
  what.number = count;
  if (count == 0)
    return fail(to_text(what) + ": counts begin at 1");
  inject(what);
}

void world::corrupt_at(const std::string& from, const std::string& to,
                       uint64_t count) {
  inject({.kind = fault::what::corrupt,
          .node = from,
          .other = to,
          .one_way = true,
          .number = count});
}

void world::slow(const std::string& one, const std::string& other,
                 uint64_t bytes_per_second) {
  inject({.kind = fault::what::slow,
          .node = one,
          .other = other,
          .number = bytes_per_second});
}

void world::delay(const std::string& one, const std::string& other,
                  link_delay how) {
  const fault what{
    .kind = fault::what::delay, .node = one, .other = other, .time = how.max};
  if (const auto flaw = flaw_of(how); !flaw.empty())
    return fail(to_text(what) + ": " + flaw);
  const auto by = ordered(what, to_text(what));
  if (!by || !has_nodes(what, *by))
    return;
  mark(one, "link to " + other + " delayed");
  auto& links = connections_.links();
  links.delay(at(one).number_, at(other).number_, how);
  links.delay(at(other).number_, at(one).number_, how);
  learn_fate(what, *by, {});
}

/// @pre it names two nodes
std::string world::carry_out_on_link(const fault& what, const order& by) {
  const auto one = at(what.node).number_;
  const auto other = at(what.other).number_;
  const auto say
    = [&](const std::string& text) { mark(what.node, text + what.other); };
  const auto corrupt = [&](size_t from, size_t to) {
    await(by, connections_.corrupt_at(from, to, what.number),
          "not so many messages with records were sent");
  };
  switch (what.kind) {
    case fault::what::cut:
      say("nothing passes to ");
      connections_.cut(one, other);
      if (what.one_way)
        return {};
      mark(what.other, "nothing passes to " + what.node);
      connections_.cut(other, one);
      return {};
    case fault::what::reset:
      if (what.number != 0) {
        say("the connection is to be reset to ");
        await(by, connections_.reset_at(one, other, what.number),
              "not so many messages were sent");
        return {};
      }
      if (!connections_.reset(one, other))
        return "there is no connection";
      say("connection reset to ");
      return {};
    case fault::what::half_open:
      if (!connections_.vanish(one, other))
        return "there is no connection";
      say("connection vanishes to ");
      return {};
    case fault::what::corrupt:
      say("sends damaged records to ");
      corrupt(one, other);
      if (!what.one_way)
        corrupt(other, one);
      return {};
    case fault::what::slow:
      say(std::to_string(what.number) + " bytes/s pass to ");
      connections_.links().slow(one, other, what.number, now());
      connections_.links().slow(other, one, what.number, now());
      return {};
    default:
      say("link healed to ");
      heal_one_way(one, other);
      heal_one_way(other, one);
      settle_awaited();
      return {};
  }
}

} // namespace millrace::sim
