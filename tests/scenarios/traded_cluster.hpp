#pragma once

#include <millrace/messages/data/table_batch.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::sim {

using namespace std::chrono_literals;

/// Traded sizes by symbol.
using volumes = std::map<std::string, int64_t>;

/// A cluster, a program on a machine of its own that publishes trades to it,
/// and what it published.
class traded {
public:
  traded(uint64_t seed, nodes::cluster_config config,
         const cluster_options& options = {})
    : w{seed}, config_{std::move(config)} {
    w.add_cluster(config_, options);
    w.add_node("trader",
               [this](node& me) -> error {
                 auto made = me.publish("market", {.name = "trader"});
                 if (!made)
                   return made.failure();
                 out_ = made->out;
                 return {};
               },
               {.config = config_});
  }
  ~traded() { out_.reset(); }

  /// Publishes so many trades, and waits until the stream has ordered them.
  void trade(int count) {
    const auto bytes = trades(count);
    ASSERT_TRUE(w.run_until(
      [&] {
        // Until RT told the watermark nothing is taken.
        return out_->publish(bytes, {}, payload_kind::table_batch)
               || (w.run_for(50ms), false);
      },
      20s));
    ASSERT_TRUE(w.run_until(
      [&] {
        return out_->reached(rt::ack_level::committed) >= out_->appended();
      },
      20s));
  }

  /// Publishes so many trades, and does not wait.
  void send(int count) {
    ASSERT_TRUE(out_->publish(trades(count), {}, payload_kind::table_batch));
  }

  /// What the gateway answers, once it knows of everything up to `at_least`.
  result<volumes> ask(position at_least,
                      const std::string& from = "2000-01-01") {
    return ask_with(from,
                    R"(,"at_least":")" + std::to_string(at_least.value) + '"');
  }

  /// What it answers to who names no place: all that the stream has now.
  result<volumes> ask_now() { return ask_with("2000-01-01", {}); }

  result<volumes> ask_with(const std::string& from, const std::string& more) {
    const auto gateway = w.find("gw1", "gw1");
    if (!gateway)
      return error{errc::unavailable, "no gateway"};
    auto got = w.ask<bundle, query_cut>(
      caf::actor_cast<gateway_actor>(gateway), 20s, query_atom_v,
      R"({"tablename":"trade","starttime":")" + from
        + R"(","endtime":"2100-01-01","columns":["sym","size"])" + more + "}");
    if (!got)
      return got.failure();
    warnings = std::get<1>(*got).warnings;
    volumes out;
    for (const auto& bytes : std::get<0>(*got).here) {
      auto partial = query::decode_partial(bytes.bytes());
      if (!partial)
        return partial.failure();
      for (const auto& piece : partial->chunks)
        for (uint64_t row = 0; row < piece.table.row_count; ++row)
          out[std::string{piece.table.columns.at(0).text(row)}]
            += piece.table.columns.at(1).as<int32_t>()[row];
    }
    return out;
  }

  /// The gateway comes to know all that was published, and nothing else.
  void expect_all() {
    const auto end = stream_end();
    result<volumes> got{error{errc::timeout, "not asked"}};
    for (int i = 0; i < 40 && !got; ++i) {
      got = ask(end);
      if (!got)
        w.run_for(500ms);
    }
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(*got, expected);
  }

  /// Ends a period, and waits until the HDB serves it.
  void end_period(int64_t period) {
    auto end = w.ask<position>(
      caf::actor_cast<sequencer_actor>(w.find("rt1", "rt/market")), 60s,
      end_period_atom_v, period_id{period});
    ASSERT_TRUE(end) << to_string(end.failure());
    bool served = false;
    for (int i = 0; i < 10 && !served; ++i)
      if (const auto report = w.ask<period_report>(
            caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 20s,
            installed_atom_v, period_id{period}, std::get<0>(*end), false)) {
        served = std::get<0>(*report).served;
        EXPECT_EQ(std::get<0>(*report).end, std::get<0>(*end));
      }
    ASSERT_TRUE(served);
  }

  void expect_no_defects() {
    EXPECT_EQ(w.defects(), std::vector<std::string>{});
  }

  world w;
  volumes expected;
  std::vector<std::string> warnings;            ///< Of the last answer.
  int64_t first_time = 820'000'000'000'000'000; ///< Of what is traded next.

  /// The end of the merged log, from what its sequencer says.
  position stream_end() {
    const auto facts = w.ask<stream_facts>(
      caf::actor_cast<sequencer_actor>(w.find("rt1", "rt/market")), 5s,
      facts_atom_v);
    EXPECT_TRUE(facts) << to_string(facts.failure());
    return facts ? std::get<0>(*facts).end : position{};
  }

private:
  /// A batch of so many, expected from now on.
  std::vector<std::byte> trades(int count) {
    batch_builder rows{config_.table("trade")->schema};
    for (int i = 0; i < count; ++i) {
      const auto symbol = std::string(1, static_cast<char>('A' + w.draw(5)));
      const auto size = static_cast<int32_t>(1 + w.draw(1000));
      rows.append(0, first_time + trades_++);
      rows.append_symbol(1, symbol);
      rows.append(2, 1.5);
      rows.append(3, size);
      rows.append_symbol(4, "N");
      rows.append_symbol(5, "");
      rows.end_row();
      expected[symbol] += size;
    }
    return rows.encode();
  }

  nodes::cluster_config config_;
  std::shared_ptr<rt::publisher> out_;
  int64_t trades_ = 0;
};

/// Of the warnings and errors that a node meant to log.
inline bool told(world& w, const std::string& node, const std::string& id,
                 const std::string& text) {
  for (const auto& each : w.at(node).notices())
    if (each.level != nodes::notice::severity::info && each.id == id
        && each.text.find(text) != std::string::npos)
      return true;
  return false;
}

/// As the example of the README has it.
inline nodes::cluster_config example() {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  EXPECT_TRUE(config) << to_string(config.failure());
  return config ? *std::move(config) : nodes::cluster_config{};
}

} // namespace millrace::sim
