// What queries cost on one thread beside reading memory: 10 M trades of 500
// symbols and 5 days, as an rdb holds them (arrival order, segments of 64 Ki
// rows) and as an hdb does (sorted by symbol and time, one partition per day).
// Bytes are those of the columns that a query must read.

#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/execution.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <numeric>
#include <random>

namespace millrace::query {
namespace {

using persistence::column_view;
using persistence::segment_view;
using persistence::symbol_range;
using persistence::zone_map;

constexpr uint32_t symbol_count = 500;
constexpr uint32_t day_count = 5;
constexpr uint32_t day_rows = 2'000'000;
constexpr uint32_t segment_rows = 65'536;
constexpr int64_t open_ns = 34'200'000'000'000;
constexpr int64_t session_ns = 23'400'000'000'000;
constexpr int64_t hour_ns = 3'600'000'000'000;
constexpr int64_t first_day_ns = 5029 * text::day_ns;

class dictionary : public persistence::symbol_dictionary {
public:
  dictionary() {
    texts_.emplace_back();
    for (uint32_t i = 0; i < symbol_count; ++i) {
      char text[8];
      std::snprintf(text, sizeof text, "S%03u", i);
      texts_.emplace_back(text);
    }
  }
  uint32_t size() const noexcept override {
    return static_cast<uint32_t>(texts_.size());
  }
  std::string_view text(uint32_t code) const noexcept override {
    return texts_[code];
  }
  std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override {
    const auto found = std::lower_bound(texts_.begin(), texts_.end(), symbol);
    if (found == texts_.end() || *found != symbol)
      return std::nullopt;
    return static_cast<uint32_t>(found - texts_.begin());
  }

private:
  std::vector<std::string> texts_;
};

class index : public persistence::symbol_index {
public:
  std::vector<std::vector<uint16_t>> lists
    = std::vector<std::vector<uint16_t>>(symbol_count + 1);
  std::span<const uint16_t> rows(uint32_t code,
                                 uint32_t) const noexcept override {
    return lists[code];
  }
};

struct columns {
  std::vector<int64_t> time;
  std::vector<uint32_t> symbol;
  std::vector<double> price;
  std::vector<int64_t> size;
};

/// Both layouts of the same rows.
class data_set {
public:
  data_set() {
    schema_->name = "trade";
    schema_->columns = {{"time", column_type::timestamp},
                        {"sym", column_type::symbol},
                        {"price", column_type::float_},
                        {"size", column_type::long_}};
    schema_->time_column = "time";
    schema_->symbol_column = "sym";
    std::mt19937_64 random{1};
    for (uint32_t day = 0; day < day_count; ++day) {
      arrival_.push_back(make_day(random, day));
      sorted_.push_back(sort_day(arrival_.back(), day));
    }
    make_rdb();
    make_hdb();
  }

  [[nodiscard]] const std::vector<persistence::table_view>&
  parts(bool hdb) const {
    return hdb ? hdb_ : rdb_;
  }
  [[nodiscard]] logical_plan plan() const {
    logical_plan out;
    out.table = "trade";
    out.types = schema_->columns;
    out.time_column = out.order_column = "time";
    out.symbol_column = "sym";
    return out;
  }
  [[nodiscard]] const columns& day(uint32_t i) const { return arrival_[i]; }

private:
  static columns make_day(std::mt19937_64& random, uint32_t day) {
    // Few symbols have most of the trades.
    std::vector<double> weights;
    for (uint32_t i = 1; i <= symbol_count; ++i)
      weights.push_back(1.0 / i);
    std::discrete_distribution<uint32_t> symbol{weights.begin(), weights.end()};
    columns out;
    for (uint32_t i = 0; i < day_rows; ++i) {
      out.time.push_back(first_day_ns + day * text::day_ns + open_ns
                         + int64_t{i} * (session_ns / day_rows));
      out.symbol.push_back(symbol(random) + 1);
      out.price.push_back(100 + static_cast<double>(random() % 1000) / 100);
      out.size.push_back(static_cast<int64_t>(100 + random() % 900));
    }
    return out;
  }

