#include <millrace/persistence/stores/checkpoint_store.hpp>
#include <millrace/persistence/stores/hdb_index.hpp>

#include <csignal>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

std::unique_ptr<checkpoint_store> open_intact(const std::string& path) {
  auto opened = checkpoint_store::open(path);
  EXPECT_TRUE(opened) << to_string(opened.failure());
  EXPECT_FALSE(opened->quarantine);
  return std::move(opened->store);
}

TEST(CheckpointStoreTest, StateIsKept) {
  temporary_directory directory;
  const std::string key{"a\0b", 3};
  {
    auto store = open_intact(directory.path() + "/state");
    EXPECT_FALSE(*store->get(key));
    ASSERT_FALSE(store->put(key, "one"));
    ASSERT_FALSE(store->put("other", ""));
  }
  auto store = open_intact(directory.path() + "/state");
  EXPECT_EQ(**store->get(key), "one");
  EXPECT_EQ(**store->get("other"), "");
  ASSERT_FALSE(
    store->put("other", "two", checkpoint_store::durability::recorded));
  EXPECT_EQ(**store->get("other"), "two");
  EXPECT_EQ(**store->get(key), "one");
  EXPECT_FALSE(*store->get("a"));
}

TEST(CheckpointStoreTest, OneProcessHasIt) {
  temporary_directory directory;
  const auto store = open_intact(directory.path());
  const auto fault = checkpoint_store::open(directory.path()).failure();
  EXPECT_EQ(fault.code, errc::locked);
  EXPECT_EQ(fault.context, directory.path() + ": another process has it open");
}

// Goal: what is acknowledged survives a kill, whole. Method: a child writes a
// counter, many times over in one value, until it is killed.
TEST(CheckpointStoreTest, KilledWritersLeaveWholeValues) {
  temporary_directory directory;
  const auto path = directory.path() + "/state";
  const auto value_of = [](uint64_t n) {
    std::string value;
    for (int i = 0; i < 1000; ++i)
      value += std::to_string(n) + ' ';
    return value;
  };
  uint64_t start = 0;
  for (int round = 0; round < 5; ++round) {
    int acknowledged[2];
    ASSERT_EQ(::pipe(acknowledged), 0);
    const auto child = ::fork();
    if (child == 0) {
      auto opened = checkpoint_store::open(path);
      if (!opened)
        ::_exit(1);
      for (auto n = start + 1;; ++n)
        if (opened->store->put("count", value_of(n),
                               checkpoint_store::durability::recorded)
            || ::write(acknowledged[1], &n, sizeof n) != sizeof n)
          ::_exit(2);
    }
    uint64_t last = 0;
    const auto enough = start + 200 + static_cast<uint64_t>(round) * 37;
    while (last < enough)
      ASSERT_EQ(::read(acknowledged[0], &last, sizeof last),
                static_cast<ssize_t>(sizeof last));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    ::close(acknowledged[0]);
    ::close(acknowledged[1]);
    const auto store = open_intact(path);
    const auto found = **store->get("count");
    const auto at = std::stoull(found);
    EXPECT_GE(at, last);
    EXPECT_EQ(found, value_of(at));
    start = at;
  }
}

/// Puts forty values as one who does not look at what became of the last.
/// @returns the last that was acknowledged; the process ends with it
[[noreturn]] void put_on_a_disk_of(const std::string& path, rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0)
    ::_exit(255);
  int acknowledged = 0;
  {
    const auto opened = checkpoint_store::open(path);
    for (int i = 1; opened && i <= 40; ++i)
      if (!opened->store->put("last", std::to_string(i) + std::string(300, ' '),
                              i % 8 == 0
                                ? checkpoint_store::durability::synced
                                : checkpoint_store::durability::recorded))
        acknowledged = i;
  }
  ::_exit(acknowledged);
}

/// A file may have no more bytes than these: RocksDB's writers assert when they
/// are used again after a refused write.
TEST(CheckpointStoreTest, ADiskThatFillsAtAnyByteEndsNobodyAndLosesNothing) {
  int some = 0;
  int all = 0;
  for (rlim_t bytes = 0; bytes < 18'000; bytes += 310) {
    temporary_directory directory;
    const auto path = directory.path() + "/state";
    const auto child = ::fork();
    if (child == 0)
      put_on_a_disk_of(path, bytes);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << bytes << ": signal " << WTERMSIG(status);
    const auto acknowledged = WEXITSTATUS(status);
    ASSERT_LE(acknowledged, 40) << bytes;
    const auto store = open_intact(path);
    const auto found = store->get("last");
    ASSERT_TRUE(found) << bytes;
    EXPECT_GE(*found ? std::stoi(**found) : 0, acknowledged) << bytes;
    some += acknowledged > 0 && acknowledged < 40;
    all += acknowledged == 40;
  }
  EXPECT_GT(some, 5);
  EXPECT_GT(all, 2);
}

