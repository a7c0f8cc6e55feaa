// What fuzzers began with and what they found, given to each target once more:
// without a fuzzer, and with the compiler of the product.

#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "corpus_seeds.hpp"
#include "fuzz_target.hpp"

namespace millrace::fuzz {
namespace {

struct fuzz_case {
  const char* name;
  void (*run)(input);
};

void PrintTo(const fuzz_case& what, std::ostream* out) { *out << what.name; }

const fuzz_case fuzz_cases[] = {
#define MILLRACE_FUZZ_TARGET(name) {#name, &name},
#include "fuzz_targets.inc"
#undef MILLRACE_FUZZ_TARGET
};

class FuzzCorpusTest : public testing::TestWithParam<fuzz_case> {};

TEST_P(FuzzCorpusTest, DoesNoHarm) {
  const auto folder
    = test_support::source_path("tests/fuzz/corpus/") + GetParam().name;
  std::vector<std::filesystem::path> files;
  for (const auto& each : std::filesystem::directory_iterator{folder})
    files.push_back(each.path());
  ASSERT_FALSE(files.empty()) << folder << " has nothing to begin with";
  std::sort(files.begin(), files.end());
  std::mt19937_64 random{1};
  for (const auto& file : files) {
    SCOPED_TRACE(file);
    std::ifstream in{file, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    const auto run = [&] { GetParam().run(std::as_bytes(std::span{bytes})); };
    run();
    // And a few others near it.
    for (int i = 0; i < 8 && !bytes.empty(); ++i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
      run();
    }
  }
}

// MILLRACE_WRITE_CORPUS=1 keeps them, after a change of a format.
TEST(FuzzSeedsTest, WhatEncodersMakeIsTaken) {
  size_t number = 0;
  for (const auto& [target, bytes] : seeds_of_encoders()) {
    const auto* found = std::find_if(
      std::begin(fuzz_cases), std::end(fuzz_cases),
      [&name = target](const auto& x) { return x.name == name; });
    ASSERT_NE(found, std::end(fuzz_cases)) << target;
    found->run(std::as_bytes(std::span{bytes}));
    const auto path = test_support::source_path("tests/fuzz/corpus/") + target
                      + "/seed_" + std::to_string(number++);
    if (std::getenv("MILLRACE_WRITE_CORPUS") != nullptr)
      std::ofstream{path, std::ios::binary} << bytes;
  }
  EXPECT_GT(number, 10u);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpusTest, testing::ValuesIn(fuzz_cases),
                         [](const auto& each) {
                           return std::string{each.param.name};
                         });

} // namespace
} // namespace millrace::fuzz
