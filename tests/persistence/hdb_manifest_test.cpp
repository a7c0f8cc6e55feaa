#include <millrace/persistence/hdb/hdb_contents.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/effort.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

hdb_manifest sample_manifest() {
  hdb_manifest out;
  out.version = 7;
  out.schemas = {every_type()};
  for (uint64_t i = 0; i < 3; ++i) {
    auto part = range_part({i * 100}, {(i + 1) * 100});
    part.row_count = static_cast<uint32_t>(i * 10);
    for (auto& zone : part.zones)
      zone = {false, -5, inf_long, -0.0, 1e-310, i != 1};
    part.files = {{"time", 80, 1234567890123456789u}, {".order", 40, i}};
    out.parts.push_back(part);
  }
  out.lives["ticks"] = {{1, 2}};
  out.losses
    = {{hdb_loss::stream_event, "ticks", "", {100}, {200}, 2, "lost"},
       {hdb_loss::rejects, "ticks", "all", {250}, {250}, 1, "fits no table"}};
  return out;
}

// As copies that were cut into the same ranges, whatever their files are.
TEST(HdbManifestTest, ContentsTellTheSameRowsFromOthers) {
  const auto manifest = sample_manifest();
  auto copy = manifest;
  copy.version = 70;
  std::reverse(copy.parts.begin(), copy.parts.end());
  for (auto& part : copy.parts)
    part.directory += 1000;
  const auto contents = contents_of(manifest);
  EXPECT_EQ(contents.size(), 1u);
  EXPECT_EQ(contents_of(copy), contents);
  copy.parts[0].row_count += 1;
  EXPECT_NE(contents_of(copy), contents);
  copy = manifest;
  copy.parts.push_back(persistence::part_of(
    {.version = 8, .table = "all", .partition = "2013.10.07", .text = "bust"},
    copy));
  EXPECT_NE(contents_of(copy), contents) << "something was done by hand";
}

TEST(HdbManifestTest, RoundTrip) {
  const auto manifest = sample_manifest();
  const auto bytes = encode(manifest);
  const auto back = decode_hdb_manifest(bytes);
  ASSERT_TRUE(back) << to_string(back.failure());
  EXPECT_EQ(encode(*back), bytes);
  EXPECT_EQ(back->version, 7u);
  EXPECT_EQ(back->schemas, manifest.schemas);
  ASSERT_EQ(back->parts.size(), 3u);
  EXPECT_EQ(back->parts[2].row_count, 20u);
  EXPECT_EQ(back->parts[2].files, manifest.parts[2].files);
  EXPECT_EQ(back->parts[1].zones[3].high_float, 1e-310);
  EXPECT_EQ(back->parts[1].zones[3].high, inf_long);
  EXPECT_FALSE(back->parts[1].zones[3].may_be_null);
  EXPECT_TRUE(back->parts[2].zones[3].may_be_null);
  EXPECT_EQ(back->lives, manifest.lives);
  EXPECT_EQ(back->losses, manifest.losses);
}

TEST(HdbManifestTest, EveryFlippedBitAndEveryTruncationIsFound) {
  const auto good = encode(sample_manifest());
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    ASSERT_EQ(decode_hdb_manifest(bytes).failure().code, errc::corrupt) << bit;
  }
  for (size_t size = 0; size < good.size(); ++size)
    ASSERT_EQ(decode_hdb_manifest(std::span{good}.first(size)).failure().code,
              errc::corrupt);
}

TEST(HdbManifestTest, PathsStayInsideTheDirectory) {
  for (const auto* bad : {"", "..", ".hidden", "a/b", "/etc"}) {
    auto manifest = sample_manifest();
    manifest.parts[1].partition = bad;
    EXPECT_EQ(decode_hdb_manifest(encode(manifest)).failure().code,
              errc::corrupt);
    EXPECT_EQ(hdb_manifest{}.contains(manifest.parts[1]).failure().code,
              errc::invalid_argument);
  }
}

