#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/actors/rt/merge/payload_window.hpp>
#include <millrace/actors/rt/merge/sparse_window.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

// How its state is saved is in merge_state.cpp; how it takes what it appended
// before, in merge_recall.cpp.

namespace millrace::rt {

/// One publisher log as the merge knows it.
struct merge_input {
  std::string directory;
  lineage_id lineage;
  position merged_end;
  bool closed = false;
  /// Another writer claimed its origin. As the claims say, which are kept.
  bool fenced = false;
  /// The same of origins that it wrote before: what is left of them in it is
  /// merged no more, also when its publisher writes another origin.
  std::set<std::string, std::less<>> fenced_of;
};

/// A publisher's log whose publisher claimed an origin.
struct origin_writer {
  input_id input;
  uint64_t life = 0; ///< Of the publisher, the last that did.
  bool fenced = false;
};

/// Who writes an origin. A log is a writer of one origin at most, and may be
/// fenced of several.
struct origin_claim {
  uint64_t epoch = 0;  ///< How often it was claimed.
  bool shared = false; ///< As the last claim had it.
  std::vector<origin_writer> writers;
};

/// What the merge remembers of an origin.
struct merge_origin {
  int64_t watermark = 0; ///< Last merged id, sign kept; 0: none yet.
  /// Another payload under one of these is a conflict: of a strict stream, and
  /// of a monotonic one.
  payload_window recent;
  sparse_window recent_apart;
  uint64_t duplicates = 0;
  period_id period_marked = period_id::before_all(); ///< By its newest marker.
  std::map<std::string, source_cursor> cursors;
};

/// Somebody who may lose nothing of the stream, and is known by a name.
struct merge_consumer {
  position floor;       ///< It needs nothing before this. Never goes back.
  uint64_t claim = 0;   ///< See `noted_floor`; 0: nobody took the name yet.
  uint64_t holder = 0;  ///< Of the newest claim.
  int64_t heard_ns = 0; ///< As it was agreed on last, for people.
  friend bool operator==(const merge_consumer&, const merge_consumer&)
    = default;
};

/// By name, at most `consumers_max`.
using merge_consumers = std::map<std::string, merge_consumer, std::less<>>;

/// Consumers of a stream: each is a part of its state.
inline constexpr size_t consumers_max = 1024;

/// Everything that decides what the next entry appends: the Raft snapshot. Its
/// size is that of its origins and inputs, without a limit.
struct merge_state {
  stream_layout layout;
  entry_index applied_index;
  std::map<input_id, merge_input> inputs;
  std::map<std::string, merge_origin, std::less<>> origins;
  std::map<std::string, origin_claim, std::less<>> claims; ///< By origin.
  std::map<std::string, uint32_t> schema_versions;         ///< Newest by table.
  period_id last_period = period_id::before_all(); ///< Newest that ended.
  position out_end;   ///< End of out/ after applied_index.
  position out_begin; ///< Files of out/ before this one may go.
  /// What is kept for whom. Decides nothing of what is appended.
  merge_consumers consumers;
};

/// Of a stream of which nothing was merged yet.
[[nodiscard]] merge_state begun_state(const stream_layout& layout);

[[nodiscard]] std::vector<std::byte> encode(const merge_state& state);
/// What a file of out/ begins with: the state, where it is small beside the
/// file; else no more than its place, so that a roll costs little however many
/// origins there were.
[[nodiscard]] std::vector<std::byte>
encode_at_file_begin(const merge_state& state);
/// How its stream is written, also where only a place stands.
[[nodiscard]] result<stream_layout>
decode_stream_layout(std::span<const std::byte> bytes);
/// `not_found` where only a place stands.
[[nodiscard]] result<merge_state>
decode_merge_state(std::span<const std::byte> bytes);

/// An origin's marker of a period was merged.
struct marker_merged {
  std::string origin;
  period_id period;
};
/// A period ended; its marker ends there in out/.
struct period_ended {
  period_id period;
  position end;
  std::vector<std::string> absent; ///< Publishers whose marker never came.
};
/// An event was merged; its pair is its place in out/.
struct event_merged {
  stream_event event;
};
/// The files of out/ before `to` may go.
struct log_cut {
  position from; ///< Where it began before.
  position to;
};
/// The merged log goes on at `begin`, the start of a session.
struct session_begun {
  position before; ///< Where the session before it ended.
  position begin;
};
/// An origin was claimed.
struct origin_claimed {
  std::string origin;
  uint64_t epoch = 0; ///< That the claim began.
  input_id by;
  std::vector<origin_writer> fenced; ///< By it.
};
/// What an entry did beside appending, for others to act on.
using merge_effect = std::variant<marker_merged, period_ended, event_merged,
                                  log_cut, session_begun, origin_claimed>;

/// What an entry appended, as it stands in a file of out/: an intact record, or
/// the place of what is lost.
struct recalled_part {
  persistence::record_view record; ///< As long as its bytes live.
  /// Where what is lost ends; none: the record is there.
  std::optional<position> lost_to{};
  bool was_there = true; ///< So it stands in the file.
};

/// Turns committed entries into the merged log. A pure function: the same
/// entries and input bytes give the same bytes of out/, on every node and on
/// every replay. No clock, no randomness, no decision of its own. One owner.
class merge_core {
public:
  /// Starts from `state`; `out` stands at state.out_end, and was opened with
  /// state.layout.
  merge_core(merge_state state, persistence::log_writer& out);

