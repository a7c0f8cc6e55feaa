// What an owner finds of a damaged log, keeps of it, and puts back in place.

#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

class LogMendTest : public ::testing::Test {
protected:
  LogMendTest() {
    world.fs = &disk;
    world.random = [this] { return ++random_; };
  }

  result<std::unique_ptr<log_writer>> open(session_policy policy) {
    return log_writer::open(
      world,
      {.directory = log_directory, .session = policy, .reserve_bytes = 0});
  }

  /// One record with one message.
  position write(log_writer& writer, int64_t id) {
    auto end
      = writer.append(record_kind::messages, payload_kind::opaque,
                      {"feed", id, id, null_int}, bytes_of(payload_of(id)));
    EXPECT_TRUE(end);
    EXPECT_FALSE(writer.write());
    return *end;
  }

  /// A session with these ids; unclean: its process dies.
  void session(int64_t first, int64_t last, bool clean) {
    auto writer = open(session_policy::next);
    ASSERT_TRUE(writer) << to_string(writer.failure());
    for (auto id = first; id <= last; ++id)
      write(**writer, id);
    ASSERT_FALSE((*writer)->sync());
    if (clean)
      ASSERT_FALSE((*writer)->close());
    else
      disk.end_process();
  }

  std::vector<int64_t> ids(const std::string& directory = log_directory) {
    std::vector<int64_t> out;
    for (const auto& message : read_all(disk, directory).messages)
      out.push_back(message.id);
    return out;
  }

  static std::vector<int64_t> up_to(int64_t last) {
    std::vector<int64_t> out;
    for (int64_t id = 1; id <= last; ++id)
      out.push_back(id);
    return out;
  }

  size_t set_aside(const std::string& directory = log_directory) {
    const auto entries = *disk.list(directory);
    return static_cast<size_t>(
      std::count_if(entries.begin(), entries.end(), [](const auto& entry) {
        return entry.name.starts_with(".quarantine");
      }));
  }

  sim::memory_file_system disk{1};
  env world;

private:
  uint64_t random_ = 0;
};

TEST_F(LogMendTest, ALostNoteMovesNothingAside) {
  int64_t id = 0;
  for (int i = 0; i < 3; ++i, id += 2) {
    session(id + 1, id + 2, false);
    // As after a power cut: the session stays without its end.
    disk.cut_power(sim::survival::nothing);
  }
  for (int i = 0; i < 6; ++i, id += 2)
    session(id + 1, id + 2, true);
  disk.overwrite("/log/.synced", 0, std::vector<std::byte>(576));
  session(id + 1, id + 2, true);
  EXPECT_EQ(ids(), up_to(id + 2));
  EXPECT_EQ(set_aside(), 0u);
}

TEST_F(LogMendTest, WhatAPowerCutToreLeavesItsFile) {
  position synced;
  {
    auto writer = *open(session_policy::next);
    write(*writer, 1);
    synced = write(*writer, 2);
    ASSERT_FALSE(writer->sync());
    write(*writer, 3);
    disk.end_process();
  }
  disk.cut_power(sim::survival::all);
  const auto written = disk.content("/log/log.0.0").size();
  disk.cut("/log/log.0.0", (synced.offset() + written) / 2);
  auto writer = *open(session_policy::next);
  EXPECT_EQ(disk.content("/log/log.0.0").size(), synced.offset());
  EXPECT_EQ(set_aside(), 1u);
  write(*writer, 3);
  ASSERT_FALSE(writer->sync());
  EXPECT_EQ(ids(), up_to(3));
}

TEST_F(LogMendTest, ACopyWithoutItsNoteKeepsAllItsSessions) {
  for (int64_t i = 0; i < 3; ++i) {
    session(2 * i + 1, 2 * i + 2, false);
    disk.cut_power(sim::survival::nothing);
  }
  const auto lineage = *read_lineage(disk, log_directory);
  {
    auto copy = *log_replica::open(world, "/copy", lineage);
    for (const auto& info : *list_log_files(disk, log_directory))
      ASSERT_FALSE(
        copy->append(position::of(info.session, info.roll, 0),
                     disk.content(std::string{log_directory} + "/"
                                  + log_file_name(info.session, info.roll))));
    auto job = copy->begin_sync();
    ASSERT_FALSE(job.run());
  }
  disk.cut_power(sim::survival::nothing);
  ASSERT_FALSE(disk.remove("/copy/.synced"));
  auto copy = log_replica::open(world, "/copy", lineage);
  ASSERT_TRUE(copy) << to_string(copy.failure());
  EXPECT_EQ(ids("/copy"), up_to(6));
  EXPECT_EQ(set_aside("/copy"), 0u);
}

