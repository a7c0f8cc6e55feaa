#pragma once

#include <millrace/actors/rt/sequence/out_replay.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// A closed file of a log is whole: every record, up to its seal, and nothing
/// of it is lost.
[[nodiscard]] bool file_is_whole(persistence::file_system& fs,
                                 const std::string& directory,
                                 const lineage_id& lineage, position file);

/// Files of a log that are missing before or between those that are there.
/// @param begin where the log begins: nothing before it is missing
[[nodiscard]] std::vector<position>
missing_files(const std::vector<persistence::log_file_info>& files,
              position begin = {});

/// Those of a log that are kept by agreement, from that of `begin` on. None of
/// them was collected, whatever its mark says: an empty one is damaged.
[[nodiscard]] std::vector<persistence::log_file_info>
kept_files(std::vector<persistence::log_file_info> files, position begin);

/// Makes a closed file of out/ again, of the inputs and the history of what was
/// applied, and puts it in the place of the one that is damaged or missing;
/// that one is kept as `.quarantine.<file>.0`. So it does with those after it,
/// up to one that begins intact: that one must come out as it is there, or
/// nothing is changed, and `corrupt` says what stands in the way. Blocks, for
/// as long as the files took to merge.
/// @param file any position in it.
/// @param lacks what stands in the way of inputs is added to it.
[[nodiscard]] error rebuild_out_file(persistence::env& world,
                                     const rebuild_source& from, position file,
                                     std::vector<rebuild_lack>& lacks);

/// Writes over what is damaged of the file that is being written, below `end`:
/// with what comes out again of the inputs and the history. `corrupt`, and
/// nothing changed, when anything intact in it comes out otherwise. All that
/// was applied below `end` must be in the history. Blocks.
[[nodiscard]] error rebuild_live_file(persistence::env& world,
                                      const rebuild_source& from, position end,
                                      std::vector<rebuild_lack>& lacks);

/// The same with a copy of it in `scratch`, from another node.
[[nodiscard]] error patch_live_file(persistence::file_system& fs,
                                    const rebuild_source& from, position end,
                                    const std::string& scratch);

/// Makes a file of out/ again where not all of what it was made of is at hand:
/// of that, and of what is intact in it. The one that is replaced is kept as
/// `.quarantine.<file>.0`. Blocks, for as long as the file took to merge.
/// @param at any position in it
/// @param until the end of the file, if it is the one that is written
/// @param may_lose whether what cannot be made again may be lost; else that is
///   a failure, and nothing is changed
/// @param holes what is lost of it, before or now
[[nodiscard]] error salvage_out_file(persistence::env& world,
                                     const rebuild_source& from, position at,
                                     std::optional<position> until,
                                     bool may_lose,
                                     std::vector<out_hole>& holes);

/// Puts a file that was made in `scratch`, and synced, in the place of the one
/// in out/, durably. `corrupt`, and nothing changed, when it is not whole.
[[nodiscard]] error replace_out_file(persistence::file_system& fs,
                                     const rebuild_source& from, position file,
                                     const std::string& scratch);

/// Where a file of out/ is put together, before it takes its place; empty.
[[nodiscard]] result<std::string> rebuild_directory(persistence::env& world,
                                                    const rebuild_source& from);

} // namespace millrace::rt
