#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/query/plan/plan.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace millrace::torq {

/// One result out of the flows of two stores: all rows of the HDB, then those
/// of the RDB. Gives no more than the client has room for, and lets the stores
/// make no more than that: what waits here is two windows at most. Knows no
/// actor and no clock; one owner.
class result_relay {
public:
  /// Bytes given that the client has not taken in, but for the last piece.
  static constexpr uint64_t window_bytes = 4u << 20;

  enum side : size_t { hdb = 0, rdb = 1 };
  struct settings {
    std::array<bool, 2> takes_part{}; ///< By side.
    chunk head;                       ///< Given first: it has the columns.
    query::logical_plan limits;       ///< Its limits, and its table.
    int64_t patience_ns = 0;          ///< Between two pieces, either way.
  };
  struct effects {
    std::vector<chunk> give;
    /// To tell a source: so many of its bytes are taken in, in all.
    std::vector<std::pair<side, uint64_t>> taken;
    bool over = false; ///< Nothing comes after this.
    error fault;       ///< Why the result is not whole; none: it is.
  };

  explicit result_relay(settings given);

  [[nodiscard]] effects start(int64_t now_ns);
  [[nodiscard]] effects came(side from, chunk piece, uint64_t rows,
                             int64_t now_ns);
  /// The flow of a side is over, or it is lost.
  [[nodiscard]] effects finished(side from, error fault, int64_t now_ns);
  /// The client took in so many bytes, in all. Nothing is given before the
  /// first.
  [[nodiscard]] effects taken(uint64_t bytes, int64_t now_ns);
  /// Time went by.
  [[nodiscard]] effects waited(int64_t now_ns);

private:
  struct flow {
    struct held_piece {
      chunk bytes;
      uint64_t rows = 0;
    };
    std::deque<held_piece> pieces;
    uint64_t given_bytes = 0;
    bool is_over = true;
  };
  [[nodiscard]] effects go(int64_t now_ns);
  [[nodiscard]] effects end(error fault);
  [[nodiscard]] bool has_room() const noexcept {
    return is_open_ && given_bytes_ < taken_bytes_ + window_bytes;
  }

  settings settings_;
  std::array<flow, 2> flows_;
  uint64_t rows_ = 0;       ///< That came.
  uint64_t given_rows_ = 0; ///< That the client has, or is sent.
  uint64_t bytes_ = 0;
  uint64_t given_bytes_ = 0;
  uint64_t taken_bytes_ = 0;
  int64_t moved_at_ns_ = 0;
  bool is_open_ = false;
  bool is_over_ = false;
};

} // namespace millrace::torq
