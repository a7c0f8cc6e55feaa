#pragma once

#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/nodes/users/login.hpp>

namespace millrace::nodes {

/// What was found of a client that said who it is.
struct login_judged {
  connection_id from = 0;
  login_verdict verdict;
};

/// Of those who are logged in, who is not any more; a fault: it is not known.
struct logins_looked_at {
  result<std::set<standing_login>> gone;
};

} // namespace millrace::nodes
