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
enum class file_place { first, second, newest };

struct mishap {
  harm what = harm::gone;
  file_place where = file_place::first;
  bool runs = false; ///< The node, meanwhile.
};

const char* const harm_names[]
  = {"Gone", "Empty", "Shorter", "Tombstone", "Foreign"};

std::string to_string(const mishap& it) {
  static const char* const places[] = {"First", "Second", "Newest"};
  return std::string{harm_names[static_cast<int>(it.what)]}
         + places[static_cast<int>(it.where)] + (it.runs ? "Running" : "Down");
}

std::vector<mishap> all_mishaps() {
  std::vector<mishap> out;
  for (const auto what :
       {harm::gone, harm::empty, harm::shorter, harm::tombstone, harm::foreign})
    for (const auto where :
         {file_place::first, file_place::second, file_place::newest})
      for (const bool runs : {false, true})
        out.push_back({what, where, runs});
  return out;
}

/// Of the files of out/ that were not collected; none: it has too few.
std::string chosen_file(memory_file_system& disk, file_place where) {
  const auto out = stream_directory("rt0") + "/out";
  auto files = *persistence::list_log_files(disk, out);
  std::erase_if(files, [](const auto& each) { return each.size == 0; });
  if (files.size() < 3)
    return {};
  const auto& hit = where == file_place::newest  ? files.back()
                    : where == file_place::first ? files[0]
                                                 : files[1];
  return out + "/" + persistence::log_file_name(hit.session, hit.roll);
}

std::string first_out_file(memory_file_system& disk) {
  const auto out = stream_directory("rt0") + "/out";
  const auto files = *persistence::list_log_files(disk, out);
  return out + "/"
         + persistence::log_file_name(files.front().session,
                                      files.front().roll);
}

/// @returns whether there was something to harm.
bool do_harm(memory_file_system& disk, harm what, const std::string& path,
             const std::string& foreign) {
  if (path.empty())
    return false;
  const auto other = stream_directory("rt0") + "/other";
  switch (what) {
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
      disk.swap(path, foreign);
      return true;
  }
  return false;
}

/// Harms a file of rt0 once a hundred messages were accepted, while that node
/// is down or runs.
/// @param path of the file, once the node is as it is to be
/// @param foreign one that may take its place; empty: the first of out/
/// @returns whether there was something to harm
template <class Path>
bool harm_rt0(rt_scenario& run, harm what, bool runs, Path path,
              const std::string& foreign, std::vector<std::string>& broken) {
  if (!run.w.run_until([&] { return run.books[0]->accepted > 100; }, 60s))
    broken.push_back("nothing was accepted");
  if (!runs)
    run.w.crash("rt0");
  auto& disk = run.w.at("rt0").disk();
  const bool done = do_harm(
    disk, what, path(),
    foreign.empty() ? first_out_file(disk) : stream_directory("rt0") + foreign);
  if (!runs)
    run.w.restart("rt0");
  return done;
}

class RtOutFilesSim : public ::testing::TestWithParam<mishap> {};

bool is_told(rt_scenario& run) {
  const auto& all = run.w.at("rt0").notices();
  return std::any_of(all.begin(), all.end(), [](const auto& each) {
    return each.id == "out_damaged" || each.id == "begins_anew"
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
    const bool done = harm_rt0(
      run, it.what, it.runs,
      [&] { return chosen_file(run.w.at("rt0").disk(), it.where); },
      "/raft/log.0.0", broken);
    harmed += done;
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

/// What the merged log is made from, and agreed on by.
enum class kept_log { raft, history, input };
const char* const kept_log_names[] = {"Raft", "History", "Input"};

struct other_mishap {
  harm what = harm::gone;
  kept_log where = kept_log::raft;
  bool runs = false;
};

std::vector<other_mishap> other_mishaps() {
  std::vector<other_mishap> out;
  for (const auto what :
       {harm::gone, harm::empty, harm::shorter, harm::tombstone, harm::foreign})
    for (const auto where :
         {kept_log::raft, kept_log::history, kept_log::input})
      for (const bool runs : {false, true})
        out.push_back({what, where, runs});
  return out;
}

/// A file of such a log, with something in it; none: there is none.
std::string any_file(rt_scenario& run, kept_log where) {
  static const char* const logs[] = {"/raft/", "/history/", "/in/"};
  const auto prefix = stream_directory("rt0") + logs[static_cast<int>(where)];
  auto& disk = run.w.at("rt0").disk();
  auto paths = disk.paths();
  std::erase_if(paths, [&](const std::string& each) {
    return !each.starts_with(prefix) || each.find("/log.") == std::string::npos
           || disk.content(each).empty();
  });
  return paths.empty() ? "" : paths[run.w.draw(paths.size())];
}

class RtKeptFilesSim : public ::testing::TestWithParam<other_mishap> {};

TEST_P(RtKeptFilesSim, NothingIsLostWithThem) {
  const auto& it = GetParam();
  size_t harmed = 0;
  for_each_seed(4, [&](uint64_t seed) {
    rt_scenario run{seed, false, 3, rt_scenario::files::small};
    std::vector<std::string> broken;
    const bool done = harm_rt0(
      run, it.what, it.runs, [&] { return any_file(run, it.where); }, "",
      broken);
    harmed += done;
    run.w.run_for(40s);
    // What only the next life finds.
    if (run.w.chance(0.5)) {
      run.w.crash("rt0");
      run.w.restart("rt0");
      run.w.run_for(40s);
    }
    if (has_notice(run.w, "rt0", "out_lost"))
      broken.push_back("it was given up, though others have it");
    if (done && it.where == kept_log::raft && !it.runs
        && !has_notice(run.w, "rt0", "forgot"))
      broken.push_back("nobody told of it");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
  EXPECT_TRUE(harmed > 0 || has_few_seeds()) << "nothing was harmed";
}

INSTANTIATE_TEST_SUITE_P(
  Mishaps, RtKeptFilesSim, ::testing::ValuesIn(other_mishaps()),
  [](const auto& each) {
    return std::string{harm_names[static_cast<int>(each.param.what)]}
           + kept_log_names[static_cast<int>(each.param.where)]
           + (each.param.runs ? "Running" : "Down");
  });

INSTANTIATE_TEST_SUITE_P(Mishaps, RtOutFilesSim,
                         ::testing::ValuesIn(all_mishaps()),
                         [](const auto& each) {
                           return to_string(each.param);
                         });

} // namespace
} // namespace millrace::sim
