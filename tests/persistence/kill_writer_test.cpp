#include <millrace/tests/support/temporary_directory.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

#include "log_fixture.hpp"

namespace millrace::persistence {
namespace {

// The child: writes for ever and tells each id once it is recorded. Never
// returns.
[[noreturn]] void write_for_ever(const std::string& directory, int tell,
                                 uint64_t seed) {
  std::mt19937_64 random{seed};
  env world;
  world.fs = &posix_file_system();
  world.random = [&] { return random(); };
  auto opened = log_writer::open(world, {.directory = directory,
                                         .roll_bytes = 32u << 10,
                                         .record_bytes = 2048,
                                         .reserve_bytes = 64u << 10});
  if (!opened) {
    std::fprintf(stderr, "%s\n", to_string(opened.failure()).c_str());
    ::_exit(2);
  }
  auto& writer = **opened;
  int64_t id = 0;
  if (const auto found = writer.recovered_ids().find("feed");
      found != writer.recovered_ids().end())
    id = found->second;
  for (;;) {
    for (auto n = 1 + random() % 40; n > 0; --n) {
      ++id;
      if (!writer.append(record_kind::messages, payload_kind::opaque,
                         {"feed", id, id, null_int}, bytes_of(payload_of(id))))
        ::_exit(3);
    }
    if (random() % 16 == 0 ? writer.sync() : writer.write())
      ::_exit(4);
    if (::write(tell, &id, sizeof(id)) != sizeof(id))
      ::_exit(5);
  }
}

int cycles_wanted() {
  const char* text = std::getenv("MILLRACE_KILL_CYCLES");
  return text == nullptr ? 50 : std::atoi(text);
}

/// Lets a child write until a random moment; `told` becomes the last id that it
/// said to be recorded.
void kill_a_writer(const std::string& directory, std::mt19937_64& random,
                   int64_t& told) {
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  const auto seed = random();
  const auto child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    ::close(channel[0]);
    write_for_ever(directory, channel[1], seed);
  }
  ::close(channel[1]);
  // Some die while they open, some after a while in the middle of anything.
  const auto wanted = random() % 60;
  int64_t id = 0;
  for (uint64_t i = 0; i < wanted; ++i) {
    if (::read(channel[0], &id, sizeof(id)) != sizeof(id))
      break;
    told = id;
  }
  if (wanted == 0)
    // lint: allow(sleep): the random moment of the kill is the point.
    ::usleep(static_cast<useconds_t>(random() % 3000));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
  while (::read(channel[0], &id, sizeof(id)) == sizeof(id))
    told = id;
  ::close(channel[0]);
}

// kill -9 at any moment loses nothing that was recorded, makes no event and no
// damage; ids go on without a hole.
TEST(KillWriterTest, NothingRecordedIsLost) {
  const test_support::temporary_directory home;
  const auto directory = home.path() + "/log";
  std::mt19937_64 random{std::random_device{}()};
  const auto cycles = cycles_wanted();
  ASSERT_GT(cycles, 0);
  int64_t last = 0; // The last id that the log was seen to hold.
  int64_t told = 0;
  std::optional<position> end;
  int in_the_middle = 0;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    ASSERT_NO_FATAL_FAILURE(kill_a_writer(directory, random, told))
      << "cycle " << cycle;
    auto& fs = posix_file_system();
    if (!fs.exists(directory + "/.lineage")) {
      ASSERT_EQ(told, 0);
      continue;
    }
    const auto got = read_all(fs, directory, end);
    ASSERT_TRUE(got.events.empty())
      << "cycle " << cycle << ": " << to_string(got.events[0].kind) << " "
      << got.events[0].cause;
    for (const auto& message : got.messages) {
      ASSERT_EQ(message.id, last + 1) << "cycle " << cycle;
      ASSERT_EQ(message.payload, payload_of(message.id));
      last = message.id;
    }
    ASSERT_GE(last, told) << "cycle " << cycle;
    in_the_middle += last > told ? 1 : 0;
    if (!got.messages.empty())
      end = got.messages.back().end;
    if (cycle % 25 == 24) {
      const auto report = verify_log(fs, directory);
      ASSERT_TRUE(report);
      ASSERT_EQ(report->message_count, static_cast<uint64_t>(last));
      for (const auto& damage : report->damages)
        ADD_FAILURE() << damage.file << " " << damage.offset << " "
                      << damage.reason;
    }
  }
  std::printf("%d cycles, %lld messages, %d kills between record and answer\n",
              cycles, static_cast<long long>(last), in_the_middle);
  const auto all = read_all(posix_file_system(), directory);
  EXPECT_EQ(all.messages.size(), static_cast<size_t>(last));
  EXPECT_TRUE(all.events.empty());
}

} // namespace
} // namespace millrace::persistence
