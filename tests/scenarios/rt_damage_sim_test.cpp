// Files of RT nodes rot, shrink and go while the nodes live and while they are
// down. Publishers have all that they ever published: everything is mended, and
// nobody is told of a loss.

#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>

#include "effects.hpp"
#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

/// Files of a log; without the one that is written.
std::vector<std::string> files_of(memory_file_system& disk,
                                  const std::string& directory, bool closed) {
  std::vector<std::string> out;
  const auto files = persistence::list_log_files(disk, directory);
  if (!files)
    return out;
  for (const auto& file : *files)
    out.push_back(directory + "/"
                  + persistence::log_file_name(file.session, file.roll));
  if (closed && !out.empty())
    out.pop_back();
  return out;
}

/// The copies of inputs on a node.
std::vector<std::string> inputs_of(memory_file_system& disk,
                                   const std::string& node) {
  std::vector<std::string> out;
  const auto in = stream_directory(node) + "/in";
  if (const auto publishers = disk.list(in))
    for (const auto& publisher : *publishers)
      if (const auto lives = disk.list(in + "/" + publisher.name))
        for (const auto& life : *lives)
          out.push_back(in + "/" + publisher.name + "/" + life.name);
  return out;
}

/// A stream as a node sends it: in whole records, so that one of which some
/// payload is damaged is told as lost, all of it.
result<std::vector<delivered>> read_as_sent(memory_file_system& disk,
                                            const std::string& directory) {
  auto out = read_stream(disk, directory);
  if (!out)
    return out;
  std::erase_if(*out, [](const delivered& item) {
    return item.kind == delivered::what::event
           && item.event.kind == event_kind::badtail;
  });
  auto reader
    = persistence::log_reader::open(disk, {.directory = directory}, {});
  if (!reader)
    return reader.failure();
  for (;;) {
    auto got = (*reader)->next_chunk(1 << 20);
    if (!got)
      return got.failure();
    if (std::holds_alternative<persistence::log_end>(*got))
      return out;
    stream_event event;
    if (const auto* part = std::get_if<persistence::log_chunk>(&*got)) {
      if (!part->lost)
        continue;
      event.kind = event_kind::badtail;
      event.from = part->begin;
      event.to = part->end;
    } else {
      event = std::get<stream_event>(*got);
    }
    std::erase_if(*out, [&](const delivered& item) {
      return event.from < item.end && item.end <= event.to;
    });
    delivered told{.kind = delivered::what::event,
                   .begin = event.from,
                   .end = event.to,
                   .event = event};
    out->insert(
      std::find_if(out->begin(), out->end(),
                   [&](const delivered& item) { return item.end > event.to; }),
      std::move(told));
  }
}

class RtDamageSim : public ::testing::TestWithParam<bool> {
protected:
  bool cached() const { return GetParam(); }

  /// One file of a node, of out/ or of an input.
  static void harm(rt_scenario& run, const std::string& node, effects& seen) {
    auto& disk = run.w.at(node).disk();
    std::vector<std::string> paths;
    if (run.w.chance(0.5)) {
      paths = files_of(disk, stream_directory(node) + "/out", true);
    } else {
      for (const auto& input : inputs_of(disk, node))
        for (auto& path : files_of(disk, input, false))
          paths.push_back(std::move(path));
    }
    if (paths.empty())
      return;
    const auto& path = paths[run.w.draw(paths.size())];
    const auto size = disk.content(path).size();
    if (size == 0)
      return;
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      seen.flip(disk, path, run.w.draw(size * 8));
  }

  static void harm_at_any_time(rt_scenario& run, effects& seen) {
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&] {
        harm(run, run.rt_names[run.w.draw(run.rt_names.size())], seen);
      });
  }

  static std::vector<std::string> end(rt_scenario& run) {
    run.w.run_for(4s);
    heal(run.w, run.names);
    // What nobody reads is found in time, a round after the other.
    run.w.run_for(60s);
    return run.finish();
  }

  /// Whether an RT node noticed what rotted.
  static bool is_noticed(rt_scenario& run) {
    return std::any_of(run.rt_names.begin(), run.rt_names.end(),
                       [&](const std::string& name) {
                         return has_notice(run.w, name, "out_damaged")
                                || has_notice(run.w, name, "input_damaged");
                       });
  }
};

