#pragma once

// What a test of failures includes: a world, what joins it, seeds, and failures
// that go to GoogleTest. Only a program with GoogleTest can include it.

#include <millrace/sim/script/failed_part.hpp>
#include <millrace/sim/script/fault_mix.hpp>
#include <millrace/sim/script/script_shrinker.hpp>
#include <millrace/sim/world/exceptions.hpp>
#include <millrace/sim/world/last_words.hpp>
#include <millrace/sim/world/recorded_runs.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace millrace::sim {

namespace gtest_glue {

inline void report(const world&, const std::string& what) {
  ADD_FAILURE() << what;
}

inline failed_part part_of(const ::testing::TestPartResult& part) {
  return {part.file_name() == nullptr ? "" : part.file_name(),
          part.line_number(), part.message()};
}

/// What has failed in this test so far, after the first so many.
inline std::vector<failed_part> failed_parts(size_t after = 0) {
  std::vector<failed_part> out;
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  for (int i = 0; test && i < test->result()->total_part_count(); ++i)
    if (const auto& part = test->result()->GetTestPartResult(i); part.failed())
      out.push_back(part_of(part));
  out.erase(out.begin(), out.begin() + static_cast<ptrdiff_t>(after));
  return out;
}

/// How to run this test again, for a shell: where it was begun, with what it
/// was told by its environment. @param seed none: it has one of its own
inline std::string replay_line(std::optional<uint64_t> seed) {
  const auto& tests = *::testing::UnitTest::GetInstance();
  const auto* test = tests.current_test_info();
  std::string out
    = "replay: cd " + in_shell(tests.original_working_dir()) + " &&";
  if (seed)
    out += " MILLRACE_SIM_SEED=" + std::to_string(*seed);
  if (const char* script = std::getenv("MILLRACE_SIM_SCRIPT"))
    out += std::string{" MILLRACE_SIM_SCRIPT="} + in_shell(script);
  out += " " + in_shell(::testing::internal::GetArgvs().front());
  if (test != nullptr)
    out += " "
           + in_shell(std::string{"--gtest_filter="} + test->test_suite_name()
                      + "." + test->name());
  return out;
}

inline std::string replay_of_test() { return replay_line(std::nullopt); }

/// Runs something, and makes a failure of an exception that leaves it, so that
/// what there is to say of a run that fails is said of this, too. Those by
/// which GoogleTest itself ends a test have failed it already, and go on.
template <class Run>
void run_to_its_end(const Run& run) {
  if (!GTEST_FLAG_GET(catch_exceptions))
    return run(); // Somebody wants the program to stop there.
  try {
    run();
  } catch (const ::testing::internal::GoogleTestFailureException&) {
    throw;
  } catch (...) {
    ADD_FAILURE() << "an exception ends the run: " << what_was_thrown();
  }
}

/// For all worlds of the program.
inline const bool reports = (world::report_failures_to(report),
                             last_words::replay_as(replay_of_test), true);

} // namespace gtest_glue

/// Runs `run(seed)` with seeds 1 to `count`, and stops after the first that
/// fails, be it by an exception: then it says how to run that seed again, and
/// what happened in its worlds. MILLRACE_SIM_SEEDS says how many instead of
/// `count`, MILLRACE_SIM_SEED runs only that one.
template <class Run>
requires std::is_void_v<std::invoke_result_t<Run, uint64_t>>
void for_each_seed(uint64_t count, const Run& run) {
  const auto wanted = seeds_wanted(count);
  if (!wanted) {
    ADD_FAILURE() << to_string(wanted.failure());
    return;
  }
  wanted->for_each([&](uint64_t seed) -> bool {
    const auto before = gtest_glue::failed_parts().size();
    const auto replay = gtest_glue::replay_line(seed);
    recorded_runs records{replay};
    gtest_glue::run_to_its_end([&] { run(seed); });
    if (gtest_glue::failed_parts().size() == before)
      return true;
    ADD_FAILURE() << "with seed " << seed << "\n"
                  << replay << "\n"
                  << records.text();
    return false;
  });
}

namespace gtest_glue {

/// How a run fails; nobody hears of it.
template <class Run>
std::vector<failed_part> failures_of(const Run& run) {
  ::testing::TestPartResultArray results;
  const ::testing::ScopedFakeTestPartResultReporter quiet{
    ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD,
    &results};
  run_to_its_end(run);
  std::vector<failed_part> out;
  for (int i = 0; i < results.size(); ++i)
    if (results.GetTestPartResult(i).failed())
      out.push_back(part_of(results.GetTestPartResult(i)));
  return out;
}

template <class Run>
bool fails_quietly(const Run& run) {
  return !failures_of(run).empty();
}

/// Says which faults of a script are enough for one of these failures.
template <class Run>
void report_shortest(const fault_script& failing,
                     const std::vector<failed_part>& failed, const Run& run) {
  // One that fails for a reason of its own shows nothing of this.
  const auto fails_so = [&](const fault_script& script) {
    const recorded_runs not_kept;
    const auto now = failures_of([&] { run(script); });
    return !now.empty()
           && std::any_of(failed.begin(), failed.end(), [&](const auto& each) {
                return is_same_failure(each, now.front());
              });
  };
  script_shrinker shrinker{failing};
  using watch = std::chrono::steady_clock;
  auto told = watch::now();
  for (size_t runs = 1; const auto less = shrinker.next(); ++runs) {
    shrinker.tried(fails_so(*less));
    if (watch::now() - told < std::chrono::seconds{5})
      continue;
    told = watch::now();
    std::cerr << "[  shorter ] " << shrinker.smallest().size() << " of "
              << failing.size() << " faults are enough so far, after " << runs
              << " runs" << std::endl;
  }
  auto enough = shrinker.smallest();
  auto strict = enough;
  for (auto& each : strict)
    each.what.may_miss = false;
  if (strict != enough && fails_so(strict))
    enough = std::move(strict);
  if (enough.empty()) {
    ADD_FAILURE() << "it fails without any of its " << failing.size()
                  << " faults";
    return;
  }
  ADD_FAILURE() << "of " << failing.size() << " faults these are enough:\n"
                << to_text(enough)
                << "save them, and say MILLRACE_SIM_SCRIPT=<file> when this "
                   "seed is replayed";
}

/// The script that MILLRACE_SIM_SCRIPT names, else the one that was drawn;
/// none: the test has failed by what is named there.
inline std::optional<fault_script> script_of(fault_script drawn) {
  const char* path = std::getenv("MILLRACE_SIM_SCRIPT");
  if (path == nullptr)
    return drawn;
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto script = parse_fault_script(text, path);
  const bool is_read = file && !std::filesystem::is_directory(path);
  if (!is_read || !script) {
    ADD_FAILURE() << (is_read ? to_string(script.failure())
                              : std::string{path} + ": cannot be read");
    return std::nullopt;
  }
  return *std::move(script);
}

/// Runs `run(script)`; when it fails, says which of its faults are enough.
template <class Run>
void run_script(fault_script drawn, const Run& run) {
  const auto before = failed_parts().size();
  const auto script = script_of(std::move(drawn));
  if (!script)
    return;
  run_to_its_end([&] { run(*script); });
  if (const auto failed = failed_parts(before); !failed.empty())
    report_shortest(*script, failed, run);
}

/// The same with the seed's script.
template <class Run>
void run_drawn_script(uint64_t seed, const fault_mix& mix, const Run& run) {
  if (const auto flaw = flaw_of(mix); !flaw.empty()) {
    ADD_FAILURE() << "fault_mix: " << flaw;
    return;
  }
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
