#include <millrace/nodes/assembly/history_load.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_amend.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

const auto load_cluster
  = test_support::cluster_text{"market"}
      .stream("market")
      .table("trade", "market", {"time:timestamp", "sym:symbol", "note:string"})
      .node("n1", 7401)
      .process("rt1", "rt", "n1")
      .process("rdb1", "rdb", "n1")
      .process("hdb1", "hdb", "n1")
      .text();

constexpr const char* load_layout = R"(table = "trade"
delimiter = ","
header = true
[[column]]
name = "time"
type = "timestamp"
header = "time"
format = "iso"
[[column]]
name = "sym"
type = "symbol"
header = "sym"
[[column]]
name = "note"
type = "string"
header = "note"
)";

class HistoryLoadTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::ofstream{at("layout.toml")} << load_layout;
    std::ofstream rows{at("rows.csv")};
    rows << "time,sym,note\n";
    for (int i = 0; i < row_count; ++i)
      rows << "2024-01-02T10:00:00,A," << std::string(100, 'x') << i << "\n";
  }
  [[nodiscard]] std::string at(const std::string& name) const {
    return home_.path() + "/" + name;
  }

  result<std::unique_ptr<history_load>>
  begin(real_env& env, bool replaces,
        uint64_t bytes_max = history_load::bytes_per_write,
        std::function<bool()> stopped = {}, bool beside = false) {
    const auto config = parse_configuration(cluster_, at("cluster.toml"));
    EXPECT_TRUE(config) << to_string(config.failure());
    history_load::options given;
    given.what.name = "load-trade";
    given.what.type = process_type::feed;
    given.what.layout = at("layout.toml");
    given.what.table = "trade";
    given.what.files = {at(file_)};
    given.reject_path = at("rejects.txt");
    given.bytes_max = bytes_max;
    given.replaces = replaces;
    given.beside = beside;
    for (const auto& name : more_files_)
      given.what.files.push_back(at(name));
    given.stopped = std::move(stopped);
    return history_load::open(env.world(), *config, given,
                              std::make_shared<feed::batch_source_counters>());
  }
  /// All of it, or why not.
  static error finish(history_load& load) {
    for (bool more = true; more;) {
      const auto step = load.step();
      if (!step)
        return step.failure();
      more = *step;
    }
    return {};
  }
  persistence::hdb_manifest manifest(real_env& env) {
    const auto config = parse_configuration(load_cluster, at("cluster.toml"));
    auto there = persistence::read_hdb_manifest(*env.world().fs,
                                                config->home_of("trade"));
    EXPECT_TRUE(there) << to_string(there.failure());
    return there ? *std::move(there) : persistence::hdb_manifest{};
  }
  uint64_t rows(real_env& env) {
    uint64_t out = 0;
    for (const auto& part : manifest(env).parts)
      out += part.row_count;
    return out;
  }

  [[nodiscard]] std::string hdb_directory() const {
    const auto config = parse_configuration(cluster_, at("cluster.toml"));
    return config ? config->home_of("trade") : std::string{};
  }

  /// @returns the parts that it was written to
  size_t load(uint64_t bytes_max) {
    std::filesystem::remove_all(at("data"));
    auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
    EXPECT_TRUE(env) << to_string(env.failure());
    auto made = begin(**env, false, bytes_max);
    EXPECT_TRUE(made) << to_string(made.failure());
    if (made)
      EXPECT_EQ(finish(**made), error{});
    EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count));
    return manifest(**env).parts.size();
  }

  /// A file of rows at these times takes the place of what there is of them.
  error replace_by(real_env& env, const std::vector<std::string>& times) {
    file_ = "of_" + std::to_string(++files_) + ".csv";
    {
      std::ofstream rows{at(file_)};
      rows << "time,sym,note\n";
      for (const auto& time : times)
        rows << time << ",A,\n";
    }
    auto made = begin(env, true);
    return made ? finish(**made) : made.failure();
  }
  /// Rows go to the dates of Tokyo from now on.
  void roll_elsewhere() {
    const std::string columns = "columns = [\"time";
    cluster_.insert(cluster_.find(columns), "roll_zone = \"Asia/Tokyo\"\n");
  }
  /// How many rows lie in each partition.
  std::map<std::string, uint64_t> places(real_env& env) {
    std::map<std::string, uint64_t> out;
    for (const auto& part : manifest(env).parts)
      if (part.row_count != 0)
        out[part.partition] += part.row_count;
    return out;
  }
  /// Each row to its own date.
  error take_home(real_env& env, const persistence::table_roll& rule) {
    auto writer = persistence::hdb_writer::open(env.world(), hdb_directory());
    if (!writer)
      return writer.failure();
    persistence::hdb_amendment home;
    home.table = "trade";
    home.rule = rule;
    return persistence::amend(**writer, home,
                              {.run =
                                 [](const auto& jobs) {
                                   for (const auto& job : jobs)
                                     if (auto fault = job())
                                       return fault;
                                   return error{};
                                 }})
      .fault;
  }

  static constexpr int row_count = 60'000;
  std::string cluster_ = load_cluster;
  std::string file_ = "rows.csv";
  std::vector<std::string> more_files_; ///< Of the same load.
  int files_ = 0;
  test_support::temporary_directory home_;
};

