#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/counted_disk.hpp>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

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

} // namespace
} // namespace millrace::persistence
