#pragma once

#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/stream_checker.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "faults.hpp"
#include "invariant_audits.hpp"

namespace millrace::sim {

using namespace std::chrono_literals;

/// Where the first file that is not empty begins; {0}: none is.
inline position
first_file(const std::vector<persistence::log_file_info>& files) {
  for (const auto& file : files)
    if (file.size != 0)
      return position::of(file.session, file.roll, 0);
  return {};
}

/// One run of RT in the simulator: an RT node or several, publishers,
/// subscribers without a copy, with one, and with checkpoints; sizes and rates
/// from the seed.
class rt_scenario {
public:
  enum class files {
    drawn,
    small,   ///< So that many are collected, though a node is away for long.
    patient, ///< The same, but a node that is away holds them back.
    kept,    ///< Publishers do not roll: all can be made again from inputs.
    copied,  ///< A node that was away has to copy what it lacks.
  };
  /// What a swarm has more of.
  struct extras {
    double sync_share = 0; ///< @see publisher_load.
    int64_t period_grace_ns = 5'000'000'000;
  };
  rt_scenario(uint64_t seed, bool cached, size_t node_count = 1,
              files sizes = files::drawn,
              const extras& more = {0, 5'000'000'000})
    : w{seed, {.faults_may_miss = true}}, cached_{cached} {
    rt.cached = cached;
    rt.draws_first_place = seed % 2 == 0;
    rt.period_grace_ns = more.period_grace_ns;
    rt.roll_bytes = 4096 << w.draw(5);
    rt.checkpoint_bytes = 1024 << w.draw(7);
    const bool small = sizes == files::small || sizes == files::patient;
    if (sizes == files::small)
      rt.gc_grace = std::chrono::milliseconds{1000 + w.draw(4000)};
    if (small) {
      rt.checkpoint_bytes = 1024;
      // A file that is small beside its state begins without it.
      rt.roll_bytes = std::max<uint64_t>(rt.roll_bytes, 32 << 10);
    }
    // A member that was away long enough may have to copy what it lacks.
    if (w.chance(0.5))
      rt.behind_bytes_max = w.draw(2000);
    if (sizes == files::copied) {
      rt.behind_bytes_max = 0;
      rt.checkpoint_bytes = 1024;
    }
    for (size_t i = 0; i < node_count; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    const auto publishers = 1 + w.draw(3);
    for (uint64_t i = 0; i < publishers; ++i) {
      publisher_load load;
      load.messages = 40 + w.draw(160);
      load.roll_bytes = 2048 << w.draw(6);
      if (sizes == files::kept)
        load.roll_bytes = uint64_t{1} << 30;
      if (small) {
        load.messages = 200;
        load.roll_bytes = 1024 << w.draw(2);
      }
      load.payload_bytes_max = w.chance(0.2) ? 3000 : 200;
      load.sync_share = more.sync_share;
      books.push_back(std::make_shared<ledger>());
      const auto name = "pub" + std::to_string(i);
      targets.push_back(load.messages);
      add_publisher(plan, name, load, books.back());
      names.push_back(name);
    }
    for (const auto* name : {"plain", "copy", "saved"}) {
      subscriber_load load;
      if (name == std::string{"copy"})
        load.local_copy = "/copy/market";
      if (name == std::string{"saved"})
        load.checkpoint_every = 1 + w.draw(20);
      readings.push_back(std::make_shared<reading>());
      add_subscriber(plan, name, load, readings.back());
      names.push_back(name);
    }
    names.insert(names.end(), rt_names.begin(), rt_names.end());
    w.add_cluster(plan.config, plan.options);
  }

  /// Power cuts only where the mode promises to survive them.
  crash_style any_crash() {
    auto style = sim::any_crash(
      w, {.power_share = cached_ ? 0 : 0.5, .restart_within = 3s});
    powered = powered || style.power;
    return style;
  }

  /// All publishers have published what they should and know it committed.
  bool settled() {
    for (size_t i = 0; i < books.size(); ++i)
      if (!books[i]->settled || books[i]->accepted < targets[i])
        return false;
    return true;
  }

  bool caught_up() {
    // A scripted crash may come late: what a cut left is not a stream before
    // the node recovered it, and no copy before its subscriber did.
    for (const auto& name : rt_names)
      if (!w.find(name, "rt/market"))
        return false;
    if (!w.find("copy", "subscriber"))
      return false;
    auto stream
      = read_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!stream || !copies_agree())
      return false;
    for (const auto& read : readings)
      if (read->recovered.back() + read->lives.back().items.size()
          < stream->size())
        return false;
    return true;
  }

  std::vector<std::string> finish() {
    heal(w, names);
    std::vector<std::string> broken;
    if (!w.run_until([this] { return settled(); }, 60s))
      broken.push_back("not all committed 60 s after the last fault");
    // Looked at now and then: reading the whole log is expensive.
    bool reached = false;
    for (int i = 0; i < 200 && !reached; ++i) {
      w.run_for(300ms);
      reached = caught_up();
    }
    if (!reached)
      broken.push_back(
        "subscribers did not catch up 60 s after the last fault");
    auto stream
      = read_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!stream) {
      broken.push_back(to_string(stream.failure()));
      return broken;
    }
    const auto add = [&](std::vector<std::string> more) {
      for (auto& line : more)
        broken.push_back(std::move(line));
    };
    add(check_stream(*stream, books,
                     {powered ? rt::ack_level::synced : rt::ack_level::recorded,
                      damaged, periods}));
    for (size_t i = 0; i < readings.size(); ++i) {
      add(check_reading(*stream, *readings[i], expected_failures));
      check_checkpoints(*stream, *readings[i], broken);
    }
    check_losses(*stream, broken);
    add(w.defects());
    std::vector<std::string> told;
    if (!broken.empty())
      ask_all(told);
    if (!copies_agree())
      broken.push_back("the nodes do not hold the same out/");
    w.crash("rt0");
    if (rt_names.size() == 1)
      add(check_out_is_pure(w.at("rt0").disk(), "rt0", rt));
    check_copy(broken);
    if (!broken.empty())
      describe(broken);
    add(told);
    return broken;
  }

  /// Byte for byte.
  bool copies_agree() {
    const auto first
      = log_bytes(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    for (const auto& name : rt_names)
      if (log_bytes(w.at(name).disk(), stream_directory(name) + "/out")
          != first)
        return false;
    return true;
  }

  /// A node votes in the group, and has all that was agreed on.
  bool is_member(const std::string& name) {
    const auto said = text::parse_json(w.status(name, "rt/market"));
    const auto* role = said ? said->at("group").at("role").text() : nullptr;
    return role != nullptr && (*role == "leader" || *role == "follower");
  }

  /// The same, within a minute. Looked at now and then: to ask runs the world.
  bool becomes_member(const std::string& name) {
    for (int i = 0; i < 200; ++i) {
      w.run_for(300ms);
      if (is_member(name))
        return true;
    }
    return false;
  }

  /// The disk of a node that is down is another one, and empty.
  void wipe(const std::string& name) {
    if (auto fault = w.at(name).disk().remove_all(stream_directory(name)))
      ADD_FAILURE() << to_string(fault);
  }

  /// What every actor says of itself.
  void ask_all(std::vector<std::string>& told) {
    for (const auto& name : rt_names)
      for (const auto& each : w.at(name).notices())
        if (each.level != nodes::notice::severity::info)
          told.push_back("  " + name + ": " + each.id + ": " + each.text);
    for (const auto& name : names)
      for (const auto* actor :
           {"rt/market", "pusher", "pusher1", "pusher2", "subscriber"})
        if (w.find(name, actor))
          told.push_back("  " + name + " " + actor + ": "
                         + w.status(name, actor));
  }

  world w;
  cluster_plan plan;
  rt_node_options rt;
  std::vector<std::shared_ptr<ledger>> books;
  std::vector<uint64_t> targets;
  std::vector<std::shared_ptr<reading>> readings;
  std::vector<std::string> names;
  std::vector<std::string> rt_names;
  /// What may end a subscription in this run.
  std::set<errc> expected_failures;
  bool powered = false;          ///< Some machine lost its power.
  std::set<std::string> damaged; ///< Origins whose own logs were damaged.
  bool periods = false;          ///< Ends of periods are asked for.

private:
  /// What a checkpoint says was applied is what the stream holds up to it.
  static void check_checkpoints(const std::vector<delivered>& stream,
                                const reading& read,
                                std::vector<std::string>& broken) {
    for (size_t i = 0; i < read.lives.size(); ++i) {
      uint64_t before = 0;
      if (const auto start = read.lives[i].started_at)
        for (const auto& item : stream)
          before += item.end <= *start ? 1 : 0;
      if (before != read.recovered[i])
        broken.push_back("a checkpoint counts "
                         + std::to_string(read.recovered[i])
                         + " deliveries, the stream up to its position "
                         + std::to_string(before));
    }
  }

  /// Each event of the stream is in the ledgers of its nodes, once in each.
  void check_losses(const std::vector<delivered>& stream,
                    std::vector<std::string>& broken) {
    std::map<position, size_t> events; ///< And in how many ledgers.
    for (const auto& item : stream)
      if (item.kind == delivered::what::event)
        events.emplace(item.event.from, 0);
    for (const auto& name : rt_names) {
      const auto ledger = rt::loss_ledger::open(
        w.at(name).disk(), stream_directory(name) + "/losses.jsonl");
      if (!ledger) {
        broken.push_back(to_string(ledger.failure()));
        continue;
      }
      std::set<position> seen;
      const auto all = (*ledger)->after(0);
      for (const auto& each : all.at("losses").elements()) {
        const position from{each.at("from").natural().value_or(0)};
        const auto found = events.find(from);
        if (*each.at("kind").text() == "pruned" || found == events.end()
            || !each.at("input").text()->empty())
          continue;
        ++found->second;
        if (!seen.insert(from).second)
          broken.push_back("the ledger of " + name + " has the loss at "
                           + to_string(from) + " twice");
      }
    }
    for (const auto& [at, count] : events)
      if (count == 0)
        broken.push_back("no ledger has the loss at " + to_string(at));
  }

  /// A local copy is byte for byte what the node has.
  void check_copy(std::vector<std::string>& broken) {
    const auto theirs
      = log_bytes(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    for (const auto& [name, bytes] :
         log_bytes(w.at("copy").disk(), "/copy/market")) {
      const auto found = theirs.find(name);
      if (found == theirs.end() || found->second.size() < bytes.size()
          || !std::equal(bytes.begin(), bytes.end(), found->second.begin()))
        broken.push_back("local copy: " + name + " differs");
    }
  }

  void describe(std::vector<std::string>& broken) {
    for (const auto& name : names) {
      auto& some = w.at(name);
      broken.push_back("  " + name + ": lives " + std::to_string(some.lives())
                       + ", boot: " + to_string(some.boot_failure()));
    }
    for (size_t i = 0; i < books.size(); ++i)
      broken.push_back("  " + books[i]->origin + ": accepted "
                       + std::to_string(books[i]->accepted) + " of "
                       + std::to_string(targets[i]) + ", refused "
                       + std::to_string(books[i]->refused) + ", settled "
                       + std::to_string(books[i]->settled));
    for (const auto& read : readings)
      broken.push_back("  subscriber: " + std::to_string(read->recovered.back())
                       + " + "
                       + std::to_string(read->lives.back().items.size()));
  }

  bool cached_;
};

/// Of what goes in a run.
inline std::shared_ptr<collection_audit> audit_of(rt_scenario& run) {
  std::vector<collection_audit::origin> origins;
  for (const auto& book : run.books)
    origins.push_back({book->origin,
                       book->origin.substr(0, book->origin.find('.')),
                       "/pub/" + book->origin, book});
  std::vector<collection_audit::member> members;
  for (const auto& name : run.rt_names)
    members.push_back({name, stream_directory(name)});
  return std::make_shared<collection_audit>(run.w, std::move(origins),
                                            std::move(members));
}

} // namespace millrace::sim
