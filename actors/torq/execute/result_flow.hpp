#pragma once

#include <millrace/messages/data/chunk.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

namespace millrace::torq {

/// When the parts of a result are made, and when what they are made of is
/// given to the one that takes it: in their order, whatever the order in which
/// they get ready, and no more than it has room for. So many are made ahead
/// that it does not wait. Pure; one owner.
class result_flow {
public:
  /// Bytes given that are not taken in yet, but for the last piece.
  static constexpr uint64_t window_bytes = 4u << 20;
  /// Parts that are made, or ready and not given yet.
  static constexpr size_t ahead_max = 8;

  struct effects {
    std::vector<size_t> make; ///< These parts.
    std::vector<chunk> give;
    bool over = false; ///< All is given. Once.
  };

  explicit result_flow(size_t parts) : parts_{parts} {}

  [[nodiscard]] effects start() { return go(); }
  [[nodiscard]] effects made(size_t part, std::vector<chunk> pieces);
  /// So many bytes are taken in, in all. Nothing is given before the first.
  [[nodiscard]] effects taken(uint64_t bytes);
  /// Of parts that are made and not given yet.
  [[nodiscard]] uint64_t ready_bytes() const noexcept { return ready_bytes_; }

private:
  [[nodiscard]] effects go();

  size_t parts_;
  size_t make_next_ = 0;
  size_t give_next_ = 0;
  std::map<size_t, std::deque<chunk>> ready_;
  uint64_t ready_bytes_ = 0;
  uint64_t given_bytes_ = 0;
  uint64_t taken_bytes_ = 0;
  bool is_open_ = false;
  bool is_over_ = false;
};

} // namespace millrace::torq
