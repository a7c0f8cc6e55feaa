// Collection of a log's oldest files, beside its writer and its readers.

#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

/// Ends the process at a named point.
struct crash {};

class LogCollectTest : public ::testing::Test {
protected:
  LogCollectTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [] { return uint64_t{5}; };
  }

  /// A log of 60 messages in several files, of two sessions.
  void write_all() {
    for (int life = 0; life < 2; ++life) {
      log_writer_options how;
      how.directory = log_directory;
      how.roll_bytes = 1024;
      auto writer = log_writer::open(env, how);
      ASSERT_TRUE(writer) << to_string(writer.failure());
      for (int i = 0; i < 30; ++i) {
        message_header header;
        header.on = "a";
        header.id = ++id;
        ASSERT_TRUE((*writer)->append(record_kind::messages,
                                      payload_kind::opaque, header,
                                      bytes_of("message")));
        ASSERT_FALSE((*writer)->write());
      }
      ASSERT_FALSE((*writer)->close());
    }
    files = *list_log_files(disk, log_directory);
    ASSERT_GT(files.size(), 5u);
    all = read_all(disk, log_directory);
  }

  static log_writer_options unsynced_options() {
    log_writer_options how;
    how.directory = log_directory;
    how.roll_bytes = 1024;
    return how;
  }

  /// A log of 100 messages in several files that nobody synced or closed.
  void write_unsynced() {
    auto writer = log_writer::open(env, unsynced_options());
    ASSERT_TRUE(writer) << to_string(writer.failure());
    for (int i = 0; i < 100; ++i) {
      message_header header;
      header.on = "a";
      header.id = ++id;
      ASSERT_TRUE((*writer)->append(record_kind::messages, payload_kind::opaque,
                                    header, bytes_of("message")));
      ASSERT_FALSE((*writer)->write());
    }
    files = *list_log_files(disk, log_directory);
    ASSERT_GT(files.size(), 5u);
  }

  static position begin_of(const log_file_info& file) {
    return position::of(file.session, file.roll, 0);
  }

  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& file : *list_log_files(disk, log_directory))
      out.push_back(log_file_name(file.session, file.roll)
                    + (file.archived && file.size == 0 ? " empty" : ""));
    return out;
  }

  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
  int64_t id = 0;
  std::vector<log_file_info> files;
  reading all;
};

TEST_F(LogCollectTest, FilesBeforeTheFloorGo) {
  write_all();
  for (size_t kept = 0; kept < files.size(); ++kept) {
    const auto floor = begin_of(files[kept]);
    auto went = collect_log(env, log_directory,
                            position{floor.value + (kept % 2) * 64});
    ASSERT_TRUE(went) << to_string(went.failure());
    EXPECT_EQ(went->files, kept == 0 ? 0u : 1u);
    std::vector<std::string> want;
    if (kept != 0)
      want.push_back(
        log_file_name(files[kept - 1].session, files[kept - 1].roll)
        + " empty");
    for (auto i = kept; i < files.size(); ++i)
      want.push_back(log_file_name(files[i].session, files[i].roll));
    EXPECT_EQ(names(), want);
    // `begin` is what is retained; a place before it was pruned.
    const auto left = read_all(disk, log_directory);
    EXPECT_TRUE(left.events.empty());
    EXPECT_EQ(left.messages.back(), all.messages.back());
    EXPECT_EQ(left.messages.front().begin,
              kept == 0 ? all.messages[0].begin : floor);
    const auto told = read_all(disk, log_directory, all.messages[0].begin);
    EXPECT_EQ(told.events.size(), kept == 0 ? 0u : 1u);
    if (kept != 0) {
      EXPECT_EQ(told.events[0].kind, event_kind::pruned);
      EXPECT_EQ(told.events[0].to, floor);
    }
    EXPECT_TRUE(verify_log(disk, log_directory)->damages.empty());
  }
}

/// What is after the last message of a closed file is no message.
TEST_F(LogCollectTest, APlaceAfterTheLastMessageOfAFileIsTheNextFile) {
  write_all();
  for (size_t i = 0; i < all.messages.size(); ++i) {
    const auto end = all.messages[i].end;
    const bool last = i + 1 == all.messages.size();
    const bool ends_file
      = !last && all.messages[i + 1].begin.offset() < end.offset();
    const auto begin = begin_after(disk, log_directory, end);
    ASSERT_TRUE(begin);
    EXPECT_EQ(*begin, ends_file ? all.messages[i + 1].begin : end);
  }
  for (size_t i = 0; i + 1 < files.size(); ++i)
    EXPECT_EQ(*begin_after(disk, log_directory,
                           position{begin_of(files[i]).value + files[i].size}),
              begin_of(files[i + 1]));
}

