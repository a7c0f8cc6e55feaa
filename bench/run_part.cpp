#include <millrace/bench/door_bench.hpp>
#include <millrace/bench/gateway_bench.hpp>
#include <millrace/bench/part_process.hpp>
#include <millrace/bench/process_stream.hpp>
#include <millrace/bench/proto_limit.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <array>

namespace millrace::bench {

namespace {

using part_arguments = std::vector<std::string>;

struct part {
  std::string_view name;
  size_t argument_count;
  error (*play)(const part_arguments&);
};

constexpr std::array parts{
  part{"door-node", 2, door_node},
  part{"proto-node", 3, proto_node},
  part{"proto-replay", 2, proto_replay},
  part{"proto-replica", 2, proto_replica},
  part{"proto-subscriber", 3, proto_subscriber},
  part{"query-node", 3, query_node},
  part{"stream-node", 4, stream_node},
  part{"stream-publisher", 6, stream_publisher},
  part{"stream-subscriber", 4, stream_subscriber},
};

} // namespace

int run_part(const std::vector<std::string>& words) {
  for (const auto& each : parts)
    if (each.name == words.front() && words.size() == each.argument_count + 1) {
      const auto fault = each.play({words.begin() + 1, words.end()});
      return fault ? nodes::fail(fault) : static_cast<int>(nodes::exit_ok);
    }
  return nodes::fail({errc::invalid_argument, "no such part"});
}

} // namespace millrace::bench
