// Each case is a script of inputs with their times, and the effects that each
// must have.

#include <millrace/actors/rt/link/link_core.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

using effects = std::vector<link_core::effect>;
using connect = link_core::connect;
using drop = link_core::drop;
using ping = link_core::ping;
using acknowledge = link_core::acknowledge;
using failed = link_core::failed;
using granted = link_core::granted;
using heard = link_core::heard;
using pinged = link_core::pinged;
using restarted = link_core::restarted;
using taken = link_core::taken;

const link_core::passed a_while;
const error no_actor{errc::unavailable, "no such actor"};
constexpr flow_id first_flow{7};
constexpr flow_id second_flow{8};

struct link_moment {
  int64_t now_ns;
  link_core::input what;
  effects expected;
};

struct link_script {
  std::string name;
  bool sends = false;
  std::vector<link_moment> moments;
  /// How it stands in the end.
  link_core::phase_type phase = link_core::phase_type::connected;
  errc failure = errc::none;
};

constexpr auto idle = link_core::phase_type::away;
constexpr auto connecting = link_core::phase_type::connecting;

link_core::settings settings_of(bool sends) {
  return {.peer = "rt/market",
          .pace = {.first_ns = 10, .max_ns = 40, .silence_ns = 100},
          .acknowledge_bytes = 50,
          .sends = sends};
}

const std::vector<link_script> link_scripts{
  {.name = "asks once, until there is an answer",
   .moments
   = {{0, a_while, {connect{}}}, {500, a_while, {}}, {900, a_while, {}}},
   .phase = connecting},
  {.name = "waits longer after each failure, up to the limit",
   .moments = {{0, a_while, {connect{}}},
               {0, failed{no_actor}, {drop{}}},
               {9, a_while, {}},
               {10, a_while, {connect{}}},
               {10, failed{no_actor}, {drop{}}},
               {29, a_while, {}},
               {30, a_while, {connect{}}},
               {30, failed{no_actor}, {drop{}}},
               {70, a_while, {connect{}}},
               {70, failed{no_actor}, {drop{}}},
               {109, a_while, {}},
               {110, a_while, {connect{}}},
               {110, failed{no_actor}, {drop{}}}},
   .phase = idle,
   .failure = errc::unavailable},
  {.name = "a flow ends the waiting",
   .moments = {{0, a_while, {connect{}}},
               {0, failed{no_actor}, {drop{}}},
               {10, a_while, {connect{}}},
               {10, failed{no_actor}, {drop{}}},
               {30, a_while, {connect{}}},
               {31, granted{first_flow}, {acknowledge{0}}},
               {40, failed{no_actor}, {drop{}}},
               {50, a_while, {connect{}}},
               {51, granted{second_flow}, {acknowledge{0}}}}},
  {.name = "a restart waits for nothing",
   .moments = {{0, a_while, {connect{}}},
               {0, failed{no_actor}, {drop{}}},
               {10, a_while, {connect{}}},
               {11, restarted{}, {drop{}, connect{}}},
               {12, granted{second_flow}, {acknowledge{0}}}}},
  {.name = "a silent peer is given up",
   .moments = {{0, a_while, {connect{}}},
               {0, granted{first_flow}, {acknowledge{0}}},
               {100, a_while, {}},
               {101, a_while, {drop{}}},
               {110, a_while, {}},
               {111, a_while, {connect{}}}},
   .phase = connecting,
   .failure = errc::timeout},
  {.name = "each message of the flow is a sign of life",
   .moments = {{0, a_while, {connect{}}},
               {0, granted{first_flow}, {acknowledge{0}}},
               {60, heard{first_flow}, {}},
               {150, a_while, {}},
               {150, pinged{first_flow}, {acknowledge{0}}},
               {250, a_while, {}},
               {251, a_while, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
  {.name = "messages of an earlier flow are none",
   .moments = {{0, a_while, {connect{}}},
               {0, granted{second_flow}, {acknowledge{0}}},
               {90, heard{first_flow}, {}},
               {90, pinged{first_flow}, {}},
               {101, a_while, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
  {.name = "what was taken in is told in steps, and when asked",
   .moments = {{0, a_while, {connect{}}},
               {0, granted{first_flow}, {acknowledge{0}}},
               {1, taken{49}, {}},
               {2, taken{1}, {acknowledge{50}}},
               {3, taken{30}, {}},
               {4, pinged{first_flow}, {acknowledge{80}}},
               {5, taken{49}, {}},
               {6, taken{200}, {acknowledge{329}}}}},
  {.name = "each flow is counted from nothing",
   .moments = {{0, a_while, {connect{}}},
               {0, granted{first_flow}, {acknowledge{0}}},
               {1, taken{40}, {}},
               {2, failed{no_actor}, {drop{}}},
               {3, taken{40}, {}},
               {12, a_while, {connect{}}},
               {13, granted{second_flow}, {acknowledge{0}}},
               {14, taken{49}, {}},
               {15, taken{1}, {acknowledge{50}}}}},
  {.name = "the end that sends pings, and acknowledges nothing",
   .sends = true,
   .moments = {{0, a_while, {connect{}}},
               {0, granted{first_flow}, {}},
               {50, a_while, {ping{}}},
               {60, heard{first_flow}, {}},
               {160, a_while, {ping{}}},
               {161, a_while, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
};

TEST(LinkCoreTest, EachInputHasItsEffects) {
  for (const auto& each : link_scripts) {
    SCOPED_TRACE(each.name);
    link_core core{settings_of(each.sends)};
    for (const auto& moment : each.moments) {
      SCOPED_TRACE(moment.now_ns);
      EXPECT_EQ(core.step(moment.what, moment.now_ns), moment.expected);
    }
    EXPECT_EQ(core.phase(), each.phase);
    EXPECT_EQ(core.last_failure().code, each.failure);
  }
}

TEST(LinkCoreTest, OnlyTheFlowThatRunsCounts) {
  link_core core{settings_of(false)};
  EXPECT_FALSE(core.runs(flow_id{}));
  (void)core.step(a_while, 0);
  (void)core.step(granted{first_flow}, 0);
  EXPECT_TRUE(core.runs(first_flow));
  EXPECT_FALSE(core.runs(second_flow));
  (void)core.step(failed{no_actor}, 1);
  EXPECT_FALSE(core.runs(first_flow));
  EXPECT_EQ(core.flow(), first_flow);
}

TEST(LinkCoreTest, SilenceNamesThePeer) {
  link_core core{settings_of(true)};
  (void)core.step(a_while, 0);
  (void)core.step(granted{first_flow}, 0);
  (void)core.step(a_while, 101);
  EXPECT_NE(core.last_failure().context.find("rt/market"), std::string::npos);
}

} // namespace
} // namespace millrace::rt
