#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/paths.hpp>

#include <cstdlib>
#include <fstream>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

/// Compares what lies in /log with the golden files of a directory of that
/// name, and lays those out on another disk. Lock files have no bytes of the
/// format.
void expect_golden(const sim::memory_file_system& disk,
                   const std::string& directory,
                   const std::vector<std::string>& names,
                   sim::memory_file_system& stored) {
  const auto golden = test_support::data_path("log/" + directory + "/");
  ASSERT_FALSE(stored.create_directories("/log"));
  for (const auto& name : names) {
    const auto now = disk.content("/log/" + name);
    if (std::getenv("MILLRACE_WRITE_GOLDEN") != nullptr)
      std::ofstream{golden + name, std::ios::binary}.write(
        reinterpret_cast<const char*>(now.data()),
        static_cast<std::streamsize>(now.size()));
    std::ifstream in{golden + name, std::ios::binary};
    ASSERT_TRUE(in) << golden << name;
    const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
    EXPECT_EQ(
      bytes, std::string(reinterpret_cast<const char*>(now.data()), now.size()))
      << name;
    auto file = *stored.open("/log/" + name, open_mode::write);
    ASSERT_FALSE(file->write_at(0, bytes_of(bytes)));
  }
}

// A whole directory: three rolls of a closed session, an event, a marker, two
// origins. What the writer makes today equals what it made when the format was
// laid down, file by file.
TEST(LogGoldenTest, ADirectoryKeepsItsBytes) {
  sim::memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{0x0123456789abcdef}; };
  {
    auto writer = *log_writer::open(
      world, {.directory = "/log", .roll_bytes = 4096, .record_bytes = 512});
    for (int64_t id = 1; id <= 50; ++id)
      ASSERT_TRUE(
        writer->append(record_kind::messages, payload_kind::opaque,
                       {id % 3 == 0 ? "other" : "feed", 1000 * id,
                        id % 4 == 0 ? -id : id, id % 5 == 0 ? 250 : null_int},
                       bytes_of(payload_of(id))));
    stream_event gap;
    gap.kind = event_kind::gap;
    gap.origin = "feed";
    gap.first_id = 51;
    gap.last_id = 52;
    gap.cause = "ids missing";
    ASSERT_TRUE(writer->append(record_kind::event, payload_kind::opaque,
                               {"", null_long, 0, null_int}, encode(gap)));
    ASSERT_TRUE(writer->append(record_kind::marker, payload_kind::end_of_period,
                               {"", null_long, 0, null_int}, {}));
    ASSERT_FALSE(writer->close());
  }
  sim::memory_file_system stored{1};
  expect_golden(
    disk, "directory_v1",
    {".ids", ".lineage", ".synced", "log.0.0", "log.0.1", "log.0.2"}, stored);
  // And what was stored reads as it did.
  const auto got = read_all(stored, "/log");
  EXPECT_EQ(got.messages.size(), 51u); // With the marker.
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].last_id, 52);
  EXPECT_TRUE(verify_log(stored, "/log")->damages.empty());
}

// Three runs of a publisher that share a session.
TEST(LogGoldenTest, ADirectoryOfRunsKeepsItsBytes) {
  sim::memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{0x0123456789abcdef}; };
  for (int64_t run = 0; run < 3; ++run) {
    auto writer = *log_writer::open(
      world, {.directory = "/log", .session = session_policy::same});
    for (int64_t id = 2 * run + 1; id <= 2 * run + 2; ++id)
      ASSERT_TRUE(writer->append(record_kind::messages, payload_kind::opaque,
                                 {"feed", 1000 * id, id, null_int},
                                 bytes_of(payload_of(id))));
    ASSERT_FALSE(writer->close());
  }
  sim::memory_file_system stored{1};
  expect_golden(disk, "runs_v1", {".ids", ".lineage", ".synced", "log.0.0"},
                stored);
  const auto got = read_all(stored, "/log");
  EXPECT_EQ(got.messages.size(), 6u);
  EXPECT_TRUE(got.events.empty());
  EXPECT_TRUE(verify_log(stored, "/log")->damages.empty());
}

} // namespace
} // namespace millrace::persistence
