#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/effort.hpp>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

using sim::disk_call;
using sim::memory_file_system;

/// A closed session of some 64 KiB in one file, and one more session after it
/// when asked for; the oracle is what was put.
struct sample_log {
  explicit sample_log(bool two_sessions) {
    world.fs = &disk;
    world.random = [] { return uint64_t{0x5eed}; };
    write_session(58u << 10);
    first_session = oracle.size();
    if (two_sessions)
      write_session(4u << 10);
    const auto all = read_all(disk, log_directory);
    EXPECT_TRUE(all.events.empty());
    EXPECT_EQ(all.messages.size(), oracle.size());
    for (size_t i = 0; i < oracle.size(); ++i) {
      EXPECT_EQ(all.messages[i].end, oracle[i].end);
      EXPECT_EQ(all.messages[i].payload, oracle[i].payload);
    }
    oracle = all.messages;
    lineage = *read_lineage(disk, log_directory);
    find_records();
  }

  void write_session(size_t bytes) {
    auto writer = *log_writer::open(
      world, {.directory = log_directory, .record_bytes = 2048});
    while (writer->appended_end().offset() < bytes) {
      ++id;
      const auto end = writer->append(
        record_kind::messages, payload_kind::opaque,
        {id % 9 == 0 ? "other" : "feed", id, id % 5 == 0 ? -id : id, null_int},
        bytes_of(payload_of(id)));
      oracle.push_back({{}, *end, "", id, payload_of(id)});
    }
    EXPECT_FALSE(writer->close());
  }

  void find_records() {
    image = disk.content(path);
    for (uint64_t at = 0; at < image.size();) {
      const auto found
        = parse_record(std::span{image}.subspan(at), lineage,
                       position::of(0, 0, at), payload_check::verify);
      ASSERT_EQ(found.kind, parse_outcome::what::record);
      records.push_back(at);
      at += found.record.length;
    }
  }

  [[nodiscard]] uint64_t record_of(uint64_t offset) const {
    return *std::prev(std::upper_bound(records.begin(), records.end(), offset));
  }

  memory_file_system disk{1};
  env world;
  int64_t id = 0;
  std::vector<told> oracle;
  size_t first_session = 0;
  lineage_id lineage;
  std::string path = "/log/log.0.0";
  std::vector<std::byte> image;
  std::vector<uint64_t> records; ///< Offsets in log.0.0.
};

using test_support::exhaustive;

// Messages that were put, in order, none of them altered; how many is told.
void expect_only_true_messages(const reading& got, const sample_log& log,
                               const std::string& what) {
  size_t i = 0;
  for (const auto& message : got.messages) {
    while (i < log.oracle.size() && log.oracle[i].begin < message.begin)
      ++i;
    ASSERT_LT(i, log.oracle.size()) << what;
    ASSERT_EQ(message, log.oracle[i]) << what;
    ++i;
  }
}

class EveryBit : public ::testing::TestWithParam<int> {};

// The whole log is closed, so every byte of it lies below the synced end:
// `verify_log` names the file and the record of each flipped bit: of one bit of
// each byte, or of all of them if every case is wanted.
TEST_P(EveryBit, IsVerifiedAndNamed) {
  sample_log log{false};
  const auto eighth = static_cast<uint64_t>(GetParam());
  for (uint64_t byte = 0; byte < log.image.size(); ++byte) {
    const auto bit = byte * 8 + eighth;
    if (!exhaustive() && eighth != byte % 8)
      continue;
    log.disk.flip_bit(log.path, bit);
    const auto report = verify_log(log.disk, log_directory);
    ASSERT_TRUE(report) << "bit " << bit;
    ASSERT_FALSE(report->damages.empty()) << "bit " << bit;
    ASSERT_EQ(report->damages.front().file, log.path);
    ASSERT_EQ(report->damages.front().offset, log.record_of(byte))
      << "bit " << bit << ": " << report->damages.front().reason;
    log.disk.flip_bit(log.path, bit);
  }
  EXPECT_TRUE(verify_log(log.disk, log_directory)->damages.empty());
}
INSTANTIATE_TEST_SUITE_P(Bits, EveryBit, ::testing::Range(0, 8));

