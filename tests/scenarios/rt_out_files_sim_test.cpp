// Files of one RT node of three are taken away, emptied, cut, or change places
// with others, by hand: it tells so and has them again, whether it ran or not,
// and no reader hears of a loss.

#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/world/failure_test.hpp>

#include <algorithm>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

/// What somebody does to a file of a merged log.
enum class harm { gone, empty, shorter, tombstone, foreign };
/// To which of them.
enum class place { first, second, newest };

struct mishap {
  harm what = harm::gone;
  place where = place::first;
  bool runs = false; ///< The node, meanwhile.
};

std::string to_string(const mishap& it) {
  static const char* const harms[]
    = {"Gone", "Empty", "Shorter", "Tombstone", "Foreign"};
  static const char* const places[] = {"First", "Second", "Newest"};
  return std::string{harms[static_cast<int>(it.what)]}
         + places[static_cast<int>(it.where)] + (it.runs ? "Running" : "Down");
}

std::vector<mishap> all_mishaps() {
  std::vector<mishap> out;
  for (const auto what :
       {harm::gone, harm::empty, harm::shorter, harm::tombstone, harm::foreign})
    for (const auto where : {place::first, place::second, place::newest})
      for (const bool runs : {false, true})
        out.push_back({what, where, runs});
  return out;
}

/// Of the files of out/ that were not collected; none: it has too few.
std::string chosen_file(memory_file_system& disk, place where) {
  const auto out = stream_directory("rt0") + "/out";
  auto files = *persistence::list_log_files(disk, out);
  std::erase_if(files, [](const auto& each) { return each.size == 0; });
  if (files.size() < 3)
    return {};
  const auto& hit = where == place::newest  ? files.back()
                    : where == place::first ? files[0]
                                            : files[1];
  return out + "/" + persistence::log_file_name(hit.session, hit.roll);
}

/// @returns whether there was something to harm.
bool do_harm(memory_file_system& disk, const mishap& it) {
  const auto path = chosen_file(disk, it.where);
  if (path.empty())
    return false;
  const auto other = stream_directory("rt0") + "/other";
  switch (it.what) {
    case harm::gone:
      disk.lose(path);
      return true;
    case harm::empty:
      disk.cut(path, 0);
      return true;
    case harm::shorter:
      disk.cut(path, disk.content(path).size() / 2);
      return true;
    case harm::tombstone:
      EXPECT_TRUE(disk.open(other, persistence::open_mode::write));
      EXPECT_FALSE(disk.mark_archived(other));
      disk.swap(path, other);
      return true;
    case harm::foreign:
      disk.swap(path, stream_directory("rt0") + "/raft/log.0.0");
      return true;
  }
  return false;
}

class RtOutFilesSim : public ::testing::TestWithParam<mishap> {};

bool is_told(rt_scenario& run) {
  const auto& all = run.w.at("rt0").notices();
  return std::any_of(all.begin(), all.end(), [](const auto& each) {
    return each.id == "out_damaged" || each.id == "begins-anew"
           || each.text.find("was moved, removed or replaced")
                != std::string::npos;
  });
}

TEST_P(RtOutFilesSim, AreToldAndThereAgainAndNoReaderMissesThem) {
  const auto& it = GetParam();
  size_t harmed = 0;
  for_each_seed(4, [&](uint64_t seed) {
    rt_scenario run{seed, false, 3, rt_scenario::files::small};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 100; }, 60s))
      broken.push_back("nothing was accepted");
    if (!it.runs)
      run.w.crash("rt0");
    const bool done = do_harm(run.w.at("rt0").disk(), it);
    harmed += done;
    if (!it.runs)
      run.w.restart("rt0");
    run.w.run_for(2s);
    // One that reads all of what is kept.
    run.w.crash("plain");
    run.w.restart("plain");
    run.w.run_for(40s);
    if (has_notice(run.w, "rt0", "out_lost"))
      broken.push_back("it was given up, though others have it");
    if (done && !is_told(run))
      broken.push_back("nobody told of it");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
  EXPECT_TRUE(harmed > 0 || has_few_seeds()) << "nothing was harmed";
}

INSTANTIATE_TEST_SUITE_P(Mishaps, RtOutFilesSim,
                         ::testing::ValuesIn(all_mishaps()),
                         [](const auto& each) {
                           return to_string(each.param);
                         });

} // namespace
} // namespace millrace::sim
