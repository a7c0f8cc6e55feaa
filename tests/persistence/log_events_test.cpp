#include <millrace/sim/disk/memory_file_system.hpp>

#include <functional>
#include <limits>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

using sim::memory_file_system;
using sim::survival;

class LogEventsTest : public ::testing::Test {
protected:
  LogEventsTest() {
    world_.fs = &disk_;
    world_.random = [this] { return ++random_; };
  }

  std::unique_ptr<log_writer> open(uint64_t roll_bytes = 4096,
                                   session_policy policy
                                   = session_policy::next) {
    auto writer = log_writer::open(world_, {.directory = log_directory,
                                            .session = policy,
                                            .roll_bytes = roll_bytes,
                                            .record_bytes = 512});
    EXPECT_TRUE(writer) << to_string(writer.failure());
    return writer ? *std::move(writer) : nullptr;
  }

  position put(log_writer& writer, int count = 1) {
    position end;
    for (int i = 0; i < count; ++i) {
      ++id_;
      auto got = writer.append(record_kind::messages, payload_kind::opaque,
                               {"feed", id_, id_, null_int},
                               bytes_of(payload_of(id_)));
      EXPECT_TRUE(got) << to_string(got.failure());
      end = *got;
    }
    return end;
  }

  reading read(std::optional<position> from = {}) {
    return read_all(disk_, log_directory, from);
  }

  void expect_event(const reading& got, event_kind kind, position from,
                    position to) {
    ASSERT_EQ(got.events.size(), 1u);
    EXPECT_EQ(got.events[0].kind, kind) << got.events[0].cause;
    EXPECT_EQ(got.events[0].from, from) << to_string(got.events[0].from);
    EXPECT_EQ(got.events[0].to, to) << to_string(got.events[0].to);
  }

  memory_file_system disk_{1};
  env world_;
  uint64_t random_ = 100;
  int64_t id_ = 0;
};

TEST_F(LogEventsTest, ARollAndACleanSessionAreNoEvents) {
  auto writer = open();
  put(*writer, 100);
  ASSERT_FALSE(writer->close());
  writer = open();
  put(*writer, 5);
  ASSERT_FALSE(writer->write());
  const auto got = read();
  EXPECT_EQ(got.messages.size(), 105u);
  EXPECT_TRUE(got.events.empty());
}

TEST_F(LogEventsTest, ADeadProcessLosesNothingAndIsNoEvent) {
  auto writer = open();
  put(*writer, 30);
  ASSERT_FALSE(writer->write());
  put(*writer, 3); // Never handed to the system: nobody was told it is.
  disk_.end_process();
  id_ -= 3;
  writer = open();
  EXPECT_TRUE(writer->recovered_clean());
  EXPECT_EQ(writer->recovered_ids().at("feed"), id_);
  put(*writer, 2);
  ASSERT_FALSE(writer->write());
  const auto got = read();
  EXPECT_TRUE(got.events.empty());
  EXPECT_EQ(got.messages.size(), 32u);
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
}

TEST_F(LogEventsTest, ADeadMachineIsOneReset) {
  auto writer = open();
  const auto synced = put(*writer, 9);
  ASSERT_FALSE(writer->sync());
  put(*writer, 9);
  ASSERT_FALSE(writer->write());
  disk_.cut_power(survival::nothing);
  writer = open();
  EXPECT_FALSE(writer->recovered_clean());
  put(*writer, 1);
  ASSERT_FALSE(writer->write());
  const auto got = read();
  expect_event(got, event_kind::reset, synced, position::of(1, 0, 0));
  EXPECT_EQ(got.messages.size(), 10u);
  EXPECT_EQ(got.order, "mmmmmmmmmem");
  // A subscriber that had seen more than survived resumes with the reset.
  const position lost{synced.value + 4096};
  expect_event(read(lost), event_kind::reset, lost, position::of(1, 0, 0));
}

