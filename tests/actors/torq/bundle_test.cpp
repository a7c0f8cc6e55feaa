#include <millrace/actors/torq/execute/bundle_source.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/messages/protocol/unpack.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace millrace::torq {
namespace {

using namespace std::chrono_literals;

struct bundle_settings : caf::actor_system_config {
  bundle_settings() {
    messages::register_with(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

/// Chunks of 256 KiB, each of its own letter.
chunks pieces(size_t count) {
  chunks out;
  for (size_t i = 0; i < count; ++i) {
    const std::string text(256u << 10, static_cast<char>('a' + i % 26));
    out.push_back(chunk::copy_of(std::as_bytes(std::span{text})));
  }
  return out;
}

/// What one asker was given, or the fault.
struct unpacked {
  bundle carried;
  chunks all;
  caf::error fault;
  int words = 0; ///< So many times.
};

caf::behavior asker(caf::event_based_actor* self, const chunks& all,
                    const std::shared_ptr<unpacked>& what) {
  what->carried = bundle_of(self, all, self->address());
  unpack(
    self, what->carried, [] { return caf::timespan{1s}; },
    [what](chunks came) {
      what->all = std::move(came);
      ++what->words;
    },
    [what](const caf::error& why) {
      what->fault = why;
      ++what->words;
    });
  return {[](caf::tick_atom) {}};
}

struct bundle_test : testing::Test {
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }
  std::shared_ptr<unpacked> ask(size_t count) {
    auto out = std::make_shared<unpacked>();
    all = pieces(count);
    who = system.spawn(asker, all, out);
    return out;
  }
  ~bundle_test() override {
    caf::anon_send_exit(who, caf::exit_reason::kill);
    run();
    dynamic_cast<caf::detail::test_actor_clock&>(scheduler().clock())
      .cancel_all();
  }

  bundle_settings how;
  caf::actor_system system{how};
  chunks all;
  caf::actor who;
};

using BundleTest = bundle_test;

TEST_F(BundleTest,
       AllChunksComeInTheirOrderAndNoMessageHasMoreThanOneMebibyte) {
  for (const size_t count : {0u, 1u, 4u, 5u, 40u}) {
    const auto got = ask(count);
    run();
    EXPECT_EQ(got->carried.here.size(), std::min<size_t>(count, 4)) << count;
    EXPECT_EQ(got->carried.rest != nullptr, count > 4) << count;
    EXPECT_EQ(got->words, 1) << count;
    ASSERT_EQ(got->all.size(), count);
    for (size_t i = 0; i < count; ++i)
      ASSERT_TRUE(std::ranges::equal(got->all[i].bytes(), all[i].bytes())) << i;
    caf::anon_send_exit(who, caf::exit_reason::kill);
  }
}

TEST_F(BundleTest, ASourceEndsWithTheLastChunk) {
  const auto before = system.registry().running();
  const auto got = ask(12);
  run();
  EXPECT_EQ(got->words, 1);
  EXPECT_FALSE(got->fault) << system.render(got->fault);
  EXPECT_EQ(system.registry().running(), before + 1); // The asker.
}

TEST_F(BundleTest, ASourceEndsWithItsAsker) {
  auto out = std::make_shared<unpacked>();
  who
    = system.spawn([out, this](caf::event_based_actor* self) -> caf::behavior {
        out->carried = bundle_of(self, pieces(12), self->address());
        return {[](caf::tick_atom) {}};
      });
  run();
  const auto running = system.registry().running();
  caf::anon_send_exit(who, caf::exit_reason::kill);
  run();
  EXPECT_EQ(system.registry().running(), running - 2);
}

TEST_F(BundleTest, WhatIsNotThereFailsOnce) {
  auto out = std::make_shared<unpacked>();
  who = system.spawn([out](caf::event_based_actor* self) -> caf::behavior {
    auto made = bundle_of(self, pieces(12), self->address());
    made.more += 5;
    unpack(
      self, made, [] { return caf::timespan{1s}; },
      [out](chunks) { ++out->words; },
      [out](const caf::error& why) {
        out->fault = why;
        ++out->words;
      });
    return {[](caf::tick_atom) {}};
  });
  run();
  EXPECT_EQ(out->words, 1);
  EXPECT_TRUE(out->fault);
}

} // namespace
} // namespace millrace::torq
