#pragma once

#include <millrace/persistence/hdb/hdb_store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// Where the rows of one symbol lie in one part.
struct indexed_rows {
  std::string part; ///< hdb_part::path.
  position to;      ///< Of that part.
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// What an hdb process keeps in RocksDB of its own: row ranges per symbol, and
/// cutovers, of all parts, so that a query for a few symbols over many
/// periods touches only the partitions that have them. Everything here is
/// derived from the manifest and the partitions and can be dropped at any time.
/// One process has it open. Writers: one; lookups: any thread.
class hdb_index {
public:
  /// Opens or creates the index; one that cannot be read is set aside and begun
  /// anew. Call `update` before the first lookup.
  /// @param directory empty: an empty index in memory, which touches no file
  [[nodiscard]] static result<std::unique_ptr<hdb_index>>
  open(const std::string& directory);

  ~hdb_index();
  hdb_index(const hdb_index&) = delete;
  hdb_index& operator=(const hdb_index&) = delete;

  /// Why it was begun anew, and where what was there is now; empty: it was not.
  [[nodiscard]] const std::string& begun_anew() const noexcept;

  /// Brings the index to the state of a snapshot: parts that are new are read
  /// and added, parts that went are removed, in one step.
  /// @param progress called after each part, with how many were read, and how
  ///   many are
  /// @returns the number of parts added.
  using part_progress = std::function<void(size_t done, size_t all)>;
  [[nodiscard]] result<size_t> update(const hdb_snapshot& snapshot,
                                      const part_progress& progress = {});

  /// Forgets everything and reads all partitions again.
  /// @returns their number.
  [[nodiscard]] result<size_t> rebuild(const hdb_snapshot& snapshot,
                                       const part_progress& progress = {});

  /// Version of the manifest that the index stands at; 0: none yet.
  [[nodiscard]] result<uint64_t> version() const;

  /// The rows of a symbol in all parts of a table, ascending by the parts'
  /// cutover positions. Parts that wait for other stripes are in here too:
  /// intersect with hdb_snapshot::parts.
  [[nodiscard]] result<std::vector<indexed_rows>>
  rows(std::string_view table, std::string_view symbol) const;

  /// As hdb_manifest::cutover, without reading the manifest.
  [[nodiscard]] result<std::optional<position>>
  cutover(std::string_view stream, std::string_view table) const;

private:
  struct impl;
  explicit hdb_index(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

} // namespace millrace::persistence
