#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>
#include <random>
#include <set>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

using sim::disk_call;
using sim::memory_file_system;
using sim::survival;

/// A publisher that lives through many crashes, and what it was promised.
class crashing_writer {
public:
  explicit crashing_writer(uint64_t seed) : random_{seed}, disk{seed} {
    world_.fs = &disk;
    world_.random = [this] { return random_(); };
  }

  /// One life: writes until `steps` are done or something fails.
  void live(int steps, session_policy policy) {
    auto opened = log_writer::open(world_, {.directory = log_directory,
                                            .session = policy,
                                            .roll_bytes = 8192,
                                            .record_bytes = 700});
    fresh.clear();
    if (!opened) {
      open_failure = opened.failure();
      return;
    }
    auto& writer = **opened;
    const auto& ids = writer.recovered_ids();
    const auto found = ids.find("feed");
    last_id = found == ids.end() ? 0 : found->second;
    for (int i = 0; i < steps; ++i) {
      const auto id = last_id + 1;
      auto end
        = writer.append(record_kind::messages, payload_kind::opaque,
                        {"feed", id, id, null_int}, bytes_of(payload_of(id)));
      if (!end)
        return;
      last_id = id;
      fresh.push_back(id);
      const auto choice = random_() % 8;
      if (choice < 3 && writer.write())
        return;
      if (writer.buffered_bytes() == 0)
        promise(recorded);
      if (choice == 3) {
        if (writer.sync())
          return;
        promise(recorded);
        promise(synced);
        fresh.clear();
      }
    }
    if (random_() % 4 == 0 && !writer.close()) {
      promise(recorded);
      promise(synced);
    }
    fresh.clear();
  }

  void promise(std::set<int64_t>& level) {
    level.insert(fresh.begin(), fresh.end());
  }

  std::mt19937_64 random_;
  memory_file_system disk;
  env world_;
  int64_t last_id = 0;
  std::vector<int64_t> fresh; ///< Appended in this life, not yet synced.
  std::set<int64_t> recorded;
  std::set<int64_t> synced;
  error open_failure;
};

// The log after crashes: ids 1, 2, 3, ... with the payloads that belong to
// them, and all that was promised. Only after an event may ids repeat (the
// writer went on from what survived) or be missing (they were never promised).
void expect_prefix(memory_file_system& disk, const std::set<int64_t>& promised,
                   const std::string& what) {
  const auto got = read_all(disk, log_directory);
  int64_t last = 0;
  size_t m = 0;
  bool event = false;
  for (const char kind : got.order) {
    if (kind == 'e') {
      event = true;
      continue;
    }
    const auto& message = got.messages[m++];
    ASSERT_EQ(message.payload, payload_of(message.id)) << what;
    if (!event) {
      ASSERT_EQ(message.id, last + 1) << what;
    }
    last = message.id;
    event = false;
  }
  for (const auto id : promised)
    ASSERT_TRUE(std::any_of(got.messages.begin(), got.messages.end(),
                            [id](const auto& x) { return x.id == id; }))
      << what << ": lost " << id;
}

class LogCrashTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(LogCrashTest, ADeadProcessLosesNothingRecorded) {
  const auto policy
    = GetParam() % 2 == 0 ? session_policy::next : session_policy::same;
  crashing_writer writer{GetParam()};
  for (int life = 0; life < 12; ++life) {
    const bool faulty = writer.random_() % 3 == 0;
    if (faulty)
      writer.disk.write_short(1 + writer.random_() % 20,
                              writer.random_() % 600);
    writer.live(1 + static_cast<int>(writer.random_() % 60), policy);
    writer.disk.heal();
    writer.disk.end_process();
    ASSERT_TRUE(faulty || !writer.open_failure)
      << to_string(writer.open_failure);
    writer.open_failure = {};
    if (!writer.disk.exists("/log/.lineage"))
      continue;
    expect_prefix(writer.disk, writer.recorded, "life " + std::to_string(life));
  }
}

