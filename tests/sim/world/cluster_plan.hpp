#pragma once

#include <millrace/sim/world/world.hpp>

#include <string>
#include <string_view>

namespace millrace::sim {

/// A cluster that a scenario makes up, for `world::add_cluster`: what a
/// configuration file would say, and what no file can (programs of its own,
/// sizes below what a file may ask for, machines). It has the stream "market"
/// and, in it, the table `trade_table`. Each node has one process of the same
/// name, on a machine of its own unless it says otherwise.
struct cluster_plan {
  cluster_plan();

  /// Adds a node and its process; fill in the rest of it.
  nodes::process_config& add(const std::string& name, std::string_view type,
                             const std::string& machine = {});
  /// The same with a process that only this scenario knows.
  void add_program(const std::string& name, nodes::process_factory program);

  nodes::cluster_config config;
  cluster_options options;
};

/// Where the rt process of a plan keeps its stream: in/, raft/ and out/.
[[nodiscard]] std::string stream_directory(const std::string& rt);

/// The simulated node that hosts a program. @pre it is one.
[[nodiscard]] node& simulated(nodes::process_host& host);

} // namespace millrace::sim
