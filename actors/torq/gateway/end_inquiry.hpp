#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace millrace::torq {

/// A place in a stream's log.
struct stream_place {
  position at;
  lineage_id life;
  friend bool operator==(const stream_place&, const stream_place&) = default;
};

/// Finds out for questions where a stream ended when they were asked, or later:
/// one inquiry at a time, put to all RT nodes of it that can be reached, serves
/// all questions that wait when it begins. A node that does not lead may lag:
/// where none leads it is put again, as long as its owner has patience. Also
/// keeps up to where questions were answered: none is answered below. Pure; one
/// owner.
class end_inquiry {
public:
  /// What a node answered.
  struct answer {
    stream_place end;
    bool leads = false; ///< No other node knows a later end.
    bool sole = false;  ///< It leads, and there never was another node.
  };

  // -- what happens -----------------------------------------------------------

  /// What is to be done: put inquiry `number` to these nodes; let go of
  /// questions.
  struct effects {
    uint64_t number = 0; ///< 0: none is to be put.
    std::set<size_t> nodes;
    std::vector<uint64_t> resolved;
  };

  /// A question that wants the end waits for it.
  [[nodiscard]] effects ask(uint64_t question);
  [[nodiscard]] effects answered(uint64_t number, size_t node,
                                 const answer& what);
  /// A node did not answer.
  [[nodiscard]] effects failed(uint64_t number, size_t node);

  /// All that can be reached have answered, and none leads.
  [[nodiscard]] bool is_undecided() const noexcept { return undecided_; }
  /// To the same nodes once more. @pre it is undecided.
  [[nodiscard]] effects again();
  /// The farthest place that was told counts. @pre it is undecided.
  [[nodiscard]] effects settle();

  void connected(size_t node) { reachable_.insert(node); }
  void lost(size_t node) { reachable_.erase(node); }

  /// A question was answered up to this place.
  void gave(const stream_place& upper);

  // -- facts ------------------------------------------------------------------

  /// Where the stream ended, of the newest inquiry; none: no node answered it.
  [[nodiscard]] const std::optional<stream_place>& end() const noexcept {
    return end_;
  }
  /// A node that leads told that.
  [[nodiscard]] bool is_sure() const noexcept { return sure_; }
  /// What the next answer must reach: the newest end, and what was answered
  /// before in the same life of the stream.
  [[nodiscard]] stream_place floor() const noexcept { return floor_; }
  /// How often the stream began another life.
  [[nodiscard]] uint64_t new_lives() const noexcept { return new_lives_; }
  /// How often its only node came back with an older copy of its log: answers
  /// begin anew where that ends.
  [[nodiscard]] uint64_t set_backs() const noexcept { return set_backs_; }

private:
  effects begin();
  effects put();
  effects finish(bool sure);
  void raise(const stream_place& to, bool from_stream);
  void lower(const stream_place& to);

  std::set<size_t> reachable_;
  uint64_t number_ = 0;
  std::set<size_t> open_; ///< Nodes that have not answered the inquiry.
  std::optional<stream_place> best_;
  bool sole_ = false; ///< That said `best_`.
  bool undecided_ = false;
  bool sure_ = false;
  stream_place floor_asked_;      ///< When the inquiry began.
  std::vector<uint64_t> served_;  ///< Wait for the inquiry under way.
  std::vector<uint64_t> waiting_; ///< Came after it had begun.
  std::optional<stream_place> end_;
  stream_place floor_;
  uint64_t new_lives_ = 0;
  uint64_t set_backs_ = 0;
};

} // namespace millrace::torq
