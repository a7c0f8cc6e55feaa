#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::torq {

/// What becomes of a period after its end: it is written down, here or by
/// another RDB, HDBs are told until they serve it, and its rows are dropped
/// from memory. Knows no actor, no file and no clock: each step takes what
/// happened and the time (monotonic, ns), and returns what is to be done about
/// it. One owner.
class period_ledger {
public:
  static constexpr int64_t retry_write_ns = 200'000'000;
  static constexpr int64_t retry_tell_ns = 500'000'000;
  /// A gateway's question may be under way for so long before its time runs.
  static constexpr int64_t drop_margin_ns = 1'000'000'000;

  struct settings {
    bool writes = true; ///< Whether periods are written down here at all.
    /// Rows stay so long, and a margin, after all living HDBs serve them, for
    /// queries that were planned before.
    int64_t query_timeout_ns = 30'000'000'000;
  };
  /// What an earlier life wrote down; whether an HDB serves it is not known.
  struct written_before {
    position cutover;
    manifest_version version;
  };

  // -- what happens -----------------------------------------------------------

  /// The stream passed a period's end.
  struct passed {
    period_id period;
    position end;
    /// Batches of the period that fit no table. It is not written down, nor is
    /// any after it, until somebody accepts that they are left out.
    uint64_t rejects = 0;
    uint64_t losses = 0; ///< That the stream told of, in the period.
    /// Batches of the period of tables that no RDB holds.
    uint64_t unheld = 0;
  };
  /// Somebody accepts the rejects of this period, and of those before it.
  struct accepted {
    period_id period;
  };
  /// A write ended: the manifest's version, or why it failed.
  struct written {
    position end;
    manifest_version version;
    error fault;
  };
  struct hdb_came {
    std::string name;
  };
  struct hdb_left {
    std::string name;
  };
  /// An HDB said up to where it accounts for all tables that are held here; the
  /// start: for some not at all.
  struct hdb_serves {
    std::string name;
    position cutover;
  };
  struct tick {};
  using input = std::variant<passed, accepted, written, hdb_came, hdb_left,
                             hdb_serves, tick>;

  // -- what is to be done -----------------------------------------------------

  /// Write the rows of (from, to] down, and say `written`.
  struct write {
    period_id period;
    position from;
    position to;
    friend bool operator==(const write&, const write&) = default;
  };
  /// In the order in which they are to be carried out.
  struct effects {
    std::optional<write> to_write;
    /// HDBs to tell that there is a new version; they say `hdb_serves` then.
    std::vector<std::string> to_tell;
    std::optional<position> to_drop; ///< Rows up to here.
    friend bool operator==(const effects&, const effects&) = default;
  };

  explicit period_ledger(settings given,
                         std::optional<written_before> before = std::nullopt);

  [[nodiscard]] effects step(const input& what, int64_t now_ns);

  /// Up to where some HDB serves what was written.
  [[nodiscard]] position served_end() const noexcept { return served_end_; }
  /// Up to where the HDB was seen to hold the rows: a manifest that ends before
  /// that is an older one.
  [[nodiscard]] position held_end() const noexcept;
  /// Whether this period, and each before it, is known to be served. The rows
  /// of a period that was passed over lie in the next one that ended: it is
  /// served when that one is. One that ended before this life is not known.
  [[nodiscard]] bool serves(period_id period) const noexcept;
  /// Whether the end of this period, or of one before it, was passed and is not
  /// served. The same of a period that was passed over.
  [[nodiscard]] bool awaits(period_id period) const noexcept;
  /// Ended periods whose rows are still held: what an HDB serves goes when no
  /// query can want it any more.
  [[nodiscard]] size_t held() const noexcept { return ended_.size(); }
  /// Those of them that are to be written down here, and are not yet.
  [[nodiscard]] size_t unwritten() const noexcept;

  /// A period whose end was passed, in this life.
  struct ended_period {
    period_id period;
    position end;
    uint64_t rejects = 0;
    uint64_t losses = 0;
    uint64_t unheld = 0;
    bool waits = false;       ///< For somebody to accept these.
    manifest_version version; ///< 0: not written here.
    bool served = false;      ///< By all HDBs that live.
    int64_t drop_at_ns = 0;
  };
  /// One whose rows are still here, or were dropped last; nullptr: not known.
  [[nodiscard]] const ended_period* find(period_id period) const noexcept;
  /// The first that waits; nullptr: none does.
  [[nodiscard]] const ended_period* waiting() const noexcept;
  [[nodiscard]] uint64_t living_hdbs() const noexcept;

private:
  struct known_hdb {
    bool lives = false;
    position cutover;
  };

  void on(const passed& what, int64_t now, effects& out);
  void on(const accepted& what, int64_t now, effects& out);
  void on(const written& what, int64_t now, effects& out);
  void on(const hdb_came& what, int64_t now, effects& out);
  void on(const hdb_left& what, int64_t now, effects& out);
  void on(const hdb_serves& what, int64_t now, effects& out);
  void on(const tick& what, int64_t now, effects& out);
  /// Which entries are served.
  void judge(int64_t now);
  void write_next(int64_t now, effects& out);
  void tell_all(effects& out) const;
  void drop_served(int64_t now, effects& out);

  settings settings_;
  std::deque<ended_period> ended_; ///< Oldest first; rows not yet dropped.
  std::map<std::string, known_hdb> hdbs_;
  std::optional<ended_period> dropped_; ///< The newest whose rows have gone.
  position begin_;                      ///< Rows up to here are not in memory.
  position served_end_;
  bool writing_ = false;
  int64_t retry_write_at_ns_ = 0;
  int64_t next_tell_ns_ = 0;
};

} // namespace millrace::torq
