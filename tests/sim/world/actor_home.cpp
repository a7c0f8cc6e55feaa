#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/sim/world/actor_home.hpp>
#include <millrace/sim/world/connection_table.hpp>

#include <caf/actor_proxy.hpp>
#include <caf/actor_registry.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/make_actor.hpp>
#include <caf/scoped_execution_unit.hpp>

#include <algorithm>

namespace millrace::sim {

namespace {

/// Stands for an actor of another process.
class remote_actor final : public caf::actor_proxy {
public:
  remote_actor(caf::actor_config& how, actor_home& home)
    : actor_proxy{how}, home_{&home} {}

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    if (what->content().match_elements<caf::exit_msg>())
      unlink_from(what->content().get_as<caf::exit_msg>(0).source);
    if (home_ != nullptr)
      home_->forward(ctrl(), *what);
  }
  bool add_backlink(caf::abstract_actor* other) override {
    if (!monitorable_actor::add_backlink(other))
      return false;
    if (home_ != nullptr)
      home_->send_link(ctrl(), *other, true);
    return true;
  }
  bool remove_backlink(caf::abstract_actor* other) override {
    if (!monitorable_actor::remove_backlink(other))
      return false;
    if (home_ != nullptr)
      home_->send_link(ctrl(), *other, false);
    return true;
  }
  void kill_proxy(caf::execution_unit* context, caf::error reason) override {
    home_ = nullptr;
    cleanup(std::move(reason), context);
  }

private:
  actor_home* home_;
};

/// Bytes of records at the end of a message: those of a flow between logs, and
/// those that one node fetches from another.
size_t record_bytes_of(const caf::mailbox_element& what) {
  const auto& content = what.content();
  if (content.match_elements<chunk_atom, flow_id, position, chunk>())
    return content.get_as<chunk>(3).size();
  if (content.match_elements<position, chunk>())
    return content.get_as<chunk>(1).size();
  return 0;
}

uint64_t life_of(const caf::node_id& node) {
  const auto& data = dynamic_cast<const caf::node_id::default_data&>(*node);
  return data.process_id() - 1;
}

} // namespace

actor_home::settings::settings() {
  messages::register_with(*this);
  set("scheduler.policy", caf::atom("testing"));
  set("logger.inline-output", true);
}

actor_home::actor_home(settings& how, connection_table& connections,
                       uint64_t life, size_t node)
  : life_{life}, node_{node}, connections_{&connections},
    system_{std::make_unique<caf::actor_system>(how)},
    scheduler_{
      dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler())},
    clock_{&scheduler_->clock()}, proxies_{*system_, *this}, last_hop_{life} {
  MILLRACE_ASSERT(scheduler_ != nullptr);
  // Its own choice depends on the machine, and soon repeats itself.
  const_cast<caf::node_id&>(system_->node()) = id_of(life);
}

actor_home::~actor_home() {
  proxies_.clear();
  clock_->cancel_all();
  system_.reset();
}

caf::node_id actor_home::id_of(uint64_t life) const {
  caf::node_id::default_data::host_id_type host;
  host.fill(0x6d);
  return caf::make_node_id(static_cast<uint32_t>(life + 1), host);
}

void actor_home::fire_timers() {
  while (!clock_->schedule().empty()
         && clock_->schedule().begin()->first <= clock_->current_time)
    clock_->trigger_timeout();
}

// -- actors -------------------------------------------------------------------

bool actor_home::know(caf::abstract_actor& actor, uint64_t number) {
  const auto id = actor.id();
  if (!known_.emplace(id, known_actor{actor.address(), number}).second)
    return false;
  if (addresses_.size() >= 64)
    std::erase_if(addresses_, [](const caf::actor_addr& old) {
      return caf::actor_cast<caf::strong_actor_ptr>(old) == nullptr;
    });
  addresses_.push_back(actor.address());
  actor.attach_functor([this, id] { known_.erase(id); });
  return true;
}

uint64_t actor_home::number_of(caf::actor_id actor) const {
  const auto found = known_.find(actor);
  return found == known_.end() ? 0 : found->second.number;
}

