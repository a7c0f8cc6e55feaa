#include <millrace/actors/rt/publish/granted_place.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <optional>

namespace millrace::rt {

namespace {

position begin_of(const persistence::log_file_info& file) {
  return position::of(file.session, file.roll, 0);
}

/// The last record of messages before a file's end.
std::optional<persistence::record_place>
last_record(persistence::file_system& fs, const std::string& directory,
            const lineage_id& lineage, position end) {
  auto found = persistence::record_before(fs, directory, lineage, end);
  if (found && found->kind == persistence::record_kind::seal)
    found = persistence::record_before(fs, directory, lineage, found->begin);
  return found;
}

} // namespace

error foreign_log(const std::string& directory, position end,
                  const std::string& what) {
  return {errc::fenced,
          directory + ": RT holds other messages of this directory at "
            + to_string(end) + ", " + what
            + ": it was copied or put back, and published elsewhere. Publish "
              "from there, or remove this directory to begin anew; what it "
              "holds and RT does not is not sent"};
}

result<granted> granted_place(persistence::file_system& fs,
                              const std::string& directory,
                              const lineage_id& lineage, position end,
                              uint32_t sum) {
  const auto foreign = [&](const std::string& what) {
    return foreign_log(directory, end, what);
  };
  const granted same{end, {}};
  auto files = persistence::list_log_files(fs, directory);
  if (!files)
    return files.failure();
  if (end.offset() == 0)
    return same;
  const auto found
    = std::find_if(files->begin(), files->end(), [&](const auto& each) {
        return each.session == end.session() && each.roll == end.roll();
      });
  const auto later
    = std::find_if(files->begin(), files->end(),
                   [&](const auto& each) { return begin_of(each) > end; });
  if (found == files->end())
    // Collected here, or lost: the reader tells.
    return later != files->end() ? result<granted>{same}
                                 : foreign("later than all that it holds");
  if (found->archived && found->size == 0)
    return same;
  if (const auto own = persistence::record_before(fs, directory, lineage, end))
    return sum == 0 || own->sum == sum ? result<granted>{same}
                                       : foreign("of the same length");
  auto scan = persistence::scan_log_file(fs, directory, lineage, *found);
  if (!scan)
    return scan.failure();
  // Damage: what is intact after it goes on from here.
  if (scan->valid_end < end && (scan->damaged || scan->size >= end.offset()))
    return same;
  if (scan->valid_end > end)
    return foreign("where this log has no end of a record");
  if (later == files->end())
    return foreign("in the session that is written now");
  // A power cut took the end of an earlier session, if what is left is the
  // same.
  return granted{begin_of(*later),
                 last_record(fs, directory, lineage, scan->valid_end)};
}

} // namespace millrace::rt
