#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/host/crash_points.hpp>
#include <millrace/nodes/host/descriptor.hpp>
#include <millrace/nodes/host/descriptor_limit.hpp>
#include <millrace/nodes/host/last_words.hpp>
#include <millrace/nodes/host/local_ports.hpp>
#include <millrace/nodes/host/logging.hpp>
#include <millrace/nodes/host/node_lock.hpp>
#include <millrace/nodes/host/process_usage.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/disk/crash_point_names.hpp>
#include <millrace/tests/support/manual_clock.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <netinet/in.h>
#include <set>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::nodes {
namespace {

TEST(LocalPortsTest, AConnectionThatMeetsItselfIsNobody) {
  const descriptor one{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* name = reinterpret_cast<sockaddr*>(&at);
  ASSERT_EQ(::bind(one.get(), name, sizeof at), 0);
  socklen_t size = sizeof at;
  ASSERT_EQ(::getsockname(one.get(), name, &size), 0);
  EXPECT_TRUE(is_given_to_connections(ntohs(at.sin_port)));
  EXPECT_FALSE(is_given_to_connections(1));
  EXPECT_FALSE(meets_itself(one.get())); // It meets nobody yet.
  // What a connection from this port would do: nobody listens there.
  ASSERT_EQ(::connect(one.get(), name, sizeof at), 0);
  EXPECT_TRUE(meets_itself(one.get()));
}

TEST(ProcessUsageTest, ReadsWhatTheSystemSays) {
  const std::string fields = " S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 17 18"
                             " 19 20 3 22\n";
  EXPECT_EQ(parse_process_usage("9 (a) b)" + fields, 100, 4096),
            (process_usage{3000, 12288}));
  EXPECT_EQ(parse_process_usage("9 (a) b) S 1 2", 100, 4096), std::nullopt);
  EXPECT_EQ(parse_process_usage("", 100, 4096), std::nullopt);
  EXPECT_EQ(usage_of_process(-1), std::nullopt);
  EXPECT_GT(usage_of_process(::getpid())->resident_bytes, 0u);
}

using ::testing::HasSubstr;

TEST(CrashPointTest, ReadsNameAndCount) {
  EXPECT_EQ(*parse_crash_request(""), std::nullopt);
  EXPECT_EQ(*parse_crash_request("rdb.before_manifest"),
            (crash_request{"rdb.before_manifest", 1}));
  EXPECT_EQ(*parse_crash_request("pub.after_sync:17"),
            (crash_request{"pub.after_sync", 17}));
}

TEST(CrashPointTest, RefusesWhatWouldNeverStrike) {
  for (const auto* text :
       {"rdb.nowhere", ":1", "pub.after_sync:", "pub.after_sync:0",
        "pub.after_sync:-1", "pub.after_sync:1x", "pub.after_sync:1:2",
        " pub.after_sync"}) {
    const auto request = parse_crash_request(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.failure().code, errc::config);
  }
}

TEST(CrashPointTest, StrikesOnceAtTheRequestedPassage) {
  int died = 0;
  const auto pass
    = make_crash_point(crash_request{"rt.after_commit", 3}, [&] { ++died; });
  for (int i = 1; i <= 5; ++i) {
    pass("rt.before_commit");
    EXPECT_EQ(died, i > 3 ? 1 : 0);
    pass("rt.after_commit");
    EXPECT_EQ(died, i >= 3 ? 1 : 0);
  }
}

TEST(CrashPointTest, NamesAreUnique) {
  const auto& all = persistence::crash_point_names;
  const std::set<std::string_view> names{all.begin(), all.end()};
  EXPECT_EQ(names.size(), all.size());
}

TEST(CrashPointDeathTest, EndsTheProcessAsByKill9) {
  const auto strike = [] {
    setenv("CRASH_AT", "gw.after_reply:2", 1);
    const auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
    (*world)->world().crash_point("gw.after_reply");
    std::fprintf(stderr, "alive ");
    (*world)->world().crash_point("gw.after_reply");
    std::fprintf(stderr, "still alive");
  };
  EXPECT_EXIT(strike(), ::testing::KilledBySignal(SIGKILL), "^alive $");
}

/// What a node's file says once its process has ended as `ends` does.
int signal_after(const std::function<void()>& ends) {
  const test_support::temporary_directory temporary;
  const auto& home = temporary.path();
  const auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
  const auto child = [&] {
    const auto held = node_lock::acquire((*world)->world(), home);
    if (held)
      ends();
  };
  EXPECT_EXIT(
    child(), [](int) { return true; }, "");
  const auto told = read_node_pid(*(*world)->world().fs, home);
  EXPECT_TRUE(told && *told);
  return told && *told ? (*told)->signal : -1;
}

TEST(LastWordsDeathTest, ANodeThatFaultsTellsBySignal) {
  EXPECT_EQ(signal_after([] { std::abort(); }), SIGABRT);
  EXPECT_EQ(signal_after([] { ::raise(SIGSEGV); }), SIGSEGV);
  EXPECT_EQ(signal_after([] { ::raise(SIGILL); }), SIGILL);
  EXPECT_EQ(signal_after([] {
              volatile int* nowhere = nullptr;
              *nowhere = 1;
            }),
            SIGSEGV);
  // From outside, as by a watchdog, or when memory is short.
  for (const int number : {SIGABRT, SIGSEGV})
    EXPECT_EQ(signal_after([number] {
                if (::fork() == 0) {
                  ::kill(::getppid(), number);
                  ::_exit(0);
                }
                for (;;)
                  ::pause();
              }),
              0);
  EXPECT_EQ(signal_after([] { ::raise(SIGKILL); }), 0);
}

/// How a process ends that writes to nowhere, as of `waitpid`. Sanitizers have
/// a handler of their own, that exits.
int end_of_fault(bool has_last_words) {
  int end = 0;
  const auto faults = [has_last_words] {
    if (has_last_words)
      last_words::install();
    volatile int* nowhere = nullptr;
    *nowhere = 1;
  };
  const auto keep = [&end](int status) {
    end = status;
    return true;
  };
  EXPECT_EXIT(faults(), keep, "");
  return end;
}

TEST(LastWordsDeathTest, TheyEndAsTheyWouldHave) {
  const int end = end_of_fault(false);
  EXPECT_NE(end, 0);
  EXPECT_EQ(end_of_fault(true), end);
}

TEST(LastWordsTest, TheNextLifeIsTold) {
  EXPECT_EQ(end_of({.signal = SIGSEGV}),
            "ended by SIGSEGV, a fault of its own");
  const auto self = identify_process(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(end_of(*self).starts_with("ended without a word: "))
    << end_of(*self);
  // The host has started since.
  EXPECT_EQ(end_of({.boot = "another"}),
            "ended with its host, which lost power or started anew");
}

TEST(RealEnvTest, RefusesAMalformedCrashPoint) {
  setenv("CRASH_AT", "nonsense", 1);
  const auto world = real_env::create();
  unsetenv("CRASH_AT");
  ASSERT_FALSE(world);
  EXPECT_EQ(world.failure().code, errc::config);
}

TEST(RealEnvTest, OffersTheWorldAsItIs) {
  const auto created = real_env::create({.io_threads = 2, .pool_threads = 1});
  ASSERT_TRUE(created);
  auto& world = (*created)->world();
  const auto system_ns = int64_t{time(nullptr)} * 1'000'000'000 - epoch_2000_ns;
  EXPECT_NEAR(static_cast<double>(world.clock->now_ns()),
              static_cast<double>(system_ns), 5e9);
  const auto before = world.clock->monotonic_ns();
  EXPECT_GE(world.clock->monotonic_ns(), before);
  std::set<uint64_t> drawn;
  for (int i = 0; i < 1'000; ++i)
    drawn.insert(world.random());
  EXPECT_EQ(drawn.size(), 1'000u);
  EXPECT_EQ(world.fs, &persistence::posix_file_system());
  world.crash_point("pub.before_write"); // Asked for nothing: does nothing.
}

TEST(LoggingTest, WritesOneLineWhateverTheMessageHolds) {
  const log_entry entry{0,
                        "host",
                        "rdb",
                        "r1",
                        log_level::warning,
                        "lag",
                        "two\nlines|and\ta \x01 byte"};
  EXPECT_EQ(format_line(entry, false),
            "2000-01-01T00:00:00.000000000Z|host|rdb|r1|WARN|lag|"
            "two\\nlines|and\\x09a \\x01 byte");
  const auto line = format_line(entry, true);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed["message"], "two\nlines|and\ta \x01 byte");
  EXPECT_EQ(parsed["level"], "WARN");
  EXPECT_EQ(parsed["proctype"], "rdb");
  EXPECT_EQ(parsed["time"], "2000-01-01T00:00:00.000000000Z");
}

TEST(LoggingTest, JsonSurvivesBytesThatAreNoText) {
  const auto line = format_line({.message = "a\xff\xfe z"}, true);
  EXPECT_THAT(nlohmann::json::parse(line)["message"].get<std::string>(),
              HasSubstr(" z"));
}

TEST(LoggingTest, PassesWhatItsLevelAllows) {
  test_support::manual_clock clock{5};
  std::vector<std::string> lines;
  const logger node{
    [&](const log_entry& entry) { lines.push_back(format_line(entry, false)); },
    clock, log_level::info, "h"};
  const auto rdb = node.as("rdb", "rdb1");
  rdb.debug("d", "not seen");
  rdb.info("i", "seen");
  node.error("e", "seen too");
  logger{}.error("e", "goes nowhere");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "2000-01-01T00:00:00.000000005Z|h|rdb|rdb1|INF|i|seen");
  EXPECT_EQ(lines[1], "2000-01-01T00:00:00.000000005Z|h|||ERR|e|seen too");
}

TEST(LoggingTest, StderrSinkWritesTheLineItself) {
  ::testing::internal::CaptureStderr();
  stderr_sink(false)({.id = "x", .message = "100% {} done"});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "2000-01-01T00:00:00.000000000Z||||INF|x|100% {} done\n");
}

TEST(LoggingTest, LevelNamesRoundTrip) {
  for (auto level : {log_level::error, log_level::warning, log_level::info,
                     log_level::debug})
    EXPECT_EQ(log_level_of(to_string(level)), level);
  EXPECT_EQ(log_level_of("inf"), std::nullopt);
}

TEST(DescriptorLimitTest, ReachesTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto most = raise_descriptor_limit();
  ASSERT_TRUE(most) << to_string(most.failure());
  EXPECT_EQ(*most, before.rlim_max);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

} // namespace
} // namespace millrace::nodes
