#include <millrace/nodes/cli/cluster_status.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/readiness.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/nodes/host/supervisor.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <signal.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

constexpr int64_t second_ns = 1'000'000'000;

class SupervisorTest : public ::testing::Test {
protected:
  void SetUp() override {
    test_support::cluster_text all{"t"};
    int port = 7001;
    for (const auto* name : {"good", "other", "broken", "crashing",
                             "speechless", "slow", "stubborn", "failing"})
      all.node(name, port++);
    std::ofstream{directory_ + "/cluster.toml"} << all.text();
    auto world = real_env::create({.io_threads = 1, .pool_threads = 1});
    ASSERT_TRUE(world);
    world_ = *std::move(world);
    auto config
      = load_configuration(*world_->world().fs, directory_ + "/cluster.toml");
    ASSERT_TRUE(config) << config.failure().context;
    config_ = *std::move(config);
    start_.command = {MILLRACE_FAKE_NODE, "node"};
    start_.ready_timeout_ns = 30 * second_ns;
  }

  void TearDown() override {
    supervisor all{world_->world(), config_};
    for (const auto& each :
         all.stop({"good", "other", "slow", "stubborn", "speechless"},
                  {.grace_ns = second_ns / 10, .force = true}))
      EXPECT_FALSE(each.failure) << to_string(each.failure);
    // Children of this process must be reaped by it.
    while (waitpid(-1, nullptr, 0) > 0)
      continue;
  }

  node_state::kind state_of(const std::string& node) {
    auto state = supervisor{world_->world(), config_}.state_of(node);
    EXPECT_TRUE(state) << state.failure().context;
    return state->state;
  }

  test_support::temporary_directory home_;
  std::string directory_ = home_.path();
  std::unique_ptr<real_env> world_;
  cluster_config config_;
  start_options start_;
};

TEST_F(SupervisorTest, StartsAndStopsNodes) {
  supervisor nodes{world_->world(), config_};
  EXPECT_EQ(state_of("good"), node_state::kind::stopped);
  const auto started = nodes.start({"good", "other"}, start_);
  ASSERT_EQ(started.size(), 2u);
  for (const auto& each : started) {
    EXPECT_FALSE(each.failure) << to_string(each.failure);
    EXPECT_EQ(each.text, "started");
    EXPECT_EQ(state_of(each.name), node_state::kind::running);
    // A session of its own: a closed terminal does not end it.
    EXPECT_EQ(getsid(each.pid), each.pid);
  }
  std::ifstream log{config_.node_directory("good") + "/node.log"};
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "node good begins");

  const auto stopped
    = nodes.stop({"good", "other"}, {.grace_ns = 30 * second_ns});
  for (const auto& each : stopped) {
    EXPECT_FALSE(each.failure) << to_string(each.failure);
    EXPECT_EQ(each.text, "stopped");
    EXPECT_EQ(state_of(each.name), node_state::kind::stopped);
  }
}

TEST_F(SupervisorTest, StartingAndStoppingTwiceChangesNothing) {
  supervisor nodes{world_->world(), config_};
  const auto first = nodes.start({"good"}, start_);
  const auto again = nodes.start({"good"}, start_);
  EXPECT_FALSE(again[0].failure);
  EXPECT_EQ(again[0].text, "runs already");
  EXPECT_EQ(again[0].pid, first[0].pid);
  EXPECT_EQ(nodes.stop({"good"}, {})[0].text, "stopped");
  const auto idle = nodes.stop({"good"}, {});
  EXPECT_FALSE(idle[0].failure);
  EXPECT_EQ(idle[0].text, "does not run");
}