std::vector<caf::strong_actor_ptr> actor_home::actors() const {
  std::vector<caf::strong_actor_ptr> out;
  for (const auto& each : addresses_)
    if (auto handle = caf::actor_cast<caf::strong_actor_ptr>(each))
      out.push_back(std::move(handle));
  return out;
}

caf::strong_actor_ptr actor_home::find(caf::actor_id actor) {
  if (auto handle = system_->registry().get(actor))
    return handle;
  const auto found = known_.find(actor);
  return found == known_.end()
           ? nullptr
           : caf::actor_cast<caf::strong_actor_ptr>(found->second.address);
}

caf::strong_actor_ptr actor_home::local(const caf::strong_actor_ptr& any) {
  if (!any || any->node() == system_->node())
    return any;
  return proxies_.get_or_put(any->node(), any->id());
}

// -- sending ------------------------------------------------------------------

caf::strong_actor_ptr actor_home::make_proxy(caf::node_id node,
                                             caf::actor_id actor) {
  if (!node || actor == caf::invalid_actor_id)
    return nullptr;
  const auto life = life_of(node);
  // Who tells of a third process knows the way to it.
  learn(last_hop_, life);
  caf::actor_config how;
  auto made = caf::make_actor<remote_actor, caf::strong_actor_ptr>(
    actor, std::move(node), system_.get(), how, *this);
  parcel news;
  news.kind = parcel::what::monitor;
  news.source = life_;
  news.target = life;
  news.target_actor = actor;
  (void)connections_->dispatch(*this, std::move(news));
  return made;
}

void actor_home::set_last_hop(caf::node_id*) {}

void actor_home::forward(const caf::strong_actor_ptr& to,
                         caf::mailbox_element& what) {
  parcel out;
  out.source = life_;
  if (what.sender) {
    out.source = life_of(what.sender->node());
    out.source_actor = what.sender->id();
    if (out.source == life_)
      system_->registry().put(what.sender->id(), what.sender);
  }
  out.target = life_of(to->node());
  out.target_actor = to->id();
  out.number = what.mid.integer_value();
  caf::scoped_execution_unit context{system_.get()};
  context.proxy_registry_ptr(&proxies_);
  caf::binary_serializer sink{&context, out.bytes};
  auto fault = sink(what.stages);
  if (!fault)
    fault = caf::message::save(sink, what.content());
  if (fault)
    return connections_->broken_message(*this, "cannot be sent: "
                                                 + what.content().stringify());
  out.record_bytes = record_bytes_of(what);
  if (!connections_->dispatch(*this, std::move(out)))
    refuse(what.sender, what.mid);
}

void actor_home::refuse(const caf::strong_actor_ptr& sender,
                        caf::message_id number) {
  if (!number.is_request())
    return;
  caf::detail::sync_request_bouncer bounce{
    caf::exit_reason::remote_link_unreachable};
  bounce(sender, number);
}

void actor_home::refused(const parcel& what) {
  if (what.kind == parcel::what::message)
    refuse(find(what.source_actor), caf::make_message_id(what.number));
}

void actor_home::send_link(const caf::strong_actor_ptr& to,
                           caf::abstract_actor& other, bool linked) {
  const caf::atom_value word
    = linked ? caf::atom_value{caf::link_atom_v} : caf::unlink_atom_v;
  // Both actors are locked now.
  connections_->later(
    [this, to, word, handle = caf::strong_actor_ptr{other.ctrl()}] {
      auto what = caf::make_mailbox_element(to, caf::make_message_id(), {},
                                            caf::make_message(word, handle));
      forward(to, *what);
    });
}

std::vector<char> actor_home::bytes_of(caf::strong_actor_ptr handle) {
  std::vector<char> out;
  caf::scoped_execution_unit context{system_.get()};
  context.proxy_registry_ptr(&proxies_);
  caf::binary_serializer sink{&context, out};
  MILLRACE_ASSERT(!sink(handle));
  return out;
}

