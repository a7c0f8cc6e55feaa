#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <compare>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace millrace::persistence {

/// A rule by which rows of a table were given to partitions.
struct table_roll {
  std::string table;
  std::string zone;
  int64_t offset_ns = 0;
  friend auto operator<=>(const table_roll&, const table_roll&) = default;
};

/// Beside the manifest, so that partitions can be told apart by times while it
/// cannot be read: what they are named by does not depend on what the
/// configuration says today.
inline constexpr std::string_view table_rolls_name = ".rolls";

/// Of all parts that the manifest may have.
[[nodiscard]] std::set<table_roll> rolls_of(const hdb_manifest& manifest);

/// `not_found`: there are none (an earlier release wrote the database),
/// `corrupt`: they are damaged.
[[nodiscard]] result<std::set<table_roll>>
read_table_rolls(file_system& fs, const std::string& directory);

/// Replaces them as a whole.
[[nodiscard]] error write_table_rolls(file_system& fs,
                                      const std::string& directory,
                                      const std::set<table_roll>& rolls);

} // namespace millrace::persistence