TEST(HdbManifestTest, DatesAreNamedAsInKdb) {
  EXPECT_EQ(date_partition_name(0), "2000.01.01");
  EXPECT_EQ(date_partition_name(59), "2000.02.29");
  EXPECT_EQ(date_partition_name(5028), "2013.10.07");
  EXPECT_EQ(date_partition_name(-1), "1999.12.31");
}

TEST(HdbManifestTest, RangesAreAddedOnceAndWithoutOverlapOrGap) {
  hdb_manifest manifest;
  manifest.parts = {range_part({0}, {100}), range_part({100}, {200}, 0, 2)};
  const auto answer = [&](const hdb_part& part) {
    const auto out = manifest.contains(part);
    return out ? (*out ? "there" : "fresh")
               : std::string{to_string(out.failure().code)};
  };
  EXPECT_EQ(answer(range_part({0}, {100})), "there");
  EXPECT_EQ(answer(range_part({100}, {200}, 0, 2)), "there");
  EXPECT_EQ(answer(range_part({100}, {200}, 1, 2)), "fresh");
  EXPECT_EQ(answer(range_part({200}, {300})), "fresh");
  EXPECT_EQ(answer(range_part({0}, {101})), "already_exists");
  EXPECT_EQ(answer(range_part({0}, {100}, 1, 2)), "already_exists");
  EXPECT_EQ(answer(range_part({50}, {60})), "already_exists");
  EXPECT_EQ(answer(range_part({150}, {250}, 1, 2)), "already_exists");
  EXPECT_EQ(answer(range_part({201}, {300})), "invalid_argument");
  EXPECT_EQ(answer(range_part({300}, {300})), "invalid_argument");
  EXPECT_EQ(answer(range_part({200}, {300}, 2, 2)), "invalid_argument");
  auto other = range_part({0}, {100});
  other.period = 1; // The same rows in another partition.
  EXPECT_EQ(answer(other), "already_exists");
  other = range_part({0}, {100});
  other.table = "quote";
  EXPECT_EQ(answer(other), "fresh");
  // A first range has all that the stream had.
  other.from = {17};
  EXPECT_EQ(answer(other), "invalid_argument");
}

TEST(HdbManifestTest, TheCutoverWaitsForEveryStripe) {
  hdb_manifest manifest;
  EXPECT_FALSE(manifest.cutover("ticks", "all"));
  manifest.parts = {range_part({0}, {100}, 0, 2)};
  EXPECT_FALSE(manifest.cutover("ticks", "all"));
  // The second period of one stripe does not help.
  manifest.parts.push_back(range_part({100}, {200}, 0, 2));
  EXPECT_FALSE(manifest.cutover("ticks", "all"));
  manifest.parts.push_back(range_part({0}, {100}, 1, 2));
  EXPECT_EQ(manifest.cutover("ticks", "all"), position{100});
  manifest.parts.push_back(range_part({100}, {200}, 1, 2));
  EXPECT_EQ(manifest.cutover("ticks", "all"), position{200});
  auto quote = range_part({0}, {100});
  quote.table = "quote";
  manifest.parts.push_back(quote);
  EXPECT_EQ(manifest.cutover("ticks", "all"), position{200});
  EXPECT_EQ(manifest.cutover("ticks", "quote"), position{100});
  // All at once they are the same.
  const auto all = manifest.cutovers();
  std::map<hdb_manifest::place, position> each;
  for (const auto& part : manifest.parts)
    if (const auto at = manifest.cutover(part.stream, part.table))
      each[{part.stream, part.table}] = *at;
  EXPECT_EQ(all, each);
  EXPECT_FALSE(all.empty());
  EXPECT_FALSE(manifest.cutover("other", "all"));
}

/// An rdb with the rows of two periods, and an hdb to write them to.
struct two_periods {
  explicit two_periods(file_system& fs = posix_file_system()) : disk{fs} {
    world.fs = &fs;
    std::mt19937_64 random{21};
    EXPECT_FALSE(rdb.declare(table.schema));
    fill(rdb, table, first, 60, random);
    rdb.end_period(first);
    second = first;
    fill(rdb, table, second, 70, random);
    rdb.end_period(second);
  }

