#include <millrace/actors/rt/sequence/peer_links.hpp>

#include <gmock/gmock.h>

namespace millrace::rt {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr node_id peer_two{2};
constexpr node_id peer_three{3};
const error gone{errc::unavailable, "gone"};

peer_links two_peers() {
  return peer_links{{{peer_two, "rt2", {}}, {peer_three, "rt3", {}}},
                    {.first_ns = 10, .max_ns = 40, .silence_ns = 100}};
}

TEST(PeerLinksTest, EachIsLookedForUntilItIsFoundAtAPaceOfItsOwn) {
  auto links = two_peers();
  EXPECT_THAT(links.due(0), ElementsAre(peer_two, peer_three));
  EXPECT_THAT(links.due(0), IsEmpty()) << "under way";
  links.found(peer_two, {}, 1);
  links.lost(peer_three, gone, 1);
  EXPECT_EQ(links.find(peer_three)->link.last_failure(), gone);
  EXPECT_THAT(links.due(10), IsEmpty());
  EXPECT_THAT(links.due(11), ElementsAre(peer_three));
}

TEST(PeerLinksTest, OneThatSaysNothingIsGivenUpByName) {
  auto links = two_peers();
  EXPECT_THAT(links.due(0), ElementsAre(peer_two, peer_three));
  links.found(peer_two, {}, 0);
  links.found(peer_three, {}, 0);
  links.heard(peer_three, 50);
  EXPECT_THAT(links.due(101), IsEmpty()) << "a pause comes first";
  EXPECT_EQ(links.find(peer_two)->link.last_failure().context,
            "rt2: silent for 0 ms");
  EXPECT_TRUE(links.find(peer_three)->link.connected());
  EXPECT_THAT(links.due(111), ElementsAre(peer_two));
}

TEST(PeerLinksTest, AStrangerIsNotFound) {
  auto links = two_peers();
  EXPECT_EQ(links.find(node_id{9}), nullptr);
  links.heard(node_id{9}, 0);
  EXPECT_THAT(links.due(0), ElementsAre(peer_two, peer_three));
}

} // namespace
} // namespace millrace::rt
