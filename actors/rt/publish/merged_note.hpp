#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::rt {

/// Which life of its stream merged a publisher's log, and how far at least:
/// the file `.merged` of the directory, a line of text.
struct merged_note {
  lineage_id by; ///< Not known: none did, as far as the directory says.
  position end;
};

/// One that cannot be read says nothing.
[[nodiscard]] merged_note read_merged_note(persistence::file_system& fs,
                                           const std::string& directory);
/// Survives a power cut when this returns.
[[nodiscard]] error write_merged_note(persistence::file_system& fs,
                                      const std::string& directory,
                                      const merged_note& what);

} // namespace millrace::rt
