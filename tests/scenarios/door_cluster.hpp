#pragma once

#include <millrace/tests/support/cluster_text.hpp>

#include <string>

namespace millrace::sim {

/// A small cluster with a port for programs of others, on the node "door". All
/// else is on "db", but for the rt process of `rt_node`.
/// @param process the port's `[[process]]`, without its node
inline std::string cluster_with_door(const std::string& process,
                                     const std::string& rt_node = "db") {
  test_support::cluster_text out{"door", "door-data"};
  out.stream("market").table("trade", "market",
                             {"time:timestamp", "sym:symbol", "size:long"});
  if (rt_node != "db")
    out.node(rt_node, 7460);
  out.node("db", 7461)
    .node("door", 7462)
    .process("discovery1", "discovery", "db")
    .process("rt1", "rt", rt_node)
    .process("rdb1", "rdb", "db")
    .process("gw1", "gateway", "db");
  return out.text() + "[[process]]\nnode = \"door\"\n" + process;
}

} // namespace millrace::sim
