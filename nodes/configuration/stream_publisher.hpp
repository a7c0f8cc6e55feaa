#pragma once

#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <string>
#include <vector>

namespace millrace::nodes {

/// Beside `publisher` of a `[[stream]]` some keys have no effect.
/// @param publisher empty: rts order it, and all have
void refuse_keys_of_rts(text::toml_section& at, const std::string& publisher);

/// Why a stream that names a `publisher` is not published by that process alone
/// and read from it; none: it is, or rts order it.
struct stream_fault {
  std::string key;  ///< "stream" or "process".
  std::string name; ///< Of the element that has the fault.
  std::string path; ///< "stream.publisher".
  std::string reason;
};
[[nodiscard]] std::vector<stream_fault>
faults_of_publisher(const cluster_config& config, const stream_config& stream);

} // namespace millrace::nodes
