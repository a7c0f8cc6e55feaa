#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/configuration/read_place.hpp>
#include <millrace/nodes/configuration/read_port.hpp>

#include <map>

namespace millrace::nodes {

namespace {

using text::in_quotes;
using text::toml_faults;
using text::toml_section;

/// A fault of a line that has been read.
void fault_in(toml_faults& faults, uint32_t line, const char* path,
              const std::string& reason) {
  text::toml_value where;
  where.line = line;
  where.column = 1;
  faults.add(where, path, reason);
}

/// A partition is written and read on one disk.
void check_directories(const cluster_config& config, toml_faults& faults) {
  std::map<std::string, const process_config*> first;
  for (const auto& process : config.processes) {
    if (process.hdb_directory.empty() || process.node.empty())
      continue;
    const auto [at, is_new]
      = first.try_emplace(process.hdb_directory, &process);
    if (is_new || of_one_host(config, at->second->node, process.node))
      continue;
    fault_in(faults, process.type_line, "process.hdb",
             in_quotes(process.name) + " and " + in_quotes(at->second->name)
               + " have the directory " + process.hdb_directory
               + " on two hosts: what shares one is on one host; give "
                 "another host another directory");
  }
}

} // namespace

void check_cluster_address(toml_section& at, const std::string& address) {
  const auto kind = kind_of_address(address);
  if (kind == address_kind::none)
    at.fault("address", in_quotes(address) + " is not an IPv4 or IPv6 address");
  if (kind == address_kind::other)
    at.fault("address",
             in_quotes(address)
               + " is not a loopback address: it is of all nodes, and those of "
                 "several hosts have an 'address' each, in [[node]]; so has a "
                 "port for clients");
}

uint16_t read_port_number(toml_section& at) {
  if (!at.has("port"))
    at.fault("port", "is missing");
  return static_cast<uint16_t>(at.integer("port", 1, 65'535, 0));
}

void read_place(toml_section& at, const cluster_config& within,
                node_config& into) {
  into.port = read_port_number(at);
  if (const auto* name = at.find("name"))
    into.line.line = name->line;
  into.address = at.text("address", "");
  const auto kind = kind_of_address(into.address);
  const auto shown = in_quotes(into.address);
  if (at.has("address") && kind == address_kind::none)
    at.fault("address", shown + " is not an IPv4 or IPv6 address");
  if (into.address == "0.0.0.0" || into.address == "::")
    at.fault("address", shown + " is of no host: others connect to it");
  else if (kind == address_kind::other && !within.tls.is_on())
    at.fault("address",
             shown
               + " is not a loopback address: nodes are reached from other "
                 "hosts only where all prove who they are; write "
                 "tls_certificate, tls_key and tls_authority in [cluster]");
  for (const auto& other : within.nodes)
    if (other.port == into.port && into.port != 0
        && within.address_of(other) == within.address_of(into))
      at.fault("port", std::to_string(into.port) + " is the port of node "
                         + in_quotes(other.name) + " too");
}

bool of_one_host(const cluster_config& config, std::string_view node,
                 std::string_view other) {
  const auto* a = config.node(node);
  const auto* b = config.node(other);
  return a == nullptr || b == nullptr
         || config.address_of(*a) == config.address_of(*b);
}

void check_hosts(const cluster_config& config, toml_faults& faults) {
  if (!config.spans_hosts())
    return;
  for (const auto& node : config.nodes)
    if (kind_of_address(config.address_of(node)) == address_kind::loopback)
      fault_in(faults, node.line.line, "node.address",
               in_quotes(node.name)
                 + " is on loopback, where no other host "
                   "reaches it, and other nodes are not: "
                   "give each an address of its host");
  check_directories(config, faults);
}

} // namespace millrace::nodes
