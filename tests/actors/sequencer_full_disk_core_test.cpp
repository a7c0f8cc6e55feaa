// A stream on a node that is alone, whose disk has no room for a while.

#include <map>
#include <string>

#include "sequencer_core_fixture.hpp"

namespace millrace::rt {
namespace {

// What is agreed on waits for room, and is not begun before.
TEST_P(SequencerCoreTest, AFullDiskIsWaitedFor) {
  open();
  publish(3);
  run();
  ASSERT_FALSE(core->close());
  core.reset();
  disk.leave_free(60'000);
  open();
  publish(3);
  run();
  EXPECT_EQ(core->blocked().code, errc::no_space);
  EXPECT_TRUE(core->damaged().empty());
  EXPECT_EQ(merged_ids().size(), 3u);
  core->retry();
  run();
  EXPECT_EQ(merged_ids().size(), 3u);
  disk.set_quota(std::nullopt);
  core->retry();
  run();
  EXPECT_FALSE(core->blocked());
  EXPECT_EQ(merged_ids(), all_ids());
}

/// Goal: of an entry that waits for room nobody hears: not where the log ends,
/// and not what of an input is merged.
TEST_P(SequencerCoreTest, AnEntryThatWaitsIsNotTold) {
  open();
  publish(3);
  run();
  const auto log_end = core->out_end();
  const auto merged = core->merged(copy_id{1});
  const auto expect_nothing_new = [&] {
    EXPECT_EQ(core->blocked().code, errc::no_space);
    EXPECT_TRUE(core->is_between_entries());
    EXPECT_FALSE(core->leads());
    EXPECT_EQ(core->out_end(), log_end);
    EXPECT_EQ(core->merged(copy_id{1}), merged);
  };
  disk.fail(sim::disk_call::write, 1, errc::no_space, 1'000, "market/out/");
  publish(2);
  run();
  expect_nothing_new();
  core->retry();
  run();
  expect_nothing_new();
  disk.heal();
  core->retry();
  run();
  EXPECT_GT(core->out_end(), log_end);
  EXPECT_GT(core->merged(copy_id{1}), merged);
  // The session's file is there before its first record.
  const auto before = core->out_end();
  ASSERT_FALSE(core->propose_session({before.session() + 1, "asked for"}));
  disk.fail(sim::disk_call::write, 1, errc::no_space, 1'000, "out/log.1.0");
  run();
  EXPECT_TRUE(core->is_between_entries());
  EXPECT_EQ(core->out_end(), before);
  disk.heal();
  core->retry();
  run();
  EXPECT_EQ(core->out_end().session(), before.session() + 1);
  EXPECT_EQ(merged_ids(), all_ids());
}

/// Goal: a disk that is full although it told of room (others took it, or a
/// quota counts) ends nothing, whichever call it refuses: all is ordered once
/// there is room, in the bytes that another disk has.
TEST_P(SequencerCoreTest, AFullDiskAtAnyCallIsWaitedFor) {
  // Some records, files, sessions and checkpoints. @returns whether it waited.
  const auto live = [&] {
    bool waited = false;
    for (int i = 0; i < 30; ++i) {
      publish(8, true);
      if (i % 14 == 5)
        (void)core->propose_session(
          {core->state()->out_end.session() + 1, "asked for"});
      for (int tries = 0; tries < 20; ++tries) {
        run();
        if (HasFatalFailure() || (!core->blocked() && !refused_checkpoint))
          break;
        EXPECT_TRUE(!core->blocked() || core->blocked().code == errc::no_space)
          << to_string(core->blocked());
        waited = true;
        core->retry();
      }
    }
    return waited;
  };
  checkpoints = true;
  begin_anew();
  live();
  ASSERT_GT(out_files(disk).size(), 2u);
  const auto whole = out_files(disk);
  const auto ids = merged_ids();
  ASSERT_EQ(ids, all_ids());
  std::map<std::string, uint64_t> waits;
  for (const auto call :
       {sim::disk_call::write, sim::disk_call::open, sim::disk_call::rename})
    for (const std::string log : {"out/", "raft/", "history/"})
      for (uint64_t nth = 1;; ++nth) {
        SCOPED_TRACE(log + " call " + std::to_string(static_cast<int>(call))
                     + " nth " + std::to_string(nth));
        begin_anew();
        const auto met
          = disk.fail(call, nth, errc::no_space, nth % 3 + 1, "market/" + log);
        waits[log] += live() ? 1 : 0;
        if (HasFailure())
          return;
        const bool reached = *met;
        disk.heal();
        EXPECT_FALSE(core->blocked());
        EXPECT_EQ(merged_ids(), ids);
        EXPECT_EQ(out_files(disk), whole);
        // And a later life finds the same.
        ASSERT_FALSE(core->close());
        open();
        run();
        EXPECT_EQ(merged_ids(), ids);
        EXPECT_EQ(out_files(disk), whole);
        if (!reached)
          break;
      }
  EXPECT_GT(waits["out/"], 10u);
  EXPECT_GT(waits["raft/"], 10u);
}

} // namespace
} // namespace millrace::rt
