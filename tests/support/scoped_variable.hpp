#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace millrace::test_support {

/// A variable of the environment, as it is to be until the end of a scope. Not
/// beside threads that look at the environment.
class scoped_variable {
public:
  /// @param value none: it is not set
  scoped_variable(std::string name, const std::optional<std::string>& value)
    : name_{std::move(name)} {
    if (const char* was = std::getenv(name_.c_str()))
      was_ = was;
    set(value);
  }
  ~scoped_variable() { set(was_); }
  scoped_variable(const scoped_variable&) = delete;
  scoped_variable& operator=(const scoped_variable&) = delete;

private:
  void set(const std::optional<std::string>& value) const {
    if (value)
      ::setenv(name_.c_str(), value->c_str(), 1);
    else
      ::unsetenv(name_.c_str());
  }

  std::string name_;
  std::optional<std::string> was_;
};

} // namespace millrace::test_support