TEST_F(LogEventsTest, AFileWithoutItsSealIsBadtail) {
  auto writer = open();
  put(*writer, 100);
  ASSERT_FALSE(writer->close());
  const auto all = read();
  // The second file loses its seal, at a record boundary.
  position last;
  for (const auto& message : all.messages)
    if (message.end.roll() == 1)
      last = message.end;
  disk_.cut("/log/log.0.1", last.offset());
  const auto got = read();
  expect_event(got, event_kind::badtail, last, position::of(0, 2, 0));
  EXPECT_EQ(got.messages, all.messages);
}

TEST_F(LogEventsTest, AMissingFileIsBadtail) {
  auto writer = open();
  put(*writer, 100);
  ASSERT_FALSE(writer->close());
  ASSERT_FALSE(disk_.remove("/log/log.0.1"));
  expect_event(read(), event_kind::badtail, position::of(0, 1, 0),
               position::of(0, 2, 0));
  expect_event(read(position::of(0, 1, 8)), event_kind::badtail,
               position::of(0, 1, 8), position::of(0, 2, 0));
  EXPECT_FALSE(verify_log(disk_, log_directory)->damages.empty());
}

TEST_F(LogEventsTest, ACollectedStartIsPruned) {
  auto writer = open();
  put(*writer, 100);
  ASSERT_FALSE(writer->close());
  const auto all = read();
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(reader->next());
  const auto here = reader->where();
  for (const char* name : {"/log/log.0.0", "/log/log.0.1"}) {
    ASSERT_FALSE(disk_.mark_archived(name));
    disk_.cut(name, 0);
  }
  const auto to = position::of(0, 2, 0);
  // `begin` is the earliest retained, silently; 0 is an exact place.
  EXPECT_TRUE(read().events.empty());
  EXPECT_EQ(read().messages.front().begin, to);
  expect_event(read(position{}), event_kind::pruned, position{}, to);
  expect_event(read(here), event_kind::pruned, here, to);
  // Also when it is overtaken: what was read before stays good.
  const auto rest = read_on(*reader);
  ASSERT_EQ(rest.events.size(), 1u);
  EXPECT_EQ(rest.events[0].kind, event_kind::pruned);
  EXPECT_EQ(rest.events[0].to, to);
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
  // Removed instead of emptied: the same.
  ASSERT_FALSE(disk_.remove("/log/log.0.0"));
  ASSERT_FALSE(disk_.remove("/log/log.0.1"));
  expect_event(read(here), event_kind::pruned, here, to);
}

TEST_F(LogEventsTest, ADeletedSessionIsAReset) {
  auto writer = open();
  put(*writer, 3);
  ASSERT_FALSE(writer->close());
  writer = open();
  put(*writer, 3);
  ASSERT_FALSE(writer->close());
  ASSERT_FALSE(disk_.remove("/log/log.0.0"));
  // From the end of the records, 136 here, to the start of session 1, 2^44.
  const position from{136};
  expect_event(read(from), event_kind::reset, from, {uint64_t{1} << 44});
}

TEST_F(LogEventsTest, ANewLineageIsAResetToALiveReader) {
  auto writer = open();
  const auto end = put(*writer, 3);
  ASSERT_FALSE(writer->close());
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  EXPECT_EQ(read_on(*reader).messages.size(), 3u);
  const auto old = reader->lineage();
  ASSERT_FALSE(disk_.remove_all(log_directory));
  EXPECT_TRUE(read_on(*reader).order.empty());
  writer = open();
  put(*writer, 2);
  ASSERT_FALSE(writer->write());
  const auto got = read_on(*reader);
  EXPECT_EQ(got.order, "emm");
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::reset);
  EXPECT_GE(got.events[0].from, end);
  EXPECT_EQ(got.events[0].to, position{});
  EXPECT_NE(reader->lineage(), old);
}

