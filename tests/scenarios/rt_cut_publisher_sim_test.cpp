// The newest file of a living publisher's log is cut, emptied, taken away or
// replaced by hand, while RT hears nothing of it: what RT lacks is told, and
// what is published later flows.

#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

enum class log_harm { cut, emptied, gone, replaced };

class RtCutPublisherSim : public ::testing::TestWithParam<log_harm> {};

std::string newest_file(memory_file_system& disk) {
  const std::string directory = "/pub/pub0.market";
  const auto files = persistence::list_log_files(disk, directory);
  EXPECT_TRUE(files && !files->empty());
  if (!files || files->empty())
    return {};
  return directory + "/"
         + persistence::log_file_name(files->back().session,
                                      files->back().roll);
}

void harm_log(rt_scenario& run, log_harm what) {
  auto& disk = run.w.at("pub0").disk();
  const auto path = newest_file(disk);
  const auto size = disk.content(path).size();
  const std::string other = "/pub/other";
  switch (what) {
    case log_harm::cut:
      return disk.cut(path, run.w.draw(size + 1));
    case log_harm::emptied:
      return disk.cut(path, 0);
    case log_harm::gone:
      return disk.lose(path);
    case log_harm::replaced:
      EXPECT_TRUE(disk.open(other, persistence::open_mode::write));
      disk.overwrite(other, 0,
                     std::vector<std::byte>(1 + run.w.draw(2 * size + 1)));
      return disk.swap(path, other);
  }
}

TEST_P(RtCutPublisherSim, IsToldAndLaterMessagesFlow) {
  size_t told = 0;
  for_each_seed(40, [&](uint64_t seed) {
    rt_scenario run{seed, seed % 3 == 0, seed % 2 == 0 ? size_t{1} : 3u};
    // Of a file that has no name any more its publisher still holds all.
    const bool loses
      = GetParam() == log_harm::cut || GetParam() == log_harm::emptied;
    if (loses)
      run.damaged.insert("pub0.market");
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 60s))
      broken.push_back("nothing was accepted");
    run.w.run_for(std::chrono::milliseconds{run.w.draw(300)});
    const bool dead = run.w.chance(0.5);
    for (const auto& name : run.rt_names)
      if (dead)
        run.w.crash(name);
      else
        run.w.cut("pub0", name);
    // It publishes all, or some.
    const bool all = run.w.chance(0.5);
    run.w.run_for(all ? duration{10s}
                      : duration{std::chrono::milliseconds{run.w.draw(400)}});
    harm_log(run, GetParam());
    run.w.run_for(std::chrono::milliseconds{run.w.draw(5000)});
    for (const auto& name : run.rt_names)
      if (dead)
        run.w.restart(name);
    run.w.heal_all_links();
    if (!run.w.run_until([&] { return run.settled(); }, 60s)) {
      broken.push_back("what was published is waited for");
      run.ask_all(broken);
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    const bool is_told = has_notice(run.w, "pub0", "log_harmed");
    told += is_told;
    if (!loses && !is_told)
      broken.push_back("nobody told of it");
    return report(seed, broken);
  });
  EXPECT_TRUE(told > 0 || has_few_seeds()) << "nobody told of it";
}

std::string name_of_harm(const ::testing::TestParamInfo<log_harm>& of) {
  const char* const all[] = {"Cut", "Emptied", "Gone", "Replaced"};
  return all[static_cast<int>(of.param)];
}

INSTANTIATE_TEST_SUITE_P(Harms, RtCutPublisherSim,
                         ::testing::Values(log_harm::cut, log_harm::emptied,
                                           log_harm::gone, log_harm::replaced),
                         name_of_harm);

} // namespace
} // namespace millrace::sim