TEST_F(LogMendTest, IdsAfterDamageAreNeverGivenOutAgain) {
  {
    auto writer = *open(session_policy::next);
    write(*writer, 1);
    const auto second = write(*writer, 2);
    for (int64_t id = 3; id <= 6; ++id)
      write(*writer, id);
    disk.end_process();
    disk.flip_bit("/log/log.0.0", second.offset() * 8 + 64);
  }
  for (int life = 0; life < 2; ++life) {
    auto writer = *open(session_policy::next);
    EXPECT_FALSE(life == 0 && writer->recovered_clean());
    EXPECT_EQ(writer->recovered_ids().at("feed"), 6);
    EXPECT_EQ(writer->surviving_ids().at("feed"), 6);
    disk.end_process();
  }
}

TEST_F(LogMendTest, ALogThatIsMadeAgainGoesOnAfterItsDamage) {
  std::vector<position> ends;
  {
    auto writer = *open(session_policy::resume);
    for (int64_t id = 1; id <= 4; ++id)
      ends.push_back(write(*writer, id));
    ASSERT_FALSE(writer->sync());
    disk.end_process();
  }
  disk.flip_bit("/log/log.0.0", ends[1].offset() * 8 + 64);
  EXPECT_EQ(open(session_policy::resume).failure().code, errc::corrupt);
  {
    auto writer = *open(session_policy::rebuild);
    EXPECT_EQ(writer->recorded_end(), ends[3]);
    EXPECT_EQ(writer->damaged_from(), ends[1]);
    disk.end_process();
  }
  // Where nothing is intact after it, it ends before the damage.
  disk.flip_bit("/log/log.0.0", ends[2].offset() * 8 + 64);
  auto writer = *open(session_policy::rebuild);
  EXPECT_EQ(writer->recorded_end(), ends[1]);
  EXPECT_EQ(writer->damaged_from(), std::nullopt);
  EXPECT_EQ(set_aside(), 1u);
  write(*writer, 3);
  EXPECT_EQ(ids(), up_to(3));
}

TEST_F(LogMendTest, ALogThatIsMadeAgainIsCutBackBeforeAndAfterItsDamage) {
  std::vector<position> ends;
  {
    auto writer = *open(session_policy::resume);
    for (int64_t id = 1; id <= 6; ++id)
      ends.push_back(write(*writer, id));
    ASSERT_FALSE(writer->sync());
    disk.end_process();
  }
  disk.flip_bit("/log/log.0.0", ends[1].offset() * 8 + 64);
  auto writer = *open(session_policy::rebuild);
  // Damage would be the end of it.
  EXPECT_EQ(writer->truncate(ends[2]).code, errc::bad_position);
  ASSERT_FALSE(writer->truncate(ends[4]));
  EXPECT_EQ(writer->recorded_end(), ends[4]);
  EXPECT_EQ(writer->damaged_from(), ends[1]);
  ASSERT_FALSE(writer->truncate(ends[0]));
  EXPECT_EQ(writer->recorded_end(), ends[0]);
  EXPECT_EQ(writer->damaged_from(), std::nullopt);
  write(*writer, 2);
  EXPECT_EQ(ids(), up_to(2));
}

TEST_F(LogMendTest, DamageInASessionThatEndedTakesNothingElse) {
  position second;
  {
    auto writer = *open(session_policy::next);
    write(*writer, 1);
    second = write(*writer, 2);
    write(*writer, 3);
    write(*writer, 4);
    ASSERT_FALSE(writer->close());
  }
  disk.flip_bit("/log/log.0.0", second.offset() * 8 + 64);
  auto writer = *open(session_policy::next);
  EXPECT_TRUE(writer->recovered_clean());
  EXPECT_EQ(writer->recovered_ids().at("feed"), 4);
}

TEST_F(LogMendTest, ADirectoryInPlaceOfTheNoteStopsNoLog) {
  {
    auto writer = *open(session_policy::resume);
    write(*writer, 1);
    ASSERT_FALSE(writer->close());
  }
  for (int life = 0; life < 2; ++life) {
    ASSERT_FALSE(disk.remove("/log/.synced"));
    ASSERT_FALSE(disk.create_directories("/log/.synced"));
    auto writer = open(session_policy::resume);
    ASSERT_TRUE(writer) << to_string(writer.failure());
    EXPECT_EQ(ids(), up_to(1));
    ASSERT_FALSE((*writer)->close());
  }
}

