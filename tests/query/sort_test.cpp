#include <millrace/query/execution/sort.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

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

} // namespace
} // namespace millrace::query
