#pragma once

// What a test of failures includes: a world, what joins it, seeds, and failures
// that go to GoogleTest. Only a program with GoogleTest can include it.

#include <millrace/sim/script/fault_mix.hpp>
#include <millrace/sim/script/script_shrinker.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
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

namespace gtest_glue {

/// Whether a run fails; nobody hears of it.
template <class Run>
bool fails_quietly(const Run& run) {
  ::testing::TestPartResultArray results;
  const ::testing::ScopedFakeTestPartResultReporter quiet{
    ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD,
    &results};
  run();
  for (int i = 0; i < results.size(); ++i)
    if (results.GetTestPartResult(i).failed())
      return true;
  return false;
}

/// Says which faults of a script that fails are enough.
template <class Run>
void report_shortest(const fault_script& failing, const Run& run) {
  script_shrinker shrinker{failing};
  while (const auto less = shrinker.next()) {
    const recorded_runs not_kept;
    shrinker.tried(fails_quietly([&] { run(*less); }));
  }
  ADD_FAILURE() << "of " << failing.size() << " faults these are enough:\n"
                << to_text(shrinker.smallest())
                << "save them, and say MILLRACE_SIM_SCRIPT=<file> when this "
                   "seed is replayed";
}

/// The script that MILLRACE_SIM_SCRIPT names, else the one that was drawn.
inline fault_script script_of(fault_script drawn) {
  const char* path = std::getenv("MILLRACE_SIM_SCRIPT");
  if (path == nullptr)
    return drawn;
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto script = parse_fault_script(text, path);
  if (!file || !script) {
    ADD_FAILURE() << (file ? to_string(script.failure())
                           : std::string{path} + ": cannot be read");
    return {};
  }
  return *std::move(script);
}

/// Runs `run(script)`; when it fails, says which of its faults are enough.
template <class Run>
void run_script(fault_script drawn, const Run& run) {
  const auto before = failed_parts();
  const auto script = script_of(std::move(drawn));
  run(script);
  if (failed_parts() != before)
    report_shortest(script, run);
}

/// The same with the seed's script.
template <class Run>
void run_drawn_script(uint64_t seed, const fault_mix& mix, const Run& run) {
  run_script(draw_faults(seed, mix), run);
}

} // namespace gtest_glue

/// Runs `run(seed, script)` with a script of faults that each seed draws from
/// the mix, for `world::play`. The script of the first that fails is shrunk, by
/// running it again with less, to one in which no fault can be spared; that is
/// said, with what happened. MILLRACE_SIM_SCRIPT names a file with a script to
/// run instead: what was said, saved.
template <class Run>
void for_each_fault_script(uint64_t count, const fault_mix& mix,
                           const Run& run) {
  for_each_seed(count, [&](uint64_t seed) {
    gtest_glue::run_drawn_script(
      seed, mix, [&](const fault_script& script) { run(seed, script); });
  });
}

} // namespace millrace::sim
