// The merge without actors: input bytes are built by hand, entries applied one
// by one, and out/ is read back.

#include "merge_core_fixture.hpp"

namespace millrace::rt {
namespace {

using persistence::record_kind;

TEST_F(MergeCoreTest, SignsAreCarriedAndMagnitudesCompared) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {-2, "p2"}, {3, "p3"}, {4, "p4"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, -2, 3, 4}));
  EXPECT_TRUE(log.events.empty());
  EXPECT_EQ(core->state().origins.at("a").watermark, 4);
}

TEST_F(MergeCoreTest, RecordsThatFollowAreTakenWhole) {
  open_input(1, "a");
  open_input(2, "b");
  std::vector<int64_t> ids;
  std::vector<std::string> payloads;
  for (int64_t entry = 0; entry < 40; ++entry) {
    std::vector<sent> messages;
    // Some records join the one before, some are too large for that.
    const auto count = 1 + entry * entry * 7 % 300;
    for (int64_t i = 0; i < count; ++i) {
      const auto id = static_cast<int64_t>(ids.size()) + 1;
      // Every length of padding.
      messages.push_back(
        {id % 3 == 0 ? -id : id,
         std::string(static_cast<size_t>(id % 413), 'p') + std::to_string(id)});
      ids.push_back(messages.back().id);
      payloads.push_back(messages.back().payload);
    }
    merge(1, "a", messages);
  }
  merge(2, "b", {{1, "from the start"}});
  ids.push_back(1);
  payloads.emplace_back("from the start");
  const auto log = read_out();
  EXPECT_EQ(log.ids, ids);
  EXPECT_EQ(log.payloads, payloads);
  EXPECT_TRUE(log.events.empty());
  EXPECT_TRUE(persistence::verify_log(disk, "out")->damages.empty());
  // What was taken whole is remembered one by one.
  const auto last = static_cast<int64_t>(ids.size()) - 1;
  merge(1, "a", {{last - 5, payloads[last - 6]}, {last - 4, "other"}});
  EXPECT_EQ(core->state().origins.at("a").duplicates, 2u);
  ASSERT_EQ(read_out().events.size(), 1u);
  EXPECT_EQ(read_out().events[0].kind, event_kind::id_conflict);
}

TEST_F(MergeCoreTest, DuplicatesAreDroppedAndCounted) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {2, "p2"}});
  merge(1, "a", {{1, "p1"}, {2, "p2"}, {3, "p3"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(core->state().origins.at("a").duplicates, 2u);
  EXPECT_TRUE(log.events.empty());
}

// The ids 1 2 -2 4 are not a valid sequence.
TEST_F(MergeCoreTest, RepeatedMagnitudeConflictsAndTheHoleIsAGap) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {2, "p2"}, {-2, "other"}, {4, "p4"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2, 4}));
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict);
  EXPECT_EQ(log.events[0].first_id, -2);
  EXPECT_EQ(log.events[1].kind, event_kind::gap);
  EXPECT_EQ(log.events[1].first_id, 3);
  EXPECT_EQ(log.events[1].last_id, 3);
}

TEST_F(MergeCoreTest, TwoOriginsAreNumberedApart) {
  open_input(1, "a");
  open_input(2, "b");
  merge(1, "a", {{1, "a1"}});
  merge(2, "b", {{1, "b1"}});
  merge(1, "a", {{2, "a2"}});
  EXPECT_EQ(read_out().payloads, (std::vector<std::string>{"a1", "b1", "a2"}));
}

