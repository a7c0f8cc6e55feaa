// What stays of a damaged file of out/ where not all that it was made of is at
// hand any more.

#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sequencer_core_fixture.hpp"

namespace millrace::rt {

class OutSalvageTest : public SequencerCoreTest {
protected:
  static constexpr int runs = 100;
  static constexpr int per_run = 5; ///< Messages, one record of out/.

  void SetUp() override {
    checkpoints = true;
    open();
    for (int i = 0; i < runs; ++i) {
      inputs.push_back(end);
      publish_and_run(1, per_run);
    }
    inputs.push_back(end);
    auto made = core->rebuilt_from();
    ASSERT_TRUE(made) << to_string(made.failure());
    from = *std::move(made);
    before = out_files(disk);
    auto reader = *persistence::log_reader::open(
      disk, {.directory = "/rt/market/out"}, {});
    for (;;) {
      auto item = *reader->next();
      if (std::holds_alternative<persistence::log_end>(item))
        break;
      if (const auto* message = std::get_if<persistence::log_message>(&item))
        places[message->frame.header.id] = message->begin;
    }
  }

  static std::string path_of(position at) {
    return out_path("/rt/market/out", at);
  }

  /// A bit of the payload of a message in out/.
  void harm(int64_t message) {
    const auto at = places.at(message);
    // The place of a first message is that of its record.
    const bool first = message == with_run(message).front();
    disk.flip_bit(path_of(at), (at.offset() + (first ? 64 : 32)) * 8);
  }

  /// A bit of the head of the record of a message.
  void harm_head(int64_t message) {
    const auto at = places.at(with_run(message).front());
    disk.flip_bit(path_of(at), (at.offset() + 8) * 8);
  }

  /// A bit of what the messages of a run were made of.
  void harm_input(int run) {
    disk.flip_bit("/rt/market/in/" + to_string(name) + "/log.0.0",
                  (inputs[static_cast<size_t>(run)].offset() + 70) * 8);
  }

  static int run_of(int64_t message) {
    return static_cast<int>((message - 1) / per_run);
  }

  error salvage(position at, bool may_lose) {
    holes.clear();
    const auto live = file_of(core->out_end());
    return salvage_out_file(env, from, at,
                            file_of(at) == live ? std::optional{core->out_end()}
                                                : std::nullopt,
                            may_lose, holes);
  }

  struct read_back {
    std::vector<int64_t> missing;
    std::vector<stream_event> events;
  };
  read_back read() {
    std::map<int64_t, int> seen;
    read_back out;
    auto reader = *persistence::log_reader::open(
      disk, {.directory = "/rt/market/out"}, {});
    for (;;) {
      auto item = reader->next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (std::holds_alternative<persistence::log_end>(*item))
        break;
      if (const auto* message = std::get_if<persistence::log_message>(&*item))
        ++seen[message->frame.header.id];
      else
        out.events.push_back(std::get<stream_event>(*item));
    }
    for (int64_t i = 1; i <= id; ++i)
      if (seen[i] != 1)
        out.missing.push_back(i);
    return out;
  }

  /// The messages of the run that `message` is of.
  static std::vector<int64_t> with_run(int64_t message) {
    std::vector<int64_t> out;
    for (int64_t i = int64_t{run_of(message)} * per_run + 1;
         run_of(i) == run_of(message); ++i)
      out.push_back(i);
    return out;
  }

  /// In a closed file that has others before and after it.
  int64_t in_the_middle() const {
    const auto file
      = [&](int64_t message) { return file_of(places.at(message)); };
    auto message = id / 2;
    while (file(message - 2 * per_run) != file(message)
           || file(message + 2 * per_run) != file(message))
      ++message;
    return message;
  }

