#include <millrace/actors/torq/gateway/result_relay.hpp>
#include <millrace/query/execution/partial.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

constexpr std::array both_sides{result_relay::hdb, result_relay::rdb};

} // namespace

result_relay::result_relay(settings given) : settings_{std::move(given)} {
  for (const auto each : both_sides)
    flows_[each].is_over = !settings_.takes_part[each];
}

result_relay::effects result_relay::start(int64_t now_ns) {
  moved_at_ns_ = now_ns;
  effects out;
  for (const auto each : both_sides)
    if (!flows_[each].is_over)
      out.taken.emplace_back(each, 0);
  return out;
}

result_relay::effects result_relay::came(side from, chunk piece, uint64_t rows,
                                         int64_t now_ns) {
  if (is_over_)
    return {};
  rows_ += rows;
  bytes_ += piece.size();
  if (auto refused
      = query::refuse_beyond_limits(settings_.limits, rows_, bytes_))
    return end(std::move(refused));
  flows_[from].pieces.push_back({std::move(piece), rows});
  return go(now_ns);
}

result_relay::effects result_relay::finished(side from, error fault,
                                             int64_t now_ns) {
  if (is_over_ || flows_[from].is_over)
    return {};
  if (fault)
    return end({fault.code, "in the middle of the result, after "
                              + std::to_string(given_rows_)
                              + " rows: " + fault.context});
  flows_[from].is_over = true;
  return go(now_ns);
}

result_relay::effects result_relay::taken(uint64_t bytes, int64_t now_ns) {
  if (is_over_)
    return {};
  is_open_ = true;
  taken_bytes_ = std::max(taken_bytes_, bytes);
  moved_at_ns_ = now_ns;
  return go(now_ns);
}

result_relay::effects result_relay::waited(int64_t now_ns) {
  if (is_over_ || now_ns - moved_at_ns_ <= settings_.patience_ns)
    return {};
  const auto seconds = std::to_string(settings_.patience_ns / 1'000'000'000);
  return end({errc::timeout,
              has_room() ? "no rows came for " + seconds + " s, after "
                             + std::to_string(given_rows_)
                         : "the client took no rows for " + seconds + " s"});
}

result_relay::effects result_relay::go(int64_t now_ns) {
  effects out;
  if (has_room() && !settings_.head.empty()) {
    given_bytes_ += settings_.head.size();
    out.give.push_back(std::exchange(settings_.head, {}));
  }
  for (const auto each : both_sides) {
    auto& from = flows_[each];
    const auto before = from.given_bytes;
    while (has_room() && !from.pieces.empty()) {
      auto& piece = from.pieces.front();
      given_bytes_ += piece.bytes.size();
      from.given_bytes += piece.bytes.size();
      given_rows_ += piece.rows;
      out.give.push_back(std::move(piece.bytes));
      from.pieces.pop_front();
      moved_at_ns_ = now_ns;
    }
    if (from.given_bytes != before && !from.is_over)
      out.taken.emplace_back(each, from.given_bytes);
    if (!from.is_over || !from.pieces.empty())
      return out;
  }
  if (is_open_ && settings_.head.empty()) {
    is_over_ = true;
    out.over = true;
  }
  return out;
}

result_relay::effects result_relay::end(error fault) {
  is_over_ = true;
  effects out;
  out.over = true;
  out.fault = std::move(fault);
  return out;
}

} // namespace millrace::torq