TEST_P(RtDamageSim, BitsRotUnderALivingNode) {
  effects seen{{effect::rot}};
  size_t noticed = 0;
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    harm_at_any_time(run, seen);
    const auto broken = end(run);
    noticed += is_noticed(run);
    return report(seed, broken);
  });
  EXPECT_TRUE(noticed > 0 || has_few_seeds());
}

TEST_P(RtDamageSim, BitsRotWhileProcessesDie) {
  effects seen{{effect::rot, effect::end}};
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    harm_at_any_time(run, seen);
    // Who keeps the only other copy does not lose its end meanwhile.
    const std::vector<std::string> victims{"rt0", "rt0", "plain", "copy",
                                           "saved"};
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run, victims] {
        run.w.crash(victims[run.w.draw(victims.size())], run.any_crash());
      });
    const auto broken = end(run);
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST_P(RtDamageSim, BitsRotInAGroup) {
  effects seen{{effect::rot}};
  size_t noticed = 0;
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    harm_at_any_time(run, seen);
    if (run.w.chance(0.5))
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run] {
        run.w.crash(run.names[run.w.draw(run.names.size())], run.any_crash());
      });
    const auto broken = end(run);
    noticed += is_noticed(run);
    return report(seed, broken);
  });
  EXPECT_TRUE(noticed > 0 || has_few_seeds());
}

TEST_P(RtDamageSim, InputsGoUnderALivingNode) {
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    run.w.after(std::chrono::milliseconds{run.w.draw(2000)}, [&run] {
      EXPECT_FALSE(
        run.w.at("rt0").disk().remove_all(stream_directory("rt0") + "/in"));
    });
    if (run.w.chance(0.5))
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)},
                  [&run] { run.w.crash("rt0", run.any_crash()); });
    return report(seed, end(run));
  });
}

TEST_P(RtDamageSim, ASubscribersCopyRots) {
  effects seen{{effect::rot, effect::end}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{500 + run.w.draw(2500)}, [&] {
        auto style = run.any_crash();
        style.power = false;
        run.w.crash("copy", style);
        auto& disk = run.w.at("copy").disk();
        const auto paths = files_of(disk, "/copy/market", false);
        if (paths.empty())
          return;
        const auto& path = paths[run.w.draw(paths.size())];
        if (const auto size = disk.content(path).size(); size != 0)
          seen.flip(disk, path, run.w.draw(size * 8));
      });
    const auto broken = end(run);
    seen.look(run.w, {"copy"});
    return report(seed, broken);
  });
}

// What came first is delivered, and finds no room in the copy: later the copy
// gets all of the file, and the subscriber nothing twice.
TEST_P(RtDamageSim, ACopyThatHadNoRoomBeginsWithItsFile) {
  effects seen{{effect::refusal}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    // Its files are there, and nothing in them.
    EXPECT_TRUE(run.w.run_until(
      [&run] { return run.w.at("copy").disk().exists("/copy/market/.synced"); },
      10s));
    run.w.at("copy").disk().leave_free(run.w.draw(200));
    run.w.after(std::chrono::milliseconds{200 + run.w.draw(3000)},
                [&run] { run.w.at("copy").disk().set_quota(std::nullopt); });
    const auto broken = end(run);
    seen.look(run.w, {"copy"});
    return report(seed, broken);
  });
}