TEST_F(MergeCoreTest, ApplyingAnEntryAgainChangesNothing) {
  open_input(1, "a");
  const auto [range, bytes] = merge(1, "a", {{1, "p1"}, {2, "p2"}});
  const auto end = out->recorded_end();
  ASSERT_TRUE(core->apply(index, range, whole(bytes)));
  EXPECT_EQ(out->recorded_end(), end);
  // A later entry that covers the same input bytes is clipped.
  ASSERT_TRUE(apply(range, bytes));
  EXPECT_EQ(read_out().ids, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(core->state().origins.at("a").duplicates, 0u);
}

// Nodes receive the same bytes cut in other places.
TEST_F(MergeCoreTest, ARangeInPartsIsMergedLikeOneInOne) {
  open_input(1, "a");
  persistence::record_builder records{{{9, 1}}, position::of(0, 0, 0)};
  std::vector<uint64_t> cuts;
  for (int64_t id = 1; id <= 9; ++id) {
    message_header header;
    header.on = "a";
    header.id = id;
    records.add(record_kind::messages, payload_kind::opaque, header,
                bytes_of("p" + std::to_string(id)));
    records.close_record();
    cuts.push_back(records.bytes().size());
  }
  const std::vector<std::byte> bytes{records.bytes().begin(),
                                     records.bytes().end()};
  const std::span all{bytes};
  const std::vector<std::span<const std::byte>> parts{
    all.first(cuts[2]), all.subspan(cuts[2], cuts[3] - cuts[2]),
    all.subspan(cuts[3])};
  index = index.next();
  ASSERT_TRUE(core->apply(
    index, merge_range{input_id{1}, position::of(0, 0, 0), records.end()},
    parts));
  EXPECT_EQ(read_out().ids, (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(core->state().inputs.at(input_id{1}).merged_end, records.end());
}

TEST_F(MergeCoreTest, NewLifeOfADirectoryIsAReset) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}});
  open_input(2, "a");
  merge(2, "a", {{2, "p2"}});
  const auto log = read_out();
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events[0].kind, event_kind::reset);
  EXPECT_EQ(log.events[0].last_id, 1);
  EXPECT_TRUE(core->state().inputs.at(input_id{1}).closed);
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2}));
}

/// What is told of an event is where its subscribers meet it.
TEST_F(MergeCoreTest, EventsAndCutsAreToldWithTheirPlaces) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {2, "p2"}, {5, "p5"}, {5, "other"}, {6, "p6"}});
  merge(1, "a", {{9, "p9"}});
  const auto log = read_out();
  ASSERT_EQ(log.events.size(), 3u);
  ASSERT_EQ(effects.size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(std::get<event_merged>(effects[i]).event, log.events[i]);
  for (int again = 0; again < 2; ++again)
    ASSERT_TRUE(apply(cut_begin{position::of(9, 9, 9)}));
  // Nothing before the newest file can go: there is only that.
  EXPECT_EQ(effects.size(), 3u);
}

/// What was merged stays merged: no id comes twice, and none is a gap.
TEST_F(MergeCoreTest, AResetBeginsTheNextSessionAndForgetsNoId) {
  open_input(1, "a");
  const auto before = merge(1, "a", {{1, "p1"}, {2, "p2"}});
  const auto old_end = core->state().out_end;
  ASSERT_TRUE(apply(begin_session{1, "an operator reset it"}));
  ASSERT_TRUE(apply(begin_session{1, "again"})); // It is there already.
  ASSERT_TRUE(apply(before.first, before.second));
  merge(1, "a", {{2, "p2"}, {3, "p3"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2, 3}));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events[0].kind, event_kind::reset);
  EXPECT_EQ(log.events[0].cause, "an operator reset it");
  ASSERT_EQ(effects.size(), 2u);
  const auto& told = std::get<session_begun>(effects[0]);
  EXPECT_EQ(told.before, old_end);
  EXPECT_EQ(told.begin, position::of(1, 0, 0));
  EXPECT_EQ(std::get<event_merged>(effects[1]).event, log.events[0]);
  EXPECT_EQ(core->state().out_end.session(), 1u);
}

/// A life that begins with the state at the start of the session has its event
/// still to come.
TEST_F(MergeCoreTest, AResetThatIsAppliedAgainGivesTheSameBytes) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}});
  ASSERT_TRUE(apply(begin_session{1, "why"}));
  merge(1, "a", {{2, "p2"}});
  const auto first = *persistence::read_file(disk, "out/log.1.0");
  const auto parsed = persistence::parse_record(
    first, {{1, 2}}, position::of(1, 0, 0), persistence::payload_check::verify);
  ASSERT_EQ(parsed.kind, persistence::parse_outcome::what::record);
  auto state = decode_merge_state(
    parsed.record.frame_at(parsed.record.first_frame).payload);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->out_end, position::of(1, 0, 0));
  ASSERT_FALSE(out->truncate(state->out_end));
  core = std::make_unique<merge_core>(*state, *out);
  index = state->applied_index;
  ends[1] = state->inputs.at(input_id{1}).merged_end;
  ASSERT_TRUE(apply(begin_session{1, "why"}));
  merge(1, "a", {{2, "p2"}});
  EXPECT_EQ(*persistence::read_file(disk, "out/log.1.0"), first);
}

