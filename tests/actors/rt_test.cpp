#include <future>

#include "rt_fixture.hpp"

namespace millrace::rt {
namespace {

size_t log_files_below(const std::filesystem::path& directory) {
  size_t count = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator{directory})
    count += entry.path().filename().string().starts_with("log.");
  return count;
}

class RtTest : public rt_fixture, public ::testing::WithParamInterface<bool> {};

TEST_P(RtTest, PublishedMessagesArriveInOrderOnce) {
  start_node(GetParam());
  auto pub = publish_to("hostA");
  inbox in;
  auto sub = subscribe(in);
  ASSERT_FALSE(pub->wait_verified(10s));
  constexpr int count = 20'000;
  for (int i = 0; i < count; ++i) {
    auto token = pub->publish(bytes_of("message " + std::to_string(i)));
    ASSERT_TRUE(token) << to_string(token.failure());
  }
  ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
  ASSERT_TRUE(in.wait_for(count));
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(in.payloads[static_cast<size_t>(i)],
              "message " + std::to_string(i));
    ASSERT_EQ(in.ids[static_cast<size_t>(i)], i + 1);
  }
  EXPECT_TRUE(std::is_sorted(in.ends.begin(), in.ends.end()));
  EXPECT_TRUE(in.events.empty());
}

TEST_P(RtTest, ResubscribingFromAnyDeliveredPositionGivesTheRest) {
  start_node(GetParam());
  auto pub = publish_to("hostA");
  ASSERT_FALSE(pub->wait_verified(10s));
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(pub->publish(bytes_of(std::string(i % 7 * 10u, 'x'))));
  ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
  inbox all;
  subscribe(all);
  ASSERT_TRUE(all.wait_for(50));
  for (size_t from : {0u, 1u, 17u, 48u}) {
    inbox rest;
    start_spec start;
    start.kind = start_spec::at_position;
    start.at = all.ends[from];
    auto sub = subscribe(rest, start);
    ASSERT_TRUE(rest.wait_for(49 - from)) << from;
    EXPECT_EQ(rest.ids.front(), static_cast<int64_t>(from) + 2);
    sub->unsubscribe();
    EXPECT_EQ(rest.payloads.size(), 49 - from);
  }
}

TEST_P(RtTest, NodeKilledAndRestartedLosesAndDoublesNothing) {
  start_node(GetParam());
  auto pub = publish_to("hostA");
  inbox in;
  subscribe(in);
  ASSERT_FALSE(pub->wait_verified(10s));
  int sent = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 500; ++i)
      ASSERT_TRUE(pub->publish(bytes_of(std::to_string(sent++))));
    if (round % 2 == 0)
      ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
    kill_node();
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(pub->publish(bytes_of(std::to_string(sent++))));
    start_node(GetParam());
  }
  ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
  ASSERT_TRUE(in.wait_for(static_cast<size_t>(sent)));
  for (int i = 0; i < sent; ++i)
    ASSERT_EQ(in.payloads[static_cast<size_t>(i)], std::to_string(i));
}

TEST_P(RtTest, RestartedPublisherGoesOnWithItsIds) {
  start_node(GetParam());
  inbox in;
  subscribe(in);
  for (int life = 0; life < 3; ++life) {
    auto pub = publish_to("hostA");
    ASSERT_FALSE(pub->wait_verified(10s));
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(pub->publish(bytes_of("x")));
    ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
    // Otherwise it ends without a seal, as a killed process does.
    if (life == 1)
      ASSERT_FALSE(pub->close());
    end_publisher(std::move(pub));
  }
  ASSERT_TRUE(in.wait_for(30));
  for (int64_t i = 0; i < 30; ++i)
    EXPECT_EQ(in.ids[static_cast<size_t>(i)], i + 1);
  EXPECT_TRUE(in.events.empty());
}

TEST_P(RtTest, WipedPublisherDirectoryIsAReset) {
  start_node(GetParam());
  inbox in;
  subscribe(in);
  for (int life = 0; life < 2; ++life) {
    auto pub = publish_to("hostA");
    ASSERT_FALSE(pub->wait_verified(10s));
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(pub->publish(bytes_of("x")));
    ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
    ASSERT_FALSE(pub->close());
    end_publisher(std::move(pub));
    std::filesystem::remove_all(root / "pub");
  }
  ASSERT_TRUE(in.wait_for(10));
  ASSERT_EQ(in.events.size(), 1u);
  EXPECT_EQ(in.events[0].kind, event_kind::reset);
  EXPECT_EQ(in.events[0].from, in.ends[4]);
  EXPECT_EQ(in.ids[5], 6) << "RT told the new life where the old one ended";
}

