// What members of a group say and keep does not change from one release to the
// next: bytes of today are those that were laid down.

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/raft/entry_log.hpp>
#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace millrace::rt {
namespace {

const auto golden_group = test_support::data_path("raft/");

/// The stored bytes; MILLRACE_WRITE_GOLDEN lays them down.
std::vector<std::byte> stored_as(const std::string& name) {
  const auto path = golden_group + name;
  std::ifstream in{path, std::ios::binary};
  EXPECT_TRUE(in) << path;
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> laid_down(const std::string& name,
                                 std::span<const std::byte> now) {
  const auto path = golden_group + name;
  if (std::getenv("MILLRACE_WRITE_GOLDEN") != nullptr)
    std::ofstream{path, std::ios::binary}.write(
      reinterpret_cast<const char*>(now.data()),
      static_cast<std::streamsize>(now.size()));
  return stored_as(name);
}

std::vector<raft_entry> one_of_each() {
  const std::string text = "an instruction";
  return {{raft_term{3}, raft_entry_kind::no_op},
          {raft_term{3}, raft_entry_kind::payload,
           chunk::copy_of(std::as_bytes(std::span{text}))},
          {raft_term{4},
           raft_entry_kind::configuration,
           {},
           raft_configuration{{{{1, 11}, true}, {{2, 22}, false}}}}};
}

raft_message said(decltype(raft_message::body) body) {
  return {{1, 11}, {2, 22}, raft_term{5}, std::move(body)};
}

TEST(GroupGoldenTest, MessagesKeepTheirBytes) {
  const std::map<std::string, raft_message> all{
    {"vote_request",
     said(raft_vote_request{true, false, {entry_index{9}, raft_term{4}}})},
    {"vote_response", said(raft_vote_response{false, true})},
    {"append_request",
     said(raft_append_request{
       {entry_index{9}, raft_term{3}}, entry_index{8}, one_of_each(), 77})},
    {"append_notice",
     said(raft_append_request{
       {entry_index{9}, raft_term{3}}, entry_index{8}, {}, 77, true})},
    {"append_response",
     said(raft_append_response{
       entry_index{9}, entry_index{12},
       raft_append_response::missing{entry_index{14},
                                     {entry_index{12}, raft_term{4}}}})},
    {"timeout_now", said(raft_timeout_now{})}};
  for (const auto& [name, message] : all) {
    const auto now = encode(message);
    const auto stored = laid_down(name, now);
    EXPECT_EQ(stored, now) << name;
    const auto read = decode_raft_message(stored);
    ASSERT_TRUE(read) << name << ": " << to_string(read.failure());
    EXPECT_EQ(*read, message) << name;
    // Damage is refused or reads as something else, and ends nobody.
    for (size_t at = 0; at < stored.size(); ++at) {
      auto damaged = stored;
      damaged[at] ^= std::byte{0x81};
      (void)decode_raft_message(damaged);
      (void)decode_raft_message(std::span{stored}.first(at));
    }
  }
  const raft_snapshot offer{
    raft_term{5},
    {{entry_index{9}, raft_term{4}}, one_of_each().back().members},
    70'000};
  const auto now = encode(offer);
  EXPECT_EQ(laid_down("snapshot", now), now);
}

// Members of earlier releases say no sum.
TEST(GroupGoldenTest, ARequestWithoutASumIsRead) {
  const auto stored = stored_as("append_request_without_sum");
  const auto read = decode_raft_message(stored);
  ASSERT_TRUE(read) << to_string(read.failure());
  EXPECT_EQ(*read,
            said(raft_append_request{
              {entry_index{9}, raft_term{3}}, entry_index{8}, one_of_each()}));
}

TEST(GroupGoldenTest, InstructionsKeepTheirBytes) {
  const merge_range range{input_id{3}, position{64}, position{192}};
  auto lost = range;
  lost.lost = true;
  stream_event event;
  event.kind = event_kind::badtail;
  event.origin = "host.market";
  event.cause = "the disk";
  const std::map<std::string, merge_entry> all{
    {"merge_range", range},
    {"lost_range", lost},
    {"open_input", open_input{input_id{3}, "host.market", {{1, 2}}}},
    {"stream_event", event},
    {"period_end", period_end{period_id{8767}, {"host.market", "b"}}},
    {"begin_stream", begin_stream{{{{5, 6}}, 1 << 20, 4096}}},
    {"begin_monotonic_stream",
     begin_stream{{{{5, 6}}, 1 << 20, 4096, id_policy::monotonic}}},
    {"begin_drawn_stream", begin_stream{{{{5, 6}},
                                         1 << 20,
                                         4096,
                                         id_policy::strict,
                                         position::of(137, 4211, 0)}}},
    {"cut_begin", cut_begin{position::of(0, 3, 0)}},
    {"begin_session", begin_session{7, "an operator reset it"}},
    {"claim_origin",
     claim_origin{"quotes", input_id{3}, 0x0123456789abcdef, 4, true}},
    {"merge_pieces", merge_pieces{input_id{3}, {range, lost}}},
    {"note_floors",
     note_floors{{{"rdb1", position::of(0, 3, 64), 2, 0x1234, 5'000, false},
                  {"risk", position{}, 1, 0x5678, 6'000, true}}}},
    {"forget_consumer", forget_consumer{"risk"}}};
  for (const auto& [name, entry] : all) {
    const auto now = encode(entry);
    const auto stored = laid_down(name, now);
    EXPECT_EQ(stored, now) << name;
    const auto read = decode_merge_entry(stored);
    ASSERT_TRUE(read) << name << ": " << to_string(read.failure());
    EXPECT_EQ(encode(*read), stored) << name;
    for (size_t at = 0; at < stored.size(); ++at)
      (void)decode_merge_entry(std::span{stored}.first(at));
  }
}

/// A stream as releases before durable consumers knew it.
merge_state state_of_before() {
  merge_state out;
  out.layout = {{{5, 6}}, 1 << 20, 4096};
  out.applied_index = entry_index{77};
  out.last_period = period_id{8767};
  out.out_end = position::of(1, 2, 4096);
  out.out_begin = position::of(0, 3, 0);
  out.inputs[input_id{3}]
    = {"host.market", {{1, 2}}, position::of(0, 1, 640), false};
  auto& origin = out.origins["host.market"];
  origin.watermark = -12;
  origin.duplicates = 2;
  origin.recent.add(11, 0x1234);
  origin.recent.add(12, 0x5678);
  origin.cursors["trades.csv"] = {"trades.csv", 4711, 12, 99};
  out.schema_versions["trade"] = 2;
  return out;
}

/// A file of out/ that an earlier release wrote is made again byte for byte:
/// what is in a state only since then takes no room where there is none of it.
TEST(GroupGoldenTest, StatesKeepTheirBytes) {
  const auto state = state_of_before();
  const auto whole = encode(state);
  EXPECT_EQ(laid_down("merge_state", whole), whole);
  auto large = state;
  for (int i = 0; i < 5000; ++i)
    large.schema_versions["table" + std::to_string(i)] = 1;
  const auto place = encode_at_file_begin(large);
  EXPECT_EQ(laid_down("merge_state_place", place), place);
  const auto read = decode_merge_state(stored_as("merge_state"));
  ASSERT_TRUE(read) << to_string(read.failure());
  EXPECT_EQ(encode(*read), whole);
  auto drawn = state;
  drawn.layout.first = position::of(137, 4211, 0);
  const auto begun_there = encode(drawn);
  EXPECT_EQ(begun_there.size(), whole.size());
  EXPECT_EQ(decode_merge_state(begun_there)->layout, drawn.layout);
  auto kept = state;
  kept.consumers["rdb1"] = {position::of(0, 3, 64), 2, 0x1234, 5'000};
  kept.consumers["risk"] = {position::of(0, 4, 0), 1, 0x5678, 0};
  const auto with_consumers = encode(kept);
  EXPECT_EQ(laid_down("merge_state_consumers", with_consumers), with_consumers);
  const auto known = decode_merge_state(with_consumers);
  ASSERT_TRUE(known) << to_string(known.failure());
  EXPECT_EQ(known->consumers, kept.consumers);
}

TEST(GroupGoldenTest, ALogKeepsItsBytes) {
  sim::memory_file_system disk{1};
  persistence::env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{0x0123456789abcdef}; };
  const group_founding founding{
    raft_configuration{{{{1, 11}, true}, {{2, 22}, true}}},
    group_generation{2}};
  {
    auto log = *entry_log::open(world, "/raft");
    ASSERT_FALSE(log->found(founding));
    ASSERT_FALSE(log->write(raft_vote{raft_term{3}, {2, 22}}));
    for (const auto& entry : one_of_each())
      ASSERT_FALSE(log->append(entry));
    ASSERT_FALSE(log->cut(entry_index{3}));
    ASSERT_FALSE(log->keep({entry_index{1}, {std::byte{7}, std::byte{8}}}));
    ASSERT_FALSE(
      log->begin_at({{entry_index{1}, raft_term{3}}, founding.members}));
    ASSERT_FALSE(log->close());
  }
  sim::memory_file_system stored{1};
  ASSERT_FALSE(stored.create_directories("/raft"));
  for (const auto* name : {".founding", ".lineage", "log.0.0"}) {
    const auto now = disk.content(std::string{"/raft/"} + name);
    const auto bytes = laid_down(name[0] == '.' ? name + 1 : name, now);
    EXPECT_EQ(bytes, now) << name;
    auto file = *stored.open(std::string{"/raft/"} + name,
                             persistence::open_mode::write);
    ASSERT_FALSE(file->write_at(0, bytes));
  }
  world.fs = &stored;
  auto log = entry_log::open(world, "/raft");
  ASSERT_TRUE(log) << to_string(log.failure());
  EXPECT_EQ((*log)->founding(), founding);
  EXPECT_EQ((*log)->state().bytes.size(), 2u);
  const auto kept = (*log)->take_recovered();
  EXPECT_EQ(kept.vote, (raft_vote{raft_term{3}, {2, 22}}));
  EXPECT_EQ(kept.base.at, (raft_place{entry_index{1}, raft_term{3}}));
  ASSERT_EQ(kept.entries.size(), 1u);
  EXPECT_EQ(kept.entries[0], one_of_each()[1]);
}

} // namespace
} // namespace millrace::rt
