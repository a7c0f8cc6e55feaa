#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>
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

struct kept_mark;

/// What an hdb remembers of what it served, beside the database: a directory
/// that is empty, or holds another one, does not tell that there was more. What
/// streams brought, rdbs look after; this is about what was done by hand
/// (loads, corrections, drops), which nothing brings again. And about which
/// partitions there were, for as long as no manifest can be read that says it.
/// Pure; one owner.
class served_mark {
public:
  served_mark() = default;

  /// Of a file's text. `corrupt`: it is none.
  [[nodiscard]] static result<served_mark> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  /// Looks at what there is now; none: there is no manifest.
  /// @param home_of tables that have their home there
  /// @returns whether the mark is another one after that, and is to be kept
  bool see(const std::string& directory,
           const persistence::hdb_manifest* manifest,
           const std::set<std::string>& home_of = {});

  /// Looks at what was done by hand elsewhere, in what was the home of tables
  /// that have it here now: a copy that became it, or another directory, does
  /// not have it.
  void see_elsewhere(const std::vector<kept_mark>& others,
                     const std::set<std::string>& tables,
                     const std::string& directory,
                     const persistence::hdb_manifest* manifest);

  /// What is gone, by table: until it is there again, or the mark is removed.
  [[nodiscard]] std::map<std::string, std::string> losses() const;
  /// That of one table; nullptr: none.
  [[nodiscard]] const std::string* loss_of(const std::string& table) const;
  /// Where the table had its home when what it lacks now was done, if that was
  /// not here.
  [[nodiscard]] std::set<std::string>
  homes_before(const std::string& table) const;
  /// The same of this database alone.
  [[nodiscard]] const std::map<std::string, std::string>&
  own_losses() const noexcept {
    return losses_;
  }
  /// The mark was removed: what was done while it was a table's home is settled
  /// elsewhere.
  void forget_homes();

  /// The database that it is of; empty: it saw none.
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }
  /// Partitions that had rows of the table, no matter who brought them.
  [[nodiscard]] const std::set<std::string>&
  partitions_of(const std::string& table) const;
  /// Takes what another one of the same database knows beside, or later.
  void add(const served_mark& other);

  friend bool operator==(const served_mark&, const served_mark&) = default;

private:
  /// By partition: hashes of the streams of files that were loaded into it.
  using loads_by_partition = std::map<std::string, std::set<uint64_t>>;
  struct done_by_hand {
    uint64_t seen = 0;    ///< The last manifest that had all of it.
    uint64_t changes = 0; ///< hdb_manifest::changes that it had, and the last.
    uint64_t last_change = 0;
    uint64_t count = 0;   ///< Entries of the table's ledger.
    uint64_t version = 0; ///< Of the last one.
    int64_t at_ns = 0;
    std::string what; ///< The last one, or the last file that was loaded.
    loads_by_partition loads;
    bool home = false; ///< It was the table's home, then or before.
    friend bool operator==(const done_by_hand&, const done_by_hand&) = default;
  };
  /// What a manifest has of one table.
  struct found {
    std::vector<persistence::hdb_ledger_entry> entries; ///< The oldest first.
    loads_by_partition loads;     ///< Also those whose rows went by hand.
    loads_by_partition with_rows; ///< Of these, what is to be there again.
    std::string last_load;
  };
  static std::map<std::string, found>
  all_of(const persistence::hdb_manifest& manifest);
  static done_by_hand mark_of(const found& there,
                              const persistence::hdb_manifest& manifest);
  /// Whether what was done is among what there is. In a manifest that came of
  /// the one that was seen, all is; in another one, if it has the same loads
  /// and corrections. Where that is not known, of manifests of releases that
  /// kept no changes, rows of a load may have been replaced or dropped, which a
  /// later entry of the ledger says of their partition.
  static bool holds(const persistence::hdb_manifest& manifest,
                    const found& there, const done_by_hand& mark);

  static text::json_value to_json(const done_by_hand& mark);
  static result<done_by_hand> mark_of_json(const text::json_value& from);

  std::string directory_;
  /// What was done in the database that is there, last, and before it in others
  /// that were there meanwhile and whose changes that one does not have.
  std::map<std::string, std::vector<done_by_hand>> tables_;
  std::map<std::string, std::set<std::string>> partitions_; ///< By table.
  std::map<std::string, std::string> losses_;               ///< In words.
  struct lost_elsewhere {
    std::set<std::string> homes; ///< Directories.
    std::string text;
    friend bool operator==(const lost_elsewhere&, const lost_elsewhere&)
      = default;
  };
  /// As `losses_`; not kept, for the others' marks are.
  std::map<std::string, lost_elsewhere> elsewhere_;
};

/// A mark, and the file that keeps it.
struct kept_mark {
  served_mark mark;
  std::string file;
};

/// What all marks in a folder say of one database: those of the hdbs that
/// served it, under whatever name, and that of commands.
struct known_of_hdb {
  served_mark mark;
  std::vector<std::string> files; ///< Paths of those marks.
  std::vector<error> faults;      ///< Each names a file that cannot be read.
  std::vector<kept_mark> others;  ///< Of other databases of the cluster.
};
[[nodiscard]] known_of_hdb read_marks(persistence::file_system& fs,
                                      const std::string& folder,
                                      const std::string& directory);
/// The mark of what commands did to a database, no matter who serves it.
[[nodiscard]] std::string mark_of_commands(const std::string& folder,
                                           const std::string& directory);
/// Replaces the file, and makes the directory that it is in; synced.
/// @param writer a word of its own for each of several that may write it at the
///   same time: the last one counts, whole
[[nodiscard]] error write_mark(persistence::file_system& fs,
                               const std::string& path, const served_mark& mark,
                               const std::string& writer = {});

} // namespace millrace::torq
