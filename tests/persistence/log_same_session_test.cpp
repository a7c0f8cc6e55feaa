#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/counted_disk.hpp>

#include <utility>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

using sim::memory_file_system;
using sim::survival;

/// A publisher's log that many short runs write, one after the other.
class LogSameSessionTest : public ::testing::Test {
protected:
  LogSameSessionTest() {
    world_.fs = &disk_;
    world_.random = [this] { return ++random_; };
  }

  std::unique_ptr<log_writer> open(uint64_t roll_bytes = 1u << 20) {
    auto writer = log_writer::open(world_, {.directory = log_directory,
                                            .session = session_policy::same,
                                            .roll_bytes = roll_bytes,
                                            .record_bytes = 512});
    EXPECT_TRUE(writer) << to_string(writer.failure());
    return writer ? *std::move(writer) : nullptr;
  }

  void put(log_writer& writer, int count = 1, const std::string& on = "feed") {
    for (int i = 0; i < count; ++i) {
      ++id_;
      auto got
        = writer.append(record_kind::messages, payload_kind::opaque,
                        {on, id_, id_, null_int}, bytes_of(payload_of(id_)));
      ASSERT_TRUE(got) << to_string(got.failure());
    }
  }

  /// A run that ends as it should.
  void run(int count = 2, uint64_t roll_bytes = 1u << 20) {
    auto writer = open(roll_bytes);
    EXPECT_TRUE(writer->recovered_clean());
    EXPECT_EQ(writer->files_taken(), std::exchange(taken_, false));
    if (id_ > 0) {
      EXPECT_EQ(writer->recovered_ids().at("feed"), id_);
    }
    put(*writer, count);
    ASSERT_FALSE(writer->close());
  }

  reading read(std::optional<position> from = {}) {
    return read_all(disk_, log_directory, from);
  }

  std::vector<log_file_info> files() {
    return *list_log_files(disk_, log_directory);
  }

  /// All ids from 1 on, each once.
  void expect_all(const reading& got) {
    ASSERT_EQ(got.messages.size(), static_cast<size_t>(id_));
    for (size_t i = 0; i < got.messages.size(); ++i) {
      ASSERT_EQ(got.messages[i].id, static_cast<int64_t>(i) + 1);
      ASSERT_EQ(got.messages[i].payload, payload_of(got.messages[i].id));
    }
  }

  memory_file_system disk_{1};
  env world_;
  uint64_t random_ = 100;
  int64_t id_ = 0;
  bool taken_ = false; ///< Files, by the test.
};

TEST_F(LogSameSessionTest, RunsThatEndedCleanlyShareAFile) {
  run();
  auto follows = *log_reader::open(disk_, {.directory = log_directory}, {});
  EXPECT_EQ(read_on(*follows).order, "mm");
  for (int i = 1; i < 200; ++i)
    run();
  EXPECT_EQ(files().size(), 1u);
  const auto got = read();
  expect_all(got);
  EXPECT_TRUE(got.events.empty());
  EXPECT_EQ(read_on(*follows).order, std::string(398, 'm'));
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
  // From each place that was told, the rest comes.
  for (size_t i = 0; i < got.messages.size(); i += 37) {
    const auto rest = read(got.messages[i].end);
    EXPECT_EQ(rest.messages.size(), got.messages.size() - i - 1);
    EXPECT_TRUE(rest.events.empty());
  }
}

