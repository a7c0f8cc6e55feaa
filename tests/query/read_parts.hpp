#pragma once

#include <millrace/persistence/columns/table_view.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::query::testing_support {

/// What was read of a part.
struct part_reads {
  struct range {
    uint32_t column = 0;
    uint32_t begin = 0;
    uint32_t end = 0;
    friend bool operator==(const range&, const range&) = default;
  };
  std::mutex mutex; ///< Guards `ranges`.
  std::vector<range> ranges;
  /// What is lost while it is looked at: a column's number, or `opened`.
  static constexpr uint32_t nothing = ~uint32_t{0};
  static constexpr uint32_t opened = nothing - 1;
  uint32_t lost = nothing;
};

/// A part of one segment of numbers and symbols as a store on disk has it: each
/// read gives the rows that it asks for, in memory of their own. `reads` is
/// told of each, unless it is null.
[[nodiscard]] persistence::table_view
read_when_asked(const persistence::table_view& part,
                std::shared_ptr<part_reads> reads = nullptr);

} // namespace millrace::query::testing_support