TEST_P(RtTest, RunsThatEndCleanlyCostTheNodeNoFiles) {
  constexpr size_t runs = 25;
  start_node(GetParam());
  inbox in;
  subscribe(in);
  for (size_t run = 0; run < runs; ++run) {
    auto pub = publish_to("hostA");
    ASSERT_FALSE(pub->wait_verified(10s));
    ASSERT_TRUE(pub->publish(bytes_of("x")));
    ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
    ASSERT_FALSE(pub->close());
    end_publisher(std::move(pub));
  }
  ASSERT_TRUE(in.wait_for(runs));
  for (size_t i = 0; i < runs; ++i)
    EXPECT_EQ(in.ids[i], static_cast<int64_t>(i) + 1);
  EXPECT_TRUE(in.events.empty());
  EXPECT_EQ(log_files_below(root / "pub"), 1u);
  EXPECT_EQ(
    log_files_below(host->config().stream_directory("rt1", "market") + "/in"),
    1u);
}

// Its notes stay, and its messages are gone: ids go on, and those who read the
// stream are told.
TEST_P(RtTest, LogFilesOfAPublisherThatWereTakenAwayAreAReset) {
  start_node(GetParam());
  inbox in;
  subscribe(in);
  for (int life = 0; life < 2; ++life) {
    auto pub = publish_to("hostA");
    ASSERT_FALSE(pub->wait_verified(10s));
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(pub->publish(bytes_of("x")));
    ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
    ASSERT_FALSE(pub->close());
    end_publisher(std::move(pub));
    std::filesystem::remove(root / "pub/hostA.market/log.0.0");
  }
  ASSERT_TRUE(in.wait_for(10));
  EXPECT_EQ(in.ids[5], 6);
  EXPECT_EQ(log_files_below(root / "pub"), 1u);
  ASSERT_EQ(in.events.size(), 1u);
  EXPECT_EQ(in.events[0].kind, event_kind::reset);
  EXPECT_EQ(in.events[0].from, in.ends[4]);
}

// It has no name, and holds nothing: what it took in is told while it is there.
TEST_P(RtTest, ASubscriberThatFallsBehindIsSeenWhileItIsConnected) {
  constexpr size_t messages = 2000;
  start_node(GetParam());
  const auto told = [this] {
    caf::scoped_actor self{host->system()};
    status_facts out;
    self->request(node, 20s, status_atom_v)
      .receive([&](const status_facts& facts) { out = facts; },
               [](const caf::error& why) {
                 ADD_FAILURE() << to_string(from_caf(why));
               });
    return out;
  };
  // Until the subscribers' bytes of lag are as wanted, the most first.
  const auto becomes = [&](const auto& wanted) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    std::vector<uint64_t> bytes;
    do {
      const auto status = told();
      bytes.clear();
      for (const auto& each : status.at("connected").elements())
        bytes.push_back(each.at("lag").at("bytes").natural().value_or(0));
      const auto most
        = status.at("subscriber_lag").at("bytes").natural().value_or(0);
      EXPECT_EQ(most, bytes.empty() ? 0 : bytes.front());
      if (wanted(bytes))
        return true;
    } while (std::chrono::steady_clock::now() < until);
    ADD_FAILURE() << ::testing::PrintToString(bytes);
    return false;
  };
  using lags = std::vector<uint64_t>;
  EXPECT_TRUE(becomes([](const lags& bytes) { return bytes.empty(); }));
  inbox fast;
  subscribe(fast);
  inbox slow;
  std::promise<void> goes_on;
  auto handlers = slow.handlers();
  handlers.on_message
    = [wait = goes_on.get_future().share(),
       take = handlers.on_message](const message& m, position end) {
        wait.wait();
        take(m, end);
      };
  auto running = host->subscribe("market", std::move(handlers), {});
  ASSERT_TRUE(running) << to_string(running.failure());
  subscribers.push_back(running->subscriber);
  auto pub = publish_to("hostA");
  ASSERT_FALSE(pub->wait_verified(10s));
  const std::string payload(1000, 'x');
  for (size_t i = 0; i < messages; ++i)
    ASSERT_TRUE(pub->publish(bytes_of(payload)));
  ASSERT_FALSE(pub->flush(ack_level::committed, 20s));
  ASSERT_TRUE(fast.wait_for(messages));
  EXPECT_TRUE(becomes([&](const lags& bytes) {
    return bytes.size() == 2 && bytes[0] >= messages * payload.size()
           && bytes[1] == 0;
  }));
  const auto now = told();
  const auto& first = now.at("connected").elements().front();
  EXPECT_EQ(first.at("pid").text_or_empty(), std::to_string(::getpid()));
  EXPECT_GE(first.at("lag").at("messages").natural().value_or(0), messages);
  goes_on.set_value();
  ASSERT_TRUE(slow.wait_for(messages));
  EXPECT_TRUE(becomes(
    [](const lags& bytes) { return bytes.size() == 2 && bytes[0] == 0; }));
  kill_subscriber();
  EXPECT_TRUE(becomes([](const lags& bytes) { return bytes.size() == 1; }));
}

