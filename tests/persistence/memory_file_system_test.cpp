#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace millrace::sim {
namespace {

using persistence::open_mode;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

std::string text_of(memory_file_system& disk, const std::string& path) {
  const auto bytes = disk.content(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class MemoryDiskTest : public ::testing::Test {
protected:
  MemoryDiskTest() { EXPECT_FALSE(disk_.create_directories("/d/e")); }

  std::unique_ptr<persistence::file> make(const std::string& path) {
    auto opened = disk_.open(path, open_mode::write);
    EXPECT_TRUE(opened) << to_string(opened.failure());
    return *std::move(opened);
  }

  memory_file_system disk_{3};
};

TEST_F(MemoryDiskTest, ReadsWhatWasWritten) {
  auto file = make("/d/a");
  ASSERT_FALSE(file->write_at(3, bytes_of("hello")));
  EXPECT_EQ(*file->size(), 8u);
  std::array<std::byte, 16> into{};
  EXPECT_EQ(*file->read_at(4, into), 4u);
  EXPECT_EQ(static_cast<char>(into[0]), 'e');
  EXPECT_EQ(*file->read_at(8, into), 0u);
  ASSERT_FALSE(file->truncate(5));
  EXPECT_EQ(text_of(disk_, "/d/a"), std::string("\0\0\0he", 5));
  EXPECT_EQ(disk_.open("/d/a", open_mode::create_new).failure().code,
            errc::already_exists);
  EXPECT_EQ(disk_.open("/d/b", open_mode::read).failure().code,
            errc::not_found);
  EXPECT_EQ(disk_.open("/no/b", open_mode::write).failure().code,
            errc::not_found);
  for (const auto mode : {open_mode::read, open_mode::write})
    EXPECT_EQ(disk_.open("/d/e", mode).failure().code, errc::storage_failed);
}

TEST_F(MemoryDiskTest, ListsADirectoryInOrder) {
  make("/d/b");
  make("/d/a");
  make("/d/e/inner");
  ASSERT_FALSE(disk_.mark_archived("/d/a"));
  auto entries = disk_.list("/d/");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_TRUE((*entries)[0].archived);
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_TRUE((*entries)[2].is_directory);
  EXPECT_EQ(disk_.list("/x").failure().code, errc::not_found);
}

TEST_F(MemoryDiskTest, APowerCutTakesWhatWasNotSynced) {
  auto a = make("/d/a");
  ASSERT_FALSE(a->write_at(0, bytes_of("one")));
  ASSERT_FALSE(a->sync());
  ASSERT_FALSE(disk_.sync_directory("/d"));
  ASSERT_FALSE(a->write_at(0, bytes_of("twothree")));
  make("/d/unsynced name");
  const auto boot = disk_.boot_id();
  disk_.cut_power(survival::nothing);
  EXPECT_NE(disk_.boot_id(), boot);
  EXPECT_EQ(text_of(disk_, "/d/a"), "one");
  EXPECT_FALSE(disk_.exists("/d/unsynced name"));
  EXPECT_EQ(a->sync().code, errc::storage_failed);
}

TEST_F(MemoryDiskTest, ARemovedDirectoryIsGoneOnceItsParentIsSynced) {
  for (const bool synced : {false, true}) {
    memory_file_system disk{3};
    ASSERT_FALSE(disk.create_directories("/d/e"));
    ASSERT_FALSE(replace_file(disk, "/d/e/a", bytes_of("old")));
    ASSERT_FALSE(disk.remove_all("/d/e"));
    EXPECT_FALSE(disk.exists("/d/e"));
    if (synced)
      ASSERT_FALSE(disk.sync_directory("/d"));
    disk.cut_power(survival::nothing);
    // With its name, what was in it.
    EXPECT_EQ(disk.exists("/d/e"), !synced);
    EXPECT_EQ(disk.exists("/d/e/a"), !synced);
    if (!synced)
      EXPECT_EQ(disk.list("/d/e")->size(), 1u);
  }
}

TEST_F(MemoryDiskTest, ADeadProcessLeavesTheCache) {
  auto a = make("/d/a");
  auto lock = disk_.lock_directory("/d");
  ASSERT_TRUE(lock);
  EXPECT_EQ(disk_.lock_directory("/d").failure().code, errc::locked);
  ASSERT_FALSE(a->write_at(0, bytes_of("one")));
  const auto boot = disk_.boot_id();
  disk_.end_process();
  EXPECT_EQ(disk_.boot_id(), boot);
  EXPECT_EQ(text_of(disk_, "/d/a"), "one");
  EXPECT_TRUE(disk_.lock_directory("/d"));
}

TEST_F(MemoryDiskTest, ARenameSurvivesWholeOrNotAtAll) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    memory_file_system disk{seed};
    ASSERT_FALSE(disk.create_directories("/d"));
    ASSERT_FALSE(replace_file(disk, "/d/a", bytes_of("old")));
    auto temporary = disk.open("/d/t", open_mode::write);
    ASSERT_FALSE((*temporary)->write_at(0, bytes_of("new")));
    ASSERT_FALSE((*temporary)->sync());
    ASSERT_FALSE(disk.rename("/d/t", "/d/a"));
    EXPECT_EQ(text_of(disk, "/d/a"), "new");
    disk.cut_power(survival::some);
    const auto text = text_of(disk, "/d/a");
    EXPECT_TRUE(text == "old" || text == "new");
    EXPECT_FALSE(text == "new" && disk.exists("/d/t"));
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 2u);
}

// Every sector of an unsynced write is kept or lost on its own.
TEST_F(MemoryDiskTest, AWriteTearsAtSectors) {
  std::set<std::string> seen;
  const std::string before(2048, 'a');
  const std::string after(2048, 'b');
  for (uint64_t seed = 0; seed < 200; ++seed) {
    memory_file_system disk{seed};
    ASSERT_FALSE(disk.create_directories("/d"));
    auto file = *disk.open("/d/a", open_mode::write);
    ASSERT_FALSE(file->write_at(0, bytes_of(before)));
    ASSERT_FALSE(file->sync());
    ASSERT_FALSE(disk.sync_directory("/d"));
    ASSERT_FALSE(file->write_at(256, bytes_of(after).first(1536)));
    disk.cut_power(survival::some);
    const auto text = text_of(disk, "/d/a");
    ASSERT_EQ(text.size(), 2048u);
    std::string shape;
    for (const auto& [from, to] :
         {std::pair{256, 512}, {512, 1024}, {1024, 1536}, {1536, 1792}}) {
      const auto part = text.substr(static_cast<size_t>(from),
                                    static_cast<size_t>(to - from));
      EXPECT_EQ(part, std::string(part.size(), part[0]));
      shape += part[0];
    }
    seen.insert(shape);
    EXPECT_EQ(text.substr(0, 256), before.substr(0, 256));
  }
  EXPECT_EQ(seen.size(), 16u);
}

TEST_F(MemoryDiskTest, ARefusedSyncLosesThePages) {
  auto a = make("/d/a");
  ASSERT_FALSE(disk_.sync_directory("/d"));
  ASSERT_FALSE(a->write_at(0, bytes_of("one")));
  disk_.fail(disk_call::sync, 1);
  EXPECT_EQ(a->sync().code, errc::storage_failed);
  EXPECT_FALSE(a->sync()); // Says yes and has nothing to write.
  EXPECT_EQ(text_of(disk_, "/d/a"), "one");
  disk_.cut_power(survival::nothing);
  EXPECT_EQ(text_of(disk_, "/d/a"), "");
}

TEST_F(MemoryDiskTest, TheNthCallFails) {
  auto a = make("/d/a");
  disk_.fail(disk_call::write, 2, errc::no_space, 2, "/d/a");
  EXPECT_FALSE(a->write_at(0, bytes_of("x")));
  EXPECT_EQ(a->write_at(0, bytes_of("y")).code, errc::no_space);
  EXPECT_FALSE(make("/d/b")->write_at(0, bytes_of("z")));
  EXPECT_EQ(a->write_at(0, bytes_of("y")).code, errc::no_space);
  EXPECT_FALSE(a->write_at(0, bytes_of("y")));
  EXPECT_EQ(disk_.calls(disk_call::write), 5u);
  std::array<std::byte, 1> into{};
  disk_.fail(disk_call::read, 1);
  EXPECT_FALSE(a->read_at(0, into));
  EXPECT_TRUE(a->read_at(0, into));
}

TEST_F(MemoryDiskTest, ShortWritesAndFullDisksLandAPart) {
  auto a = make("/d/a");
  disk_.write_short(1, 2);
  EXPECT_EQ(a->write_at(0, bytes_of("hello")).code, errc::storage_failed);
  EXPECT_EQ(text_of(disk_, "/d/a"), "he");
  disk_.set_quota(4);
  EXPECT_EQ(a->write_at(0, bytes_of("hello")).code, errc::no_space);
  EXPECT_EQ(text_of(disk_, "/d/a"), "hell");
  EXPECT_EQ(*disk_.free_bytes("/d"), 0u);
  disk_.set_quota({});
  EXPECT_FALSE(a->write_at(0, bytes_of("hello")));
}

TEST_F(MemoryDiskTest, ALyingDiskForgets) {
  auto a = make("/d/a");
  ASSERT_FALSE(disk_.sync_directory("/d"));
  disk_.set_lying_sync(true);
  ASSERT_FALSE(a->write_at(0, bytes_of("one")));
  EXPECT_FALSE(a->sync());
  disk_.cut_power(survival::nothing);
  EXPECT_EQ(text_of(disk_, "/d/a"), "");
}

TEST_F(MemoryDiskTest, DamageIsSeenAtOnceAndLasts) {
  auto a = make("/d/a");
  ASSERT_FALSE(a->write_at(0, bytes_of("abc")));
  ASSERT_FALSE(a->sync());
  ASSERT_FALSE(disk_.sync_directory("/d"));
  disk_.flip_bit("/d/a", 8);
  EXPECT_EQ(text_of(disk_, "/d/a"), "acc");
  disk_.cut("/d/a", 2);
  disk_.cut_power(survival::nothing);
  EXPECT_EQ(text_of(disk_, "/d/a"), "ac");
}

TEST_F(MemoryDiskTest, TwoFilesChangePlacesForGood) {
  auto a = make("/d/a");
  ASSERT_FALSE(a->write_at(0, bytes_of("of a")));
  ASSERT_FALSE(make("/d/e/b")->write_at(0, bytes_of("of b")));
  disk_.swap("/d/a", "/d/e/b");
  EXPECT_EQ(text_of(disk_, "/d/a"), "of b");
  EXPECT_EQ(text_of(disk_, "/d/e/b"), "of a");
  ASSERT_FALSE(a->write_at(0, bytes_of("OF A")));
  EXPECT_EQ(text_of(disk_, "/d/e/b"), "OF A") << "it keeps what it opened";
  ASSERT_FALSE(a->sync());
  disk_.cut_power(survival::nothing);
  EXPECT_EQ(text_of(disk_, "/d/e/b"), "OF A");
  EXPECT_EQ(text_of(disk_, "/d/a"), "") << "its bytes were never synced";
}

TEST_F(MemoryDiskTest, AFileThatIsGoneStaysAway) {
  ASSERT_FALSE(make("/d/a")->sync());
  make("/d/e/b");
  disk_.lose("/d/a");
  EXPECT_EQ(disk_.paths(), std::vector<std::string>{"/d/e/b"});
  disk_.cut_power(survival::nothing);
  EXPECT_FALSE(disk_.exists("/d/a"));
}

TEST_F(MemoryDiskTest, PathsGoDirectoryByDirectory) {
  make("/d/e.b");
  make("/d/e/b");
  make("/d/e/a");
  make("/d/a");
  EXPECT_EQ(disk_.paths(),
            (std::vector<std::string>{"/d/a", "/d/e/a", "/d/e/b", "/d/e.b"}));
}

TEST_F(MemoryDiskTest, WhatMayOnlyBeReadRefusesEveryChange) {
  auto a = make("/d/a");
  auto clean = make("/d/clean");
  ASSERT_FALSE(a->write_at(0, bytes_of("abc")));
  const auto met = disk_.set_read_only();
  EXPECT_TRUE(disk_.is_read_only());
  std::array<std::byte, 4> into{};
  EXPECT_EQ(*a->read_at(0, into), 3u);
  EXPECT_TRUE(disk_.open("/d/a", open_mode::read));
  EXPECT_FALSE(clean->sync());
  EXPECT_FALSE(disk_.create_directories("/d")) << "it is there";
  EXPECT_FALSE(*met);
  EXPECT_EQ(disk_.times_read_only(), 0u);
  for (const auto& refused :
       {a->write_at(0, bytes_of("x")), a->truncate(1), a->sync(),
        disk_.open("/d/a", open_mode::write).failure(),
        disk_.open("/d/b", open_mode::create_new).failure(),
        disk_.rename("/d/a", "/d/b"), disk_.remove("/d/a"),
        disk_.remove_all("/d"), disk_.sync_directory("/d"),
        disk_.create_directories("/d/f"), disk_.mark_archived("/d/a"),
        disk_.lock_directory("/d").failure()})
    EXPECT_EQ(refused.code, errc::permission) << to_string(refused);
  EXPECT_TRUE(*met);
  EXPECT_EQ(disk_.refused(), 12u);
  EXPECT_EQ(disk_.times_read_only(), 1u);
  EXPECT_EQ(disk_.paths(), (std::vector<std::string>{"/d/a", "/d/clean"}));
  disk_.heal();
  EXPECT_EQ(met.use_count(), 1);
  EXPECT_FALSE(a->sync()) << "as after any refused sync";
  EXPECT_FALSE(disk_.sync_directory("/d"));
  disk_.cut_power(survival::nothing);
  EXPECT_EQ(text_of(disk_, "/d/a"), "") << "which wrote nothing";
}

TEST_F(MemoryDiskTest, WhatCouldNotBeReadAgainIsNotWritten) {
  const auto write = [this](std::string_view text) {
    return persistence::replace_own_file(disk_, "/d/a", bytes_of(text), 5);
  };
  ASSERT_FALSE(write("first"));
  const auto fault = write("second");
  EXPECT_EQ(fault.code, errc::oversize);
  EXPECT_NE(fault.context.find("/d/a"), std::string::npos) << fault.context;
  EXPECT_EQ(text_of(disk_, "/d/a"), "first");
  EXPECT_TRUE(persistence::read_own_file(disk_, "/d/a", 5));
  EXPECT_EQ(persistence::read_own_file(disk_, "/d/a", 4).failure().code,
            errc::corrupt);
}

TEST_F(MemoryDiskTest, AMappingOutlivesItsFile) {
  auto a = make("/d/a");
  ASSERT_FALSE(a->write_at(0, bytes_of("abc")));
  auto mapped = disk_.map("/d/a");
  ASSERT_TRUE(mapped);
  ASSERT_FALSE(disk_.remove_all("/d"));
  EXPECT_FALSE(disk_.exists("/d/a"));
  EXPECT_EQ((*mapped)->bytes().size(), 3u);
}

} // namespace
} // namespace millrace::sim