TEST_F(LogEventsTest, EventRecordsComeInTheirPlace) {
  auto writer = open();
  const auto before = put(*writer, 2);
  stream_event gap;
  gap.kind = event_kind::gap;
  gap.first_id = 18;
  gap.last_id = 20;
  const auto end = *writer->append(record_kind::event, payload_kind::opaque,
                                   {"", 0, 0, null_int}, encode(gap));
  stream_event reset;
  reset.from = {130};
  reset.to = {uint64_t{1} << 44};
  ASSERT_TRUE(writer->append(record_kind::event, payload_kind::opaque,
                             {"", 0, 0, null_int}, encode(reset)));
  ASSERT_TRUE(writer->append(record_kind::marker, payload_kind::end_of_period,
                             {"", 0, 0, null_int}, bytes_of("period")));
  put(*writer, 1);
  ASSERT_FALSE(writer->write());
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  std::vector<log_reader::item> items;
  std::string order;
  for (;;) {
    auto item = *reader->next();
    if (std::holds_alternative<log_end>(item))
      break;
    if (auto* event = std::get_if<stream_event>(&item)) {
      order += event->kind == event_kind::gap ? 'g' : 'r';
      if (event->kind == event_kind::gap) {
        EXPECT_EQ(event->from, before);
        EXPECT_EQ(event->to, end);
        EXPECT_EQ(event->last_id, 20);
      } else {
        EXPECT_EQ(event->from.value, 130u); // Its own pair.
      }
    } else {
      const auto kind = std::get<log_message>(item).kind;
      order += kind == record_kind::marker ? 'p' : 'm';
    }
  }
  EXPECT_EQ(order, "mmgrpm");
}

TEST_F(LogEventsTest, DamageInTheLiveFileWaitsForTheNext) {
  auto writer = open(1u << 20);
  put(*writer, 20);
  ASSERT_FALSE(writer->sync());
  const auto all = read();
  const auto hit = all.messages[7].begin;
  disk_.flip_bit("/log/log.0.0", hit.offset() * 8 + 40 * 8);
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  auto got = read_on(*reader);
  EXPECT_TRUE(got.events.empty());
  EXPECT_LE(got.messages.size(), 7u);
  EXPECT_NE(reader->stalled().find("log.0.0"), std::string::npos);
  ASSERT_FALSE(writer->roll());
  put(*writer, 2);
  ASSERT_FALSE(writer->write());
  got = read_on(*reader);
  EXPECT_EQ(got.order, "emm");
  EXPECT_EQ(got.events[0].kind, event_kind::badtail);
  EXPECT_EQ(got.events[0].to, position::of(0, 1, 0));
  EXPECT_TRUE(reader->stalled().empty());
}

TEST_F(LogEventsTest, ATornTailAtTheLiveEndIsNotWrittenYet) {
  auto writer = open(1u << 20);
  const auto end = put(*writer, 4);
  ASSERT_FALSE(writer->write());
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  EXPECT_EQ(read_on(*reader).messages.size(), 4u);
  put(*writer, 3);
  disk_.write_short(1, 77);
  EXPECT_EQ(writer->write().code, errc::storage_failed);
  const auto got = read_on(*reader);
  EXPECT_TRUE(got.order.empty());
  EXPECT_EQ(got.end, end);
  EXPECT_EQ(writer->write().code, errc::closed);
  EXPECT_EQ(writer->append(record_kind::messages, payload_kind::opaque, {}, {})
              .failure()
              .code,
            errc::closed);
}

TEST_F(LogEventsTest, TheLimitHidesWhatIsNotRecorded) {
  auto writer = open(1u << 20);
  const auto shown = put(*writer, 4);
  ASSERT_FALSE(writer->write());
  put(*writer, 4);
  ASSERT_FALSE(writer->write());
  auto reader = *log_reader::open(disk_, {.directory = log_directory}, {});
  reader->limit(shown);
  EXPECT_EQ(read_on(*reader).messages.size(), 4u);
  reader->limit(writer->recorded_end());
  EXPECT_EQ(read_on(*reader).messages.size(), 4u);
}

TEST_F(LogEventsTest, IdsGoOnThoughEveryFileWasCollected) {
  for (int session = 0; session < 4; ++session) {
    auto writer = open();
    if (session > 0) {
      EXPECT_EQ(writer->recovered_ids().at("feed"), id_);
      EXPECT_TRUE(writer->recovered_clean());
    }
    if (session != 2)
      put(*writer, 40);
    ASSERT_FALSE(writer->close());
    writer.reset();
    const auto files = *list_log_files(disk_, log_directory);
    for (const auto& info : files) {
      const auto name = std::string{log_directory} + "/"
                        + log_file_name(info.session, info.roll);
      ASSERT_FALSE(disk_.mark_archived(name));
      disk_.cut(name, 0);
    }
  }
}

