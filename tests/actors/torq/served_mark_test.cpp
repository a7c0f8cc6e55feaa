// Goal: an hdb tells of loads and corrections that are not there any more,
// until they are there again. Method: manifests as a disk may show them.
#include <millrace/actors/torq/hdb/served_mark.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

using persistence::hdb_ledger_entry;
using persistence::hdb_manifest;

hdb_manifest manifest_with(const std::vector<hdb_ledger_entry>& entries) {
  hdb_manifest out;
  for (const auto* name : {"trade", "quote"}) {
    table_schema table;
    table.name = name;
    table.columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
    table.time_column = "time";
    table.symbol_column = "sym";
    out.schemas.push_back(table);
  }
  for (const auto& each : entries) {
    out.parts.push_back(part_of(each, out));
    out.version = std::max(out.version, each.version);
  }
  return out;
}

const hdb_ledger_entry csv_load{3, 100,           "trade", "2024.01.02",
                                7, "loaded a.csv"};
const hdb_ledger_entry trade_bust{5, 200, "trade", "2024.01.02", 1, "removed"};
const hdb_ledger_entry quote_load{4, 150,           "quote", "2024.01.02",
                                  9, "loaded q.csv"};

TEST(ServedMarkTest, WhatWasDoneByHandIsMissedWhenItIsGone) {
  const auto all = manifest_with({csv_load, quote_load, trade_bust});
  const auto empty = manifest_with({});
  const auto older = manifest_with({csv_load, quote_load});
  auto of_another_time = csv_load;
  of_another_time.at_ns = 99;
  const auto another
    = manifest_with({of_another_time, {5, 300, "trade", "p", 1, "x"}});
  struct {
    const char* what;
    const hdb_manifest* now;
    size_t losses;
    const char* says;
  } const cases[] = {
    {"nothing is there", nullptr, 2, "is not there (a disk"},
    {"a database that holds no such thing", &empty, 2, "is another one"},
    {"an older copy", &older, 1, "(last 2024.01.02: removed)"},
    {"another one that had loads too", &another, 2, "is another one"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.what);
    served_mark mark;
    EXPECT_TRUE(mark.see("d", &all));
    EXPECT_FALSE(mark.see("d", &all));
    EXPECT_TRUE(mark.see("d", each.now));
    ASSERT_EQ(mark.losses().size(), each.losses);
    EXPECT_NE(mark.losses().at("trade").find(each.says), std::string::npos)
      << mark.losses().at("trade");
    EXPECT_FALSE(mark.see("d", each.now)) << "nothing new";
    // Whatever comes there meanwhile, the next life knows of it.
    auto kept = served_mark::parse(mark.text());
    ASSERT_TRUE(kept) << to_string(kept.failure());
    EXPECT_EQ(*kept, mark);
    // And the day on which it comes back, with more.
    const auto grown = manifest_with(
      {csv_load, quote_load, trade_bust, {8, 400, "trade", "p", 1, "y"}});
    auto back = *kept;
    EXPECT_TRUE(back.see("d", &grown));
    // But for what was done in what was there meanwhile.
    EXPECT_EQ(back.losses().size(), each.now == &another ? 1u : 0u);
    // What was done meanwhile, in what was there, is missed then.
    const auto begun_anew = manifest_with({{1, 900, "trade", "p", 1, "new"}});
    EXPECT_TRUE(kept->see("d", &begun_anew));
    EXPECT_TRUE(kept->losses().contains("trade"));
    kept = served_mark::parse(kept->text());
    ASSERT_TRUE(kept) << to_string(kept.failure());
    EXPECT_FALSE(kept->see("d", &begun_anew)) << "nothing new";
    EXPECT_TRUE(kept->see("d", &grown));
    ASSERT_EQ(kept->losses().size(), 1u);
    EXPECT_NE(kept->losses().at("trade").find(
                each.now == &another ? "(last p: x)" : "(last p: new)"),
              std::string::npos)
      << kept->losses().at("trade");
    EXPECT_EQ(*served_mark::parse(kept->text()), *kept);
    // And once both are there, nothing is.
    const auto both = manifest_with({csv_load,
                                     quote_load,
                                     trade_bust,
                                     {8, 400, "trade", "p", 1, "y"},
                                     {1, 900, "trade", "p", 1, "new"},
                                     of_another_time,
                                     {5, 300, "trade", "p", 1, "x"}});
    EXPECT_TRUE(kept->see("d", &both));
    EXPECT_TRUE(kept->losses().empty());
  }
}

