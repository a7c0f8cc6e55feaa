#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::nodes {

/// The ends of periods that a node still has to ask its streams for. A period
/// that is over is asked for until its stream says that it ended, the earliest
/// first: after a later one it could not end any more. Pure; one owner.
class period_requests {
public:
  /// Between one answer and the next try: doubled from the least to the most.
  static constexpr int64_t pause_min_ns = 1'000'000'000;
  static constexpr int64_t pause_max_ns = 32'000'000'000;

  struct asked_stream {
    std::string name;
    /// The first period that the stream may have to be asked for.
    period_id next;
  };

  // -- what happens -----------------------------------------------------------

  /// Time passed.
  struct tick {
    /// The period of the clock: those before it are over. None: not known.
    std::optional<period_id> current{};
  };
  /// What a stream said when it was asked; no fault: the period ended.
  struct answered {
    size_t stream = 0;
    error fault{};
  };
  using input = std::variant<tick, answered>;

  // -- what is to be done -----------------------------------------------------

  /// Ask this stream to end this period; says `answered`.
  struct ask {
    size_t stream = 0;
    period_id period;
    friend bool operator==(const ask&, const ask&) = default;
  };
  /// Log that this period waits for another reason than before, or, without a
  /// fault, that it ended although it had to wait.
  struct tell {
    size_t stream = 0;
    period_id period;
    error fault{};
    friend bool operator==(const tell&, const tell&) = default;
  };
  using effect = std::variant<ask, tell>;

  explicit period_requests(std::vector<asked_stream> streams);

  /// @param now_ns monotonic.
  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// Where a stream stands.
  struct standing {
    asked_stream of;
    period_id ended = period_id::before_all(); ///< Newest that it said ended.
    std::deque<period_id> due; ///< Over, and not ended; the first is asked for.
    uint64_t asks = 0;         ///< For the first.
    error failure;             ///< Why the first waits; none: not answered yet.
    bool asked = false;
    int64_t pause_ns = pause_min_ns;
    int64_t next_ask_ns = 0;
  };
  /// In the order of the streams.
  [[nodiscard]] const std::vector<standing>& streams() const noexcept {
    return streams_;
  }

private:
  void take(const tick& what, int64_t now_ns, std::vector<effect>& out);
  void take(const answered& what, int64_t now_ns, std::vector<effect>& out);
  void ask_next(size_t stream, int64_t now_ns, std::vector<effect>& out);

  std::vector<standing> streams_;
};

} // namespace millrace::nodes