  columns sort_day(const columns& from, uint32_t day) {
    std::vector<uint32_t> order(day_rows);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return from.symbol[a] < from.symbol[b];
    });
    columns out;
    for (const auto row : order) {
      out.time.push_back(from.time[row]);
      out.symbol.push_back(from.symbol[row]);
      out.price.push_back(from.price[row]);
      out.size.push_back(from.size[row]);
    }
    auto& ranges = ranges_[day];
    for (uint32_t i = 0; i < day_rows; ++i) {
      if (ranges.empty() || ranges.back().code != out.symbol[i])
        ranges.push_back({out.symbol[i], i, i});
      ranges.back().end = i + 1;
    }
    orders_[day] = std::move(order);
    return out;
  }

  segment_view segment_of(const columns& from, uint32_t begin, uint32_t end) {
    auto& views = views_.emplace_back();
    auto view = [&](column_type type, const auto& values) {
      views.push_back(
        {type, reinterpret_cast<const std::byte*>(values.data() + begin),
         type == column_type::symbol ? &dictionary_ : nullptr, nullptr});
    };
    view(column_type::timestamp, from.time);
    view(column_type::symbol, from.symbol);
    view(column_type::float_, from.price);
    view(column_type::long_, from.size);
    auto& zones = zones_.emplace_back(4);
    const auto [low, high]
      = std::minmax_element(from.time.begin() + begin, from.time.begin() + end);
    zones[0] = {false, *low, *high, 0, 0};
    zones[1] = {false, 1, symbol_count, 0, 0};
    zones[2] = {false, 0, 0, 100, 110};
    zones[3] = {false, 100, 999, 0, 0};
    segment_view out;
    out.row_count = end - begin;
    out.columns = views;
    out.zones = zones;
    return out;
  }

  void make_rdb() {
    auto& view = rdb_.emplace_back();
    view.schema = schema_;
    view.part_order = ~uint64_t{0};
    for (uint32_t day = 0; day < day_count; ++day)
      for (uint32_t begin = 0; begin < day_rows; begin += segment_rows) {
        const auto end = std::min(begin + segment_rows, day_rows);
        view.segments.push_back(segment_of(arrival_[day], begin, end));
        auto& list = indexes_.emplace_back();
        for (auto row = begin; row < end; ++row)
          list.lists[arrival_[day].symbol[row]].push_back(
            static_cast<uint16_t>(row - begin));
        view.segments.back().index = &list;
        view.segments.back().order_base = uint64_t{day} * day_rows + begin;
      }
  }

  void make_hdb() {
    for (uint32_t day = 0; day < day_count; ++day) {
      auto& view = hdb_.emplace_back();
      view.schema = schema_;
      view.part_order = day;
      view.segments.push_back(segment_of(sorted_[day], 0, day_rows));
      view.segments.back().ranges = ranges_[day];
      view.segments.back().order = orders_[day].data();
    }
  }

  std::shared_ptr<table_schema> schema_ = std::make_shared<table_schema>();
  dictionary dictionary_;
  std::vector<columns> arrival_;
  std::vector<columns> sorted_;
  std::vector<symbol_range> ranges_[day_count];
  std::vector<uint32_t> orders_[day_count];
  std::deque<std::vector<column_view>> views_;
  std::deque<std::vector<zone_map>> zones_;
  std::deque<index> indexes_;
  std::vector<persistence::table_view> rdb_;
  std::vector<persistence::table_view> hdb_;
};

const data_set& data() {
  static const data_set set;
  return set;
}

