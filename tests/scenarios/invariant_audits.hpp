#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/world.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Looks at what no answer shows, again and again while a run lasts. What does
// not hold fails the run, and begins with the number of the invariant.

namespace millrace::sim {

/// I17: discovery tells nobody of a process as available whose node has been
/// down for three seconds. Where links are slow, or discovery stands still, a
/// sign of life may come long after its sender died: then nobody whose node is
/// down, and of whom it took in nothing for three seconds.
class discovery_audit {
public:
  /// @param processes of discovery: each on a node of its name
  /// @param prompt what is said is heard at once, by all that live
  discovery_audit(world& in, std::vector<std::string> processes,
                  bool prompt = true)
    : seen_{std::make_shared<state>(state{&in, std::move(processes), prompt})} {
    look(seen_);
  }
  discovery_audit(const discovery_audit&) = delete;
  discovery_audit& operator=(const discovery_audit&) = delete;
  ~discovery_audit() { seen_->in = nullptr; }

  /// How many rows of processes that were down it was told.
  [[nodiscard]] uint64_t dead_rows() const { return seen_->dead_rows; }

private:
  static constexpr duration interval = std::chrono::milliseconds{250};
  static constexpr duration dead_after = std::chrono::seconds{3};

  struct state {
    world* in; ///< Null: nobody looks any more.
    std::vector<std::string> processes;
    bool prompt;
    struct sign {
      int64_t seen_ns = 0; ///< By the clock of who heard it.
      duration since{};    ///< Or earlier.
    };
    /// By the process that heard it, and who gave it.
    std::map<std::pair<std::string, std::string>, sign> signs{};
    struct death {
      duration at{}; ///< Or later.
      uint64_t lives = 0;
    };
    std::map<std::string, death> deaths{};
    std::set<std::string> told{};
    uint64_t dead_rows = 0;
  };

  static void look(const std::shared_ptr<state>& mine) {
    auto* const w = mine->in;
    if (w == nullptr)
      return;
    std::set<std::string> dead;
    for (const auto& name : w->node_names()) {
      // A life may begin and end between two looks.
      auto& last = mine->deaths[name];
      const auto lives = w->at(name).lives();
      if (w->at(name).alive() || last.lives != lives)
        last = {w->now(), lives};
      else if (w->now() - last.at > dead_after)
        dead.insert(name);
    }
    for (const auto& process : mine->processes)
      if (const auto handle = w->find(process, process);
          handle && (!dead.empty() || !mine->prompt))
        w->request<std::vector<process_row>>(
          caf::actor_cast<discovery_actor>(handle), std::chrono::seconds{1},
          [mine, process, dead](const auto& got) {
            check(*mine, process, dead, got);
          },
          lookup_atom_v, std::string{});
    w->after(interval, [mine] { look(mine); });
  }

  static void check(state& mine, const std::string& process,
                    const std::set<std::string>& dead,
                    const result<std::tuple<std::vector<process_row>>>& got) {
    if (!got || mine.in == nullptr)
      return;
    for (const auto& row : std::get<0>(*got)) {
      const auto now = mine.in->now();
      auto& sign = mine.signs
                     .try_emplace({process, row.name},
                                  typename state::sign{row.last_seen_ns, now})
                     .first->second;
      if (sign.seen_ns != row.last_seen_ns)
        sign = {row.last_seen_ns, now};
      const auto& last = mine.deaths[row.node];
      if (!dead.contains(row.node) || mine.in->at(row.node).alive()
          || mine.in->at(row.node).lives() != last.lives)
        continue;
      ++mine.dead_rows;
      if (!mine.prompt && now - sign.since <= dead_after)
        continue;
      if (row.available && mine.told.insert(row.name).second)
        mine.in->fail("I17: discovery tells of '" + row.name
                      + "' as available, and its node '" + row.node
                      + "' has been down for three seconds");
    }
  }

  std::shared_ptr<state> seen_;
};

/// I11: what a publisher let go of is held by a majority of the RT nodes, in
/// its copy there or in the merged log; and an RT node lets go of a copy only
/// so.
class collection_audit {
public:
  /// Where a publisher has its log, and the same of the copies in RT.
  struct origin {
    std::string name; ///< As messages have it.
    std::string node;
    std::string directory;
    std::shared_ptr<const ledger> book; ///< Of its program.
  };
  /// Of RT: a node, and the directory of the stream.
  struct member {
    std::string node;
    std::string directory;
  };

