// What the leader of a stream proposes: each thing once, whatever was agreed on
// or only proposed before it led.

#include <millrace/actors/rt/sequence/merge_planner.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::rt {
namespace {

const input_name first_life{"a.market", {{5, 6}}};
const input_name second_life{"a.market", {{7, 8}}};
const input_name other_input{"b.market", {{5, 6}}};

class MergePlannerTest : public ::testing::Test {
protected:
  copy_id held(const input_name& name, uint64_t from, uint64_t to) {
    const auto copy = store.add(name);
    store.recorded(copy, {from}, {to}, {});
    store.durable(copy, {to});
    return copy;
  }

  static std::string text(const merge_entry& entry) {
    if (const auto* opened = std::get_if<open_input>(&entry))
      return "open " + std::to_string(opened->input.value) + " "
             + opened->directory + " ";
    const auto& range = std::get<merge_range>(entry);
    return std::string{range.lost ? "lost " : ""}
           + std::to_string(range.input.value) + ":"
           + std::to_string(range.from.value) + "-"
           + std::to_string(range.to.value) + " ";
  }

  std::string planned(merge_planner& planner, copy_id copy) const {
    std::string out;
    if (const auto opened = planner.open(store.name(copy)))
      out += text(*opened);
    for (const auto& each : planner.ranges(store, copy))
      out += text(each);
    return out;
  }

  sim::memory_file_system disk{1};
  input_store store{disk, "/in"};
};

TEST_F(MergePlannerTest, PlansEachInputAndRangeOnce) {
  merge_planner planner{nullptr, {}};
  EXPECT_FALSE(planner.begun());
  EXPECT_EQ(planner.begin({{{1, 2}}, 1000, 100}).layout.roll_bytes, 1000u);
  EXPECT_TRUE(planner.begun());
  const auto a = held(first_life, 0, 100);
  EXPECT_EQ(planned(planner, a), "open 1 a.market 1:0-100 ");
  EXPECT_EQ(planned(planner, a), "");
  const auto b = held(other_input, 0, 10);
  EXPECT_EQ(planned(planner, b), "open 2 b.market 2:0-10 ");
  held(first_life, 100, 150);
  EXPECT_EQ(planned(planner, a), "1:100-150 ");
}

TEST_F(MergePlannerTest, GoesOnAfterWhatWasAppliedAndWhatIsOnlyInTheLog) {
  merge_state applied;
  applied.inputs[input_id{4}] = {"a.market", first_life.lineage, {60}, false};
  merge_planner planner{&applied,
                        {merge_range{input_id{4}, {60}, {80}},
                         open_input{input_id{9}, "b.market", {{5, 6}}}}};
  EXPECT_TRUE(planner.begun());
  const auto a = held(first_life, 0, 60);
  held(first_life, 60, 80);
  held(first_life, 80, 100);
  EXPECT_EQ(planned(planner, a), "4:80-100 ");
  EXPECT_EQ(planned(planner, held(other_input, 0, 10)), "9:0-10 ");
  // A number is not given out twice.
  EXPECT_EQ(planned(planner, held({"c.market", {{1, 1}}}, 0, 5)),
            "open 10 c.market 10:0-5 ");
}

TEST_F(MergePlannerTest, ALaterLifeOfADirectoryClosesTheEarlierOne) {
  merge_planner planner{nullptr, {begin_stream{}}};
  EXPECT_TRUE(planner.begun());
  const auto old = held(first_life, 0, 100);
  EXPECT_EQ(planned(planner, old), "open 1 a.market 1:0-100 ");
  EXPECT_EQ(planned(planner, held(second_life, 0, 10)),
            "open 2 a.market 2:0-10 ");
  held(first_life, 100, 200);
  EXPECT_EQ(planned(planner, old), "") << "its writer was fenced";
}

TEST_F(MergePlannerTest, WaitsForWhatACopyLacksUntilItIsKnownToBeLost) {
  merge_planner planner{nullptr, {begin_stream{}}};
  const auto a = held(first_life, 0, 100);
  store.lacking(a, {{100}, {150}});
  store.recorded(a, {150}, {200}, {});
  store.durable(a, {200});
  EXPECT_EQ(planned(planner, a), "open 1 a.market 1:0-100 ");
  store.lost(a, {{100}, {150}});
  EXPECT_EQ(planned(planner, a), "lost 1:100-150 1:150-200 ");
}

// A claim fences the log: what is held back is planned when it is over.
TEST_F(MergePlannerTest, PlansNothingFromWhereALogIsHeldBack) {
  merge_planner planner{nullptr, {begin_stream{}}};
  const auto a = held(first_life, 0, 100);
  held(first_life, 100, 200);
  ASSERT_TRUE(planner.open(first_life));
  const auto until = [&](std::optional<position> end) {
    std::string out;
    for (const auto& each : planner.ranges(store, a, end))
      out += text(each);
    return out;
  };
  EXPECT_EQ(until(position{150}), "1:0-100 1:100-150 ");
  EXPECT_EQ(until(position{150}), "");
  EXPECT_EQ(until(position{120}), "") << "more is planned already";
  EXPECT_EQ(until(std::nullopt), "1:150-200 ");
}

} // namespace
} // namespace millrace::rt
