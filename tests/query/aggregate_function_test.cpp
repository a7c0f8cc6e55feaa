#include <millrace/query/execution/execution.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "plan_support.hpp"

// A function that is added to the enumeration alone would be known by no
// language, and nothing else would say so.

namespace millrace::query {
namespace {

using namespace testing_support;

/// The compiler prints the name of an enumerator, and a cast for another value.
template <aggregate_function Value>
constexpr bool is_enumerator() {
  const std::string_view text{__PRETTY_FUNCTION__};
  return text.find("Value = (") == std::string_view::npos;
}

template <size_t... Numbers>
std::vector<aggregate_function> enumerators(std::index_sequence<Numbers...>) {
  std::vector<aggregate_function> out;
  ((is_enumerator<static_cast<aggregate_function>(Numbers)>()
      ? out.push_back(static_cast<aggregate_function>(Numbers))
      : void()),
   ...);
  return out;
}

/// The text of a document between two of its words, as words.
std::set<std::string> words_of(const std::string& document,
                               const std::string& begin,
                               const std::string& end) {
  std::ifstream in{test_support::source_path(document)};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto from = text.find(begin);
  text = text.substr(from, text.find(end, from) - from);
  for (auto& each : text)
    if (std::string_view{"`,;"}.find(each) != std::string_view::npos)
      each = ' ';
  std::istringstream words{text};
  return {std::istream_iterator<std::string>{words}, {}};
}

TEST(AggregateFunctionTest, EachHasARowOfItsNumber) {
  EXPECT_EQ(enumerators(std::make_index_sequence<256>{}),
            aggregate_functions());
  std::set<std::string_view> names;
  for (const auto each : aggregate_functions())
    EXPECT_TRUE(names.insert(to_string(each)).second) << to_string(each);
}

TEST(AggregateFunctionTest, NamesAreReadAsTheyAreWritten) {
  for (const auto name : aggregate_names()) {
    const auto function = aggregate_function_of(name);
    ASSERT_TRUE(function) << name;
    EXPECT_EQ(to_string(*function), name);
  }
}

TEST(AggregateFunctionTest, EachFoldsRows) {
  const auto schema = trade_schema();
  std::vector<placed_row> none;
  const auto view = make_view(schema, none, layout{});
  for (const auto each : aggregate_functions()) {
    auto plan = plan_over(schema);
    plan.aggregates
      = {{each,
          takes_pairs(each) ? std::vector<std::string>{"size", "price"}
                            : std::vector<std::string>{"price"},
          "value"}};
    ASSERT_FALSE(validate(plan)) << to_string(each);
    auto partial = execute(plan, {view});
    ASSERT_TRUE(partial) << to_string(each);
    merger merge{plan};
    ASSERT_FALSE(merge.add(*std::move(partial))) << to_string(each);
    EXPECT_EQ(merge.finish()->row_count, 1u) << to_string(each);
  }
}

TEST(AggregateFunctionTest, EachThatANameAloneAsksForIsInTheDocuments) {
  const auto qsql
    = words_of("docs/qsql.md", "- **Of rows**:", "- **Running**:");
  const auto getdata = words_of("docs/getdata.md", "| `aggregations` |", "\n");
  for (const auto name : aggregate_names())
    for (const auto* words : {&qsql, &getdata})
      EXPECT_TRUE(words->contains(std::string{name}))
        << name << " is not in " << (words == &qsql ? "qsql" : "getdata");
}

} // namespace
} // namespace millrace::query
