#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/table_publisher.hpp>

#include <caf/send.hpp>

#include <charconv>
#include <string>

namespace millrace::sim {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

// -- RT node ------------------------------------------------------------------

void add_rt_node(cluster_plan& to, const std::string& name,
                 const rt_node_options& options) {
  auto& stream = to.config.streams.front();
  stream.mode
    = options.cached ? nodes::stream_mode::cached : nodes::stream_mode::synced;
  stream.roll_bytes = options.roll_bytes;
  stream.gc_grace_ns = options.gc_grace.count();
  to.config.period.grace_ns = options.period_grace_ns;
  to.options.roles.add(std::string{nodes::process_type::rt},
                       nodes::rt_factory{options.checkpoint_bytes,
                                         options.behind_bytes_max,
                                         options.draws_first_place});
  to.add(name, nodes::process_type::rt).streams = {stream.name};
}

// -- publisher ----------------------------------------------------------------

namespace {

using load_actor = caf::typed_actor<caf::reacts_to<caf::tick_atom>>;

struct load_state {
  explicit load_state(load_actor::pointer owner) : self{owner} {}

  void tick();
  void publish_one();
  void learn();

  load_actor::pointer self;
  node* me = nullptr;
  world* in = nullptr;
  std::shared_ptr<rt::publisher> out;
  std::shared_ptr<ledger> book;
  publisher_load load;
  uint64_t life = 0;
  struct waiting {
    position end;
    uint64_t id;
  };
  std::deque<waiting> unrecorded;
  std::deque<waiting> unsynced;
  std::deque<waiting> uncommitted;
};

void load_state::publish_one() {
  auto text = book->origin + "/" + std::to_string(life) + "/"
              + std::to_string(book->attempts++) + "/";
  text.resize(text.size() + in->draw(load.payload_bytes_max + 1), 'x');
  // The program must know of a message before the disk does: what is written
  // when the process ends inside `publish` was published all the same.
  book->attempted.insert(text);
  auto token = out->publish(bytes_of(text));
  if (!token) {
    book->attempted.erase(text);
    ++book->refused;
    ++book->refusals[token.failure().code];
    if (ends_publisher(token.failure()))
      me->end();
    return;
  }
  const auto id = magnitude(token->id);
  book->entries[id].push_back({text});
  ++book->accepted;
  ++book->accepted_by_life[life];
  unrecorded.push_back({token->end, id});
  unsynced.push_back({token->end, id});
  uncommitted.push_back({token->end, id});
}

void load_state::learn() {
  const auto take = [&](std::deque<waiting>& from, rt::ack_level level) {
    const auto reached = out->reached(level);
    while (!from.empty() && from.front().end <= reached) {
      auto& told = book->entries[from.front().id].back();
      told.recorded = true;
      told.told = std::max(told.told, level);
      from.pop_front();
    }
  };
  take(unrecorded, rt::ack_level::recorded);
  take(unsynced, rt::ack_level::synced);
  take(uncommitted, rt::ack_level::committed);
  book->settled = book->accepted >= load.messages
                  && out->reached(rt::ack_level::committed) >= out->appended();
}

void load_state::tick() {
  learn();
  const auto burst = in->draw(load.burst_max) + 1;
  for (uint64_t i = 0;
       i < burst && book->accepted < load.messages && me->alive(); ++i)
    publish_one();
  learn();
  if (load.sync_share > 0 && in->chance(load.sync_share) && me->alive()) {
    // Asks for a sync; no real time passes here.
    if (ends_publisher(out->flush(rt::ack_level::synced, 0ms)))
      me->end();
  }
  const auto pause = duration{static_cast<int64_t>(
    in->draw(static_cast<uint64_t>(load.pause_max.count()) + 1))};
  self->delayed_send(self, caf::timespan{pause}, caf::tick_atom_v);
}

load_actor::behavior_type load_of(load_actor::stateful_pointer<load_state> self,
                                  node* me, std::shared_ptr<rt::publisher> out,
                                  std::shared_ptr<ledger> book,
                                  publisher_load load, uint64_t life) {
  auto& state = self->state;
  state.me = me;
  state.in = &me->owner();
  state.out = std::move(out);
  state.book = std::move(book);
  state.load = std::move(load);
  state.life = life;
  self->send(self, caf::tick_atom_v);
  return {[self](caf::tick_atom) { self->state.tick(); }};
}

} // namespace

void add_publisher(cluster_plan& to, const std::string& name,
                   const publisher_load& load, std::shared_ptr<ledger> book) {
  book->origin = name + ".market";
  to.add_program(
    name,
    [load, book](nodes::process_host& host, const nodes::process_config&)
      -> result<nodes::hosted_process> {
      auto& me = simulated(host);
      auto made = me.publish(
        "market", {.name = me.name(), .roll_bytes = load.roll_bytes});
      if (!made)
        return made.failure();
      for (size_t i = 0; i < made->replicators.size(); ++i)
        me.put(i == 0 ? "pusher" : "pusher" + std::to_string(i),
               made->replicators[i]);
      book->settled = false;
      return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(
        me.spawn(load_of, &me, made->out, book, load, me.lives()))};
    });
}

// -- subscriber ---------------------------------------------------------------