// A reader meets the damage as an event and never delivers a wrong message.
TEST(LogDamageTest, EveryFlippedByteIsAnEventToTheReader) {
  sample_log log{true};
  for (uint64_t byte = 0; byte < log.image.size(); ++byte) {
    for (uint64_t eighth = 0; eighth < 8; ++eighth) {
      // Another bit of each byte; all of them take a minute.
      if (!exhaustive() && eighth != byte % 8)
        continue;
      const auto bit = byte * 8 + eighth;
      const auto what = "bit " + std::to_string(bit);
      log.disk.flip_bit(log.path, bit);
      const auto record = log.record_of(byte);
      const bool in_seal = record == log.records.back();
      const auto kx = read_all(log.disk, log_directory);
      expect_only_true_messages(kx, log, what);
      ASSERT_EQ(kx.events.size(), 1u) << what;
      const auto& event = kx.events[0];
      ASSERT_EQ(event.kind, event_kind::badtail) << what;
      ASSERT_GE(event.from.offset(), record) << what;
      ASSERT_LE(event.from.offset(), byte) << what;
      ASSERT_EQ(event.to, position::of(1, 0, 0)) << what;
      // Everything before the damage, and all of the next file.
      size_t want = log.oracle.size() - log.first_session;
      for (size_t i = 0; i < log.first_session; ++i)
        want += log.oracle[i].begin < event.from ? 1 : 0;
      ASSERT_EQ(kx.messages.size(), want) << what;
      if (byte % 64 == 0 || exhaustive()) {
        const auto resync
          = read_all(log.disk, log_directory, {}, damage_policy::resync);
        expect_only_true_messages(resync, log, what);
        ASSERT_EQ(resync.events.size(), 1u) << what;
        ASSERT_EQ(resync.events[0].kind, event_kind::badtail) << what;
        ASSERT_EQ(resync.events[0].from, event.from) << what;
        // Only what lies between the pair is lost.
        for (const auto& message : log.oracle) {
          const bool lost = message.begin >= event.from
                            && message.begin < resync.events[0].to;
          const bool there = std::binary_search(
            resync.messages.begin(), resync.messages.end(), message,
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
          ASSERT_EQ(there, !lost) << what << " " << to_string(message.begin);
        }
        if (in_seal) {
          ASSERT_EQ(resync.messages.size(), log.oracle.size());
        }
      }
      log.disk.flip_bit(log.path, bit);
    }
    if (::testing::Test::HasFatalFailure())
      return;
  }
}

TEST(LogDamageTest, EveryTruncationIsSeen) {
  const sample_log whole{true};
  for (uint64_t size = 0; size < whole.image.size(); ++size) {
    auto disk = whole.disk.clone();
    disk->cut(whole.path, size);
    const auto what = "cut at " + std::to_string(size);
    if (size % 16 == 0 || exhaustive()) {
      const auto report = verify_log(*disk, log_directory);
      ASSERT_TRUE(report);
      ASSERT_FALSE(report->damages.empty()) << what;
      ASSERT_EQ(report->damages.front().file, whole.path);
      ASSERT_LE(report->damages.front().offset, size);
    }
    const auto got = read_all(*disk, log_directory);
    expect_only_true_messages(got, whole, what);
    ASSERT_EQ(got.events.size(), 1u) << what;
    ASSERT_EQ(got.events[0].kind, event_kind::badtail) << what;
  }
}

// The last file, unsealed, without a synced end: a cut at a record boundary is
// a valid prefix; every other one is a tail that is not written yet. With the
// synced end all of them are seen.
TEST(LogDamageTest, ACutUnsealedFileIsAPrefix) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{7}; };
  std::vector<uint64_t> ends{0};
  uint64_t size = 0;
  {
    auto writer = *log_writer::open(world, {.directory = log_directory});
    for (int64_t id = 1; id <= 60; ++id) {
      ASSERT_TRUE(writer->append(record_kind::messages, payload_kind::opaque,
                                 {"feed", id, id, null_int},
                                 bytes_of(payload_of(id))));
      ASSERT_FALSE(writer->write());
      ends.push_back(writer->recorded_end().offset());
    }
    ASSERT_FALSE(writer->sync());
    size = ends.back();
    disk.end_process();
  }
  for (const bool marked : {true, false}) {
    for (uint64_t cut = 0; cut < size; ++cut) {
      auto copy = disk.clone();
      copy->cut("/log/log.0.0", cut);
      if (!marked) {
        ASSERT_FALSE(copy->remove("/log/.synced"));
      }
      const auto whole = static_cast<size_t>(
        std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1);
      const auto got = read_all(*copy, log_directory);
      ASSERT_EQ(got.messages.size(), whole);
      ASSERT_TRUE(got.events.empty());
      for (size_t i = 0; i < whole; ++i)
        ASSERT_EQ(got.messages[i].payload,
                  payload_of(static_cast<int64_t>(i) + 1));
      const auto report = verify_log(*copy, log_directory);
      ASSERT_TRUE(report);
      ASSERT_EQ(!report->damages.empty(), marked) << cut;
    }
  }
}

TEST(LogDamageTest, TheSameStartAlwaysTellsTheSame) {
  sample_log log{true};
  log.disk.flip_bit(log.path, (log.records[10] + 60) * 8);
  log.disk.flip_bit(log.path, (log.records[20] + 3) * 8);
  for (auto policy : {damage_policy::next_file, damage_policy::resync}) {
    const auto all = read_all(log.disk, log_directory, {}, policy);
    EXPECT_EQ(all.events.size(), policy == damage_policy::resync ? 2u : 1u);
    // From every place that a callback ever got, the rest is the same.
    size_t m = 0;
    size_t e = 0;
    for (const char kind : all.order) {
      const auto from
        = kind == 'm' ? all.messages[m++].end : all.events[e++].to;
      const auto rest = read_all(log.disk, log_directory, from, policy);
      ASSERT_EQ(rest.order, all.order.substr(m + e)) << to_string(from);
      ASSERT_TRUE(
        std::equal(rest.messages.begin(), rest.messages.end(),
                   all.messages.begin() + static_cast<std::ptrdiff_t>(m)));
      ASSERT_TRUE(
        std::equal(rest.events.begin(), rest.events.end(),
                   all.events.begin() + static_cast<std::ptrdiff_t>(e)));
    }
  }
}

