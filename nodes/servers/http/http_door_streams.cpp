#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/nodes/servers/http/http_door.hpp>
#include <millrace/nodes/servers/http/stream_text.hpp>
#include <millrace/nodes/servers/http/websocket.hpp>

#include <caf/send.hpp>

#include <utility>

namespace millrace::nodes::http {

namespace {

/// A client is told that it is not forgotten.
constexpr int64_t alive_ns = 15'000'000'000;
/// Of one that takes nothing of what is for it.
constexpr int64_t patience_ns = 30'000'000'000;
/// Bytes for one client that it did not take yet: its stream waits then.
constexpr size_t waiting_bytes_max = 1u << 20;

/// Puts what a stream brings into the inbox of its door; in its own thread.
struct stream_feed {
  connection_id to = 0;
  uint64_t request = 0;
  bool is_websocket = false;
  stream_choice choice;
  std::shared_ptr<stream_between> between;
  std::shared_ptr<port_inbox<http_input>> inbox;

  void put(const stream_item& what, bool is_last = false) const {
    auto bytes = framed(what, is_websocket);
    between->bytes += bytes.size();
    inbox->put(stream_piece{to, request, std::move(bytes), is_last});
  }
  void put(const std::vector<stream_item>& all) const {
    for (const auto& each : all)
      put(each);
  }
};

rt::subscription_handlers handlers_of(const stream_feed& feed,
                                      bool is_from_end) {
  rt::subscription_handlers on;
  on.on_message = [feed](const rt::message& what, position end) {
    if (auto items = items_of(feed.choice, what, end))
      feed.put(*items);
    else
      feed.put(last_item("unreadable", "the message at " + to_string(what.begin)
                                         + ": " + to_string(items.failure())));
  };
  on.on_event = [feed](const stream_event& what) {
    feed.put(items_of(feed.choice, what));
  };
  on.on_period = [feed](period_id period, position end) {
    feed.put(period_item(feed.choice, period, end));
  };
  on.on_batch_end
    = [feed](position reached) { feed.between->reached = reached.value; };
  on.on_flow
    = [feed, is_first = is_from_end](const lineage_id&, position end) mutable {
        feed.put(begin_item(feed.choice, end, std::exchange(is_first, false)));
      };
  on.on_failure = [feed](const error& why) {
    feed.put(last_item("over", to_string(why)), true);
  };
  return on;
}

} // namespace

http_door_state::~http_door_state() {
  if (inbox)
    inbox->close();
  for (const auto& [to, each] : streaming)
    end(each);
  close_publishers();
}

void http_door_state::act(const connection_event& what) {
  door_state::act(what);
  if (const auto* sent = std::get_if<bytes_sent>(&what))
    hold_back(sent->id);
}

void http_door_state::undertake(connection_id from, stream_wish& what) {
  const auto refuse = [&](const std::string& why) {
    answer(from, failed_response({errc::not_found, why}));
  };
  const auto user = running.at(from).user;
  if (!what.table.empty()) {
    const auto found = settings.tables.find(what.table);
    if (auto refusal
        = refusal_of_table(from, user, table_use::subscribe, what.table))
      return answer(from, failed_response(refusal));
    if (!what.stream.empty() && what.stream != found->second.stream)
      return refuse("table '" + what.table + "' is of stream '"
                    + found->second.stream + "'");
    what.stream = found->second.stream;
  }
  const auto* grants = grants_of(user);
  const bool may_follow
    = !what.table.empty() || grants == nullptr || grants->may_follow_streams();
  if (what.table.empty() && settings.streams.contains(what.stream))
    audit(from, user, "subscribe to stream", what.stream, may_follow);
  if (!settings.streams.contains(what.stream) || !may_follow)
    return refuse("there is no stream '" + what.stream + "'");
  begin_stream(from, what);
}

void http_door_state::begin_stream(connection_id from,
                                   const stream_wish& what) {
  const auto request = running.at(from).request;
  const auto now = env->clock->monotonic_ns();
  auto between = std::make_shared<stream_between>();
  stream_feed feed{from, request, what.is_websocket, {}, between, inbox};
  feed.choice.stream = what.stream;
  feed.choice.table = what.table;
  feed.choice.row_time_ns = what.row_time_ns;
  if (!what.table.empty())
    feed.choice.time_column = settings.tables.at(what.table).schema.time_column;
  rt::subscriber_options how;
  how.topic = what.stream;
  how.rt = settings.streams.at(what.stream);
  how.start = what.from;
  auto control = std::make_shared<rt::subscription>(what.stream);
  auto subscriber
    = self->spawn(rt::subscriber, env, connector, std::move(how), control,
                  std::make_shared<rt::subscription_handlers>(
                    handlers_of(feed, what.from.kind == start_spec::end)));
  streaming[from] = {request,
                     what.is_websocket,
                     false,
                     now,
                     std::move(between),
                     std::move(control),
                     std::move(subscriber)};
  perform(core.push(from, what.head, now));
}

void http_door_state::act(stream_piece& what) {
  const auto found = streaming.find(what.to);
  if (found == streaming.end() || found->second.request != what.request)
    return; // Its client is gone.
  const auto now = env->clock->monotonic_ns();
  found->second.between->bytes -= what.bytes.size();
  found->second.told_ns = now;
  ++pushed;
  perform(core.push(what.to, std::move(what.bytes), now));
  if (what.is_last)
    cut_off(what.to, {});
  else
    hold_back(what.to);
}

/// The stream of a client waits while there is much for it: it stays in the
/// log, and in nobody's memory.
void http_door_state::hold_back(connection_id to) {
  const auto found = streaming.find(to);
  if (found == streaming.end())
    return;
  auto& of = found->second;
  const auto waiting = core.unsent(to).bytes + of.between->bytes;
  const bool pauses = of.is_paused ? waiting > waiting_bytes_max / 2
                                   : waiting > waiting_bytes_max;
  if (pauses != std::exchange(of.is_paused, pauses))
    self->send(of.subscriber, pause_atom_v, pauses);
}

void http_door_state::end_stream(connection_id to) {
  if (const auto found = streaming.extract(to))
    end(found.mapped());
}

/// None of its callbacks runs any more.
void http_door_state::end(const open_stream& what) {
  what.control->unsubscribe();
  caf::anon_send_exit(what.subscriber, caf::exit_reason::user_shutdown);
}

/// @param cause why it gets no more, when it is its own fault
void http_door_state::cut_off(connection_id to, const std::string& cause) {
  const auto found = streaming.extract(to);
  if (!found)
    return;
  const auto& of = found.mapped();
  end(of);
  running.erase(to);
  std::string last;
  if (!cause.empty()) {
    ++times_cut;
    tell("stream_cut_off", "a client of a stream was cut off: " + cause);
    last = framed(last_item("cut_off", cause), of.is_websocket);
  }
  if (of.is_websocket)
    last += close_bytes(cause.empty() ? close_code::failed : close_code::policy,
                        cause);
  perform(core.answered(to, of.request, std::move(last), true,
                        env->clock->monotonic_ns()));
}

void http_door_state::tick_streams(int64_t now_ns) {
  std::map<connection_id, std::string> slow;
  for (auto& [to, of] : streaming) {
    const auto unsent = core.unsent(to);
    if (unsent.bytes != 0 && now_ns - unsent.since_ns >= patience_ns) {
      slow[to] = "it took nothing of " + std::to_string(unsent.bytes)
                 + " bytes in 30 seconds; ask for the rest from the last "
                   "position that it has";
      continue;
    }
    if (unsent.bytes != 0 || now_ns - of.told_ns < alive_ns)
      continue;
    // Read in this order: what comes later is after it.
    const position reached{of.between->reached};
    if (of.between->bytes != 0)
      continue;
    of.told_ns = now_ns;
    const auto item
      = alive_item(reached.value == 0 ? std::nullopt : std::optional{reached});
    perform(core.push(to, framed(item, of.is_websocket), now_ns));
  }
  for (const auto& [to, why] : slow)
    cut_off(to, why);
}

} // namespace millrace::nodes::http