  error write_first() { return write(1, {}, first); }
  error write_second() { return write(2, first, second); }
  error write(int64_t period, position from, position to) {
    auto writer = hdb_writer::open(world, path());
    if (!writer)
      return writer.failure();
    return write_period(**writer, request_of(rdb, period, from, to)).failure();
  }
  [[nodiscard]] std::string path() const { return directory.path() + "/hdb"; }

  /// Exactly one or two whole periods are there. @returns how many.
  size_t expect_whole() {
    auto store = hdb_store::open(disk, path());
    EXPECT_TRUE(store) << to_string(store.failure());
    if (!store)
      return 0;
    const auto snapshot = (*store)->snapshot();
    const auto& parts = snapshot->parts("all");
    EXPECT_GE(parts.size(), 1u);
    for (size_t i = 0; i < parts.size(); ++i) {
      auto view = loaded(snapshot->view(*parts[i]));
      EXPECT_TRUE(view) << to_string(view.failure());
      if (!view)
        return 0;
      const auto begin = static_cast<long>(i * 60);
      expect_partition(*view,
                       {table.all.begin() + begin,
                        i == 0 ? table.all.begin() + 60 : table.all.end()});
    }
    EXPECT_TRUE(check_all(disk, path(), snapshot->manifest()).empty());
    return parts.size();
  }

  /// Part directories on the disk, known or not.
  [[nodiscard]] size_t directories() {
    size_t count = 0;
    for (const auto& period : list(path()))
      if (period.is_directory)
        for (const auto& one : list(path() + "/" + period.name))
          count += list(path() + "/" + period.name + "/" + one.name).size();
    return count;
  }
  std::vector<directory_entry> list(const std::string& where) {
    auto entries = disk.list(where);
    EXPECT_TRUE(entries) << to_string(entries.failure());
    return *std::move(entries);
  }

  file_system& disk;
  env world;
  temporary_directory directory;
  memory_store rdb{{.segment_rows = 32}};
  filled_table table{every_type(), {}};
  position first{};
  position second{};
};

const std::pair<const char*, size_t> named_points[]
  = {{"rdb.after_flush", 1},
     {"rdb.before_manifest", 1},
     {"rdb.after_manifest", 2}};

// Method: a child process writes the second period and ends without any
// clean-up at the named point.
TEST(HdbWriterTest, DeathAtEachNamedPointLeavesTheOldOrTheNew) {
  for (const auto& [point, expected] : named_points) {
    two_periods f;
    ASSERT_FALSE(f.write_first());
    const auto child = ::fork();
    if (child == 0) {
      f.world.crash_point = [name = point](const char* passed) {
        if (std::string_view{passed} == name)
          ::_exit(42);
      };
      (void)f.write_second();
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 42) << point;
    EXPECT_EQ(f.expect_whole(), expected) << point;
    EXPECT_EQ(f.directories(), 2u);
    // The next writer removes what is not whole, and finishes the work.
    ASSERT_TRUE(hdb_writer::open(f.world, f.path()));
    EXPECT_EQ(f.directories(), expected);
    ASSERT_FALSE(f.write_second());
    EXPECT_EQ(f.expect_whole(), 2u);
    EXPECT_EQ(f.directories(), 2u);
  }
}

TEST(HdbWriterTest, APowerCutAtEachNamedPointLeavesTheOldOrTheNew) {
  for (const auto& [point, expected] : named_points)
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      sim::memory_file_system disk{seed};
      two_periods f{disk};
      ASSERT_FALSE(f.write_first());
      // What is committed must stand the cut without help from the cache.
      const auto how = seed == 1   ? sim::survival::nothing
                       : seed == 2 ? sim::survival::all
                                   : sim::survival::some;
      struct power_cut {};
      f.world.crash_point = [&, name = point](const char* passed) {
        if (std::string_view{passed} != name)
          return;
        disk.cut_power(how);
        throw power_cut{}; // Nothing of the process goes on.
      };
      EXPECT_THROW((void)f.write_second(), power_cut);
      f.world.crash_point = [](const char*) {};
      EXPECT_EQ(f.expect_whole(), expected) << point << " seed " << seed;
      const auto again = f.write_second();
      ASSERT_FALSE(again) << to_string(again);
      EXPECT_EQ(f.expect_whole(), 2u);
    }
}