namespace {

/// "<position> <deliveries applied>"
struct saved_state {
  uint64_t position = 0;
  uint64_t applied = 0;
};

constexpr const char* checkpoint_path = "/app/checkpoint";

result<std::optional<saved_state>>
load_checkpoint(persistence::file_system& fs) {
  if (!fs.exists(checkpoint_path))
    return std::optional<saved_state>{};
  auto bytes = persistence::read_file(fs, checkpoint_path);
  if (!bytes)
    return bytes.failure();
  const auto* begin = reinterpret_cast<const char*>(bytes->data());
  const auto* end = begin + bytes->size();
  saved_state out;
  const auto first = std::from_chars(begin, end, out.position);
  if (first.ec != std::errc{} || first.ptr == end)
    return error{errc::corrupt,
                 std::string{checkpoint_path} + ": not a number"};
  (void)std::from_chars(first.ptr + 1, end, out.applied);
  return std::optional{out};
}

} // namespace

position reading::reached() const {
  if (lives.empty() || lives.back().items.empty())
    return {};
  return lives.back().items.back().end;
}

namespace {

/// Writes all that is delivered into the newest record of `into`.
rt::subscription_handlers recorder(std::shared_ptr<reading> into,
                                   std::shared_ptr<uint64_t> applied) {
  rt::subscription_handlers handlers;
  const auto index = into->lives.size() - 1;
  auto give = [into, index, applied](delivered item) {
    into->lives[index].items.push_back(std::move(item));
    ++*applied;
  };
  handlers.on_message = [give](const rt::message& m, position end) {
    delivered item;
    item.begin = m.begin;
    item.end = end;
    item.origin = m.header.on;
    item.id = m.header.id;
    item.payload.assign(reinterpret_cast<const char*>(m.payload.data()),
                        m.payload.size());
    give(std::move(item));
  };
  handlers.on_event = [give](const stream_event& event) {
    delivered item;
    item.kind = delivered::what::event;
    item.begin = event.from;
    item.end = event.to;
    item.event = event;
    give(std::move(item));
  };
  handlers.on_period = [give](period_id period, position end) {
    delivered item;
    item.kind = delivered::what::period;
    item.end = end;
    item.period = period;
    give(std::move(item));
  };
  handlers.on_failure = [into, index](const error& fault) {
    into->lives[index].failures.push_back(fault);
  };
  return handlers;
}

/// Stores a checkpoint about every so many deliveries.
std::function<void(position)> checkpointer(node& me, uint64_t every,
                                           std::shared_ptr<uint64_t> applied) {
  return [&me, applied, every, last = *applied](position at) mutable {
    if (*applied - last < every)
      return;
    last = *applied;
    const auto text = std::to_string(at.value) + " " + std::to_string(*applied);
    auto& env = me.env();
    env.crash_point("sub.before_checkpoint");
    // A refused checkpoint is an older one: more comes again.
    (void)persistence::replace_file(*env.fs, checkpoint_path, bytes_of(text));
    env.crash_point("sub.after_checkpoint");
  };
}

result<nodes::hosted_process> subscribe(node& me, const subscriber_load& load,
                                        std::shared_ptr<reading> into) {
  nodes::subscribe_options options;
  options.local_copy = load.local_copy;
  options.archived = load.archived;
  options.consumer = load.consumer;
  options.floor_follows = load.floor_follows;
  delivery_record record;
  record.life = me.lives();
  auto applied = std::make_shared<uint64_t>(0);
  if (load.checkpoint_every != 0) {
    if (auto fault = me.fs().create_directories("/app"))
      return fault;
    auto saved = load_checkpoint(me.fs());
    if (!saved)
      return saved.failure();
    if (*saved) {
      auto& start = options.start.emplace();
      start.kind = start_spec::at_position;
      start.at = {(*saved)->position};
      record.started_at = position{(*saved)->position};
      *applied = (*saved)->applied;
    }
  }
  into->recovered.push_back(*applied);
  into->lives.push_back(std::move(record));
  auto handlers = recorder(into, applied);
  if (load.checkpoint_every != 0)
    handlers.on_batch_end = checkpointer(me, load.checkpoint_every, applied);
  auto running = me.subscribe("market", std::move(handlers), options);
  if (!running)
    return running.failure();
  into->control = running->control;
  me.put("subscriber", running->subscriber);
  return nodes::hosted_process{
    caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
}

} // namespace

void add_subscriber(cluster_plan& to, const std::string& name,
                    const subscriber_load& load,
                    std::shared_ptr<reading> into) {
  to.options.crash_points.insert(
    {"sub.before_checkpoint", "sub.after_checkpoint"});
  to.add_program(name, [load, into](nodes::process_host& host,
                                    const nodes::process_config&) {
    return subscribe(simulated(host), load, into);
  });
}

// -- reading without actors ---------------------------------------------------

result<std::vector<delivered>> read_stream(persistence::file_system& fs,
                                           const std::string& directory) {
  auto reader = persistence::log_reader::open(fs, {.directory = directory}, {});
  if (!reader)
    return reader.failure();
  std::vector<delivered> out;
  for (;;) {
    auto got = (*reader)->next();
    if (!got)
      return got.failure();
    if (std::holds_alternative<persistence::log_end>(*got))
      return out;
    delivered item;
    if (auto* event = std::get_if<stream_event>(&*got)) {
      item.kind = delivered::what::event;
      item.begin = event->from;
      item.end = event->to;
      item.event = *event;
    } else {
      const auto& read = std::get<persistence::log_message>(*got);
      item.end = read.end;
      if (read.kind == persistence::record_kind::marker) {
        auto marker = decode_end_of_period(read.frame.payload);
        if (!marker)
          return marker.failure();
        item.kind = delivered::what::period;
        item.period = marker->period;
      } else {
        item.begin = read.begin;
        item.origin = read.frame.header.on;
        item.id = read.frame.header.id;
        item.payload.assign(
          reinterpret_cast<const char*>(read.frame.payload.data()),
          read.frame.payload.size());
      }
    }
    out.push_back(std::move(item));
  }
}

} // namespace millrace::sim
