// Every message of a merged log leads to its place in an input, and back.

#include <millrace/actors/rt/sequence/provenance.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <map>
#include <string>
#include <vector>

#include "sequencer_core_fixture.hpp"

namespace millrace::rt {
namespace {

class ProvenanceCoreTest : public SequencerCoreTest {
protected:
  ProvenanceCoreTest() { checkpoints = true; }

  void SetUp() override {
    open();
    mark(name);
    mark(other);
  }

  /// What the sink of an input writes beside its copy.
  void mark(const input_name& of) {
    const auto where = directory_of(of);
    ASSERT_FALSE(disk.create_directories(where));
    ASSERT_FALSE(persistence::write_lineage(disk, where, of.lineage));
  }

  static std::string directory_of(const input_name& of) {
    return "/rt/market/in/" + to_string(of);
  }

  /// The same messages again, in the log of another publisher.
  void publish_again(int64_t first, int64_t last) {
    auto grant = core->open_input(other);
    ASSERT_TRUE(grant) << to_string(grant.failure());
    persistence::record_builder records{other.lineage, other_end};
    for (auto number = first; number <= last; ++number) {
      message_header header;
      header.on = "a";
      header.id = number;
      const auto payload = "message " + std::to_string(number);
      records.add(persistence::record_kind::messages, payload_kind::opaque,
                  header, std::as_bytes(std::span{payload}));
    }
    records.close_record();
    auto file
      = disk.open(grant->directory + "/log.0.0", persistence::open_mode::write);
    ASSERT_TRUE(file);
    ASSERT_FALSE((*file)->write_at(other_end.offset(), records.bytes()));
    core->recorded(grant->copy, other_end, records.end(),
                   chunk::copy_of(records.bytes()));
    core->durable(grant->copy, records.end());
    other_end = records.end();
  }

  /// Ids of a log, by where they lie.
  std::map<position, int64_t> messages_of(const std::string& of) {
    std::map<position, int64_t> out;
    auto reader = persistence::log_reader::open(disk, {.directory = of}, {});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (;;) {
      auto item = (*reader)->next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (std::holds_alternative<persistence::log_end>(*item))
        return out;
      if (const auto* message = std::get_if<persistence::log_message>(&*item))
        out.emplace(message->begin, message->frame.header.id);
    }
  }

  void expect_all_lead_there_and_back() {
    const auto merged = messages_of("/rt/market/out");
    const auto sent = messages_of(directory_of(name));
    ASSERT_EQ(merged.size(), sent.size());
    for (const auto& [at, number] : merged) {
      const auto what = explain_merged(disk, "/rt/market", at);
      ASSERT_TRUE(what) << to_string(what.failure());
      EXPECT_TRUE(what->certain()) << number;
      EXPECT_EQ(what->begin, at);
      EXPECT_EQ(what->origin, "a");
      EXPECT_EQ(what->id, number);
      ASSERT_EQ(what->sources.size(), 1u);
      EXPECT_EQ(what->sources[0].input, name);
      EXPECT_EQ(sent.at(what->sources[0].at), number);
      const auto back = explain_input(disk, "/rt/market", what->sources[0]);
      ASSERT_TRUE(back) << to_string(back.failure());
      ASSERT_TRUE(*back);
      EXPECT_EQ((*back)->begin, at);
    }
  }

