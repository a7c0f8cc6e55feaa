#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/query/plan/plan.hpp>

#include <caf/response_promise.hpp>

#include <cstdint>
#include <vector>

namespace millrace::torq {

/// A question to the RDB.
struct rdb_question {
  query::logical_plan plan;
  rows_after rows;
  int64_t deadline_ns = 0;     ///< Monotonic.
  caf::strong_actor_ptr asker; ///< Its end is that of the question.
  caf::response_promise promise;
  /// Whom the rows flow to; null: they are the answer.
  result_sink_actor sink{};
  flow_id flow{};

  /// Whether the RDB, having come to `end` in this life of the stream, can
  /// answer.
  [[nodiscard]] bool ready(const lineage_id& life,
                           position end) const noexcept {
    return end >= rows.first_wanted()
           && (!rows.life.is_known() || rows.life == life);
  }
};

/// Questions about rows that have not come yet, in the order of asking.
class waiting_queries {
public:
  void add(rdb_question what) { waiting_.push_back(std::move(what)); }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

  struct due {
    std::vector<rdb_question> ready;
    std::vector<rdb_question> late; ///< Their time is over.
  };
  /// Takes out those that wait no longer.
  /// @param ready whether the RDB can answer at all
  [[nodiscard]] due take(bool ready, const lineage_id& life, position end,
                         int64_t now_ns);

private:
  std::vector<rdb_question> waiting_;
};

} // namespace millrace::torq
