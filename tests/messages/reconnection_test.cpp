#include <millrace/messages/base/reconnection.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace {
namespace {

const error nobody{errc::unavailable, "nobody there"};

/// Scripts of what happens at which time: b(egin), f(ound), h(eard), l(ost),
/// a(new); and when the peer is due and silent after it.
struct reconnection_moment {
  int64_t now_ns;
  char what;
  bool due;
  bool silent;
};

struct reconnection_script {
  const char* name;
  std::vector<reconnection_moment> moments;
};

const reconnection_script reconnection_scripts[] = {
  {"is due at first, once", {{0, '-', true, false}, {0, 'b', false, false}}},
  {"pauses of 10, 20, 40, 40",
   {{0, 'b', false, false},
    {0, 'l', false, false},
    {9, '-', false, false},
    {10, '-', true, false},
    {10, 'b', false, false},
    {10, 'l', false, false},
    {29, '-', false, false},
    {30, 'b', false, false},
    {30, 'l', false, false},
    {69, '-', false, false},
    {70, 'b', false, false},
    {70, 'l', false, false},
    {109, '-', false, false},
    {110, '-', true, false}}},
  {"one that is found and says nothing ends no pause",
   {{0, 'b', false, false},
    {0, 'l', false, false},
    {10, 'b', false, false},
    {11, 'f', false, false},
    {12, 'l', false, false},
    {31, '-', false, false},
    {32, '-', true, false}}},
  {"one that speaks does",
   {{0, 'b', false, false},
    {0, 'l', false, false},
    {10, 'b', false, false},
    {11, 'f', false, false},
    {12, 'h', false, false},
    {13, 'l', false, false},
    {23, '-', true, false}}},
  {"begun anew, it has never failed",
   {{0, 'l', false, false},
    {0, 'l', false, false},
    {0, 'a', false, false},
    {5, 'l', false, false},
    {15, '-', true, false}}},
  {"silence is told of a connected peer alone",
   {{0, 'b', false, false},
    {500, '-', false, false},
    {500, 'f', false, false},
    {600, '-', false, false},
    {601, '-', false, true},
    {601, 'h', false, false},
    {702, '-', false, true},
    {702, 'l', false, false}}},
};

TEST(ReconnectionTest, LooksAgainWithLongerPausesUntilThePeerSpeaks) {
  for (const auto& each : reconnection_scripts) {
    reconnection peer{{.first_ns = 10, .max_ns = 40, .silence_ns = 100}};
    for (const auto& now : each.moments) {
      SCOPED_TRACE(std::string{each.name} + " at "
                   + std::to_string(now.now_ns));
      switch (now.what) {
        case 'b':
          peer.begin();
          break;
        case 'f':
          peer.found(now.now_ns);
          break;
        case 'h':
          peer.heard(now.now_ns);
          break;
        case 'l':
          peer.lost(nobody, now.now_ns);
          break;
        case 'a':
          peer.begin_anew();
          break;
        default:
          break;
      }
      EXPECT_EQ(peer.due(now.now_ns), now.due);
      EXPECT_EQ(peer.silent(now.now_ns), now.silent);
    }
  }
}

TEST(ReconnectionTest, SaysWhyThePeerIsNotThere) {
  reconnection peer{{}};
  EXPECT_FALSE(peer.last_failure());
  peer.begin();
  peer.lost(nobody, 0);
  EXPECT_EQ(peer.last_failure(), nobody);
  peer.begin();
  EXPECT_EQ(peer.last_failure(), nobody) << "until it is found";
  peer.found(1);
  EXPECT_FALSE(peer.last_failure());
  EXPECT_TRUE(peer.connected());
}

TEST(ReconnectionTest, WithoutALimitNoSilenceIsTooLong) {
  reconnection peer{{}};
  peer.begin();
  peer.found(0);
  EXPECT_FALSE(peer.silent(int64_t{1} << 60));
}

} // namespace
} // namespace millrace
