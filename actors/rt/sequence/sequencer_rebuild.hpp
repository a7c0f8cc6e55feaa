#pragma once

#include <millrace/actors/rt/sequence/out_rebuild.hpp>
#include <millrace/actors/rt/sequence/out_repair.hpp>
#include <millrace/actors/rt/sequence/peer_links.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <caf/error.hpp>
#include <caf/result.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::rt {

struct sequencer_state;

/// How a SEQUENCER mends its merged log: does what its `out_repair` says, and
/// answers those who asked for it. Only what cannot be mended is told as
/// damaged. Lives in the actor, which tells it of every tick.
class out_mending {
public:
  out_mending(sequencer_state& of, const std::vector<peer_settings>& peers);

  /// True: what is damaged there is whole again, or its place is kept, and what
  /// follows can be read; false: nothing changed. `pruned`: the merged log
  /// begins after it.
  caf::result<bool> mend(position at);
  void tick();
  /// The job that it began ended so.
  void ended(const caf::error& outcome);
  void salvaged(const caf::error& outcome);

  [[nodiscard]] const out_repair& files() const noexcept { return files_; }

private:
  void step(const out_repair::input& what);
  void act(const out_repair::damaged& what);
  void act(const out_repair::rebuild& what);
  void act(const out_repair::copy& what);
  void act(const out_repair::fetch& what);
  void act(const out_repair::place& what);
  void act(const out_repair::salvage& what);
  void act(const out_repair::waits& what);
  void act(const out_repair::mended& what);
  void act(const out_repair::lost& what);
  void act(const out_repair::lacks& what);
  void act(const out_repair::pruned& what);
  [[nodiscard]] std::string path_of(position file) const;
  using promise = caf::typed_response_promise<bool>;
  [[nodiscard]] std::vector<promise> askers_of(position file);

  sequencer_state& of_;
  out_repair files_;
  std::map<position, std::vector<promise>> askers_; ///< By file.
  /// What of inputs stood in the way; the job's while one runs.
  std::shared_ptr<std::vector<rebuild_lack>> lacks_
    = std::make_shared<std::vector<rebuild_lack>>();
  /// What of a file is lost; the job's while one runs.
  std::shared_ptr<std::vector<out_hole>> holes_
    = std::make_shared<std::vector<out_hole>>();
  std::string directory_; ///< Of what is copied from other nodes,
  /// so far; null: the file is made again.
  std::unique_ptr<persistence::log_replica> copy_;
};

} // namespace millrace::rt