TEST_F(LogSameSessionTest, ARunReadsNoMoreOfALongFile) {
  test_support::counted_disk counted{disk_};
  world_.fs = &counted;
  const auto cost = [&] {
    run(1);
    counted.bytes_read = 0;
    counted.listings = 0;
    run(1);
    EXPECT_LE(counted.listings, 4u); // Also of what may be no file.
    return counted.bytes_read.load();
  };
  put(*open(), 1); // Nobody closes it: read whole, and sealed.
  id_ = 0;
  const auto first = cost();
  run(5000);
  for (int i = 0; i < 100; ++i)
    run(1);
  ASSERT_GT(disk_.content("/log/log.1.0").size(), 500'000u);
  EXPECT_LE(cost(), first + (66u << 10)); // What is looked at backwards.
}

TEST_F(LogSameSessionTest, ALostTailIsAnotherSession) {
  for (const auto how : {survival::nothing, survival::some, survival::all}) {
    SCOPED_TRACE(static_cast<int>(how));
    ASSERT_FALSE(disk_.remove_all(log_directory));
    id_ = 0;
    run(3);
    run(3);
    {
      auto writer = open();
      put(*writer, 3);
      ASSERT_FALSE(writer->write());
      disk_.cut_power(how);
    }
    auto writer = open();
    EXPECT_FALSE(writer->recovered_clean());
    EXPECT_EQ(writer->appended_end().session(), 1u);
    id_ = writer->recovered_ids().at("feed");
    EXPECT_GE(id_, 6);
    put(*writer, 2);
    ASSERT_FALSE(writer->close());
    const auto got = read();
    expect_all(got);
    ASSERT_EQ(got.events.size(), 1u);
    EXPECT_EQ(got.events[0].kind, event_kind::reset);
    EXPECT_EQ(got.events[0].to, position::of(1, 0, 0));
    // From then on it is as before.
    run(1);
    EXPECT_EQ(files().back().session, 1u);
    EXPECT_EQ(read().events.size(), 1u);
  }
}

TEST_F(LogSameSessionTest, APowerCutBetweenRunsLosesNothing) {
  run(3);
  disk_.cut_power(survival::nothing);
  run(3);
  EXPECT_EQ(files().size(), 1u);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
}

TEST_F(LogSameSessionTest, ADeadProcessIsNoEvent) {
  run(3);
  {
    auto writer = open();
    put(*writer, 3);
    ASSERT_FALSE(writer->write());
    disk_.end_process();
  }
  run(3);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
  EXPECT_EQ(files().back().session, 1u);
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
}

// On a full disk a run begins without a byte of its own: the note of what is
// synced alone says that somebody went on.
TEST_F(LogSameSessionTest, AFullDiskHidesNoLoss) {
  run(3);
  {
    disk_.leave_free(0);
    auto writer = open();
    ASSERT_TRUE(writer);
    put(*writer, 3);
    EXPECT_EQ(writer->write().code, errc::no_space);
    disk_.set_quota({});
    ASSERT_FALSE(writer->write());
    disk_.cut_power(survival::nothing);
  }
  id_ = 3;
  auto writer = open();
  EXPECT_FALSE(writer->recovered_clean());
  put(*writer, 1);
  ASSERT_FALSE(writer->close());
  ASSERT_EQ(read().events.size(), 1u);
  EXPECT_EQ(read().events[0].kind, event_kind::reset);
}

TEST_F(LogSameSessionTest, AFullDiskIsRetried) {
  run(3);
  disk_.leave_free(0);
  auto writer = open();
  ASSERT_TRUE(writer);
  put(*writer, 3);
  EXPECT_EQ(writer->write().code, errc::no_space);
  EXPECT_EQ(writer->close().code, errc::no_space);
  // Less than what it writes at its end, first.
  for (uint64_t room = 100;; room += 50) {
    ASSERT_LT(room, 10'000u);
    disk_.leave_free(room);
    const auto fault = writer->close();
    if (!fault)
      break;
    ASSERT_EQ(fault.code, errc::no_space);
  }
  disk_.set_quota({});
  run(1);
  EXPECT_EQ(files().size(), 1u);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
}

// Who takes files away takes runs, and those that read them are told.
TEST_F(LogSameSessionTest, TakenAwayFilesAreAResetAndNoIdComesAgain) {
  run(3);
  const auto all = read();
  run(3);
  ASSERT_FALSE(disk_.remove("/log/log.0.0"));
  taken_ = true;
  run(2); // Ids go on, as this one looks at.
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(files().back().session, 1u);
  const auto from = all.messages.back().end;
  const auto got = read(from);
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::reset) << got.events[0].cause;
  EXPECT_EQ(got.events[0].from, from);
  EXPECT_EQ(got.events[0].to.value, uint64_t{1} << 44);
  EXPECT_EQ(got.order, "emm");
  // Also without the note of what was synced.
  ASSERT_FALSE(disk_.remove("/log/log.1.0"));
  ASSERT_FALSE(disk_.remove("/log/.synced"));
  auto writer = open();
  EXPECT_TRUE(writer->files_taken());
  EXPECT_EQ(writer->appended_end().session(), 2u);
  EXPECT_EQ(writer->recovered_ids().at("feed"), id_);
  EXPECT_FALSE(writer->recovered_clean()); // The last run may have gone on.
}

TEST_F(LogSameSessionTest, ANewestFileThatWasTakenAwayIsAReset) {
  run(40, 4096); // Fills a file; a later run begins the next session.
  run(40, 4096);
  const auto last = files().back();
  ASSERT_GT(last.session, 0u);
  const auto end = read().end;
  for (const auto& each : files())
    if (each.session == last.session)
      ASSERT_FALSE(
        disk_.remove("/log/" + log_file_name(each.session, each.roll)));
  taken_ = true;
  run(2, 4096);
  EXPECT_EQ(files().back().session, last.session + 1);
  const auto got = read(end);
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::reset) << got.events[0].cause;
}