TEST_F(LogMendTest, ALogThatIsMadeAgainOpensWithDamageInEarlierFiles) {
  {
    auto writer = *open(session_policy::resume);
    write(*writer, 1);
    ASSERT_FALSE(writer->roll());
    write(*writer, 2);
    ASSERT_FALSE(writer->close());
  }
  const auto size = disk.content("/log/log.0.0").size();
  disk.cut("/log/log.0.0", size - 8);
  EXPECT_EQ(open(session_policy::resume).failure().code, errc::corrupt);
  auto writer = open(session_policy::rebuild);
  ASSERT_TRUE(writer) << to_string(writer.failure());
  EXPECT_EQ((*writer)->recorded_end().roll(), 1u);
}

TEST_F(LogMendTest, AnOwnerThatKnowsTheLineageWritesItAgain) {
  {
    auto writer = *open(session_policy::resume);
    write(*writer, 1);
    ASSERT_FALSE(writer->close());
  }
  const auto lineage = *read_lineage(disk, log_directory);
  for (const bool removed : {false, true}) {
    if (removed)
      ASSERT_FALSE(disk.remove("/log/.lineage"));
    else
      disk.flip_bit("/log/.lineage", 200);
    EXPECT_EQ(open(session_policy::resume).failure().code, errc::corrupt);
    auto writer = log_writer::open(world, {.directory = log_directory,
                                           .session = session_policy::resume,
                                           .lineage = lineage});
    ASSERT_TRUE(writer) << to_string(writer.failure());
    ASSERT_FALSE((*writer)->close());
    EXPECT_EQ(*read_lineage(disk, log_directory), lineage);
    EXPECT_EQ(ids(), up_to(1));
  }
}

TEST_F(LogMendTest, ACopyIsMendedInItsPlace) {
  {
    auto writer = *open(session_policy::resume);
    write(*writer, 1);
    write(*writer, 2);
    ASSERT_FALSE(writer->roll());
    write(*writer, 3);
    ASSERT_FALSE(writer->close());
  }
  const auto lineage = *read_lineage(disk, log_directory);
  const auto first = disk.content("/log/log.0.0");
  auto copy = *log_replica::open(world, "/copy", lineage);
  ASSERT_FALSE(copy->append({}, first));
  ASSERT_FALSE(
    copy->append(position::of(0, 1, 0), disk.content("/log/log.0.1")));
  const auto synced = [&] {
    auto job = copy->begin_sync();
    EXPECT_FALSE(job.run());
    copy->finish_sync(job.end, {});
    disk.cut_power(sim::survival::nothing);
    EXPECT_EQ(ids("/copy"), up_to(3));
    copy = *log_replica::open(world, "/copy", lineage);
  };
  synced();
  disk.flip_bit("/copy/log.0.0", 500);
  ASSERT_FALSE(copy->mend({}, first));
  synced();
  ASSERT_FALSE(disk.remove("/copy/log.0.0"));
  ASSERT_FALSE(copy->mend({}, first));
  synced();
}

// What is written to a file that lost its name is nowhere to be found.
TEST_F(LogMendTest, AWriterKnowsWhetherItsFileStillHasItsName) {
  auto writer = *open(session_policy::resume);
  EXPECT_TRUE(writer->has_its_name());
  write(*writer, 1);
  write(*writer, 2);
  EXPECT_TRUE(writer->has_its_name());
  const std::string path = "/log/log.0.0";
  disk.flip_bit(path, 500);
  EXPECT_TRUE(writer->has_its_name()) << "it is damaged, and the same";
  disk.cut(path, 100);
  EXPECT_TRUE(writer->has_its_name()) << "it is shorter, and the same";
  write(*writer, 3);
  // Of the same length, as a copy that was put back may be.
  auto other = *world.fs->open("/other", persistence::open_mode::write);
  auto bytes = disk.content(path);
  bytes.back() ^= std::byte{1};
  ASSERT_FALSE(other->write_at(0, bytes));
  disk.swap(path, "/other");
  EXPECT_FALSE(writer->has_its_name());
  disk.swap(path, "/other");
  EXPECT_TRUE(writer->has_its_name());
  disk.fail(sim::disk_call::open, 1);
  EXPECT_TRUE(writer->has_its_name()) << "a disk that refuses proves nothing";
  disk.lose(path);
  EXPECT_FALSE(writer->has_its_name());
}

