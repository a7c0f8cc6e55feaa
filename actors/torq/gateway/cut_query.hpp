#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/answer.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace millrace::torq {

/// One question's way through the two stores, at one cut. When the HDB to ask
/// has announced its cut, both are asked side by side at that one; else the
/// HDB's answer tells the cut, and the RDB is asked after it. A back end that
/// is lost, or has no memory for it, is replaced by another of its kind at the
/// same cut; an RDB whose rows may not be all gives way to one whose are; one
/// that cannot serve the cut moves it: the question is planned again, from what
/// an HDB serves then. Knows no actor and no clock: each step takes what
/// happened and the time (monotonic, ns), and returns what is to be done. One
/// owner.
class cut_query {
public:
  /// How often a moved cut is planned again.
  static constexpr int replans_max = 3;

  struct hdb {
    std::string name;
    /// Of the question's table; none: it has announced nothing yet.
    std::optional<partition_cut> announced;
    /// One of another directory, which is asked when files of the table's own
    /// are damaged, and at its own cut; empty: it is none.
    std::string copy_in{};
    /// Of a copy: it holds the same, as far as is known.
    bool is_same = false;
  };
  struct question {
    std::string table;
    std::string stream;
    position at_least; ///< The RDB must have come so far; {0}: any.
    lineage_id life{}; ///< Of `at_least`; not known: any.
    /// No row after it counts: other questions are answered at the same place.
    /// Not below `at_least`.
    position upto = newest;
    bool as_asked = false; ///< The question says `upto`, and not its plan.
    /// Of a plan, which begins anew as a whole when the cut moves.
    bool is_part = false;
    int64_t deadline_ns = 0; ///< Monotonic.
    /// The answer would lack rows without one; all false: there is no store.
    bool wants_hdb = false;
    bool wants_rdb = false;
    /// How one comes to live, when none does by itself; empty: one does.
    std::string hdb_hint{};
    std::string rdb_hint{};
    /// Those that can be asked, in this order.
    std::vector<hdb> hdbs;
    std::vector<std::string> rdbs;
  };

  // -- what happens -----------------------------------------------------------

  /// `round` is that of the request which is answered.
  struct start {};
  struct hdb_answered {
    int round = 0;
    partition_cut cut;
    chunks partial;
  };
  struct rdb_answered {
    int round = 0;
    rdb_cut cut;
    chunks partial;
  };
  struct hdb_failed {
    int round = 0;
    error fault;
  };
  struct rdb_failed {
    int round = 0;
    error fault;
  };
  using input
    = std::variant<start, hdb_answered, rdb_answered, hdb_failed, rdb_failed>;

  // -- what is to be done -----------------------------------------------------

  struct ask_hdb {
    std::string name;
    std::optional<manifest_version> pinned; ///< None: the newest.
    friend bool operator==(const ask_hdb&, const ask_hdb&) = default;
  };
  struct ask_rdb {
    std::string name;
    rows_after rows;
    friend bool operator==(const ask_rdb&, const ask_rdb&) = default;
  };
  /// Both partial results at this cut are there: the question is answered.
  struct merge {
    query_cut cut;
    chunks hdb;
    chunks rdb;
  };
  struct effects {
    std::optional<ask_hdb> hdb;
    std::optional<ask_rdb> rdb;
    std::optional<merge> complete;
    error refusal; ///< The question has no answer.
    /// A back end that failed the question; another one may not.
    std::string failed;
  };

  explicit cut_query(question asked);

  /// After `complete` or a refusal nothing is to be done any more.
  [[nodiscard]] effects step(input what, int64_t now_ns);

  /// Of the requests that are under way.
  [[nodiscard]] int round() const noexcept { return round_; }

private:
  /// Back ends of one kind that failed this question.
  struct tried_ones {
    std::set<std::string> names;
    std::set<std::string> lacking; ///< Whose rows may not be all.
    error damage;                  ///< Of one whose rows cannot be read.
    error away;                    ///< Of one that gave no answer.
    error limit; ///< Of the last one whose memory it would pass.
  };

  void on(start& what, int64_t now, effects& out);
  void on(hdb_answered& what, int64_t now, effects& out);
  void on(rdb_answered& what, int64_t now, effects& out);
  void on(hdb_failed& what, int64_t now, effects& out);
  void on(rdb_failed& what, int64_t now, effects& out);
  void plan(effects& out);
  void plan_again(const std::string& why, effects& out);
  /// Refuses partitions that hold rows after `upto`.
  bool goes_too_far(position cutover, effects& out);
  void choose_hdb(effects& out);
  void choose_rdb(effects& out);
  [[nodiscard]] const std::string* next_rdb(bool whole) const;
  void leave_cut();
  [[nodiscard]] bool is_copy(const std::string& name) const;
  void note_copy();
  void merge_when_complete(effects& out);
  void refuse(error fault, effects& out);
  /// Refuses, or takes the fault for one of `who` that another may not have.
  bool another_may_do(const std::string& who, const error& fault, int64_t now,
                      tried_ones& tried, effects& out);
  [[nodiscard]] error lost(const char* kind, const tried_ones& tried,
                           const std::string& hint) const;

  question asked_;
  int round_ = 0;
  int replans_ = 0;
  bool over_ = false;
  tried_ones tried_hdbs_;
  tried_ones tried_rdbs_;

  // Of this round.
  std::string hdb_;                  ///< Asked last.
  std::string rdb_;                  ///< Asked last; empty: not yet.
  std::optional<partition_cut> cut_; ///< None: an HDB's answer will tell.
  std::optional<chunks> hdb_partial_;
  std::optional<chunks> rdb_partial_;
  rdb_cut held_; ///< What the RDB answered for.
};

} // namespace millrace::torq