enum class ending { process, nothing, all, some };

void end_life(sim::memory_file_system& disk, ending end) {
  switch (end) {
    case ending::process:
      return disk.end_process();
    case ending::nothing:
      return disk.cut_power(sim::survival::nothing);
    case ending::all:
      return disk.cut_power(sim::survival::all);
    case ending::some:
      return disk.cut_power(sim::survival::some);
  }
}

/// The n-th call of a class fails while the second period is written, alone or
/// with all after it. @returns false when there were fewer calls.
bool survive_failure(sim::disk_call call, uint64_t nth, ending end) {
  sim::memory_file_system disk{nth};
  two_periods f{disk};
  EXPECT_FALSE(f.write_first());
  const auto before = disk.calls(call);
  const auto code = nth % 2 ? errc::storage_failed : errc::no_space;
  disk.fail(call, nth, code, nth % 3 ? 1 : 1'000'000);
  const auto fault = f.write_second();
  const bool reached = disk.calls(call) >= before + nth;
  // A rule that cannot be read is noted anew: not each failure is one of all.
  EXPECT_TRUE(reached || !fault) << to_string(fault);
  EXPECT_TRUE(!fault || fault.code == code) << to_string(fault);
  disk.heal();
  end_life(disk, end);
  const auto periods = f.expect_whole();
  EXPECT_TRUE(fault || periods == 2);
  const auto again = f.write_second();
  EXPECT_FALSE(again) << to_string(again);
  EXPECT_EQ(f.expect_whole(), 2u);
  return reached;
}

// Method: for n = 1, 2, .. until a run passes without a failure; then the
// process ends, or the power is cut with all, none or some of the unsynced
// bytes surviving: in turns, or each of them if every case is wanted.
TEST(HdbWriterTest, AFailureAtEachCallLeavesTheOldOrTheNew) {
  using sim::disk_call;
  constexpr ending endings[]
    = {ending::process, ending::nothing, ending::all, ending::some};
  const bool every = test_support::exhaustive();
  uint64_t failures = 0;
  for (const auto call :
       {disk_call::open, disk_call::write, disk_call::sync, disk_call::truncate,
        disk_call::rename, disk_call::sync_directory})
    for (uint64_t nth = 1, reached = 1; reached != 0; ++nth)
      for (uint64_t i = 0; i < (every ? 4u : 1u); ++i) {
        SCOPED_TRACE("class " + std::to_string(static_cast<int>(call))
                     + ", call " + std::to_string(nth));
        reached = survive_failure(call, nth, endings[(nth + i) % 4]) ? 1 : 0;
        failures += reached;
        ASSERT_FALSE(testing::Test::HasFailure());
      }
  EXPECT_GT(failures, 80u);
}

