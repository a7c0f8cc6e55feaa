#include <millrace/sim/disk/memory_file_system.hpp>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

/// A disk that counts how often a directory is listed.
class counted_disk final : public file_system {
public:
  result<std::unique_ptr<file>> open(const std::string& path,
                                     open_mode mode) override {
    return disk_.open(path, mode);
  }
  result<std::vector<directory_entry>> list(const std::string& path) override {
    ++listings;
    return disk_.list(path);
  }
  error create_directories(const std::string& path) override {
    return disk_.create_directories(path);
  }
  error rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  error remove(const std::string& path) override { return disk_.remove(path); }
  error remove_all(const std::string& path) override {
    return disk_.remove_all(path);
  }
  error sync_directory(const std::string& path) override {
    return disk_.sync_directory(path);
  }
  bool exists(const std::string& path) override { return disk_.exists(path); }
  error mark_archived(const std::string& path) override {
    return disk_.mark_archived(path);
  }
  result<std::unique_ptr<mapped_file>> map(const std::string& path) override {
    return disk_.map(path);
  }
  result<std::unique_ptr<directory_lock>>
  lock_directory(const std::string& path) override {
    return disk_.lock_directory(path);
  }
  uint64_t boot_id() override { return disk_.boot_id(); }
  result<uint64_t> free_bytes(const std::string& path) override {
    return disk_.free_bytes(path);
  }
  result<uint64_t> total_bytes(const std::string& path) override {
    return disk_.total_bytes(path);
  }

  size_t listings = 0;

private:
  sim::memory_file_system disk_;
};

/// A listing takes as long as there are files: one per file would make the time
/// to read them all grow with their square.
TEST(LogManyFilesTest, FilesAreReadThroughWithoutAListingOfEach) {
  constexpr int64_t file_count = 300;
  counted_disk disk;
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
