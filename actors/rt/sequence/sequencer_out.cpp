#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <utility>

// How a sequencer_core opens out/, and where a stream begins.

namespace millrace::rt {

using persistence::log_writer;
using persistence::log_writer_options;

stream_layout sequencer_core::new_layout() const {
  return {{{env_->random(), env_->random()}},
          options_.roll_bytes,
          log_writer_options{}.record_bytes,
          options_.ids,
          options_.draws_first_place ? first_place(env_->random())
                                     : position{}};
}

/// Without a file, and without a state, nobody knows yet where it begins: the
/// first entry says so.
error sequencer_core::open_out_again(
  const lineage_id& lineage, const std::optional<merge_state>& checkpoint) {
  if (auto fault = begin_anchored_file(lineage))
    return fault;
  const auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files && files.failure().code != errc::not_found)
    return files.failure();
  const bool is_known = checkpoint && checkpoint->layout.lineage == lineage;
  if ((!files || files->empty()) && !is_known)
    return {};
  return open_out({.lineage = lineage,
                   .first = is_known ? checkpoint->layout.first : position{}});
}

/// A writer goes on in the last file: one that is empty is made for it.
error sequencer_core::make_first_file(const stream_layout& layout) const {
  if (layout.first == position{})
    return {};
  auto& fs = *env_->fs;
  const auto out = out_directory();
  if (auto fault = fs.create_directories(out))
    return fault;
  const auto files = persistence::list_log_files(fs, out);
  if (!files)
    return files.failure();
  if (!files->empty())
    return {};
  // One that is damaged is the writer's to judge.
  if (auto fault = persistence::write_lineage(fs, out, layout.lineage);
      fault && fault.code != errc::corrupt)
    return fault;
  const auto made = fs.open(
    out + "/"
      + persistence::log_file_name(layout.first.session(), layout.first.roll()),
    persistence::open_mode::write);
  return made ? error{} : made.failure();
}

/// Files of another log in the place of this one's are nothing to go on with.
error sequencer_core::foreign_out(error fault) {
  if (fault.code == errc::fenced)
    fault.context
      += ": it is the directory of another log; put back what was there, or "
         "move it away, and start this node again: what it lacks is made "
         "again, from other nodes where there are any";
  return fault;
}

/// @param layout without a record size: that of a writer's default.
error sequencer_core::open_out(const stream_layout& layout) {
  out_.reset();
  if (auto fault = make_first_file(layout))
    return fault;
  log_writer_options how;
  how.directory = out_directory();
  how.session = persistence::session_policy::rebuild;
  how.lineage = layout.lineage;
  if (layout.record_bytes != 0)
    how.record_bytes = layout.record_bytes;
  const auto synced = persistence::read_synced_end(*env_->fs, out_directory());
  auto writer = log_writer::open(*env_, std::move(how));
  if (!writer)
    return foreign_out(writer.failure());
  out_ = *std::move(writer);
  if (const auto at = out_->damaged_from())
    remarks_.push_back(
      out_directory() + "/"
      + persistence::log_file_name(at->session(), at->roll())
      + ": is damaged at " + to_string(*at)
      + ", where nobody writes any more: it is made again from there");
  if (synced && *synced > out_->recorded_end())
    remarks_.push_back(out_directory() + ": ends at "
                       + to_string(out_->recorded_end())
                       + ", though it was synced up to " + to_string(*synced)
                       + ": what is missing is made again");
  return {};
}

error sequencer_core::begin_merge(merge_state state) {
  const auto& layout = state.layout;
  if (!out_ || out_->lineage() != layout.lineage
      || layout.record_bytes != log_writer_options{}.record_bytes)
    if (auto fault = open_out(layout))
      return fault;
  if (state.out_end < out_->recorded_end()) {
    env_->crash_point("rt.before_truncate");
    if (auto fault = out_->truncate(state.out_end))
      return fault;
  }
  anchor_next_.reset();
  out_->on_write = [this](const log_writer::written& part) {
    written_.push_back(
      {part.end, followed_ ? chunk::copy_of(part.bytes) : chunk{}});
  };
  merge_ = std::make_unique<merge_core>(std::move(state), *out_);
  return {};
}

} // namespace millrace::rt