void run(benchmark::State& state, const logical_plan& plan, size_t row_bytes) {
  const auto& parts = data().parts(state.range(0) != 0);
  uint64_t rows = 0;
  for (auto _ : state) {
    auto partial = execute(plan, parts);
    merger merge{plan};
    if (!partial || merge.add(std::move(*partial))) {
      state.SkipWithError("the query failed");
      return;
    }
    auto found = merge.finish();
    rows = merge.statistics().read.rows_scanned;
    benchmark::DoNotOptimize(found->row_count);
  }
  state.SetBytesProcessed(static_cast<int64_t>(
    static_cast<uint64_t>(state.iterations()) * rows * row_bytes));
  state.counters["rows"] = static_cast<double>(rows);
}

void vwap_by_symbol_and_bar(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}, {"time", 300'000'000'000, "time"}};
  plan.aggregates = {{aggregate_function::wavg, {"size", "price"}, "vwap"}};
  run(state, plan, 28);
}

void ohlc_by_symbol_and_bar(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}, {"time", 60'000'000'000, "time"}};
  plan.aggregates = {{aggregate_function::first, {"price"}, "o"},
                     {aggregate_function::max, {"price"}, "h"},
                     {aggregate_function::min, {"price"}, "l"},
                     {aggregate_function::last, {"price"}, "c"},
                     {aggregate_function::sum, {"size"}, "v"}};
  run(state, plan, 28);
}

void symbol_and_hour(benchmark::State& state) {
  auto plan = data().plan();
  plan.symbols = {{"S100"}};
  const auto start = first_day_ns + 2 * text::day_ns + open_ns + hour_ns;
  plan.range = {start, start + hour_ns};
  for (const auto& column : plan.types)
    plan.outputs.push_back({column.name, column.name});
  run(state, plan, 28);
}

void last_by_symbol(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::last, {"price"}, "price"}};
  run(state, plan, 12);
}

void count_by_symbol(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  run(state, plan, 4);
}

void filter_and_count(benchmark::State& state) {
  auto plan = data().plan();
  plan.filters = {{"price", predicate_op::greater, false, {105.0}},
                  {"size", predicate_op::less, false, {int64_t{500}}}};
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  run(state, plan, 16);
}

void sum_of_column(benchmark::State& state) {
  auto plan = data().plan();
  plan.aggregates = {{aggregate_function::sum, {"price"}, "s"}};
  run(state, plan, 8);
}

using double4 = double __attribute__((vector_size(32)));

void top_five_by_price(benchmark::State& state) {
  auto plan = data().plan();
  plan.outputs = {{"price", "price"}, {"sym", "sym"}, {"size", "size"}};
  plan.ordering = {{0, true}};
  plan.sublist = 5;
  run(state, plan, 8);
}

/// Its first term tells no rows apart, as that of a place for nulls does.
void top_five_by_flag_and_price(benchmark::State& state) {
  auto plan = data().plan();
  plan.types.push_back({"none", column_type::boolean});
  auto none = call_of(scalar_function::is_null, {column_of("price")});
  (void)resolve(
    none, [](std::string_view) { return std::optional{column_type::float_}; });
  plan.computed = {{"none", none}};
  plan.outputs = {{"none", "none"}, {"price", "price"}, {"sym", "sym"}};
  plan.ordering = {{0, false}, {1, true}};
  plan.sublist = 5;
  run(state, plan, 8);
}

void top_five_by_symbol(benchmark::State& state) {
  auto plan = data().plan();
  plan.outputs = {{"sym", "sym"}, {"price", "price"}, {"size", "size"}};
  plan.ordering = {{0, true}, {1, false}};
  plan.sublist = 5;
  run(state, plan, 12);
}

void last_five_by_time(benchmark::State& state) {
  auto plan = data().plan();
  plan.outputs = {{"time", "time"}, {"price", "price"}};
  plan.ordering = {{0, true}};
  plan.sublist = 5;
  run(state, plan, 8);
}

