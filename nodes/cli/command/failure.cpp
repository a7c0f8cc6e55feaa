#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <cstdio>

namespace millrace::nodes {

int fail(const error& failure) {
  if (failure.code == errc::config)
    std::fprintf(stderr, "%s\n", failure.context.c_str());
  else
    std::fprintf(stderr, "millrace: %s\n", to_string(failure).c_str());
  return exit_code_of(failure.code);
}

} // namespace millrace::nodes
