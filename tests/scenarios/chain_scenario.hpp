#pragma once

#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/stream_checker.hpp>
#include <millrace/sim/world/torq_nodes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "faults.hpp"

namespace millrace::sim {

using namespace std::chrono_literals;

/// The whole path in one world: two feeds, an RT node, an RDB that writes down
/// and two HDBs on one machine, a gateway, discovery; and somebody who asks the
/// gateway for all rows again and again, and keeps each answer.
class chain_scenario {
public:
  explicit chain_scenario(uint64_t seed, database_options stores = {})
    : w{seed, {.faults_may_miss = true}}, database{std::move(stores)} {
    rt.roll_bytes = 4096 << w.draw(5);
    rt.checkpoint_bytes = 1024 << w.draw(7);
    rt.period_grace_ns = 500'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    const auto feeds = 1 + w.draw(2);
    for (uint64_t i = 0; i < feeds; ++i) {
      feed_load load;
      load.feed = i;
      load.rows = 200 + w.draw(400);
      load.rows_per_batch_max = static_cast<uint32_t>(1 + w.draw(20));
      load.roll_bytes = 4096 << w.draw(5);
      rows_expected += load.rows;
      for (uint64_t row = 0; row < load.rows; ++row)
        expected.push_back(row_of(i, row));
      progress.push_back(std::make_shared<torq::feed_progress>());
      names.push_back("feed" + std::to_string(i));
      add_feed(plan, names.back(), load, progress.back());
    }
    std::sort(expected.begin(), expected.end());
    add_hdb(plan, "hdb1", database);
    add_rdb(plan, "rdb1", database);
    add_hdb(plan, "hdb2", database);
    add_gateway(plan, "gw1", database);
    w.add_cluster(plan.config, plan.options);
    for (const auto* name : {"disc", "rt0", "hdb1", "rdb1", "hdb2", "gw1"})
      names.push_back(name);
    ask_again();
    for (uint64_t i = 0; i < 3; ++i)
      w.after(std::chrono::milliseconds{600 + 700 * i + w.draw(400)},
              [this, i] { end_period(8000 + static_cast<int64_t>(i)); });
  }

  crash_style any_crash() {
    return sim::any_crash(w, {.power_share = 0.4, .restart_within = 2500ms});
  }

  /// Asks for a period's end until it is answered.
  void end_period(int64_t period) {
    auto handle = w.find("rt0", "rt/market");
    if (!handle) {
      w.after(200ms, [this, period] { end_period(period); });
      return;
    }
    w.request<position>(
      caf::actor_cast<sequencer_actor>(handle), 10s,
      [this, period](result<std::tuple<position>> got) {
        if (got) {
          ended[period] = std::get<0>(*got).value;
        } else if (got.failure().code == errc::already_exists) {
          ended.emplace(period, 0);
        } else {
          w.after(200ms, [this, period] { end_period(period); });
        }
      },
      end_period_atom_v, period_id{period});
  }

  struct answer {
    query_cut cut;
    std::set<std::string> symbols; ///< Empty: all.
    std::vector<trade_row> rows;
    duration at{};
    duration asked_at{};
  };

  void ask_again() {
    if (!asking)
      return;
    std::set<std::string> symbols;
    if (w.chance(0.3))
      symbols = {std::string(1, static_cast<char>('A' + w.draw(8))), "C"};
    ask(symbols, 0, {});
    w.after(std::chrono::milliseconds{5 + w.draw(60)}, [this] { ask_again(); });
  }

  void ask(const std::set<std::string>& symbols, uint64_t at_least,
           std::function<void(const error&)> done) {
    auto handle = w.find("gw1", "gw1");
    if (!handle) {
      if (done)
        done({errc::unavailable, "no gateway"});
      return;
    }
    std::string json
      = R"({"tablename":"trade","starttime":"2000-01-01",)"
        R"("endtime":"2100-01-01","columns":["time","sym","seq","size"])";
    if (!symbols.empty()) {
      json += R"(,"instruments":[)";
      for (const auto& symbol : symbols)
        json += (symbol == *symbols.begin() ? "\"" : ",\"") + symbol + "\"";
      json += "]";
    }
    if (at_least != 0)
      json += ",\"at_least\":\"" + std::to_string(at_least) + "\"";
    json += "}";
    ++issued;
    const auto must_reach = is_complete ? merged_end() : position{};
    w.request<bundle, query_cut>(
      caf::actor_cast<gateway_actor>(handle), 6s,
      [this, symbols, done, must_reach,
       asked_at = w.now()](result<std::tuple<bundle, query_cut>> got) {
        ++returned;
        if (!got) {
          ++refusals[got.failure().code];
          if (done)
            done(got.failure());
          return;
        }
        auto& [bytes, cut] = *got;
        if (cut.upper < must_reach)
          broken.push_back("an answer reaches " + to_string(cut.upper)
                           + ", merged was " + to_string(must_reach)
                           + " when it was asked");
        auto rows = rows_of(bytes.here);
        if (!rows) {
          broken.push_back("an answer does not decode: "
                           + to_string(rows.failure()));
          return;
        }
        answers.push_back({cut, symbols, *std::move(rows), w.now(), asked_at});
        if (done)
          done({});
      },
      query_atom_v, json);
  }