// What it holds in memory is bounded, however long texts are.
TEST_F(HistoryLoadTest, AWriteThatIsInterruptedEndsSoonAndIsMadeAgain) {
  std::ofstream{at(file_)} << "time,sym,note\n"
                              "2024-01-02T10:00:00,A,\n"
                              "2024-01-03T10:00:00,B,\n"
                              "2024-01-04T10:00:00,C,\n";
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env);
  int asked = 0;
  auto made = begin(**env, false, history_load::bytes_per_write,
                    [&asked] { return ++asked > 2; });
  ASSERT_TRUE(made) << to_string(made.failure());
  EXPECT_EQ(finish(**made).code, errc::cancelled);
  EXPECT_GT(asked, 2);
  made = begin(**env, false);
  ASSERT_TRUE(made) << to_string(made.failure());
  EXPECT_EQ(finish(**made), error{});
  EXPECT_EQ(rows(**env), 3u);
}

TEST_F(HistoryLoadTest, ManyBytesAreWrittenInSeveralParts) {
  EXPECT_EQ(load(history_load::bytes_per_write), 1u);
  EXPECT_GT(load(1'000'000), 1u);
}

// What was read was read for the rows that were there then.
TEST_F(HistoryLoadTest, OneOfTwoLoadsOfAFileIsRefused) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto first = begin(**env, false);
  auto second = begin(**env, false);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(finish(**first), error{});
  const auto why = finish(**second);
  EXPECT_EQ(why.code, errc::busy) << to_string(why);
  EXPECT_EQ((*second)->rows(), 0u);
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count));
}

TEST_F(HistoryLoadTest, NobodyWritesWhileRowsAreReplaced) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto before = begin(**env, false);
  ASSERT_TRUE(before);
  EXPECT_EQ(finish(**before), error{});
  auto other = begin(**env, false);
  auto replaces = begin(**env, true);
  ASSERT_TRUE(other && replaces) << to_string(replaces.failure());
  EXPECT_EQ(begin(**env, true).failure().code, errc::locked);
  EXPECT_EQ(finish(**replaces), error{});
  EXPECT_EQ((*replaces)->rows_replaced(), static_cast<uint64_t>(row_count));
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count));
  // One that found no rows of its own then must not bring them again.
  EXPECT_EQ(finish(**other), error{});
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count));
}

// As the end of a period does that waited for the database.
TEST_F(HistoryLoadTest, WhatComesRightAfterAReplacementIsToldApart) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto replaces = begin(**env, true);
  ASSERT_TRUE(replaces) << to_string(replaces.failure());
  EXPECT_EQ(finish(**replaces), error{});
  auto beside = (*replaces)->rows_beside();
  ASSERT_TRUE(beside) << to_string(beside.failure());
  EXPECT_TRUE(beside->empty());
  file_ = "more.csv";
  std::ofstream{at(file_)} << "time,sym,note\n2024-01-02T11:00:00,B,\n";
  auto more = begin(**env, false, history_load::bytes_per_write, {}, true);
  ASSERT_TRUE(more) << to_string(more.failure());
  EXPECT_EQ(finish(**more), error{});
  beside = (*replaces)->rows_beside();
  ASSERT_TRUE(beside) << to_string(beside.failure());
  EXPECT_EQ(*beside, (std::map<std::string, uint64_t>{{"2024.01.02", 1}}));
}

TEST_F(HistoryLoadTest, DatesThatHaveRowsAreRefusedWithoutAWordForIt) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto first = begin(**env, false);
  ASSERT_TRUE(first) << to_string(first.failure());
  ASSERT_EQ(finish(**first), error{});
  file_ = "more.csv";
  std::ofstream{at(file_)} << "time,sym,note\n2024-01-02T11:00:00,B,\n"
                              "2024-01-03T11:00:00,B,\n";
  auto more = begin(**env, false);
  ASSERT_TRUE(more) << to_string(more.failure());
  EXPECT_EQ(to_string(finish(**more)),
            "already_exists: more.csv: of table 'trade' 2024.01.02 has 60000 "
            "rows already (of a load of rows.csv). --beside adds these to "
            "them, as where each file or symbol of a day is loaded by a "
            "command of its own; --replace puts these in the place of all rows "
            "of their dates");
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count)) << "none of them";
  more = begin(**env, false, history_load::bytes_per_write, {}, true);
  ASSERT_TRUE(more) << to_string(more.failure());
  EXPECT_EQ(finish(**more), error{});
  EXPECT_EQ((*more)->rows_before(), static_cast<uint64_t>(row_count));
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count) + 2);
  // What is there of a source is not in its own way, however often it is read.
  auto again = begin(**env, false);
  ASSERT_TRUE(again) << to_string(again.failure());
  EXPECT_EQ(finish(**again), error{});
}