  rebuild_source from;
  std::vector<position> inputs; ///< Where each run begins.
  std::map<std::string, std::vector<std::byte>> before;
  std::map<int64_t, position> places;
  std::vector<out_hole> holes;
};

INSTANTIATE_TEST_SUITE_P(Modes, OutSalvageTest, ::testing::Values(false, true),
                         [](const auto& each) {
                           return each.param ? "cached" : "synced";
                         });

// What lacks of the inputs lies whole in the file.
TEST_P(OutSalvageTest, OneDamagedRecordIsMadeOfItsOwnInputAlone) {
  const auto message = in_the_middle();
  harm(message);
  harm_input(run_of(message) - 2);
  harm_input(run_of(message) + 2);
  std::vector<rebuild_lack> lacks;
  ASSERT_TRUE(rebuild_out_file(env, from, places.at(message), lacks));
  const auto fault = salvage(places.at(message), false);
  EXPECT_FALSE(fault) << to_string(fault);
  EXPECT_TRUE(holes.empty());
  EXPECT_TRUE(out_files(disk) == before);
}

TEST_P(OutSalvageTest, OfTheFileThatIsWrittenAsWell) {
  auto message = id - 1;
  while (file_of(places.at(message - 3 * per_run))
         != file_of(core->out_end())) {
    inputs.push_back(end);
    publish_and_run(1, per_run);
    SetUp();
    message = id - 1;
  }
  harm(message);
  harm_input(run_of(message) - 2);
  const auto fault = salvage(places.at(message), false);
  EXPECT_FALSE(fault) << to_string(fault);
  EXPECT_TRUE(holes.empty());
  EXPECT_TRUE(out_files(disk) == before);
}

TEST_P(OutSalvageTest, WhatNobodyHasIsLostAndNothingElse) {
  const auto message = in_the_middle();
  harm_head(message);
  harm_input(run_of(message));
  const auto damaged = out_files(disk);
  const auto why = salvage(places.at(message), false);
  EXPECT_EQ(why.code, errc::corrupt) << to_string(why);
  EXPECT_TRUE(out_files(disk) == damaged) << "nothing is given up yet";

  const auto fault = salvage(places.at(message), true);
  EXPECT_FALSE(fault) << to_string(fault);
  ASSERT_EQ(holes.size(), 1u);
  const auto hole = holes.front();
  EXPECT_FALSE(hole.is_known);
  EXPECT_EQ(hole.from, places.at(with_run(message).front()));
  const auto got = read();
  EXPECT_EQ(got.missing, with_run(message));
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].kind, event_kind::badtail);
  EXPECT_EQ(got.events[0].from, hole.from);
  EXPECT_EQ(got.events[0].to, hole.to);
  // All else stays where it was.
  auto now = out_files(disk);
  const auto path = path_of(hole.from);
  std::copy(before[path].begin() + static_cast<ptrdiff_t>(hole.from.offset()),
            before[path].begin() + static_cast<ptrdiff_t>(hole.to.offset()),
            now[path].begin() + static_cast<ptrdiff_t>(hole.from.offset()));
  EXPECT_TRUE(now == before);

  // Asked for again it lacks the same, and nothing changes.
  const auto lossy = out_files(disk);
  EXPECT_FALSE(salvage(places.at(message), false));
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_TRUE(holes.front().is_known);
  EXPECT_TRUE(out_files(disk) == lossy);

  // When it comes after all it takes its place.
  harm_input(run_of(message));
  std::vector<rebuild_lack> lacks;
  EXPECT_FALSE(rebuild_out_file(env, from, hole.from, lacks));
  EXPECT_TRUE(out_files(disk) == before);
}

/// Where only the payload of a message is damaged the others of its record
/// stay, but one after it where there is no room for the head of a record.
TEST_P(OutSalvageTest, OneDamagedPayloadCostsNoRecord) {
  const auto run = with_run(in_the_middle());
  for (const bool has_history : {true, false})
    for (const auto message : run) {
      SCOPED_TRACE(message);
      harm(message);
      harm_input(run_of(message));
      if (!has_history)
        ASSERT_FALSE(disk.remove_all("/rt/market/history"));
      const auto fault = salvage(places.at(message), true);
      EXPECT_FALSE(fault) << to_string(fault);
      const auto got = read();
      ASSERT_FALSE(got.missing.empty());
      EXPECT_EQ(got.missing.front(), message);
      EXPECT_LE(got.missing.size(), 2u);
      EXPECT_LE(got.missing.back(), message + 1);
      EXPECT_EQ(got.events.size(), 1u);
      // It comes back, and all takes its place again.
      harm_input(run_of(message));
      std::vector<rebuild_lack> lacks;
      if (has_history) {
        const auto again
          = rebuild_out_file(env, from, places.at(message), lacks);
        EXPECT_FALSE(again) << to_string(again);
      } else {
        const auto path = path_of(places.at(message));
        disk.overwrite(path, 0, before.at(path));
      }
      EXPECT_TRUE(out_files(disk) == before);
    }
}

/// Nobody reads it as long as nothing is to be made again after it.
TEST_P(OutSalvageTest, ADamagedStateLosesNobodyAMessage) {
  const auto file = file_of(places.at(in_the_middle()));
  disk.flip_bit(path_of(file), 100 * 8);
  for (int run = 0; run < runs; ++run)
    harm_input(run);
  const auto fault = salvage(file, true);
  EXPECT_FALSE(fault) << to_string(fault);
  EXPECT_TRUE(holes.empty());
  EXPECT_TRUE(read().missing.empty());
  EXPECT_TRUE(read().events.empty());
  EXPECT_FALSE(state_at(disk, from.directory + "/out", from.lineage, file));
  for (int run = 0; run < runs; ++run)
    harm_input(run);
  // What comes before it is made again all the same, and so is it.
  const position earlier{file_of(position{file.value - 1})};
  disk.flip_bit(path_of(earlier), 1);
  std::vector<rebuild_lack> lacks;
  const auto again = rebuild_out_file(env, from, earlier, lacks);
  EXPECT_FALSE(again) << to_string(again);
  const auto path = path_of(earlier);
  EXPECT_TRUE(out_files(disk).at(path) == before.at(path));
}