  collection_audit(world& in, std::vector<origin> origins,
                   std::vector<member> members)
    : in_{&in}, origins_{std::move(origins)}, members_{std::move(members)} {}
  collection_audit(const collection_audit&) = delete;
  collection_audit& operator=(const collection_audit&) = delete;

  /// @returns what is gone that somebody needs; looks closely where files went
  /// since the last time only
  [[nodiscard]] std::vector<std::string> look() {
    std::vector<std::string> broken;
    for (const auto& each : origins_) {
      const auto& disk = in_->at(each.node).disk();
      const auto begin = first_of(disk.paths(), disk, each.directory);
      auto& before = begins_[each.name];
      if (begin == before || begin.empty())
        continue;           // None of them holds anything: the next one tells.
      if (before.empty()) { // What it begins with went nowhere.
        before = begin;
        continue;
      }
      const auto copy = disk.clone();
      const auto kept
        = ids_in(*copy, each.directory, each.name, begin_of(begin));
      if (kept.empty())
        continue; // It tells with the next message what went before it.
      before = begin;
      ++looks_;
      check(each, *kept.begin(), broken);
    }
    return broken;
  }
  /// How often files had gone.
  [[nodiscard]] uint64_t looks() const { return looks_; }

private:
  /// The first log file of a directory that is not empty.
  static std::string first_of(const std::vector<std::string>& paths,
                              const memory_file_system& disk,
                              const std::string& directory) {
    std::pair<uint64_t, uint64_t> first{~uint64_t{0}, 0};
    std::string out;
    for (const auto& path : paths) {
      if (!path.starts_with(directory + "/log.") || disk.content(path).empty())
        continue;
      const auto numbers = path.substr(directory.size() + 5);
      const std::pair<uint64_t, uint64_t> here{
        std::stoull(numbers),
        std::stoull(numbers.substr(numbers.find('.') + 1))};
      if (here < first) {
        first = here;
        out = path;
      }
    }
    return out;
  }

  /// Of a file, by its path.
  static position begin_of(const std::string& path) {
    const auto numbers = path.substr(path.rfind("/log.") + 5);
    return position::of(std::stoull(numbers),
                        std::stoull(numbers.substr(numbers.find('.') + 1)), 0);
  }

  /// As far as it can be read.
  static std::set<uint64_t> ids_in(persistence::file_system& fs,
                                   const std::string& directory,
                                   const std::string& origin,
                                   std::optional<position> from = {}) {
    std::set<uint64_t> out;
    auto reader
      = persistence::log_reader::open(fs, {.directory = directory}, from);
    while (reader) {
      const auto got = (*reader)->next();
      if (!got || std::holds_alternative<persistence::log_end>(*got))
        break;
      const auto* read = std::get_if<persistence::log_message>(&*got);
      if (read != nullptr && read->kind == persistence::record_kind::messages
          && (origin.empty() || read->frame.header.on == origin))
        out.insert(magnitude(read->frame.header.id));
    }
    return out;
  }

  void check(const origin& of, uint64_t first_kept,
             std::vector<std::string>& broken) {
    std::map<uint64_t, size_t> holders;
    for (const auto& each : members_) {
      const auto copy = in_->at(each.node).disk().clone();
      auto ids = ids_in(*copy, each.directory + "/out", of.name);
      std::set<std::string> inputs;
      const auto below = each.directory + "/in/" + of.name + "/";
      for (const auto& path : copy->paths())
        if (path.starts_with(below))
          inputs.insert(path.substr(0, path.rfind('/')));
      for (const auto& input : inputs)
        ids.merge(ids_in(*copy, input, {}));
      for (const auto id : ids)
        ++holders[id];
    }
    // Not all numbers are of messages; what was not synced may be another's.
    const auto is_message = [&](uint64_t id) {
      const auto found = of.book->entries.find(id);
      return found != of.book->entries.end()
             && found->second.back().told >= rt::ack_level::synced;
    };
    for (uint64_t id = 1; id < first_kept; ++id)
      if (is_message(id) && holders[id] <= members_.size() / 2)
        return broken.push_back(
          "I11: " + of.name + " let go of what is before id "
          + std::to_string(first_kept) + ", and " + std::to_string(holders[id])
          + " of " + std::to_string(members_.size()) + " RT nodes hold id "
          + std::to_string(id));
  }

  world* in_;
  std::vector<origin> origins_;
  std::vector<member> members_;
  std::map<std::string, std::string> begins_;
  uint64_t looks_ = 0;
};

} // namespace millrace::sim
