#include <millrace/tests/support/paths.hpp>

namespace millrace::test_support {

std::string source_path(std::string_view below) {
  return std::string{MILLRACE_SOURCE_ROOT "/"}.append(below);
}

std::string data_path(std::string_view below) {
  return source_path("tests/data/").append(below);
}

} // namespace millrace::test_support