TEST_F(LogMendTest, AFileThatLostItsNameIsPutBack) {
  const std::string path = "/log/log.0.0";
  for (const bool replaced : {false, true}) {
    SCOPED_TRACE(replaced);
    ASSERT_FALSE(disk.remove_all(log_directory));
    auto writer = *open(session_policy::next);
    write(*writer, 1);
    write(*writer, 2);
    if (replaced) {
      ASSERT_TRUE(world.fs->open("/other", persistence::open_mode::write));
      disk.overwrite("/other", 0, std::vector<std::byte>(1000));
      disk.swap(path, "/other");
    } else {
      disk.lose(path);
    }
    disk.fail(sim::disk_call::sync, 1);
    EXPECT_EQ(writer->restore_name().code, errc::storage_failed);
    EXPECT_FALSE(writer->has_its_name());
    ASSERT_FALSE(writer->restore_name());
    EXPECT_TRUE(writer->has_its_name());
    EXPECT_FALSE(writer->is_cut());
    write(*writer, 3);
    EXPECT_EQ(ids(), up_to(3));
    EXPECT_EQ(disk.exists("/log/.quarantine.log.0.0.0"), replaced);
    ASSERT_FALSE(writer->sync());
    disk.cut_power(sim::survival::nothing);
    EXPECT_EQ(ids(), up_to(3)) << "it is durable under its name";
  }
}

TEST_F(LogMendTest, AWriterKnowsThatItsFileWasCut) {
  auto writer = *open(session_policy::resume);
  EXPECT_FALSE(writer->is_cut());
  write(*writer, 1);
  write(*writer, 2);
  EXPECT_FALSE(writer->is_cut());
  const auto size = disk.content("/log/log.0.0").size();
  disk.cut("/log/log.0.0", size - 1);
  EXPECT_TRUE(writer->is_cut());
  ASSERT_FALSE(writer->roll());
  EXPECT_FALSE(writer->is_cut()) << "it goes on in another one";
}

// What its source lost is padding in a copy; the seal, of the source, counts
// it.
TEST_F(LogMendTest, ACopyWithPaddingEndsWithTheSealOfItsSource) {
  position second;
  position third;
  {
    auto writer = *open(session_policy::resume);
    second = write(*writer, 1);
    third = write(*writer, 2);
    write(*writer, 3);
    ASSERT_FALSE(writer->roll());
    ASSERT_FALSE(writer->close());
  }
  const auto lineage = *read_lineage(disk, log_directory);
  auto bytes = disk.content("/log/log.0.0");
  const auto lost = encode_padding(lineage, second, third);
  std::copy(lost.begin(), lost.end(),
            bytes.begin() + static_cast<ptrdiff_t>(second.offset()));
  const position end{bytes.size()};
  {
    auto copy = *log_replica::open(world, "/copy", lineage);
    ASSERT_FALSE(copy->append({}, bytes));
  }
  const log_file_info file{0, 0, bytes.size(), false};
  const auto scan = scan_log_file(disk, "/copy", lineage, file);
  ASSERT_TRUE(scan) << to_string(scan.failure());
  EXPECT_FALSE(scan->damaged) << scan->reason;
  EXPECT_TRUE(scan->seal);
  EXPECT_EQ(scan->padding, second);
  EXPECT_EQ(scan->valid_end, end);
  // A new life keeps its seal.
  EXPECT_EQ((*log_replica::open(world, "/copy", lineage))->end(), end);
  const auto report = *verify_log(disk, "/copy");
  ASSERT_EQ(report.damages.size(), 1u);
  EXPECT_EQ(report.damages[0].offset, second.offset());
  // With the seal of another file it is as damaged as without padding.
  record_builder other{lineage, {}};
  other.add(record_kind::messages, payload_kind::opaque,
            {"another", 1, 1, null_int}, bytes_of(payload_of(1)));
  other.close_record();
  const auto strange = other.bytes();
  const auto rest = encode_padding(lineage, position{strange.size()}, third);
  disk.overwrite("/copy/log.0.0", 0, strange);
  disk.overwrite("/copy/log.0.0", strange.size(), rest);
  EXPECT_TRUE(scan_log_file(disk, "/copy", lineage, file)->damaged);
}

TEST_F(LogMendTest, PaddingStandsForAnyNumberOfLostBytes) {
  const lineage_id lineage{{1, 2}};
  for (const uint64_t size :
       {uint64_t{24}, uint64_t{32}, uint64_t{4096}, uint64_t{payload_bytes_max},
        uint64_t{payload_bytes_max} + 8, uint64_t{payload_bytes_max} + 32}) {
    const auto from = position::of(3, 2, 96);
    const auto bytes = encode_padding(lineage, from, {from.value + size});
    ASSERT_EQ(bytes.size(), size);
    for (uint64_t at = 0; at < size;) {
      const auto found = parse_record(std::span{bytes}.subspan(at), lineage,
                                      {from.value + at}, payload_check::verify);
      ASSERT_EQ(found.kind, parse_outcome::what::record) << size;
      EXPECT_EQ(found.record.kind, record_kind::padding);
      at += found.record.length;
    }
  }
}

} // namespace
} // namespace millrace::persistence
