// What rot in partitions, and a damaged manifest, leave of an RDB and an HDB.
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// A cluster that has written a period down, and the disk that holds it.
struct written_down {
  explicit written_down(uint64_t seed) : w{seed} {
    rt_node_options rt;
    rt.period_grace_ns = 100'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    add_feed(plan, "feed0", load, progress);
    add_hdb(plan, "hdb1", {});
    add_rdb(plan, "rdb1", {});
    w.add_cluster(plan.config, plan.options);
    EXPECT_TRUE(w.run_until([this] { return progress->merged.load(); }, 60s));
    auto end = w.ask<position>(
      caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market")), 5s,
      end_period_atom_v, period_id{9490});
    EXPECT_TRUE(end) << to_string(end.failure());
    const auto report = w.ask<period_report>(
      caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 20s, installed_atom_v,
      period_id{9490}, std::get<0>(*end), false);
    EXPECT_TRUE(report && std::get<0>(*report).served)
      << to_string(report.failure());
    const auto manifest = persistence::read_hdb_manifest(disk(), "/hdb");
    EXPECT_TRUE(manifest) << to_string(manifest.failure());
    part = manifest->parts.at(0);
  }

  memory_file_system& disk() { return w.at("hdb1").disk(); }

  [[nodiscard]] static chunk plan_for(const std::string& what,
                                      const std::string& begin = "2000-01-01") {
    const auto schema = trade_table();
    const auto request
      = query::parse_getdata(R"({"tablename":"trade","starttime":")" + begin
                               + R"(","endtime":"2100-01-01",)" + what + "}",
                             [&](std::string_view) { return &schema; });
    EXPECT_TRUE(request) << to_string(request.failure());
    return chunk::copy_of(encode(request->plan));
  }

  error ask_hdb(const std::string& what,
                const std::string& begin = "2000-01-01") {
    return w
      .ask<bundle, partition_cut>(
        caf::actor_cast<hdb_actor>(w.find("hdb1", "hdb1")), 5s, query_atom_v,
        plan_for(what, begin))
      .failure();
  }

  void reboot(const std::string& name) {
    w.crash(name);
    w.restart(name);
    ASSERT_TRUE(
      w.run_until([&] { return w.find(name, name) != nullptr; }, 20s));
  }

  world w;
  cluster_plan plan;
  feed_load load;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
  persistence::hdb_part part;
};

constexpr const char* all_columns
  = R"("columns":["time","sym","seq","size"],"ordering":["asc","time"])";

class StoreDamageSim : public ::testing::TestWithParam<uint64_t> {};

// Method: a bit of each file of a part rots while the HDB is down; what needs
// the file is refused by its path, a count is not, and the process lives.
TEST_P(StoreDamageSim, RotIsNamedByWhatNeedsItAndByNothingElse) {
  written_down run{GetParam()};
  for (const auto& file : run.part.files) {
    SCOPED_TRACE(file.name);
    const auto path = "/hdb/" + run.part.path() + "/" + file.name;
    const auto bit = run.w.draw(file.bytes * 8);
    run.disk().flip_bit(path, bit);
    run.reboot("hdb1");
    const auto fault = run.ask_hdb(all_columns);
    EXPECT_EQ(fault.code, errc::corrupt) << to_string(fault);
    EXPECT_NE(fault.context.find(path), std::string::npos) << fault.context;
    const auto count = run.ask_hdb(R"("aggregations":{"count":"seq"})");
    // A count needs the rows' times, and where each symbol's rows are.
    if (file.name == "time" || file.name == ".ranges")
      EXPECT_NE(count.context.find(path), std::string::npos) << count.context;
    else
      EXPECT_FALSE(count) << to_string(count);
    EXPECT_TRUE(run.w.at("hdb1").alive());
    run.disk().flip_bit(path, bit);
    const auto mended = run.ask_hdb(all_columns);
    EXPECT_FALSE(mended) << to_string(mended);
  }
  EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
}

TEST_P(StoreDamageSim, AnRdbServesAllRowsWhileTheManifestIsDamaged) {
  written_down run{GetParam()};
  const std::string path = "/hdb/manifest";
  const auto bytes = run.disk().content(path).size();
  const auto bit = run.w.draw(bytes * 8);
  run.disk().flip_bit(path, bit);
  run.reboot("hdb1");
  run.reboot("rdb1");
  result<std::vector<trade_row>> rows{error{errc::timeout, "not asked"}};
  EXPECT_TRUE(run.w.run_until(
    [&] {
      run.w.run_for(100ms);
      const auto got = run.w.ask<bundle, rdb_cut>(
        caf::actor_cast<rdb_actor>(run.w.find("rdb1", "rdb1")), 5s,
        query_atom_v,
        written_down::plan_for(R"("columns":["time","sym","seq","size"])"),
        rows_after{});
      if (got)
        rows = rows_of(std::get<0>(*got).here);
      return rows && rows->size() == run.load.rows;
    },
    30s));
  const auto fault = run.ask_hdb(all_columns);
  EXPECT_EQ(fault.code, errc::corrupt) << to_string(fault);
  EXPECT_NE(fault.context.find(path), std::string::npos) << fault.context;
  EXPECT_TRUE(run.w.at("hdb1").alive() && run.w.at("rdb1").alive());
  // What cannot be there is not asked of the manifest.
  const auto later = run.ask_hdb(all_columns, "2090-01-01");
  EXPECT_FALSE(later) << to_string(later);
  // Nor can it be in what an operator or a mount has put there.
  for (const auto* each : {"/hdb/lost+found", "/hdb/old/2090.01.01"})
    ASSERT_FALSE(run.disk().create_directories(each));
  const auto again = run.ask_hdb(all_columns, "2090-01-01");
  EXPECT_FALSE(again) << to_string(again);
  // Parts below a name that is no date may be of any.
  ASSERT_FALSE(run.disk().create_directories("/hdb/kept/trade/77"));
  EXPECT_EQ(run.ask_hdb(all_columns, "2090-01-01").code, errc::corrupt);
  ASSERT_FALSE(run.disk().remove_all("/hdb/kept"));

  run.disk().flip_bit(path, bit);
  EXPECT_TRUE(run.w.run_until(
    [&] {
      run.w.run_for(500ms);
      return !run.ask_hdb(all_columns);
    },
    30s));
  EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Seeds, StoreDamageSim,
                         ::testing::Range<uint64_t>(1, 4));

} // namespace
} // namespace millrace::sim
