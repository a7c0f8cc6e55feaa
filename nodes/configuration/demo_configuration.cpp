#include <millrace/nodes/configuration/configuration.hpp>

namespace millrace::nodes {

std::string demo_configuration_text(uint16_t port) {
  std::string text
    = R"(# The cluster that `millrace demo` runs: every process on one node. Other
# commands reach it with --config and the path of this file.

[cluster]
name = "demo"
data = "data"

[period]
zone = "America/New_York"
time = "00:00"

[[stream]]
name = "market"
mode = "synced"

[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "ex:symbol", "cond:symbol"]

[[table]]
name = "quote"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "bid:float", "ask:float",
           "bsize:int", "asize:int", "ex:symbol"]

[[node]]
name = "demo"
port = )";
  text += std::to_string(port);
  text += R"(

[[process]]
name = "discovery1"
type = "discovery"
node = "demo"

[[process]]
name = "rt1"
type = "rt"
node = "demo"

[[process]]
name = "rdb1"
type = "rdb"
node = "demo"

[[process]]
name = "hdb1"
type = "hdb"
node = "demo"

[[process]]
name = "gw1"
type = "gateway"
node = "demo"

[[process]]
name = "web"
type = "http"
node = "demo"
port = )";
  text += std::to_string(port + 80) + "\n";
  return text;
}

} // namespace millrace::nodes
