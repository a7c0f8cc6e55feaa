// The merge without actors: input bytes are built by hand, entries applied one
// by one, and out/ is read back.

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

using persistence::record_kind;

struct merged_log {
  std::vector<int64_t> ids;
  std::vector<std::string> payloads;
  std::vector<stream_event> events;
  std::vector<period_id> periods;
};

class MergeCoreTest : public ::testing::Test {
protected:
  MergeCoreTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [this] { return ++random_; };
    start(roll_bytes);
  }

  void start(uint64_t roll, id_policy ids = id_policy::strict) {
    persistence::log_writer_options options;
    options.directory = "out";
    options.session = persistence::session_policy::resume;
    merge_state fresh;
    fresh.layout = {{{1, 2}}, roll, options.record_bytes, ids};
    options.lineage = fresh.layout.lineage;
    auto opened = persistence::log_writer::open(env, options);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    out = *std::move(opened);
    core = std::make_unique<merge_core>(std::move(fresh), *out);
  }

  /// A range in one part; none for other entries.
  static std::vector<std::span<const std::byte>>
  whole(std::span<const std::byte> bytes) {
    return bytes.empty() ? std::vector<std::span<const std::byte>>{}
                         : std::vector{bytes};
  }

  static std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
  }

  void open_input(uint32_t input, const std::string& directory) {
    ASSERT_TRUE(
      apply(rt::open_input{input_id{input}, directory, {{9, input}}}));
    ends[input] = position::of(0, 0, 0);
  }

  /// The next entry; what it did is added to `effects`.
  bool apply(const merge_entry& entry, std::span<const std::byte> bytes = {}) {
    index = index.next();
    auto done = core->apply(index, entry, whole(bytes));
    EXPECT_TRUE(done) << to_string(done.failure());
    if (done)
      effects.insert(effects.end(), done->begin(), done->end());
    return done.has_value();
  }

  struct sent {
    int64_t id;
    std::string payload;
    payload_kind kind = payload_kind::opaque;
  };

  /// One range of records of `origin`; @returns the entry, to apply it again.
  std::pair<merge_range, std::vector<std::byte>>
  merge(uint32_t input, const std::string& origin,
        const std::vector<sent>& messages) {
    persistence::record_builder records{{{9, input}}, ends[input]};
    for (const auto& message : messages) {
      message_header header;
      header.on = origin;
      header.id = message.id;
      header.ts = 1000 + message.id;
      records.add(record_kind::messages, message.kind, header,
                  bytes_of(message.payload));
    }
    records.close_record();
    std::vector<std::byte> bytes{records.bytes().begin(),
                                 records.bytes().end()};
    const merge_range range{input_id{input}, ends[input], records.end()};
    ends[input] = records.end();
    EXPECT_TRUE(apply(range, bytes));
    return {range, std::move(bytes)};
  }

  merged_log read_out() {
    merged_log log;
    auto reader = persistence::log_reader::open(disk, {.directory = "out"}, {});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (;;) {
      auto item = (*reader)->next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (std::holds_alternative<persistence::log_end>(*item))
        return log;
      if (auto* event = std::get_if<stream_event>(&*item)) {
        log.events.push_back(*event);
        continue;
      }
      const auto& message = std::get<persistence::log_message>(*item);
      const auto& payload = message.frame.payload;
      if (message.kind == record_kind::marker) {
        log.periods.push_back(decode_end_of_period(payload)->period);
        continue;
      }
      log.ids.push_back(message.frame.header.id);
      log.payloads.emplace_back(reinterpret_cast<const char*>(payload.data()),
                                payload.size());
    }
  }

  static constexpr uint64_t roll_bytes = uint64_t{1} << 20;
  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
  std::unique_ptr<persistence::log_writer> out;
  std::unique_ptr<merge_core> core;
  std::map<uint32_t, position> ends;
  entry_index index;
  std::vector<merge_effect> effects;

private:
  uint64_t random_ = 0;
};

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

