#pragma once

#include <millrace/tests/support/paths.hpp>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace millrace::nodes {

/// Keys that the reader of configurations knows, as its source has them.
inline std::set<std::string> known_keys() {
  std::string source;
  for (const auto* file : {"nodes/configuration/configuration.cpp",
                           "nodes/configuration/read_cluster_tls.cpp",
                           "nodes/configuration/read_place.cpp",
                           "nodes/configuration/read_port.cpp",
                           "nodes/configuration/read_table.cpp"}) {
    std::ifstream in{test_support::source_path(file)};
    source.append(std::istreambuf_iterator<char>{in}, {});
  }
  const std::regex reads{
    R"x((?:at\.(?:text|required_text|required_name|flag|integer|texts|bytes)x"
    R"x(|duration|choice)\(|(?:path|read_zone|feed_table)\(at,)\s*"([a-z_]+)")x"};
  std::set<std::string> out;
  for (std::sregex_iterator at{source.begin(), source.end(), reads}, end;
       at != end; ++at)
    out.insert((*at)[1]);
  return out;
}

} // namespace millrace::nodes
