#pragma once

#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What the writer of a database may remove: paths of parts (hdb_part::path) it
/// is about to make, and of those that it replaces. The list lies beside the
/// manifest, and grows by what is new: as many steps as parts take no more than
/// their own bytes each. One owner, the writer.
class announced_parts {
public:
  /// @param fs outlives it.
  announced_parts(file_system& fs, std::string directory);

  /// What an earlier writer left; empty where there is no list. Lines that are
  /// cut off or damaged name nothing, and nor do paths that no writer makes. A
  /// directory in the place of the list is set aside.
  [[nodiscard]] result<std::vector<std::string>> read();

  /// They are on the disk when it returns.
  [[nodiscard]] error add(const std::vector<std::string>& paths);

  /// What the manifest names is never to go, also when an older manifest is put
  /// back. @param named sorted or not; others stay.
  [[nodiscard]] error forget(const std::vector<std::string>& named);

  [[nodiscard]] error remove();

private:
  [[nodiscard]] error rewrite();

  file_system* fs_;
  std::string path_;
  std::set<std::string> paths_;
  std::unique_ptr<file> file_; ///< None: it is written anew as a whole.
  uint64_t size_ = 0;
};

} // namespace millrace::persistence
