#include <millrace/bench/query_ask.hpp>
#include <millrace/bench/query_bench.hpp>
#include <millrace/bench/query_data.hpp>
#include <millrace/bench/query_set.hpp>

#include <algorithm>
#include <array>
#include <iterator>

namespace millrace::bench {

namespace {

constexpr std::array layouts{row_layout::hdb, row_layout::rdb};
constexpr std::array<std::string_view, 3> peers{
  "DuckDB in memory, in order of arrival", "DuckDB in memory, sorted",
  "DuckDB with its own file, sorted"};
static_assert(std::size(duckdb_places) == peers.size());

std::string name_of(const asked_query& query, row_layout layout) {
  return "query_" + std::string{query.name} + '_'
         + std::string{to_string(layout)};
}

double ms_since(int64_t begin) {
  return static_cast<double>(now_ns() - begin) / 1e6;
}

/// One question, and all who answer it.
class query_contest {
public:
  query_contest(const asked_query& query, const query_data& data)
    : query_{query}, data_{data},
      ours_{question_of(filled_in(query.ours, data))}, theirs_{filled_in(
                                                         query.theirs, data)} {}

  /// Compares the answers, which also warms what they are made of.
  error compare(const std::vector<row_layout>& wanted) {
    auto from_peer = data_.duckdb->rows(theirs_);
    if (!from_peer)
      return from_peer.failure();
    for (const auto layout : wanted) {
      auto got = ask(data_, layout, ours_);
      if (!got)
        return about(layout, got.failure());
      auto mine = answer_of(*got);
      if (!mine)
        return about(layout, mine.failure());
      if (auto fault = difference(*mine, *from_peer, query_.rounded))
        return about(layout, fault);
    }
    return {};
  }

  error run_peer(size_t i, std::vector<double>& times) {
    if (auto fault
        = data_.duckdb->query("USE " + std::string{duckdb_places[i]}))
      return fault;
    const auto begin = now_ns();
    if (auto fault = data_.duckdb->query(theirs_))
      return fault;
    times.push_back(ms_since(begin));
    return {};
  }

  error run_ours(row_layout layout, std::vector<double>& times) {
    const auto begin = now_ns();
    auto got = ask(data_, layout, ours_);
    if (!got)
      return about(layout, got.failure());
    times.push_back(ms_since(begin));
    return {};
  }

private:
  [[nodiscard]] error about(row_layout layout, error fault) const {
    fault.context = name_of(query_, layout) + ": " + fault.context;
    return fault;
  }

  const asked_query& query_;
  const query_data& data_;
  std::string ours_;
  std::string theirs_;
};

/// The best peer stands first: none is to be faster than ours.
std::vector<comparison>
beside(const std::array<std::vector<double>, peers.size()>& times) {
  std::vector<comparison> out;
  for (size_t i = 0; i < peers.size(); ++i)
    out.push_back({std::string{peers[i]}, median(times[i])});
  const auto best = std::ranges::min_element(out, {}, &comparison::value);
  best->target = 1;
  std::rotate(out.begin(), best, best + 1);
  return out;
}

error measure(const asked_query& query, const query_data& data,
              const measure_options& options,
              const std::vector<row_layout>& wanted,
              const std::function<void(outcome)>& each) {
  query_contest contest{query, data};
  if (auto fault = data.duckdb->query("USE memory.rdb"))
    return fault;
  if (auto fault = contest.compare(wanted))
    return fault;
  std::array<std::vector<double>, peers.size()> theirs;
  std::array<std::vector<double>, layouts.size()> ours;
  // The first round warms caches, and does not count.
  for (unsigned run = 0; run <= options.runs; ++run) {
    for (size_t i = 0; i < peers.size(); ++i)
      if (auto fault = contest.run_peer(i, theirs[i]))
        return fault;
    for (const auto layout : wanted)
      if (auto fault
          = contest.run_ours(layout, ours[static_cast<size_t>(layout)]))
        return fault;
    if (run == 0) {
      theirs = {};
      ours = {};
    }
  }
  for (const auto layout : wanted) {
    outcome out;
    out.name = name_of(query, layout);
    out.unit = "ms";
    out.less_is_better = true;
    out.target
      = layout == row_layout::hdb ? query.target_hdb : query.target_rdb;
    out.runs = ours[static_cast<size_t>(layout)];
    out.value = median(out.runs);
    out.beside = beside(theirs);
    each(std::move(out));
  }
  return {};
}

} // namespace

std::vector<query_benchmark> query_benchmarks() {
  std::vector<query_benchmark> out;
  for (const auto& query : asked_queries())
    for (const auto layout : layouts)
      out.push_back(
        {name_of(query, layout), std::string{query.what} + ", as in an "
                                   + std::string{to_string(layout)}});
  return out;
}

error measure_queries(const measure_options& options,
                      const std::function<bool(std::string_view)>& is_wanted,
                      const std::function<void(outcome)>& each) {
  auto data = make_query_data(options);
  if (!data)
    return data.failure();
  for (const auto& query : asked_queries()) {
    std::vector<row_layout> wanted;
    for (const auto layout : layouts)
      if (is_wanted(name_of(query, layout)))
        wanted.push_back(layout);
    if (wanted.empty())
      continue;
    if (auto fault = measure(query, **data, options, wanted, each))
      return fault;
  }
  return {};
}

} // namespace millrace::bench
