#pragma once

#include <string>

namespace millrace::sim {

/// A small cluster with a port for programs of others, on the node "door". All
/// else is on "db", but for the rt process of `rt_node`.
/// @param process the port's `[[process]]`, without its node
inline std::string cluster_with_door(const std::string& process,
                                     const std::string& rt_node = "db") {
  return R"([cluster]
name = "door"
data = "door-data"
[[stream]]
name = "market"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "size:long"]
)"
         + (rt_node == "db"
              ? ""
              : "[[node]]\nname = \"" + rt_node + "\"\nport = 7460\n")
         + R"([[node]]
name = "db"
port = 7461
[[node]]
name = "door"
port = 7462
[[process]]
name = "discovery1"
type = "discovery"
node = "db"
[[process]]
name = "rt1"
type = "rt"
node = ")"
         + rt_node + R"("
[[process]]
name = "rdb1"
type = "rdb"
node = "db"
[[process]]
name = "gw1"
type = "gateway"
node = "db"
[[process]]
node = "door"
)" + process;
}

} // namespace millrace::sim
