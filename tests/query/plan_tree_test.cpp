#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>

#include "plan_support.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;
using namespace operators;
using sf = scalar_function;

table_schema trades_schema() {
  table_schema out;
  out.name = "trade";
  out.columns = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
                 {"price", column_type::float_},   {"size", column_type::long_},
                 {"side", column_type::char_},     {"n", column_type::int_}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

table_schema quotes_schema() {
  table_schema out;
  out.name = "quote";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"bid", column_type::float_},
                 {"ask", column_type::float_},
                 {"size", column_type::long_}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

/// Rows of both tables from a seed, and two ways in which stores hold them.
class market {
public:
  explicit market(uint64_t seed) : random_{seed} {
    trades = make(trades_schema(), 1 + below(400));
    quotes = make(quotes_schema(), below(500));
  }

  size_t below(size_t limit) { return random_() % limit; }

  /// All in one part, as they came.
  parts_of_tables whole() {
    return {{"trade", parts(trades_schema(), trades, 1)},
            {"quote", parts(quotes_schema(), quotes, 1)}};
  }
  /// Partitions, and what an rdb holds.
  parts_of_tables cut() {
    return {{"trade", parts(trades_schema(), trades, 3)},
            {"quote", parts(quotes_schema(), quotes, 3)}};
  }

  std::vector<row> trades;
  std::vector<row> quotes;

private:
  std::vector<row> make(const table_schema& schema, size_t count) {
    std::vector<row> out;
    int64_t time = 0;
    for (size_t i = 0; i < count; ++i) {
      auto& cells = out.emplace_back();
      time += static_cast<int64_t>(below(3)) * 1'000'000'000;
      for (const auto& column : schema.columns)
        cells.push_back(value(column, time));
    }
    return out;
  }

  cell value(const column_schema& column, int64_t time) {
    const bool null = below(9) == 0;
    switch (column.type) {
      case column_type::timestamp:
        return time;
      case column_type::symbol:
        return std::string{"ABCD"[below(4)]};
      case column_type::float_:
        return null ? nan_value : static_cast<double>(below(400)) / 8 - 10;
      case column_type::char_:
        return static_cast<int64_t>("BS "[below(3)]);
      default:
        return null ? null_long : static_cast<int64_t>(below(20)) - 4;
    }
  }

  static std::vector<persistence::table_view>
  parts(const table_schema& schema, const std::vector<row>& rows,
        size_t count) {
    std::vector<persistence::table_view> out;
    const auto step = rows.size() / count + 1;
    for (size_t i = 0; i < count; ++i) {
      const auto begin = std::min(i * step, rows.size());
      const auto end = std::min(begin + step, rows.size());
      std::vector<placed_row> placed;
      for (auto r = begin; r < end; ++r)
        placed.push_back({rows[r], 0, 0});
      layout how;
      how.sorted = i + 1 < count;
      how.indexed = count > 1 && i + 1 == count;
      how.part_order = i;
      how.order_base = begin;
      out.push_back(make_view(schema, placed, how));
    }
    return out;
  }

  std::mt19937_64 random_;
};

expression whole(int64_t value) {
  return constant_of(column_type::long_, literal{value});
}
expression binary_of(sf function, expression a, expression b) {
  return call_of(function, {std::move(a), std::move(b)});
}

std::vector<row> run_cells(const plan_node& plan,
                           const parts_of_tables& tables) {
  auto table = run_tree(plan, tables);
  EXPECT_TRUE(table) << to_string(table.failure());
  return table ? cells_of(*table) : std::vector<row>{};
}

double number(const cell& x) { return std::get<double>(x); }
int64_t integer(const cell& x) { return std::get<int64_t>(x); }
const std::string& text(const cell& x) { return std::get<std::string>(x); }

class PlanTreeTest : public ::testing::TestWithParam<uint64_t> {};

/// Computed columns in filters, keys, aggregates and above them.
TEST_P(PlanTreeTest, ComputesInAllPlaces) {
  market m{GetParam()};
  auto notional
    = binary_of(sf::multiply, column_of("price"), column_of("size"));
  auto filtered
    = node_of(filter{{binary_of(sf::greater, notional, whole(5)),
                      call_of(sf::logical_not,
                              {call_of(sf::is_null, {column_of("size")})})}},
              {scan_of(trades_schema())});
  auto groups = node_of(
    operators::aggregate{
      {{"sym", column_of("sym")},
       {"odd", binary_of(sf::modulo, column_of("size"), whole(2))}},
      {{"total", aggregate_function::sum, {notional}},
       {"rows", aggregate_function::count, {}},
       {"final", aggregate_function::last, {notional}}}},
    {std::move(filtered)});
  auto plan = node_of(
    project{
      {{"sym", column_of("sym")},
       {"odd", column_of("odd")},
       {"mean", binary_of(sf::divide, column_of("total"), column_of("rows"))},
       {"final", column_of("final")}}},
    {std::move(groups)});
  std::map<std::pair<std::string, int64_t>, std::pair<row, row>> wanted;
  std::map<std::pair<std::string, int64_t>, std::vector<double>> values;
  for (const auto& r : m.trades) {
    const auto price = number(r[2]);
    const auto size = integer(r[3]);
    const auto value
      = size == null_long ? nan_value : price * static_cast<double>(size);
    if (!(value > 5))
      continue;
    values[{text(r[1]), ((size % 2) + 2) % 2}].push_back(value);
  }
  std::vector<row> expected;
  for (const auto& [key, list] : values) {
    double sum = 0; // Exact: eighths.
    for (const auto x : list)
      sum += x;
    expected.push_back({key.first, key.second,
                        sum / static_cast<double>(list.size()), list.back()});
  }
  EXPECT_EQ("", difference(expected, run_cells(plan, m.whole())));
  EXPECT_EQ("", difference(expected, run_cells(plan, m.cut())));
}

/// Against the slow and obvious way: for each trade all quotes.
TEST_P(PlanTreeTest, JoinsAsOf) {
  market m{GetParam()};
  const auto where = static_cast<asof_join::direction>(1 + m.below(3));
  asof_join how{{"sym", "time"}, where, {}, false};
  if (m.below(2) == 0)
    how.tolerance = 3'000'000'000;
  auto left = node_of(
    project{{{"time", column_of("time")},
             {"sym", column_of("sym")},
             {"size", column_of("size")}}},
    {node_of(
      filter{
        {binary_of(sf::not_equal, column_of("sym"),
                   constant_of(column_type::symbol, literal{std::string{"B"}})),
         binary_of(sf::less, column_of("time"),
                   constant_of(column_type::timestamp,
                               literal{int64_t{200'000'000'000}}))}},
      {scan_of(trades_schema())})});
  auto plan = node_of(
    operators::sort{{{"time", false}, {"sym", false}, {"size", false}}},
    {node_of(how, {std::move(left), scan_of(quotes_schema())})});
  std::vector<row> expected;
  for (const auto& trade : m.trades) {
    const auto time = integer(trade[0]);
    if (text(trade[1]) == "B" || time >= 200'000'000'000)
      continue;
    const row* best = nullptr;
    auto apart
      = [&](const row& quote) { return std::abs(integer(quote[0]) - time); };
    for (const auto& quote : m.quotes) {
      const auto at = integer(quote[0]);
      const bool may
        = text(quote[1]) == text(trade[1])
          && (where != asof_join::direction::backward || at <= time)
          && (where != asof_join::direction::forward || at >= time)
          && (!how.tolerance || apart(quote) <= *how.tolerance);
      if (!may)
        continue;
      // Of equally near ones the one before, of equal ones the last.
      if (!best || apart(quote) < apart(*best)
          || (apart(quote) == apart(*best) && at == integer((*best)[0])))
        best = &quote;
    }
    expected.push_back({trade[0], trade[1], best ? (*best)[4] : trade[3],
                        best ? (*best)[2] : cell{nan_value},
                        best ? (*best)[3] : cell{nan_value}});
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const row& a, const row& b) {
                     for (size_t i = 0; i < 3; ++i)
                       if (const auto order = compare_cells(a[i], b[i]))
                         return order < 0;
                     return false;
                   });
  auto sorted = [](std::vector<row> rows) {
    std::sort(rows.begin(), rows.end(), [](const row& a, const row& b) {
      for (size_t i = 0; i < a.size(); ++i)
        if (const auto order = compare_cells(a[i], b[i]))
          return order < 0;
      return false;
    });
    return rows;
  };
  EXPECT_EQ("",
            difference(sorted(expected), sorted(run_cells(plan, m.whole()))));
  EXPECT_EQ("", difference(sorted(expected), sorted(run_cells(plan, m.cut()))));
}

/// By time, then as they came.
std::vector<row> in_order_of_time(std::vector<row> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const row& a, const row& b) {
    return integer(a[0]) < integer(b[0]);
  });
  return rows;
}

/// The last row of `of`, which are a symbol's so far, with its running values.
row with_running_values(const std::vector<row>& of, size_t width) {
  int64_t total = 0;
  int64_t moving = 0;
  double sum = 0;
  double count = 0;
  auto best = nan_value;
  auto known = nan_value;
  for (size_t i = 0; i < of.size(); ++i) {
    const auto size = integer(of[i][3]);
    const bool near = i + width >= of.size();
    total += size == null_long ? 0 : size;
    if (near && size != null_long) {
      moving += size;
      sum += static_cast<double>(size);
      ++count;
    }
    const auto price = number(of[i][2]);
    if (near && !std::isnan(price) && !(price <= best))
      best = price;
    if (!std::isnan(price))
      known = price;
  }
  const auto last = of.size() - 1;
  const auto size = integer(of[last][3]);
  const auto before = last == 0 ? int64_t{0} : integer(of[last - 1][3]);
  auto out = of[last];
  out.push_back(total);
  out.push_back(moving);
  out.push_back(count == 0 ? nan_value : sum / count);
  out.push_back(best);
  out.push_back(last == 0                                  ? size
                : size == null_long || before == null_long ? null_long
                                                           : size - before);
  out.push_back(of.size() > width ? of[last - width][4] : cell{int64_t{' '}});
  out.push_back(known);
  out.push_back(int64_t{last == 0 || of[last - 1][4] != of[last][4]});
  return out;
}

/// Running values per symbol, in the order of time, however rows are stored.
TEST_P(PlanTreeTest, RunsPerGroup) {
  market m{GetParam()};
  const int64_t width = 1 + static_cast<int64_t>(m.below(5));
  using wf = window_function;
  auto running_of = [&](const char* name, wf function, const char* column) {
    return running{name, function, column_of(column), width, 0};
  };
  auto plan
    = node_of(window{{"sym"},
                     {running_of("total", wf::sums, "size"),
                      running_of("moving", wf::moving_sum, "size"),
                      running_of("mean", wf::moving_average, "size"),
                      running_of("best", wf::moving_max, "price"),
                      running_of("change", wf::deltas, "size"),
                      running_of("before", wf::shifted, "side"),
                      running_of("known", wf::fills, "price"),
                      running_of("new", wf::differ, "side")},
                     {{"most", aggregate_function::max, {column_of("price")}}}},
              {scan_of(trades_schema())});
  std::map<std::string, std::vector<row>> seen;
  std::map<std::string, double> most;
  for (const auto& r : m.trades) {
    auto& held = most.try_emplace(text(r[1]), nan_value).first->second;
    if (!std::isnan(number(r[2])) && !(number(r[2]) <= held))
      held = number(r[2]);
  }
  std::vector<row> expected;
  for (const auto& r : in_order_of_time(m.trades)) {
    auto& of = seen[text(r[1])];
    of.push_back(r);
    expected.push_back(with_running_values(of, static_cast<size_t>(width)));
    expected.back().push_back(most[text(r[1])]);
  }
  EXPECT_EQ("", difference(expected, run_cells(plan, m.whole())));
  EXPECT_EQ("", difference(expected, run_cells(plan, m.cut())));
}

TEST_P(PlanTreeTest, JoinsWindows) {
  market m{GetParam()};
  const bool prevailing = m.below(2) == 0;
  window_join how{{"sym", "time"},
                  -2'000'000'000,
                  1'000'000'000,
                  prevailing,
                  {{"high", aggregate_function::max, {column_of("ask")}},
                   {"quotes", aggregate_function::count, {}},
                   {"size", aggregate_function::sum, {column_of("size")}}}};
  auto left
    = node_of(project{{{"time", column_of("time")}, {"sym", column_of("sym")}}},
              {scan_of(trades_schema())});
  auto plan = node_of(how, {std::move(left), scan_of(quotes_schema())});
  std::vector<row> expected;
  for (const auto& trade : m.trades) {
    const auto low = integer(trade[0]) + how.low;
    const auto high = integer(trade[0]) + how.high;
    auto best = nan_value;
    int64_t count = 0;
    int64_t size = 0;
    auto take = [&](const row& quote) {
      ++count;
      if (!std::isnan(number(quote[3])) && !(number(quote[3]) <= best))
        best = number(quote[3]);
      size += integer(quote[4]) == null_long ? 0 : integer(quote[4]);
    };
    const row* before = nullptr;
    bool came_then = false;
    for (const auto& quote : m.quotes) {
      if (text(quote[1]) != text(trade[1]))
        continue;
      const auto at = integer(quote[0]);
      if (at < low)
        before = &quote;
      came_then |= at == low;
      if (at >= low && at <= high)
        take(quote);
    }
    if (prevailing && before && !came_then)
      take(*before);
    expected.push_back({trade[0], trade[1], best, count, size});
  }
  EXPECT_EQ("", difference(expected, run_cells(plan, m.whole())));
}

TEST_P(PlanTreeTest, JoinsOnEqualityAndUnites) {
  market m{GetParam()};
  auto totals = node_of(
    operators::aggregate{
      {{"sym", column_of("sym")}},
      {{"volume", aggregate_function::sum, {column_of("size")}}}},
    {node_of(filter{{binary_of(sf::greater, column_of("price"), whole(30))}},
             {scan_of(trades_schema())})});
  const bool inner = m.below(2) == 0;
  auto plan = node_of(
    equi_join{inner, {"sym"}},
    {node_of(project{{{"sym", column_of("sym")}, {"bid", column_of("bid")}}},
             {scan_of(quotes_schema())}),
     totals});
  std::map<std::string, int64_t> sums;
  for (const auto& r : m.trades)
    if (number(r[2]) > 30)
      sums[text(r[1])] += integer(r[3]) == null_long ? 0 : integer(r[3]);
  std::vector<row> expected;
  for (const auto& quote : m.quotes) {
    const auto found = sums.find(text(quote[1]));
    if (found == sums.end() && inner)
      continue;
    expected.push_back(
      {quote[1], quote[2], found == sums.end() ? null_long : found->second});
  }
  EXPECT_EQ("", difference(expected, run_cells(plan, m.whole())));
  auto both = node_of(union_all{}, {totals, plan});
  std::vector<row> united;
  for (const auto& [sym, sum] : sums)
    united.push_back({sym, sum, nan_value});
  for (const auto& r : expected)
    united.push_back({r[0], r[2], r[1]});
  EXPECT_EQ("", difference(united, run_cells(both, m.whole())));
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanTreeTest,
                         ::testing::Range<uint64_t>(1, 41));

TEST(PlanSplitTest, StoresGetConditionsOfJoins) {
  const auto day = constant_of(column_type::date, literal{int64_t{1}});
  auto left = node_of(
    filter{
      {binary_of(sf::equal, column_of("date"), day),
       binary_of(sf::equal, column_of("sym"),
                 constant_of(column_type::symbol, literal{std::string{"A"}}))}},
    {scan_of(trades_schema())});
  auto plan = node_of(asof_join{{"sym", "time"}},
                      {std::move(left), scan_of(quotes_schema())});
  ASSERT_FALSE(resolve(plan));
  const auto cut = split(plan);
  ASSERT_TRUE(cut) << to_string(cut.failure());
  ASSERT_EQ(cut->fragments.size(), 2u);
  const auto& quotes = cut->fragments[1];
  EXPECT_EQ(quotes.symbols, std::vector<std::string>{"A"});
  EXPECT_FALSE(quotes.range);
  EXPECT_EQ(quotes.filters.size(), 1u) << to_string(*cut);
  EXPECT_TRUE(cut->fragments[0].range);
}

TEST(PlanSplitTest, OneFragmentWhereStoresCanDoAll) {
  auto plan = node_of(
    limit{5}, {node_of(
                operators::sort{{{"vwap", true}}},
                {node_of(
                  operators::aggregate{
                    {{"sym", column_of("sym")},
                     {"bar", binary_of(sf::bar,
                                       constant_of(column_type::timespan,
                                                   literal{int64_t{60}}),
                                       column_of("time"))}},
                    {{"vwap",
                      aggregate_function::wavg,
                      {column_of("size"), column_of("price")}}}},
                  {scan_of(trades_schema())})})});
  ASSERT_FALSE(resolve(plan));
  const auto cut = split(plan);
  ASSERT_TRUE(cut) << to_string(cut.failure());
  EXPECT_TRUE(cut->is_fragment()) << to_string(*cut);
  EXPECT_TRUE(cut->fragments[0].computed.empty());
}

TEST(PlanTreeFaultTest, NamesThePlace) {
  auto fault_of = [](expression what) {
    auto plan
      = node_of(project{{{"x", std::move(what)}}}, {scan_of(trades_schema())});
    return resolve(plan).context;
  };
  EXPECT_EQ(fault_of(column_of("nothing", 6)),
            "at character 7: there is no column 'nothing'");
  EXPECT_EQ(fault_of(call_of(sf::add, {column_of("sym"), whole(1)}, 3)),
            "at character 4: '+' does not take symbol and long");
  auto deep = whole(1);
  for (int i = 0; i < 600; ++i)
    deep = call_of(sf::negate, {std::move(deep)});
  EXPECT_NE(fault_of(std::move(deep)).find("nested"), std::string::npos);
}

/// A plan that joins all trades to all quotes, with its fragments' results.
struct joined_market {
  explicit joined_market(uint64_t seed) {
    market m{seed};
    auto plan = node_of(asof_join{{"sym", "time"}},
                        {scan_of(trades_schema()), scan_of(quotes_schema())});
    EXPECT_FALSE(resolve(plan));
    auto made = split(plan);
    EXPECT_TRUE(made);
    rest = made->rest;
    for (const auto& fragment : made->fragments) {
      auto partial = execute(fragment, m.whole().at(fragment.table));
      merger merged{fragment};
      EXPECT_FALSE(merged.add(*std::move(partial)));
      fetched.push_back(*merged.finish());
    }
  }
  physical_node rest;
  std::vector<table_data> fetched;
};

TEST(PlanRunTest, RefusesStepsThatTakeMoreThanTheyMay) {
  joined_market m{3};
  const auto out
    = run_plan(m.rest, m.fetched, {.memory_max = 100, .process = "gw1"});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.failure().code, errc::limit_exceeded);
  EXPECT_NE(out.failure().context.find("gw1"), std::string::npos);
}

// What was fetched, and what a step reads and gives, counts together: each of
// them alone may be held.
TEST(PlanRunTest, CountsAllThatIsHeldAtATime) {
  uint64_t fetched = 0;
  uint64_t largest = 0;
  uint64_t given = 0;
  {
    joined_market m{3};
    for (const auto& each : m.fetched) {
      fetched += each.byte_count();
      largest = std::max(largest, each.byte_count());
    }
    const auto out = run_plan(m.rest, m.fetched, {});
    ASSERT_TRUE(out) << to_string(out.failure());
    given = out->byte_count();
  }
  ASSERT_GT(fetched, largest);
  for (const auto most : {largest, fetched, fetched + given - 1}) {
    joined_market m{3};
    const auto out = run_plan(m.rest, m.fetched, {.memory_max = most});
    ASSERT_FALSE(out) << most << " of " << fetched << " and " << given;
    EXPECT_EQ(out.failure().code, errc::limit_exceeded);
  }
  joined_market m{3};
  EXPECT_TRUE(run_plan(m.rest, m.fetched, {.memory_max = fetched + given}));
}

TEST(PlanRunTest, EndsWhenItIsWithdrawn) {
  joined_market m{4};
  const std::atomic<bool> cancel{true};
  const auto out = run_plan(m.rest, m.fetched,
                            {.stop = {.cancel = &cancel, .table = "trade"}});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.failure().code, errc::cancelled);
}

TEST(PlanCodecTest, APriorityGoesWithItsPlan) {
  auto tree = scan_of(trades_schema());
  ASSERT_FALSE(resolve(tree));
  const auto cut = split(tree);
  ASSERT_TRUE(cut);
  auto plan = cut->fragments[0];
  for (const auto each : {question_priority::low, question_priority::normal,
                          question_priority::high}) {
    plan.priority = each;
    const auto back = decode_plan(encode(plan));
    ASSERT_TRUE(back) << to_string(back.failure());
    EXPECT_EQ(back->priority, each);
  }
}

/// Bytes of others: no depth, count or kind brings a node down.
TEST(PlanCodecTest, DamagedExpressionsAreRefused) {
  auto plan = node_of(
    filter{{binary_of(sf::greater,
                      binary_of(sf::multiply, column_of("price"), whole(2)),
                      whole(5))}},
    {scan_of(trades_schema())});
  ASSERT_FALSE(resolve(plan));
  const auto cut = split(plan);
  ASSERT_TRUE(cut);
  const auto bytes = encode(cut->fragments[0]);
  const auto back = decode_plan(bytes);
  ASSERT_TRUE(back) << to_string(back.failure());
  EXPECT_EQ(back->computed.size(), 1u);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (const auto bits : {0x01, 0x80, 0xff}) {
      auto damaged = bytes;
      damaged[i] ^= static_cast<std::byte>(bits);
      // Refused, or another plan that is valid.
      if (const auto read = decode_plan(damaged))
        EXPECT_FALSE(validate(*read));
    }
}

} // namespace
} // namespace millrace::query
