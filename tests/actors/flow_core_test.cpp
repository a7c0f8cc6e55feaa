// The two ends of a flow without their actors: what a source makes of damage in
// its log, and what a delivery refuses.

#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

constexpr const char* flow_log = "/log";

class FlowTest : public ::testing::Test {
protected:
  FlowTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [this] { return ++random_; };
    open();
  }

  void open() {
    writer.reset();
    auto opened = persistence::log_writer::open(
      env, {.directory = flow_log,
            .session = persistence::session_policy::resume,
            .reserve_bytes = 0});
    ASSERT_TRUE(opened) << to_string(opened.failure());
    writer = *std::move(opened);
  }

  /// One record with one message; @returns its end.
  position write(int64_t id) {
    message_header header;
    header.on = "a";
    header.id = id;
    const auto text = "message " + std::to_string(id);
    auto end
      = writer->append(persistence::record_kind::messages, payload_kind::opaque,
                       header, std::as_bytes(std::span{text}));
    EXPECT_TRUE(end);
    EXPECT_FALSE(writer->write());
    return *end;
  }

  void damage(position at) {
    disk.flip_bit(std::string{flow_log} + "/log.0." + std::to_string(at.roll()),
                  at.offset() * 8);
  }

  std::unique_ptr<flow_sender> flow(persistence::damage_policy policy
                                    = persistence::damage_policy::next_file) {
    auto made = std::make_unique<flow_sender>(
      disk,
      flow_options{.directory = flow_log, .chunk_bytes = 1, .damage = policy},
      std::make_shared<tail_credit>(0));
    EXPECT_FALSE(made->start({}));
    return made;
  }

  /// "<begin>" of each part and "<kind> <from> <to>" of each event, until none
  /// is left; offsets within file 0.
  static std::string sent_by(flow_sender& sender) {
    std::string out;
    for (;;) {
      auto item = sender.next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (!item || !*item)
        return out;
      if (const auto* part = std::get_if<flow_sender::part>(&**item))
        out += std::to_string(part->begin.value) + " ";
      else if (const auto& event = std::get<stream_event>(**item); true)
        out += std::string{to_string(event.kind)} + "("
               + std::to_string(event.from.value) + ","
               + std::to_string(event.to.value) + ") ";
    }
  }

  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
  std::unique_ptr<persistence::log_writer> writer;

private:
  uint64_t random_ = 0;
};

std::string number(position at) { return std::to_string(at.value); }

TEST_F(FlowTest, ADamagedPayloadIsTheSourcesToTell) {
  const auto first = write(1);
  const auto second = write(2);
  write(3);
  ASSERT_FALSE(writer->roll());
  const auto next = writer->recorded_end();
  write(4);
  damage({second.value - 8}); // In the payload.
  auto sender = flow();
  EXPECT_EQ(sent_by(*sender), "0 badtail(" + number(first) + "," + number(next)
                                + ") " + number(next) + " ");
  EXPECT_EQ(sender->stalled(), "");
}

TEST_F(FlowTest, HowFarTheReceiverTookTheLogInIsKnown) {
  write(1);
  ASSERT_FALSE(writer->roll());
  const auto next = writer->recorded_end();
  const auto third = write(3);
  auto sender = flow();
  EXPECT_EQ(sender->taken(), position{});
  EXPECT_FALSE(sent_by(*sender).empty());
  // In an earlier file than what was sent last: not more than its begin.
  EXPECT_EQ(sender->taken(), next);
  const auto of_last = third.value - next.value;
  sender->acked(sender->sent() - of_last);
  EXPECT_EQ(sender->taken(), next);
  sender->acked(sender->sent() - of_last / 2);
  EXPECT_EQ(sender->taken().value, third.value - of_last / 2);
  sender->acked(sender->sent());
  EXPECT_EQ(sender->taken(), third);
}

TEST_F(FlowTest, DamageInTheLastFileIsPassedOnceSomethingIntactFollows) {
  const auto first = write(1);
  const auto second = write(2);
  damage(first);
  auto sender = flow();
  sender->grew(second, {});
  EXPECT_EQ(sent_by(*sender), "0 ");
  EXPECT_NE(sender->stalled().find("damage at " + number(first)),
            std::string::npos)
    << sender->stalled();
  const auto third = write(3);
  sender->grew(third, {});
  EXPECT_EQ(sent_by(*sender), "badtail(" + number(first) + "," + number(second)
                                + ") " + number(second) + " ");
  EXPECT_EQ(sender->where(), third);
}

TEST_F(FlowTest, APublishersFlowGoesOnAtTheNextIntactRecord) {
  const auto first = write(1);
  const auto second = write(2);
  write(3);
  ASSERT_FALSE(writer->roll());
  write(4);
  damage(first);
  auto sender = flow(persistence::damage_policy::resync);
  EXPECT_NE(sent_by(*sender).find("badtail(" + number(first) + ","
                                  + number(second) + ") " + number(second)),
            std::string::npos);
}

TEST_F(FlowTest, NoAcknowledgementGoesBackOrBeyondWhatWasSent) {
  write(1);
  write(2);
  auto sender = flow();
  sent_by(*sender);
  const auto all = sender->sent();
  sender->acked(all + 1000);
  EXPECT_EQ(sender->unacked(), 0u);
  sender->acked(0);
  EXPECT_EQ(sender->unacked(), 0u);
}

