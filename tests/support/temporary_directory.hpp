#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace millrace::test_support {

/// An empty directory of its own, removed at the end with all that is in it.
class temporary_directory {
public:
  temporary_directory()
    : path_{std::filesystem::temp_directory_path() / "millrace-XXXXXX"} {
    const auto* made = ::mkdtemp(path_.data());
    MILLRACE_ASSERT(made != nullptr);
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
  std::string path_;
};

} // namespace millrace::test_support