TEST_P(RtTest, TwoPublishersEachKeepTheirOrder) {
  start_node(GetParam());
  auto a = publish_to("hostA");
  auto b = publish_to("hostB");
  ASSERT_FALSE(a->wait_verified(10s));
  ASSERT_FALSE(b->wait_verified(10s));
  inbox in;
  subscribe(in);
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(a->publish(bytes_of("a" + std::to_string(i))));
    ASSERT_TRUE(b->publish(bytes_of("b" + std::to_string(i))));
  }
  ASSERT_TRUE(in.wait_for(6000));
  int next_a = 0;
  int next_b = 0;
  for (const auto& payload : in.payloads) {
    auto& next = payload[0] == 'a' ? next_a : next_b;
    ASSERT_EQ(payload.substr(1), std::to_string(next++));
  }
}

TEST_P(RtTest, PeriodEndsOnceBehindEveryPublishersMarker) {
  start_node(GetParam());
  auto a = publish_to("hostA");
  auto b = publish_to("hostB");
  ASSERT_FALSE(a->wait_verified(10s));
  ASSERT_FALSE(b->wait_verified(10s));
  inbox in;
  subscribe(in);
  ASSERT_TRUE(a->publish(bytes_of("a")));
  ASSERT_TRUE(b->publish(bytes_of("b")));
  caf::scoped_actor self{host->system()};
  position end;
  self->request(node, 10s, end_period_atom_v, period_id{5000})
    .receive(
      [&](position at) { end = at; },
      [](const caf::error& fault) { FAIL() << to_string(from_caf(fault)); });
  errc again = errc::none;
  self->request(node, 10s, end_period_atom_v, period_id{5000})
    .receive([](position) {},
             [&](const caf::error& fault) { again = from_caf(fault).code; });
  EXPECT_EQ(again, errc::already_exists);
  ASSERT_TRUE(a->publish(bytes_of("later")));
  ASSERT_TRUE(in.wait_for(3));
  ASSERT_EQ(in.periods.size(), 1u);
  EXPECT_EQ(in.periods[0].first, period_id{5000});
  EXPECT_EQ(in.periods[0].second, end);
  EXPECT_LT(in.ends[1], in.periods[0].second);
  EXPECT_GT(in.ends[2], in.periods[0].second);
}

TEST_P(RtTest, LocalCopyServesWhatTheNodeHasNoMore) {
  start_node(GetParam());
  auto pub = publish_to("hostA");
  ASSERT_FALSE(pub->wait_verified(10s));
  const auto copy = (root / "copy").string();
  {
    inbox in;
    auto sub = subscribe(in, {}, copy);
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(pub->publish(bytes_of(std::to_string(i))));
    ASSERT_TRUE(in.wait_for(100));
    sub->unsubscribe();
    kill_subscriber();
  }
  inbox in;
  subscribe(in, {}, copy);
  ASSERT_TRUE(in.wait_for(100));
  ASSERT_TRUE(pub->publish(bytes_of("100")));
  ASSERT_TRUE(in.wait_for(101));
  for (int i = 0; i <= 100; ++i)
    EXPECT_EQ(in.payloads[static_cast<size_t>(i)], std::to_string(i));
}

INSTANTIATE_TEST_SUITE_P(Modes, RtTest, ::testing::Values(false, true),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::rt
