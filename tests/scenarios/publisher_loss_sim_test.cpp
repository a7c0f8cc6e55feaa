// Publishers lose what RT holds of them: the end of a log to a power cut, a
// whole directory, or they come with another one. Their streams go on, and no
// id stands for two messages.

#include "disk_trees.hpp"
#include "effects.hpp"
#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

const std::string directory_of_pub0 = "/pub/pub0.market";

/// What went with the directory, and RT never had: nobody was promised it.
void forget_what_rt_has_not(ledger& book) {
  for (auto& [id, entries] : book.entries)
    for (auto& entry : entries)
      if (entry.told != rt::ack_level::committed)
        entry.recorded = false;
}

class PublisherLossSim : public ::testing::TestWithParam<size_t> {
protected:
  size_t node_count() const { return GetParam(); }

  static std::vector<delivered> stream_of(rt_scenario& run) {
    auto stream
      = read_stream(run.w.at("rt0").disk(), stream_directory("rt0") + "/out");
    return stream ? *std::move(stream) : std::vector<delivered>{};
  }

  static size_t resets(const std::vector<delivered>& stream) {
    return static_cast<size_t>(
      std::count_if(stream.begin(), stream.end(), [](const delivered& item) {
        return item.kind == delivered::what::event
               && item.event.kind == event_kind::reset
               && item.event.origin == "pub0.market";
      }));
  }
};

// Nodes have different ends of its log when it goes down, and hear of it again
// in any order.
TEST_P(PublisherLossSim, TheEndOfALogGoesWithThePower) {
  effects seen{{effect::end, effect::loss}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, false, node_count()};
    run.powered = true;
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      const auto at = std::chrono::milliseconds{run.w.draw(2500)};
      const auto victim = "pub" + std::to_string(run.w.draw(run.books.size()));
      run.w.after(at, [&, victim] {
        seen.crash(
          run.w, victim,
          {.power = true,
           .left = run.w.chance(0.5) ? survival::nothing : survival::some,
           .restart_after
           = duration{std::chrono::milliseconds{run.w.draw(1500)}}});
      });
    }
    for (uint64_t i = 0; i < run.w.draw(6); ++i)
      any_link_fault(run.w, run.names, 2500ms, 3s);
    if (run.w.chance(0.5))
      run.w.after(std::chrono::milliseconds{run.w.draw(2500)}, [&run] {
        run.w.crash(run.rt_names[run.w.draw(run.rt_names.size())],
                    run.any_crash());
      });
    run.w.run_for(4s);
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

// All machines at once, as on one host.
TEST_P(PublisherLossSim, AllGoDownAtOnce) {
  effects seen{{effect::end, effect::loss}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, false, node_count()};
    run.powered = true;
    for (uint64_t i = 0; i < 1 + run.w.draw(2); ++i) {
      run.w.run_for(std::chrono::milliseconds{200 + run.w.draw(2000)});
      const survival kinds[] = {survival::nothing, survival::some};
      for (const auto& name : run.names)
        seen.crash(run.w, name, {.power = true, .left = kinds[run.w.draw(2)]});
      for (const auto& name : run.names)
        run.w.restart(name);
    }
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST_P(PublisherLossSim, AWipedDirectoryBeginsAnewWithAReset) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, false, node_count()};
    auto& book = *run.books[0];
    run.w.run_until([&] { return book.accepted > 10; }, 20s);
    run.w.run_for(std::chrono::milliseconds{run.w.draw(500)});
    run.w.crash("pub0");
    EXPECT_FALSE(run.w.at("pub0").disk().remove_all(directory_of_pub0));
    forget_what_rt_has_not(book);
    run.w.restart("pub0");
    auto broken = run.finish();
    if (const auto count = resets(stream_of(run)); count != 1)
      broken.push_back(std::to_string(count) + " resets");
    return report(seed, broken);
  });
}

// A directory that was put back, and one that was published elsewhere
// meanwhile, is refused at once, with the remedy; with that it goes on.
TEST_P(PublisherLossSim, AnotherMachinesDirectoryIsRefused) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, false, node_count()};
    auto& book = *run.books[0];
    auto& disk = run.w.at("pub0").disk();
    std::vector<std::string> broken;
    run.w.run_until([&] { return book.accepted > 5; }, 20s);
    run.w.crash("pub0");
    const auto old = tree_of(disk, directory_of_pub0);
    run.w.restart("pub0");
    const auto before = book.accepted;
    run.w.run_until([&] { return book.accepted > before + 20; }, 20s);
    run.w.run_for(500ms);
    run.w.crash("pub0");
    restore_tree(disk, directory_of_pub0, old);
    forget_what_rt_has_not(book);
    const auto accepted = book.accepted_by_life;
    run.w.restart("pub0");
    run.w.run_for(4s);
    const auto said = run.w.status("pub0", "pusher");
    if (said.find("fenced") == std::string::npos)
      broken.push_back("the pusher says " + said);
    // RT knows of it as well.
    if (std::none_of(run.rt_names.begin(), run.rt_names.end(),
                     [&](const std::string& name) {
                       const auto rt
                         = text::parse_json(run.w.status(name, "rt/market"));
                       return rt && rt->at("losses").natural().value_or(0) > 0;
                     })
        || run.w.story().find("input_refused: stream 'market': fenced: "
                              "publisher directory 'pub0.market'")
             == std::string::npos)
      broken.push_back("RT does not say that it has other messages");
    // What it took in meanwhile went to its own log alone.
    run.w.crash("pub0");
    EXPECT_FALSE(disk.remove_all(directory_of_pub0));
    for (auto& [id, entries] : book.entries)
      if (entries.size() > 1 && entries.back().told != rt::ack_level::committed)
        entries.pop_back();
    forget_what_rt_has_not(book);
    run.w.restart("pub0");
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    if (const auto count = resets(stream_of(run)); count != 1)
      broken.push_back(std::to_string(count) + " resets");
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Nodes, PublisherLossSim,
                         ::testing::Values(size_t{1}, size_t{3}),
                         [](const auto& count) {
                           return count.param == 1 ? "alone" : "three";
                         });

} // namespace
} // namespace millrace::sim
