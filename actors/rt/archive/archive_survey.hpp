#pragma once

#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <map>
#include <optional>
#include <string>

// In archive_survey.cpp.

namespace millrace::rt {

/// The closed files of out/ from `begin` on, and its disk. Blocks.
/// @param now_ns wall time; none: when messages were written does not count.
/// @param times of each file by where it begins: what is known, and what was
///   read because of `now_ns`.
[[nodiscard]] result<archive_files>
survey_files(persistence::file_system& fs, const std::string& directory,
             position begin, std::optional<int64_t> now_ns,
             std::map<position, std::optional<int64_t>>& times);

/// A consumer, and from where on it needs all; none: it has not told.
[[nodiscard]] text::json_value
consumer_row(const std::string& consumer,
             const std::optional<position>& needs_from);
[[nodiscard]] text::json_value to_json(const archive_floors& floors);

/// What `prune` answers: where the log begins, or would begin, which files go,
/// and which consumers lose what.
[[nodiscard]] text::json_value prune_report(const std::string& stream,
                                            const archive_files& files,
                                            const archive_decision& cut,
                                            const archive_floors& losers);

/// Consumers, and what each needs, for a sentence.
[[nodiscard]] std::string names_of(const archive_floors& losers);

} // namespace millrace::rt
