#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/id_policy.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::rt {

/// What the consensus group of a stream commits: instructions, never messages.
struct merge_range {
  input_id input;
  position from;
  position to; ///< Whole records of one file: [from, to).
  /// No copy has them: an event stands in their place.
  bool lost = false;
};

/// What became of a range that is damaged everywhere since it was agreed on:
/// its pieces, one after the other, with those that are lost. A history holds
/// it in the range's place; a group's log never does.
struct merge_pieces {
  input_id input;
  std::vector<merge_range> pieces;
};

/// A longer name would be agreed on, and be refused by every disk then.
inline constexpr size_t input_directory_bytes_max = 255;

/// A plain name: it has no path in it, is not hidden, and is not too long.
[[nodiscard]] bool is_input_directory(std::string_view name) noexcept;

struct open_input {
  input_id input;
  std::string directory; ///< Name of the publisher's directory.
  lineage_id lineage;
};

struct period_end {
  period_id period;
  std::vector<std::string> absent; ///< Participants whose marker never came.
  friend bool operator==(const period_end&, const period_end&) = default;
};

/// How the merged log is written. Agreed on once: no setting of a node changes
/// what was, or will be, written.
struct stream_layout {
  lineage_id lineage;        ///< Of out/, on all nodes.
  uint64_t roll_bytes = 0;   ///< A file ends with the entry that passes this.
  uint32_t record_bytes = 0; ///< A record of many messages closes at this size.
  id_policy ids = id_policy::strict; ///< Of the messages of all its origins.
  /// Where out/ begins: a place of an earlier life of the stream is none of
  /// this one, as far as chance allows.
  position first{};
  friend bool operator==(const stream_layout&, const stream_layout&) = default;
};

/// Of a life of a stream that begins: one of two million places, so that
/// positions of it stay below 2^53, and a life has half of the rolls of its
/// first session, and thousands of sessions, before it.
/// @param random any number
[[nodiscard]] position first_place(uint64_t random) noexcept;

/// Whether a life of a stream may begin there.
[[nodiscard]] bool is_first_place(position at) noexcept;

/// The first instruction of a stream; a later one says nothing.
struct begin_stream {
  stream_layout layout;
};

/// The merged log begins here, or at the start of its newest file if that comes
/// first: what lies before goes on every node.
struct cut_begin {
  position begin;
};

/// The merged log goes on in this session, which begins with a `reset`; one
/// that is there already says nothing. What was merged stays merged: ids, and
/// how far each input is.
struct begin_session {
  uint64_t session = 0;
  std::string cause; ///< Of the event.
};

/// What a durable consumer needs no more.
struct noted_floor {
  std::string consumer; ///< A plain name.
  position at;          ///< It needs nothing before this.
  /// The subscription that says so, in the order of those that took the name,
  /// from 1. 0: the consumer is only registered, and nobody took its name.
  uint64_t claim = 0;
  uint64_t holder = 0; ///< Tells that subscription from others.
  int64_t heard_ns
    = 0; ///< When it was heard of, ns since 2000.01.01; 0: never.
  /// Takes the name: of one that nobody knows it is the first claim, or a
  /// registration. Else it is the word of who has it.
  bool claims = false;
  friend bool operator==(const noted_floor&, const noted_floor&) = default;
};

/// Floors go back only with a subscription that takes the name, and begins
/// earlier; they are never after the end of the log. What comes of
/// a subscription whose name another one took since, or of a consumer that was
/// forgotten, says nothing.
struct note_floors {
  std::vector<noted_floor> floors;
};

/// Nothing is kept for it any more.
struct forget_consumer {
  std::string consumer;
};

/// A life of a publisher becomes a writer of its origin. Those before it are
/// fenced: nothing more of their logs is merged until they claim it again.
struct claim_origin {
  std::string origin;
  input_id input;    ///< The log of the publisher.
  uint64_t life = 0; ///< Of the publisher, drawn at random.
  /// The epoch of the origin that the publisher had heard of. It says nothing
  /// where another one claimed since: who did not hear of that is not later.
  uint64_t after = 0;
  bool shared = false; ///< Nobody is fenced: all publish the same sequence.
  friend bool operator==(const claim_origin&, const claim_origin&) = default;
};

using merge_entry
  = std::variant<merge_range, open_input, stream_event, period_end,
                 begin_stream, cut_begin, merge_pieces, begin_session,
                 claim_origin, note_floors, forget_consumer>;

/// Those that an entry is about, in order; as long as the entry lives.
[[nodiscard]] inline std::span<const merge_range>
ranges_of(const merge_entry& entry) noexcept {
  if (const auto* range = std::get_if<merge_range>(&entry))
    return {range, 1};
  if (const auto* what = std::get_if<merge_pieces>(&entry))
    return what->pieces;
  return {};
}

[[nodiscard]] std::vector<std::byte> encode(const merge_entry& entry);
[[nodiscard]] result<merge_entry>
decode_merge_entry(std::span<const std::byte> bytes);

} // namespace millrace::rt
