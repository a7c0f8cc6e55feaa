#pragma once

#include <millrace/nodes/users/login.hpp>

#include <functional>
#include <string>

namespace millrace::nodes {

/// Who may do what at a port that asks for passwords. Thread safe.
struct port_access {
  login_judge judge;
  /// Called with what a user did, or was refused.
  std::function<void(const std::string& text)> on_audit;
};

} // namespace millrace::nodes
