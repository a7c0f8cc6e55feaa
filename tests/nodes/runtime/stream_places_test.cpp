// Where a stream is found, by what a program names, its configuration, or the
// environment.

#include <millrace/nodes/assembly/stream_places.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/tests/support/scoped_variable.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

using test_support::scoped_variable;

class StreamPlacesTest : public ::testing::Test {
protected:
  scoped_variable prefix{"RT_TOPIC_PREFIX", {}};
  scoped_variable replicas{"RT_REPLICAS", {}};
  scoped_variable cluster{"MILLRACE_CLUSTER", {}};
  scoped_variable log_path{"RT_LOG_PATH", {}};
};

/// A cluster whose one node orders "market".
cluster_config configured() {
  cluster_config out;
  out.path = "cluster.toml";
  out.name = "demo";
  out.address = "127.0.0.1";
  out.streams.push_back({.name = "market"});
  out.nodes.push_back({.name = "n1", .port = 4000, .processes = {"rt1"}});
  auto& rt = out.processes.emplace_back();
  rt.name = "rt1";
  rt.type = process_type::rt;
  rt.node = "n1";
  rt.streams = {"market"};
  return out;
}

std::string text_of(const result<std::vector<endpoint>>& places) {
  if (!places)
    return to_string(places.failure());
  std::string out;
  for (const auto& each : *places)
    out += each.host + ":" + std::to_string(each.port) + "/" + each.name + "@"
           + each.cluster + " ";
  return out;
}

bool says(const error& fault, const std::string& part) {
  return fault.context.find(part) != std::string::npos;
}

TEST_F(StreamPlacesTest, AListIsTakenInItsOrder) {
  EXPECT_EQ(
    text_of(places_of_stream(
      {}, "quotes", stream_use::subscribe,
      {.rt = {"b:5001", "127.0.0.1:7", "[::1]:65535"}, .cluster = "c"})),
    "b:5001/rt/quotes@c 127.0.0.1:7/rt/quotes@c ::1:65535/rt/quotes@c ");
  EXPECT_EQ(split_places("a:1,b:2"), (std::vector<std::string>{"a:1", "b:2"}));
}

TEST_F(StreamPlacesTest, WhatIsNoPlaceIsNamed) {
  for (const std::string bad : {"", "a", "a:", ":1", "a:0", "a:65536", "a:1x",
                                "::1:5001", "[::1]", "a b:1", "a/b:1"}) {
    const auto places = places_of_stream({}, "quotes", stream_use::subscribe,
                                         {.rt = {bad}, .cluster = "c"});
    ASSERT_FALSE(places) << bad;
    EXPECT_EQ(places.failure().code, errc::invalid_argument);
    EXPECT_TRUE(says(places.failure(), "'" + bad + "'"))
      << to_string(places.failure());
  }
  const auto twice = places_of_stream({}, "quotes", stream_use::subscribe,
                                      {.rt = {"a:1", "a:1"}, .cluster = "c"});
  ASSERT_FALSE(twice);
  EXPECT_TRUE(says(twice.failure(), "named twice"))
    << to_string(twice.failure());
  const auto many = places_of_stream(
    {}, "quotes", stream_use::subscribe,
    {.rt = {"a:1", "a:2", "a:3", "a:4", "a:5", "a:6"}, .cluster = "c"});
  ASSERT_FALSE(many);
  EXPECT_TRUE(says(many.failure(), "at most 5")) << to_string(many.failure());
}

TEST_F(StreamPlacesTest, TheConfigurationKnowsItsOwnStreams) {
  const scoped_variable elsewhere{"RT_TOPIC_PREFIX", "internal-"};
  EXPECT_EQ(
    text_of(places_of_stream(configured(), "market", stream_use::subscribe)),
    "127.0.0.1:4000/rt/market@demo ");
  // What is named counts more, and is of the same cluster.
  EXPECT_EQ(text_of(places_of_stream(configured(), "market",
                                     stream_use::subscribe, {.rt = {"a:1"}})),
            "a:1/rt/market@demo ");
}

TEST_F(StreamPlacesTest, TheEnvironmentNamesTheOthersAsTheSeedDoes) {
  const scoped_variable named{"RT_TOPIC_PREFIX", "internal-"};
  const scoped_variable of{"MILLRACE_CLUSTER", "c"};
  EXPECT_EQ(text_of(places_of_stream({}, "quotes", stream_use::subscribe)),
            "internal-quotes-0:5001/rt/quotes@c "
            "internal-quotes-1:5001/rt/quotes@c "
            "internal-quotes-2:5001/rt/quotes@c ");
  const scoped_variable one{"RT_REPLICAS", "1"};
  EXPECT_EQ(text_of(places_of_stream({}, "quotes", stream_use::publish)),
            "internal-quotes-0:5002/rt/quotes@c ");
  // A prefix may be empty, if it is set; the file's cluster counts more.
  const scoped_variable empty{"RT_TOPIC_PREFIX", ""};
  EXPECT_EQ(
    text_of(places_of_stream(configured(), "quotes", stream_use::publish)),
    "quotes-0:5002/rt/quotes@demo ");
}

