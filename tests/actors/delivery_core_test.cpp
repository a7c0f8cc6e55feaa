#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <string>
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

  persistence::lineage_id lineage;
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

} // namespace
} // namespace millrace::rt