/// Who stands after the last message before what is kept has missed nothing.
TEST_F(LogCollectTest, WhoHasReadAllThatWentIsToldOfNoLoss) {
  write_all();
  const auto note = std::string{log_directory} + "/.cut";
  for (size_t kept = 1; kept < files.size(); ++kept) {
    SCOPED_TRACE(kept);
    const auto floor = begin_of(files[kept]);
    const auto first
      = std::find_if(all.messages.begin(), all.messages.end(),
                     [&](const auto& each) { return each.begin >= floor; });
    // One who reads it at this moment, and has not seen its seal.
    auto beside = log_reader::open(disk, {.directory = log_directory},
                                   (first - 1)->begin);
    ASSERT_TRUE(beside) << to_string(beside.failure());
    const auto last = (*beside)->next();
    ASSERT_TRUE(last && std::holds_alternative<log_message>(*last));
    ASSERT_TRUE(collect_log(env, log_directory, floor));
    const auto goes_on = [&](const reading& got) {
      return got.events.empty()
             && got.messages.size()
                  == static_cast<size_t>(all.messages.end() - first)
             && got.messages.front() == *first;
    };
    EXPECT_TRUE(goes_on(read_all(disk, log_directory, (first - 1)->end)));
    EXPECT_EQ(read_all(disk, log_directory, (first - 1)->begin).events.size(),
              1u);
    EXPECT_TRUE(goes_on(read_on(**beside)));
    // A note of another place, or one that is damaged, says nothing.
    disk.flip_bit(note, 8 * (9 + kept % 8));
    EXPECT_EQ(read_all(disk, log_directory, (first - 1)->end).events.size(),
              1u);
  }
}

/// Of another log, by name: what was in its place was collected nowhere.
TEST_F(LogCollectTest, ATombstoneAfterFilesThatStayIsNone) {
  write_all();
  for (size_t hit = 1; hit + 1 < files.size(); ++hit) {
    SCOPED_TRACE(hit);
    auto copy = disk.clone();
    const auto path = std::string{log_directory} + "/"
                      + log_file_name(files[hit].session, files[hit].roll);
    const auto other = std::string{"/elsewhere"};
    ASSERT_FALSE(copy->create_directories(other));
    ASSERT_TRUE(copy->open(other + "/log.0.0", open_mode::write));
    ASSERT_FALSE(copy->mark_archived(other + "/log.0.0"));
    copy->swap(path, other + "/log.0.0");
    const auto listed = *list_log_files(*copy, log_directory);
    EXPECT_FALSE(listed[hit].archived);
    const auto told = read_all(*copy, log_directory);
    ASSERT_EQ(told.events.size(), 1u);
    EXPECT_EQ(told.events[0].kind, event_kind::badtail);
    EXPECT_EQ(told.events[0].from, begin_of(files[hit]));
    EXPECT_EQ(told.events[0].to, begin_of(files[hit + 1]));
    EXPECT_FALSE(verify_log(*copy, log_directory)->damages.empty());
    // Who collects it with those before it makes it one.
    env.fs = copy.get();
    ASSERT_TRUE(collect_log(env, log_directory, begin_of(files[hit + 1])));
    EXPECT_TRUE(verify_log(*copy, log_directory)->damages.empty());
    EXPECT_TRUE(read_all(*copy, log_directory).events.empty());
    env.fs = &disk;
  }
}

/// Else a power cut could leave the tombstone, and files before it without.
TEST_F(LogCollectTest, NothingIsEmptiedBeforeTheMarksBeforeItAreDurable) {
  write_all();
  for (size_t i = 0; i < 2; ++i) {
    disk.fail(sim::disk_call::sync, 1, errc::storage_failed, 1,
              "/" + log_file_name(files[i].session, files[i].roll));
    EXPECT_EQ(
      collect_log(env, log_directory, begin_of(files[3])).failure().code,
      errc::storage_failed);
    disk.heal();
    EXPECT_EQ(read_all(disk, log_directory, all.messages[0].begin).messages,
              all.messages);
  }
}

TEST_F(LogCollectTest, TheFileThatIsWrittenStays) {
  write_all();
  ASSERT_TRUE(collect_log(env, log_directory, position::of(9, 0, 0)));
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(files_below(files, position::of(9, 0, 0)).size(), files.size() - 1);
}

