#pragma once

#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/hdb/announced_parts.hpp>
#include <millrace/persistence/hdb/hdb_ledger.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::persistence {

/// What a commit says of the stream that its parts are of, beside the rows.
struct stream_account {
  lineage_id life; ///< Of its positions; not known: nothing is said of it.
  /// What it lost; kept where a range touches it that was not there before.
  std::vector<hdb_loss> losses;
};

/// Parts whose rows go in a step, and what is noted of it.
struct emptied_parts {
  std::set<uint64_t> directories; ///< Numbers of parts.
  /// Their versions are filled in.
  std::vector<hdb_ledger_entry> entries;
};

/// Those of one range that take the place of what is there of it.
struct replaced_range {
  std::vector<hdb_part> parts; ///< At least one.
  table_schema schema;
  /// What is noted of it; their versions are filled in.
  std::vector<hdb_ledger_entry> entries;
  /// Whose parts go; none: those of all partitions.
  std::set<std::string> partitions{};
};

/// What a writer saw of a directory, for the next one of the same owner.
struct hdb_survey {
  uint64_t identity = 0;     ///< Of the manifest; 0: nothing was seen.
  uint64_t last_version = 0; ///< No directory had a later number.
};

struct hdb_writer_options {
  /// While nobody wrote since, directories are not looked through again.
  hdb_survey before{};
  /// Called after each part that an earlier writer left is removed, with how
  /// many are, and how many there were.
  std::function<void(size_t done, size_t all)> removed{};
};

/// The one writer of a historical database directory. Not thread safe: one
/// owner.
class hdb_writer {
public:
  /// Creates the directory when missing, locks it (`locked` names the holder),
  /// reads the manifest, and removes what an earlier writer said that it would
  /// leave: parts of a write that was cut off, and parts that were replaced.
  /// Other directories that the manifest does not name stay. Nothing is removed
  /// when the manifest is damaged (`corrupt`), or missing beside partitions.
  [[nodiscard]] static result<std::unique_ptr<hdb_writer>>
  open(env& world, std::string directory, const hdb_writer_options& how = {});

  [[nodiscard]] const hdb_manifest& manifest() const noexcept {
    return manifest_;
  }
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }
  [[nodiscard]] env& world() const noexcept { return *world_; }
  [[nodiscard]] hdb_survey survey() const noexcept {
    return {manifest_.identity, last_version_};
  }

  /// A number that no directory and no manifest version had before.
  [[nodiscard]] uint64_t next_version() noexcept { return ++last_version_; }

  /// Says, before any is made, that these directories of parts (hdb_part::path)
  /// go with the next `open` unless the manifest names them then.
  [[nodiscard]] error announce(const std::vector<std::string>& paths);

  /// Adds parts, whose files are synced, and schemas, in one step: after a
  /// crash all are there or none. Ranges that are here already are passed
  /// over; another overlap is `already_exists`, a range that leaves rows out
  /// `invalid_argument`, one of another life of its stream `fenced`: these
  /// change nothing. After
  /// `storage_failed` or `no_space` from here the outcome is unknown: open
  /// anew.
  /// @param emptied parts whose rows go in the same step; what they account for
  ///   of their stream stays. Their files go with the next `open`.
  [[nodiscard]] error commit(std::vector<hdb_part> parts,
                             const std::vector<table_schema>& schemas,
                             const emptied_parts& emptied = {},
                             const stream_account& account = {});

  /// Puts parts in the place of those that are there of their ranges: corrected
  /// versions, all in one step. One without rows keeps the name of the
  /// partition that is there. `not_found` when there are none. The replaced
  /// directories go with the next `open`.
  [[nodiscard]] error replace(const std::vector<replaced_range>& ranges);

  /// Lets the rows of parts go, as those that `commit` empties.
  [[nodiscard]] error drop(const emptied_parts& what);

private:
  hdb_writer(env& world, std::string directory,
             std::unique_ptr<directory_lock> lock)
    : world_{&world}, directory_{std::move(directory)},
      announced_{*world.fs, directory_}, lock_{std::move(lock)} {}

  [[nodiscard]] error load();
  [[nodiscard]] error remove_leftovers(const hdb_writer_options& how);
  [[nodiscard]] error number_after_unnamed();
  [[nodiscard]] error note_rolls(const hdb_manifest& next);
  [[nodiscard]] error write(hdb_manifest next);
  /// The next version, with what is noted of it.
  [[nodiscard]] error write(hdb_manifest next,
                            std::vector<hdb_ledger_entry> entries);

  env* world_;
  std::string directory_;
  announced_parts announced_;
  std::unique_ptr<directory_lock> lock_;
  hdb_manifest manifest_;
  uint64_t last_version_ = 0;
  bool failed_ = false;
};

} // namespace millrace::persistence