TEST_F(LogEventsTest, TheLastRollBeginsTheNextSession) {
  // A replica may begin anywhere: it lays the ground just before the limits.
  const auto lineage = lineage_id{{5, 6}};
  {
    auto replica = *log_replica::open(world_, log_directory, lineage);
    record_builder builder{lineage, position::of(3, position::roll_max, 0)};
    builder.add(record_kind::messages, payload_kind::opaque,
                {"feed", 1, ++id_, null_int}, bytes_of("x"));
    builder.close_record();
    ASSERT_FALSE(replica->append(builder.begin(), builder.bytes()));
    auto job = replica->begin_sync();
    replica->finish_sync(job.end, job.run());
  }
  auto writer = open(4096, session_policy::resume);
  ASSERT_TRUE(writer);
  put(*writer, 2);
  ASSERT_FALSE(writer->roll());
  EXPECT_EQ(writer->appended_end(), position::of(4, 0, 0));
  put(*writer, 2);
  ASSERT_FALSE(writer->write());
  const auto got = read();
  EXPECT_EQ(got.messages.size(), 5u);
  EXPECT_TRUE(got.events.empty());
}

TEST_F(LogEventsTest, TheLastSessionIsTheLast) {
  {
    auto before = log_replica::open(world_, log_directory, lineage_id{{1, 2}});
    ASSERT_TRUE(before);
    const auto begin = position::of(position::session_max - 1, 0, 0);
    record_builder builder{lineage_id{{1, 2}}, begin};
    builder.add(record_kind::messages, payload_kind::opaque,
                {"feed", 1, 1, null_int}, bytes_of("x"));
    builder.close_record();
    ASSERT_FALSE((*before)->append(begin, builder.bytes()));
  }
  auto writer = log_writer::open(world_, {.directory = log_directory});
  ASSERT_TRUE(writer) << to_string(writer.failure());
  EXPECT_EQ((*writer)->appended_end().session(), position::session_max);
  ASSERT_FALSE((*writer)->close());
  writer->reset();
  auto refused = log_writer::open(world_, {.directory = log_directory});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.failure().code, errc::limit_exceeded);
  EXPECT_NE(refused.failure().context.find("524288"), std::string::npos);
}

TEST_F(LogEventsTest, BadMessagesChangeNothing) {
  auto writer = open();
  const auto end = put(*writer, 1);
  const std::string long_origin(256, 'o');
  EXPECT_EQ(writer
              ->append(record_kind::messages, payload_kind::opaque,
                       {long_origin, 1, 2, null_int}, {})
              .failure()
              .code,
            errc::invalid_argument);
  std::vector<std::byte> huge(payload_bytes_max + 1);
  EXPECT_EQ(writer
              ->append(record_kind::messages, payload_kind::opaque,
                       {"feed", 1, 2, null_int}, huge)
              .failure()
              .code,
            errc::oversize);
  EXPECT_EQ(writer->appended_end(), end);
  // The largest that is allowed, in a file whose rolls are far smaller.
  huge.resize(payload_bytes_max);
  ASSERT_TRUE(writer->append(record_kind::messages, payload_kind::opaque,
                             {"feed", 1, 2, null_int}, huge));
  put(*writer, 1);
  ASSERT_FALSE(writer->close());
  const auto got = read();
  ASSERT_EQ(got.messages.size(), 3u);
  EXPECT_EQ(got.messages[1].payload.size(), payload_bytes_max);
}

TEST_F(LogEventsTest, AFullDiskIsRetried) {
  auto writer = open();
  put(*writer, 10);
  ASSERT_FALSE(writer->write());
  const auto used = (uint64_t{1} << 40) - *disk_.free_bytes("/");
  EXPECT_EQ(used, 0u); // Without a quota the disk has no end.
  disk_.set_quota(disk_.content("/log/log.0.0").size() + 2000);
  int64_t refused = 0;
  for (int i = 0; i < 60; ++i) {
    put(*writer, 1);
    if (auto fault = writer->write()) {
      EXPECT_EQ(fault.code, errc::no_space);
      ++refused;
    }
    if (refused == 3)
      break;
  }
  ASSERT_EQ(refused, 3);
  disk_.set_quota({});
  ASSERT_FALSE(writer->write());
  ASSERT_FALSE(writer->close());
  const auto got = read();
  EXPECT_EQ(got.messages.size(), static_cast<size_t>(id_));
  EXPECT_TRUE(got.events.empty());
  EXPECT_TRUE(verify_log(disk_, log_directory)->damages.empty());
}

