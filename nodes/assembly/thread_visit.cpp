#include <millrace/nodes/assembly/thread_visit.hpp>

#include <caf/logger.hpp>

namespace millrace::nodes {

thread_visit::thread_visit() noexcept
  : before_{caf::logger::current_logger()} {}

thread_visit::~thread_visit() {
  if (caf::logger::current_logger() != before_)
    caf::logger::set_current_actor_system(nullptr);
}

} // namespace millrace::nodes