TEST_F(HistoryLoadTest, RowsThatOnlyAnRdbHasAreRowsOfTheirDateToo) {
  std::ofstream{at(file_)} << "time,sym,note\n2024-01-02T10:00:00,A,\n";
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto made = begin(**env, false);
  ASSERT_TRUE(made) << to_string(made.failure());
  (*made)->expect("2024.01.01", 5, "in rdb1");
  (*made)->expect("2024.01.02", 7, "in rdb1");
  const auto why = finish(**made);
  EXPECT_EQ(why.code, errc::already_exists);
  EXPECT_NE(why.context.find("2024.01.02 has 7 rows already (in rdb1). "),
            std::string::npos)
    << why.context;
  EXPECT_EQ(why.context.find("2024.01.01"), std::string::npos) << why.context;
  made = begin(**env, false);
  ASSERT_TRUE(made) << to_string(made.failure());
  (*made)->expect("2024.01.01", 5, "in rdb1");
  EXPECT_EQ(finish(**made), error{});
}

// One that died after the rows of its first file, or within a file.
TEST_F(HistoryLoadTest, ALoadThatWasCutOffGoesOnBesideItsOwnRows) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  auto first = begin(**env, false);
  ASSERT_TRUE(first) << to_string(first.failure());
  ASSERT_EQ(finish(**first), error{});
  more_files_ = {"second.csv"};
  std::ofstream{at("second.csv")} << "time,sym,note\n2024-01-02T11:00:00,B,\n";
  // In whatever order they are named now.
  std::swap(file_, more_files_[0]);
  auto both = begin(**env, false);
  ASSERT_TRUE(both) << to_string(both.failure());
  EXPECT_EQ(finish(**both), error{});
  EXPECT_EQ(rows(**env), static_cast<uint64_t>(row_count) + 1);
}

// The names of partitions are of the rule that made them: by another one, rows
// of other dates lie there.
TEST_F(HistoryLoadTest, RowsOfOtherDatesDoNotGoAfterTheRollRuleChanged) {
  using rows_by_partition = std::map<std::string, uint64_t>;
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  ASSERT_EQ(replace_by(**env, {"2024-01-02T01:00:00", "2024-01-02T23:00:00",
                               "2024-01-03T01:00:00", "2024-01-03T16:00:00",
                               "2024-01-05T01:00:00"}),
            error{});
  const rows_by_partition before{
    {"2024.01.02", 2}, {"2024.01.03", 2}, {"2024.01.05", 1}};
  ASSERT_EQ(places(**env), before);
  roll_elsewhere();
  const auto why = replace_by(**env, {"2024-01-03T02:00:00"});
  EXPECT_EQ(why.code, errc::schema_mismatch) << to_string(why);
  for (const auto* told :
       {"partitions 2024.01.02, 2024.01.03 of table 'trade'", "Asia/Tokyo",
        "made by UTC", "hdb amend", "--table trade --home"})
    EXPECT_NE(why.context.find(told), std::string::npos) << why.context;
  EXPECT_EQ(places(**env), before);
  // What lies where it belongs by both is replaced as ever.
  ASSERT_EQ(replace_by(**env, {"2024-01-05T02:00:00", "2024-01-05T03:00:00"}),
            error{});
  EXPECT_EQ(places(**env),
            (rows_by_partition{
              {"2024.01.02", 2}, {"2024.01.03", 2}, {"2024.01.05", 2}}));
  ASSERT_EQ(take_home(**env, {"trade", "Asia/Tokyo", 0}), error{});
  EXPECT_EQ(places(**env), (rows_by_partition{{"2024.01.02", 1},
                                              {"2024.01.03", 2},
                                              {"2024.01.04", 1},
                                              {"2024.01.05", 2}}));
  ASSERT_EQ(replace_by(**env, {"2024-01-03T02:00:00"}), error{});
  EXPECT_EQ(places(**env), (rows_by_partition{{"2024.01.02", 1},
                                              {"2024.01.03", 1},
                                              {"2024.01.04", 1},
                                              {"2024.01.05", 2}}));
}

// A changed file is known by its name also where its rows lie under the date
// of another rule.
TEST_F(HistoryLoadTest, AChangedTextIsFoundUnderTheDateOfAnotherRule) {
  auto env = real_env::create({.io_threads = 1, .pool_threads = 1});
  ASSERT_TRUE(env) << to_string(env.failure());
  ASSERT_EQ(replace_by(**env, {"2024-01-02T23:00:00"}), error{});
  roll_elsewhere();
  // One that only grew would be known by its beginning.
  std::ofstream{at(file_)} << "time,sym,note\n2024-01-02T23:30:00,A,\n";
  auto again = begin(**env, false);
  ASSERT_TRUE(again) << to_string(again.failure());
  const auto why = finish(**again);
  EXPECT_EQ(why.code, errc::already_exists) << to_string(why);
  EXPECT_EQ(rows(**env), 1u);
}

} // namespace
} // namespace millrace::nodes
