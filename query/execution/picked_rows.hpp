#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace millrace::query {

/// Rows of a segment that are to be written, in their order: a range as long as
/// none between them is left out, then a list. Owner: one thread.
class picked_rows {
public:
  /// Rows first + i, or rows[i], for i < count.
  struct piece {
    uint32_t first = 0;
    const uint32_t* rows = nullptr; ///< nullptr: they follow each other.
    size_t count = 0;
    [[nodiscard]] uint32_t row(size_t i) const noexcept {
      return rows ? rows[i] : first + static_cast<uint32_t>(i);
    }
  };

  void add_range(uint32_t begin, uint32_t end) {
    if (list_.empty() && (begin_ == end_ || begin == end_)) {
      if (begin_ == end_)
        begin_ = begin;
      end_ = end;
      return;
    }
    auto& to = list();
    const auto held = to.size();
    to.resize(held + (end - begin));
    std::iota(to.begin() + static_cast<ptrdiff_t>(held), to.end(), begin);
  }
  /// Rows base + (rows ? rows[i] : i).
  void add(uint32_t base, const uint16_t* rows, uint32_t count) {
    if (!rows)
      return add_range(base, base + count);
    auto& to = list();
    const auto held = to.size();
    to.resize(held + count);
    std::transform(rows, rows + count,
                   to.begin() + static_cast<ptrdiff_t>(held),
                   [base](uint16_t row) { return base + row; });
  }

  /// All of them, to be changed.
  [[nodiscard]] std::vector<uint32_t>& list() {
    if (begin_ != end_) {
      list_.resize(end_ - begin_);
      std::iota(list_.begin(), list_.end(), begin_);
      begin_ = end_;
    }
    return list_;
  }
  [[nodiscard]] size_t size() const noexcept {
    return begin_ == end_ ? list_.size() : end_ - begin_;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// At most `most` of them, from number `start` on. @pre start < size()
  [[nodiscard]] piece from(size_t start, size_t most) const noexcept {
    const auto count = std::min(most, size() - start);
    if (begin_ != end_)
      return {begin_ + static_cast<uint32_t>(start), nullptr, count};
    const auto* rows = list_.data() + start;
    const bool in_a_row = rows[count - 1] - rows[0] + 1 == count;
    return {rows[0], in_a_row ? nullptr : rows, count};
  }
  void clear() noexcept {
    list_.clear();
    begin_ = end_;
  }

private:
  std::vector<uint32_t> list_; ///< Empty while there is a range.
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
};

} // namespace millrace::query