TEST(ServedMarkTest, LoadedFilesCountUntilTheLedgerSaysThatTheyWereReplaced) {
  const auto with = [](const std::vector<std::string>& files,
                       const std::vector<hdb_ledger_entry>& entries = {}) {
    auto out = manifest_with(entries);
    for (const auto& each : files) {
      persistence::hdb_part part;
      part.stream = "/load/0/" + each;
      part.table = "trade";
      part.partition = "2024.01.02";
      part.row_count = 1;
      out.parts.push_back(part);
    }
    return out;
  };
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i)
    many.push_back("f" + std::to_string(i));
  served_mark mark;
  const auto begun = with(many);
  EXPECT_TRUE(mark.see("d", &begun));
  many.emplace_back("one more");
  const auto more_files = with(many);
  EXPECT_TRUE(mark.see("d", &more_files));
  auto again = mark;
  EXPECT_TRUE(again.see("d", nullptr));
  EXPECT_NE(again.losses().at("trade").find("one more"), std::string::npos);
  EXPECT_EQ(*served_mark::parse(again.text()), again);
  EXPECT_TRUE(again.see("d", &more_files));
  EXPECT_TRUE(again.losses().empty());
  const auto fewer = with({"f1", "f2"});
  EXPECT_TRUE(again.see("d", &fewer));
  EXPECT_EQ(again.losses().size(), 1u);
  const auto replaced = with({"f1", "f2"}, {trade_bust});
  EXPECT_TRUE(mark.see("d", &replaced));
  EXPECT_TRUE(mark.losses().empty());
}

hdb_manifest loaded(uint64_t version,
                    const std::vector<std::pair<std::string, std::string>>& all,
                    const std::vector<hdb_ledger_entry>& entries = {}) {
  auto out = manifest_with(entries);
  out.version = version;
  for (const auto& [partition, file] : all) {
    persistence::hdb_part part;
    part.stream = "/load/0/" + file;
    part.table = "trade";
    part.partition = partition;
    part.row_count = 1;
    out.parts.push_back(part);
  }
  return out;
}

hdb_manifest changed(hdb_manifest what, std::vector<uint64_t> changes) {
  what.changes = std::move(changes);
  return what;
}

TEST(ServedMarkTest, WhatCameOfWhatWasSeenHasAllOfIt) {
  served_mark mark;
  const auto two = changed(
    loaded(2, {{"2024.01.01", "h"}, {"2024.01.02", "h"}, {"2024.01.01", "i"}}),
    {11, 12});
  EXPECT_TRUE(mark.see("d", &two));
  EXPECT_EQ(*served_mark::parse(mark.text()), mark);
  // Rows were replaced, the ledger says so of another date, or nothing any
  // more.
  const auto later
    = changed(loaded(9, {{"2024.01.02", "h"}}), {11, 12, 13, 14});
  EXPECT_TRUE(mark.see("d", &later));
  EXPECT_TRUE(mark.losses().empty());
  const auto none = changed(manifest_with({}), {11, 12, 13, 14, 15});
  mark.see("d", &none);
  EXPECT_TRUE(mark.losses().empty());
}

TEST(ServedMarkTest, AnOlderCopyStaysOneHoweverItIsCorrected) {
  served_mark mark;
  const auto both
    = changed(loaded(2, {{"2024.01.01", "h"}, {"2024.01.01", "k"}}), {11, 12});
  EXPECT_TRUE(mark.see("d", &both));
  for (uint64_t version = 2; version < 9; ++version) {
    const hdb_ledger_entry entry{version, 9, "trade", "2024.01.01", 1, "set"};
    auto copy = changed(loaded(version, {{"2024.01.01", "h"}}, {entry}), {11});
    for (uint64_t id = 2; id < version; ++id)
      copy.changes.push_back(100 + id);
    auto told = mark;
    EXPECT_TRUE(told.see("d", &copy)) << version;
    EXPECT_EQ(told.losses().size(), 1u) << version;
  }
  // What it lacked is loaded again; what it had was removed there by hand.
  auto again = changed(loaded(7, {{"2024.01.01", "h"}, {"2024.01.01", "k"}}),
                       {11, 102, 103});
  again.parts[0].row_count = 0;
  EXPECT_TRUE(mark.see("d", &again));
  EXPECT_TRUE(mark.losses().empty());
}

