#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/period_timer.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// The record time of a stream's first message; none: it has no message.
result<std::optional<int64_t>> begin_of(persistence::file_system& fs,
                                        const std::string& directory) {
  auto reader
    = persistence::log_reader::open(fs, {.directory = directory}, std::nullopt);
  if (!reader)
    return reader.failure();
  for (;;) {
    const auto item = (*reader)->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      return std::optional<int64_t>{};
    if (const auto* message = std::get_if<persistence::log_message>(&*item))
      return std::optional{message->frame.header.ts};
  }
}

/// The first period that the stream may still have to end: a node that was away
/// when one was over makes up for it.
result<std::optional<period_id>> first_open(process_host& host,
                                            const rt::sequencer_core& core) {
  if (core.state() == nullptr)
    return std::optional<period_id>{};
  const auto last = core.state()->last_period;
  if (last != period_id::before_all())
    return std::optional{last.next()};
  const auto begin = begin_of(*host.env().fs, core.out_directory());
  if (!begin)
    return begin.failure();
  if (!*begin)
    return std::optional<period_id>{};
  // Publishers may stamp what they like: a time that no calendar has says
  // nothing about periods of the clock.
  const auto of = next_period_end(host.config().period.rule, **begin);
  return of ? std::optional{of->period} : std::nullopt;
}

/// The other nodes that order a stream.
result<std::vector<rt::peer_settings>> peers_of(const cluster_config& config,
                                                const std::string& stream,
                                                const std::string& self) {
  const auto members = config.members_of(stream);
  const auto found = endpoints_of_stream(config, stream);
  if (!found)
    return found.failure();
  std::vector<rt::peer_settings> out;
  for (size_t i = 0; i < members.size(); ++i)
    if (const auto& name = members[i]->name; name != self)
      out.push_back({rt::node_id_of(name), name, (*found)[i]});
  return out;
}

std::function<void(const std::string&, const std::string&)>
teller(process_host& host, const std::string& process, notice::severity level) {
  return
    [&host, process, level](const std::string& id, const std::string& text) {
      host.tell({level, std::string{process_type::rt}, process, id, text});
    };
}

/// Those that build on a stream and must lose nothing of it.
std::vector<std::string> consumers_of(const cluster_config& config,
                                      const std::string& stream) {
  std::vector<std::string> out;
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb
        && config.stream_of(process) == stream)
      out.push_back(process.name);
  return out;
}

/// A stream's core, and the first period that it may still have to end.
struct opened_stream {
  std::unique_ptr<rt::sequencer_core> core;
  std::vector<rt::peer_settings> peers;
  std::optional<period_id> first_open;
};

result<opened_stream> try_to_open(process_host& host,
                                  const process_config& process,
                                  const stream_config& stream,
                                  const rt_factory& how) {
  const auto& config = host.config();
  rt::sequencer_options options;
  options.stream = stream.name;
  options.directory = config.stream_directory(process.name, stream.name);
  options.cached = stream.mode == stream_mode::cached;
  // Entries end at most one chunk after it.
  options.roll_bytes
    = std::min<uint64_t>(stream.roll_bytes, uint64_t{900} << 20);
  options.ids = stream.ids;
  options.replicated_origins = stream.replicated_origins;
  options.draws_first_place = how.draws_first_place;
  options.checkpoint_bytes = how.checkpoint_bytes;
  options.behind_bytes_max = how.behind_bytes_max;
  options.gc_grace_ns = stream.gc_grace_ns;
  for (const auto* member : config.members_of(stream.name))
    options.nodes.push_back({rt::node_id_of(member->name), member->name});
  options.self = rt::node_id_of(process.name);
  auto store = host.open_checkpoints(options.directory + "/state");
  if (!store)
    return store.failure();
  auto core = rt::sequencer_core::open(host.env(), options, *std::move(store));
  if (!core)
    return core.failure();
  auto peers = peers_of(config, stream.name, process.name);
  if (!peers)
    return peers.failure();
  opened_stream out{*std::move(core), *std::move(peers), std::nullopt};
  if (config.period.clock) {
    auto first = first_open(host, *out.core);
    if (!first)
      return first.failure();
    out.first_open = *first;
  }
  return out;
}

/// On a full disk with what is kept for that.
result<opened_stream> open_stream(process_host& host,
                                  const process_config& process,
                                  const stream_config& stream,
                                  const rt_factory& how) {
  auto opened = try_to_open(host, process, stream, how);
  if (opened || opened.failure().code != errc::no_space
      || !rt::space_reserve::give(
        *host.env().fs,
        host.config().stream_directory(process.name, stream.name)))
    return opened;
  return try_to_open(host, process, stream, how);
}

} // namespace

result<hosted_process>
rt_factory::operator()(process_host& host,
                       const process_config& process) const {
  const auto& config = host.config();
  // All open before any acts: one that fails leaves none behind.
  std::vector<opened_stream> opened;
  for (const auto& name : process.streams) {
    auto stream = open_stream(host, process, *config.stream(name), *this);
    if (!stream)
      return stream.failure();
    opened.push_back(*std::move(stream));
  }
  hosted_process out;
  period_timer_settings timer{process.name, config.period.rule, {}};
  for (size_t i = 0; i < opened.size(); ++i) {
    const auto& name = process.streams[i];
    const auto& how = *config.stream(name);
    std::function<void(const std::string&, const std::string&)> detail
      = [](const std::string&, const std::string&) {};
    if (config.logging.level == "DBG")
      detail = teller(host, process.name, notice::severity::debug);
    auto stream = host.spawn(
      rt::sequencer, &host.env(),
      std::make_shared<std::unique_ptr<rt::sequencer_core>>(
        std::move(opened[i].core)),
      rt::sequencer_settings{
        .period_grace_ns = config.period.grace_ns,
        .participants = how.participants,
        .peers = std::move(opened[i].peers),
        .connector = host.connector(),
        .warn = teller(host, process.name, notice::severity::warning),
        .note = teller(host, process.name, notice::severity::info),
        .detail = std::move(detail),
        .retention = {how.retention_age_ns, how.retention_bytes,
                      how.retention_disk_percent},
        .consumers = consumers_of(config, name),
        .gc_disk_percent = how.gc_disk_percent,
        .slow_sync_ns = how.slow_sync_ns});
    host.put(stream_actor_name(name), stream);
    out.names.push_back(stream_actor_name(name));
    if (i == 0)
      out.actor = caf::actor_cast<caf::strong_actor_ptr>(stream);
    out.streams.push_back(stream);
    timer.streams.push_back({stream, name, opened[i].first_open});
  }
  if (config.period.clock) {
    auto clock = host.spawn(period_timer, &host, std::move(timer));
    host.put("period-timer", clock);
    out.names.emplace_back("period-timer");
    out.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(clock));
  }
  out.attributes = {{"streams", process.streams}};
  return out;
}

} // namespace millrace::nodes
