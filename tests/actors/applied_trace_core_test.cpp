// What out/, history/ and the checkpoint say of the log that they were made
// from.

#include <millrace/actors/rt/sequence/applied_trace.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

merge_entry range(uint64_t from, uint64_t to, bool lost = false) {
  return merge_range{input_id{1}, position{from}, position{to}, lost};
}

/// Entries 1 to 4: a no-op, two ranges, a no-op.
raft_recovered log_of_four() {
  const auto payload = [](const merge_entry& entry) {
    return raft_entry{raft_term{1}, raft_entry_kind::payload,
                      chunk::copy_of(encode(entry))};
  };
  raft_recovered out;
  out.vote.term = raft_term{1};
  out.entries = {{raft_term{1}, raft_entry_kind::no_op},
                 payload(range(0, 10)),
                 payload(range(10, 30)),
                 {raft_term{1}, raft_entry_kind::no_op}};
  return out;
}

applied_trace trace(entry_index last,
                    std::map<entry_index, merge_entry> entries = {}) {
  applied_trace out{true, last, {}};
  for (const auto& [index, entry] : entries)
    out.sums[index] = sum_of(entry);
  return out;
}

TEST(AppliedTraceTest, ALogThatHoldsAllAgrees) {
  const auto log = log_of_four();
  EXPECT_EQ(disagreement(log, {}), "");
  EXPECT_EQ(disagreement(log, trace(entry_index{4})), "");
  EXPECT_EQ(
    disagreement(log, trace(entry_index{3}, {{entry_index{2}, range(0, 10)},
                                             {entry_index{3}, range(10, 30)}})),
    "");
}

TEST(AppliedTraceTest, AShorterLogDoesNot) {
  EXPECT_NE(disagreement(log_of_four(), trace(entry_index{5})), "");
  EXPECT_NE(disagreement({}, trace(entry_index{1})), "");
}

TEST(AppliedTraceTest, AnotherEntryDoesNot) {
  const auto log = log_of_four();
  for (const auto& [index, entry] :
       std::map<entry_index, merge_entry>{{entry_index{2}, range(0, 11)},
                                          {entry_index{4}, range(10, 30)},
                                          {entry_index{1}, range(0, 10)}})
    EXPECT_NE(disagreement(log, trace(entry_index{4}, {{index, entry}})), "")
      << to_string(index);
}

TEST(AppliedTraceTest, WhatTheLogHasLetGoIsNotAskedFor) {
  auto log = log_of_four();
  log.base.at = {entry_index{10}, raft_term{1}};
  EXPECT_EQ(disagreement(
              log, trace(entry_index{12}, {{entry_index{3}, range(7, 8)},
                                           {entry_index{12}, range(0, 10)}})),
            "");
}

// A history leaves out of a range what was merged before, and says what of it
// was lost.
TEST(AppliedTraceTest, ARangeIsKnownByItsEnd) {
  const auto agreed = sum_of(range(0, 30));
  EXPECT_EQ(sum_of(range(10, 30)), agreed);
  EXPECT_EQ(sum_of(range(0, 30, true)), agreed);
  EXPECT_EQ(
    sum_of(merge_pieces{input_id{1},
                        {{input_id{1}, position{0}, position{10}, false},
                         {input_id{1}, position{10}, position{30}, true}}}),
    agreed);
  EXPECT_NE(sum_of(range(0, 31)), agreed);
  const auto known = trace(entry_index{3}, {{entry_index{3}, range(0, 30)}});
  EXPECT_TRUE(known.denies(entry_index{3}, range(0, 31)));
  EXPECT_FALSE(known.denies(entry_index{3}, range(10, 30)));
  EXPECT_FALSE(known.denies(entry_index{4}, range(0, 31)));
}

} // namespace
} // namespace millrace::rt
