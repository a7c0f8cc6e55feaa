#include <millrace/messages/data/lost_stream.hpp>
#include <millrace/messages/data/stream_actor_name.hpp>

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(StreamActorNameTest, GoesRoundBothWays) {
  EXPECT_EQ(stream_actor_name("market"), "rt/market");
  EXPECT_EQ(stream_of_actor(stream_actor_name("market")), "market");
  EXPECT_EQ(stream_of_actor("rt/a/b"), "a/b");
  for (const auto* other : {"", "rt", "rt1", "market", "art/market"})
    EXPECT_FALSE(stream_of_actor(other)) << other;
}

TEST(LostStreamTest, TellsWhyAndWhatToDo) {
  const auto text
    = lost_stream_text("market", {errc::unavailable, "rt1: connection refused"},
                       "no new rows come");
  for (const auto* part :
       {"'market'", "rt1: connection refused", "no new rows come",
        "millrace status", "millrace up"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_NE(found_stream_text("market").find("'market'"), std::string::npos);
}

} // namespace
} // namespace millrace
