#pragma once

// What a test of failures includes: a world, what joins it, seeds, and failures
// that go to GoogleTest. Only a program with GoogleTest can include it.

#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>

namespace millrace::sim {

namespace gtest_glue {

inline void report(const world&, const std::string& what) {
  ADD_FAILURE() << what;
}

/// For all worlds of the program.
inline const bool reports = (world::report_failures_to(report), true);

inline int failed_parts() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  if (test == nullptr)
    return 0;
  int failed = 0;
  for (int i = 0; i < test->result()->total_part_count(); ++i)
    failed += test->result()->GetTestPartResult(i).failed();
  return failed;
}

/// How to run this test again with one seed.
inline std::string replay_line(uint64_t seed) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string out = "replay: MILLRACE_SIM_SEED=" + std::to_string(seed) + " "
                    + ::testing::internal::GetArgvs().front();
  if (test != nullptr)
    out += std::string{" --gtest_filter="} + test->test_suite_name() + "."
           + test->name();
  return out;
}

} // namespace gtest_glue

/// Runs `run(seed)` with seeds 1 to `count`, and stops after the first that
/// fails: then it says how to run that seed again, and what happened in its
/// worlds. MILLRACE_SIM_SEEDS says how many instead of `count`,
/// MILLRACE_SIM_SEED runs only that one.
template <class Run>
requires std::is_void_v<std::invoke_result_t<Run, uint64_t>>
void for_each_seed(uint64_t count, const Run& run) {
  for_each_seed(count, [&](uint64_t seed) -> bool {
    const auto before = gtest_glue::failed_parts();
    recorded_runs records;
    run(seed);
    if (gtest_glue::failed_parts() == before)
      return true;
    ADD_FAILURE() << "with seed " << seed << "\n"
                  << gtest_glue::replay_line(seed) << "\n"
                  << records.text();
    return false;
  });
}

} // namespace millrace::sim
