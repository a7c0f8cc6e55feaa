#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/configuration/stream_publisher.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::in_quotes;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

/// Tables that a feed fills.
std::vector<std::string> filled_by(const process_config& feed) {
  return feed.generator.on
           ? std::vector<std::string>{feed.generator.trade_table,
                                      feed.generator.quote_table}
           : std::vector<std::string>{feed.table};
}

bool fills(const cluster_config& config, const process_config& feed,
           const std::string& stream) {
  const auto tables = filled_by(feed);
  return std::any_of(tables.begin(), tables.end(), [&](const auto& name) {
    const auto* table = config.table(name);
    return table != nullptr && table->stream == stream;
  });
}

/// Why a process cannot be the one that publishes; empty: it can.
std::string unfit(const cluster_config& config, const process_config& process,
                  const std::string& stream) {
  const auto& type = process.type;
  for (const auto& other :
       {process_type::discovery, process_type::rt, process_type::rdb,
        process_type::hdb, process_type::gateway, process_type::postgres})
    if (type == other)
      return in_quotes(process.name) + " is of type " + type
             + ", which publishes nothing";
  if (process.node.empty())
    return in_quotes(process.name)
           + " has no node: who reads the stream reads it there";
  if (!text::is_undotted_name(process.name))
    return in_quotes(process.name)
           + " cannot name the directory of a publisher: at most 64 letters, "
             "digits, '_' and '-', not led by '-'";
  if (type == process_type::feed && !fills(config, process, stream))
    return "feed " + in_quotes(process.name) + " fills no table of it";
  if (type == process_type::feed && process.generator.on
      && process.generator.periods > 1)
    return "the generator of " + in_quotes(process.name)
           + " ends periods, and only rts do: periods = 1";
  if ((type == process_type::kdb || type == process_type::http)
      && !contains(process.published, stream))
    return in_quotes(process.name) + " does not 'publish' it";
  return {};
}

} // namespace

void refuse_keys_of_rts(text::toml_section& at, const std::string& publisher) {
  if (publisher.empty())
    return;
  for (const auto* key : {"retention_age", "retention_size", "retention_disk",
                          "gc_grace", "gc_disk", "slow_sync", "participants"})
    if (at.has(key))
      at.fault(key, "has no effect where " + in_quotes(publisher)
                      + " publishes the stream and no rt orders it: its files "
                        "go as its lead subscriber prunes");
}

std::vector<stream_fault> faults_of_publisher(const cluster_config& config,
                                              const stream_config& stream) {
  std::vector<stream_fault> out;
  if (stream.publisher.empty())
    return out;
  const auto* process = config.process(stream.publisher);
  std::vector<std::string> names;
  for (const auto& each : config.processes)
    names.push_back(each.name);
  const auto reason = process == nullptr
                        ? in_quotes(stream.publisher) + " is not a [[process]]"
                            + text::meant(stream.publisher, names)
                        : unfit(config, *process, stream.name);
  if (!reason.empty())
    out.push_back({"stream", stream.name, "stream.publisher", reason});
  const auto alone = "stream " + in_quotes(stream.name) + " is published by "
                     + in_quotes(stream.publisher)
                     + " alone: no rt orders what others would publish";
  for (const auto& each : config.processes) {
    if (each.name == stream.publisher)
      continue;
    if (each.type == process_type::feed && fills(config, each, stream.name))
      out.push_back({"process", each.name,
                     each.generator.on ? "process.generator" : "process.table",
                     alone});
    else if (contains(each.published, stream.name))
      out.push_back({"process", each.name, "process.publish", alone});
  }
  return out;
}

} // namespace millrace::nodes
