#include <millrace/nodes/host/descriptor_limit.hpp>

#include <cerrno>
#include <cstring>
#include <sys/resource.h>

namespace millrace::nodes {

result<uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  const auto refused = [] {
    return error{errc::internal,
                 std::string{"limit of open files: "} + std::strerror(errno)};
  };
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return refused();
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return refused();
  return static_cast<uint64_t>(limit.rlim_cur);
}

} // namespace millrace::nodes