TEST_P(LogCrashTest, APowerCutLosesNothingSynced) {
  for (const auto policy :
       {session_policy::next, session_policy::same, session_policy::resume}) {
    crashing_writer writer{GetParam()};
    for (int life = 0; life < 12; ++life) {
      writer.live(1 + static_cast<int>(writer.random_() % 60), policy);
      // A resumed log may refuse: a roll survived that the file before did
      // not. It says so; it never goes on over a hole.
      if (writer.open_failure) {
        ASSERT_EQ(policy, session_policy::resume);
        ASSERT_EQ(writer.open_failure.code, errc::corrupt);
        break;
      }
      const auto how = std::array{survival::nothing, survival::some,
                                  survival::all}[writer.random_() % 3];
      writer.disk.cut_power(how);
      writer.recorded = writer.synced;
      if (!writer.disk.exists(log_directory)
          || !writer.disk.exists("/log/.lineage"))
        continue;
      const auto got = read_all(writer.disk, log_directory);
      auto missing = writer.synced;
      for (const auto& message : got.messages) {
        ASSERT_EQ(message.payload, payload_of(message.id));
        missing.erase(message.id);
      }
      ASSERT_TRUE(missing.empty())
        << "life " << life << ": lost " << *missing.begin();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogCrashTest,
                         ::testing::Range<uint64_t>(1, 65));

// The N-th call of each class fails, for every N until a run passes clean:
// every failure is reported, and what was acknowledged before is there after
// a restart, also after a power cut.
TEST(LogFaultSweepTest, EveryNthFailureIsSurvived) {
  for (const auto call :
       {disk_call::write, disk_call::sync, disk_call::rename, disk_call::open,
        disk_call::read, disk_call::truncate, disk_call::sync_directory}) {
    for (const auto code : {errc::storage_failed, errc::no_space}) {
      for (const bool power : {false, true}) {
        uint64_t failed_runs = 0;
        for (uint64_t nth = 1;; ++nth) {
          crashing_writer writer{nth};
          writer.live(40, session_policy::next);
          writer.disk.end_process();
          const auto before = writer.disk.calls(call);
          writer.disk.fail(call, nth, code);
          writer.live(60, session_policy::next);
          const bool reached = writer.disk.calls(call) - before >= nth;
          writer.disk.heal();
          if (power)
            writer.disk.cut_power(survival::some);
          else
            writer.disk.end_process();
          writer.open_failure = {};
          writer.live(20, session_policy::next);
          ASSERT_FALSE(writer.open_failure) << to_string(writer.open_failure);
          writer.disk.end_process();
          expect_prefix(writer.disk, writer.synced,
                        "call " + std::to_string(static_cast<int>(call))
                          + " nth " + std::to_string(nth));
          if (!reached)
            break;
          ++failed_runs;
          ASSERT_LT(nth, 2000u);
        }
        EXPECT_GT(failed_runs, 0u) << static_cast<int>(call);
      }
    }
  }
}

/// Goal: who was told how far a log is recorded finds no more in it later:
/// whole records of a write that a full disk cut are taken back.
TEST(LogFaultSweepTest, WhatAFullDiskTookIsTakenBackAtTheEnd) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{3}; };
  const log_writer_options small{.directory = log_directory,
                                 .record_bytes = 64};
  auto writer = *log_writer::open(world, small);
  const auto put = [&](int64_t id) {
    return writer->append(record_kind::messages, payload_kind::opaque,
                          {"feed", id, id, null_int}, bytes_of(payload_of(id)));
  };
  ASSERT_TRUE(put(1));
  ASSERT_FALSE(writer->write());
  const auto recorded = writer->recorded_end();
  for (int64_t id = 2; id <= 20; ++id)
    ASSERT_TRUE(put(id));
  disk.leave_free(writer->buffered_bytes() / 2);
  EXPECT_EQ(writer->write().code, errc::no_space);
  EXPECT_EQ(writer->close().code, errc::no_space);
  EXPECT_EQ(writer->recorded_end(), recorded);
  writer.reset();
  disk.end_process();
  disk.set_quota({});
  writer = *log_writer::open(world, small);
  const auto got = read_all(disk, log_directory);
  ASSERT_EQ(got.messages.size(), 1u);
  EXPECT_EQ(got.messages[0].id, 1);
}

TEST(LogFaultSweepTest, AFailedSyncFences) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{3}; };
  auto writer = *log_writer::open(world, {.directory = log_directory});
  const auto put = [&](int64_t id) {
    return writer->append(record_kind::messages, payload_kind::opaque,
                          {"feed", id, id, null_int}, bytes_of(payload_of(id)));
  };
  ASSERT_TRUE(put(1));
  ASSERT_FALSE(writer->sync());
  ASSERT_TRUE(put(2));
  ASSERT_FALSE(writer->write());
  const auto synced = writer->synced_end();
  disk.fail(disk_call::sync, 1);
  auto job = writer->begin_sync();
  const auto outcome = job.run();
  EXPECT_EQ(outcome.code, errc::storage_failed);
  writer->finish_sync(job.end, outcome);
  EXPECT_EQ(writer->synced_end(), synced);
  EXPECT_EQ(put(3).failure().code, errc::closed);
  EXPECT_EQ(writer->sync().code, errc::closed);
  EXPECT_EQ(writer->begin_sync().run().code, errc::closed);
  writer.reset();
  disk.end_process();
  // The same boot, yet the cache is not trusted: what it shows may not be on
  // the disk. The next session says so.
  writer = *log_writer::open(world, {.directory = log_directory});
  EXPECT_FALSE(writer->recovered_clean());
  ASSERT_FALSE(writer->sync());
  const auto got = read_all(disk, log_directory);
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::reset);
}

