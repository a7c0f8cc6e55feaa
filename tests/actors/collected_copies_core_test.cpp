#include <millrace/actors/rt/publish/collected_copies.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

position at(uint64_t roll) { return position::of(0, roll, 0); }

struct copies_case {
  const char* what;
  size_t count;
  collected_copies told;
  position goes;
};

TEST(CollectedCopiesTest, FilesGoWhenAllLetGoOrMostWaitForNobody) {
  const copies_case cases[] = {
    {"nobody told anything", 3, {}, {}},
    {"one node alone", 1, {{"a", {at(2), {}}}}, at(2)},
    {"all, as far as the last",
     3,
     {{"a", {at(5), {}}}, {"b", {at(3), {}}}, {"c", {at(4), {}}}},
     at(3)},
    {"one was not heard of", 3, {{"a", {at(5), {}}}, {"b", {at(3), {}}}}, {}},
    {"one was not heard of, and two do not wait",
     3,
     {{"a", {at(5), at(5)}}, {"b", {at(3), at(3)}}},
     at(3)},
    {"one stands still, and two do not wait",
     3,
     {{"a", {at(5), at(4)}}, {"b", {at(5), at(5)}}, {"c", {at(1), {}}}},
     at(4)},
    {"one alone does not wait",
     3,
     {{"a", {at(5), at(5)}}, {"b", {at(5), {}}}, {"c", {at(1), {}}}},
     at(1)},
    {"what is released counts when it went",
     3,
     {{"a", {at(2), at(9)}}, {"b", {at(3), at(9)}}},
     at(2)},
    {"all let go of more than was released",
     3,
     {{"a", {at(5), at(1)}}, {"b", {at(5), at(1)}}, {"c", {at(5), {}}}},
     at(5)},
    {"two of five are a minority",
     5,
     {{"a", {at(5), at(5)}}, {"b", {at(5), at(5)}}},
     {}},
    {"three of five are enough",
     5,
     {{"a", {at(5), at(5)}}, {"b", {at(4), at(4)}}, {"c", {at(6), at(6)}}},
     at(4)},
  };
  for (const auto& each : cases)
    EXPECT_EQ(collects_below(each.told, each.count), each.goes) << each.what;
}

} // namespace
} // namespace millrace::rt
