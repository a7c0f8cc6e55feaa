#include <millrace/nodes/host/process_usage.hpp>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <unistd.h>

namespace millrace::nodes {

std::optional<process_usage> parse_process_usage(std::string_view stat,
                                                 int64_t ticks_per_second,
                                                 uint64_t page_bytes) {
  // "pid (name) state ...": the name may hold anything, also ')'.
  const auto close = stat.rfind(')');
  if (close == stat.npos)
    return std::nullopt;
  std::istringstream rest{std::string{stat.substr(close + 1)}};
  std::string skipped;
  const auto skip = [&](int from, int to) {
    for (int field = from; field < to; ++field)
      rest >> skipped;
  };
  int64_t user = 0;
  int64_t of_system = 0;
  uint64_t pages = 0;
  // The state is field 3.
  skip(3, 14);
  rest >> user >> of_system;
  skip(16, 24);
  if (!(rest >> pages))
    return std::nullopt;
  return process_usage{(user + of_system) * 1000 / ticks_per_second,
                       pages * page_bytes};
}

std::optional<process_usage> usage_of_process(int pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  const std::string stat{std::istreambuf_iterator<char>{in}, {}};
  return parse_process_usage(stat, ::sysconf(_SC_CLK_TCK),
                             static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
}

} // namespace millrace::nodes