TEST_F(LogCollectTest, AWriterGoesOnAfterACollection) {
  write_all();
  ASSERT_TRUE(collect_log(env, log_directory, begin_of(files.back())));
  log_writer_options how;
  how.directory = log_directory;
  auto writer = log_writer::open(env, how);
  ASSERT_TRUE(writer) << to_string(writer.failure());
  // The ids of files that went are known all the same.
  EXPECT_EQ((*writer)->recovered_ids().at("a"), id);
  EXPECT_TRUE((*writer)->recovered_clean());
}

// Of a log that was never synced, as those of cached streams are: what is left
// of files that were collected is no loss that would end it.
TEST_F(LogCollectTest, APowerCutTakesNothingWithWhatWasCollected) {
  for (const auto* point : {"", "collect.after_mark", "collect.after_empty",
                            "collect.after_remove"}) {
    SCOPED_TRACE(point);
    ASSERT_FALSE(disk.remove_all(log_directory));
    id = 0;
    write_unsynced();
    env.crash_point = [point](const char* passed) {
      if (std::string{passed} == point)
        throw crash{};
    };
    try {
      EXPECT_TRUE(collect_log(env, log_directory, begin_of(files[4])));
    } catch (const crash&) {
    }
    env.crash_point = [](const char*) {};
    disk.cut_power(sim::survival::all);
    auto next = log_writer::open(env, unsynced_options());
    ASSERT_TRUE(next) << to_string(next.failure());
    EXPECT_EQ(
      read_all(disk, log_directory, begin_of(files[4])).messages.back().id, id);
  }
}

// The names of files after the tombstone need no sync before a power cut: when
// it takes them, the log has lost messages that others may have seen.
TEST_F(LogCollectTest, ATombstoneAtTheEndIsNoCleanEnd) {
  for (const size_t kept : {1, 4}) {
    SCOPED_TRACE(kept);
    ASSERT_FALSE(disk.remove_all(log_directory));
    id = 0;
    write_unsynced();
    env.crash_point = [](const char* passed) {
      if (std::string{passed} == "collect.after_empty")
        throw crash{};
    };
    EXPECT_THROW((void)collect_log(env, log_directory, begin_of(files[kept])),
                 crash);
    env.crash_point = [](const char*) {};
    for (auto i = kept; i < files.size(); ++i)
      ASSERT_FALSE(
        disk.remove(std::string{log_directory} + "/"
                    + log_file_name(files[i].session, files[i].roll)));
    disk.cut_power(sim::survival::all);
    auto next = log_writer::open(env, unsynced_options());
    ASSERT_TRUE(next) << to_string(next.failure());
    EXPECT_FALSE((*next)->recovered_clean());
  }
}

// What follows a hole after the tombstone is not what was written after it.
TEST_F(LogCollectTest, AHoleAfterTheTombstoneEndsTheLog) {
  write_unsynced();
  ASSERT_TRUE(collect_log(env, log_directory, begin_of(files[3])));
  ASSERT_FALSE(disk.remove(std::string{log_directory} + "/"
                           + log_file_name(files[3].session, files[3].roll)));
  disk.cut_power(sim::survival::all);
  auto next = log_writer::open(env, unsynced_options());
  ASSERT_TRUE(next) << to_string(next.failure());
  EXPECT_FALSE((*next)->recovered_clean());
  EXPECT_EQ(names(), (std::vector<std::string>{"log.0.2 empty", "log.1.0"}));
}

TEST_F(LogCollectTest, WhatACrashLeftUndoneIsDoneNext) {
  for (const auto* point :
       {"collect.after_mark", "collect.after_empty", "collect.after_remove"}) {
    SCOPED_TRACE(point);
    ASSERT_FALSE(disk.remove_all(log_directory));
    id = 0;
    write_all();
    const auto floor = begin_of(files[4]);
    env.crash_point = [point](const char* passed) {
      if (std::string{passed} == point)
        throw crash{};
    };
    EXPECT_THROW((void)collect_log(env, log_directory, floor), crash);
    env.crash_point = [](const char*) {};
    // In between, a reader is told what went: before the files that are still
    // to go, and where the tombstone stands.
    const auto between = read_all(disk, log_directory, all.messages[0].begin);
    EXPECT_LE(between.events.size(), 2u);
    for (const auto& event : between.events)
      EXPECT_EQ(event.kind, event_kind::pruned);
    EXPECT_TRUE(verify_log(disk, log_directory)->damages.empty());
    EXPECT_EQ(between.messages.back(), all.messages.back());
    ASSERT_TRUE(collect_log(env, log_directory, floor));
    EXPECT_EQ(names().size(), files.size() - 3);
    EXPECT_EQ(read_all(disk, log_directory).messages.front().begin, floor);
  }
}

} // namespace
} // namespace millrace::persistence
