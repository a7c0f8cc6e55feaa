#include <millrace/query/execution/sort.hpp>
#include <millrace/query/execution/top_rows.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <tuple>

namespace millrace::query {
namespace {

constexpr uint32_t sorted_rows = 200'000;

/// A string, a symbol, a float and a guid column.
table_data rows_to_sort() {
  std::mt19937_64 random{7};
  column_writer text{"text", column_type::string};
  column_writer symbol{"symbol", column_type::symbol};
  column_data number{"number", column_type::float_, {}, {}, {}};
  column_data guid{"guid", column_type::guid, {}, {}, {}};
  for (uint32_t row = 0; row < sorted_rows; ++row) {
    text.append_text(std::to_string(random() % 50'000));
    symbol.append_text("S" + std::to_string(random() % 70'000));
    number.push(static_cast<double>(random() % 1000) - 500.5);
    guid.push(random());
    guid.push(random());
  }
  table_data out;
  out.row_count = sorted_rows;
  out.columns = {*text.finish(), *symbol.finish(), number, guid};
  return out;
}

/// Says at the n-th look that the time is over.
class sort_clock final : public persistence::clock_source {
public:
  explicit sort_clock(int64_t looks_max) : looks_max_{looks_max} {}
  int64_t now_ns() override { return 0; }
  int64_t monotonic_ns() override { return ++looks >= looks_max_ ? 2 : 0; }

  int64_t looks = 0;

private:
  int64_t looks_max_;
};

const std::vector<sort_term> sort_ways[]
  = {{{0}}, {{1, true}}, {{2}}, {{3, true}}, {{1}, {2, true}, {0}}};

TEST(SortTest, OrdersAsAPlainComparisonDoes) {
  const auto table = rows_to_sort();
  for (const auto& terms : sort_ways) {
    const auto order = sort_rows(table, terms, {});
    ASSERT_TRUE(order);
    auto wanted = *order;
    std::sort(wanted.begin(), wanted.end());
    const auto compare = [&](const column_data& from, uint32_t a, uint32_t b) {
      if (from.type == column_type::float_)
        return from.as<double>()[a] < from.as<double>()[b]    ? -1
               : from.as<double>()[a] == from.as<double>()[b] ? 0
                                                              : 1;
      if (from.type == column_type::guid)
        return std::memcmp(from.values.data() + 16 * size_t{a},
                           from.values.data() + 16 * size_t{b}, 16);
      return from.text(a).compare(from.text(b));
    };
    std::stable_sort(wanted.begin(), wanted.end(), [&](uint32_t a, uint32_t b) {
      for (const auto& term : terms)
        if (const auto way = compare(table.columns[term.column], a, b);
            way != 0)
          return (way < 0) != term.descending;
      return false;
    });
    EXPECT_EQ(*order, wanted) << "by column " << terms.front().column;
  }
}

TEST(SortTest, IsStoppedWithinSomeRowsWhereverItStands) {
  const auto table = rows_to_sort();
  for (const auto& terms : sort_ways) {
    sort_clock patient{INT64_MAX};
    ASSERT_TRUE(sort_rows(table, terms, {nullptr, &patient, 1, "t"}));
    // Each pass over the rows looks several times.
    EXPECT_GE(patient.looks, 8) << "by column " << terms.front().column;
    for (int64_t at = 1; at <= patient.looks; ++at) {
      sort_clock clock{at};
      const auto order = sort_rows(table, terms, {nullptr, &clock, 1, "t"});
      ASSERT_FALSE(order) << "at look " << at;
      EXPECT_EQ(order.failure().code, errc::timeout);
      EXPECT_LE(clock.looks, at + 2);
    }
  }
}

TEST(SortTest, TakingRowsIsStoppedToo) {
  const auto table = rows_to_sort();
  const auto order = sort_rows(table, sort_ways[1], {});
  ASSERT_TRUE(order);
  sort_clock patient{INT64_MAX};
  const auto all = take_rows(table, *order, 4, {nullptr, &patient, 1, "t"});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->columns[1].text(0), table.columns[1].text((*order)[0]));
  EXPECT_GE(patient.looks, 12);
  sort_clock clock{5};
  const auto some = take_rows(table, *order, 4, {nullptr, &clock, 1, "t"});
  ASSERT_FALSE(some);
  EXPECT_EQ(some.failure().code, errc::timeout);
}

/// Ordered by a flag that is the same in all rows, a text and a float with
/// nulls, and cut to `wanted` rows.
logical_plan top_plan(int64_t wanted) {
  logical_plan plan;
  plan.table = "t";
  plan.types = {{"time", column_type::timestamp},
                {"flag", column_type::boolean},
                {"text", column_type::symbol},
                {"number", column_type::float_}};
  plan.order_column = "time";
  plan.outputs = {{"flag", "flag"}, {"text", "text"}, {"number", "number"}};
  plan.ordering = {{0, false}, {1, true}, {2, false}};
  plan.sublist = wanted;
  return plan;
}

/// Rows of a part, as a morsel gives them: their place in the stream is all
/// that they differ in where the rest is equal.
table_data top_piece(std::mt19937_64& random, uint64_t first, uint32_t rows) {
  column_data flag{"flag", column_type::boolean, {}, {}, {}};
  column_writer text{"text", column_type::symbol};
  column_data number{"number", column_type::float_, {}, {}, {}};
  column_data time{".time", column_type::timestamp, {}, {}, {}};
  column_data order{".order", column_type::long_, {}, {}, {}};
  for (uint32_t row = 0; row < rows; ++row) {
    flag.push(uint8_t{0});
    text.append_text("S" + std::to_string(random() % 12));
    number.push(random() % 5 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : static_cast<double>(random() % 50) - 25);
    time.push(static_cast<int64_t>(random() % 3));
    order.push(first + row);
  }
  table_data out;
  out.row_count = rows;
  out.columns = {flag, *text.finish(), number, time, order};
  return out;
}

using top_row = std::tuple<std::string, double, int64_t, uint64_t, uint64_t>;

// Goal: however many rows come, of parts in whatever order, no more are held
// than those asked for and a fixed count beside them, and those that stay are
// the ones that sorting all of them leaves. Method: 40 pieces of three parts,
// in which nothing but the last term tells many rows apart.
TEST(TopRowsTest, HoldsWhatSortingAllWouldLeave) {
  constexpr uint32_t piece_rows = 10'000;
  for (const int64_t wanted : {0, 1, 900, -900}) {
    const plan_shape shape{top_plan(wanted)};
    top_bound bound;
    memory_account memory{{.most = 12'000'000}, "the query"};
    top_keeper keeper{shape, bound, &memory};
    std::mt19937_64 random{11};
    std::vector<top_row> all;
    uint64_t bytes_max = 0;
    for (uint64_t piece = 0; piece < 40; ++piece) {
      auto rows = top_piece(random, piece * piece_rows, piece_rows);
      const auto part = piece % 3;
      for (uint32_t row = 0; row < piece_rows; ++row) {
        const auto number = rows.columns[2].as<double>()[row];
        all.push_back({std::string{rows.columns[1].text(row)},
                       number != number ? -1e9 : number,
                       rows.columns[3].as<int64_t>()[row], part,
                       rows.columns[4].as<uint64_t>()[row]});
      }
      held_memory room{&memory};
      ASSERT_FALSE(room.set(rows.byte_count()));
      ASSERT_FALSE(keeper.add(part, std::move(rows), std::move(room),
                              {.memory = &memory}));
      bytes_max = std::max(bytes_max, keeper.byte_count());
    }
    // 37 bytes a row: the symbols of a piece are few.
    EXPECT_LT(bytes_max, (900 + 450 + 65'536 + piece_rows) * 40);
    // Choosing takes less than that once more, a piece and all.
    EXPECT_GT(memory.most_held(), bytes_max);
    EXPECT_LT(memory.most_held(), 2 * bytes_max + piece_rows * 40);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      if (std::get<0>(a) != std::get<0>(b))
        return std::get<0>(a) > std::get<0>(b);
      return std::tie(std::get<1>(a), std::get<2>(a), std::get<3>(a),
                      std::get<4>(a))
             < std::tie(std::get<1>(b), std::get<2>(b), std::get<3>(b),
                        std::get<4>(b));
    });
    const auto [begin, end] = kept_rows(all.size(), wanted);
    const auto found = keeper.finish({});
    ASSERT_TRUE(found);
    ASSERT_EQ(found->row_count, end - begin);
    for (uint64_t row = 0; row < found->row_count; ++row) {
      EXPECT_EQ(found->columns[4].as<uint64_t>()[row],
                std::get<4>(all[begin + row]));
      EXPECT_EQ(found->columns[5].as<uint64_t>()[row],
                std::get<3>(all[begin + row]));
    }
  }
}

// A bound that others found drops what cannot come into the result, and the
// first ones are chosen by the terms in their turn.
TEST(TopRowsTest, ChoosesRowsByEachTermInItsTurn) {
  for (const int64_t wanted : {700, -700}) {
    const plan_shape shape{top_plan(wanted)};
    std::mt19937_64 random{12};
    auto table = top_piece(random, 0, 20'000);
    column_data part{".part_order", column_type::long_, {}, {}, {}};
    for (uint32_t row = 0; row < table.row_count; ++row)
      part.push(uint64_t{4});
    table.columns.push_back(std::move(part));
    const auto order = sort_rows(table, shape.top_terms(), {});
    ASSERT_TRUE(order);
    const auto [begin, end] = kept_rows(order->size(), wanted);
    const std::vector<uint32_t> best(
      order->begin() + static_cast<std::ptrdiff_t>(begin),
      order->begin() + static_cast<std::ptrdiff_t>(end));
    row_order by{shape};
    by.look_at(table);
    std::vector<uint32_t> rows(table.row_count);
    std::iota(rows.begin(), rows.end(), 0u);
    by.keep_first(700, rows);
    const auto last = wanted < 0 ? best.front() : best.back();
    EXPECT_EQ(by.last_of(rows), last);
    std::vector<uint32_t> all(table.row_count);
    std::iota(all.begin(), all.end(), 0u);
    by.drop_beyond(by.place_of(last), all);
    for (auto* each : {&rows, &all}) {
      std::sort(each->begin(), each->end());
      auto sorted = best;
      std::sort(sorted.begin(), sorted.end());
      EXPECT_EQ(*each, sorted);
    }
  }
}

} // namespace
} // namespace millrace::query