// Also when the disk fills up in the middle of a roll: nothing is lost, the
// same calls go through later.
TEST_F(LogEventsTest, AFullDiskInARollIsRetried) {
  for (uint64_t room = 0; room < 300; room += 20) {
    memory_file_system disk{1};
    env world;
    world.fs = &disk;
    world.random = [] { return uint64_t{9}; };
    auto writer = *log_writer::open(
      world, {.directory = log_directory, .roll_bytes = 4096});
    int64_t id = 0;
    const auto put_one = [&] {
      return writer->append(record_kind::messages, payload_kind::opaque,
                            {"feed", id + 1, id + 1, null_int},
                            bytes_of(payload_of(id + 1)));
    };
    for (; writer->appended_end().offset() < 3500; ++id)
      ASSERT_TRUE(put_one());
    ASSERT_FALSE(writer->write());
    uint64_t used = 0;
    const auto entries = *disk.list(log_directory);
    for (const auto& entry : entries)
      used += entry.size;
    disk.set_quota(used + room);
    while (writer->appended_end().roll() == 0) {
      if (!put_one())
        break;
      ++id;
    }
    disk.set_quota({});
    for (int i = 0; i < 50; ++i, ++id)
      ASSERT_TRUE(put_one());
    ASSERT_FALSE(writer->close());
    const auto got = read_all(disk, log_directory);
    ASSERT_EQ(got.messages.size(), static_cast<size_t>(id)) << room;
    EXPECT_TRUE(got.events.empty());
    EXPECT_TRUE(verify_log(disk, log_directory)->damages.empty());
  }
}

TEST_F(LogEventsTest, TimeIsFoundByTheIndex) {
  auto writer = open(300u << 10);
  std::vector<std::pair<int64_t, position>> put_at;
  position begin;
  for (int64_t i = 0; i < 9000; ++i) {
    // Mostly upwards, with late ones.
    const int64_t ts = i * 10 - (i % 97 == 0 ? 5000 : 0);
    const auto end = *writer->append(
      record_kind::messages, payload_kind::opaque,
      {i % 2 == 0 ? "a" : "b", ts, i + 1, null_int}, bytes_of(payload_of(i)));
    put_at.emplace_back(ts, begin);
    begin = end;
  }
  ASSERT_FALSE(writer->write());
  const auto all = read();
  ASSERT_EQ(all.messages.size(), put_at.size());
  std::vector<int64_t> times{std::numeric_limits<int64_t>::min(),
                             std::numeric_limits<int64_t>::max()};
  for (int64_t ts = -6000; ts < 91'000; ts += 613)
    times.push_back(ts);
  const auto expect_all = [&](const char* when) {
    for (const auto ts : times) {
      size_t i = 0;
      while (i < put_at.size() && put_at[i].first < ts)
        ++i;
      const auto want
        = i < put_at.size() ? all.messages[i].begin : writer->recorded_end();
      const auto got = find_time(disk_, log_directory, ts);
      ASSERT_TRUE(got) << to_string(got.failure());
      ASSERT_EQ(*got, want) << when << " " << ts;
    }
  };
  expect_all("built");
  expect_all("stored");
  ASSERT_TRUE(disk_.exists("/log/.index.0.0"));
  for (uint64_t bit = 0; bit < 400; bit += 7) {
    disk_.flip_bit("/log/.index.0.1", bit);
    ASSERT_EQ(find_time(disk_, log_directory, 50'000).failure().code,
              errc::none);
  }
  expect_all("damaged");
  ASSERT_FALSE(disk_.remove("/log/.index.0.0"));
  expect_all("missing");
}

} // namespace
} // namespace millrace::persistence
