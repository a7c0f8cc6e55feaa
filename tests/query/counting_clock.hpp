#pragma once

#include <millrace/persistence/disk/executor.hpp>

namespace millrace::query::testing_support {

/// Its time is how often it was asked.
class counting_clock : public persistence::clock_source {
public:
  int64_t now_ns() override { return 0; }
  int64_t monotonic_ns() override { return ++looks; }
  int64_t looks = 0;
};

} // namespace millrace::query::testing_support