  /// End of the last row in the merged log.
  position merged_end() {
    const auto rows
      = rows_in_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    return rows && !rows->empty() ? rows->back().first : position{};
  }

  [[nodiscard]] bool fed() const {
    for (const auto& feed : progress)
      if (!feed->merged)
        return false;
    return true;
  }

  /// One more question, of everything up to the stream's end.
  void ask_for_everything() {
    auto files
      = rows_in_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!files || files->empty())
      return broken.push_back("the merged log cannot be read");
    const auto end = files->back().first.value;
    std::optional<error> outcome;
    for (int attempt = 0; attempt < 20; ++attempt) {
      outcome.reset();
      ask({}, end, [&](const error& fault) { outcome = fault; });
      w.run_until([&] { return outcome.has_value(); }, 10s);
      if (outcome && !*outcome)
        break;
      w.run_for(500ms);
    }
    if (!outcome || *outcome)
      return broken.push_back(
        "no answer to the last question: "
        + (outcome ? to_string(*outcome) : std::string{"none at all"}));
    if (answers.back().rows != expected)
      broken.push_back(
        "the last answer has " + std::to_string(answers.back().rows.size())
        + " rows, published were " + std::to_string(expected.size()));
  }

  /// No answer is below one that was given before this was asked, whichever
  /// lives of gateway and rdb gave them.
  void check_order() {
    for (const auto& later : answers)
      for (const auto& before : answers)
        if (before.at <= later.asked_at && later.cut.upper < before.cut.upper)
          return broken.push_back(
            "an answer at " + std::to_string(later.at.count() / 1'000'000)
            + " ms reaches " + to_string(later.cut.upper)
            + ", one before it was asked " + to_string(before.cut.upper));
  }

  /// Recounts every answer from the merged log at the answer's own cut.
  void check_answers() {
    check_order();
    auto stream
      = rows_in_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!stream)
      return broken.push_back(to_string(stream.failure()));
    for (const auto& given : answers) {
      std::vector<trade_row> recount;
      for (const auto& [end, row] : *stream)
        if (end <= given.cut.upper
            && (given.symbols.empty() || given.symbols.contains(row.sym)))
          recount.push_back(row);
      std::sort(recount.begin(), recount.end());
      if (recount != given.rows)
        broken.push_back("an answer at "
                         + std::to_string(given.at.count() / 1'000'000)
                         + " ms, manifest " + to_string(given.cut.manifest)
                         + ", cutover " + to_string(given.cut.cutover)
                         + ", upper " + to_string(given.cut.upper) + " has "
                         + std::to_string(given.rows.size()) + " rows, the log "
                         + std::to_string(recount.size()));
    }
    std::vector<trade_row> all;
    for (const auto& [end, row] : *stream)
      all.push_back(row);
    std::sort(all.begin(), all.end());
    if (all != expected)
      broken.push_back("the merged log has " + std::to_string(all.size())
                       + " rows, published were "
                       + std::to_string(expected.size()));
  }

  std::vector<std::string> finish() {
    heal(w, names);
    if (!w.run_until([this] { return fed(); }, 60s))
      broken.push_back("not all rows merged 60 s after the last fault");
    w.run_until([this] { return ended.size() == 3; }, 30s);
    end_period(9000);
    if (!w.run_until([this] { return ended.contains(9000); }, 30s))
      broken.push_back("the last period did not end");
    // Until the HDB serves the last period, and the RDB forgot it.
    bool all_written = false;
    for (int i = 0; i < 60 && !all_written; ++i) {
      w.run_for(500ms);
      const auto rdb = facts_of_rdb(w, "rdb1");
      all_written = rdb && rdb->periods_held == 0;
    }
    if (!all_written)
      broken.push_back("periods are not written");
    asking = false;
    w.run_until([this] { return returned == issued; }, 10s);
    if (returned != issued)
      broken.push_back(std::to_string(issued - returned)
                       + " questions got no answer");
    ask_for_everything();
    check_answers();
    for (const auto& defect : w.defects())
      broken.push_back(defect);
    if (!broken.empty())
      describe();
    return broken;
  }

  void describe() {
    for (const auto& name : names)
      broken.push_back("  " + name + ": lives "
                       + std::to_string(w.at(name).lives())
                       + ", boot: " + to_string(w.at(name).boot_failure()) + " "
                       + w.status(name, name));
    broken.push_back("  rt0: " + w.status("rt0", "rt/market"));
    broken.push_back("  answers: " + std::to_string(answers.size()) + " of "
                     + std::to_string(issued));
    for (const auto& [code, count] : refusals)
      broken.push_back("  refused " + std::to_string(count) + ": "
                       + std::string{to_string(code)});
  }

  world w;
  cluster_plan plan;
  rt_node_options rt;
  database_options database;
  uint64_t rows_expected = 0;
  std::vector<trade_row> expected; ///< Sorted.
  std::vector<std::shared_ptr<torq::feed_progress>> progress;
  std::vector<std::string> names;
  std::map<int64_t, uint64_t> ended; ///< Period to position.
  std::vector<answer> answers;
  uint64_t issued = 0;
  uint64_t returned = 0;
  std::map<errc, uint64_t> refusals;
  bool asking = true;
  /// Answers must hold all that was merged when they were asked.
  bool is_complete = false;
  std::vector<std::string> broken;
};

} // namespace millrace::sim