TEST_F(StreamPlacesTest, WhatTheEnvironmentSaysWronglyIsNamed) {
  const scoped_variable named{"RT_TOPIC_PREFIX", ""};
  const scoped_variable of{"MILLRACE_CLUSTER", "c"};
  for (const std::string bad : {"", "0", "6", "three", "-1", "3 "}) {
    const scoped_variable count{"RT_REPLICAS", bad};
    const auto places = places_of_stream({}, "quotes", stream_use::subscribe);
    ASSERT_FALSE(places) << bad;
    EXPECT_TRUE(says(places.failure(), "RT_REPLICAS: '" + bad + "'"))
      << to_string(places.failure());
  }
  const auto path = places_of_stream({}, "a:b", stream_use::subscribe);
  ASSERT_FALSE(path);
  EXPECT_TRUE(says(path.failure(), "'a:b' is not a name"))
    << to_string(path.failure());
}

TEST_F(StreamPlacesTest, NobodyKnowsWhereIsToldWithTheRemedy) {
  const auto nowhere = places_of_stream({}, "quotes", stream_use::subscribe);
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.failure().code, errc::not_found);
  EXPECT_TRUE(says(nowhere.failure(), "$RT_TOPIC_PREFIX"))
    << to_string(nowhere.failure());
  EXPECT_TRUE(says(nowhere.failure(), "--rt")) << to_string(nowhere.failure());
  // With a file the stream that was meant is named, too.
  const auto meant
    = places_of_stream(configured(), "markets", stream_use::subscribe);
  ASSERT_FALSE(meant);
  EXPECT_EQ(meant.failure().code, errc::not_found);
  EXPECT_TRUE(says(meant.failure(), "'market'")) << to_string(meant.failure());
  EXPECT_TRUE(says(meant.failure(), "$RT_TOPIC_PREFIX"))
    << to_string(meant.failure());
}

// Nodes serve those alone who name their cluster.
TEST_F(StreamPlacesTest, WithoutACluster) {
  const auto places = places_of_stream({}, "quotes", stream_use::subscribe,
                                       {.rt = {"127.0.0.1:5001"}});
  ASSERT_FALSE(places);
  EXPECT_EQ(places.failure().code, errc::config);
  EXPECT_TRUE(says(places.failure(), "$MILLRACE_CLUSTER"))
    << to_string(places.failure());
}

// A host that was made without a configuration.
TEST_F(StreamPlacesTest, APublisherNeedsARootOfItsDirectory) {
  const test_support::temporary_directory home;
  auto host = runtime::create({});
  ASSERT_TRUE(host) << to_string(host.failure());
  const named_places at{.rt = {"127.0.0.1:1"}, .cluster = "c"};
  const auto lacks = (*host)->publish("quotes", {.name = "p", .at = at});
  ASSERT_FALSE(lacks);
  EXPECT_TRUE(says(lacks.failure(), "RT_LOG_PATH is not set"))
    << to_string(lacks.failure());
  {
    const scoped_variable relative{"RT_LOG_PATH", "logs"};
    const auto made = (*host)->publish("quotes", {.name = "p", .at = at});
    ASSERT_FALSE(made);
    EXPECT_TRUE(says(made.failure(), "'logs' is not a full path"))
      << to_string(made.failure());
  }
  const scoped_variable root{"RT_LOG_PATH", home.path()};
  const auto made = (*host)->publish("quotes", {.name = "p", .at = at});
  ASSERT_TRUE(made) << to_string(made.failure());
  EXPECT_EQ(made->out->directory(), home.path() + "/p.quotes");
}

// Who reads it asks the node of its publisher: nobody else serves it.
TEST_F(StreamPlacesTest, AStreamThatNoRtOrdersIsOfItsPublisherAlone) {
  auto config = configured();
  config.streams.push_back({.name = "ticks", .publisher = "own"});
  auto& own = config.processes.emplace_back();
  own.name = own.type = "own";
  own.node = "n1";
  EXPECT_EQ(text_of(places_of_stream(config, "ticks", stream_use::subscribe)),
            "127.0.0.1:4000/rt/ticks@demo ");
  const test_support::temporary_directory home;
  config.data_directory = home.path();
  config.log_path = home.path() + "/pub";
  auto host = runtime::create(config);
  ASSERT_TRUE(host) << to_string(host.failure());
  for (const std::string name : {"own", "other"}) {
    const auto made = (*host)->publish("ticks", {.name = name});
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.failure().code, errc::invalid_argument);
    EXPECT_TRUE(says(made.failure(), "'own' alone, on node 'n1'"))
      << to_string(made.failure());
  }
}

// In the clear nothing is said to another host, whatever its name is resolved
// to.
TEST_F(StreamPlacesTest, OffLoopbackNothingIsSaidWithoutCertificates) {
  auto host = runtime::create({});
  ASSERT_TRUE(host) << to_string(host.failure());
  const auto found = (*host)->find({"192.0.2.1", 5001, "rt/quotes", "c"},
                                   std::chrono::milliseconds{0});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.failure().code, errc::permission)
    << to_string(found.failure());
  EXPECT_TRUE(says(found.failure(), "tls_certificate"))
    << to_string(found.failure());
}

} // namespace
} // namespace millrace::nodes
