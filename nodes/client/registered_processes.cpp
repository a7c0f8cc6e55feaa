#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/registered_processes.hpp>

namespace millrace::nodes {

result<std::vector<process_row>>
registered_processes(runtime& host, const cluster_config& config,
                     const std::string& type,
                     std::chrono::milliseconds deadline) {
  result<std::vector<process_row>> out{
    error{errc::unavailable, config.path + ": no discovery answers"}};
  for (const auto& at : endpoints_of(config, process_type::discovery)) {
    auto discovery = host.find_as<discovery_actor>(at, deadline);
    if (!discovery) {
      out = discovery.failure();
      continue; // Another one may know.
    }
    out = ask<std::vector<process_row>>(host, *discovery, deadline,
                                        lookup_atom_v, type);
    if (out)
      return out;
  }
  return out;
}

} // namespace millrace::nodes
