#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/tests/support/counted_disk.hpp>
#include <millrace/tests/support/watched_executor.hpp>

#include <filesystem>

#include "rt_fixture.hpp"

namespace millrace::rt {

using test_support::counted_disk;
using test_support::watched_executor;

/// What a long log costs the actors of an RT node: told in bytes that are read,
/// in handlers and in jobs, not in seconds.
class RtSeekTest : public rt_fixture {
protected:
  static constexpr int64_t messages = 24 * 1024;
  static constexpr uint64_t log_bytes = messages * 1024;
  /// A window of a file, or the bytes of one chunk, and what little is read of
  /// notes and indexes.
  static constexpr uint64_t little = 1u << 20;

  void SetUp() override {
    rt_fixture::SetUp();
    auto made = nodes::runtime::create(cluster(true));
    ASSERT_TRUE(made) << to_string(made.failure());
    host = *std::move(made);
    disk = std::make_unique<counted_disk>(*host->env().fs);
    io = std::make_unique<watched_executor>(*host->env().io);
    host->env().fs = disk.get();
    host->env().io = io.get();
    start_node(true);
    auto out = publish_to("hostA");
    ASSERT_FALSE(out->wait_verified(10s));
    const std::string payload(1000, 'x');
    for (int64_t i = 1; i <= messages; ++i) {
      message_header header;
      header.ts = i * 1000;
      ASSERT_TRUE(out->publish(bytes_of(payload), header));
    }
    ASSERT_FALSE(out->flush(ack_level::committed, 60s));
  }

  void TearDown() override {
    io->release();
    rt_fixture::TearDown();
  }

  /// Asks the node what it is doing, and waits for the answer.
  void ask_status() {
    caf::scoped_actor self{host->system()};
    bool answered = false;
    self->request(node, 20s, status_atom_v)
      .receive([&](const status_facts&) { answered = true; },
               [](const caf::error& why) {
                 ADD_FAILURE() << to_string(from_caf(why));
               });
    EXPECT_TRUE(answered);
  }

  static start_spec at_time(int64_t ts) {
    start_spec start;
    start.kind = start_spec::at_time;
    start.time_ns = ts;
    return start;
  }

  void forget_counts() { disk->bytes_read = disk->handlers_bytes_read = 0; }

  std::unique_ptr<counted_disk> disk;
  std::unique_ptr<watched_executor> io;
};

TEST_F(RtSeekTest, ATimeIsSoughtBesideTheHandlers) {
  const auto out = host->config().stream_directory("rt1", "market") + "/out";
  const auto files = persistence::list_log_files(*host->env().fs, out);
  ASSERT_TRUE(files && !files->empty());
  const std::filesystem::path index
    = out + "/.index." + std::to_string(files->front().session) + "."
      + std::to_string(files->front().roll);
  ASSERT_FALSE(std::filesystem::exists(index));
  inbox in;
  io->hold();
  forget_counts();
  subscribe(in, at_time((messages - 9) * 1000));
  // One of the jobs that wait is the search, which leaves the index. The node
  // answers while it is under way.
  while (!std::filesystem::exists(index)) {
    const auto job = io->take();
    ask_status();
    job();
  }
  EXPECT_GT(disk->bytes_read, log_bytes); // Nobody had made it before.
  io->release();
  ASSERT_TRUE(in.wait_for(10));
  EXPECT_EQ(in.ids.front(), messages - 9);
  EXPECT_LT(disk->handlers_bytes_read, little);
}

TEST_F(RtSeekTest, StatusReadsNothing) {
  forget_counts();
  for (int i = 0; i < 20; ++i)
    ask_status();
  EXPECT_LT(disk->handlers_bytes_read, little);
}

} // namespace millrace::rt