TEST(HdbWriterTest, AFullDiskIsSaidAndLeftAsItWas) {
  sim::memory_file_system disk;
  two_periods f{disk};
  ASSERT_FALSE(f.write_first());
  disk.set_quota(10'000);
  EXPECT_EQ(f.write_second().code, errc::no_space);
  // What the failed attempt had written is gone at once.
  EXPECT_EQ(f.directories(), 1u);
  disk.set_quota({});
  ASSERT_FALSE(f.write_second());
  EXPECT_EQ(f.expect_whole(), 2u);
}

TEST(HdbWriterTest, ThereIsOneWriter) {
  temporary_directory directory;
  env world;
  world.fs = &posix_file_system();
  auto first = hdb_writer::open(world, directory.path());
  ASSERT_TRUE(first);
  EXPECT_EQ(hdb_writer::open(world, directory.path()).failure().code,
            errc::locked);
  first = error{errc::none, ""};
  EXPECT_TRUE(hdb_writer::open(world, directory.path()));
}

TEST(HdbWriterTest, NothingIsRemovedWithoutAManifest) {
  two_periods f;
  auto& world = f.world;
  ASSERT_FALSE(f.write_first());
  const auto manifest = f.path() + "/" + hdb_manifest_name;
  auto bytes = *read_file(*world.fs, manifest);
  std::filesystem::remove(manifest);
  EXPECT_EQ(hdb_writer::open(world, f.path()).failure().code, errc::corrupt);
  EXPECT_EQ(f.directories(), 1u);
  bytes[40] ^= std::byte{1};
  ASSERT_FALSE(replace_file(*world.fs, manifest, bytes));
  EXPECT_EQ(hdb_writer::open(world, f.path()).failure().code, errc::corrupt);
  EXPECT_EQ(hdb_store::open(*world.fs, f.path()).failure().code, errc::corrupt);
  EXPECT_EQ(f.directories(), 1u);
  bytes[40] ^= std::byte{1};
  ASSERT_FALSE(replace_file(*world.fs, manifest, bytes));
  EXPECT_EQ(f.expect_whole(), 1u);
}

// As the lost+found of a mount, or what an operator keeps there.
TEST(HdbWriterTest, ADirectoryOfAnotherIsNoLostDatabase) {
  temporary_directory directory;
  env world;
  world.fs = &posix_file_system();
  for (const auto* each : {"/lost+found", "/notes/2024/old", "/a/trade/x1"})
    std::filesystem::create_directories(directory.path() + each);
  EXPECT_EQ(hdb_store::open(*world.fs, directory.path()).failure().code,
            errc::not_found);
  const auto kept = directory.path() + "/kept/trade/3";
  std::filesystem::create_directories(kept);
  for (const auto& fault :
       {hdb_store::open(*world.fs, directory.path()).failure(),
        hdb_writer::open(world, directory.path()).failure()}) {
    EXPECT_EQ(fault.code, errc::corrupt);
    EXPECT_NE(fault.context.find("but there is 'kept'"), std::string::npos)
      << fault.context;
  }
  std::filesystem::remove_all(directory.path() + "/kept");
  const auto writer = hdb_writer::open(world, directory.path());
  ASSERT_TRUE(writer) << to_string(writer.failure());
  const auto unnamed
    = unnamed_parts(*world.fs, directory.path(), (*writer)->manifest());
  ASSERT_TRUE(unnamed) << to_string(unnamed.failure());
  EXPECT_EQ(*unnamed, std::vector<std::string>{});
}

// Only of one that this process may not look into.
TEST(HdbWriterTest, AClosedDirectoryOfAnotherIsNoLostDatabase) {
  sim::memory_file_system disk;
  env world;
  world.fs = &disk;
  ASSERT_FALSE(disk.create_directories("/hdb/lost+found"));
  disk.fail(sim::disk_call::list, 1, errc::permission, 100, "lost+found");
  EXPECT_EQ(hdb_store::open(disk, "/hdb").failure().code, errc::not_found);
  EXPECT_TRUE(hdb_writer::open(world, "/hdb"));
}

TEST(HdbWriterTest, SchemasMustFollowOnEachOther) {
  temporary_directory directory;
  env world;
  world.fs = &posix_file_system();
  auto writer = hdb_writer::open(world, directory.path());
  auto schema = every_type();
  schema.version = 3;
  ASSERT_FALSE((*writer)->commit({}, {schema}));
  auto other = schema;
  other.columns[5].type = column_type::long_;
  EXPECT_EQ((*writer)->commit({}, {other}).code, errc::schema_mismatch);
  other.version = 2;
  EXPECT_EQ((*writer)->commit({}, {other}).code, errc::schema_mismatch);
  other.version = 4;
  EXPECT_FALSE((*writer)->commit({}, {other}));
  other.version = 5;
  other.columns[5].type = column_type::short_;
  EXPECT_EQ((*writer)->commit({}, {other}).code, errc::schema_mismatch);
  EXPECT_EQ((*writer)->manifest().newest_schema("all")->version, 4u);
}

} // namespace
} // namespace millrace::persistence