  /// Appends what the entry says and writes it to out/.
  /// @param parts the whole records [from, to) of a merge_range, verified and
  ///   in order, however they were cut; of merge_pieces: those of each piece in
  ///   turn, none for two. Empty for what is lost, and for other entries.
  /// Ranges are clipped to what was merged before: applying an entry again
  /// changes nothing. A failure is one of out/; the core is then unusable, but
  /// after `no_space`: the same call may be repeated, and nothing else is to be
  /// done meanwhile; the state is between two entries until then.
  [[nodiscard]] result<std::vector<merge_effect>>
  apply(entry_index index, const merge_entry& entry,
        std::span<const std::span<const std::byte>> parts);

  /// The same for an entry of ranges whose bytes are not at hand: appends what
  /// it appended the first time, and learns of it what the next entries depend
  /// on. What it cannot learn is counted duplicates, and the periods that were
  /// marked. `corrupt` for a record that no such entry appends.
  /// Where it begins a file, the first part is that of its state.
  [[nodiscard]] error recall(entry_index index, const merge_entry& entry,
                             std::span<const recalled_part> parts);
  /// Begins the file that the next entry begins, with the bytes of a state that
  /// it began with the first time.
  [[nodiscard]] error recall_file(std::span<const std::byte> state);

  [[nodiscard]] const merge_state& state() const noexcept { return state_; }
  /// Appended by this core; not a part of the state.
  [[nodiscard]] uint64_t messages() const noexcept { return messages_; }
  /// The next entry begins a file: with the state as it is now.
  [[nodiscard]] bool begins_file() const noexcept;
  /// What of a range is not merged yet, and is to be read; none: nothing, as of
  /// a log that is closed or fenced.
  [[nodiscard]] std::optional<merge_range>
  needs(const merge_range& range) const;

private:
  error apply_lost(merge_input& input, const merge_range& range);
  error apply_range(const merge_range& range,
                    std::span<const std::span<const std::byte>>& parts);
  error apply_part(merge_input& input, position at,
                   std::span<const std::byte> bytes);
  error apply_record(const merge_input& input,
                     const persistence::record_view& record);
  error apply_said(const persistence::record_view& record);
  error apply_fence(const stream_event& said);
  error apply_schema(std::string_view origin,
                     std::span<const std::byte> encoded);
  void apply_marker(const merge_input& input,
                    const persistence::record_view& record);
  void mark(std::string_view name, merge_origin& origin, period_id period);
  merge_origin& origin_of(std::string_view name);
  /// Takes a record whose messages all follow, as it is.
  /// @returns false when it must be looked at one by one.
  result<bool> apply_whole(const persistence::record_view& record,
                           merge_origin& origin);
  error apply_frame(const persistence::frame_view& frame, merge_origin& origin);
  error take(const persistence::frame_view& frame, merge_origin& origin);
  void note_id(merge_origin& origin, int64_t id, uint32_t payload_crc) const;
  [[nodiscard]] std::optional<uint32_t> known_crc(const merge_origin& origin,
                                                  int64_t id) const;
  error apply_open(const open_input& entry);
  error apply_period_end(const period_end& entry);
  void apply_cut(const cut_begin& entry);
  void apply_floors(const note_floors& entry);
  void apply_floor(const noted_floor& floor);
  void apply_claim(const claim_origin& entry);
  error apply_session(const begin_session& entry);
  error begin_file();
  error append_event(stream_event event);
  error make_files(const merge_entry& entry);
  error recall_part(const recalled_part& part);
  error recall_record(const persistence::record_view& record);
  void learn(const persistence::record_view& record,
             const persistence::frame_view& frame);
  error append_entry(const merge_entry& entry,
                     std::span<const std::span<const std::byte>> parts);

  merge_state state_;
  persistence::log_writer* out_;
  std::vector<merge_effect> effects_; ///< Of the entry that is being applied.
  position before_;                   ///< Where the log ended before it.
  bool began_file_ = false;           ///< By that entry.
  /// What of it is done.
  enum class stage_type : uint8_t { none, begun, has_file, has_session, added };
  stage_type stage_ = stage_type::none;
  uint64_t messages_ = 0;
};

} // namespace millrace::rt