// A file of several runs that is full ends its session: the runs before it can
// be told from those after it, also when their file is taken away.
TEST_F(LogSameSessionTest, AFileOfSeveralRunsIsTheLastOfItsSession) {
  run(3, 4096);
  const auto from = read().messages.back().end;
  run(200, 4096);
  const auto got = read();
  expect_all(got);
  EXPECT_TRUE(got.events.empty());
  const auto all = files();
  ASSERT_GT(all.size(), 3u);
  EXPECT_EQ(all[1].session, 1u);
  EXPECT_EQ(all[2].session, 1u); // One run, as it always was.
  EXPECT_EQ(all[2].roll, 1u);
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
  ASSERT_FALSE(disk_.remove("/log/log.0.0"));
  run(1, 4096);
  const auto rest = read(from);
  ASSERT_EQ(rest.events.size(), 1u);
  EXPECT_EQ(rest.events[0].kind, event_kind::reset) << rest.events[0].cause;
  EXPECT_EQ(rest.events[0].to, position::of(1, 0, 0));
}

// Without the note of what was synced the file itself tells.
TEST_F(LogSameSessionTest, ALostNoteIsNoEvent) {
  for (int i = 0; i < 3; ++i) {
    run(3);
    disk_.overwrite("/log/.synced", 0, std::vector<std::byte>(576));
  }
  run(3);
  EXPECT_EQ(files().size(), 1u);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
}

TEST_F(LogSameSessionTest, DamageIsToldOnceAndPassed) {
  run(9);
  const auto hit = read().messages[4].begin;
  disk_.flip_bit("/log/log.0.0", hit.offset() * 8 + 40 * 8);
  // The note is lost, too: the file is read, and the damage found.
  disk_.overwrite("/log/.synced", 0, std::vector<std::byte>(576));
  run(2);
  EXPECT_EQ(files().back().session, 1u);
  const auto got = read_all(disk_, log_directory, {}, damage_policy::resync);
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::badtail);
  EXPECT_EQ(got.messages.back().id, id_);
}

TEST_F(LogSameSessionTest, AFailedSyncIsAnotherSessionWithoutALoss) {
  run(3);
  auto writer = open();
  put(*writer, 1);
  ASSERT_FALSE(writer->write());
  disk_.fail(sim::disk_call::sync, 1);
  EXPECT_TRUE(writer->close());
  disk_.end_process();
  // What the cache shows is written again, and nobody goes on after it.
  writer = open();
  EXPECT_EQ(writer->appended_end().session(), 1u);
  disk_.cut_power(survival::nothing);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
}

// What is known of very many origins is not written again and again.
TEST_F(LogSameSessionTest, ManyOriginsAreFoundInTheFile) {
  constexpr int origins = 3000;
  {
    auto writer = open();
    for (int i = 0; i < origins; ++i)
      put(*writer, 1, "sensor number " + std::to_string(i));
    ASSERT_FALSE(writer->close());
  }
  const auto size = disk_.content("/log/log.0.0").size();
  for (int i = 0; i < 3; ++i) {
    auto writer = open();
    ASSERT_EQ(writer->recovered_ids().size(), static_cast<size_t>(origins));
    EXPECT_EQ(writer->recovered_ids().at("sensor number 7"), 8);
    ASSERT_FALSE(writer->close());
  }
  EXPECT_LT(disk_.content("/log/log.0.0").size(), size + 1000);
  EXPECT_TRUE(read().events.empty());
}

TEST_F(LogSameSessionTest, TheLastSessionGoesOnInItsFiles) {
  {
    auto before = log_replica::open(world_, log_directory, lineage_id{{1, 2}});
    ASSERT_TRUE(before);
    const auto begin = position::of(position::session_max - 1, 0, 0);
    record_builder builder{lineage_id{{1, 2}}, begin};
    builder.add(record_kind::messages, payload_kind::opaque,
                {"feed", 1, 1, null_int}, bytes_of(payload_of(1)));
    id_ = 1;
    builder.close_record();
    ASSERT_FALSE((*before)->append(begin, builder.bytes()));
  }
  for (int i = 0; i < 20; ++i)
    run(20, 4096);
  EXPECT_EQ(files().back().session, position::session_max);
  EXPECT_GT(files().back().roll, 5u);
  expect_all(read());
  EXPECT_TRUE(read().events.empty());
}

} // namespace
} // namespace millrace::persistence
