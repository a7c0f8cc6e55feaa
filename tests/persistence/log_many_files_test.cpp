#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/counted_disk.hpp>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

/// The id of the first message there.
int64_t id_at(file_system& fs, position from) {
  auto reader = log_reader::open(fs, {.directory = log_directory}, from);
  if (!reader)
    return -1;
  const auto item = (*reader)->next();
  const auto* message = item ? std::get_if<log_message>(&*item) : nullptr;
  return message != nullptr ? message->frame.header.id : -1;
}

/// A listing takes as long as there are files: one per file would make the time
/// to read them all grow with their square.
TEST(LogManyFilesTest, FilesAreReadThroughWithoutAListingOfEach) {
  constexpr int64_t file_count = 300;
  sim::memory_file_system memory;
  test_support::counted_disk disk{memory};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{7}; };
  auto writer = log_writer::open(world, {.directory = log_directory});
  ASSERT_TRUE(writer) << to_string(writer.failure());
  for (int64_t id = 1; id <= file_count; ++id) {
    ASSERT_TRUE((*writer)->append(record_kind::messages, payload_kind::opaque,
                                  {"a", id, id, null_int}, bytes_of("x")));
    ASSERT_FALSE((*writer)->roll());
  }
  const auto reads_all = [&](std::optional<position> from, size_t count) {
    disk.listings = 0;
    const auto all = read_all(disk, log_directory, from);
    EXPECT_EQ(all.messages.size(), count);
    EXPECT_TRUE(all.events.empty());
    EXPECT_LT(disk.listings, 10u);
  };
  reads_all({}, file_count);
  reads_all(position::of(0, 100, 0), file_count - 100);
  // What is missing is told all the same.
  ASSERT_FALSE(disk.remove("/log/log.0.200"));
  const auto all = read_all(disk, log_directory);
  EXPECT_EQ(all.messages.size(), size_t{file_count - 1});
  ASSERT_EQ(all.events.size(), 1u);
  EXPECT_EQ(all.events[0].kind, event_kind::badtail);
  EXPECT_EQ(all.events[0].to, position::of(0, 201, 0));
}

/// Once there is an index, a time is found with little reading, however long
/// the log is: also where a file that was indexed grew since, and is whole now.
TEST(LogManyFilesTest, ATimeIsFoundWithoutReadingTheLog) {
  // A window, a step of the index, and the indexes.
  constexpr uint64_t little = 1u << 20;
  sim::memory_file_system memory;
  test_support::counted_disk disk{memory};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{7}; };
  auto writer = log_writer::open(
    world, {.directory = log_directory, .roll_bytes = 8u << 20});
  ASSERT_TRUE(writer) << to_string(writer.failure());
  const std::string payload(1000, 'x');
  int64_t id = 0;
  for (const int64_t messages : {10'000, 40'000}) {
    while (id < messages) {
      ++id;
      ASSERT_TRUE((*writer)->append(record_kind::messages, payload_kind::opaque,
                                    {"a", id, id, null_int},
                                    bytes_of(payload)));
    }
    ASSERT_FALSE((*writer)->write());
    ASSERT_TRUE(find_time(disk, log_directory, id));
    for (const int64_t ts :
         {int64_t{0}, int64_t{1}, id / 3, id / 2, id - 1, id, id + 1}) {
      SCOPED_TRACE(ts);
      disk.bytes_read = 0;
      const auto found = find_time(disk, log_directory, ts);
      ASSERT_TRUE(found) << to_string(found.failure());
      EXPECT_LT(disk.bytes_read, little);
      if (ts < 1 || ts > id)
        continue;
      const auto next = id_at(disk, *found);
      EXPECT_EQ(next, ts);
    }
  }
}

} // namespace
} // namespace millrace::persistence
