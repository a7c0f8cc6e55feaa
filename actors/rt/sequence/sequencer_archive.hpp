#pragma once

#include <millrace/actors/rt/archive/archive_clock.hpp>
#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/actors/rt/archive/prune_lease.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/error.hpp>
#include <caf/result.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

struct sequencer_state;

/// What becomes of a SEQUENCER's old files: copies of inputs and entries go
/// when nobody needs them any more; the merged log is cut where the node that
/// leads says so. Lives in the actor, which tells it of every tick.
class stream_archive {
public:
  explicit stream_archive(sequencer_state& of);

  void tick();
  // Files that nobody needs.
  void collect_needless();
  void collect(const input_sink_actor& sink, copy_id copy);
  void history_collected(entry_index last, const caf::error& outcome);
  void out_collected(position below, const caf::error& outcome);
  /// The merged log has no files before it on this node.
  [[nodiscard]] position out_collected_end() const noexcept {
    return out_collected_end_;
  }

  // Nodes that are away.
  result<entry_index> needless_entries(int64_t now_ns);
  void leave_behind(bool any);
  [[nodiscard]] bool leaves_behind() const noexcept { return leaves_behind_; }
  void heard(const peer_hello& what);
  void disk_seen(uint32_t percent);
  [[nodiscard]] uint32_t disk_percent() const noexcept { return disk_percent_; }

  // Where the merged log is cut.
  void files_seen();
  [[nodiscard]] result<archive_files> files_now() const;
  /// Cuts there, whatever consumers need, as far as `mode` lets it.
  caf::result<status_facts> prune(position at, cut_mode mode);
  /// Does what the archiver would if the retention went up to there.
  caf::result<status_facts> archive_up_to(position at, cut_mode mode);
  /// Those that wait until out/ begins there on this node.
  struct waiting_cut {
    position begin;
    status_facts report;
    caf::typed_response_promise<status_facts> promise;
  };
  void wait_for(waiting_cut what) { cuts_.push_back(std::move(what)); }
  void answer_cuts();
  caf::result<std::string> take_lead(const std::string& who);

  void tell(text::json_value& into) const;

private:
  void tell_left_behind(const std::vector<member_id>& members);
  void look_at_disk();
  void collect_out();
  void collect_history();
  void mind_clock();
  void look_at_files();
  /// What a cut on demand is about.
  struct cut_plan {
    archive_files files;
    archive_decision all; ///< What ends at or before the place.
  };
  [[nodiscard]] error check_cut(position at) const;
  [[nodiscard]] result<cut_plan> plan_cut(position at) const;
  [[nodiscard]] error overrule(const archive_decision& cut,
                               const archive_floors& losing, cut_mode mode);
  caf::result<status_facts> cut(const archive_decision& what,
                                status_facts report);

  sequencer_state& of_;

  bool collecting_history_ = false;
  entry_index history_collected_end_;
  bool collecting_out_ = false;
  position out_collected_end_;
  error collect_failure_;

  uint32_t disk_percent_ = 0;
  /// Of the nodes that live, this one apart, as they said last.
  std::map<node_id, uint32_t> peer_disk_percents_;
  bool looking_at_disk_ = false;
  int64_t disk_look_at_ns_ = 0;
  std::vector<std::string> left_behind_; ///< Names; while this node leads.
  bool leaves_behind_ = false;           ///< As the node that leads said last.

  struct survey {
    archive_files files;
    /// By the start of a file: it is closed, and has it for good.
    std::map<position, std::optional<int64_t>> times;
    error failure;
  };
  std::shared_ptr<survey> looked_ = std::make_shared<survey>();
  bool looking_ = false;
  int64_t look_at_ns_ = 0;
  archive_clock age_clock_;
  std::string held_by_; ///< As it was told last.
  std::vector<waiting_cut> cuts_;
  prune_lease lead_;
};

} // namespace millrace::rt
