#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::torq {

/// What an hdb remembers of what it served, beside the database: a directory
/// that is empty, or holds another one, does not tell that there was more. What
/// streams brought, rdbs look after; this is about what was done by hand
/// (loads, corrections, drops), which nothing brings again. Pure; one owner.
class served_mark {
public:
  served_mark() = default;

  /// Of a file's text. `corrupt`: it is none.
  [[nodiscard]] static result<served_mark> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  /// Looks at what there is now; none: there is no manifest.
  /// @returns whether the mark is another one after that, and is to be kept
  bool see(const std::string& directory,
           const persistence::hdb_manifest* manifest);

  /// What is gone, by table: until it is there again, or the mark is removed.
  [[nodiscard]] const std::map<std::string, std::string>&
  losses() const noexcept {
    return losses_;
  }

  friend bool operator==(const served_mark&, const served_mark&) = default;

private:
  struct done_by_hand {
    uint64_t count = 0;   ///< Entries of the table's ledger.
    uint64_t version = 0; ///< Of the last one.
    int64_t at_ns = 0;
    std::string what;   ///< The last one, or the last file that was loaded.
    uint64_t loads = 0; ///< Files of which there are rows.
    std::set<uint64_t> some; ///< Hashes of some of them, always the same ones.
    friend bool operator==(const done_by_hand&, const done_by_hand&) = default;
  };
  /// What a manifest has of one table.
  struct found {
    std::vector<persistence::hdb_ledger_entry> entries; ///< The oldest first.
    std::set<uint64_t> loads; ///< Hashes of all streams of loaded files.
    std::string last_load;
  };
  static std::map<std::string, found>
  all_of(const persistence::hdb_manifest& manifest);
  static done_by_hand mark_of(const found& there);
  /// Whether what was done is among what there is: a load may have been
  /// replaced, which a later entry of the ledger says.
  static bool holds(const found& there, const done_by_hand& mark);

  std::map<std::string, done_by_hand> tables_;
  std::map<std::string, std::string> losses_; ///< In words.
};

/// An empty one where there is no file.
[[nodiscard]] result<served_mark> read_mark(persistence::file_system& fs,
                                            const std::string& path);
/// Replaces the file, and makes the directory that it is in; synced.
[[nodiscard]] error write_mark(persistence::file_system& fs,
                               const std::string& path,
                               const served_mark& mark);

} // namespace millrace::torq
