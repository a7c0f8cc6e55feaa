#pragma once

#include <millrace/persistence/disk/executor.hpp>

namespace millrace::nodes {

/// The clocks of the system. Thread safe. `now_ns` may differ by well below a
/// microsecond between threads.
class system_clock final : public persistence::clock_source {
public:
  [[nodiscard]] int64_t now_ns() override;
  [[nodiscard]] int64_t monotonic_ns() override;
};

} // namespace millrace::nodes
