#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/nodes/assembly/period_timer.hpp>
#include <millrace/nodes/assembly/roles.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

result<sequencer_actor> start_sequencer(process_host& host,
                                        const process_config& process,
                                        const stream_config& stream,
                                        uint64_t checkpoint_bytes) {
  const auto& config = host.config();
  if (stream.retention_age_ns != 0 || stream.retention_bytes != 0)
    return error{errc::config, config.path + ": stream '" + stream.name
                                 + "': retention: collecting old log files is "
                                   "not supported yet"};
  rt::sequencer_options options;
  options.stream = stream.name;
  options.directory = config.stream_directory(process.name, stream.name);
  options.cached = stream.mode == stream_mode::cached;
  // Entries end at most one chunk after it.
  options.roll_bytes
    = std::min<uint64_t>(stream.roll_bytes, uint64_t{900} << 20);
  options.checkpoint_bytes = checkpoint_bytes;
  auto store = host.open_checkpoints(options.directory + "/state");
  if (!store)
    return store.failure();
  auto core = rt::sequencer_core::open(host.env(), options, *std::move(store));
  if (!core)
    return core.failure();
  auto handle = host.spawn(
    rt::sequencer, &host.env(),
    std::make_shared<std::unique_ptr<rt::sequencer_core>>(*std::move(core)),
    rt::sequencer_settings{.period_grace_ns = config.period.grace_ns});
  host.put("rt/" + stream.name, handle);
  return handle;
}

} // namespace

result<hosted_process>
rt_factory::operator()(process_host& host,
                       const process_config& process) const {
  const auto& config = host.config();
  hosted_process out;
  for (const auto& name : process.streams) {
    auto stream
      = start_sequencer(host, process, *config.stream(name), checkpoint_bytes);
    if (!stream)
      return stream.failure();
    if (out.streams.empty())
      out.actor = caf::actor_cast<caf::strong_actor_ptr>(*stream);
    else
      host.essential(process.name, caf::actor_cast<caf::actor>(*stream));
    out.streams.push_back(*std::move(stream));
  }
  if (config.period.clock)
    host.put("period-timer", host.spawn(period_timer, &host.env(),
                                        config.period.rule, out.streams));
  out.attributes = nlohmann::json{{"streams", process.streams}}.dump();
  return out;
}

} // namespace millrace::nodes