TEST_F(MergeCoreTest, PeriodEndsOnceAndMarkersAreNoMessages) {
  open_input(1, "a");
  const auto marker = encode(end_of_period{period_id{8767}, "a"});
  merge(
    1, "a",
    {{1, "p1"},
     {2,
      std::string{reinterpret_cast<const char*>(marker.data()), marker.size()},
      payload_kind::end_of_period},
     {3, "p3"}});
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<marker_merged>(effects[0]).origin, "a");
  EXPECT_EQ(std::get<marker_merged>(effects[0]).period, period_id{8767});
  for (int again = 0; again < 2; ++again)
    ASSERT_TRUE(apply(period_end{period_id{8767}, {}}));
  ASSERT_TRUE(apply(period_end{period_id{8766}, {}}));
  ASSERT_EQ(effects.size(), 2u);
  EXPECT_EQ(std::get<period_ended>(effects[1]).period, period_id{8767});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(log.periods, (std::vector<period_id>{period_id{8767}}));
}

TEST_F(MergeCoreTest, SchemaVersionsBecomeEventsOnceEach) {
  open_input(1, "a");
  table_schema schema;
  schema.name = "trade";
  schema.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  auto text = [&] {
    const auto bytes = encode(schema);
    return std::string{reinterpret_cast<const char*>(bytes.data()),
                       bytes.size()};
  };
  const auto first = text();
  schema.version = 2;
  const auto second = text();
  merge(1, "a",
        {{1, first, payload_kind::table_schema},
         {2, first, payload_kind::table_schema},
         {3, second, payload_kind::table_schema}});
  const auto log = read_out();
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[1].kind, event_kind::schema);
  EXPECT_EQ(decode_table_schema(log.events[1].schema.data(),
                                log.events[1].schema.size())
              ->version,
            2u);
  EXPECT_TRUE(log.ids.empty());
}

// What each of several says for itself takes no id of the sequence that all of
// them publish.
TEST_F(MergeCoreTest, WritersOfOneSequenceMarkAndDescribeForThemselves) {
  using persistence::record_kind;
  const std::map<uint32_t, std::string> writers{{1, "hot@a.market"},
                                                {2, "hot@b.market"}};
  table_schema schema;
  schema.name = "trade";
  schema.columns
    = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  stream_event told;
  told.kind = event_kind::schema;
  told.origin = "hot";
  told.schema = encode(schema);
  const period_id period{8767};
  for (const auto& [input, directory] : writers) {
    open_input(input, directory);
    say(input, record_kind::event, payload_kind::opaque, "hot", encode(told));
    merge(input, "hot", {{1, "p1"}, {2, "p2"}});
    effects.clear();
    say(input, record_kind::marker, payload_kind::end_of_period, "hot",
        encode(end_of_period{period, "hot"}));
    ASSERT_EQ(effects.size(), 2u);
    EXPECT_EQ(std::get<marker_merged>(effects[0]).origin, directory);
    EXPECT_EQ(std::get<marker_merged>(effects[1]).origin, "hot");
    EXPECT_EQ(std::get<marker_merged>(effects[1]).period, period);
    merge(input, "hot", {{3, "p3"}});
  }
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2, 3})) << "no id was taken";
  ASSERT_EQ(log.events.size(), 1u) << "one schema, and no gap";
  EXPECT_EQ(log.events[0].kind, event_kind::schema);
  EXPECT_EQ(log.events[0].origin, "hot");
  EXPECT_EQ(core->state().origins.at("hot").duplicates, 3u);
  for (const auto& name : {"hot@a.market", "hot@b.market", "hot"})
    EXPECT_EQ(core->state().origins.at(name).period_marked, period) << name;
}

