// What a member keeps, after power cuts: always what some prefix of its steps
// came to, and never less than what was synced.

#include <millrace/actors/rt/raft/entry_log.hpp>
#include <millrace/tests/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <random>

namespace millrace::rt {
namespace {

using sim::memory_file_system;
using sim::survival;

constexpr const char* group_directory = "/group";

struct kept_content {
  raft_vote vote;
  raft_log log{{}, {}};
  uint64_t state = 0; ///< Its index.
  friend bool operator==(const kept_content&, const kept_content&) = default;
};

struct kept_history {
  explicit kept_history(uint64_t seed) : random{seed}, disk{seed} {
    world.fs = &disk;
    world.random = [this] { return random(); };
    steps.push_back({{}, raft_log{{{}, founders}, {}}, 0});
  }

  void open() {
    auto opened = entry_log::open(world, group_directory);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    log = *std::move(opened);
    if (log->founding().empty())
      ASSERT_FALSE(log->found({founders, {}}));
    const auto found = log->take_recovered();
    kept_content now{found.vote, raft_log{found.base, found.entries},
                     log->state().index.value};
    // The newest prefix that it equals.
    size_t at = steps.size();
    while (at > 0 && steps[at - 1] != now)
      --at;
    ASSERT_GT(at, 0u) << "never was like this: last "
                      << to_string(now.log.last_index()) << ", base "
                      << to_string(now.log.base().at.index);
    ASSERT_GT(at, synced) << "less than what was synced";
    steps.resize(at);
    synced = written = at - 1;
  }

  void told(kept_content after) { steps.push_back(std::move(after)); }

