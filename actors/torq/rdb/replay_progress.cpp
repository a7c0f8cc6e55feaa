#include <millrace/actors/torq/rdb/replay_progress.hpp>

#include <algorithm>

namespace millrace::torq {

void replay_progress::flow(lineage_id life, position end) noexcept {
  life_ = life;
  // A node that lags may name an earlier end than the one before.
  awaited_ = std::max(awaited_, end);
}

uint32_t replay_progress::percent(position at) const noexcept {
  if (complete(at))
    return 100;
  if (at <= from_ || awaited_ <= from_)
    return 0;
  const auto share = static_cast<double>(at.value - from_.value)
                     / static_cast<double>(awaited_.value - from_.value);
  return std::min<uint32_t>(99, static_cast<uint32_t>(share * 100));
}

std::string replay_progress::standing(position at) const {
  if (complete(at))
    return {};
  if (!life_.is_known())
    return "waits for stream '" + stream_ + "': no RT node has answered yet";
  return "has replayed " + std::to_string(percent(at)) + " % of stream '"
         + stream_ + "'";
}

} // namespace millrace::torq
