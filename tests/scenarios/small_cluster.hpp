#pragma once

#include <string>

namespace millrace::sim {

/// One RT node or three, an rdb and an hdb of one machine, a gateway; small
/// files.
inline std::string small_cluster(int members) {
  std::string out = "[cluster]\nname = \"harmed\"\ndata = \"data\"\n"
                    "[period]\ngrace = \"1s\"\n"
                    "[[stream]]\nname = \"market\"\nroll_size = \"64KiB\"\n"
                    "[[table]]\nname = \"trade\"\nstream = \"market\"\n"
                    "time = \"time\"\nsymbol = \"sym\"\n"
                    "columns = [\"time:timestamp\", \"sym:symbol\", "
                    "\"size:int\", \"note:string\"]\n";
  int port = 7000;
  const auto add = [&](const std::string& name, const std::string& type,
                       const std::string& more) {
    out += "[[node]]\nname = \"" + name + "\"\nport = " + std::to_string(++port)
           + "\n[[process]]\nname = \"" + name + "\"\ntype = \"" + type
           + "\"\nnode = \"" + name + "\"\n" + more;
  };
  for (int i = 0; i < members; ++i)
    add("rt" + std::to_string(i), "rt", {});
  add("disc", "discovery", {});
  add("rdb", "rdb", "tables = [\"trade\"]\nhdb = \"hdb\"\n");
  add("hdb", "hdb", "hdb = \"hdb\"\n");
  add("gw", "gateway", {});
  return out;
}

} // namespace millrace::sim