  void step() {
    auto now = steps.back();
    const auto base = now.log.base().at.index.value;
    const auto size = now.log.last_index().value - base;
    const auto term = std::max(now.vote.term, now.log.last().term);
    switch (random() % 8) {
      case 0:
        now.vote = {term.next(), {random() % 3 + 1, 1}};
        ASSERT_FALSE(log->write(now.vote));
        break;
      case 1: {
        if (size == 0)
          return;
        const entry_index from{base + 1 + random() % size};
        now.log.cut(from);
        ASSERT_FALSE(log->cut(from));
        break;
      }
      case 2: {
        if (size == 0 || random() % 4 != 0)
          return;
        while (synced + 1 < steps.size())
          write_and_sync();
        const entry_index to{base + 1 + random() % size};
        now.state = to.value;
        ASSERT_FALSE(log->keep(
          {to, std::vector<std::byte>(random() % 300'000, std::byte{7})}));
        told(now);
        now.log.compact(to);
        ASSERT_FALSE(log->begin_at(now.log.base()));
        told(std::move(now));
        // All may be said again in a new file: often a cut comes just then.
        if (random() % 2) {
          write();
          dies = true;
        }
        return;
      }
      default: {
        raft_entry entry{term.next(), raft_entry_kind::payload,
                         chunk::copy_of(std::vector<std::byte>(
                           random() % 300'000, std::byte{1}))};
        now.log.append(entry);
        ASSERT_FALSE(log->append(entry));
      }
    }
    told(std::move(now));
  }

  /// @returns whether the disk had room for it
  bool write() {
    const auto fault = log->write();
    EXPECT_TRUE(!fault || (fills && fault.code == errc::no_space))
      << to_string(fault);
    refused += fault ? 1 : 0;
    if (!fault)
      written = steps.size() - 1;
    return !fault;
  }

  /// The disk is full for some calls from one of the next on.
  void fill() {
    const std::array calls{sim::disk_call::write, sim::disk_call::open,
                           sim::disk_call::rename};
    (void)disk.fail(calls[random() % 3], random() % 4 + 1, errc::no_space,
                    random() % 5 + 1, "/group/");
  }

  /// @returns whether its first file had gone by then
  bool lose_power() {
    log.reset();
    const bool rolled = !disk.exists("/group/log.0.0");
    disk.cut_power(std::array{survival::nothing, survival::some,
                              survival::all}[random() % 3]);
    return rolled;
  }

  void write_and_sync() {
    if (!write() || random() % 2)
      return;
    auto job = log->begin_sync();
    const auto covers = written;
    const auto outcome = job.run();
    log->finish_sync(job.end, outcome);
    if (!outcome)
      synced = covers;
  }

  std::mt19937_64 random;
  memory_file_system disk;
  persistence::env world;
  raft_configuration founders{{{{1, 1}, true}}};
  std::unique_ptr<entry_log> log;
  std::vector<kept_content> steps; ///< After each step.
  size_t synced = 0;               ///< The step that is synced at least.
  size_t written = 0;
  bool dies = false;  ///< Now, in the middle of something.
  bool fills = false; ///< The disk may be full for a while.
  uint64_t refused = 0;
};

TEST(EntryLogTest, APowerCutLeavesAPrefixThatHoldsWhatWasSynced) {
  uint64_t rolled = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    kept_history member{seed};
    for (int life = 0; life < 12; ++life) {
      member.open();
      if (HasFatalFailure())
        return;
      member.dies = false;
      for (auto i = member.random() % 60; i > 0 && !member.dies; --i) {
        member.step();
        if (!member.dies && member.random() % 3 == 0)
          member.write_and_sync();
      }
      rolled += member.lose_power();
    }
  }
  EXPECT_GT(rolled, 0u);
}

/// Goal: a full disk delays what is kept, and neither ends the log nor costs
/// anything of it: not at a roll, and not with a power cut meanwhile.
TEST(EntryLogTest, AFullDiskIsWaitedFor) {
  uint64_t rolled = 0;
  uint64_t refused = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    kept_history member{seed};
    member.fills = true;
    for (int life = 0; life < 12; ++life) {
      member.open();
      if (HasFatalFailure())
        return;
      member.dies = false;
      for (auto i = member.random() % 60; i > 0 && !member.dies; --i) {
        if (member.random() % 4 == 0)
          member.fill();
        member.step();
        if (!member.dies && member.random() % 3 == 0)
          member.write_and_sync();
      }
      member.disk.heal();
      if (!member.dies && member.random() % 2) {
        ASSERT_TRUE(member.write());
        ASSERT_FALSE(member.log->close());
        member.synced = member.written;
      }
      rolled += member.lose_power();
    }
    refused += member.refused;
  }
  EXPECT_GT(rolled, 0u);
  EXPECT_GT(refused, 50u);
}

/// Goal: a founding that has no room is tried again without more of it each
/// time.
TEST(EntryLogTest, AFoundingThatWaitsGrowsNothing) {
  for (const std::string what : {"/log.0.0", "/.founding"}) {
    kept_history member{1};
    auto opened = entry_log::open(member.world, group_directory);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    (void)member.disk.fail(sim::disk_call::write, 1, errc::no_space, 100, what);
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ((*opened)->found({member.founders, {}}).code, errc::no_space);
    ASSERT_FALSE((*opened)->found({member.founders, {}}));
    EXPECT_LT(member.disk.content("/group/log.0.0").size(), 2'000u) << what;
    opened->reset();
    member.open();
  }
}

// A new file says all again, and a power cut leaves any part of it.
TEST(EntryLogTest, ACutWhileAllIsSaidAgainLosesNothing) {
  kept_history member{1};
  member.open();
  auto now = member.steps.back();
  now.vote = {raft_term{3}, {2, 1}};
  ASSERT_FALSE(member.log->write(now.vote));
  for (uint64_t i = 1; i <= 50; ++i) {
    raft_entry entry{raft_term{3}, raft_entry_kind::payload,
                     chunk::copy_of(std::vector<std::byte>(100'000))};
    now.log.append(entry);
    ASSERT_FALSE(member.log->append(entry));
  }
  member.told(now);
  member.random.seed(1);
  while (member.synced + 1 < member.steps.size())
    member.write_and_sync();
  now.log.compact(entry_index{48});
  ASSERT_FALSE(member.log->begin_at(now.log.base()));
  ASSERT_FALSE(member.log->write());
  member.log.reset();
  member.disk.cut_power(survival::all);
  const std::string file = std::string{group_directory} + "/log.0.1";
  const auto size = member.disk.content(file).size();
  ASSERT_GT(size, 200'000u);
  const auto before = member.steps.back();
  for (uint64_t kept = 0; kept <= size; kept += kept < 1024 ? 32 : 60'013) {
    SCOPED_TRACE(kept);
    const auto disk = member.disk.clone();
    disk->cut(file, kept);
    auto world = member.world;
    world.fs = disk.get();
    for (int again = 0; again < 2; ++again) {
      auto opened = entry_log::open(world, group_directory);
      ASSERT_TRUE(opened) << to_string(opened.failure());
      const auto found = (*opened)->take_recovered();
      EXPECT_EQ(found.vote, now.vote);
      const raft_log log{found.base, found.entries};
      EXPECT_TRUE(log == before.log || log == now.log)
        << to_string(log.base().at.index) << " to "
        << to_string(log.last_index());
      ASSERT_FALSE((*opened)->write());
      ASSERT_FALSE((*opened)->close());
      if (HasFailure())
        return;
    }
  }
}

// Without its files a member would vote again where it has voted.
TEST(EntryLogTest, ItDoesNotBeginFromNothing) {
  kept_history member{1};
  member.open();
  ASSERT_FALSE(member.log->write({raft_term{3}, {2, 1}}));
  ASSERT_FALSE(member.log->close());
  member.log.reset();
  ASSERT_FALSE(member.disk.remove("/group/log.0.0"));
  auto opened = entry_log::open(member.world, group_directory);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.failure().code, errc::corrupt);
}

TEST(EntryLogTest, AFlippedBitIsFoundOrDoesNotMatter) {
  kept_history member{3};
  member.open();
  auto now = member.steps.back();
  now.vote = {raft_term{3}, {2, 1}};
  ASSERT_FALSE(member.log->write(now.vote));
  for (int i = 0; i < 5; ++i) {
    raft_entry entry{raft_term{3}, raft_entry_kind::payload,
                     chunk::copy_of(std::vector<std::byte>(20))};
    now.log.append(entry);
    ASSERT_FALSE(member.log->append(entry));
  }
  ASSERT_FALSE(member.log->close());
  member.log.reset();
  const std::string file = std::string{group_directory} + "/log.0.0";
  const auto bits = member.disk.content(file).size() * 8;
  size_t found = 0;
  for (size_t bit = 0; bit < bits; bit += 3) {
    const auto disk = member.disk.clone();
    disk->flip_bit(file, bit);
    auto world = member.world;
    world.fs = disk.get();
    auto opened = entry_log::open(world, group_directory);
    if (!opened) {
      ++found;
      continue;
    }
    const auto kept = (*opened)->take_recovered();
    ASSERT_EQ(kept.vote, now.vote) << "bit " << bit;
    ASSERT_EQ((raft_log{kept.base, kept.entries}), now.log) << "bit " << bit;
  }
  EXPECT_GT(found, bits / 6);
}

} // namespace
} // namespace millrace::rt