// A subscriber that holds back what comes, while an event comes: a closed file
// of out/ that nobody can make again.
TEST_P(RtDamageSim, EventsKeepTheirPlaceBehindWhatIsHeldBack) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    const auto directory = stream_directory("rt0");
    run.w.run_until([&run] { return run.settled(); }, 60s);
    auto& disk = run.w.at("rt0").disk();
    run.w.crash("rt0");
    EXPECT_FALSE(disk.remove_all(directory + "/history"));
    // In the header of a frame, or of a record: its messages are one loss.
    const auto whole = *read_stream(disk, directory + "/out");
    const auto last = whole.back().end.roll();
    const auto& hit = whole[run.w.draw(whole.size())];
    if (hit.kind == delivered::what::message && hit.begin.roll() < last)
      disk.flip_bit(
        directory + "/out/"
          + persistence::log_file_name(hit.begin.session(), hit.begin.roll()),
        hit.begin.offset() * 8 + 1);
    run.w.crash("plain");
    run.w.restart("rt0");
    run.w.restart("plain");
    const auto paused = [&run](bool pause) {
      if (auto handle = run.w.find("plain", "subscriber"))
        caf::anon_send(caf::actor_cast<subscriber_actor>(handle), pause_atom_v,
                       pause);
    };
    // It is tried for a while to make the file again: what comes before it is
    // held back until after that, or now and then.
    paused(true);
    if (seed % 2 == 1)
      run.w.run_for(40s);
    for (int i = 1; i < 20; ++i) {
      paused(i % 2 == 0);
      run.w.run_for(std::chrono::milliseconds{run.w.draw(40)});
    }
    paused(false);
    run.w.run_for(40s);
    const auto stream = read_stream(disk, directory + "/out");
    if (!stream)
      return report(seed, {to_string(stream.failure())});
    reading newest; // An earlier life had read what is damaged now.
    newest.lives.push_back(run.readings[0]->lives.back());
    auto broken = check_reading(*stream, newest, {});
    const auto got = newest.lives.back().items.size();
    if (got != stream->size())
      broken.push_back(std::to_string(got) + " deliveries of "
                       + std::to_string(stream->size()));
    return report(seed, broken);
  });
}

// A lone node has no other copy of what it collected: the records that rot
// there are an event in their place, and all else is delivered, also of that
// file.
TEST_P(RtDamageSim, WhatIsCollectedAndRotsIsTold) {
  uint64_t told = 0;
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::small};
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.settled(); }, 60s))
      broken.push_back("not all committed");
    run.w.run_for(5s); // Files go.
    auto& disk = run.w.at("rt0").disk();
    const auto directory = stream_directory("rt0");
    const auto closed = files_of(disk, directory + "/out", true);
    if (closed.empty())
      return report(seed, broken);
    const auto lives = run.w.at("rt0").lives();
    const auto& path = closed[run.w.draw(closed.size())];
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      disk.flip_bit(path, run.w.draw(disk.content(path).size() * 8));
    run.w.crash("plain");
    run.w.run_for(1s);
    run.w.restart("plain");
    // Nothing can come that the file could be made of: nobody waits for that.
    run.w.run_for(10s);
    auto stream = read_as_sent(disk, directory + "/out");
    if (!stream)
      return report(seed, {to_string(stream.failure())});
    reading newest; // An earlier life had read what is damaged now.
    newest.lives.push_back(run.readings[0]->lives.back());
    // In words, damage may be told otherwise.
    for (auto* items : {&newest.lives.back().items, &*stream})
      for (auto& item : *items)
        item.event.cause.clear();
    for (auto& line : check_reading(*stream, newest, {}))
      broken.push_back(std::move(line));
    const auto got = newest.lives.back().items.size();
    if (got != stream->size())
      broken.push_back(std::to_string(got) + " deliveries of "
                       + std::to_string(stream->size()));
    if (run.w.at("rt0").lives() != lives)
      broken.push_back("the node went down");
    const auto& lines = disk.content(directory + "/losses.jsonl");
    const std::string ledger{reinterpret_cast<const char*>(lines.data()),
                             lines.size()};
    for (const auto& item : *stream) {
      if (item.kind != delivered::what::event
          || item.event.kind != event_kind::badtail)
        continue;
      ++told;
      if (file_of(item.event.to) != file_of(item.event.from))
        broken.push_back("more than what is damaged is lost at "
                         + to_string(item.event.from));
      if (ledger.find("\"out_lost\"") == std::string::npos)
        broken.push_back("the ledger does not know of what is lost at "
                         + to_string(item.event.from));
    }
    return report(seed, broken);
  });
  EXPECT_GT(told, 0u) << "nothing was damaged for good";
}