void first_100k_by_size(benchmark::State& state) {
  auto plan = data().plan();
  plan.outputs = {{"size", "size"}, {"price", "price"}};
  plan.ordering = {{0, false}, {1, false}};
  plan.sublist = 100'000;
  run(state, plan, 16);
}

void deviation_by_symbol(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::dev, {"price"}, "d"}};
  run(state, plan, 12);
}

void median_by_symbol(benchmark::State& state) {
  auto plan = data().plan();
  plan.keys = {{"sym", 0, "sym"}};
  plan.aggregates = {{aggregate_function::med, {"price"}, "m"}};
  run(state, plan, 12);
}

/// The limit beside them: one thread reads a column and adds, in whatever
/// order, and loses what rounding loses.
void memory_read(benchmark::State& state) {
  (void)data(); // Made outside what is timed.
  for (auto _ : state) {
    double4 total[4] = {};
    for (uint32_t day = 0; day < day_count; ++day) {
      const auto* from = data().day(day).price.data();
      for (size_t i = 0; i + 16 <= day_rows; i += 16)
        for (size_t lane = 0; lane < 4; ++lane) {
          double4 x;
          std::memcpy(&x, from + i + 4 * lane, sizeof x);
          total[lane] += x == x ? x : double4{};
        }
    }
    benchmark::DoNotOptimize(total);
  }
  state.SetBytesProcessed(static_cast<int64_t>(
    static_cast<uint64_t>(state.iterations()) * day_count * day_rows * 8));
}

void exact_sum_of_runs(benchmark::State& state) {
  (void)data();
  const auto rows = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    exact_sums sums;
    sums.resize(day_rows / rows + 1);
    for (uint32_t day = 0; day < day_count; ++day)
      for (size_t i = 0; i + rows <= day_rows; i += rows)
        sums.add_run(static_cast<uint32_t>(i / rows),
                     data().day(day).price.data() + i, rows);
    benchmark::DoNotOptimize(sums);
  }
  state.SetBytesProcessed(static_cast<int64_t>(
    static_cast<uint64_t>(state.iterations()) * day_count * day_rows * 8));
}

/// What a query costs that finds nothing to scan.
void empty_query(benchmark::State& state) {
  auto plan = data().plan();
  plan.symbols = {{"nobody"}};
  plan.aggregates = {{aggregate_function::count, {}, "n"}};
  run(state, plan, 0);
}

// Argument 0: as in an rdb, 1: as in an hdb.
#define MILLRACE_QUERY_BENCH(name)                                             \
  BENCHMARK(name)->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond)
BENCHMARK(memory_read)->Unit(benchmark::kMicrosecond);
BENCHMARK(exact_sum_of_runs)
  ->Arg(1)
  ->Arg(50)
  ->Arg(100'000)
  ->Unit(benchmark::kMicrosecond);
MILLRACE_QUERY_BENCH(vwap_by_symbol_and_bar);
MILLRACE_QUERY_BENCH(ohlc_by_symbol_and_bar);
MILLRACE_QUERY_BENCH(symbol_and_hour);
MILLRACE_QUERY_BENCH(last_by_symbol);
MILLRACE_QUERY_BENCH(count_by_symbol);
MILLRACE_QUERY_BENCH(filter_and_count);
MILLRACE_QUERY_BENCH(sum_of_column);
MILLRACE_QUERY_BENCH(top_five_by_price);
MILLRACE_QUERY_BENCH(top_five_by_flag_and_price);
MILLRACE_QUERY_BENCH(top_five_by_symbol);
MILLRACE_QUERY_BENCH(last_five_by_time);
MILLRACE_QUERY_BENCH(first_100k_by_size);
MILLRACE_QUERY_BENCH(deviation_by_symbol);
MILLRACE_QUERY_BENCH(median_by_symbol);
MILLRACE_QUERY_BENCH(empty_query);

} // namespace
} // namespace millrace::query

BENCHMARK_MAIN();