/// One stream, with ids that jump; its state went through its bytes.
TEST_F(MergeCoreTest, MonotonicIdsJumpWithoutAGapAndAreDroppedByTheLastOne) {
  out.reset();
  ASSERT_FALSE(disk.remove_all("out"));
  start(roll_bytes, id_policy::monotonic);
  open_input(1, "a");
  merge(1, "a", {{-900, "p1"}, {-7, "p2"}, {3, "p3"}});
  merge(1, "a", {{3, "p3"}, {-7, "p2"}, {2, "never there"}, {50, "p4"}});
  merge(1, "a", {{-900, "other"}, {51, "p5"}, {1'000'000, "p6"}});
  const auto again = [this] {
    auto state = decode_merge_state(encode(core->state()));
    ASSERT_TRUE(state) << to_string(state.failure());
    EXPECT_EQ(state->layout, core->state().layout);
    EXPECT_EQ(encode(*state), encode(core->state()));
    core = std::make_unique<merge_core>(*std::move(state), *out);
  };
  again();
  merge(1, "a", {{50, "changed"}, {51, "p5"}, {-1'000'001, "old"}});
  const auto log = read_out();
  EXPECT_EQ(log.ids, (std::vector<int64_t>{-900, -7, 3, 50, 51, 1'000'000}));
  ASSERT_EQ(log.events.size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(log.events[i].kind, event_kind::id_conflict);
  EXPECT_EQ(log.events[0].first_id, -900);
  EXPECT_EQ(log.events[1].first_id, 50);
  EXPECT_EQ(core->state().origins.at("a").duplicates, 7u);
  EXPECT_EQ(core->state().origins.at("a").watermark, 1'000'000);
}

// Each node has its own way to a state: the bytes of it are the same.
TEST_F(MergeCoreTest, SumsOfIdsThatJumpAreKeptOfTheNewestAlone) {
  out.reset();
  ASSERT_FALSE(disk.remove_all("out"));
  start(roll_bytes, id_policy::monotonic);
  open_input(1, "a");
  constexpr auto most = static_cast<int64_t>(sparse_window::size_max);
  std::vector<sent> messages;
  for (int64_t i = 1; i <= most + 100; ++i) {
    messages.push_back({10 * i, "p"});
    if (i == most / 2) {
      merge(1, "a", std::exchange(messages, {}));
      auto state = decode_merge_state(encode(core->state()));
      core = std::make_unique<merge_core>(*std::move(state), *out);
    }
  }
  merge(1, "a", messages);
  const auto& window = core->state().origins.at("a").recent_apart;
  EXPECT_EQ(window.size(), sparse_window::size_max);
  EXPECT_EQ(window.of(10 * 100), std::nullopt);
  EXPECT_EQ(window.of(1011), std::nullopt);
  for (int64_t i = 101; i <= most + 100; ++i)
    ASSERT_NE(window.of(10 * i), std::nullopt) << i;
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state);
  EXPECT_EQ(encode(*state), encode(core->state()));
}

/// The next entry says that a life of this log's publisher writes an origin.
struct claim_case {
  uint32_t input;
  uint64_t life;
  uint64_t after;
  bool shared = false;
};

