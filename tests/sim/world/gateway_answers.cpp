#include <millrace/query/execution/partial.hpp>
#include <millrace/sim/world/gateway_answers.hpp>
#include <millrace/sim/world/table_rows.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace millrace::sim {

using namespace std::chrono_literals;

namespace {

bool is_same_value(const text::json_value& one, const text::json_value& other) {
  if (one == other)
    return true;
  const auto mine = one.number();
  const auto theirs = other.number();
  return mine && theirs
         && std::abs(*mine - *theirs)
              <= 1e-9 * std::max(std::abs(*mine), std::abs(*theirs));
}

std::vector<std::string> sorted_rows(const query_answer& of) {
  std::vector<std::string> out;
  for (const auto& row : of.rows)
    out.push_back(text::json_value{row}.dump());
  std::sort(out.begin(), out.end());
  return out;
}

result<query_answer> decoded(const bundle& all, const query_cut& cut) {
  query_answer out;
  out.warnings = cut.warnings;
  for (const auto& bytes : all.here) {
    auto partial = query::decode_partial(bytes.bytes());
    if (!partial)
      return partial.failure();
    for (const auto& piece : partial->chunks) {
      out.columns.clear();
      for (const auto& column : piece.table.columns)
        out.columns.push_back(column.name);
      for (uint64_t row = 0; row < piece.table.row_count; ++row) {
        auto& values = out.rows.emplace_back();
        for (const auto& column : piece.table.columns)
          values.push_back(value_at(column, row));
      }
    }
  }
  return out;
}

} // namespace

bool is_same_answer(const query_answer& one, const query_answer& other) {
  if (one.columns != other.columns || one.rows.size() != other.rows.size())
    return false;
  const bool in_order
    = std::equal(one.rows.begin(), one.rows.end(), other.rows.begin(),
                 [](const auto& mine, const auto& theirs) {
                   return std::equal(mine.begin(), mine.end(), theirs.begin(),
                                     theirs.end(), is_same_value);
                 });
  return in_order || sorted_rows(one) == sorted_rows(other);
}

std::string silent_gateway(const std::vector<gateway_answer>& all) {
  const auto speaks
    = std::find_if(all.begin(), all.end(),
                   [](const auto& each) { return each.said.has_value(); });
  if (speaks == all.end())
    return {};
  for (const auto& each : all)
    if (!each.said && !each.is_excused)
      return each.gateway + " does not answer, while " + speaks->gateway
             + " does: " + to_string(each.said.failure());
  return {};
}

std::string differing_gateways(const std::vector<gateway_answer>& all) {
  const gateway_answer* first = nullptr;
  for (const auto& each : all) {
    if (!each.said || !each.said->warnings.empty())
      continue;
    if (first == nullptr)
      first = &each;
    else if (!is_same_answer(*first->said, *each.said))
      return each.gateway + " answers otherwise than " + first->gateway + ": "
             + std::to_string(each.said->rows.size()) + " rows, and "
             + std::to_string(first->said->rows.size());
  }
  return {};
}

bool has_moved(const std::vector<gateway_answer>& before,
               const std::vector<gateway_answer>& now) {
  for (const auto& each : now)
    for (const auto& old : before)
      if (each.gateway == old.gateway && each.said && old.said
          && !is_same_answer(*each.said, *old.said))
        return true;
  return false;
}

// -- asking them --------------------------------------------------------------

/// Whether a link of its node, in either direction, is not as it was.
bool world::is_hindered(const node& who) {
  auto& links = connections_.links();
  for (size_t other = 0; other < nodes_.size(); ++other)
    if (links.is_harmed(who.number_, other)
        || links.is_harmed(other, who.number_))
      return true;
  return false;
}

/// All gateways of the file that live and run, at once: each of them has the
/// same rows to answer with.
std::vector<gateway_answer>
world::ask_gateways(const std::string& getdata,
                    std::vector<std::string>* not_running) {
  struct asked {
    std::string gateway;
    node* where = nullptr;
    uint64_t lives = 0;
    bool is_hindered = false;
    std::shared_ptr<std::optional<result<std::tuple<bundle, query_cut>>>> got;
  };
  std::vector<asked> all;
  for (const auto& each : cluster_->processes) {
    if (each.type != nodes::process_type::gateway || !has_node(each.node))
      continue;
    auto& where = at(each.node);
    const auto gateway = find(each.node, each.name);
    if (!gateway && where.alive() && not_running != nullptr)
      not_running->push_back(each.name);
    if (!gateway || where.paused())
      continue;
    auto& made = all.emplace_back();
    made = {
      each.name, &where, where.lives(), is_hindered(where),
      std::make_shared<std::optional<result<std::tuple<bundle, query_cut>>>>()};
    request<bundle, query_cut>(
      caf::actor_cast<gateway_actor>(gateway), 40s,
      [got = made.got](auto answer) { *got = std::move(answer); }, query_atom_v,
      getdata);
  }
  (void)run_until(
    [&] {
      return std::all_of(all.begin(), all.end(), [](const auto& each) {
        return each.got->has_value();
      });
    },
    41s);
  std::vector<gateway_answer> out;
  for (const auto& each : all) {
    result<query_answer> said = error{errc::timeout, "no answer"};
    if (*each.got && **each.got)
      said = decoded(std::get<0>(***each.got), std::get<1>(***each.got));
    else if (*each.got)
      said = (*each.got)->failure();
    out.push_back({each.gateway, std::move(said),
                   each.is_hindered || is_hindered(*each.where)
                     || !each.where->alive() || each.where->paused()
                     || each.where->lives() != each.lives});
  }
  return out;
}

result<query_answer> world::query(const std::string& getdata) {
  if (!has_cluster("query"))
    return error{errc::invalid_argument, "there is no cluster"};
  auto all = ask_gateways(getdata);
  const auto end = now() + 60s;
  for (;;) {
    const auto silent = silent_gateway(all);
    const auto differing = differing_gateways(all);
    if (silent.empty() && differing.empty())
      break;
    if (now() >= end) {
      fail("query: for a minute, " + (silent.empty() ? differing : silent));
      break;
    }
    run_for(500ms);
    auto next = ask_gateways(getdata);
    const bool moved = has_moved(all, next);
    all = std::move(next);
    if (moved && silent_gateway(all).empty())
      break;
  }
  if (all.empty())
    return error{errc::unavailable, "no gateway lives and runs"};
  const auto speaks
    = std::find_if(all.begin(), all.end(),
                   [](const auto& each) { return each.said.has_value(); });
  return speaks == all.end() ? std::move(all.front().said)
                             : std::move(speaks->said);
}

} // namespace millrace::sim