TEST_F(FlowTest, AFlowIsNotIdleWhileAsManyPartsAreUnderWay) {
  auto credit = std::make_shared<tail_credit>(1 << 20);
  flow_sender sender{
    disk, {.directory = flow_log, .parts_in_flight_max = 2}, credit};
  ASSERT_FALSE(sender.start({}));
  auto grow = [&, end = uint64_t{0}](size_t size) mutable {
    ASSERT_TRUE(credit->take(static_cast<int64_t>(size)));
    sender.grew({end += size}, chunk::copy_of(std::vector<std::byte>(size)));
  };
  grow(10);
  grow(10);
  EXPECT_EQ(sent_by(sender), "0 ") << "what is at hand goes as one";
  grow(10);
  EXPECT_TRUE(sender.idle());
  EXPECT_EQ(sent_by(sender), "20 ");
  EXPECT_FALSE(sender.idle());
  // It is for the writer to let more gather: what came is not held back.
  grow(10);
  EXPECT_EQ(sent_by(sender), "30 ");
  sender.acked(20);
  EXPECT_FALSE(sender.idle());
  sender.acked(30);
  EXPECT_TRUE(sender.idle());
  // Little is joined to what would be a large copy.
  grow(flow_options::gathered_bytes - 1);
  grow(1);
  grow(1);
  EXPECT_EQ(sent_by(sender),
            "40 " + std::to_string(flow_options::gathered_bytes + 40) + " ");
  EXPECT_TRUE(credit->take(1 << 20)) << "all credit came back";
}

class DeliveryPlaceTest : public FlowTest {
protected:
  DeliveryPlaceTest()
    : control{std::make_shared<subscription>("market")},
      out{control,
          {.on_message
           = [this](const message& m,
                    position) { told += std::to_string(m.header.id) + " "; },
           .on_event =
             [this](const stream_event& event) {
               told += std::string{to_string(event.kind)} + " ";
             }}} {}

  error take(position from, position to) {
    const auto bytes = disk.content(std::string{flow_log} + "/log.0."
                                    + std::to_string(from.roll()));
    return out.take(
      writer->lineage(), from,
      std::span{bytes}.subspan(from.offset(), to.value - from.value));
  }

  std::string told;
  std::shared_ptr<subscription> control;
  delivery out;
};

TEST_F(DeliveryPlaceTest, AHoleIsRefused) {
  const auto first = write(1);
  const auto second = write(2);
  const auto third = write(3);
  EXPECT_FALSE(take({}, first));
  EXPECT_EQ(take(second, third).code, errc::bad_position);
  EXPECT_FALSE(take(first, third));
  EXPECT_EQ(told, "1 2 3 ");
}

TEST_F(DeliveryPlaceTest, AFileFollowsTheSealOfAnotherOrAnEvent) {
  const auto first = write(1);
  const auto second = write(2);
  ASSERT_FALSE(writer->roll());
  const auto next = writer->recorded_end();
  const auto third = write(3);
  EXPECT_FALSE(take({}, first));
  EXPECT_EQ(take(next, third).code, errc::bad_position);
  out.take(stream_event{.from = first, .to = next});
  EXPECT_FALSE(take(next, third));
  out.start_at({});
  const position sealed{
    disk.content(std::string{flow_log} + "/log.0.0").size()};
  EXPECT_LT(second, sealed);
  EXPECT_FALSE(take({}, sealed));
  EXPECT_FALSE(take(next, third));
  EXPECT_EQ(told, "1 reset 3 1 2 3 ");
}

TEST_F(DeliveryPlaceTest, WhatIsOnlyToldMovesNothing) {
  const auto first = write(1);
  const auto second = write(2);
  EXPECT_FALSE(take({}, first));
  out.tell(
    stream_event{.kind = event_kind::ahead, .from = second, .to = second});
  EXPECT_EQ(out.where(), first);
  EXPECT_FALSE(take(first, second));
  EXPECT_EQ(told, "1 ahead 2 ");
}

// What all have merged is passed over where others look for records; what is
// only gone is not.
TEST_F(FlowTest, RecordsAreReadAfterWhatWasCollected) {
  write(1);
  ASSERT_FALSE(writer->roll());
  write(2);
  ASSERT_FALSE(writer->roll());
  write(3);
  ASSERT_FALSE(writer->sync());
  const auto last = position::of(0, 2, 0);
  const position to{last.value + (1 << 20)};
  ASSERT_TRUE(persistence::collect_log(env, flow_log, last));
  const auto part = read_records(disk, flow_log, position::of(0, 0, 0), to);
  ASSERT_TRUE(part) << to_string(part.failure());
  EXPECT_EQ(part->begin, last);
  ASSERT_FALSE(disk.remove(std::string{flow_log} + "/log.0.1"));
  const auto gone = read_records(disk, flow_log, position::of(0, 0, 0), to);
  EXPECT_EQ(gone.failure().code, errc::not_found);
}

} // namespace
} // namespace millrace::rt
