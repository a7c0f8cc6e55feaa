#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

const std::string& name_of(const table_config& table) {
  return table.schema.name;
}

template <class Part>
const std::string& name_of(const Part& part) {
  return part.name;
}

template <class Part>
bool has(const std::vector<Part>& all, const std::string& wanted) {
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& each) { return name_of(each) == wanted; });
}

/// What else has the name: ", and 'rdb1' is a [[process]]".
std::string other_part(const cluster_config& config,
                       const std::string& wanted) {
  const auto is = [&](const std::string& kind) {
    return ", and '" + wanted + "' is a [[" + kind + "]]";
  };
  for (const auto& process : config.processes)
    if (process.name == wanted)
      return is("process")
             + (process.node.empty() ? ""
                                     : " of node '" + process.node
                                         + "': `millrace stop` and `millrace "
                                           "spawn` are for it alone");
  if (has(config.nodes, wanted))
    return is("node");
  if (has(config.streams, wanted))
    return is("stream");
  return has(config.tables, wanted) ? is("table") : "";
}

template <class Part>
result<const Part*> named(const cluster_config& config, const char* kind,
                          const std::vector<Part>& all,
                          const std::string& wanted) {
  std::vector<std::string> known;
  for (const auto& each : all) {
    if (name_of(each) == wanted)
      return &each;
    known.push_back(name_of(each));
  }
  const auto other = other_part(config, wanted);
  return error{errc::not_found,
               config.path + ": no [[" + kind + "]] is named '" + wanted + "'"
                 + (other.empty() ? text::meant(wanted, known) : other)};
}

} // namespace

result<const stream_config*> configured_stream(const cluster_config& config,
                                               const std::string& name) {
  return named(config, "stream", config.streams, name);
}

result<const stream_config*> ordered_stream(const cluster_config& config,
                                            const std::string& name) {
  auto out = configured_stream(config, name);
  if (!out || (*out)->publisher.empty())
    return out;
  return error{errc::unsupported, config.path + ": stream '" + name
                                    + "' is published by process '"
                                    + (*out)->publisher
                                    + "', and no rt orders it: it has no "
                                      "members, no periods and no ledger"};
}

result<const table_config*> configured_table(const cluster_config& config,
                                             const std::string& name) {
  return named(config, "table", config.tables, name);
}

result<const node_config*> configured_node(const cluster_config& config,
                                           const std::string& name) {
  return named(config, "node", config.nodes, name);
}

result<const process_config*> configured_process(const cluster_config& config,
                                                 const std::string& name) {
  return named(config, "process", config.processes, name);
}

} // namespace millrace::nodes
