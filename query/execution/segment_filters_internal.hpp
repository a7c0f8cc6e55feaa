#pragma once

#include <millrace/query/execution/scan.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

namespace millrace::query {

/// The filters of a binding that one segment's rows are tested by: its values
/// may answer others as a whole. Owner: one thread.
class segment_filters {
public:
  void choose(const part_binding& binding,
              const persistence::segment_view& segment) {
    all_.clear();
    for (uint32_t f = 0; f < binding.filters.size(); ++f)
      if (!passes_whole(binding, segment, f))
        all_.push_back(f);
    beside_index_.clear();
    for (const auto* filters : {&binding.other_filters, &binding.time_filters})
      for (const auto f : *filters)
        if (!passes_whole(binding, segment, f))
          beside_index_.push_back(f);
  }

  [[nodiscard]] const std::vector<uint32_t>& all() const noexcept {
    return all_;
  }
  /// Those that an index of symbols leaves.
  [[nodiscard]] const std::vector<uint32_t>& beside_index() const noexcept {
    return beside_index_;
  }

private:
  [[nodiscard]] static bool
  passes_whole(const part_binding& binding,
               const persistence::segment_view& segment, uint32_t f) {
    const auto& filter = binding.filters[f];
    const auto stored = binding.columns[filter.column()];
    return stored < segment.zones.size() && segment.columns[stored].has_values()
           && filter.includes(segment.zones[stored]);
  }

  std::vector<uint32_t> all_;
  std::vector<uint32_t> beside_index_;
};

/// Puts row numbers of an indexed segment in order. Owner: one thread.
class row_marks {
public:
  /// @pre no row comes twice
  void put_in_order(std::vector<uint16_t>& rows) {
    if (rows.size() < marked_rows_min)
      return std::sort(rows.begin(), rows.end());
    std::fill(std::begin(marks_), std::end(marks_), 0);
    for (const auto row : rows)
      marks_[row / 64] |= uint64_t{1} << row % 64;
    const auto found = select_bits(
      marks_, static_cast<uint32_t>(std::size(marks_) * 64), rows.data());
    MILLRACE_ASSERT(found == rows.size());
  }

private:
  /// Fewer are sorted sooner than bits are looked through.
  static constexpr size_t marked_rows_min = 256;

  uint64_t marks_[(size_t{1} << 16) / 64];
};

} // namespace millrace::query