TEST_F(MergeCoreTest, ALaterWriterOfAnOriginFencesTheEarlier) {
  const auto claim = [this](const claim_case& of) {
    effects.clear();
    ASSERT_TRUE(apply(
      claim_origin{"q", input_id{of.input}, of.life, of.after, of.shared}));
  };
  const auto told = [this]() -> const origin_claimed* {
    return effects.empty() ? nullptr
                           : std::get_if<origin_claimed>(&effects.front());
  };
  open_input(1, "a");
  open_input(2, "b");
  claim({1, 11, 0});
  ASSERT_NE(told(), nullptr);
  EXPECT_EQ(told()->epoch, 1u);
  EXPECT_TRUE(told()->fenced.empty());
  merge(1, "q", {{1, "a1"}, {2, "a2"}});
  claim({2, 22, 0}); // It has not heard of the first.
  EXPECT_EQ(told(), nullptr);
  claim({2, 22, 1});
  ASSERT_NE(told(), nullptr);
  ASSERT_EQ(told()->fenced.size(), 1u);
  EXPECT_EQ(told()->fenced[0].input, input_id{1});
  EXPECT_EQ(told()->fenced[0].life, 11u);
  const auto end = core->state().inputs.at(input_id{1}).merged_end;
  const auto late = merge(1, "q", {{3, "a3"}, {4, "a4"}, {5, "a5"}});
  EXPECT_FALSE(core->needs(late.first));
  EXPECT_EQ(core->state().inputs.at(input_id{1}).merged_end, end);
  merge(2, "q", {{3, "b3"}, {4, "b4"}});
  // As it is after a restart.
  auto state = decode_merge_state(encode(core->state()));
  ASSERT_TRUE(state) << to_string(state.failure());
  EXPECT_EQ(encode(*state), encode(core->state()));
  core = std::make_unique<merge_core>(*std::move(state), *out);
  EXPECT_FALSE(core->needs(late.first));
  EXPECT_EQ(read_out().payloads,
            (std::vector<std::string>{"a1", "a2", "b3", "b4"}));
  EXPECT_TRUE(read_out().events.empty());
  // The first comes back in another life: what it had is sent now, and dropped
  // where it is too late.
  claim({1, 12, 2});
  ASSERT_NE(told(), nullptr);
  EXPECT_EQ(told()->fenced[0].input, input_id{2});
  ASSERT_TRUE(apply(late.first, late.second));
  const auto log = read_out();
  EXPECT_EQ(log.payloads,
            (std::vector<std::string>{"a1", "a2", "b3", "b4", "a5"}));
  ASSERT_EQ(log.events.size(), 2u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict);
  EXPECT_EQ(log.events[0].first_id, 3);
}

TEST_F(MergeCoreTest, WritersOfAReplicatedOriginStayAndTheFirstOfEachIdWins) {
  open_input(1, "a");
  open_input(2, "b");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 11, 0, true}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 22, 1, true}));
  merge(1, "q", {{1, "p1"}, {2, "p2"}});
  merge(2, "q", {{1, "p1"}, {2, "p2"}, {3, "p3"}});
  merge(1, "q", {{3, "other"}, {4, "p4"}});
  auto log = read_out();
  EXPECT_EQ(log.payloads, (std::vector<std::string>{"p1", "p2", "p3", "p4"}));
  ASSERT_EQ(log.events.size(), 1u);
  EXPECT_EQ(log.events[0].kind, event_kind::id_conflict);
  EXPECT_EQ(core->state().origins.at("q").duplicates, 3u);
  // It is not declared any more: who comes next is alone.
  open_input(3, "c");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{3}, 33, 2}));
  merge(1, "q", {{5, "a5"}});
  merge(2, "q", {{5, "b5"}});
  merge(3, "q", {{5, "c5"}});
  EXPECT_EQ(read_out().payloads.back(), "c5");
  EXPECT_EQ(read_out().payloads.size(), 5u);
}

TEST_F(MergeCoreTest, ALogWritesTheOriginThatItsLastLifeClaimed) {
  open_input(1, "a");
  open_input(2, "b");
  ASSERT_TRUE(apply(claim_origin{"q", input_id{1}, 11, 0}));
  ASSERT_TRUE(apply(claim_origin{"r", input_id{1}, 12, 0}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 22, 1}));
  merge(1, "r", {{1, "r1"}});
  merge(2, "q", {{1, "q1"}});
  EXPECT_EQ(read_out().payloads, (std::vector<std::string>{"r1", "q1"}));
  // One that is closed claims nothing.
  open_input(3, "b");
  const auto epoch = core->state().claims.at("q").epoch;
  ASSERT_TRUE(apply(claim_origin{"q", input_id{2}, 23, epoch}));
  ASSERT_TRUE(apply(claim_origin{"q", input_id{9}, 24, epoch}));
  EXPECT_EQ(core->state().claims.at("q").epoch, epoch);
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
