// Goal: a process whose start fails, or is overtaken by the end of its node,
// leaves nothing behind: no actor, no lock, no name.

#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

/// Holds a start up where a test wants it.
struct gate {
  std::promise<void> entered;
  std::promise<void> released;

  void pass() {
    entered.set_value();
    released.get_future().wait();
  }
};

class NodeAssemblyTest : public ::testing::Test {
protected:
  void SetUp() override { open(); }
  void TearDown() override { host.reset(); }

  void open() {
    auto config
      = parse_configuration(test_support::cluster_text{"market", root.string()}
                              .stream("first")
                              .stream("second")
                              .node("n1", 7000)
                              .process("rt1", "rt", "n1")
                              .text(),
                            root.string() + "/cluster.toml");
    ASSERT_TRUE(config) << to_string(config.failure());
    streams = {config->stream_directory("rt1", "first"),
               config->stream_directory("rt1", "second")};
    auto made = runtime::create(*std::move(config), {.node = "n1"});
    ASSERT_TRUE(made) << to_string(made.failure());
    host = *std::move(made);
  }

  std::shared_ptr<node_assembly> assemble(role_table roles = {}) {
    return std::make_shared<node_assembly>(*host, "n1", std::move(roles));
  }

  /// Nobody holds the stream's logs any more.
  static bool is_free(const std::string& stream) {
    return bool(
      persistence::posix_file_system().lock_directory(stream + "/raft"));
  }

  test_support::temporary_directory home;
  std::filesystem::path root{home.path()};
  std::vector<std::string> streams;
  std::unique_ptr<runtime> host;
};

TEST_F(NodeAssemblyTest, CloseWaitsForNoStartAndEndsWhatItMakes) {
  for (const bool made_before : {false, true}) {
    gate held;
    role_table roles;
    roles.add("rt", [&](process_host& where, const process_config& what) {
      if (!made_before)
        held.pass();
      auto made = rt_factory{}(where, what);
      if (made_before)
        held.pass();
      return made;
    });
    const auto processes = assemble(roles);
    auto start
      = std::async(std::launch::async, [&] { return processes->start("rt1"); });
    held.entered.get_future().wait();
    auto close
      = std::async(std::launch::async, [&] { return processes->close(); });
    const auto closed = close.wait_for(20s);
    EXPECT_EQ(start.wait_for(0s), std::future_status::timeout);
    held.released.set_value();
    ASSERT_EQ(closed, std::future_status::ready) << "close waited for it";
    EXPECT_TRUE(close.get().empty());
    EXPECT_EQ(start.get().code, errc::closed);
    EXPECT_EQ(processes->start("rt1").code, errc::closed);
    EXPECT_FALSE(host->locals()->find("rt1"));
    host.reset();
    for (const auto& stream : streams)
      EXPECT_TRUE(is_free(stream)) << stream;
    open();
  }
  // Nothing holds what it held.
  const auto fault = assemble()->start("rt1");
  EXPECT_FALSE(fault) << to_string(fault);
}

TEST_F(NodeAssemblyTest, TheHostEndsWhatAStartMakesMeanwhile) {
  gate held;
  role_table roles;
  roles.add("rt", [&](process_host& where, const process_config& what) {
    held.pass();
    return rt_factory{}(where, what);
  });
  auto processes = assemble(roles);
  auto door = processes->open_door();
  caf::anon_send(door, spawn_atom_v, std::string{"rt1"});
  held.entered.get_future().wait();
  // The last to come is the first to go: then the end is under way.
  std::promise<void> ending;
  host
    ->spawn(
      [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; })
    ->attach_functor([&] { ending.set_value(); });
  door = nullptr;
  processes->close();
  processes.reset();
  auto end = std::async(std::launch::async, [&] { host.reset(); });
  ending.get_future().wait();
  EXPECT_EQ(end.wait_for(0s), std::future_status::timeout);
  held.released.set_value();
  end.get();
  for (const auto& stream : streams)
    EXPECT_TRUE(is_free(stream)) << stream;
}

TEST_F(NodeAssemblyTest, AStreamThatDoesNotOpenLeavesTheOthersUnstarted) {
  std::filesystem::create_directories(
    std::filesystem::path{streams[1]}.parent_path());
  std::ofstream{streams[1]} << "in the way";
  const auto processes = assemble();
  const auto actors = host->system().registry().running();
  const auto fault = processes->start("rt1");
  ASSERT_TRUE(fault);
  EXPECT_NE(fault.context.find(streams[1]), std::string::npos) << fault.context;
  EXPECT_EQ(host->system().registry().running(), actors);
  EXPECT_TRUE(host->locals()->all().empty());
  EXPECT_TRUE(processes->close().empty());
  // Their logs and checkpoints are free again.
  std::filesystem::remove(streams[1]);
  const auto again = assemble()->start("rt1");
  EXPECT_FALSE(again) << to_string(again);
  EXPECT_TRUE(host->locals()->find("rt/second"));
}

// Also what it spawned before is gone.
TEST_F(NodeAssemblyTest, AStartThatThrowsIsAnErrorAndLeavesNothing) {
  role_table roles;
  std::promise<void> gone;
  roles.add(
    "rt",
    [&](process_host& on, const process_config&) -> result<hosted_process> {
      on.spawn(
          [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; })
        ->attach_functor([&] { gone.set_value(); });
      throw std::runtime_error{"unlucky"};
    });
  const auto processes = assemble(roles);
  const auto fault = processes->start("rt1");
  EXPECT_EQ(fault.code, errc::internal);
  for (const auto* word : {"'rt1'", "'rt'", "unlucky"})
    EXPECT_NE(fault.context.find(word), std::string::npos) << fault.context;
  gone.get_future().wait();
  EXPECT_TRUE(host->locals()->all().empty());
  role_table none;
  none.add("rt", nullptr);
  EXPECT_EQ(assemble(none)->start("rt1").code, errc::internal);
}

} // namespace
} // namespace millrace::nodes
