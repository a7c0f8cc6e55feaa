#include <millrace/sim/disk/memory_file_system.hpp>

#include "store_fixture.hpp"

// What a commit says of the stream that its parts are of: its life, and its
// losses.

namespace millrace::persistence {
namespace {

using namespace oracle;

hdb_part part_of_table(const char* table, position from, position to) {
  auto out = range_part(from, to);
  out.table = table;
  return out;
}

table_schema schema_of(const char* table) {
  auto out = every_type();
  out.name = table;
  return out;
}

struct one_writer {
  one_writer() {
    world.fs = &disk;
    writer = *hdb_writer::open(world, "/hdb");
  }
  error commit(const hdb_part& part, const stream_account& account) {
    return writer->commit({part}, {schema_of(part.table.c_str())}, {}, account);
  }
  sim::memory_file_system disk;
  env world;
  std::unique_ptr<hdb_writer> writer;
};

TEST(HdbWriterTest, RowsOfAnotherLifeOfAStreamAreRefused) {
  one_writer f;
  ASSERT_FALSE(f.commit(range_part({0}, {100}), {{{1, 2}}, {}}));
  EXPECT_EQ(f.commit(range_part({100}, {200}), {{1, 3}, {}}).code,
            errc::fenced);
  // Also those of another table: both are of one stream.
  EXPECT_EQ(f.commit(part_of_table("quote", {0}, {100}), {{1, 3}, {}}).code,
            errc::fenced);
  ASSERT_FALSE(f.commit(range_part({100}, {200}), {{{1, 2}}, {}}));
  const auto there = *read_hdb_manifest(f.disk, "/hdb");
  EXPECT_EQ(there.life("ticks"), (lineage_id{{1, 2}}));
  EXPECT_EQ(there.cutover("ticks", "all"), position{200});
}

TEST(HdbWriterTest, ARangeThatIsThereIsNotAddedAgain) {
  one_writer f;
  ASSERT_FALSE(f.commit(range_part({0}, {100}), {{{1, 2}}, {}}));
  const auto before = *read_hdb_manifest(f.disk, "/hdb");
  EXPECT_FALSE(f.commit(range_part({0}, {100}), {{{1, 2}}, {}}));
  const auto after = *read_hdb_manifest(f.disk, "/hdb");
  EXPECT_EQ(after.parts.size(), 1u);
  EXPECT_EQ(after.version, before.version);
}

TEST(HdbWriterTest, AnEmptyDirectoryTakesNoRowsFromTheMiddleOfAStream) {
  one_writer f;
  EXPECT_EQ(f.commit(range_part({100}, {200}), {{{1, 2}}, {}}).code,
            errc::invalid_argument);
  EXPECT_FALSE(read_hdb_manifest(f.disk, "/hdb")->cutover("ticks", "all"));
}

TEST(HdbWriterTest, LossesAreKeptWithTheRangesThatTheyTouch) {
  one_writer f;
  const hdb_loss lost{.from = {20}, .to = {40}, .text = "lost"};
  const hdb_loss later{.from = {120}, .to = {140}, .text = "later"};
  hdb_loss rejects{
    .kind = hdb_loss::rejects, .from = {50}, .to = {50}, .text = "rejects"};
  rejects.table = "quote";
  const stream_account account{{{1, 2}}, {lost, later, rejects}};
  const auto texts = [&] {
    std::vector<std::string> out;
    const auto manifest = *read_hdb_manifest(f.disk, "/hdb");
    for (const auto& each : manifest.losses) {
      EXPECT_EQ(each.stream, "ticks");
      out.push_back(each.table + ":" + each.text);
    }
    return out;
  };
  ASSERT_FALSE(f.commit(range_part({0}, {100}), account));
  EXPECT_EQ(texts(), (std::vector<std::string>{":lost"}));
  // Written again, nothing is told twice.
  ASSERT_FALSE(f.commit(range_part({0}, {100}), account));
  ASSERT_FALSE(f.commit(range_part({100}, {200}), account));
  EXPECT_EQ(texts(), (std::vector<std::string>{":lost", ":later"}));
  ASSERT_FALSE(f.commit(part_of_table("quote", {0}, {100}), account));
  EXPECT_EQ(texts(),
            (std::vector<std::string>{":lost", ":later", "quote:rejects"}));
  // One that joins later, and comes too late for what others have, speaks for
  // itself alone.
  const stream_account pruned{{1, 2},
                              {{.from = {0}, .to = {60}, .text = "pruned"}}};
  ASSERT_FALSE(f.commit(part_of_table("depth", {0}, {100}), pruned));
  EXPECT_EQ(texts().back(), "depth:pruned");
}

/// Goal: what came of a table that no rdb holds is kept once per period, goes
/// with rows of the table, and touches no other.
TEST(HdbWriterTest, WhatNoRdbHeldIsKeptUntilItsRowsAreThere) {
  one_writer f;
  const auto lost_of = [](uint64_t from, uint64_t to, uint64_t count) {
    return hdb_loss{.kind = hdb_loss::unheld,
                    .table = "quote",
                    .from = {from},
                    .to = {to},
                    .count = count,
                    .text = "unheld"};
  };
  const auto kept = [&] {
    std::string out;
    const auto manifest = *read_hdb_manifest(f.disk, "/hdb");
    for (const auto& each : manifest.losses) {
      EXPECT_EQ(each.kind, hdb_loss::unheld);
      EXPECT_EQ(each.stream + "/" + each.table, "ticks/quote");
      out += std::to_string(each.from.value) + "-"
             + std::to_string(each.to.value) + "x" + std::to_string(each.count)
             + " ";
    }
    return out;
  };
  const stream_account account{{{1, 2}}, {lost_of(20, 40, 2)}};
  ASSERT_FALSE(f.commit(range_part({0}, {100}), account));
  EXPECT_EQ(kept(), "20-40x2 ");
  // Another rdb, of another table, met some of them.
  ASSERT_FALSE(f.commit(part_of_table("depth", {0}, {100}),
                        {{{1, 2}}, {lost_of(30, 40, 1)}}));
  EXPECT_EQ(kept(), "20-40x2 ");
  ASSERT_FALSE(
    f.commit(range_part({100}, {200}),
             {{{1, 2}}, {lost_of(20, 40, 2), lost_of(120, 140, 3)}}));
  EXPECT_EQ(kept(), "20-40x2 120-140x3 ");
  ASSERT_FALSE(f.commit(part_of_table("quote", {0}, {100}), {{{1, 2}}, {}}));
  EXPECT_EQ(kept(), "120-140x3 ");
  // One who does not know that it is held is late.
  ASSERT_FALSE(f.commit(part_of_table("quote", {100}, {200}), {{{1, 2}}, {}}));
  ASSERT_FALSE(f.commit(part_of_table("depth", {100}, {200}),
                        {{{1, 2}}, {lost_of(120, 140, 3)}}));
  EXPECT_EQ(kept(), "");
}

} // namespace
} // namespace millrace::persistence
