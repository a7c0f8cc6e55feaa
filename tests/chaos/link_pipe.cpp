#include <millrace/tests/chaos/link_pipe.hpp>

#include <algorithm>

namespace millrace::chaos {

namespace {

/// Of a slow link: what passes at once, so that it is slow all the time.
constexpr uint64_t pieces_per_second = 20;

} // namespace

bool link_pipe::take(std::span<const char> bytes, time now, link_rule& rule) {
  if (bytes.empty())
    return false;
  auto& made
    = held_.emplace_back(piece{now + rule.delay, {bytes.begin(), bytes.end()}});
  held_bytes_ += bytes.size();
  if (rule.corrupt_in == 0 || --rule.corrupt_in != 0)
    return false;
  made.bytes[made.bytes.size() / 2] ^= char{1};
  return true;
}

std::span<const char> link_pipe::due(time now, const link_rule& rule) const {
  const auto at = next_due(rule);
  if (!at || *at > now)
    return {};
  const auto& first = held_.front();
  std::span<const char> out{first.bytes};
  out = out.subspan(first.gone);
  if (rule.bytes_per_second == 0)
    return out;
  const auto most
    = std::max<uint64_t>(1, rule.bytes_per_second / pieces_per_second);
  return out.first(std::min<size_t>(out.size(), most));
}

void link_pipe::sent(size_t count, time now, const link_rule& rule) {
  held_bytes_ -= count;
  if (rule.bytes_per_second != 0)
    free_at_ = now
               + std::chrono::nanoseconds{static_cast<int64_t>(
                 1e9 * static_cast<double>(count)
                 / static_cast<double>(rule.bytes_per_second))};
  auto& first = held_.front();
  first.gone += count;
  if (first.gone == first.bytes.size())
    held_.pop_front();
}

std::optional<link_pipe::time>
link_pipe::next_due(const link_rule& rule) const {
  if (held_.empty() || rule.is_cut)
    return std::nullopt;
  const auto at = held_.front().at;
  return rule.bytes_per_second == 0 ? at : std::max(at, free_at_);
}

} // namespace millrace::chaos
