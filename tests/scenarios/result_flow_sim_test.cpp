// Rows that flow from both stores through the gateway to a client, in the
// simulator.
#include <millrace/messages/text/json_text.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/table/result_text.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

/// What a client was told.
struct told_client {
  bool began = false;
  query_cut cut;
  chunks pieces;
  std::optional<error> end; ///< None yet; without a code: all rows came.
};

/// A client that takes in what comes, or nothing.
caf::behavior flow_client(caf::event_based_actor* self,
                          const gateway_actor& gateway,
                          const std::string& question, bool takes,
                          const std::shared_ptr<told_client>& told) {
  auto source = std::make_shared<result_source_actor>();
  auto taken = std::make_shared<uint64_t>(0);
  self
    ->request(gateway, caf::timespan{20s}, query_atom_v, question, flow_id{1},
              caf::actor_cast<result_sink_actor>(self))
    .then(
      [self, told, source, takes](const result_source_actor& from,
                                  const query_cut& cut) {
        *source = from;
        told->began = true;
        told->cut = cut;
        if (takes)
          self->send(from, ack_atom_v, byte_number{});
      },
      [self, told](const caf::error& why) {
        told->end = from_caf(why);
        self->quit();
      });
  return {
    [=](chunk_atom, flow_id, const chunk& piece) {
      told->pieces.push_back(piece);
      *taken += piece.size();
      if (takes)
        self->send(*source, ack_atom_v, byte_number{*taken});
    },
    [self, told](finished_atom, flow_id, const caf::error& fault) {
      told->end = fault ? from_caf(fault) : error{};
      self->quit();
    },
  };
}

class flowing_cluster : public traded {
public:
  using traded::traded;

  gateway_actor gateway() {
    return caf::actor_cast<gateway_actor>(w.find("gw1", "gw1"));
  }

  caf::actor begin(const std::string& question, bool takes,
                   const std::shared_ptr<told_client>& told) {
    return w.at("gw1").system().spawn(flow_client, gateway(), question, takes,
                                      told);
  }

  std::shared_ptr<told_client> flow(const std::string& question) {
    auto told = std::make_shared<told_client>();
    (void)begin(question, true, told);
    w.run_until([&] { return told->end.has_value(); }, 20s);
    return told;
  }

  result<chunks> whole(const std::string& question) {
    auto got = w.ask<bundle, query_cut>(gateway(), 20s, query_atom_v, question);
    if (!got)
      return got.failure();
    return std::get<0>(*got).here;
  }

  int64_t running() {
    const auto status = text::parse_json(w.status("gw1", "gw1"));
    EXPECT_TRUE(status);
    return status ? status->at("running").integer().value_or(-1) : -1;
  }
};

std::string in_q(const std::string& text) {
  return text::json_value{{"language", "qsql"}, {"text", text}}.dump();
}

std::string csv_of(const chunks& pieces) {
  const auto table = query::joined_rows(pieces);
  return table ? query::to_text(*table, query::result_format::csv)
               : to_string(table.failure());
}

nodes::cluster_config local_cluster() {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  EXPECT_TRUE(config) << to_string(config.failure());
  return *config;
}

/// What flows is what is answered at once: rows of both stores in their order,
/// what must be merged, what is joined, and nothing.
TEST(ResultFlowSim, RowsThatFlowAreTheAnswer) {
  flowing_cluster run{21, local_cluster()};
  run.trade(200);
  run.end_period(9000);
  run.trade(150);
  run.expect_all();
  for (const auto* text :
       {"select from trade", "select time,sym,double:2*size from trade",
        "select from trade where size>500,sym=`B",
        "select from trade where size<0", "select sum size by sym from trade",
        "`size xdesc trade", "10#trade", "-10#trade",
        "(select time,sym,size from trade) lj "
        "select volume:sum size by sym from trade"}) {
    const auto at_once = run.whole(in_q(text));
    ASSERT_TRUE(at_once) << text << ": " << to_string(at_once.failure());
    const auto told = run.flow(in_q(text));
    ASSERT_TRUE(told->end) << text;
    EXPECT_FALSE(*told->end) << text << ": " << to_string(*told->end);
    EXPECT_TRUE(told->began);
    EXPECT_EQ(csv_of(told->pieces), csv_of(*at_once)) << text;
  }
  EXPECT_EQ(run.running(), 0);
  const auto refused = run.flow(in_q("select nothing from trade"));
  ASSERT_TRUE(refused->end);
  EXPECT_EQ(refused->end->code, errc::not_found);
  run.expect_no_defects();
}

/// A client that takes no rows is given up by the gateway; one that ends takes
/// its question with it.
TEST(ResultFlowSim, AFlowEndsWithItsClient) {
  flowing_cluster run{22, local_cluster()};
  run.trade(100);
  run.expect_all();
  auto slow = std::make_shared<told_client>();
  (void)run.begin(in_q("select from trade"), false, slow);
  ASSERT_TRUE(run.w.run_until([&] { return slow->began; }, 20s));
  auto gone = std::make_shared<told_client>();
  const auto client = run.begin(in_q("select from trade"), false, gone);
  ASSERT_TRUE(run.w.run_until([&] { return gone->began; }, 20s));
  EXPECT_EQ(run.running(), 2);
  caf::anon_send_exit(client, caf::exit_reason::kill);
  run.w.run_for(50ms);
  EXPECT_EQ(run.running(), 1);
  ASSERT_TRUE(run.w.run_until([&] { return slow->end.has_value(); }, 40s));
  EXPECT_EQ(slow->end->code, errc::timeout) << to_string(*slow->end);
  EXPECT_TRUE(slow->pieces.empty());
  run.w.run_for(50ms);
  EXPECT_EQ(run.running(), 0);
  run.expect_no_defects();
}

} // namespace
} // namespace millrace::sim
