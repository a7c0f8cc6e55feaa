#include <millrace/messages/data/duration_histogram.hpp>

#include <algorithm>
#include <charconv>
#include <string>

namespace millrace {

namespace {

constexpr double second_ns = 1e9;

std::string in_seconds(int64_t ns) {
  std::array<char, 32> out{};
  const auto end = std::to_chars(out.data(), out.data() + out.size(),
                                 static_cast<double>(ns) / second_ns,
                                 std::chars_format::fixed);
  return {out.data(), end.ptr};
}

} // namespace

void duration_histogram::add(int64_t took_ns) noexcept {
  took_ns = std::max<int64_t>(took_ns, 0);
  ++count_;
  sum_ns_ += took_ns;
  const auto within
    = std::lower_bound(bounds_ns.begin(), bounds_ns.end(), took_ns);
  if (within != bounds_ns.end())
    ++counts_[static_cast<size_t>(within - bounds_ns.begin())];
}

text::json_value duration_histogram::to_json() const {
  text::json_value out{{"count", count_},
                       {"seconds", static_cast<double>(sum_ns_) / second_ns}};
  auto within = text::json_value::object();
  uint64_t all = 0;
  for (size_t i = 0; i < bounds_ns.size(); ++i) {
    all += counts_[i];
    within.add(in_seconds(bounds_ns[i]), all);
  }
  out.add("within", std::move(within));
  return out;
}

} // namespace millrace
