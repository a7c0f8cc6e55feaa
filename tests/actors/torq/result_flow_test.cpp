// How the parts of a result are made and given, as text: "make 0 1 give 3
// over".
#include <millrace/actors/torq/execute/result_flow.hpp>
#include <millrace/actors/torq/gateway/result_relay.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

chunk piece_of(size_t bytes) {
  return chunk::copy_of(std::vector<std::byte>(bytes));
}

template <class T>
std::string told_of(const std::vector<T>& what, const char* word) {
  std::string out;
  for (const auto& each : what) {
    out += out.empty() ? std::string{word} + " " : " ";
    if constexpr (std::is_same_v<T, chunk>)
      out += std::to_string(each.size());
    else if constexpr (std::is_same_v<T, size_t>)
      out += std::to_string(each);
    else
      out += (each.first == result_relay::hdb ? "hdb:" : "rdb:")
             + std::to_string(each.second);
  }
  return out;
}

std::string with_blanks(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& each : words)
    if (!each.empty())
      out += (out.empty() ? "" : " ") + each;
  return out;
}

std::string told(const result_flow::effects& what) {
  return with_blanks({told_of(what.make, "make"), told_of(what.give, "give"),
                      what.over ? "over" : ""});
}

std::string told(const result_relay::effects& what) {
  return with_blanks(
    {told_of(what.give, "give"), told_of(what.taken, "taken"),
     what.over ? "over" : "",
     what.fault ? std::string{to_string(what.fault.code)} : ""});
}

TEST(ResultFlowTest, PartsAreGivenInTheirOrderOnceTheFirstIsTaken) {
  result_flow flow{3};
  EXPECT_EQ(told(flow.start()), "make 0 1 2");
  EXPECT_EQ(told(flow.made(1, {piece_of(21), piece_of(22)})), "");
  EXPECT_EQ(told(flow.taken(0)), "");
  EXPECT_EQ(told(flow.made(0, {piece_of(11)})), "give 11 21 22");
  EXPECT_EQ(told(flow.made(2, {})), "over");
  EXPECT_EQ(told(flow.taken(54)), "");
}

TEST(ResultFlowTest, NoPartsAreOverAtOnce) {
  result_flow flow{0};
  EXPECT_EQ(told(flow.start()), "");
  EXPECT_EQ(told(flow.taken(0)), "over");
}

TEST(ResultFlowTest, NoMoreIsMadeThanAheadMax) {
  result_flow flow{100};
  EXPECT_EQ(told(flow.start()), "make 0 1 2 3 4 5 6 7");
  EXPECT_EQ(told(flow.made(1, {piece_of(10)})), "");
  EXPECT_EQ(told(flow.taken(0)), "");
  EXPECT_EQ(told(flow.made(0, {piece_of(10)})), "make 8 9 give 10 10");
}

TEST(ResultFlowTest, NothingIsGivenOrMadeBeyondTheWindow) {
  const auto half = result_flow::window_bytes / 2;
  result_flow flow{100};
  (void)flow.start();
  (void)flow.taken(0);
  (void)flow.made(0, {piece_of(half), piece_of(half)});
  // Given, and not taken: the next ones wait, and with them what is to be made.
  EXPECT_EQ(told(flow.made(1, {piece_of(half)})), "");
  EXPECT_EQ(told(flow.made(2, {piece_of(half)})), "");
  EXPECT_EQ(told(flow.made(3, {piece_of(half)})), "");
  EXPECT_EQ(told(flow.taken(half)), "give " + std::to_string(half));
  EXPECT_EQ(told(flow.taken(2 * half)),
            "make 9 10 give " + std::to_string(half));
}

result_relay::settings both_stores() {
  query::logical_plan limits;
  limits.table = "trade";
  limits.rows_max = 100;
  return {.takes_part = {true, true},
          .head = piece_of(1),
          .limits = std::move(limits),
          .patience_ns = 1000};
}

TEST(ResultRelayTest, AllOfTheHdbComesBeforeTheRdb) {
  result_relay relay{both_stores()};
  EXPECT_EQ(told(relay.start(0)), "taken hdb:0 rdb:0");
  EXPECT_EQ(told(relay.came(result_relay::rdb, piece_of(30), 3, 0)), "");
  EXPECT_EQ(told(relay.finished(result_relay::rdb, {}, 0)), "");
  EXPECT_EQ(told(relay.taken(0, 0)), "give 1");
  EXPECT_EQ(told(relay.came(result_relay::hdb, piece_of(10), 1, 0)),
            "give 10 taken hdb:10");
  EXPECT_EQ(told(relay.came(result_relay::hdb, piece_of(20), 2, 0)),
            "give 20 taken hdb:30");
  EXPECT_EQ(told(relay.finished(result_relay::hdb, {}, 0)), "give 30 over");
}

TEST(ResultRelayTest, OneStoreAlone) {
  auto given = both_stores();
  given.takes_part = {false, true};
  result_relay relay{given};
  EXPECT_EQ(told(relay.start(0)), "taken rdb:0");
  EXPECT_EQ(told(relay.taken(0, 0)), "give 1");
  EXPECT_EQ(told(relay.came(result_relay::rdb, piece_of(30), 3, 0)),
            "give 30 taken rdb:30");
  EXPECT_EQ(told(relay.finished(result_relay::rdb, {}, 0)), "over");
  EXPECT_EQ(told(relay.taken(31, 0)), "");
}

/// What the client does not take in, the stores do not hear of.
TEST(ResultRelayTest, AClientThatTakesNothingHoldsTheStoresBack) {
  const auto window = result_relay::window_bytes;
  result_relay relay{both_stores()};
  (void)relay.start(0);
  (void)relay.taken(0, 0);
  EXPECT_EQ(told(relay.came(result_relay::hdb, piece_of(window), 1, 10)),
            "give " + std::to_string(window)
              + " taken hdb:" + std::to_string(window));
  EXPECT_EQ(told(relay.came(result_relay::hdb, piece_of(10), 1, 20)), "");
  EXPECT_EQ(told(relay.waited(1010)), "");
  EXPECT_EQ(told(relay.taken(window, 1010)),
            "give 10 taken hdb:" + std::to_string(window + 10));
  EXPECT_EQ(told(relay.waited(2010)), "");
  EXPECT_EQ(told(relay.waited(2011)), "over timeout");
  EXPECT_EQ(told(relay.taken(window + 10, 2012)), "");
}

TEST(ResultRelayTest, TellsWhyItIsNotWhole) {
  result_relay lost{both_stores()};
  (void)lost.start(0);
  (void)lost.taken(0, 0);
  (void)lost.came(result_relay::hdb, piece_of(10), 7, 0);
  const auto done
    = lost.finished(result_relay::hdb, {errc::backend_lost, "hdb1"}, 0);
  EXPECT_EQ(told(done), "over backend_lost");
  EXPECT_EQ(done.fault.context, "in the middle of the result, after 7 rows: "
                                "hdb1");
  result_relay many{both_stores()};
  (void)many.start(0);
  (void)many.taken(0, 0);
  (void)many.came(result_relay::rdb, piece_of(10), 100, 0);
  EXPECT_EQ(told(many.came(result_relay::hdb, piece_of(10), 1, 0)),
            "over limit_exceeded");
}

} // namespace
} // namespace millrace::torq
