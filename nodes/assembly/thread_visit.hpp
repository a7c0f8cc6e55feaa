#pragma once

namespace caf {
class logger;
}

namespace millrace::nodes {

/// A visit of a thread to an actor system. CAF ties a thread that spawns an
/// actor to the actor's system for as long as the thread lives, and the end of
/// a system waits for all threads that are tied to it. What the visit tied is
/// untied with its end, so that any thread may end the system.
class thread_visit {
public:
  thread_visit() noexcept;
  ~thread_visit();
  thread_visit(const thread_visit&) = delete;
  thread_visit& operator=(const thread_visit&) = delete;

private:
  const caf::logger* before_;
};

} // namespace millrace::nodes