// Every offset of the file is either a place to go on or is refused.
TEST(LogDamageTest, OnlyMessageBoundariesArePlaces) {
  sample_log log{true};
  std::map<uint64_t, size_t> places; // Offset to the first message after it.
  for (size_t i = 0; i < log.first_session; ++i)
    places[log.oracle[i].begin.offset()] = i;
  places[log.records.back()] = log.first_session;
  places[log.image.size()] = log.first_session;
  // The first frame of a record has its header after that of the record.
  for (size_t i = 0; i < log.first_session; ++i) {
    const auto begin = log.oracle[i].begin.offset();
    if (std::binary_search(log.records.begin(), log.records.end(), begin))
      places[begin + record_header_bytes + 8] = i; // "feed", "other": padded.
  }
  for (uint64_t offset = 0; offset <= log.image.size() + 64; ++offset) {
    auto reader = log_reader::open(log.disk, {.directory = log_directory},
                                   position::of(0, 0, offset));
    const auto found = places.find(offset);
    if (found == places.end()) {
      // In the seal, too: its frame header is the one other place.
      if (reader && offset > log.records.back()) {
        EXPECT_TRUE(read_on(**reader).events.empty());
        continue;
      }
      ASSERT_FALSE(reader) << offset;
      ASSERT_EQ(reader.failure().code, errc::bad_position) << offset;
      continue;
    }
    ASSERT_TRUE(reader) << offset << to_string(reader.failure());
    if (offset % 8 != 0 || offset % 64 > 8)
      continue; // Enough of them are read to the end.
    const auto got = read_on(**reader);
    ASSERT_EQ(got.messages.size(), log.oracle.size() - found->second);
    ASSERT_TRUE(got.events.empty());
  }
  EXPECT_EQ(log_reader::open(log.disk, {.directory = log_directory},
                             position::of(1, 0, 1u << 20))
              .failure()
              .code,
            errc::ahead);
  EXPECT_EQ(log_reader::open(log.disk, {.directory = log_directory},
                             position::of(7, 0, 0))
              .failure()
              .code,
            errc::ahead);
}

// The file that is written has no intact record left: who copied it before
// still goes on where its copy ends, and gets what is written next.
TEST(LogDamageTest, WhoHasWhatRottedInALivingFileGoesOn) {
  memory_file_system disk{1};
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{0x5eed}; };
  auto writer = *log_writer::open(world, {.directory = log_directory});
  const auto put = [&](int64_t id) {
    return *writer->append(record_kind::messages, payload_kind::opaque,
                           {"feed", id, id, null_int},
                           bytes_of(payload_of(id)));
  };
  (void)put(1);
  ASSERT_FALSE(writer->write());
  const auto copied = writer->recorded_end();
  disk.flip_bit("/log/log.0.0", 29);
  auto reader = log_reader::open(disk, {.directory = log_directory}, copied);
  ASSERT_TRUE(reader) << to_string(reader.failure());
  (void)put(2);
  ASSERT_FALSE(writer->write());
  const auto got = read_on(**reader);
  EXPECT_TRUE(got.events.empty());
  ASSERT_EQ(got.messages.size(), 1u);
  EXPECT_EQ(got.messages.front().payload, payload_of(2));
  // What nobody wrote is still none of it.
  EXPECT_EQ(log_reader::open(disk, {.directory = log_directory},
                             position{writer->recorded_end().value + 64})
              .failure()
              .code,
            errc::ahead);
}

TEST(LogDamageTest, SidecarsNeverLie) {
  // Any flip in .lineage is refused, any in .synced falls back or is ignored.
  sample_log log{false};
  const auto synced = read_synced_end(log.disk, log_directory);
  ASSERT_TRUE(synced);
  EXPECT_EQ(synced->offset(), log.image.size());
  for (const std::string name : {".lineage", ".synced"}) {
    const auto path = std::string{log_directory} + "/" + name;
    const auto bytes = log.disk.content(path);
    for (uint64_t bit = 0; bit < bytes.size() * 8; ++bit) {
      log.disk.flip_bit(path, bit);
      if (name == ".lineage") {
        EXPECT_EQ(read_lineage(log.disk, log_directory).failure().code,
                  errc::corrupt);
      } else {
        const auto now = read_synced_end(log.disk, log_directory);
        EXPECT_TRUE(!now || *now <= *synced);
      }
      log.disk.flip_bit(path, bit);
    }
  }
  // Nor is anything one that is larger than they get.
  const auto lineage = std::string{log_directory} + "/.lineage";
  ASSERT_FALSE(replace_file(log.disk, lineage, std::vector<std::byte>(5000)));
  EXPECT_EQ(read_lineage(log.disk, log_directory).failure().code,
            errc::corrupt);
}

} // namespace
} // namespace millrace::persistence
