#include <millrace/nodes/host/crash_points.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sys/random.h>
#include <system_error>
#include <thread>

namespace millrace::nodes {

namespace {

uint64_t random_number() {
  uint64_t out = 0;
  // Only a signal before the kernel's pool is ready interrupts 8 bytes.
  while (::getrandom(&out, sizeof out, 0) != sizeof out)
    MILLRACE_ASSERT(errno == EINTR);
  return out;
}

unsigned cores() { return std::max(1u, std::thread::hardware_concurrency()); }

} // namespace

real_env::real_env(const real_env_options& options)
  : io_{std::max(1u, options.io_threads), "millrace-io"},
    pool_{options.pool_threads == 0 ? cores() : options.pool_threads,
          "millrace-pool"} {
  world_.fs = &persistence::posix_file_system();
  world_.clock = &clock_;
  world_.io = &io_;
  world_.pool = &pool_;
  world_.random = random_number;
}

result<std::unique_ptr<real_env>>
real_env::create(const real_env_options& options) {
  const char* variable = std::getenv("CRASH_AT");
  auto request = parse_crash_request(variable ? variable : "");
  if (!request)
    return request.failure();
  std::unique_ptr<real_env> out;
  try {
    out.reset(new real_env{options});
  } catch (const std::system_error& thrown) {
    return error{
      errc::limit_exceeded,
      std::string{"the system does not give this process another thread: "}
        + thrown.what() + "; raise its limits (ulimit -u, ulimit -v)"};
  }
  out->world_.crash_point = make_crash_point(*request);
  return out;
}

} // namespace millrace::nodes
