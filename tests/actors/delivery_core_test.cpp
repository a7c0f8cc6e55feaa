#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace millrace::rt {
namespace {

using persistence::log_writer;

/// Bytes of a log of `count` messages, several per record.
struct logged {
  explicit logged(int count) {
    persistence::env world;
    sim::memory_file_system fs;
    world.fs = &fs;
    world.random = [] { return uint64_t{7}; };
    auto writer
      = log_writer::open(world, {.directory = "/log", .record_bytes = 256});
    EXPECT_TRUE(writer) << to_string(writer.failure());
    (*writer)->on_write = [this](const log_writer::written& part) {
      if (bytes.empty())
        begin = part.begin;
      bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
    };
    for (int64_t id = 1; id <= count; ++id) {
      const auto text = "message " + std::to_string(id);
      EXPECT_TRUE((*writer)->append(persistence::record_kind::messages,
                                    payload_kind::opaque, {"o", id, id},
                                    std::as_bytes(std::span{text})));
    }
    EXPECT_FALSE((*writer)->write());
    lineage = (*writer)->lineage();
    EXPECT_FALSE((*writer)->close());
  }

  lineage_id lineage;
  position begin;
  std::vector<std::byte> bytes;
};

// Method: the callback refuses each message once. Given again from where the
// delivery stands, it gets every message, once and in order.
TEST(DeliveryTest, WhatIsRefusedComesAgain) {
  const logged log{20};
  ASSERT_FALSE(log.bytes.empty());
  auto control = std::make_shared<subscription>("market");
  std::vector<int64_t> taken;
  int64_t refused = 0;
  std::vector<position> batch_ends;
  subscription_handlers handlers;
  handlers.on_message = [&](const message& m, position) {
    if (m.header.id > refused) {
      refused = m.header.id;
      return control->refuse({errc::limit_exceeded, "no memory"});
    }
    taken.push_back(m.header.id);
  };
  handlers.on_batch_end = [&](position end) { batch_ends.push_back(end); };
  delivery out{control, handlers};
  int refusals = 0;
  for (error fault{errc::limit_exceeded, {}}; fault && refusals < 100;) {
    const auto stood = out.where();
    fault = out.take(log.lineage, log.begin, log.bytes);
    if (!fault)
      break;
    EXPECT_EQ(fault, (error{errc::limit_exceeded, "no memory"}));
    EXPECT_GE(out.where(), stood);
    // What was taken before is shown.
    EXPECT_EQ(batch_ends.back(), out.where());
    ++refusals;
  }
  EXPECT_EQ(refusals, 20);
  std::vector<int64_t> all;
  for (int64_t id = 1; id <= 20; ++id)
    all.push_back(id);
  EXPECT_EQ(taken, all);
  EXPECT_EQ(out.delivered(), 20u);
  EXPECT_TRUE(control->active());
}

// -- the user's hold on it ----------------------------------------------------

stream_event reset_event() {
  stream_event event;
  event.kind = event_kind::reset;
  event.from = position{130};
  event.to = position{17592186044416};
  return event;
}

TEST(DeliveryEventTest, WithoutAHandlerALineIsPrinted) {
  delivery out{std::make_shared<subscription>("/tmp/test"), {}};
  ::testing::internal::CaptureStdout();
  out.take(reset_event());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "Reset event in /tmp/test, rolling position from 130 to "
            "17592186044416\n");
}

TEST(DeliveryEventTest, TheDefaultHandlerCanBeReplaced) {
  std::vector<std::string> told;
  delivery before{std::make_shared<subscription>("a"), {}};
  set_default_event_handler(
    [&](const stream_event& event, const std::string& topic) {
      told.push_back(topic + ": " + std::string{to_string(event.kind)});
    });
  delivery after{std::make_shared<subscription>("b"), {}};
  subscription_handlers own;
  own.on_event = [](const stream_event&) {};
  delivery handled{std::make_shared<subscription>("c"), own};
  ::testing::internal::CaptureStdout();
  for (auto* each : {&before, &after, &handled})
    each->take(reset_event());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(told, (std::vector<std::string>{"a: reset", "b: reset"}));
  set_default_event_handler({});
  ::testing::internal::CaptureStdout();
  after.take(reset_event());
  EXPECT_NE(::testing::internal::GetCapturedStdout(), "");
}

TEST(DeliveryEventTest, TheStreamGoesOnAtTheSecondPosition) {
  std::vector<stream_event> told;
  subscription_handlers handlers;
  handlers.on_event = [&](const stream_event& event) { told.push_back(event); };
  delivery out{std::make_shared<subscription>("market"), handlers};
  ::testing::internal::CaptureStdout();
  out.take(reset_event());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].from, position{130});
  EXPECT_EQ(out.where(), position{17592186044416});
}

TEST(UnsubscribeTest, FromAMessageCallbackItIsTheLastOne) {
  const logged log{20};
  auto control = std::make_shared<subscription>("market");
  std::vector<int64_t> taken;
  subscription_handlers handlers;
  handlers.on_message = [&](const message& m, position) {
    taken.push_back(m.header.id);
    if (m.header.id == 7)
      control->unsubscribe();
  };
  delivery out{control, handlers};
  EXPECT_FALSE(out.take(log.lineage, log.begin, log.bytes));
  EXPECT_EQ(taken.size(), 7u);
  EXPECT_FALSE(control->active());
  control->unsubscribe(); // Harmless twice.
}

TEST(UnsubscribeTest, FromAnEventCallbackNothingFollows) {
  const logged log{20};
  auto control = std::make_shared<subscription>("market");
  size_t messages = 0;
  subscription_handlers handlers;
  handlers.on_event = [&](const stream_event&) { control->unsubscribe(); };
  handlers.on_message = [&](const message&, position) { ++messages; };
  delivery out{control, handlers};
  out.tell(reset_event());
  EXPECT_FALSE(out.take(log.lineage, log.begin, log.bytes));
  EXPECT_EQ(messages, 0u);
}

TEST(UnsubscribeTest, FromAnotherThreadNoCallbackRunsAfterIt) {
  const logged log{20};
  auto control = std::make_shared<subscription>("market");
  std::atomic<bool> inside{false};
  std::atomic<bool> ended{false};
  subscription_handlers handlers;
  handlers.on_message = [&](const message&, position) {
    inside = true;
    inside.notify_one();
    EXPECT_FALSE(ended);
  };
  delivery out{control, handlers};
  std::thread other{[&] {
    inside.wait(false);
    control->unsubscribe();
    ended = true;
  }};
  while (control->active())
    (void)out.take(log.lineage, log.begin, log.bytes);
  other.join();
}

TEST(PruneWishTest, TheHighestCounts) {
  subscription control{"market"};
  control.prune(position{200});
  control.prune(position{100});
  EXPECT_EQ(control.pruned().asked, position{200});
  EXPECT_EQ(control.pruned().done, position{});
}

} // namespace
} // namespace millrace::rt
