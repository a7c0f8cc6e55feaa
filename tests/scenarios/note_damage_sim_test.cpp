// Notes of an RT node (who a log is of, how far it is synced, what a member
// said) become what nobody wrote there while the node is down: shorter, or
// larger than any note. Two others have all that it had.

#include <millrace/sim/world/failure_test.hpp>
#include <millrace/tests/support/cluster_text.hpp>

#include <gtest/gtest.h>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

const auto three_rt
  = test_support::cluster_text{"notes"}
      .stream("market")
      .table("trade", "market", {"time:timestamp", "sym:symbol", "size:int"})
      .node("rt1", 7001)
      .node("rt2", 7002)
      .node("rt3", 7003)
      .process("rt1", "rt", "rt1")
      .process("rt2", "rt", "rt2")
      .process("rt3", "rt", "rt3")
      .text();

/// Files whose names begin with a dot, below a directory.
void notes_below(memory_file_system& disk, const std::string& directory,
                 std::vector<std::string>& out) {
  const auto entries = disk.list(directory.empty() ? "/" : directory);
  if (!entries)
    return;
  for (const auto& entry : *entries) {
    const auto path = directory + "/" + entry.name;
    if (entry.is_directory)
      notes_below(disk, path, out);
    else if (entry.name.starts_with('.'))
      out.push_back(path);
  }
}

/// Which note of rt1 becomes so many zero bytes; @returns how many there are.
size_t run_with(size_t which, size_t bytes) {
  world w{7 + which};
  w.add_cluster_text(three_rt);
  auto& feed = w.add_publisher("feed", "trade");
  for (int i = 0; i < 5; ++i)
    feed.publish({{"sym", "A"}, {"size", i}}, rt::ack_level::committed);
  w.run_for(2s);
  auto& disk = w.at("rt1").disk();
  std::vector<std::string> notes;
  notes_below(disk, "", notes);
  w.kill("rt1");
  if (which >= notes.size())
    return notes.size();
  SCOPED_TRACE(notes[which] + ": " + std::to_string(bytes) + " bytes");
  const auto opened = disk.open(notes[which], persistence::open_mode::write);
  EXPECT_TRUE(opened);
  EXPECT_FALSE((*opened)->truncate(0));
  EXPECT_FALSE((*opened)->write_at(0, std::vector<std::byte>(bytes)));
  EXPECT_FALSE((*opened)->sync());
  w.restart("rt1");
  for (int i = 5; i < 10; ++i)
    feed.publish({{"sym", "B"}, {"size", i}}, rt::ack_level::committed);
  w.run_for(10s);
  EXPECT_TRUE(w.at("rt1").alive());
  w.expect_no_loss("trade");
  return notes.size();
}

TEST(NoteDamageSim, ANoteThatIsNoneStopsNoMemberOfAGroup) {
  for (const size_t bytes : {size_t{0}, size_t{50}, size_t{5000}})
    for (size_t which = 0, count = 1; which < count; ++which)
      count = run_with(which, bytes);
  EXPECT_GT(run_with(1000, 0), 3u);
}

} // namespace
} // namespace millrace::sim
