#pragma once

#include <millrace/tests/support/cluster_text.hpp>

#include <string>

namespace millrace::sim {

/// One RT node or three, an rdb and an hdb of one machine, a gateway; small
/// files.
inline std::string small_cluster(int members) {
  test_support::cluster_text out{"harmed", "data",
                                 "[period]\ngrace = \"1s\"\n"};
  out.stream("market", "roll_size = \"64KiB\"\n")
    .table("trade", "market",
           {"time:timestamp", "sym:symbol", "size:int", "note:string"},
           "time = \"time\"\nsymbol = \"sym\"\n");
  int port = 7000;
  const auto add = [&](const std::string& name, const std::string& type,
                       const std::string& more) {
    out.node(name, ++port).process(name, type, name, more);
  };
  for (int i = 0; i < members; ++i)
    add("rt" + std::to_string(i), "rt", {});
  add("disc", "discovery", {});
  add("rdb", "rdb", "tables = [\"trade\"]\nhdb = \"hdb\"\n");
  add("hdb", "hdb", "hdb = \"hdb\"\n");
  add("gw", "gateway", {});
  return out.text();
}

} // namespace millrace::sim