/// Flips a byte in the middle of every file whose name has this ending.
size_t damage(const std::string& directory, const std::string& ending,
              uint64_t from_end) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(ending) || entry.file_size() <= from_end)
      continue;
    std::fstream file{entry.path(),
                      std::ios::in | std::ios::out | std::ios::binary};
    file.seekg(static_cast<long>(entry.file_size() - 1 - from_end));
    const auto byte = static_cast<char>(file.get() ^ 0x55);
    file.seekp(static_cast<long>(entry.file_size() - 1 - from_end));
    file.put(byte);
    ++count;
  }
  return count;
}

TEST(CheckpointStoreTest, ADamagedStoreIsMovedAsideAndSaidSo) {
  for (const bool lost : {false, true}) {
    SCOPED_TRACE(lost ? "the list of tables is lost" : "it is damaged");
    temporary_directory directory;
    const auto path = directory.path() + "/state";
    {
      auto store = open_intact(path);
      for (int i = 0; i < 100; ++i) {
        ASSERT_FALSE(
          store->put("key" + std::to_string(i), std::string(100, 'v')));
      }
    }
    // Reopening writes a table and a fresh log.
    { open_intact(path); }
    std::filesystem::path manifest;
    for (const auto& entry : std::filesystem::directory_iterator(path))
      if (entry.path().filename().string().starts_with("MANIFEST"))
        manifest = entry.path();
    if (lost)
      std::filesystem::remove(manifest);
    else
      std::filesystem::resize_file(manifest, 10);
    auto opened = checkpoint_store::open(path);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    EXPECT_EQ(opened->quarantine, path + ".damaged.1");
    EXPECT_FALSE(opened->reason.empty());
    EXPECT_TRUE(std::filesystem::exists(path + ".damaged.1"));
    EXPECT_FALSE(*opened->store->get("key1"));
    EXPECT_FALSE(opened->store->put("key1", "new"));
  }
}

