#include <millrace/actors/torq/rdb/waiting_queries.hpp>

#include <utility>

namespace millrace::torq {

waiting_queries::due waiting_queries::take(bool ready, const lineage_id& life,
                                           position end, int64_t now_ns) {
  due out;
  for (auto& what : std::exchange(waiting_, {}))
    if (ready && what.ready(life, end))
      out.ready.push_back(std::move(what));
    else if (now_ns > what.deadline_ns)
      out.late.push_back(std::move(what));
    else
      waiting_.push_back(std::move(what));
  return out;
}

} // namespace millrace::torq
