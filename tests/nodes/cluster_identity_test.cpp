// The id of a cluster: founded once with its data, the same for all.

#include <millrace/nodes/host/cluster_identity.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

namespace millrace::nodes {
namespace {

class ClusterIdentityTest : public ::testing::Test {
protected:
  void SetUp() override {
    real = real_env::create({});
    ASSERT_TRUE(real) << to_string(real.failure());
  }

  persistence::env& world() { return (*real)->world(); }
  result<cluster_id> known() { return read_cluster_id(*world().fs, data); }

  test_support::temporary_directory home;
  std::string data = home.path() + "/data"; ///< Not there yet.
  result<std::unique_ptr<real_env>> real{error{errc::closed}};
};

TEST_F(ClusterIdentityTest, IsFoundedOnceAndStays) {
  ASSERT_TRUE(known());
  EXPECT_EQ(*known(), cluster_id{})
    << "nobody founded it, and reading does not";
  EXPECT_FALSE(std::filesystem::exists(data));
  const auto founded = found_cluster_id(world(), data);
  ASSERT_TRUE(founded) << to_string(founded.failure());
  EXPECT_NE(*founded, cluster_id{});
  EXPECT_EQ(*known(), *founded);
  EXPECT_EQ(*found_cluster_id(world(), data), *founded);
}

TEST_F(ClusterIdentityTest, ThoseThatFoundItTogetherAgree) {
  std::vector<result<cluster_id>> told(8, error{errc::closed});
  {
    std::vector<std::jthread> threads;
    for (auto& each : told)
      threads.emplace_back([&] { each = found_cluster_id(world(), data); });
  }
  std::set<cluster_id> ids;
  for (const auto& each : told) {
    ASSERT_TRUE(each) << to_string(each.failure());
    ids.insert(*each);
  }
  EXPECT_EQ(ids.size(), 1u);
  size_t left = 0;
  for (const auto& each : std::filesystem::directory_iterator{data})
    left += each.is_directory() ? 1 : 0;
  EXPECT_EQ(left, 1u) << "those that came too late leave nothing";
}

TEST_F(ClusterIdentityTest, DamageIsNamed) {
  ASSERT_TRUE(found_cluster_id(world(), data));
  for (const std::string text : {"", "12\n", "0000000000000000\n",
                                 "0123456789abcdeg\n", "0123456789abcdef"}) {
    std::ofstream{data + "/.cluster/id", std::ios::trunc} << text;
    const auto read = known();
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.failure().code, errc::corrupt);
    EXPECT_NE(read.failure().context.find("/.cluster/id"), std::string::npos);
    EXPECT_FALSE(found_cluster_id(world(), data)) << "never founded anew";
  }
}

} // namespace
} // namespace millrace::nodes
