#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a historical database holds; docs/hdb_format.md is the specification.
namespace millrace::persistence {

/// One file of a part.
struct hdb_file {
  std::string name;
  uint64_t bytes = 0;
  uint64_t checksum = 0; ///< XXH3-64.
  friend bool operator==(const hdb_file&, const hdb_file&) = default;
};

/// The rows of one table and one stripe whose messages end in (from, to] of a
/// stream: what one partition directory holds. Rows of several dates are as
/// many stripes of their range, which land at once.
struct hdb_part {
  std::string stream;
  std::string table;
  int64_t period = 0;    ///< That ended at `to`.
  std::string partition; ///< Directory of the rows' own date.
  uint32_t stripe = 0;
  uint32_t stripe_count = 1;
  position from;
  position to;
  uint64_t directory = 0; ///< Its version.
  uint32_t schema_version = 1;
  uint32_t row_count = 0;
  std::vector<zone_map> zones; ///< By column of that schema version.
  std::vector<hdb_file> files; ///< None when there are no rows.

  /// "<partition>/<table>/<directory>".
  [[nodiscard]] std::string path() const;
  /// Differs when anything differs: also for a part of another database, or
  /// another life of this one, at the same path.
  [[nodiscard]] uint64_t identity() const;
  [[nodiscard]] const hdb_file* file(std::string_view name) const noexcept;
};

/// Why rows that were written down may not be all.
struct hdb_loss {
  enum kind_type : uint8_t {
    stream_event = 1, ///< The stream told of it.
    rejects = 2,      ///< Batches that fit no table, left out by decision.
    /// Batches of a table that no rdb held: one per period and table, as long
    /// as no part of the table is of that range.
    unheld = 3,
  };
  kind_type kind = stream_event;
  std::string stream;
  std::string table; ///< Empty: every table of the stream.
  position from;     ///< Where, at or before `to`.
  position to;
  uint64_t count = 1; ///< Losses that this one stands for.
  std::string text;   ///< What, in words.

  /// Whether rows of messages that end in (lower, upper] may be missing.
  [[nodiscard]] bool touches(position lower, position upper) const noexcept {
    return to > lower && from <= upper;
  }
  friend bool operator==(const hdb_loss&, const hdb_loss&) = default;
};

/// A line per loss, ten at most, and the number of others.
[[nodiscard]] std::vector<std::string>
lines_of(const std::vector<hdb_loss>& losses);

/// One version of all that a historical database holds. Never half: it is
/// replaced as a whole.
struct hdb_manifest {
  uint64_t version = 0;
  /// Of what was read or written: tells it from any other manifest, also from
  /// one of the same version (a database that was made anew, or brought back
  /// from a copy and went on). 0: neither.
  uint64_t identity = 0;
  std::vector<table_schema> schemas;
  std::vector<hdb_part> parts;
  /// Which life of each stream the positions here are of. A stream that is not
  /// named: not known (the manifest was written before they were kept).
  std::map<std::string, lineage_id, std::less<>> lives;
  /// In the order in which they were added.
  std::vector<hdb_loss> losses;
  /// What was done by hand here (loads, amendments, drops), an id per commit
  /// that no other has, the oldest first: whether another manifest is of this
  /// database, and earlier, is told by the ids that both have. Empty also where
  /// it was done by a release that kept none.
  std::vector<uint64_t> changes;

  /// nullptr when there is none.
  [[nodiscard]] const table_schema* schema(std::string_view table,
                                           uint32_t schema_version) const;
  [[nodiscard]] const table_schema* newest_schema(std::string_view table) const;
  /// "there is no table 'trde'; did you mean 'trade'?"
  [[nodiscard]] std::string no_table(const std::string& name) const;

  /// The position up to which the rows of `table` are all here: every stripe of
  /// every range up to there has landed. Parts after it are not to be read.
  /// None when nothing is complete.
  [[nodiscard]] std::optional<position> cutover(std::string_view stream,
                                                std::string_view table) const;
  /// Stream and table.
  using place = std::pair<std::string, std::string>;
  /// All of them, in one pass over the parts.
  [[nodiscard]] std::map<place, position> cutovers() const;

  /// Not known: none was kept.
  [[nodiscard]] lineage_id life(std::string_view stream) const;

  /// Whether `part` may be added. @returns true when exactly this range is
  /// here already. `already_exists` when it overlaps another range,
  /// `invalid_argument` when it is ill-formed, or when rows before it would be
  /// missing: a range begins where another one ends, or where the stream does.
  [[nodiscard]] result<bool> contains(const hdb_part& part) const;
  /// Whether the rows of exactly this range of `part`'s table were written at
  /// the end of its period, whichever dates they are of.
  [[nodiscard]] bool holds(const hdb_part& part) const noexcept;
};

/// What a manifest has of one range of a table, looked up once for all of its
/// stripes, of which there may be many.
class range_check {
public:
  /// The range of `part`.
  range_check(const hdb_manifest& manifest, const hdb_part& part);

  [[nodiscard]] bool is_of(const hdb_part& part) const noexcept;
  /// As hdb_manifest::contains; @pre is_of(part)
  [[nodiscard]] result<bool> contains(const hdb_part& part) const;
  /// One that `contains` does not have is there from now on.
  void add(const hdb_part& part);

private:
  struct stripe {
    int64_t period = 0;
    std::string partition;
    uint64_t directory = 0;
  };

  hdb_part of_; ///< Stream, table, stripe count and positions.
  std::map<uint32_t, stripe> stripes_; ///< That are there.
  bool joined_ = false;
  error overlap_; ///< With another range.
};

/// "2013.10.07" for days since 2000.01.01.
[[nodiscard]] std::string date_partition_name(int64_t period);

[[nodiscard]] std::vector<std::byte> encode(const hdb_manifest& manifest);
/// hdb_manifest::identity of what was encoded.
[[nodiscard]] uint64_t identity_of(std::span<const std::byte> encoded) noexcept;
/// `corrupt` names what is wrong with the bytes.
[[nodiscard]] result<hdb_manifest>
decode_hdb_manifest(std::span<const std::byte> bytes);

/// "2013.10.07": such names ascend as their dates do.
[[nodiscard]] bool names_a_date(std::string_view name) noexcept;

/// Whether a directory beside the manifest is of the database: it has a date's
/// name, or holds <table>/<number>. True as well when that cannot be told.
[[nodiscard]] bool is_partition(file_system& fs, const std::string& directory,
                                const std::string& name);

inline constexpr const char* hdb_manifest_name = "manifest";
/// A commit that would make it larger is refused, `oversize`.
inline constexpr uint64_t hdb_manifest_bytes_max = uint64_t{1} << 30;

/// `not_found` when the directory has none, `corrupt` when it is damaged, or
/// missing beside partitions; `config` when kdb+ wrote what is there.
[[nodiscard]] result<hdb_manifest>
read_hdb_manifest(file_system& fs, const std::string& directory);

/// The identity of the manifest there now, read from its first bytes.
[[nodiscard]] result<uint64_t> peek_hdb_manifest(file_system& fs,
                                                 const std::string& directory);

/// Directories of parts that are there and that the manifest does not name, as
/// hdb_part::path: of a write that was cut off, of a part that was replaced, or
/// of a newer manifest than this one.
[[nodiscard]] result<std::vector<std::string>>
unnamed_parts(file_system& fs, const std::string& directory,
              const hdb_manifest& manifest);

} // namespace millrace::persistence
