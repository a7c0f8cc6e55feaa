#pragma once

#include <millrace/tests/actors/raft/raft_checker.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {

/// One member with its disk, as a driver keeps them: jobs are carried out in
/// order, and reported.
struct raft_host {
  member_id id;
  raft_options options;
  std::optional<raft_core> core; ///< None while it is down.
  raft_disk disk;
  std::deque<raft_core::persist> jobs; ///< Asked for, not carried out.
  uint64_t ticket_done = 0;
  /// Entries that are on disk or on their way there, without what they name.
  std::set<std::pair<entry_index, raft_term>> lacking;
  int64_t now_ns = 0;
  std::vector<std::string> applied; ///< Payloads, in order.
  entry_index applied_index;
  std::vector<raft_core::effect> told; ///< Since it was last cleared.

  [[nodiscard]] entry_index named_index() const;
};

/// A group whose messages, jobs and clocks are in the hands of a test. The
/// checker sees every step.
class raft_group {
public:
  /// Members on these nodes, each in its first incarnation; all are voters.
  explicit raft_group(const std::vector<uint64_t>& nodes, uint64_t seed = 1);

  /// A member that knows nothing yet.
  raft_host& add(const member_id& id);
  [[nodiscard]] raft_host& at(const member_id& id);
  [[nodiscard]] raft_host& at(uint64_t node) { return at({node, 1}); }
  [[nodiscard]] raft_core& core(uint64_t node) { return *at(node).core; }
  [[nodiscard]] std::map<member_id, raft_host>& hosts() { return hosts_; }

  /// The only way to a core. Messages go to `network`, jobs to the host; with
  /// `persists` they are carried out and reported at once.
  void step(raft_host& host, raft_core::input what);
  /// Carries out the next `count` jobs; `report` tells the core.
  void run_jobs(raft_host& host, size_t count = ~size_t{0});
  void report(raft_host& host);
  /// Everything but the disk goes. What was not reported is lost.
  void crash(raft_host& host);
  void restart(raft_host& host);
  void restart(uint64_t node) { restart(at(node)); }
  /// A crash, and with it the disk; it returns as another member.
  raft_host& wipe(const member_id& id);

  /// Delivers until nothing is under way, on links that are not cut.
  void deliver();
  /// Delivers the messages under way, but not the answers to them.
  void deliver_once();
  void receive(raft_message what);
  /// Both ways. What is under way between them is lost.
  void cut(uint64_t a, uint64_t b);
  void cut_one_way(uint64_t from, uint64_t to) { cut_.insert({from, to}); }
  void isolate(uint64_t node);
  void heal() { cut_.clear(); }
  [[nodiscard]] bool is_cut(uint64_t from, uint64_t to) const {
    return cut_.contains({from, to});
  }

  /// Time passes for all, in steps of a millisecond, with ticks and delivery.
  void elapse(int64_t ns);
  /// Lets `node` stand for election now, and others not; delivers.
  void elect(uint64_t node);
  /// The same, and what it says as a leader is lost.
  void elect_unheard(uint64_t node);
  /// Ticks one member, after so much of its time.
  void tick(uint64_t node, int64_t ns);
  /// Proposes to a leader, and delivers.
  void propose(uint64_t node, const std::string& text);
  void change(uint64_t node, const member_change& what);

  /// Who leads the highest term, of those that are up.
  [[nodiscard]] raft_host* leader();
  template <class Effect>
  [[nodiscard]] std::vector<Effect> told(uint64_t node) {
    std::vector<Effect> out;
    for (const auto& each : at(node).told)
      if (const auto* one = std::get_if<Effect>(&each))
        out.push_back(*one);
    return out;
  }

  [[nodiscard]] const std::vector<std::string>& faults() const {
    return checker_.faults();
  }
  [[nodiscard]] const raft_checker& checker() const { return checker_; }

  std::deque<raft_message> network; ///< Under way.
  bool persists = true;
  bool delivers_snapshots = true; ///< At once, where one is needed.
  /// Where not: who has it, and what was asked for.
  std::vector<std::pair<member_id, raft_core::snapshot_needed>> snapshots;

private:
  void handle(raft_host& host, const raft_core::effect& what);

  uint64_t seed_;
  std::map<member_id, raft_host> hosts_;
  std::set<std::pair<uint64_t, uint64_t>> cut_;
  raft_checker checker_;
};

[[nodiscard]] inline chunk text_chunk(const std::string& text) {
  return chunk::copy_of(
    {reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

} // namespace millrace::rt