/// Positions in what is lost are places to go on from: those of subscribers
/// that stopped there.
TEST_P(OutSalvageTest, WhoStandsInWhatIsLostIsToldOfTheRest) {
  const auto message = in_the_middle();
  harm_head(message);
  harm_input(run_of(message));
  ASSERT_FALSE(salvage(places.at(message), true));
  const auto hole = holes.front();
  for (const auto each : with_run(message)) {
    const auto at = places.at(each);
    auto reader = persistence::log_reader::open(
      disk, {.directory = "/rt/market/out"}, at);
    ASSERT_TRUE(reader) << to_string(reader.failure());
    auto item = (*reader)->next();
    ASSERT_TRUE(item) << to_string(item.failure());
    const auto* event = std::get_if<stream_event>(&*item);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->kind, event_kind::badtail);
    EXPECT_EQ(event->from, at);
    EXPECT_EQ(event->to, hole.to);
    item = (*reader)->next();
    const auto* next = std::get_if<persistence::log_message>(&*item);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->frame.header.id, with_run(message).back() + 1);
  }
}

/// As nothing says what it was made of.
TEST_P(OutSalvageTest, WithoutItsHistoryWhatIsIntactStays) {
  const auto message = in_the_middle();
  harm_head(message);
  ASSERT_FALSE(disk.remove_all("/rt/market/history"));
  EXPECT_TRUE(salvage(places.at(message), false));
  const auto fault = salvage(places.at(message), true);
  EXPECT_FALSE(fault) << to_string(fault);
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_EQ(read().missing, with_run(message));
  EXPECT_EQ(read().events.size(), 1u);
  EXPECT_FALSE(salvage(places.at(message), true));
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_TRUE(holes.front().is_known);
}

/// A file that lost its end tells so, also where a record of it ends there.
TEST_P(OutSalvageTest, AnEndThatIsGoneIsTold) {
  const auto message = in_the_middle();
  const auto file = file_of(places.at(message));
  const auto cut = places.at(with_run(message).front());
  const auto path = path_of(file);
  const auto last
    = std::find_if(places.rbegin(), places.rend(), [&](const auto& each) {
        return file_of(each.second) == file;
      })->first;
  std::vector<int64_t> gone;
  for (auto i = with_run(message).front(); i <= last; ++i)
    gone.push_back(i);
  for (const bool has_history : {true, false})
    for (const uint64_t more : {0, 16}) {
      SCOPED_TRACE(std::to_string(has_history) + std::to_string(more));
      disk.overwrite(path, 0, before.at(path));
      disk.cut(path, cut.offset() + more);
      if (has_history)
        for (auto run = run_of(message); run <= run_of(last); ++run)
          harm_input(run);
      else
        ASSERT_FALSE(disk.remove_all("/rt/market/history"));
      const auto fault = salvage(file, true);
      EXPECT_FALSE(fault) << to_string(fault);
      const auto got = read();
      EXPECT_EQ(got.missing, gone);
      ASSERT_FALSE(got.events.empty());
      for (const auto& event : got.events)
        EXPECT_EQ(event.kind, event_kind::badtail);
      EXPECT_EQ(got.events.front().from, cut);
      if (has_history) // It is there again.
        for (auto run = run_of(message); run <= run_of(last); ++run)
          harm_input(run);
    }
}

TEST_P(OutSalvageTest, AFileOfWhichNothingIsLeftKeepsItsPlace) {
  const auto message = in_the_middle();
  const auto file = file_of(places.at(message));
  ASSERT_FALSE(disk.remove(path_of(file)));
  for (int run = 0; run < runs; ++run)
    harm_input(run);
  const auto fault = salvage(file, true);
  EXPECT_FALSE(fault) << to_string(fault);
  std::vector<int64_t> gone;
  for (const auto& [each, at] : places)
    if (file_of(at) == file)
      gone.push_back(each);
  EXPECT_EQ(read().missing, gone);
  // Without a history nobody knows how much it was.
  ASSERT_FALSE(disk.remove(path_of(file)));
  ASSERT_FALSE(disk.remove_all("/rt/market/history"));
  EXPECT_TRUE(salvage(file, true));
}

/// After what is lost ids are unknown until they are seen again: nothing is
/// made of a guess.
TEST_P(OutSalvageTest, SeveralDamagesAreEachTheirOwn) {
  const auto message = in_the_middle();
  const auto later = message + 2 * per_run;
  harm_head(message);
  harm_input(run_of(message));
  harm(later);
  ASSERT_FALSE(salvage(places.at(message), true));
  ASSERT_EQ(holes.size(), 1u);
  EXPECT_EQ(read().missing, with_run(message)) << "the later one is made again";
}

} // namespace millrace::rt
