#pragma once

#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// A place in one life of a publisher's log.
struct input_place {
  input_name input;
  position at;
  friend bool operator==(const input_place&, const input_place&) = default;
};

/// A part of one life of a publisher's log that was merged, as the history has
/// it: it names no messages.
struct merged_part {
  input_name input;
  position from;
  position to;
  friend bool operator==(const merged_part&, const merged_part&) = default;
};

/// What lies at a place of a merged log, and where it came from.
struct provenance {
  position begin;
  position end;
  /// Empty: a message. Else the event, or "marker", of the end of a period: the
  /// merge itself wrote it.
  std::string made;
  std::optional<period_id> period; ///< That a marker ends.
  std::string origin;
  int64_t id = 0;
  int64_t ts = 0;
  /// Where it came from. Several: which of them was merged is not written down
  /// yet. None: no file that is left has it.
  std::vector<input_place> sources;
  /// Copies that may have had it before, and whose files are gone or damaged.
  std::vector<input_name> unread;
  /// What was merged of those before the source that is known, or at all: it
  /// may have come from there.
  std::vector<merged_part> gone;

  /// All that there is to know is known.
  [[nodiscard]] bool certain() const noexcept {
    return !made.empty() || (sources.size() == 1 && unread.empty());
  }
};

/// By the files of one RT node, which may be running.
/// @param directory of the stream there: holds in/, history/ and out/
/// @param at where a message begins, or the one before it ends
/// `ahead` at the end of the log, `bad_position` inside of a message, `pruned`
/// where its files are gone, or that is no place of this life of the stream,
/// `corrupt` where they are damaged.
[[nodiscard]] result<provenance> explain_merged(persistence::file_system& fs,
                                                const std::string& directory,
                                                position at);

/// Where the message begins that ends at a place, which is the position that
/// subscribers are given with it. Reads its file up to there.
/// `bad_position`: none ends there; else as `explain_merged`.
[[nodiscard]] result<position> begin_of_delivered(persistence::file_system& fs,
                                                  const std::string& directory,
                                                  position at);

/// The other way round: what became of a message of an input, by the copy of it
/// on the node. None: no message of its origin and id is in the merged log, or
/// none any more. Where its sources do not hold `from`, that was a duplicate of
/// what is told. Failures as above.
[[nodiscard]] result<std::optional<provenance>>
explain_input(persistence::file_system& fs, const std::string& directory,
              const input_place& from);

/// What the history has of a place of an input whose file is gone.
struct merged_place {
  merged_part part;
  position out_from; ///< It lies in the merged log from there on,
  position out_to;   ///< to there; {0}: to its end.
};

/// None: nothing that is left says that it was merged. Failures as above.
[[nodiscard]] result<std::optional<merged_place>>
explain_gone_input(persistence::file_system& fs, const std::string& directory,
                   const input_place& from);

/// The lives of a publisher's directory of which a node has a copy.
[[nodiscard]] result<std::vector<input_name>>
lives_of_input(persistence::file_system& fs, const std::string& directory,
               const std::string& publisher);

} // namespace millrace::rt
