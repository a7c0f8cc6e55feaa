#pragma once

#include <millrace/nodes/assembly/thread_visit.hpp>

#include <caf/scoped_actor.hpp>

namespace millrace::nodes {

/// A thread that asks the actors of a host and waits for their answers: a
/// `caf::scoped_actor` that leaves the thread untied (`thread_visit`), so that
/// another thread may end the host. For the thread that made it.
class guest : private thread_visit, public caf::scoped_actor {
public:
  using caf::scoped_actor::scoped_actor;
};

} // namespace millrace::nodes
