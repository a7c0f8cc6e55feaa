#include <millrace/persistence/memory/memory_table.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::persistence {

namespace {

/// Rows of a segment from one inside it on, copied, since neither the index
/// nor the ends of strings can be read from the middle.
struct copied_rows {
  std::vector<std::vector<uint64_t>> values; ///< By column; aligned by 8.
  reserved_memory index_memory;
  std::unique_ptr<segment_index> index;
};

/// What a view points into.
struct view_owner {
  std::shared_ptr<const memory_table_version> version;
  std::vector<std::unique_ptr<dictionary_prefix>> dictionaries; ///< By column.
  std::vector<column_view> columns;
  std::vector<std::unique_ptr<copied_rows>> copies;
};

void describe(const view_owner& owner, const memory_segment& segment,
              column_view* columns) {
  const auto& schema = *owner.version->schema;
  for (size_t i = 0; i < schema.columns.size(); ++i)
    columns[i] = {schema.columns[i].type, segment.values[i],
                  owner.dictionaries[i].get(), segment.texts[i]};
}

/// Moves the columns of a segment up to row `skip`, `count` rows after it.
void copy_rows(view_owner& owner, column_view* columns, uint32_t skip,
               uint32_t count, segment_view& out) {
  auto copy = std::make_unique<copied_rows>();
  const auto& schema = *owner.version->schema;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    auto& column = columns[i];
    auto& values = copy->values.emplace_back();
    if (column.values == nullptr)
      continue;
    const auto width = width_of(column.type);
    values.resize((count * width + 7) / 8);
    std::memcpy(values.data(), column.values + skip * width, count * width);
    if (column.type == column_type::string) {
      const auto begin = column.as<uint32_t>()[skip - 1];
      auto* ends = reinterpret_cast<uint32_t*>(values.data());
      for (uint32_t row = 0; row < count; ++row)
        ends[row] -= begin;
      column.text += begin;
    }
    column.values = reinterpret_cast<const std::byte*>(values.data());
  }
  out.index = nullptr;
  const auto symbols = schema.column_index(schema.symbol_column);
  if (symbols && columns[*symbols].values) {
    copy->index_memory = reserved_memory{segment_index::bytes_max};
    if (copy->index_memory) {
      copy->index = std::make_unique<segment_index>(copy->index_memory.data());
      copy->index->append({columns[*symbols].as<uint32_t>(), count}, 0);
      out.index = copy->index.get();
    }
  }
  owner.copies.push_back(std::move(copy));
}

} // namespace

table_view memory_table_mark::view(uint64_t lower, uint64_t upper) const {
  MILLRACE_ASSERT(lower <= upper && upper <= row_end);
  lower = std::max(lower, version->first_row);
  upper = std::max(upper, lower);
  auto owner = std::make_shared<view_owner>();
  owner->version = version;
  const auto column_count = version->schema->columns.size();
  size_t symbol_column = 0;
  for (const auto& dictionary : version->dictionaries)
    owner->dictionaries.push_back(
      dictionary ? std::make_unique<dictionary_prefix>(
        dictionary, dictionary_sizes[symbol_column++])
                 : nullptr);
  const auto& segments = version->segments;
  auto first = std::upper_bound(
    segments.begin(), segments.end(), lower,
    [](uint64_t row, const auto& segment) { return row < segment->first_row; });
  if (first != segments.begin())
    --first;
  const auto last = std::lower_bound(
    first, segments.end(), upper,
    [](const auto& segment, uint64_t row) { return segment->first_row < row; });
  table_view out;
  out.schema = version->schema;
  out.part_order = UINT64_MAX;
  out.segments.reserve(static_cast<size_t>(last - first));
  owner->columns.resize(static_cast<size_t>(last - first) * column_count);
  auto* columns = owner->columns.data();
  for (auto at = first; at != last; ++at, columns += column_count) {
    const auto& segment = **at;
    const auto end = segment.row_count != 0
                       ? segment.first_row + segment.row_count
                       : row_end;
    const auto from = std::max(lower, segment.first_row);
    const auto to = std::min(upper, end);
    if (from >= to)
      continue;
    describe(*owner, segment, columns);
    auto& view = out.segments.emplace_back();
    view.row_count = static_cast<uint32_t>(to - from);
    view.order_base = from;
    view.index = segment.index;
    if (from == segment.first_row && to == end)
      view.zones = segment.zones;
    else if (from != segment.first_row)
      copy_rows(*owner, columns,
                static_cast<uint32_t>(from - segment.first_row), view.row_count,
                view);
    view.columns = {columns, column_count};
  }
  out.owner = std::move(owner);
  return out;
}

} // namespace millrace::persistence
