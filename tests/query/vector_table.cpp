#include "vector_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

namespace millrace::query::testing_support {

namespace {

using persistence::column_view;
using persistence::segment_view;
using persistence::symbol_range;
using persistence::zone_map;

class vector_index : public persistence::symbol_index {
public:
  std::map<uint32_t, std::vector<uint16_t>> lists;
  std::span<const uint16_t> rows(uint32_t code,
                                 uint32_t row_count) const noexcept override {
    const auto found = lists.find(code);
    if (found == lists.end())
      return {};
    const auto end
      = std::lower_bound(found->second.begin(), found->second.end(), row_count);
    return {found->second.begin(), end};
  }
};

/// Owns all that a view points to.
struct storage {
  std::deque<std::vector<std::byte>> buffers;
  std::deque<std::string> texts;
  std::deque<vector_dictionary> dictionaries;
  std::deque<std::vector<column_view>> columns;
  std::deque<std::vector<zone_map>> zones;
  std::deque<std::vector<symbol_range>> ranges;
  std::deque<std::vector<uint32_t>> orders;
  std::deque<vector_index> indexes;
};

template <class T>
void push(std::vector<std::byte>& to, T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  to.insert(to.end(), first, first + sizeof value);
}

void push_cell(std::vector<std::byte>& to, const cell& value,
               column_type type) {
  if (type == column_type::float_)
    return push(to, std::get<double>(value));
  if (type == column_type::real)
    return push(to, static_cast<float>(std::get<double>(value)));
  const auto x = std::get<int64_t>(value);
  switch (width_of(type)) {
    case 1:
      return push(to,
                  static_cast<uint8_t>(
                    x == null_long && type == column_type::char_ ? ' ' : x));
    case 2:
      return push(to, x == null_long ? null_short : static_cast<int16_t>(x));
    case 4:
      return push(to, x == null_long ? null_int : static_cast<int32_t>(x));
    default:
      return push(to, x);
  }
}

zone_map zone_of(const std::vector<placed_row>& rows, size_t begin, size_t end,
                 size_t column, column_type type,
                 const vector_dictionary* dictionary) {
  zone_map zone;
  if (type == column_type::string || type == column_type::guid)
    return {false, std::numeric_limits<int64_t>::min(), inf_long,
            -std::numeric_limits<double>::infinity(),
            std::numeric_limits<double>::infinity()};
  zone.may_be_null = false;
  for (auto i = begin; i < end; ++i) {
    const auto& value = rows[i].cells[column];
    double as_float = 0;
    int64_t as_integer = 0;
    if (const auto* x = std::get_if<double>(&value)) {
      if (std::isnan(*x)) {
        zone.may_be_null = true;
        continue;
      }
      as_float = *x;
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      if (text->empty()) {
        zone.may_be_null = true;
        continue;
      }
      as_integer = *dictionary->find(*text);
    } else {
      as_integer = std::get<int64_t>(value);
      if (as_integer == null_long) {
        zone.may_be_null = true;
        continue;
      }
    }
    zone.low = zone.empty ? as_integer : std::min(zone.low, as_integer);
    zone.high = zone.empty ? as_integer : std::max(zone.high, as_integer);
    zone.low_float = zone.empty ? as_float : std::min(zone.low_float, as_float);
    zone.high_float
      = zone.empty ? as_float : std::max(zone.high_float, as_float);
    zone.empty = false;
  }
  return zone;
}

std::vector<std::string> distinct(const std::vector<placed_row>& rows,
                                  size_t column, bool sorted) {
  std::vector<std::string> out{""};
  std::set<std::string> seen{""};
  for (const auto& row : rows)
    if (seen.insert(std::get<std::string>(row.cells[column])).second)
      out.push_back(std::get<std::string>(row.cells[column]));
  if (sorted)
    out.assign(seen.begin(), seen.end());
  return out;
}

void fill_segment(storage& store, const table_schema& schema,
                  const std::vector<placed_row>& rows, size_t begin, size_t end,
                  const layout& how,
                  const std::vector<const vector_dictionary*>& dictionaries,
                  segment_view& segment) {
  segment.row_count = static_cast<uint32_t>(end - begin);
  auto& columns = store.columns.emplace_back();
  auto& zones = store.zones.emplace_back();
  for (size_t c = 0; c < schema.columns.size(); ++c) {
    const auto type = schema.columns[c].type;
    auto& buffer = store.buffers.emplace_back();
    column_view view;
    view.type = type;
    auto& text = store.texts.emplace_back();
    for (auto i = begin; i < end; ++i) {
      const auto& value = rows[i].cells[c];
      if (type == column_type::symbol) {
        push(buffer, *dictionaries[c]->find(std::get<std::string>(value)));
      } else if (type == column_type::string) {
        text += std::get<std::string>(value);
        push(buffer, static_cast<uint32_t>(text.size()));
      } else if (type == column_type::guid) {
        const auto* bytes = reinterpret_cast<const std::byte*>(
          std::get<std::string>(value).data());
        buffer.insert(buffer.end(), bytes, bytes + 16);
      } else {
        push_cell(buffer, value, type);
      }
    }
    view.values = buffer.data();
    view.dictionary = dictionaries[c];
    view.text = text.data();
    columns.push_back(view);
    zones.push_back(zone_of(rows, begin, end, c, type, dictionaries[c]));
  }
  segment.columns = columns;
  if (how.zones)
    segment.zones = zones;
}

} // namespace

persistence::table_view make_view(const table_schema& full,
                                  std::vector<placed_row>& rows,
                                  const layout& how, size_t columns_kept) {
  auto schema = std::make_shared<table_schema>(full);
  if (columns_kept < schema->columns.size())
    schema->columns.resize(columns_kept);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].part_order = how.part_order;
    rows[i].order = how.order_base + i;
  }
  const auto symbol = *schema->column_index(schema->symbol_column);
  const auto time = *schema->column_index(schema->time_column);
  auto stored = rows;
  if (how.sorted)
    std::stable_sort(stored.begin(), stored.end(),
                     [&](const placed_row& a, const placed_row& b) {
                       if (a.cells[symbol] != b.cells[symbol])
                         return a.cells[symbol] < b.cells[symbol];
                       return a.cells[time] < b.cells[time];
                     });
  auto store = std::make_shared<storage>();
  std::vector<const vector_dictionary*> dictionaries;
  for (size_t c = 0; c < schema->columns.size(); ++c)
    dictionaries.push_back(
      schema->columns[c].type == column_type::symbol
        ? &store->dictionaries.emplace_back(distinct(stored, c, how.sorted))
        : nullptr);
  persistence::table_view view;
  view.schema = schema;
  view.part_order = how.part_order;
  const auto step = how.sorted ? std::max<size_t>(stored.size(), 1)
                               : size_t{how.segment_rows};
  for (size_t begin = 0; begin < stored.size(); begin += step) {
    const auto end = std::min(begin + step, stored.size());
    auto& segment = view.segments.emplace_back();
    fill_segment(*store, *schema, stored, begin, end, how, dictionaries,
                 segment);
    segment.order_base = how.order_base + begin;
    if (how.sorted) {
      auto& ranges = store->ranges.emplace_back();
      auto& order = store->orders.emplace_back();
      for (size_t i = begin; i < end; ++i) {
        const auto code = *dictionaries[symbol]->find(
          std::get<std::string>(stored[i].cells[symbol]));
        if (ranges.empty() || ranges.back().code != code)
          ranges.push_back({code, static_cast<uint32_t>(i), 0});
        ranges.back().end = static_cast<uint32_t>(i + 1);
        order.push_back(static_cast<uint32_t>(stored[i].order));
      }
      segment.ranges = ranges;
      segment.order = order.data();
    } else if (how.indexed) {
      auto& index = store->indexes.emplace_back();
      for (size_t i = begin; i < end; ++i)
        index
          .lists[*dictionaries[symbol]->find(
            std::get<std::string>(stored[i].cells[symbol]))]
          .push_back(static_cast<uint16_t>(i - begin));
      segment.index = &index;
    }
  }
  view.owner = store;
  return view;
}

} // namespace millrace::query::testing_support
