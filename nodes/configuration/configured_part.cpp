#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

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
result<const Part*> named(const cluster_config& config, const char* kind,
                          const std::vector<Part>& all,
                          const std::string& wanted) {
  std::vector<std::string> known;
  for (const auto& each : all) {
    if (name_of(each) == wanted)
      return &each;
    known.push_back(name_of(each));
  }
  return error{errc::not_found, config.path + ": no [[" + kind + "]] is named '"
                                  + wanted + "'" + text::meant(wanted, known)};
}

} // namespace

result<const stream_config*> configured_stream(const cluster_config& config,
                                               const std::string& name) {
  return named(config, "stream", config.streams, name);
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