TEST_F(SupervisorTest, ReportsNodesThatEndBeforeTheyAreReady) {
  supervisor nodes{world_->world(), config_};
  const auto out = nodes.start({"broken", "crashing", "good"}, start_);
  EXPECT_EQ(out[0].failure.code, errc::unavailable);
  EXPECT_EQ(out[0].exit_code, exit_io);
  EXPECT_THAT(out[0].failure.context, HasSubstr("exit code 74"));
  EXPECT_THAT(out[0].failure.context, HasSubstr("the disk is on fire"));
  EXPECT_THAT(out[0].failure.context,
              HasSubstr(config_.node_directory("broken") + "/node.log"));
  EXPECT_EQ(out[1].exit_code, exit_unavailable);
  EXPECT_THAT(out[1].failure.context, HasSubstr("killed by signal"));
  EXPECT_FALSE(out[2].failure) << "one that fails stops no other";
}

TEST_F(SupervisorTest, ANodeThatIsNotReadyInTimeGoesOnStarting) {
  supervisor nodes{world_->world(), config_};
  // Its lock is the last thing it takes: a bound for its start.
  start_.ready_timeout_ns = 2 * second_ns;
  const auto out = nodes.start({"slow", "speechless"}, start_);
  for (const auto& each : out) {
    EXPECT_EQ(each.failure.code, errc::timeout) << each.name;
    EXPECT_EQ(each.exit_code, exit_retry);
    EXPECT_EQ(state_of(each.name), node_state::kind::running);
  }
}

TEST_F(SupervisorTest, AStubbornNodeIsReportedAndKilledByForce) {
  supervisor nodes{world_->world(), config_};
  ASSERT_FALSE(nodes.start({"stubborn"}, start_)[0].failure);
  const stop_options brief{.grace_ns = second_ns / 5};
  const auto out = nodes.stop({"stubborn"}, brief);
  EXPECT_EQ(out[0].failure.code, errc::timeout);
  EXPECT_THAT(out[0].failure.context, HasSubstr("--force"));
  EXPECT_EQ(state_of("stubborn"), node_state::kind::running);
  const auto forced
    = nodes.stop({"stubborn"}, {.grace_ns = second_ns / 5, .force = true});
  EXPECT_FALSE(forced[0].failure) << to_string(forced[0].failure);
  EXPECT_EQ(forced[0].text, "killed");
  EXPECT_EQ(state_of("stubborn"), node_state::kind::died);
  EXPECT_EQ(nodes.stop({"stubborn"}, {})[0].text, "had died");
  EXPECT_EQ(state_of("stubborn"), node_state::kind::stopped);
}

TEST_F(SupervisorTest, ANodeThatEndedByItselfFailedUntilItsNextLifeOrAStop) {
  supervisor nodes{world_->world(), config_};
  for (const auto& again : {true, false}) {
    EXPECT_EQ(nodes.start({"failing"}, start_)[0].exit_code, 73);
    const auto state = nodes.state_of("failing");
    ASSERT_TRUE(state) << to_string(state.failure());
    EXPECT_EQ(state->state, node_state::kind::failed);
    EXPECT_EQ(to_string(state->state), "failed");
    EXPECT_EQ(end_of(state->process),
              "ended by itself: locked: port 7 is in use");
    if (!again)
      EXPECT_EQ(nodes.stop({"failing"}, {})[0].text, "had failed");
  }
  EXPECT_EQ(state_of("failing"), node_state::kind::stopped);
  // The next life tells of the one before, and leaves no trace of it.
  ASSERT_EQ(nodes.start({"failing"}, start_)[0].exit_code, 73);
  {
    const auto next
      = node_lock::acquire(world_->world(), config_.node_directory("failing"));
    ASSERT_TRUE(next) << to_string(next.failure());
    ASSERT_TRUE((*next)->before());
    EXPECT_EQ((*next)->before()->failure, "locked: port 7 is in use");
    EXPECT_EQ(state_of("failing"), node_state::kind::running);
  }
  EXPECT_EQ(state_of("failing"), node_state::kind::stopped);
}