/// Five messages are written, their sync fails, and the process ends.
void fail_the_sync_of_five(log_writer& writer, memory_file_system& disk) {
  for (int64_t id = 1; id <= 5; ++id)
    ASSERT_TRUE(writer.append(record_kind::messages, payload_kind::opaque,
                              {"feed", id, id, null_int}, bytes_of("x")));
  ASSERT_FALSE(writer.write());
  disk.fail(disk_call::sync, 1);
  EXPECT_TRUE(writer.sync());
  disk.end_process();
}

TEST(LogFaultSweepTest, AResumedLogWritesAgainWhatAFailedSyncDropped) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{3}; };
  const log_writer_options options{.directory = log_directory,
                                   .session = session_policy::resume};
  auto writer = *log_writer::open(world, options);
  fail_the_sync_of_five(*writer, disk);
  writer = *log_writer::open(world, options);
  EXPECT_EQ(writer->recovered_ids().at("feed"), 5);
  EXPECT_EQ(writer->synced_end(), writer->recorded_end());
  disk.cut_power(survival::nothing);
  EXPECT_EQ(read_all(disk, log_directory).messages.size(), 5u);
}

// The next session begins after it, and says that all before is synced.
TEST(LogFaultSweepTest, TheNextSessionWritesAgainWhatAFailedSyncDropped) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{3}; };
  const log_writer_options options{.directory = log_directory};
  auto writer = *log_writer::open(world, options);
  fail_the_sync_of_five(*writer, disk);
  writer = *log_writer::open(world, options);
  EXPECT_EQ(writer->recovered_ids().at("feed"), 5);
  EXPECT_GE(writer->synced_end(), position::of(1, 0, 0));
  disk.cut_power(survival::nothing);
  const auto got = read_all(disk, log_directory);
  EXPECT_EQ(got.messages.size(), 5u);
  // Nothing that was said to be synced is missing.
  for (const auto& event : got.events)
    EXPECT_EQ(event.kind, event_kind::reset) << event.cause;
}

// A file is full and sealed, and the next one is not there yet.
TEST(LogFaultSweepTest, ASealedFileIsSyncedByWhoGoesOnAfterIt) {
  for (const auto policy : {session_policy::next, session_policy::resume}) {
    SCOPED_TRACE(static_cast<int>(policy));
    memory_file_system disk{1};
    env world;
    world.fs = &disk;
    world.random = [] { return uint64_t{3}; };
    const log_writer_options options{.directory = log_directory,
                                     .session = policy};
    auto writer = *log_writer::open(world, options);
    ASSERT_TRUE(writer->append(record_kind::messages, payload_kind::opaque,
                               {"feed", 1, 1, null_int}, bytes_of("x")));
    // For the new file.
    disk.fail(disk_call::open, 1, errc::no_space, 1, "log.0.1");
    EXPECT_EQ(writer->roll().code, errc::no_space);
    disk.end_process();
    writer = *log_writer::open(world, options);
    EXPECT_GE(writer->synced_end(), position::of(0, 1, 0));
    disk.cut_power(survival::nothing);
    EXPECT_EQ(read_all(disk, log_directory).messages.size(), 1u);
  }
}

TEST(LogFaultSweepTest, ACopyThatLostItsEndGoesOnWhereItStands) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{3}; };
  const lineage_id lineage{{1, 2}};
  position end;
  {
    auto replica = *log_replica::open(world, log_directory, lineage);
    record_builder builder{lineage, {}};
    for (int64_t id = 1; id <= 9; ++id) {
      builder.add(record_kind::messages, payload_kind::opaque,
                  {"feed", id, id, null_int}, bytes_of(payload_of(id)));
      builder.close_record();
    }
    ASSERT_FALSE(replica->append({}, builder.bytes()));
    auto job = replica->begin_sync();
    replica->finish_sync(job.end, job.run());
    end = *replica->end();
    disk.end_process();
  }
  disk.cut("/log/log.0.0", end.offset() / 2);
  {
    auto replica = *log_replica::open(world, log_directory, lineage);
    ASSERT_TRUE(replica->end());
    EXPECT_LT(*replica->end(), end);
  }
  EXPECT_EQ(log_writer::open(world, {.directory = log_directory,
                                     .session = session_policy::resume})
              .failure()
              .code,
            errc::none);
}

} // namespace
} // namespace millrace::persistence