/// Whatever comes late, twice, or of somebody who was replaced.
TEST_F(MergeCoreTest, FloorsAreOfWhoHasTheName) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {2, "p2"}});
  const auto end = core->state().out_end;
  const auto at = [](uint64_t offset) { return position::of(0, 0, offset); };
  struct {
    const char* what;
    noted_floor entry;
    std::optional<merge_consumer> after;
  } const steps[]{
    {"nobody knows it", {"c", at(64), 1, 7, 10, false}, std::nullopt},
    {"a later claim of one that nobody knows",
     {"c", at(64), 2, 7, 10, true},
     std::nullopt},
    {"it is registered",
     {"c", {}, 0, 0, 0, true},
     merge_consumer{at(0), 0, 0, 0}},
    {"twice", {"c", at(64), 0, 0, 0, true}, merge_consumer{at(0), 0, 0, 0}},
    {"taken", {"c", at(64), 1, 7, 10, true}, merge_consumer{at(64), 1, 7, 10}},
    {"told",
     {"c", at(128), 1, 7, 20, false},
     merge_consumer{at(128), 1, 7, 20}},
    {"told what came before",
     {"c", at(96), 1, 7, 15, false},
     merge_consumer{at(128), 1, 7, 20}},
    {"a second one that saw the same",
     {"c", at(0), 1, 8, 30, true},
     merge_consumer{at(128), 1, 7, 20}},
    {"with the number of the first",
     {"c", end, 1, 8, 30, false},
     merge_consumer{at(128), 1, 7, 20}},
    {"taken over by one that begins earlier",
     {"c", at(32), 2, 8, 30, true},
     merge_consumer{at(32), 2, 8, 30}},
    {"told by who had it",
     {"c", end, 1, 7, 40, false},
     merge_consumer{at(32), 2, 8, 30}},
    {"told beyond the end",
     {"c", position::of(3, 0, 0), 2, 8, 50, false},
     merge_consumer{end, 2, 8, 50}}};
  for (const auto& each : steps) {
    ASSERT_TRUE(apply(note_floors{{each.entry}}));
    const auto& all = core->state().consumers;
    const auto found = all.find("c");
    EXPECT_EQ(found != all.end(), each.after.has_value()) << each.what;
    if (found != all.end() && each.after) {
      EXPECT_EQ(found->second, *each.after) << each.what;
    }
  }
  ASSERT_TRUE(apply(forget_consumer{"c"}));
  ASSERT_TRUE(apply(forget_consumer{"c"}));
  ASSERT_TRUE(apply(note_floors{{{"c", end, 2, 8, 60, false}}}));
  EXPECT_TRUE(core->state().consumers.empty());
  EXPECT_EQ(core->state().out_end, end) << "nothing of it is in the stream";
}

TEST_F(MergeCoreTest, ConsumersAreBoundedAndStartWhereTheStreamDoes) {
  note_floors all;
  for (size_t i = 0; i < consumers_max; ++i)
    all.floors.push_back({"c" + std::to_string(i), {}, 1, i, 0, true});
  ASSERT_TRUE(apply(all));
  ASSERT_TRUE(apply(note_floors{{{"one_more", {}, 1, 1, 0, true}}}));
  EXPECT_EQ(core->state().consumers.size(), consumers_max);
  EXPECT_FALSE(core->state().consumers.contains("one_more"));
  ASSERT_TRUE(apply(forget_consumer{"c7"}));
  // What was cut off is not asked for by who comes later.
  ASSERT_TRUE(apply(begin_session{1, "reset"}));
  ASSERT_TRUE(apply(cut_begin{position::of(1, 0, 0)}));
  ASSERT_TRUE(apply(note_floors{{{"one_more", {}, 1, 1, 0, true}}}));
  EXPECT_EQ(core->state().consumers.at("one_more").floor,
            position::of(1, 0, 0));
  EXPECT_EQ(core->state().consumers.at("c8").floor, position{})
    << "who was there may not know that it lost something";
  const auto read = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(read) << to_string(read.failure());
  EXPECT_EQ(read->consumers, core->state().consumers);
}

TEST_F(MergeCoreTest, StateRoundTripsAndContinues) {
  open_input(1, "a");
  merge(1, "a", {{1, "p1"}, {2, "p2"}});
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state) << to_string(state.failure());
  EXPECT_EQ(state->applied_index, index);
  EXPECT_EQ(state->out_end, out->recorded_end());
  core = std::make_unique<merge_core>(*std::move(state), *out);
  merge(1, "a", {{2, "changed"}, {3, "p3"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{1, 2, 3}));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict)
    << "payload sums are part of the state";
}

