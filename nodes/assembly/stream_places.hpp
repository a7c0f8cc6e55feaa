#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/endpoint.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// What a program does with a stream.
enum class stream_use : uint8_t { publish, subscribe };

/// What a program says of where a stream is; empty: it says nothing.
struct named_places {
  /// "host:port" of each RT node, in their order; an address of IPv6 in
  /// brackets.
  std::vector<std::string> rt;
  /// `name` of [cluster] there.
  std::string cluster;
};

/// Where the RT nodes of a stream are found, or the publisher of one that none
/// orders: at the places that are named, else those of a configuration that has
/// the stream. Where neither is, at those that the environment names:
/// `$RT_TOPIC_PREFIX<stream>-<n>` for each n below `$RT_REPLICAS` (3), at port
/// 5001 for subscribers and 5002 for publishers. Their cluster is the one that
/// is named, else that of the configuration, else `$MILLRACE_CLUSTER`.
/// `not_found` when nothing says where the stream is; `invalid_argument` names
/// what cannot be a place; `config` when nothing says of which cluster it is.
[[nodiscard]] result<std::vector<endpoint>>
places_of_stream(const cluster_config& config, const std::string& stream,
                 stream_use use, const named_places& named = {});

/// Reads a list as `--rt` has it: places between commas.
[[nodiscard]] std::vector<std::string> split_places(std::string_view list);

/// Whether the environment says where streams are that no configuration has.
[[nodiscard]] bool environment_names_places();

} // namespace millrace::nodes
