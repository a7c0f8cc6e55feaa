#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/own_addresses.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <algorithm>
#include <cstdio>

namespace millrace::nodes {

result<const node_config*> node_of_this_host(const cluster_config& config,
                                             const std::string& name) {
  auto known = configured_node(config, name);
  if (!known)
    return known;
  const auto& address = config.address_of(**known);
  if (!is_of_this_host(address))
    return error{errc::unavailable, "node '" + name
                                      + "' is on another host, at " + address
                                      + ": run this there"};
  return known;
}

error check_named_once(const std::vector<std::string>& nodes) {
  for (auto each = nodes.begin(); each != nodes.end(); ++each)
    if (std::find(nodes.begin(), each, *each) != each)
      return {errc::invalid_argument, "node '" + *each + "' is named twice"};
  return {};
}

std::vector<std::string> nodes_of_this_host(const cluster_config& config) {
  std::vector<std::string> out;
  for (const auto& each : config.nodes)
    if (is_of_this_host(config.address_of(each)))
      out.push_back(each.name);
  return out;
}

error check_home(const cluster_config& config, const std::string& table) {
  const auto directory = config.home_of(table);
  for (const auto& process : config.processes)
    if (process.hdb_directory == directory && !process.node.empty())
      if (const auto here = node_of_this_host(config, process.node); !here)
        return {here.failure().code, "rows of table '" + table + "' go to "
                                       + directory + " of '" + process.name
                                       + "': " + here.failure().context};
  if (!is_served(config, directory))
    return {errc::unavailable,
            config.path + ": rows of table '" + table + "' go to " + directory
              + ", which no [[process]] of type \"hdb\" serves: nobody could "
                "be asked for them"};
  return {};
}

int with_nodes(
  const std::string& config_path, const std::vector<std::string>& wanted,
  const std::function<int(supervisor&, const std::vector<std::string>&)>& act) {
  const auto config = load_cluster(config_path);
  if (!config)
    return fail(config.failure());
  if (auto fault = check_named_once(wanted))
    return fail(fault);
  auto names = wanted;
  for (const auto& name : names)
    if (auto known = node_of_this_host(*config, name); !known)
      return fail(known.failure());
  if (names.empty())
    for (const auto& node : config->nodes)
      names.push_back(node.name);
  if (wanted.empty() && nodes_of_this_host(*config).empty())
    return fail({errc::unavailable,
                 config->path + ": no node has an address of this host"});
  auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!world)
    return fail(world.failure());
  supervisor nodes{(*world)->world(), *config};
  return act(nodes, names);
}

int report(const std::vector<node_outcome>& outcomes, output_format output) {
  int code = exit_ok;
  for (const auto& each : outcomes) {
    if (each.failure) {
      std::fprintf(stderr, "millrace: %s\n", to_string(each.failure).c_str());
      if (code == exit_ok)
        code = each.exit_code;
    } else if (output == output_format::json) {
      continue;
    } else if (each.pid != 0) {
      std::printf("%s: %s (process %d)\n", each.name.c_str(), each.text.c_str(),
                  each.pid);
    } else {
      std::printf("%s: %s\n", each.name.c_str(), each.text.c_str());
    }
  }
  return code;
}

text::json_value json_of(const std::vector<node_outcome>& outcomes) {
  auto out = text::json_value::array();
  for (const auto& each : outcomes) {
    text::json_value row{{"node", each.name}};
    row.add("state", each.failure ? "failed" : each.text);
    if (each.pid != 0)
      row.add("pid", each.pid);
    if (each.failure)
      row.add("failure", failure_value(each.failure));
    out.add(std::move(row));
  }
  return out;
}

} // namespace millrace::nodes
