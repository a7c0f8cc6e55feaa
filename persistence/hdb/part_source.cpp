#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/hdb/part_source.hpp>

#include <array>
#include <cstring>

namespace millrace::persistence {

namespace {

/// The zone map of values that are read as a wider type.
zone_map widened(const zone_map& zone, column_type from, column_type to) {
  // Doubles stand for both kinds of floats as they are.
  if (zone.empty || from == to || from == column_type::real)
    return zone;
  const auto end = [&](int64_t value) {
    std::array<std::byte, 8> narrow{};
    std::array<std::byte, 8> wide{};
    std::memcpy(narrow.data(), &value, width_of(from));
    copy_values(from, to, narrow.data(), wide.data(), 1);
    return zone_of(to, wide.data(), 1);
  };
  return merge_zones(end(zone.low), end(zone.high));
}

/// What a query holds of a part that it has opened.
struct opened_part final : held_bytes {
  [[nodiscard]] error fault() const override {
    for (const auto& dictionary : dictionaries)
      if (auto lost = dictionary->fault())
        return lost;
    return ranges ? ranges->fault() : error{};
  }

  std::vector<column_view> columns;
  std::vector<std::shared_ptr<const part_dictionary>> dictionaries;
  std::shared_ptr<const held_file> ranges;
};

} // namespace

part_source::part_source(std::shared_ptr<hdb_part_data> data,
                         std::shared_ptr<const table_schema> schema)
  : data_{std::move(data)}, schema_{std::move(schema)} {
  const auto& written = data_->schema();
  for (const auto& wanted : schema_->columns) {
    const auto at = written.column_index(wanted.name);
    stored_.push_back(at);
    auto& column = columns_.emplace_back();
    column.type = wanted.type;
    column.unread = at.has_value();
    zones_.push_back(at ? widened(data_->part().zones[*at],
                                  written.columns[*at].type, wanted.type)
                        : zone_of_nulls(wanted.type));
  }
}

segment_view part_source::closed() const {
  segment_view out;
  out.row_count = data_->part().row_count;
  out.columns = columns_;
  out.zones = zones_;
  out.source = this;
  return out;
}

table_view part_source::view() const {
  table_view out;
  out.schema = schema_;
  out.part_order = data_->part().to.value;
  out.segments.push_back(closed());
  out.owner = shared_from_this();
  return out;
}

result<segment_view>
part_source::open(std::span<const uint32_t> columns, bool ranges,
                  std::shared_ptr<const held_bytes>& keep) const {
  auto opened = std::make_shared<opened_part>();
  opened->columns = columns_;
  auto out = closed();
  out.columns = opened->columns;
  for (const auto column : columns) {
    if (!stored_[column] || columns_[column].type != column_type::symbol)
      continue;
    auto dictionary = data_->dictionary(*stored_[column]);
    if (!dictionary)
      return dictionary.failure();
    opened->columns[column].dictionary = dictionary->get();
    opened->dictionaries.push_back(*std::move(dictionary));
  }
  if (ranges) {
    auto held = data_->ranges();
    if (!held)
      return held.failure();
    const auto bytes = (*held)->bytes();
    out.ranges = {reinterpret_cast<const symbol_range*>(bytes.data()),
                  bytes.size() / sizeof(symbol_range)};
    opened->ranges = *std::move(held);
  }
  keep = std::move(opened);
  return out;
}

result<segment_values> part_source::read(uint32_t column, uint32_t begin,
                                         uint32_t end) const {
  const auto at = stored_[column];
  if (!at)
    return segment_values{};
  const auto wanted = columns_[column].type;
  if (data_->schema().columns[*at].type == wanted)
    return data_->values(*at, {begin, end});
  return data_->convert(*at, wanted, {begin, end});
}

result<segment_values> part_source::read_order(uint32_t begin,
                                               uint32_t end) const {
  return data_->order({begin, end});
}

} // namespace millrace::persistence
