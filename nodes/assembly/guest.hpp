#pragma once

#include <millrace/nodes/assembly/thread_visit.hpp>

#include <caf/scoped_actor.hpp>
#include <caf/timespan.hpp>

namespace millrace::nodes {

/// A thread that asks the actors of a host and waits for their answers: a
/// `caf::scoped_actor` that leaves the thread untied (`thread_visit`), so that
/// another thread may end the host. For the thread that made it.
class guest : private thread_visit, public caf::scoped_actor {
public:
  using caf::scoped_actor::scoped_actor;

  /// Returns after this time, by a clock that nobody sets: `caf::after` waits
  /// by the wall clock (`std::chrono::high_resolution_clock`), and longer by
  /// as much as that is set back.
  void pause(caf::timespan time) {
    auto& self = **this;
    self.delayed_send(*this, time, caf::tick_atom_v);
    self.receive([](caf::tick_atom) {});
  }
};

} // namespace millrace::nodes