void actor_home::tell_down(caf::actor_id actor, uint64_t peer,
                           const caf::error& reason) {
  parcel out;
  out.kind = parcel::what::down;
  out.source = life_;
  out.source_actor = actor;
  out.target = peer;
  caf::scoped_execution_unit context{system_.get()};
  context.proxy_registry_ptr(&proxies_);
  caf::binary_serializer sink{&context, out.bytes};
  auto copy = reason;
  MILLRACE_ASSERT(!sink(copy));
  (void)connections_->dispatch(*this, std::move(out));
}

// -- receiving ----------------------------------------------------------------

void actor_home::learn(uint64_t hop, uint64_t beyond) {
  if (hop != beyond && beyond != life_ && direct.contains(hop)
      && !direct.contains(beyond))
    indirect[beyond].insert(hop);
}

caf::strong_actor_ptr actor_home::handle_of(const std::vector<char>& bytes,
                                            uint64_t last_hop) {
  last_hop_ = last_hop;
  caf::strong_actor_ptr out;
  caf::scoped_execution_unit context{system_.get()};
  context.proxy_registry_ptr(&proxies_);
  caf::binary_deserializer source{&context, bytes};
  MILLRACE_ASSERT(!source(out));
  last_hop_ = life_;
  return out;
}

void actor_home::take(const parcel& what) {
  learn(what.from, what.source);
  last_hop_ = what.from;
  take_from_hop(what);
  last_hop_ = life_;
}

void actor_home::take_from_hop(const parcel& what) {
  switch (what.kind) {
    case parcel::what::message:
      return deliver(what);
    case parcel::what::monitor:
      return watch(what);
    case parcel::what::down: {
      caf::scoped_execution_unit context{system_.get()};
      context.proxy_registry_ptr(&proxies_);
      caf::binary_deserializer source{&context, what.bytes};
      caf::error reason;
      MILLRACE_ASSERT(!source(reason));
      return proxies_.erase(id_of(what.source), what.source_actor, reason);
    }
    default:
      MILLRACE_ASSERT(!"for the connection itself");
  }
}

void actor_home::deliver(const parcel& what) {
  const auto number = caf::make_message_id(what.number);
  auto to = find(what.target_actor);
  if (!to && !number.is_request())
    return;
  caf::strong_actor_ptr from;
  if (what.source_actor != 0)
    from = what.source == life_
             ? find(what.source_actor)
             : proxies_.get_or_put(id_of(what.source), what.source_actor);
  if (!to)
    return refuse(from, number);
  caf::scoped_execution_unit context{system_.get()};
  context.proxy_registry_ptr(&proxies_);
  caf::binary_deserializer source{&context, what.bytes};
  std::vector<caf::strong_actor_ptr> stages;
  caf::message content;
  if (auto fault = source(stages, content))
    return connections_->broken_message(*this, "cannot be read: "
                                                 + system_->render(fault));
  // A proxy says by a message to its actor that it was linked.
  if (content.match_elements<caf::atom_value, caf::strong_actor_ptr>()) {
    const auto word = content.get_as<caf::atom_value>(0);
    const auto& other = content.get_as<caf::strong_actor_ptr>(1);
    auto* const proxy
      = other ? dynamic_cast<caf::actor_proxy*>(other->get()) : nullptr;
    if (proxy != nullptr && word == caf::link_atom_v)
      return proxy->add_link(to->get());
    if (proxy != nullptr && word == caf::unlink_atom_v)
      return proxy->remove_link(to->get());
  }
  to->enqueue(caf::make_mailbox_element(std::move(from), number,
                                        std::move(stages), std::move(content)),
              nullptr);
}

void actor_home::watch(const parcel& what) {
  const auto id = what.target_actor;
  const auto actor = find(id);
  if (!actor)
    return tell_down(id, what.source, caf::exit_reason::unknown);
  const auto [entry, first] = watchers_.try_emplace(id);
  entry->second.insert(what.source);
  if (first)
    actor->get()->attach_functor([this, id](const caf::error& reason) {
      if (auto gone = watchers_.extract(id))
        for (const auto peer : gone.mapped())
          tell_down(id, peer, reason);
    });
}

void actor_home::lose(uint64_t peer) {
  direct.erase(peer);
  for (auto& [actor, who] : watchers_)
    who.erase(peer);
  proxies_.erase(id_of(peer));
}

} // namespace millrace::sim
