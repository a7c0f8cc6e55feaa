#include <millrace/nodes/cli/own_program.hpp>

#include <filesystem>

namespace millrace::nodes {

std::string own_program() {
  std::error_code fault;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", fault);
  return fault ? "millrace" : path.string();
}

} // namespace millrace::nodes
