#pragma once

#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/messages/data/ids.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::rt {

/// From where bytes that the copy of an input lacks are to come: another node
/// that orders the stream, or the publisher. Asks one source after the other,
/// again and again; gives a range up when none of them has it any more, and
/// waits for those that are away. Pure; one owner.
class input_repair {
public:
  /// A node, by its number, or the input's own publisher.
  struct source {
    static constexpr node_id publisher{};
    node_id node = publisher;
    friend auto operator<=>(const source&, const source&) = default;
  };

  struct settings {
    /// After that it is said that a source is waited for that is away.
    int64_t patience_ns = 10'000'000'000;
    /// Between two questions for the same range.
    int64_t pause_ns = 20'000'000;
  };

  /// The copy lacks this range.
  struct lacking {
    copy_id copy;
    input_part range;
    /// An entry of the group's log names it: it cannot be given up.
    bool agreed = false;
  };
  /// Somebody answered: bytes up to `end`, which were handed to the copy. An
  /// end at or after the range's says that nothing more lies in it.
  struct answered {
    copy_id copy;
    position to; ///< Of the range that was asked for.
    position end;
  };
  /// This source has none of it, or could not be asked.
  struct denied {
    copy_id copy;
    position to; ///< As above.
    source from;
    bool gone = false; ///< It does not answer: it may have them.
    /// It has merged them, and collected what it had.
    bool merged = false;
  };
  /// Time passed. `sources` are those that may be asked now, the likeliest
  /// first; `away` says that others are not there.
  struct passed {
    copy_id copy;
    std::vector<source> sources;
    bool away = false;
  };
  /// What is away will not come back with what the copy lacks.
  struct forsaken {
    copy_id copy;
  };
  using input = std::variant<lacking, answered, denied, passed, forsaken>;

  struct ask {
    copy_id copy;
    source from;
    input_part range;
    friend bool operator==(const ask&, const ask&) = default;
  };
  /// No source has the range.
  struct give_up {
    copy_id copy;
    input_part range;
    friend bool operator==(const give_up&, const give_up&) = default;
  };
  /// Only a source that is away may have the range; said once.
  struct waits {
    copy_id copy;
    input_part range;
    friend bool operator==(const waits&, const waits&) = default;
  };
  /// No source has what an entry names, and one has merged it: it comes with
  /// the merged log of that one. Said again as long as it is lacking.
  struct copies {
    copy_id copy;
    input_part range;
    friend bool operator==(const copies&, const copies&) = default;
  };
  using effect = std::variant<ask, give_up, waits, copies>;

  explicit input_repair(settings how) : settings_{how} {}

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// The copies that lack something.
  [[nodiscard]] std::vector<copy_id> open() const;
  /// The copy begins anew: what it lacks will be told.
  void forget(copy_id copy) { wanted_.erase(copy); }
  /// No entry waits for bytes of the copy any more.
  void forget_agreed(copy_id copy);
  /// Of which `waits` was said.
  [[nodiscard]] std::vector<std::pair<copy_id, input_part>> waiting() const;
  /// That the copies lack, and of which it was not said yet.
  [[nodiscard]] std::vector<std::pair<copy_id, input_part>> asked() const;
  /// Whether all of the range is asked for already.
  [[nodiscard]] bool asks_for(copy_id copy, const input_part& range) const;
  /// Ranges that were filled, and that were given up.
  [[nodiscard]] uint64_t mended() const noexcept { return mended_; }
  [[nodiscard]] uint64_t given_up() const noexcept { return given_up_; }

private:
  struct wanted {
    input_part range;
    bool agreed = false;
    bool asked = false; ///< An answer is due.
    bool waits = false;
    bool forsaken = false;
    bool merged = false; ///< Somewhere, and collected there.
    int64_t since_ns = 0;
    int64_t ask_at_ns = 0;
    std::set<source> without; ///< Said that they have none of it.
  };
  using effects = std::vector<effect>;
  [[nodiscard]] std::vector<std::pair<copy_id, input_part>>
  ranges_that(bool wait) const;
  /// What was asked for; null: it was forgotten meanwhile.
  [[nodiscard]] wanted* asked_for(copy_id copy, position to);
  void take(const lacking& what, int64_t now_ns, effects& out);
  void take(const answered& what, int64_t now_ns, effects& out);
  void take(const denied& what, int64_t now_ns, effects& out);
  void take(const passed& what, int64_t now_ns, effects& out);
  void take(const forsaken& what, int64_t now_ns, effects& out);

  settings settings_;
  std::map<copy_id, std::vector<wanted>> wanted_; ///< In the order they came.
  uint64_t mended_ = 0;
  uint64_t given_up_ = 0;
};

} // namespace millrace::rt
