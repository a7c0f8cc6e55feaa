#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/node_selection.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <cstdio>

namespace millrace::nodes {

int with_nodes(
  const std::string& config_path, const std::vector<std::string>& wanted,
  const std::function<int(supervisor&, const std::vector<std::string>&)>& act) {
  const auto config = load_cluster(config_path);
  if (!config)
    return fail(config.failure());
  auto names = wanted;
  for (const auto& name : names)
    if (auto known = configured_node(*config, name); !known)
      return fail(known.failure());
  if (names.empty())
    for (const auto& node : config->nodes)
      names.push_back(node.name);
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
      row.add("failure", to_string(each.failure));
    out.add(std::move(row));
  }
  return out;
}

} // namespace millrace::nodes
