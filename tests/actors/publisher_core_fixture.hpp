#pragma once

// A publisher on a disk in memory, with jobs run by hand.

#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>
#include <millrace/tests/support/queued_executor.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {

using namespace std::chrono_literals;

class PublisherTest : public ::testing::Test {
protected:
  PublisherTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.io = &io;
    env.random = [this] { return ++random_; };
  }
  ~PublisherTest() override { end(); }

  void open(publisher_options options) {
    auto made = publisher::open(env, std::move(options));
    ASSERT_TRUE(made) << to_string(made.failure());
    pub = *std::move(made);
  }
  void open_journal() { open({.topic = "/journal", .origin = "a"}); }

  /// As a process that dies: nothing is sealed.
  void end() {
    io.run_all();
    pub.reset();
  }

  result<publish_token> publish(int64_t id, int32_t to = null_int) {
    message_header header;
    header.id = id;
    header.to = to;
    return pub->publish(std::as_bytes(std::span{"x", 1}), header);
  }

  std::vector<message_header> logged() {
    std::vector<message_header> out;
    auto reader = persistence::log_reader::open(
      disk, {.directory = pub->directory()}, {});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (;;) {
      auto item = (*reader)->next();
      const auto* message = std::get_if<persistence::log_message>(&*item);
      if (message == nullptr)
        return out;
      out.push_back(message->frame.header);
      out.back().on = {};
    }
  }

  sim::memory_file_system disk{1};
  test_support::manual_clock clock{1'000'000'000, 7'000};
  test_support::queued_executor io;
  persistence::env env;
  std::unique_ptr<publisher> pub;

private:
  uint64_t random_ = 0;
};

} // namespace millrace::rt
