#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/world/rt_nodes.hpp>

#include <caf/send.hpp>

#include <charconv>

namespace millrace::sim {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

// -- RT node ------------------------------------------------------------------

class checkpoint_history::store final : public rt::state_store {
public:
  explicit store(checkpoint_history& history) : history_{history} {}
  result<std::optional<std::vector<std::byte>>> load() override {
    if (history_.saved_.empty())
      return std::optional<std::vector<std::byte>>{};
    return std::optional{history_.saved_.back()};
  }
  error save(std::span<const std::byte> state) override {
    history_.saved_.emplace_back(state.begin(), state.end());
    if (history_.saved_.size() > 8)
      history_.saved_.pop_front();
    return {};
  }

private:
  checkpoint_history& history_;
};

std::unique_ptr<rt::state_store> checkpoint_history::open(node& who) {
  const auto boot = who.disk().boot_id();
  if (std::exchange(boot_, boot) != boot)
    saved_.resize(who.owner().draw(saved_.size() + 1));
  return std::make_unique<store>(*this);
}

node& add_rt_node(world& in, const std::string& name,
                  const rt_node_options& options) {
  auto history = std::make_shared<checkpoint_history>();
  return in.add_node(
    name,
    [options, history](node& me) -> error {
      auto core = rt::sequencer_core::open(
        me.env(),
        {.stream = options.stream,
         .directory = "/rt",
         .cached = options.cached,
         .roll_bytes = options.roll_bytes,
         .checkpoint_bytes = options.checkpoint_bytes},
        history->open(me));
      if (!core)
        return core.failure();
      auto handle = me.spawn(
        rt::sequencer, &me.env(),
        std::make_shared<std::unique_ptr<rt::sequencer_core>>(*std::move(core)),
        rt::sequencer_settings{.period_grace_ns = options.period_grace_ns});
      me.put("rt/" + options.stream, handle);
      me.essential(handle);
      return {};
    },
    {.supervised = 1s});
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
    const auto why = token.failure().code;
    ++book->refusals[why];
    // After a failed write or sync nothing more can be published in this life.
    if (why == errc::storage_failed || why == errc::closed)
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

node& add_publisher(world& in, const std::string& name,
                    const publisher_load& load, std::shared_ptr<ledger> book) {
  book->origin = name + "." + load.stream;
  return in.add_node(
    name,
    [load, book](node& me) -> error {
      auto made
        = rt::publisher::open(me.env(), {.topic = load.stream,
                                         .log_path = "/pub",
                                         .host = me.name(),
                                         .cached = load.cached,
                                         .roll_bytes = load.roll_bytes});
      if (!made)
        return made.failure();
      std::shared_ptr<rt::publisher> out{*std::move(made)};
      rt::pusher_options options;
      options.rt = load.rt;
      options.stream = load.stream;
      book->settled = false;
      me.put("pusher",
             me.spawn(rt::pusher, &me.env(), out, me.connector(), options));
      me.put("load", me.spawn(load_of, &me, out, book, load, me.lives()));
      return {};
    },
    {.supervised = 1s});
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

node& add_subscriber(world& in, const std::string& name,
                     const subscriber_load& load,
                     std::shared_ptr<reading> into) {
  return in.add_node(
    name,
    [load, into](node& me) -> error {
      rt::subscriber_options options;
      options.topic = load.stream;
      options.rt = load.rt;
      options.local_copy = load.local_copy;
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
          options.start.kind = start_spec::at_position;
          options.start.position = (*saved)->position;
          record.started_at = position{(*saved)->position};
          *applied = (*saved)->applied;
        }
      }
      into->recovered.push_back(*applied);
      into->lives.push_back(std::move(record));
      auto handlers = std::make_shared<rt::subscription_handlers>();
      const auto index = into->lives.size() - 1;
      auto give = [into, index, applied](delivered item) {
        into->lives[index].items.push_back(std::move(item));
        ++*applied;
      };
      handlers->on_message = [give](const rt::message& m, position end) {
        delivered item;
        item.begin = m.begin;
        item.end = end;
        item.origin = m.header.on;
        item.id = m.header.id;
        item.payload.assign(reinterpret_cast<const char*>(m.payload.data()),
                            m.payload.size());
        give(std::move(item));
      };
      handlers->on_event = [give](const stream_event& event) {
        delivered item;
        item.kind = delivered::what::event;
        item.begin = event.from;
        item.end = event.to;
        item.event = event;
        give(std::move(item));
      };
      handlers->on_period = [give](int64_t period, position end) {
        delivered item;
        item.kind = delivered::what::period;
        item.end = end;
        item.period = period;
        give(std::move(item));
      };
      handlers->on_failure = [into, index](const error& fault) {
        into->lives[index].failures.push_back(fault);
      };
      if (load.checkpoint_every != 0)
        handlers->on_batch_end = [&me, applied, every = load.checkpoint_every,
                                  last = *applied](position at) mutable {
          if (*applied - last < every)
            return;
          last = *applied;
          const auto text
            = std::to_string(at.value) + " " + std::to_string(*applied);
          auto& env = me.env();
          env.crash_point("sub.before_checkpoint");
          // A refused checkpoint is an older one: more comes again.
          (void)persistence::replace_file(*env.fs, checkpoint_path,
                                          bytes_of(text));
          env.crash_point("sub.after_checkpoint");
        };
      auto handle
        = me.spawn(rt::subscriber, &me.env(), me.connector(), options,
                   std::make_shared<rt::subscription>(load.stream), handlers);
      me.put("subscriber", handle);
      me.essential(handle);
      return {};
    },
    {.supervised = 1s});
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
