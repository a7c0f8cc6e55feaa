#include <millrace/sim/disk/memory_file_system.hpp>

#include <atomic>
#include <thread>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

struct hdb_store_test : testing::Test {
  hdb_store_test() {
    world.fs = &posix_file_system();
    EXPECT_FALSE(rdb.declare(table.schema));
    auto opened = hdb_writer::open(world, path());
    EXPECT_TRUE(opened);
    writer = std::move(*opened);
  }

  /// For tests that commit often, and do not wait for a disk.
  void use_memory() {
    world.fs = &memory;
    writer = *hdb_writer::open(world, path());
  }

  void add_period(size_t row_count) {
    const auto from = at;
    const auto first = table.all.size();
    fill(rdb, table, at, row_count, random);
    rdb.end_period(at);
    const auto done
      = write_period(*writer, request_of(rdb, ++period, from, at));
    ASSERT_TRUE(done) << to_string(done.failure());
    periods.emplace_back(table.all.begin() + static_cast<long>(first),
                         table.all.end());
    ASSERT_FALSE(rdb.drop(at));
  }

  [[nodiscard]] std::string path() const { return directory.path() + "/hdb"; }

  temporary_directory directory;
  sim::memory_file_system memory;
  env world;
  std::unique_ptr<hdb_writer> writer;
  memory_store rdb;
  filled_table table{every_type(), {}};
  position at{};
  int64_t period = 0;
  std::vector<rows> periods;
  std::mt19937_64 random{31};
};

using HdbStoreTest = hdb_store_test;

TEST_F(HdbStoreTest, ADirectoryThatIsNoHdbIsNamed) {
  const auto fault
    = hdb_store::open(*world.fs, directory.path() + "/none").failure();
  EXPECT_EQ(fault.code, errc::not_found);
  EXPECT_NE(fault.context.find("/none/manifest"), std::string::npos);
}

