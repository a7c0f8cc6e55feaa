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

const link_core::passed time_passes;
const error refused{errc::unavailable, "no such actor"};
constexpr flow_id first{7};
constexpr flow_id second{8};

struct moment {
  int64_t now_ns;
  link_core::input what;
  effects expected;
};

struct script {
  std::string name;
  bool sends = false;
  std::vector<moment> moments;
  /// How it stands in the end.
  link_core::phase_type phase = link_core::phase_type::flowing;
  errc failure = errc::none;
};

constexpr auto idle = link_core::phase_type::idle;
constexpr auto connecting = link_core::phase_type::connecting;

link_core::settings settings_of(bool sends) {
  return {.peer = "rt/market",
          .backoff_first_ns = 10,
          .backoff_max_ns = 40,
          .silence_ns = 100,
          .acknowledge_bytes = 50,
          .sends = sends};
}

const std::vector<script> scripts{
  {.name = "asks once, until there is an answer",
   .moments = {{0, time_passes, {connect{}}},
               {500, time_passes, {}},
               {900, time_passes, {}}},
   .phase = connecting},
  {.name = "waits longer after each failure, up to the limit",
   .moments = {{0, time_passes, {connect{}}},
               {0, failed{refused}, {drop{}}},
               {9, time_passes, {}},
               {10, time_passes, {connect{}}},
               {10, failed{refused}, {drop{}}},
               {29, time_passes, {}},
               {30, time_passes, {connect{}}},
               {30, failed{refused}, {drop{}}},
               {70, time_passes, {connect{}}},
               {70, failed{refused}, {drop{}}},
               {109, time_passes, {}},
               {110, time_passes, {connect{}}},
               {110, failed{refused}, {drop{}}}},
   .phase = idle,
   .failure = errc::unavailable},
  {.name = "a flow ends the waiting",
   .moments = {{0, time_passes, {connect{}}},
               {0, failed{refused}, {drop{}}},
               {10, time_passes, {connect{}}},
               {10, failed{refused}, {drop{}}},
               {30, time_passes, {connect{}}},
               {31, granted{first}, {acknowledge{0}}},
               {40, failed{refused}, {drop{}}},
               {50, time_passes, {connect{}}},
               {51, granted{second}, {acknowledge{0}}}}},
  {.name = "a restart waits for nothing",
   .moments = {{0, time_passes, {connect{}}},
               {0, failed{refused}, {drop{}}},
               {10, time_passes, {connect{}}},
               {11, restarted{}, {drop{}, connect{}}},
               {12, granted{second}, {acknowledge{0}}}}},
  {.name = "a silent peer is given up",
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{first}, {acknowledge{0}}},
               {100, time_passes, {}},
               {101, time_passes, {drop{}}},
               {110, time_passes, {}},
               {111, time_passes, {connect{}}}},
   .phase = connecting,
   .failure = errc::timeout},
  {.name = "each message of the flow is a sign of life",
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{first}, {acknowledge{0}}},
               {60, heard{first}, {}},
               {150, time_passes, {}},
               {150, pinged{first}, {acknowledge{0}}},
               {250, time_passes, {}},
               {251, time_passes, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
  {.name = "messages of an earlier flow are none",
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{second}, {acknowledge{0}}},
               {90, heard{first}, {}},
               {90, pinged{first}, {}},
               {101, time_passes, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
  {.name = "what was taken in is told in steps, and when asked",
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{first}, {acknowledge{0}}},
               {1, taken{49}, {}},
               {2, taken{1}, {acknowledge{50}}},
               {3, taken{30}, {}},
               {4, pinged{first}, {acknowledge{80}}},
               {5, taken{49}, {}},
               {6, taken{200}, {acknowledge{329}}}}},
  {.name = "each flow is counted from nothing",
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{first}, {acknowledge{0}}},
               {1, taken{40}, {}},
               {2, failed{refused}, {drop{}}},
               {3, taken{40}, {}},
               {12, time_passes, {connect{}}},
               {13, granted{second}, {acknowledge{0}}},
               {14, taken{49}, {}},
               {15, taken{1}, {acknowledge{50}}}}},
  {.name = "the end that sends pings, and acknowledges nothing",
   .sends = true,
   .moments = {{0, time_passes, {connect{}}},
               {0, granted{first}, {}},
               {50, time_passes, {ping{}}},
               {60, heard{first}, {}},
               {160, time_passes, {ping{}}},
               {161, time_passes, {drop{}}}},
   .phase = idle,
   .failure = errc::timeout},
};

TEST(LinkCoreTest, EachInputHasItsEffects) {
  for (const auto& each : scripts) {
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
  (void)core.step(time_passes, 0);
  (void)core.step(granted{first}, 0);
  EXPECT_TRUE(core.runs(first));
  EXPECT_FALSE(core.runs(second));
  (void)core.step(failed{refused}, 1);
  EXPECT_FALSE(core.runs(first));
  EXPECT_EQ(core.flow(), first);
}

TEST(LinkCoreTest, SilenceNamesThePeer) {
  link_core core{settings_of(true)};
  (void)core.step(time_passes, 0);
  (void)core.step(granted{first}, 0);
  (void)core.step(time_passes, 101);
  EXPECT_NE(core.last_failure().context.find("rt/market"), std::string::npos);
}

} // namespace
} // namespace millrace::rt