TEST(CheckpointStoreTest, ATornEndOfTheLogIsNoDamage) {
  temporary_directory directory;
  const auto path = directory.path() + "/state";
  {
    auto store = open_intact(path);
    for (int i = 0; i < 50; ++i) {
      ASSERT_FALSE(store->put("key", std::to_string(i)));
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().extension() == ".log")
      std::filesystem::resize_file(entry.path(), entry.file_size() - 5);
  auto store = open_intact(path);
  EXPECT_EQ(**store->get("key"), "48");
}

TEST(CheckpointStoreTest, DamageInsideTheLogIsNotReadOver) {
  temporary_directory directory;
  const auto path = directory.path() + "/state";
  {
    auto store = open_intact(path);
    for (int i = 0; i < 200; ++i) {
      ASSERT_FALSE(
        store->put("key" + std::to_string(i), std::string(300, 'v')));
    }
  }
  ASSERT_EQ(damage(path, ".log", 30'000), 1u);
  auto opened = checkpoint_store::open(path);
  ASSERT_TRUE(opened) << to_string(opened.failure());
  EXPECT_TRUE(opened->quarantine);
}

struct hdb_index_test : testing::Test {
  hdb_index_test() {
    world.fs = &posix_file_system();
    EXPECT_FALSE(rdb.declare(table.schema));
    writer = *hdb_writer::open(world, directory.path() + "/hdb");
  }
  void add_period(size_t row_count) {
    const auto from = at;
    fill(rdb, table, at, row_count, random);
    rdb.end_period(at);
    const auto done
      = write_period(*writer, request_of(rdb, ++period, from, at));
    ASSERT_TRUE(done) << to_string(done.failure());
  }
  /// Every symbol's rows, found by looking into each part.
  void expect_index(const hdb_index& index, const hdb_snapshot& snapshot) {
    EXPECT_EQ(*index.version(), snapshot.version());
    std::map<std::string,
             std::vector<std::tuple<std::string, uint32_t, uint32_t>>>
      expected;
    for (const auto* part : snapshot.parts("all")) {
      const auto view = loaded(snapshot.view(*part));
      const auto& segment = view->segments[0];
      for (const auto& range : segment.ranges)
        expected[std::string{segment.columns[1].dictionary->text(range.code)}]
          .emplace_back(part->path(), range.begin, range.end);
    }
    for (const auto& [symbol, ranges] : expected) {
      std::vector<std::tuple<std::string, uint32_t, uint32_t>> found;
      const auto indexed = index.rows("all", symbol);
      ASSERT_TRUE(indexed);
      for (const auto& one : *indexed)
        found.emplace_back(one.part, one.begin, one.end);
      EXPECT_EQ(found, ranges) << "symbol '" << symbol << "'";
    }
    EXPECT_TRUE(index.rows("all", "S")->empty());
    EXPECT_TRUE(index.rows("al", "S1")->empty());
    EXPECT_TRUE(*index.cutover("ticks", "all") == at);
    EXPECT_FALSE(*index.cutover("ticks", "none"));
  }

  temporary_directory directory;
  env world;
  std::unique_ptr<hdb_writer> writer;
  memory_store rdb;
  filled_table table{every_type(), {}};
  position at{};
  int64_t period = 0;
  std::mt19937_64 random{41};
};

using HdbIndexTest = hdb_index_test;

TEST_F(HdbIndexTest, FollowsTheManifestAndCanBeRebuilt) {
  add_period(100);
  add_period(60);
  auto store = hdb_store::open(*world.fs, directory.path() + "/hdb");
  auto index = hdb_index::open(directory.path() + "/index");
  ASSERT_TRUE(index) << to_string(index.failure());
  EXPECT_EQ(*(*index)->version(), 0u);
  EXPECT_EQ(*(*index)->update(*(*store)->snapshot()), 2u);
  expect_index(**index, *(*store)->snapshot());
  add_period(80);
  ASSERT_TRUE(*(*store)->refresh());
  EXPECT_EQ(*(*index)->update(*(*store)->snapshot()), 1u);
  expect_index(**index, *(*store)->snapshot());
  EXPECT_EQ(*(*index)->update(*(*store)->snapshot()), 0u);
  EXPECT_EQ(*(*index)->rebuild(*(*store)->snapshot()), 3u);
  expect_index(**index, *(*store)->snapshot());

  // A part in a new place: what was known of the old one goes.
  auto part = writer->manifest().parts[1];
  const auto old_path = directory.path() + "/hdb/" + part.path();
  part.directory = writer->next_version();
  std::filesystem::copy(old_path, directory.path() + "/hdb/" + part.path());
  ASSERT_FALSE(
    writer->replace({{{part},
                      table.schema,
                      {{0, 0, table.schema.name, part.partition, 1, ""}}}}));
  ASSERT_TRUE(*(*store)->refresh());
  EXPECT_EQ(*(*index)->update(*(*store)->snapshot()), 1u);
  expect_index(**index, *(*store)->snapshot());

  // And after the process ended.
  index = error{errc::none, ""};
  auto again = hdb_index::open(directory.path() + "/index");
  expect_index(**again, *(*store)->snapshot());
  EXPECT_EQ(hdb_index::open(directory.path() + "/index").failure().code,
            errc::locked);
}

TEST_F(HdbIndexTest, OneThatLostAFileIsMadeAgainAndSaidSo) {
  add_period(100);
  auto store = hdb_store::open(*world.fs, directory.path() + "/hdb");
  const auto path = directory.path() + "/index";
  {
    auto index = hdb_index::open(path);
    ASSERT_TRUE((*index)->update(*(*store)->snapshot()));
    EXPECT_EQ((*index)->begun_anew(), "");
  }
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.path().filename().string().starts_with("MANIFEST"))
      std::filesystem::remove(entry.path());
  auto index = hdb_index::open(path);
  ASSERT_TRUE(index) << to_string(index.failure());
  EXPECT_NE((*index)->begun_anew().find(path + ".damaged.1"),
            std::string::npos);
  EXPECT_EQ(*(*index)->update(*(*store)->snapshot()), 1u);
  expect_index(**index, *(*store)->snapshot());
}

// Method: the database is made anew with other rows, so that its parts and
// versions have the names of those before.
TEST_F(HdbIndexTest, BelievesNothingOfAnotherDatabase) {
  add_period(100);
  add_period(60);
  auto store = hdb_store::open(*world.fs, directory.path() + "/hdb");
  auto index = hdb_index::open(directory.path() + "/index");
  ASSERT_TRUE((*index)->update(*(*store)->snapshot()));
  const auto before = (*store)->snapshot()->manifest();

  writer = nullptr;
  std::filesystem::remove_all(directory.path() + "/hdb");
  writer = *hdb_writer::open(world, directory.path() + "/hdb");
  period = 0;
  at = {};
  memory_store fresh;
  ASSERT_FALSE(fresh.declare(table.schema));
  for (int i = 0; i < 2; ++i) {
    const auto from = at;
    fill(fresh, table, at, 90, random);
    fresh.end_period(at);
    ASSERT_TRUE(*write_period(*writer, request_of(fresh, ++period, from, at)));
  }
  auto again = hdb_store::open(*world.fs, directory.path() + "/hdb");
  const auto snapshot = (*again)->snapshot();
  ASSERT_EQ(snapshot->version(), before.version);
  ASSERT_EQ(snapshot->manifest().parts[1].path(), before.parts[1].path());
  EXPECT_EQ(*(*index)->update(*snapshot), 2u);
  expect_index(**index, *snapshot);
}

} // namespace
} // namespace millrace::persistence