  const input_name other{"b.market", {{7, 8}}};
  position other_end = position::of(0, 0, 0);
};

TEST_P(ProvenanceCoreTest, MessagesLeadToTheirInputAndBack) {
  publish_and_run(30, 7);
  const auto files = persistence::list_log_files(disk, "/rt/market/out");
  ASSERT_TRUE(files);
  ASSERT_GT(files->size(), 2u) << "the log should have rolled";
  expect_all_lead_there_and_back();
  // All of it is in the history then.
  ASSERT_FALSE(core->close());
  expect_all_lead_there_and_back();
}

TEST_P(ProvenanceCoreTest, ADuplicateLeadsToTheOneThatWasMerged) {
  for (int i = 0; i < 20; ++i) {
    publish(3);
    run();
    publish_again(id - 2, id);
    run();
  }
  ASSERT_FALSE(core->close());
  expect_all_lead_there_and_back();
  for (const auto& [at, number] : messages_of(directory_of(other))) {
    const auto what = explain_input(disk, "/rt/market", {other, at});
    ASSERT_TRUE(what) << to_string(what.failure());
    ASSERT_TRUE(*what);
    EXPECT_TRUE((*what)->certain());
    EXPECT_EQ((*what)->id, number);
    EXPECT_EQ((*what)->sources[0].input, name);
  }
}

TEST_P(ProvenanceCoreTest, WhatIsGoneIsNotGuessed) {
  publish_and_run(3, 5);
  publish_again(1, 15);
  run();
  ASSERT_FALSE(core->close());
  ASSERT_FALSE(disk.remove(directory_of(name) + "/log.0.0"));
  for (const auto& [at, number] : messages_of("/rt/market/out")) {
    const auto what = explain_merged(disk, "/rt/market", at);
    ASSERT_TRUE(what) << to_string(what.failure());
    EXPECT_FALSE(what->certain()) << number;
    EXPECT_EQ(what->unread, std::vector{name});
    // The history still knows what of it was merged.
    ASSERT_EQ(what->gone.size(), 1u);
    EXPECT_EQ(what->gone[0], (merged_part{name, {}, end}));
  }
  const auto asked
    = explain_input(disk, "/rt/market", {name, position{64}}).failure();
  EXPECT_EQ(asked.code, errc::ahead) << "nothing of it is left";
  const auto there
    = explain_gone_input(disk, "/rt/market", {name, position{64}});
  ASSERT_TRUE(there) << to_string(there.failure());
  ASSERT_TRUE(*there);
  EXPECT_EQ((*there)->part.input, name);
  EXPECT_LE((*there)->part.from, position{64});
  EXPECT_GT((*there)->part.to, position{64});
  EXPECT_LT((*there)->part.to, end) << "one entry of three";
  EXPECT_EQ((*there)->out_to, position{}) << "in the only file";
  const auto beyond = explain_gone_input(disk, "/rt/market", {name, end});
  ASSERT_TRUE(beyond) << to_string(beyond.failure());
  EXPECT_FALSE(*beyond);
}

// Each file of a publisher's log goes when it has rolled.
TEST_P(ProvenanceCoreTest, WhatIsGoneIsNarrowedToTheFileThatItWentTo) {
  publish_and_run(60, 7);
  ASSERT_FALSE(core->close());
  const auto merged = messages_of("/rt/market/out");
  const auto files = persistence::list_log_files(disk, "/rt/market/out");
  ASSERT_GT(files->size(), 3u);
  const auto sent = messages_of(directory_of(name));
  std::map<int64_t, position> at_input;
  for (const auto& [at, number] : sent)
    at_input[number] = at;
  ASSERT_FALSE(disk.remove(directory_of(name) + "/log.0.0"));
  std::map<position, position> from_by_file;
  for (const auto& [at, number] : merged) {
    const auto what = explain_merged(disk, "/rt/market", at);
    ASSERT_TRUE(what) << to_string(what.failure());
    EXPECT_FALSE(what->certain());
    EXPECT_TRUE(what->sources.empty());
    ASSERT_EQ(what->gone.size(), 1u);
    EXPECT_LE(what->gone[0].from, at_input[number]);
    EXPECT_GT(what->gone[0].to, at_input[number]);
    from_by_file[file_of(at)] = what->gone[0].from;
    const auto there
      = explain_gone_input(disk, "/rt/market", {name, at_input[number]});
    ASSERT_TRUE(there) << to_string(there.failure());
    ASSERT_TRUE(*there);
    EXPECT_EQ((*there)->out_from, file_of(at));
  }
  EXPECT_EQ(from_by_file.size(), files->size()) << "each has its own part";
}

TEST_P(ProvenanceCoreTest, APlaceOfAnEarlierLifeIsNone) {
  core.reset();
  ASSERT_FALSE(disk.remove_all("/rt"));
  kept = {};
  draws = true;
  env.random = [] { return (uint64_t{4211} << 32) + 5; };
  open();
  publish_and_run(1, 2);
  ASSERT_EQ(core->state()->layout.first, position::of(137, 4211, 0));
  for (const auto at : {position{464}, position::of(138, 0, 464)}) {
    const auto why = explain_merged(disk, "/rt/market", at).failure();
    EXPECT_EQ(why.code, errc::pruned);
    EXPECT_NE(why.context.find("no place of this life"), std::string::npos)
      << why.context;
  }
}

TEST_P(ProvenanceCoreTest, APlaceWithoutAMessageIsRefused) {
  publish_and_run(1, 2);
  const auto merged = messages_of("/rt/market/out");
  const auto last = merged.rbegin()->first;
  EXPECT_EQ(explain_merged(disk, "/rt/market", {last.value + 4}).failure().code,
            errc::bad_position);
  const auto after = explain_merged(disk, "/rt/market", last)->end;
  EXPECT_EQ(explain_merged(disk, "/rt/market", after).failure().code,
            errc::ahead);
}

INSTANTIATE_TEST_SUITE_P(Modes, ProvenanceCoreTest, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::rt
