#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

constexpr const char* directory = "/s/history";

class MergeHistoryTest : public ::testing::Test {
protected:
  MergeHistoryTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [] { return uint64_t{5}; };
    auto history = *merge_history::open(env, directory, 1024);
    for (uint64_t i = 1; i <= 200; ++i)
      EXPECT_FALSE(history->add(
        entry_index{i}, entry_index{i - 1},
        merge_range{input_id{1}, position{i * 8}, position{i * 8 + 8}},
        position::of(2, 3, i * 16)));
    EXPECT_FALSE(history->close());
  }

  size_t files() {
    size_t out = 0;
    for (const auto& file : *persistence::list_log_files(disk, directory))
      out += file.size != 0 ? 1 : 0;
    return out;
  }

  /// Instructions that follow, without a hole.
  uint64_t after(uint64_t last) {
    auto reader = history_reader::open(disk, directory, entry_index{last});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (uint64_t count = 0;; ++count) {
      const auto next = reader->next();
      EXPECT_TRUE(next) << to_string(next.failure());
      if (!*next)
        return count;
      EXPECT_EQ((*next)->index, entry_index{last + count + 1});
      if ((*next)->index <= entry_index{200})
        EXPECT_EQ((*next)->end_offset, 16 * (last + count + 1));
    }
  }

  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
};

TEST_F(MergeHistoryTest, WhatNothingCanBeMadeFromGoes) {
  const auto all = files();
  ASSERT_GT(all, 5u);
  ASSERT_FALSE(merge_history::collect(env, directory, entry_index{0}));
  EXPECT_EQ(files(), all);
  for (const uint64_t last : {40, 41, 120, 200}) {
    ASSERT_FALSE(merge_history::collect(env, directory, entry_index{last}));
    EXPECT_EQ(after(last), 200 - last);
    EXPECT_LE(files(), all - all * last / 200 + 1);
  }
  EXPECT_EQ(after(0), 0u);
  // It goes on in the same way.
  auto again = *merge_history::open(env, directory, 1024);
  ASSERT_FALSE(again->add(entry_index{201}, entry_index{200},
                          cut_begin{position{8}}, position{}));
  ASSERT_FALSE(again->close());
  EXPECT_EQ(after(200), 1u);
}

/// Goal: what a full disk refuses waits, whichever call it refuses, and comes
/// once there is room.
TEST_F(MergeHistoryTest, AFullDiskIsWaitedFor) {
  const std::string other = "/s/other";
  uint64_t reached = 0;
  for (const auto call :
       {sim::disk_call::write, sim::disk_call::open, sim::disk_call::rename}) {
    for (uint64_t nth = 1;; ++nth) {
      ASSERT_FALSE(disk.remove_all(other));
      auto history = *merge_history::open(env, other, 1024);
      const auto met = disk.fail(call, nth, errc::no_space, 3, other);
      bool full = false;
      for (uint64_t i = 1; i <= 60; ++i) {
        ASSERT_FALSE(history->add(
          entry_index{i}, entry_index{i - 1},
          merge_range{input_id{1}, position{i * 8}, position{i * 8 + 8}},
          position::of(2, 3, i * 16)));
        const auto fault = history->write();
        ASSERT_TRUE(!fault || fault.code == errc::no_space);
        full = full || fault;
      }
      ASSERT_EQ(full, *met);
      disk.heal();
      ASSERT_FALSE(history->close());
      history.reset();
      auto reader = *history_reader::open(disk, other, entry_index{});
      for (uint64_t i = 1; i <= 60; ++i)
        ASSERT_EQ((*reader.next())->index, entry_index{i});
      if (!full)
        break;
      ++reached;
    }
  }
  EXPECT_GT(reached, 60u);
}

} // namespace
} // namespace millrace::rt