// A round looks at all files of the node, each in a fifth of a second.
TEST_P(RtDamageSim, ManyPlacesOfAnInputAreFoundInOneRound) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.settled(); }, 60s))
      broken.push_back("not all committed");
    auto& disk = run.w.at("rt0").disk();
    std::vector<std::string> all
      = files_of(disk, stream_directory("rt0") + "/out", false);
    std::string path; // The largest.
    for (const auto& input : inputs_of(disk, "rt0"))
      for (const auto& each : files_of(disk, input, false)) {
        all.push_back(each);
        if (path.empty()
            || disk.content(each).size() > disk.content(path).size())
          path = each;
      }
    if (path.empty())
      return report(seed, {"there is no input"});
    const auto good = disk.content(path);
    constexpr uint64_t places = 12;
    for (uint64_t i = 1; i <= places; ++i)
      disk.flip_bit(path, good.size() * 8 * i / (places + 1));
    // Twice: it may have looked at this one just before.
    const auto rounds = 2 * (all.size() + 1) * 200ms;
    if (!run.w.run_until([&] { return disk.content(path) == good; },
                         rounds + 1s))
      broken.push_back(path + " is not whole after a round");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

// The file before it needs the state at the start of the one that is written.
TEST_P(RtDamageSim, TwoFilesOfTheMergedLogRotAndBothAreMadeAgain) {
  effects seen{{effect::rot}};
  size_t noticed = 0;
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 1, rt_scenario::files::kept};
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.settled(); }, 60s))
      broken.push_back("not all committed");
    auto& disk = run.w.at("rt0").disk();
    const auto files = files_of(disk, stream_directory("rt0") + "/out", false);
    for (size_t i = files.size() - std::min<size_t>(files.size(), 2);
         i < files.size(); ++i)
      if (!disk.content(files[i]).empty())
        seen.flip(disk, files[i], 500);
    run.w.run_for(60s);
    noticed += has_notice(run.w, "rt0", "out_damaged");
    if (has_notice(run.w, "rt0", "out_lost"))
      broken.push_back("a file is given up that can be made again");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
  EXPECT_TRUE(noticed > 0 || has_few_seeds());
}

/// The end of a publisher's log rots while RT does not have it, and nothing
/// follows it.
void damage_newest_record(rt_scenario& run) {
  run.damaged.insert("pub0.market");
  // A new log numbers nothing before RT has answered.
  EXPECT_TRUE(
    run.w.run_until([&run] { return run.books[0]->accepted > 0; }, 60s));
  run.w.crash("rt0");
  EXPECT_TRUE(run.w.run_until(
    [&run] { return run.books[0]->accepted >= run.targets[0]; }, 60s));
  run.w.run_for(1s); // All is written.
  auto& disk = run.w.at("pub0").disk();
  const auto path = files_of(disk, "/pub/pub0.market", false).back();
  disk.flip_bit(path, disk.content(path).size() * 8 - 1);
  run.w.restart("rt0");
}

size_t count_notices(rt_scenario& run, std::string_view id) {
  const auto& all = run.w.at("rt0").notices();
  return static_cast<size_t>(std::count_if(
    all.begin(), all.end(), [&](const auto& each) { return each.id == id; }));
}

// Its publisher goes on in another file, so that who reads there comes past it.
// RT tells of it once: its copy, with a seal that counts what is lost, is
// whole.
TEST_P(RtDamageSim, TheNewestRecordOfAQuietPublisherRotsAndIsToldOnce) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached()};
    damage_newest_record(run);
    auto broken = run.w.run_until([&run] { return run.settled(); }, 30s)
                    ? std::vector<std::string>{}
                    : std::vector<std::string>{"what rotted is waited for"};
    // It looks at all files, again and again.
    run.w.run_for(60s);
    for (const auto* id : {"input_damaged", "input_mended", "input_lost"})
      if (const auto count = count_notices(run, id); count > 1)
        broken.push_back(std::to_string(count) + " times: " + id);
    if (!broken.empty())
      run.ask_all(broken);
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, RtDamageSim, ::testing::Values(false, true),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