// However many origins there were, a file of out/ begins with a few bytes.
TEST_F(MergeCoreTest, AStateOfAHundredThousandOriginsIsNoMatterOfRolls) {
  out.reset();
  ASSERT_FALSE(disk.remove_all("out"));
  start(64 << 10);
  open_input(1, "a");
  constexpr int origins = 100'000;
  for (int begin = 0; begin < origins; begin += 1000) {
    persistence::record_builder records{{{9, 1}}, ends[1]};
    for (int i = begin; i < begin + 1000; ++i) {
      message_header header;
      const auto origin = "sensor" + std::to_string(i);
      header.on = origin;
      header.id = 1;
      records.add(record_kind::messages, payload_kind::opaque, header,
                  bytes_of("x"));
      records.close_record();
    }
    const std::vector<std::byte> bytes{records.bytes().begin(),
                                       records.bytes().end()};
    const merge_range range{input_id{1}, ends[1], records.end()};
    ends[1] = records.end();
    ASSERT_TRUE(apply(range, bytes));
  }
  const auto files = persistence::list_log_files(disk, "out");
  ASSERT_GT(files->size(), 50u);
  uint64_t bytes = 0;
  for (const auto& file : *files)
    bytes += file.size;
  EXPECT_LT(bytes, 2 * ends[1].value) << "rolls cost more than what they carry";
  const auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state) << to_string(state.failure());
  EXPECT_EQ(state->origins.size(), size_t{origins});
  EXPECT_EQ(state->origins.at("sensor77").recent.sums().size(), 1u);
}

// Sums of 4096 ids, whatever their number, and of none that was never seen.
TEST(PayloadWindowTest, KnowsTheNewestIdsOnly) {
  payload_window window;
  const auto sum
    = [](uint64_t number) { return static_cast<uint32_t>(number * 7 + 1); };
  for (uint64_t number = 1001; number <= 12'000; ++number) {
    window.add(number, sum(number));
    if (number % 501 != 0 && number != 5096 && number != 5097)
      continue;
    const payload_window again{window.sums()};
    for (uint64_t asked = 900; asked <= number + 2; ++asked) {
      const bool known = asked > 1000 && asked <= number
                         && number - asked < payload_window::size_max;
      ASSERT_EQ(again.of(asked, number),
                known ? std::optional{sum(asked)} : std::nullopt)
        << asked << " of " << number;
    }
  }
  window.clear();
  window.add(20'000, 5);
  EXPECT_EQ(window.of(20'000, 20'000), 5u);
  EXPECT_EQ(window.of(12'000, 20'000), std::nullopt);
}

// out/ is a pure function of the entries: the same ones give the same bytes,
// rolls and state records included.
TEST(MergeCoreDeterminismTest, SameEntriesGiveTheSameFiles) {
  class twin : public MergeCoreTest {
  public:
    void TestBody() override {
      out.reset();
      ASSERT_FALSE(disk.remove_all("out"));
      start(4096);
      open_input(1, "a");
      open_input(2, "b");
      int64_t id = 0;
      for (int round = 0; round < 60; ++round) {
        ++id;
        merge(1, "a", {{id, std::string(static_cast<size_t>(round * 7), 'x')}});
        merge(2, "b", {{id, "y"}});
      }
      ASSERT_TRUE(apply(period_end{period_id{1}, {}}));
    }
    std::map<std::string, std::vector<std::byte>> files() {
      std::map<std::string, std::vector<std::byte>> found;
      const auto entries = disk.list("out");
      for (const auto& entry : *entries)
        if (entry.name.starts_with("log."))
          found[entry.name]
            = *persistence::read_file(disk, "out/" + entry.name);
      return found;
    }
  };
  twin one;
  twin other;
  one.TestBody();
  other.TestBody();
  const auto files = one.files();
  EXPECT_GT(files.size(), 2u) << "the log should have rolled";
  EXPECT_EQ(files, other.files());
}

} // namespace
} // namespace millrace::rt
