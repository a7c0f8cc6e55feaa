// A program that speaks HTTP at the port of a simulated cluster.

#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <string>

#include "door_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

const auto cluster_with_web = cluster_with_door(R"(name = "web1"
type = "http"
port = 8080
)");

/// Status line and body; empty: no answer came in a minute.
std::string web_answer(world& in, const std::string& method,
                       const std::string& path, const std::string& body = {}) {
  const auto client = in.at("door").connect(8080);
  if (!client)
    return "nobody listens";
  client->send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n"
               + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n"
               + body);
  std::string got;
  (void)in.run_until(
    [&] {
      got += client->take();
      return !got.empty();
    },
    60s);
  const auto head = got.find("\r\n\r\n");
  return got.substr(0, got.find("\r\n")) + "|"
         + (head == got.npos ? "" : got.substr(head + 4));
}

TEST(HttpDoorSim, AnswersAndSaysWhoIsThere) {
  for_each_seed(10, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_with_web);
    auto& feed = w.add_publisher("feed", "trade");
    for (int i = 0; i < 4; ++i)
      feed.publish({{"sym", "A"}, {"size", i}});
    ASSERT_TRUE(w.eventually(30s, [&] { return feed.settled(); }));
    const auto ready = [&] {
      return web_answer(w, "GET", "/ready").starts_with("HTTP/1.1 200 ");
    };
    ASSERT_TRUE(w.eventually(30s, ready));
    EXPECT_EQ(web_answer(w, "POST", "/query?format=csv", "count trade"),
              "HTTP/1.1 200 OK|count\n4\n");
    w.kill("db");
    ASSERT_TRUE(w.eventually(30s, [&] { return !ready(); }));
    EXPECT_NE(web_answer(w, "GET", "/metrics")
                .find("millrace_node_up{node=\"db\"} 0\n"),
              std::string::npos);
    w.restart("db");
    EXPECT_EQ(web_answer(w, "POST", "/query?format=csv", "count trade"),
              "HTTP/1.1 200 OK|count\n4\n");
    EXPECT_NE(web_answer(w, "GET", "/status").find("\"rdb1\""),
              std::string::npos);
    EXPECT_TRUE(w.defects().empty());
  });
}

/// Its stream is ordered by three nodes.
std::string cluster_of_three() {
  test_support::cluster_text out{"door", "door-data"};
  out.stream("market").table("trade", "market",
                             {"time:timestamp", "sym:symbol", "size:long"});
  for (const auto* number : {"1", "2", "3"})
    out.node("node" + std::string{number}, 7460 + number[0] - '0')
      .process("rt" + std::string{number}, "rt", "node" + std::string{number});
  out.node("door", 7470)
    .process("discovery1", "discovery", "door")
    .process("rdb1", "rdb", "door")
    .process("gw1", "gateway", "door")
    .process("web1", "http", "door", "port = 8080\npublish = [\"market\"]\n");
  return out.text();
}

TEST(HttpDoorSim, PublishesAtOnceWhileOneOfThreeStandsStill) {
  for_each_seed(10, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_of_three());
    const auto publish = [&] {
      return web_answer(
        w, "POST", "/publish?table=trade",
        R"({"time":"2024-01-02T10:00:00Z","sym":"A","size":1})");
    };
    const auto is_published = [&] {
      const auto said = publish();
      return said.starts_with("HTTP/1.1 200 ")
             && said.find("\"end\"") != said.npos;
    };
    ASSERT_TRUE(w.eventually(60s, is_published));
    for (const auto* still : {"node1", "node2", "node3"}) {
      w.pause(still);
      // If it led, another one leads soon.
      ASSERT_TRUE(w.eventually(30s, is_published)) << still;
      const auto before = w.now();
      EXPECT_TRUE(is_published()) << still;
      EXPECT_LT(w.now() - before, 300ms) << still;
      w.resume(still);
      ASSERT_TRUE(w.eventually(30s, is_published)) << still;
    }
    EXPECT_TRUE(w.defects().empty());
  });
}

} // namespace
} // namespace millrace::sim
