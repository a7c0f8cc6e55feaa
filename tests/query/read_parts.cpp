#include "read_parts.hpp"

#include <cstring>

namespace millrace::query::testing_support {

namespace {

using persistence::column_view;
using persistence::held_bytes;
using persistence::segment_values;
using persistence::segment_view;

struct held_copy : held_bytes {
  [[nodiscard]] error fault() const override {
    return lost ? error{errc::corrupt, "it was cut short"} : error{};
  }
  std::vector<std::byte> bytes;
  std::vector<column_view> columns;
  bool lost = false;
};

class copying_source : public persistence::segment_source {
public:
  copying_source(persistence::table_view part,
                 std::shared_ptr<part_reads> reads)
    : part_{std::move(part)}, reads_{std::move(reads)} {
    const auto& whole = part_.segments.at(0);
    closed_.assign(whole.columns.begin(), whole.columns.end());
    for (auto& column : closed_) {
      column.values = nullptr;
      column.dictionary = nullptr;
      column.unread = true;
    }
  }

  [[nodiscard]] segment_view closed() const {
    auto out = part_.segments[0];
    out.columns = closed_;
    out.ranges = {};
    out.order = nullptr;
    out.source = this;
    return out;
  }

  [[nodiscard]] result<segment_view>
  open(std::span<const uint32_t> columns, bool ranges,
       std::shared_ptr<const held_bytes>& keep) const override {
    auto opened = std::make_shared<held_copy>();
    opened->lost = reads_ && reads_->lost == part_reads::opened;
    opened->columns = closed_;
    for (const auto column : columns)
      opened->columns[column].dictionary
        = part_.segments[0].columns[column].dictionary;
    auto out = closed();
    out.columns = opened->columns;
    if (ranges)
      out.ranges = part_.segments[0].ranges;
    keep = std::move(opened);
    return out;
  }

  [[nodiscard]] result<segment_values> read(uint32_t column, uint32_t begin,
                                            uint32_t end) const override {
    const auto& from = part_.segments[0].columns[column];
    if (reads_) {
      const std::lock_guard lock{reads_->mutex};
      reads_->ranges.push_back({column, begin, end});
    }
    return copied(from.values, width_of(from.type), begin, end,
                  reads_ && reads_->lost == column);
  }

  [[nodiscard]] result<segment_values> read_order(uint32_t begin,
                                                  uint32_t end) const override {
    return copied(reinterpret_cast<const std::byte*>(part_.segments[0].order),
                  sizeof(uint32_t), begin, end, false);
  }

private:
  static segment_values copied(const std::byte* from, size_t width,
                               uint32_t begin, uint32_t end, bool lost) {
    auto held = std::make_shared<held_copy>();
    held->bytes.assign(from + begin * width, from + end * width);
    held->lost = lost;
    segment_values out;
    // They are addressed by row of the segment.
    out.values = held->bytes.data() - begin * width;
    out.held[0] = std::move(held);
    return out;
  }

  persistence::table_view part_;
  std::shared_ptr<part_reads> reads_;
  std::vector<column_view> closed_;
};

} // namespace

persistence::table_view read_when_asked(const persistence::table_view& part,
                                        std::shared_ptr<part_reads> reads) {
  if (part.segments.empty())
    return part;
  auto source = std::make_shared<copying_source>(part, std::move(reads));
  auto out = part;
  out.segments = {source->closed()};
  out.owner = std::move(source);
  return out;
}

} // namespace millrace::query::testing_support
