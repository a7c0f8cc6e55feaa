// A stream on a node that is alone, without actors: inputs go in by hand, out/
// is read back.

#include <millrace/persistence/log/log_directory.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sequencer_core_fixture.hpp"

namespace millrace::rt {
namespace {

TEST_P(SequencerCoreTest, MergesWhatIsDurable) {
  open();
  run();
  publish(3);
  publish(2);
  run();
  EXPECT_EQ(merged_ids(), all_ids());
  EXPECT_TRUE(core->leads());
  EXPECT_EQ(core->inputs().waiting_bytes(), 0u);
  EXPECT_TRUE(core->settled(copy_id{1}));
}

TEST_P(SequencerCoreTest, AnotherLifeGoesOn) {
  for (int life = 0; life < 5; ++life) {
    open();
    publish(4);
    run();
    EXPECT_EQ(merged_ids(), all_ids());
    if (life % 2 == 0)
      ASSERT_FALSE(core->close());
  }
}

TEST_P(SequencerCoreTest, OutIsMadeAgainFromInputsAndTheGroupsLog) {
  open();
  publish_and_run(60, 7);
  core.reset();
  const auto files = persistence::list_log_files(disk, "/rt/market/out");
  ASSERT_GT(files->size(), 2u) << "the log should have rolled";
  std::map<std::string, std::vector<std::byte>> before;
  for (const auto& file : *files) {
    const auto path
      = "/rt/market/out/" + persistence::log_file_name(file.session, file.roll);
    before[path] = *persistence::read_file(disk, path);
    ASSERT_FALSE(disk.remove(path));
  }
  kept = {};
  open();
  EXPECT_EQ(merged_ids(), all_ids());
  for (const auto& [path, bytes] : before)
    EXPECT_EQ(*persistence::read_file(disk, path), bytes) << path;
}

TEST_P(SequencerCoreTest, SettingsDoNotChangeHistory) {
  open();
  for (int i = 0; i < 10; ++i)
    publish(7);
  run();
  const auto layout = core->state()->layout;
  EXPECT_EQ(layout.roll_bytes, 4096u);
  core.reset();
  auto opened = sequencer_core::open(env,
                                     {.stream = "market",
                                      .directory = "/rt/market",
                                      .cached = GetParam(),
                                      .roll_bytes = 1 << 20},
                                     std::make_unique<memory_store>(kept));
  ASSERT_TRUE(opened) << to_string(opened.failure());
  EXPECT_EQ((*opened)->state()->layout, layout);
  EXPECT_EQ(merged_ids(), all_ids());
}

// The group's log keeps what no checkpoint covers, however long it lives.
TEST_P(SequencerCoreTest, TheGroupsLogIsCutBehindCheckpoints) {
  checkpoints = true;
  open();
  publish_and_run(200, 5);
  EXPECT_GT(core->group().begin(), entry_index{100});
  open();
  EXPECT_EQ(merged_ids(), all_ids());
  publish(5);
  run();
  EXPECT_EQ(merged_ids(), all_ids());
}

struct out_damage {
  std::string name;
  std::function<void(sim::memory_file_system&, const std::string& last)> does;
};

/// What may become of out/ while its node is down.
const std::vector<out_damage> out_damages{
  {"a bit in the last file",
   [](auto& disk, const auto& last) {
     disk.flip_bit(last, disk.content(last).size() * 4);
   }},
  {"the first bits of the last file",
   [](auto& disk, const auto& last) { disk.flip_bit(last, 3); }},
  {"a cut last file",
   [](auto& disk, const auto& last) {
     disk.cut(last, disk.content(last).size() / 2);
   }},
  {"a last file of zeroes",
   [](auto& disk, const auto& last) {
     disk.overwrite(last, 64,
                    std::vector<std::byte>(disk.content(last).size() - 64));
   }},
  {"an empty last file",
   [](auto& disk, const auto& last) { disk.cut(last, 0); }},
  {"no last file",
   [](auto& disk, const auto& last) { ASSERT_FALSE(disk.remove(last)); }},
  {"no note of what was synced, and a bit",
   [](auto& disk, const auto& last) {
     ASSERT_FALSE(disk.remove("/rt/market/out/.synced"));
     disk.flip_bit(last, 4000);
   }},
  {"no lineage",
   [](auto& disk, const auto&) {
     ASSERT_FALSE(disk.remove("/rt/market/out/.lineage"));
   }},
  {"a lineage with a flipped bit",
   [](auto& disk, const auto&) {
     disk.flip_bit("/rt/market/out/.lineage", 200);
   }},
  {"a lineage that holds another file",
   [](auto& disk, const auto&) {
     ASSERT_FALSE(persistence::replace_file(disk, "/rt/market/out/.lineage",
                                            std::vector<std::byte>(5000)));
   }},
  {"nothing at all",
   [](auto& disk, const auto&) {
     ASSERT_FALSE(disk.remove_all("/rt/market/out"));
   }},
};

// Long after the group forgot the entries, and whatever the checkpoint says.
TEST_P(SequencerCoreTest, ADamagedEndOfOutIsMadeAgainByTheHistory) {
  checkpoints = true;
  for (const bool clean : {true, false}) {
    for (const auto& damage : out_damages) {
      SCOPED_TRACE(damage.name + (clean ? ", closed" : ", killed"));
      begin_anew();
      publish_and_run(100, 5);
      ASSERT_GT(core->group().begin(), entry_index{50});
      if (clean)
        ASSERT_FALSE(core->close());
      core.reset();
      const auto before = out_files(disk);
      ASSERT_GT(before.size(), 3u);
      damage.does(disk, before.rbegin()->first);
      open();
      EXPECT_EQ(merged_ids(), all_ids());
      EXPECT_EQ(out_files(disk), before);
      publish(5);
      run();
      EXPECT_EQ(merged_ids(), all_ids());
    }
  }
}

// What came before it of the inputs was collected; the state where it begins
// stands beside the checkpoint.
TEST_P(SequencerCoreTest, TheNewestFileIsMadeAgainWhateverBefellIt) {
  checkpoints = true;
  const std::vector<out_damage> damages{
    {"its first byte",
     [](sim::memory_file_system& files, const std::string& path) {
       files.flip_bit(path, 1);
     }},
    {"cut in its first record",
     [](sim::memory_file_system& files, const std::string& path) {
       files.cut(path, 100);
     }},
    {"gone", [](sim::memory_file_system& files,
                const std::string& path) { ASSERT_FALSE(files.remove(path)); }},
    {"out/ gone",
     [](sim::memory_file_system& files, const std::string&) {
       ASSERT_FALSE(files.remove_all("/rt/market/out"));
     }},
  };
  for (const auto& damage : damages) {
    SCOPED_TRACE(damage.name);
    begin_anew();
    publish_and_run(100, 5);
    const auto needless = core->needless_of(copy_id{1});
    ASSERT_GT(needless, position{});
    core.reset();
    const auto before = out_files(disk);
    const auto newest = before.rbegin()->first;
    const auto input = "/rt/market/in/" + to_string(name) + "/log.0.0";
    for (uint64_t at = 0; at < needless.offset(); ++at)
      disk.flip_bit(input, at * 8);
    damage.does(disk, newest);
    open();
    run();
    EXPECT_EQ(disk.content(newest), before.at(newest));
    EXPECT_EQ(core->state()->origins.at("a").watermark, id);
    publish(5);
    run();
    EXPECT_EQ(merged_ids().back(), id);
  }
}

TEST_P(SequencerCoreTest, TheFileThatIsWrittenIsMendedWhereItStands) {
  checkpoints = true;
  open();
  publish_and_run(40, 5);
  const auto end_before = core->out_end();
  ASSERT_GT(end_before.offset(), 1000u);
  const auto before = out_files(disk);
  const auto newest = before.rbegin()->first;
  const auto from = core->rebuilt_from();
  ASSERT_TRUE(from) << to_string(from.failure());
  for (const auto offset :
       {uint64_t{1}, end_before.offset() / 2, end_before.offset() - 9}) {
    SCOPED_TRACE(offset);
    disk.flip_bit(newest, offset * 8);
    ASSERT_NE(disk.content(newest), before.at(newest));
    std::vector<rebuild_lack> lacks;
    const auto fault = rebuild_live_file(env, *from, end_before, lacks);
    EXPECT_FALSE(fault) << to_string(fault);
    EXPECT_EQ(disk.content(newest), before.at(newest));
  }
  // Its writer goes on.
  publish(5);
  run();
  EXPECT_EQ(merged_ids(), all_ids());
}

TEST_P(SequencerCoreTest, AnyClosedFileOfOutIsMadeAgain) {
  checkpoints = true;
  open();
  publish_and_run(100, 5);
  const auto before = out_files(disk);
  const auto from = core->rebuilt_from();
  ASSERT_TRUE(from) << to_string(from.failure());
  uint64_t roll = 0;
  for (const auto& [path, bytes] : before) {
    const auto file = position::of(0, roll++, 0);
    if (path == before.rbegin()->first)
      break;
    SCOPED_TRACE(path);
    const auto mended = [&, path = path] {
      EXPECT_FALSE(
        file_is_whole(disk, from->directory + "/out", from->lineage, file));
      std::vector<rebuild_lack> lacks;
      const auto fault = rebuild_out_file(env, *from, {file.value + 8}, lacks);
      EXPECT_FALSE(fault) << to_string(fault);
      EXPECT_EQ(disk.content(path), before.at(path));
    };
    disk.flip_bit(path, bytes.size() * 4);
    mended();
    disk.flip_bit(path, 1);
    mended();
    disk.cut(path, bytes.size() / 2);
    mended();
    ASSERT_FALSE(disk.remove(path));
    mended();
  }
}

TEST_P(SequencerCoreTest, SeveralFilesOfOutAreMadeAgainAtOnce) {
  checkpoints = true;
  open();
  publish_and_run(100, 5);
  const auto before = out_files(disk);
  const auto from = core->rebuilt_from();
  ASSERT_TRUE(from);
  // None of them has anything intact to compare with but the fourth.
  for (const auto* name_of : {"log.0.0", "log.0.1", "log.0.2"})
    disk.flip_bit("/rt/market/out/" + std::string{name_of}, 1);
  std::vector<rebuild_lack> lacks;
  EXPECT_FALSE(rebuild_out_file(env, *from, position::of(0, 0, 0), lacks));
  EXPECT_TRUE(lacks.empty());
  EXPECT_EQ(out_files(disk), before);
  // A start finds those that are gone.
  ASSERT_FALSE(core->close());
  core.reset();
  ASSERT_FALSE(disk.remove("/rt/market/out/log.0.0"));
  ASSERT_FALSE(disk.remove("/rt/market/out/log.0.1"));
  open();
  EXPECT_EQ(out_files(disk), before);
}

// It is there for the loss of others alone.
TEST_P(SequencerCoreTest, AKeptStateThatCannotBeReadIsNone) {
  checkpoints = true;
  open();
  publish_and_run(20, 20);
  ASSERT_TRUE(kept.anchor);
  kept.anchor.emplace(24, std::byte{0xab});
  open();
  ASSERT_TRUE(core);
  EXPECT_EQ(core->remarks().size(), 1u);
  publish_and_run(20, 20);
  EXPECT_EQ(merged_ids(), all_ids());
  open();
  EXPECT_TRUE(core->remarks().empty()) << "the next file has one";
}

TEST_P(SequencerCoreTest, WhatCannotBeMadeAgainStaysAsItIs) {
  checkpoints = true;
  open();
  publish_and_run(100, 5);
  const auto from = core->rebuilt_from();
  ASSERT_TRUE(from);
  const std::string path = "/rt/market/out/log.0.1";
  disk.flip_bit(path, 4000);
  const auto damaged = out_files(disk);
  // Some of the input is damaged as well.
  const auto input = "/rt/market/in/" + to_string(name) + "/log.0.0";
  for (uint64_t at = 100; at < disk.content(input).size(); at += 200)
    disk.flip_bit(input, at * 8);
  std::vector<rebuild_lack> lacks;
  EXPECT_EQ(rebuild_out_file(env, *from, position::of(0, 1, 0), lacks).code,
            errc::corrupt);
  EXPECT_EQ(out_files(disk), damaged);
  // It says which.
  ASSERT_FALSE(lacks.empty());
  EXPECT_EQ(lacks.front().input, name);
  EXPECT_LT(lacks.front().range.from, lacks.front().range.to);
  lacks.clear();
  ASSERT_FALSE(disk.remove_all("/rt/market/history"));
  EXPECT_TRUE(rebuild_out_file(env, *from, position::of(0, 1, 0), lacks));
  EXPECT_TRUE(lacks.empty());
  EXPECT_EQ(out_files(disk), damaged);
}

// The entries after the checkpoint are applied again, and one cannot be read.
TEST_P(SequencerCoreTest, AnInputThatCannotBeReadBlocksAndIsMended) {
  for (const bool mended : {true, false}) {
    begin_anew();
    run();
    publish_and_run(3, 3, true);
    core.reset();
    const auto input = "/rt/market/in/" + to_string(name) + "/log.0.0";
    const auto bit = disk.content(input).size() * 4;
    disk.flip_bit(input, bit);
    ASSERT_FALSE(disk.remove_all("/rt/market/out"));
    open();
    EXPECT_EQ(core->blocked().code, errc::corrupt);
    EXPECT_FALSE(core->leads());
    ASSERT_EQ(core->damaged().size(), 1u);
    const auto [copy, range] = core->damaged().front();
    if (mended) {
      disk.flip_bit(input, bit);
      core->recorded(copy, range.from, range.to, {});
    } else {
      core->declare_lost(copy, range);
      EXPECT_TRUE(core->damaged().empty()) << "it is settled";
      EXPECT_TRUE(core->blocked()) << "but not yet agreed on";
    }
    run();
    EXPECT_FALSE(core->blocked());
    EXPECT_TRUE(core->leads());
    if (mended) {
      EXPECT_EQ(merged_ids(), all_ids());
      continue;
    }
    // Nothing beside it is lost.
    auto without = all_ids();
    without.erase(without.begin() + 4);
    EXPECT_EQ(merged_ids(), without);
    // And it stays so in each later life, though the bytes come back.
    publish(2);
    run();
    ASSERT_FALSE(core->close());
    core.reset();
    const auto told = out_files(disk);
    disk.flip_bit(input, bit);
    for (const bool whole : {true, false}) {
      if (!whole)
        ASSERT_FALSE(disk.remove_all("/rt/market/out"));
      open();
      run();
      ASSERT_FALSE(core->close());
      core.reset();
      EXPECT_EQ(out_files(disk), told);
    }
  }
}

// out/ is made again from before the group's log begins, of an input that is
// damaged: the node waits for it, and goes on where the log does.
TEST_P(SequencerCoreTest, DamageInWhatTheHistoryNamesIsMendedAlive) {
  for (const bool mended : {true, false}) {
    checkpoints = true;
    begin_anew();
    publish_and_run(100, 5, true);
    ASSERT_NE(core->group().begin(), entry_index{});
    ASSERT_FALSE(core->close());
    core.reset();
    const auto whole = out_files(disk);
    const auto input = "/rt/market/in/" + to_string(name) + "/log.0.0";
    disk.flip_bit(input, 3000);
    ASSERT_FALSE(disk.remove_all("/rt/market/out"));
    kept = {};
    open();
    run();
    ASSERT_EQ(core->damaged().size(), 1u);
    EXPECT_FALSE(core->leads());
    const auto [copy, range] = core->damaged().front();
    // Meanwhile more comes.
    publish(5);
    run();
    if (mended) {
      disk.flip_bit(input, 3000);
      core->recorded(copy, range.from, range.to, {});
    } else {
      core->declare_lost(copy, range);
    }
    run();
    EXPECT_FALSE(core->blocked());
    EXPECT_TRUE(core->leads());
    if (mended)
      for (const auto& [file, bytes] : whole)
        EXPECT_TRUE(file == whole.rbegin()->first
                    || out_files(disk).at(file) == bytes)
          << file;
    EXPECT_EQ(merged_ids().size(), all_ids().size() - (mended ? 0 : 1));
  }
}

TEST_P(SequencerCoreTest, WhatNobodyHasIsAnEventInItsPlace) {
  open();
  publish(3);
  const auto lost = input_part{end, {end.value + 96}};
  end = lost.to;
  id += 2;
  core->lacking(copy_id{1}, lost);
  publish(3);
  run();
  EXPECT_EQ(merged_ids(), (std::vector<int64_t>{1, 2, 3}));
  core->lost(copy_id{1}, lost);
  run();
  EXPECT_EQ(merged_ids(), (std::vector<int64_t>{1, 2, 3, 6, 7, 8}));
  auto reader
    = persistence::log_reader::open(disk, {.directory = "/rt/market/out"}, {});
  std::string told;
  for (;;) {
    auto item = (*reader)->next();
    ASSERT_TRUE(item);
    if (std::holds_alternative<persistence::log_end>(*item))
      break;
    const auto* event = std::get_if<stream_event>(&*item);
    told += event ? std::string{to_string(event->kind)} + " " : "m ";
  }
  EXPECT_EQ(told, "m m m badtail gap m m m ");
  // Another life does not tell it again.
  core.reset();
  open();
  run();
  EXPECT_EQ(merged_ids(), (std::vector<int64_t>{1, 2, 3, 6, 7, 8}));
}

// What may be collected is what no life of this node can ask for again, even
// one that lost its checkpoint.
TEST_P(SequencerCoreTest, NeedlessIsWhatTheGroupsLogIsPast) {
  checkpoints = true;
  open();
  publish_and_run(100, 5);
  const auto needless = core->needless_of(copy_id{1});
  EXPECT_GT(needless, position{});
  EXPECT_LE(needless, end);
  EXPECT_EQ(core->needless_out(), position{});
  // Another life knows it again.
  kept.bytes.reset();
  open();
  run();
  ASSERT_TRUE(core->open_input(name));
  EXPECT_GE(core->needless_of(copy_id{1}), needless);
  // The bytes before it are not read again: without them all is the same.
  const auto path = "/rt/market/in/" + to_string(name) + "/log.0.0";
  for (uint64_t at = 0; at < needless.offset(); ++at)
    disk.flip_bit(path, at * 8);
  kept.bytes.reset();
  open();
  run();
  EXPECT_EQ(merged_ids(), all_ids());
}

// The cut is in a checkpoint, and the group's log is past it, before any file
// may go.
TEST_P(SequencerCoreTest, ACutIsDurableBeforeFilesGo) {
  open();
  publish_and_run(100, 5);
  ASSERT_GT(core->out_end().roll(), 2u);
  ASSERT_FALSE(core->propose_cut(position::of(0, 2, 100)));
  run();
  EXPECT_EQ(core->state()->out_begin, position::of(0, 2, 0));
  EXPECT_EQ(core->needless_out(), position{});
  checkpoints = true;
  run();
  EXPECT_EQ(core->needless_out(), position::of(0, 2, 0));
  // Never the file that is written, and never back.
  ASSERT_FALSE(core->propose_cut(position::of(900, 0, 0)));
  ASSERT_FALSE(core->propose_cut(position::of(0, 1, 0)));
  run();
  const auto newest = position::of(0, core->out_end().roll(), 0);
  EXPECT_EQ(core->state()->out_begin, newest);
  EXPECT_EQ(core->needless_out(), newest);
  open();
  run();
  EXPECT_EQ(core->state()->out_begin, newest);
  EXPECT_EQ(core->needless_out(), newest);
}

// Whatever a crash leaves, the stream goes on in the session that was agreed
// on, and any of its files is made again.
TEST_P(SequencerCoreTest, AResetStaysThroughLivesAndDamage) {
  open();
  publish_and_run(20, 5);
  const auto before = core->out_end();
  ASSERT_FALSE(core->propose_session({1, "why"}));
  run();
  publish_and_run(40, 5);
  EXPECT_EQ(core->out_end().session(), 1u);
  EXPECT_GT(core->out_end().roll(), 1u);
  const auto after = core->out_end();
  open();
  run();
  EXPECT_EQ(core->out_end(), after);
  EXPECT_EQ(merged_ids(), all_ids());
  // The last file of the old session, and the first of the new one.
  for (const auto file :
       {position::of(0, before.roll(), 0), position::of(1, 0, 0)}) {
    const auto path = "/rt/market/out/"
                      + persistence::log_file_name(file.session(), file.roll());
    const auto whole = *persistence::read_file(disk, path);
    ASSERT_FALSE(disk.remove(path));
    open();
    run();
    EXPECT_EQ(*persistence::read_file(disk, path), whole) << path;
    EXPECT_EQ(merged_ids(), all_ids());
  }
  publish_and_run(1, 5);
  EXPECT_EQ(merged_ids(), all_ids());
}

INSTANTIATE_TEST_SUITE_P(Modes, SequencerCoreTest, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::rt
