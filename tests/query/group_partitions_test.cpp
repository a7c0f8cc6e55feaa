#include <millrace/query/execution/group_merge.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "oracle.hpp"
#include "plan_support.hpp"

// Many groups, which are numbered by partitions of their keys' hashes, and the
// table that looks keys up.

namespace millrace::query {
namespace {

using namespace testing_support;

/// Rows of which most have a key of their own, in parts whose symbols have
/// other codes.
struct many_groups {
  explicit many_groups(uint64_t seed, bool wide) {
    std::mt19937_64 random{seed};
    for (size_t part = 0; part < 3; ++part) {
      std::vector<placed_row> placed;
      for (int64_t i = 0; i < 13'000; ++i) {
        const auto size = static_cast<int64_t>(random() % 900) - 100;
        rows.push_back({static_cast<int64_t>(part) * 13'000 + i,
                        "S" + std::to_string(random() % (50 + 10 * part)),
                        static_cast<double>(random() % 1000) / 8,
                        // Too far apart for one word beside the other keys.
                        wide ? size * (int64_t{1} << 50) : size});
        placed.push_back({rows.back(), 0, 0});
      }
      parts.push_back(make_view(
        trade_schema(), placed,
        {.sorted = part == 1, .segment_rows = 5000, .part_order = part + 1}));
    }
  }
  std::vector<row> rows;
  std::vector<persistence::table_view> parts;
};

logical_plan plan_of_many(bool wide) {
  auto plan = plan_over(trade_schema());
  plan.keys = {{"size", 0, "size"}, {"sym", 0, "sym"}, {"price", 0, "price"}};
  if (!wide)
    plan.keys[2] = {"time", 4, "bar"};
  plan.aggregates = {{aggregate_function::count, {}, "n"},
                     {aggregate_function::max, {"price"}, "h"},
                     {aggregate_function::first, {"price"}, "o"},
                     {aggregate_function::sum, {"price"}, "s"}};
  plan.alone = true;
  return plan;
}

class jobs_apart : public persistence::executor {
public:
  void submit(std::function<void()> job) override {
    threads_.emplace_back(std::move(job));
  }

private:
  std::vector<std::jthread> threads_;
};

TEST(GroupPartitionsTest, ManyGroupsAreThoseOfTheOracle) {
  for (const bool wide : {false, true}) {
    const many_groups data{wide ? 2u : 1u, wide};
    const auto plan = plan_of_many(wide);
    const auto wanted = answer(plan, trade_schema(), data.rows);
    ASSERT_TRUE(wanted);
    ASSERT_GT(wanted->size(), 33'000u);
    jobs_apart pool;
    auto found
      = execute(plan, data.parts, {.morsel_rows = 9000, .pool = &pool});
    ASSERT_TRUE(found) << to_string(found.failure());
    ASSERT_EQ(found->chunks.size(), 1u);
    ASSERT_EQ(difference(*wanted, cells_of(found->chunks[0].table)), "");
  }
}

/// The groups of morsels, ready for their numbers.
class scanned_groups {
public:
  scanned_groups(const many_groups& data, logical_plan plan)
    : setup_{std::move(plan)} {
    setup_.parts = data.parts;
    EXPECT_FALSE(prepare(setup_, 9000));
    for (size_t i = 0; i + 1 < setup_.morsels.size(); ++i)
      outputs_.push_back(
        scan(setup_,
             std::span{setup_.units}.subspan(
               setup_.morsels[i], setup_.morsels[i + 1] - setup_.morsels[i])));
  }
  [[nodiscard]] result<bool> number(const execution_options& options) {
    groups.emplace(setup_.shape);
    return number_in_partitions({setup_, outputs_, options, values_}, *groups);
  }
  std::optional<numbered_groups> groups;

private:
  scan_setup setup_;
  std::vector<morsel_output> outputs_;
  std::vector<std::vector<column_ref>> values_;
};

TEST(GroupPartitionsTest, LeavesToOthersWhatIsSmall) {
  const many_groups data{3, false};
  scanned_groups scanned{data, plan_of_many(false)};
  const auto number = [&](const execution_options& options) {
    const auto done = scanned.number(options);
    EXPECT_TRUE(done);
    EXPECT_EQ(*done, scanned.groups->set.size() > 0);
    return *done;
  };
  EXPECT_TRUE(number({}));
  EXPECT_FALSE(number({.partitioned_min = 10'000'000}));
  // Its passes would take more than a part of the memory.
  EXPECT_FALSE(number({.memory_max = 1'000'000}));
  EXPECT_TRUE(number({.memory_max = 1'000'000'000}));
}

TEST(GroupPartitionsTest, EndsWhenToldTo) {
  const many_groups data{4, false};
  scanned_groups scanned{data, plan_of_many(false)};
  const std::atomic<bool> cancel{true};
  execution_options options;
  options.stop.cancel = &cancel;
  const auto done = scanned.number(options);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.failure().code, errc::cancelled);
}

/// Keys whose words are drawn one after the other.
using word_source = std::function<uint64_t(std::mt19937_64&, int i)>;

// Goal: whatever words keys have, and in whatever order they come, equal keys
// have one number and others another. Method: a map; words that need more bits
// as they come, in both directions and at both ends of 64 bits, and more than
// 32 of them.
TEST(GroupIndexTest, FindsWhatAMapFinds) {
  constexpr auto lowest
    = static_cast<uint64_t>(std::numeric_limits<int64_t>::min());
  const std::vector<word_source> draws{
    [](auto& random, int) { return random() % 30; },
    [](auto& random, int i) { return random() % (1 + i); },
    [](auto& random, int i) { return 1'000 - random() % (1 + i); },
    [](auto& random, int i) { return lowest + random() % (1 + i); },
    [](auto& random, int i) { return lowest - 1 - random() % (1 + i); },
    [](auto& random, int i) {
      return i > 3000 && random() % 100 == 0 ? lowest : random() % 50;
    },
    [](auto& random, int i) { return i > 2000 ? random() : random() % 90; }};
  std::mt19937_64 random{7};
  for (size_t a = 0; a < draws.size(); ++a)
    for (size_t b = 0; b < draws.size(); ++b) {
      group_index index{2};
      std::map<std::pair<uint64_t, uint64_t>, uint32_t> wanted;
      std::vector<uint64_t> keys;
      std::vector<uint32_t> groups;
      for (int i = 0; i < 5000;) {
        keys.clear();
        const auto count = 1 + random() % 100;
        for (size_t k = 0; k < count; ++k, ++i) {
          keys.push_back(draws[a](random, i));
          keys.push_back(draws[b](random, i));
        }
        groups.resize(count);
        if (random() % 20 == 0)
          index.drop_slots();
        index.find_or_add_all(keys.data(), count, groups.data());
        for (size_t k = 0; k < count; ++k) {
          const std::pair key{keys[2 * k], keys[2 * k + 1]};
          const auto next = static_cast<uint32_t>(wanted.size());
          ASSERT_EQ(groups[k], wanted.emplace(key, next).first->second)
            << "words " << a << " and " << b;
        }
      }
      ASSERT_EQ(index.size(), wanted.size());
      for (const auto& [key, group] : wanted) {
        ASSERT_EQ(index.key(group)[0], key.first);
        ASSERT_EQ(index.key(group)[1], key.second);
      }
    }
}

} // namespace
} // namespace millrace::query