TEST(ServedMarkTest, AnEntryOfOneDateSaysNothingOfTheLoadsOfAnother) {
  const auto one_file = loaded(1, {{"2024.01.01", "h"}});
  const auto two_files = loaded(2, {{"2024.01.01", "h"}, {"2024.01.05", "k"}});
  served_mark mark;
  EXPECT_TRUE(mark.see("d", &one_file));
  EXPECT_TRUE(mark.see("d", &two_files));
  // An older copy was put back, and then corrected.
  const hdb_ledger_entry bust{2, 9, "trade", "2024.01.01", 1, "removed"};
  auto told = mark;
  EXPECT_TRUE(told.see("d", &one_file));
  const auto corrected = loaded(2, {{"2024.01.01", "h"}}, {bust});
  told.see("d", &corrected);
  EXPECT_EQ(told.losses().size(), 1u);
  auto not_told_yet = mark;
  EXPECT_TRUE(not_told_yet.see("d", &corrected));
  EXPECT_EQ(not_told_yet.losses().size(), 1u);
  auto later = bust;
  later.version = 7;
  const auto much_later = loaded(7, {{"2024.01.01", "h"}}, {later});
  EXPECT_TRUE(mark.see("d", &much_later));
  EXPECT_EQ(mark.losses().size(), 1u);
  // Its own date's entry says so.
  const auto dropped = loaded(8, {{"2024.01.01", "h"}},
                              {later, {8, 11, "trade", "2024.01.05", 1, "x"}});
  EXPECT_TRUE(mark.see("d", &dropped));
  EXPECT_TRUE(mark.losses().empty());
}

TEST(ServedMarkTest, WhoServesADatabaseKnowsWhatOthersAndCommandsDid) {
  sim::memory_file_system disk;
  const auto one_file = loaded(1, {{"2024.01.01", "h"}});
  const auto two_files = loaded(2, {{"2024.01.01", "h"}, {"2024.01.05", "k"}});
  served_mark hdb2;
  EXPECT_TRUE(hdb2.see("/db", &one_file));
  ASSERT_FALSE(write_mark(disk, "/marks/hdb2", hdb2));
  served_mark of_commands;
  EXPECT_TRUE(of_commands.see("/db", &two_files));
  const auto path = mark_of_commands("/marks", "/db");
  EXPECT_NE(path, mark_of_commands("/marks", "/other"));
  ASSERT_FALSE(write_mark(disk, path, of_commands));
  served_mark of_another;
  EXPECT_TRUE(of_another.see("/other", &two_files));
  ASSERT_FALSE(write_mark(disk, "/marks/hdb3", of_another));
  auto known = read_marks(disk, "/marks", "/db");
  EXPECT_TRUE(known.faults.empty());
  EXPECT_EQ(known.files.size(), 2u);
  EXPECT_TRUE(known.mark.see("/db", &one_file));
  EXPECT_EQ(known.mark.losses().size(), 1u);
  EXPECT_TRUE(read_marks(disk, "/none", "/db").files.empty());
  ASSERT_FALSE(persistence::replace_file(
    disk, "/marks/hdb4", std::as_bytes(std::span<const char>{"{}", 2})));
  EXPECT_EQ(read_marks(disk, "/marks", "/db").faults.size(), 1u);
}

/// Goal: a directory that becomes a table's home is to have what was done by
/// hand in the one before: a moved one has it, a copy that was written beside
/// does not.
TEST(ServedMarkTest, AnotherHomeIsToHaveWhatWasDoneInTheOneBefore) {
  sim::memory_file_system disk;
  const auto there
    = loaded(2, {{"2024.01.01", "h"}}, {{2, 7, "trade", "2024.01.01", 1, "x"}});
  served_mark before;
  EXPECT_TRUE(before.see("/db", &there, {"trade"}));
  ASSERT_FALSE(write_mark(disk, "/marks/hdb1", before));
  auto known = read_marks(disk, "/marks", "/db2");
  ASSERT_EQ(known.others.size(), 1u);
  EXPECT_EQ(known.others.at(0).file, "/marks/hdb1");
  const auto empty = manifest_with({});
  auto& mark = known.mark;
  const auto lost = [&](const persistence::hdb_manifest* manifest,
                        const std::set<std::string>& home_of) {
    mark.see_elsewhere(known.others, home_of, "/db2", manifest);
    const auto losses = mark.losses();
    for (const auto& [table, loss] : losses) {
      EXPECT_EQ(mark.homes_before(table), std::set<std::string>{"/db"}) << loss;
      EXPECT_EQ(*mark.loss_of(table), loss);
    }
    return losses.size();
  };
  EXPECT_EQ(lost(&empty, {"trade"}), 1u);
  EXPECT_EQ(lost(nullptr, {"trade"}), 1u);
  EXPECT_EQ(lost(&empty, {"quote"}), 0u) << "it is no home of that table";
  EXPECT_EQ(lost(&there, {"trade"}), 0u) << "moved";
  EXPECT_EQ(lost(&empty, {"trade"}), 1u);
  EXPECT_TRUE(mark.own_losses().empty());
  // It is the other mark that keeps it, also when that directory is a home no
  // more, until that file is removed.
  EXPECT_EQ(mark.text().find("by hand"), std::string::npos);
  auto& other = known.others.at(0).mark;
  (void)other.see("/db", &there);
  EXPECT_EQ(lost(&empty, {"trade"}), 1u);
  // As an earlier release wrote it.
  auto text = other.text();
  const std::string flag = R"("home":true,)";
  ASSERT_NE(text.find(flag), std::string::npos) << text;
  text.erase(text.find(flag), flag.size());
  other = *served_mark::parse(text);
  EXPECT_EQ(lost(&empty, {"trade"}), 1u);
  other.forget_homes();
  (void)other.see("/db", &there);
  EXPECT_EQ(lost(&empty, {"trade"}), 0u);
  served_mark copy;
  EXPECT_TRUE(copy.see("/db", &there)) << "it never was a home";
  known.others = {{copy, "/marks/hdb2"}};
  EXPECT_EQ(lost(&empty, {"trade"}), 0u);
}