TEST_F(HdbStoreTest, RefreshPicksUpPartitionsAndPinsKeepTheirs) {
  add_period(50);
  auto store = hdb_store::open(*world.fs, path());
  ASSERT_TRUE(store);
  const auto pinned = (*store)->snapshot();
  EXPECT_FALSE(*(*store)->refresh());
  add_period(70);
  EXPECT_EQ((*store)->snapshot()->parts("all").size(), 1u);
  EXPECT_TRUE(*(*store)->refresh());
  const auto snapshot = (*store)->snapshot();
  ASSERT_EQ(snapshot->parts("all").size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    expect_partition(*loaded(snapshot->view(*snapshot->parts("all")[i])),
                     periods[i]);
  ASSERT_EQ(pinned->parts("all").size(), 1u);
  expect_partition(*loaded(pinned->view(*pinned->parts("all")[0])), periods[0]);
  EXPECT_TRUE(snapshot->parts("none").empty());
  EXPECT_EQ(snapshot->schema("none"), nullptr);
}

// A view outlives its snapshot, its store, and the files' names.
TEST_F(HdbStoreTest, ViewsKeepTheirMemory) {
  add_period(80);
  auto store = hdb_store::open(*world.fs, path());
  auto snapshot = (*store)->snapshot();
  const auto view = loaded(snapshot->view(*snapshot->parts("all")[0]));
  snapshot = nullptr;
  store = error{errc::none, ""};
  std::filesystem::remove_all(path());
  expect_partition(*view, periods[0]);
}

TEST_F(HdbStoreTest, AReplacedPartIsReadAsPinnedOrSaidToHaveMoved) {
  add_period(60);
  auto store = hdb_store::open(*world.fs, path());
  const auto mapped = (*store)->snapshot();
  ASSERT_TRUE(loaded(mapped->view(*mapped->parts("all")[0])));
  auto late = hdb_store::open(*world.fs, path());
  const auto unmapped = (*late)->snapshot();

  // The corrected version: the part's rows but for the first ten.
  auto source = *loaded(mapped->view(*mapped->parts("all")[0]));
  rows corrected{periods[0].begin() + 10, periods[0].end()};
  memory_store other;
  ASSERT_FALSE(other.declare(table.schema));
  const auto bytes = encode(table.schema, corrected);
  ASSERT_FALSE(other.append(*decode_batch(bytes), at));
  other.end_period(at);
  temporary_directory elsewhere;
  auto second = hdb_writer::open(world, elsewhere.path());
  ASSERT_TRUE(*write_period(**second, request_of(other, 1, {}, at)));
  auto part = (*second)->manifest().parts[0];
  const auto old_path = path() + "/" + part.partition + "/all/";
  const auto from = elsewhere.path() + "/" + part.path();
  part.directory = writer->next_version();
  std::filesystem::copy(from, old_path + std::to_string(part.directory));
  const replaced_range corrects{
    {part}, table.schema, {{0, 0, table.schema.name, part.partition, 1, ""}}};
  auto missing = corrects;
  missing.parts[0].to = {at.value + 8};
  // All of them, or none.
  EXPECT_EQ(writer->replace({corrects, missing}).code, errc::not_found);
  ASSERT_FALSE(writer->replace({corrects}));

  ASSERT_TRUE(*(*store)->refresh());
  const auto newest = (*store)->snapshot();
  expect_partition(*loaded(newest->view(*newest->parts("all")[0])), corrected);
  writer = nullptr;
  auto reopened = hdb_writer::open(world, path());
  ASSERT_TRUE(reopened);
  expect_partition(*loaded(mapped->view(*mapped->parts("all")[0])), periods[0]);
  EXPECT_EQ(loaded(unmapped->view(*unmapped->parts("all")[0])).failure().code,
            errc::moved);
}

// Method: damage each file of a part in turn, by a byte and by its length.
TEST_F(HdbStoreTest, DamageInAnyFileIsFoundAndNamed) {
  use_memory();
  add_period(40);
  const auto part = writer->manifest().parts[0];
  const auto part_path = path() + "/" + part.path();
  ASSERT_GT(part.files.size(), every_type().columns.size());
  for (const auto& file : part.files) {
    const auto name = part_path + "/" + file.name;
    const auto good = *read_file(*world.fs, name);
    ASSERT_EQ(good.size(), file.bytes);
    for (size_t at_byte = 0; at_byte < good.size();
         at_byte += 1 + good.size() / 7) {
      auto bad = good;
      bad[at_byte] ^= std::byte{0x10};
      ASSERT_FALSE(replace_file(*world.fs, name, bad));
      auto store = hdb_store::open(*world.fs, path());
      const auto snapshot = (*store)->snapshot();
      const auto damages = check_all(*world.fs, path(), snapshot->manifest());
      ASSERT_EQ(damages.size(), 1u) << name;
      EXPECT_EQ(damages[0].path, name);
      // And at the first use.
      const auto& same = *snapshot->parts("all")[0];
      const auto fault = loaded(snapshot->view(same)).failure();
      ASSERT_EQ(fault.code, errc::corrupt) << name;
      ASSERT_NE(fault.context.find(name), std::string::npos) << fault.context;
    }
    auto shorter = good;
    shorter.pop_back();
    ASSERT_FALSE(replace_file(*world.fs, name, shorter));
    auto store = hdb_store::open(*world.fs, path());
    const auto snapshot = (*store)->snapshot();
    const auto fault
      = loaded(snapshot->view(*snapshot->parts("all")[0])).failure();
    EXPECT_EQ(fault.code, errc::corrupt);
    EXPECT_NE(fault.context.find(name), std::string::npos) << fault.context;
    ASSERT_FALSE(replace_file(*world.fs, name, good));
  }
  auto store = hdb_store::open(*world.fs, path());
  EXPECT_TRUE(
    check_all(*world.fs, path(), (*store)->snapshot()->manifest()).empty());
}

// Readers on two threads, each pinning what is newest, while periods come.
TEST_F(HdbStoreTest, ReadersGoOnWhilePartitionsAreAdded) {
  use_memory();
  add_period(30);
  auto store = hdb_store::open(*world.fs, path());
  std::atomic<bool> done{false};
  std::atomic<uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      do {
        const auto snapshot = (*store)->snapshot();
        uint64_t count = 0;
        for (const auto* part : snapshot->parts("all")) {
          const auto view = loaded(snapshot->view(*part));
          ASSERT_TRUE(view);
          count += view->row_count();
          ASSERT_EQ(view->segments[0].columns[0].as<int64_t>()[0],
                    (*loaded(snapshot->view(*part)))
                      .segments[0]
                      .columns[0]
                      .as<int64_t>()[0]);
        }
        ASSERT_EQ(count, 30 * snapshot->parts("all").size());
        ++reads;
      } while (!done);
    });
  for (int i = 0; i < 12; ++i) {
    add_period(30);
    EXPECT_TRUE(*(*store)->refresh());
  }
  done = true;
  for (auto& reader : readers)
    reader.join();
  EXPECT_GT(reads, 0u);
}

} // namespace
} // namespace millrace::persistence