TEST_F(SupervisorTest, ANodeThatDiedStartsAgain) {
  supervisor nodes{world_->world(), config_};
  const auto first = nodes.start({"good"}, start_);
  ASSERT_EQ(kill(first[0].pid, SIGKILL), 0);
  ASSERT_EQ(waitpid(first[0].pid, nullptr, 0), first[0].pid);
  EXPECT_EQ(state_of("good"), node_state::kind::died);
  const auto second = nodes.start({"good"}, start_);
  EXPECT_EQ(second[0].text, "started");
  EXPECT_NE(second[0].pid, first[0].pid);
}

TEST_F(SupervisorTest, ASecondHostOfANodeIsRefused) {
  supervisor nodes{world_->world(), config_};
  const auto started = nodes.start({"good"}, start_);
  const auto second
    = node_lock::acquire(world_->world(), config_.node_directory("good"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.failure().code, errc::locked);
  EXPECT_EQ(exit_code_of(second.failure().code), 73);
  EXPECT_THAT(second.failure().context,
              HasSubstr(std::to_string(started[0].pid)));
}

TEST_F(SupervisorTest, AStrangerWithTheSameIdIsNeitherRunningNorSignalled) {
  // The file names this very process, but as started at another time.
  const auto directory = config_.node_directory("good");
  std::filesystem::create_directories(directory);
  auto self = identify_process(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(is_alive(*self));
  std::ofstream{directory + "/node.pid"}
    << "{\"pid\":" << self->pid << ",\"start_ticks\":" << self->start_ticks + 1
    << ",\"boot\":\"" << self->boot << "\",\"started_ns\":1}";
  EXPECT_EQ(state_of("good"), node_state::kind::died);
  supervisor nodes{world_->world(), config_};
  EXPECT_EQ(nodes.stop({"good"}, {})[0].text, "had died");
}

TEST_F(SupervisorTest, APidFileThatIsNoneIsWrittenAnew) {
  namespace files = std::filesystem;
  const auto directory = config_.node_directory("good");
  files::create_directories(directory);
  const auto path = directory + "/node.pid";
  supervisor nodes{world_->world(), config_};
  const auto starts = [&](const std::string& what) {
    EXPECT_EQ(state_of("good"), node_state::kind::stopped) << what;
    EXPECT_EQ(nodes.start({"good"}, start_)[0].text, "started") << what;
    EXPECT_EQ(state_of("good"), node_state::kind::running) << what;
    EXPECT_EQ(nodes.stop({"good"}, {})[0].text, "stopped") << what;
  };
  for (const auto* text : {"", "7", "{}", "{\"pid\":\"x\"}", "[1]"}) {
    std::ofstream{path} << text;
    starts(text);
  }
  files::create_directories(path + "/within");
  starts("a directory");
  const auto victim = directory + "/victim";
  std::ofstream{victim} << "kept";
  files::create_symlink(victim, path);
  starts("a link");
  EXPECT_EQ(std::filesystem::file_size(victim), 4u);
}

TEST_F(SupervisorTest, ANodeRunsWhateverBecameOfItsDirectory) {
  namespace files = std::filesystem;
  const auto directory = config_.node_directory("good");
  const auto pid_file = directory + "/node.pid";
  struct loss {
    std::function<void()> happens;
    std::string told; ///< Empty: nothing of importance.
  };
  for (const auto& each :
       std::vector<loss>{{[&] { files::remove_all(directory_ + "/data"); },
                          directory + ": was removed while the node ran"},
                         {[&] { files::remove_all(directory); }, "was removed"},
                         {[&] {
                            files::remove_all(directory);
                            files::create_directories(directory);
                          },
                          "was removed"},
                         {[&] { std::ofstream{pid_file} << "7"; }, pid_file},
                         {[&] { files::remove(pid_file); }, ""}}) {
    supervisor nodes{world_->world(), config_};
    const auto started = nodes.start({"good"}, start_);
    ASSERT_FALSE(started[0].failure) << to_string(started[0].failure);
    each.happens();
    const auto state = nodes.state_of("good");
    ASSERT_TRUE(state) << to_string(state.failure());
    EXPECT_EQ(state->state, node_state::kind::running) << each.told;
    EXPECT_EQ(state->process.pid, started[0].pid);
    EXPECT_EQ(!state->unnamed, each.told.empty());
    EXPECT_THAT(state->unnamed.context, HasSubstr(each.told));
    // No second one is started, and none left behind.
    const auto again = nodes.start({"good"}, start_);
    EXPECT_EQ(again[0].failure.code,
              each.told.empty() ? errc::none : errc::locked);
    const auto stopped = nodes.stop({"good"}, {.grace_ns = 30 * second_ns});
    EXPECT_EQ(stopped[0].text, "stopped");
    EXPECT_EQ(waitpid(started[0].pid, nullptr, 0), started[0].pid);
    EXPECT_EQ(state_of("good"), node_state::kind::stopped);
  }
}

TEST_F(SupervisorTest, AProgramThatIsMissingIsReported) {
  supervisor nodes{world_->world(), config_};
  start_.command = {"/nonexistent/millrace", "node"};
  const auto out = nodes.start({"good"}, start_);
  EXPECT_TRUE(out[0].failure);
  EXPECT_THAT(out[0].failure.context, HasSubstr("/nonexistent/millrace"));
}

TEST_F(SupervisorTest, StatusMergesWhatTheNodesSay) {
  process_config rdb;
  rdb.name = "rdb1";
  rdb.type = process_type::rdb;
  rdb.node = "good";
  config_.processes.push_back(rdb);
  config_.nodes[0].processes = {"rdb1"};
  process_config rt;
  rt.name = "rt1";
  rt.type = process_type::rt;
  rt.streams = {"market"};
  config_.processes.push_back(rt);
  config_.streams.push_back({.name = "market", .mode = stream_mode::cached});
  supervisor nodes{world_->world(), config_};
  const auto started = nodes.start({"good"}, start_);
  const auto made = cluster_status(
    world_->world(), config_,
    {{"processes", {{"rdb1", {{"rows", 12}}}, {"gone", {{"rows", 1}}}}},
     {"streams", {{"market", {{"rt1", {{"end", "0.0.64"}}}}}}}});
  ASSERT_TRUE(made) << made.failure().context;
  const auto status = nlohmann::json::parse(made->dump());
  const auto& good = status["nodes"][0];
  EXPECT_EQ(good["state"], "running");
  EXPECT_EQ(good["pid"], started[0].pid);
  EXPECT_EQ(good["port"], 7001);
  EXPECT_EQ(good["processes"][0]["type"], "rdb");
  EXPECT_EQ(good["processes"][0]["rows"], 12);
  // Its process is there, and does not say what runs in it.
  EXPECT_EQ(good["processes"][0]["down"], "its node does not answer");
  EXPECT_EQ(status["nodes"][1]["state"], "stopped");
  EXPECT_EQ(status["nodes"][1]["pid"], nullptr);
  EXPECT_EQ(status["streams"][0]["mode"], "cached");
  EXPECT_EQ(status["streams"][0]["process"], "rt1");
  EXPECT_EQ(status["streams"][0]["end"], "0.0.64");
}

TEST(ReadinessTest, RefusesAVariableThatIsNoDescriptor) {
  // In a child: the word is said once per process.
  const auto say = [] {
    setenv(ready_variable, "3x", 1);
    _exit(notify_ready().code == errc::config ? 0 : 1);
  };
  EXPECT_EXIT(say(), ::testing::ExitedWithCode(0), "");
}

TEST(ReadinessTest, ASupervisorThatWentAwayIsAnErrorNotASignal) {
  const auto say = [] {
    int ends[2];
    if (pipe(ends) != 0)
      _exit(2);
    close(ends[0]);
    setenv(ready_variable, std::to_string(ends[1]).c_str(), 1);
    _exit(notify_ready().code == errc::storage_failed ? 0 : 1);
  };
  EXPECT_EXIT(say(), ::testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace millrace::nodes