TEST(ServedMarkTest, OneThatIsNotYetWrittenOrNeverWasIsNone) {
  sim::memory_file_system disk;
  const auto files = loaded(1, {{"2024.01.01", "h"}});
  served_mark mark;
  EXPECT_TRUE(mark.see("/db", &files));
  const auto path = mark_of_commands("/marks", "/db");
  ASSERT_FALSE(write_mark(disk, path, mark));
  disk.fail(sim::disk_call::write, 1);
  EXPECT_EQ(write_mark(disk, path, mark).code, errc::storage_failed);
  auto left = disk.list("/marks");
  ASSERT_TRUE(left);
  ASSERT_EQ(left->size(), 2u) << "what was begun lies there";
  const auto known = read_marks(disk, "/marks", "/db");
  EXPECT_TRUE(known.faults.empty()) << to_string(known.faults.front());
  EXPECT_EQ(known.files, std::vector<std::string>{path});
}

// What one has half written is in nobody's way, and becomes nobody's mark.
TEST(ServedMarkTest, WritersSideBySideDoNotMeet) {
  sim::memory_file_system disk;
  const auto files = loaded(1, {{"2024.01.01", "h"}});
  served_mark mark;
  EXPECT_TRUE(mark.see("/db", &files));
  const auto path = mark_of_commands("/marks", "/db");
  ASSERT_FALSE(write_mark(disk, path, mark, "1"));
  disk.fail(sim::disk_call::sync, 1);
  EXPECT_EQ(write_mark(disk, path, served_mark{}, "2").code,
            errc::storage_failed);
  ASSERT_EQ(disk.list("/marks")->size(), 2u) << "what was begun lies there";
  ASSERT_FALSE(write_mark(disk, path, mark, "1"));
  const auto known = read_marks(disk, "/marks", "/db");
  EXPECT_TRUE(known.faults.empty());
  EXPECT_EQ(known.files, std::vector<std::string>{path});
  EXPECT_EQ(known.mark, mark);
}

TEST(ServedMarkTest, PartitionsAreKnownNoMatterWhoBroughtTheirRows) {
  auto all = manifest_with({});
  for (const auto* partition : {"2024.01.02", "2024.01.03"}) {
    persistence::hdb_part part;
    part.stream = "market";
    part.table = "trade";
    part.partition = partition;
    part.row_count = 1;
    all.parts.push_back(part);
  }
  served_mark mark;
  EXPECT_TRUE(mark.see("d", &all));
  EXPECT_FALSE(mark.see("d", &all));
  const std::set<std::string> known{"2024.01.02", "2024.01.03"};
  EXPECT_EQ(served_mark::parse(mark.text())->partitions_of("trade"), known);
  EXPECT_TRUE(mark.partitions_of("quote").empty());
  mark.see("d", nullptr);
  EXPECT_EQ(mark.partitions_of("trade"), known) << "no manifest says otherwise";
  EXPECT_TRUE(mark.losses().empty());
  all.parts.pop_back();
  EXPECT_TRUE(mark.see("d", &all)) << "dropped";
  EXPECT_EQ(mark.partitions_of("trade").size(), 1u);
}

TEST(ServedMarkTest, WhatStreamsBringIsNotItsMatter) {
  served_mark mark;
  const auto empty = manifest_with({});
  EXPECT_FALSE(mark.see("d", nullptr));
  EXPECT_FALSE(mark.see("d", &empty));
  EXPECT_FALSE(mark.see("d", nullptr));
  EXPECT_TRUE(mark.losses().empty());
}

TEST(ServedMarkTest, AFileThatIsNoneIsToldAsSuch) {
  for (const std::string text :
       {"", "{", "[]", R"({"tables":1,"losses":{},"directory":"d"})",
        R"({"tables":{"t":{}},"losses":{},"directory":"d"})",
        R"({"tables":{},"losses":{}})"})
    EXPECT_EQ(served_mark::parse(text).failure().code, errc::corrupt) << text;
}

} // namespace
} // namespace millrace::torq
