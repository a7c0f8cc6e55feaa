#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>
#include <vector>

namespace millrace::torq {

/// What an rdb leaves to its next life about its stream, in a small file of
/// JSON: no event of another log tells that there was an earlier one.
struct stream_note {
  lineage_id life; ///< Of the stream, as followed last; not known: never was.
  bool has_rows = false; ///< Periods of it were written down.
  /// Where they were, and its name; empty: an earlier release wrote this.
  std::string directory;
  std::string stream;
  /// What that cost, in words, and no period that was written down tells of.
  std::vector<std::string> losses;
  /// The hdb is not there, and what that cost, in words. Empty: it is there, or
  /// never was, or a period that was written down tells of it.
  std::string gone;
  /// Somebody said that what is gone is lost for good.
  bool begins_anew = false;

  friend bool operator==(const stream_note&, const stream_note&) = default;
};

/// Of a database that is not there: what is known of it, in words, and the
/// files that somebody removes who says that it is lost.
struct lost_database {
  std::vector<std::string> losses; ///< Empty: nothing is known.
  std::vector<std::string> files;
  bool has_rows_of_rdbs = false; ///< Among the losses.

  /// Whether nothing is to be written in its place. An older copy that lacks
  /// what was done by hand is gone on with, and told of.
  [[nodiscard]] bool is_gone(bool is_any_there) const noexcept {
    return is_any_there ? has_rows_of_rdbs : !losses.empty();
  }
};

/// Whether a database lacks what was written down. One that cannot be read is
/// there. @param knows whether it tells of the stream
[[nodiscard]] bool lacks_rows_of(const stream_note& note, bool is_there,
                                 bool knows);

/// Empty where there is none. `corrupt`: it cannot be read.
[[nodiscard]] result<stream_note> read_stream_note(persistence::file_system& fs,
                                                   const std::string& path);

/// Replaces the file, and makes the directory that it is in; synced.
[[nodiscard]] error write_stream_note(persistence::file_system& fs,
                                      const std::string& path,
                                      const stream_note& note);

} // namespace millrace::torq
