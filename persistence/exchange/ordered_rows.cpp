#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/exchange/ordered_rows.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <queue>

namespace millrace::persistence {

namespace {

error fault_of(const segment_values& values) {
  for (const auto& held : values.held)
    if (held)
      if (auto fault = held->fault())
        return fault;
  return {};
}

template <class T>
void put(std::vector<std::byte>& into, const T* values, size_t count) {
  const auto* first = reinterpret_cast<const std::byte*>(values);
  into.insert(into.end(), first, first + count * sizeof(T));
}

} // namespace

result<ordered_rows>
ordered_rows::open(std::shared_ptr<const hdb_snapshot> snapshot,
                   const std::string& table,
                   const std::vector<const hdb_part*>& parts) {
  ordered_rows out;
  out.snapshot_ = std::move(snapshot);
  out.schema_ = out.snapshot_->schema(table);
  if (!out.schema_)
    return error{errc::not_found, out.snapshot_->manifest().no_table(table)};
  if (auto fault = out.open_parts(parts))
    return fault;
  out.symbols_.resize(out.schema_->columns.size());
  for (size_t i = 0; i < out.schema_->columns.size(); ++i)
    if (out.schema_->columns[i].type == column_type::symbol)
      out.merge_symbols(i);
  if (auto fault = out.order_runs())
    return fault;
  return out;
}

error ordered_rows::open_parts(const std::vector<const hdb_part*>& parts) {
  std::vector<uint32_t> symbols;
  for (uint32_t i = 0; i < schema_->columns.size(); ++i)
    if (schema_->columns[i].type == column_type::symbol)
      symbols.push_back(i);
  for (const auto* part : parts) {
    opened_part next;
    next.view = snapshot_->view(*part);
    const auto& closed = next.view.segments.front();
    auto opened = closed.source->open(symbols, true, next.held);
    if (!opened)
      return opened.failure();
    next.segment = *opened;
    next.places.resize(schema_->columns.size());
    row_count_ += next.segment.row_count;
    parts_.push_back(std::move(next));
  }
  // Of two rows with the same time that of the later part came later.
  std::stable_sort(parts_.begin(), parts_.end(),
                   [](const auto& a, const auto& b) {
                     return a.view.part_order < b.view.part_order;
                   });
  return {};
}

void ordered_rows::merge_symbols(size_t column) {
  auto& all = symbols_[column];
  all.emplace_back();
  for (const auto& part : parts_)
    if (const auto* dictionary = part.segment.columns[column].dictionary)
      for (uint32_t code = 1; code < dictionary->size(); ++code)
        all.push_back(dictionary->text(code));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (auto& part : parts_)
    if (const auto* dictionary = part.segment.columns[column].dictionary)
      for (uint32_t code = 0; code < dictionary->size(); ++code)
        part.places[column].push_back(static_cast<uint32_t>(
          std::lower_bound(all.begin(), all.end(), dictionary->text(code))
          - all.begin()));
}

void ordered_rows::append(run next) {
  if (!runs_.empty() && runs_.back().part == next.part
      && runs_.back().end == next.begin)
    runs_.back().end = next.end;
  else
    runs_.push_back(next);
}

error ordered_rows::order_runs() {
  const auto column = *schema_->column_index(schema_->symbol_column);
  std::map<uint32_t, std::vector<run>> by_symbol;
  for (uint32_t i = 0; i < parts_.size(); ++i)
    for (const auto& range : parts_[i].segment.ranges) {
      const auto& places = parts_[i].places[column];
      if (range.code >= places.size() || range.begin > range.end
          || range.end > parts_[i].segment.row_count)
        return {errc::corrupt, "a part of table '" + schema_->name
                                 + "' has ranges beyond its rows"};
      by_symbol[places[range.code]].push_back({i, range.begin, range.end});
    }
  for (const auto& [symbol, of_symbol] : by_symbol)
    if (of_symbol.size() == 1)
      append(of_symbol.front());
    else if (auto fault = merge_by_time(of_symbol))
      return fault;
  uint64_t end = 0;
  for (const auto& each : runs_)
    ends_.push_back(end += each.end - each.begin);
  if (end != row_count_)
    return {errc::corrupt, "the parts of table '" + schema_->name + "' have "
                             + std::to_string(row_count_)
                             + " rows, and ranges of " + std::to_string(end)};
  return {};
}

/// Rows of one symbol that lie in several parts, each ordered by time.
error ordered_rows::merge_by_time(const std::vector<run>& of_symbol) {
  const auto column
    = static_cast<uint32_t>(*schema_->column_index(schema_->time_column));
  std::vector<segment_values> values;
  std::vector<const int64_t*> times;
  for (const auto& each : of_symbol) {
    auto read = parts_[each.part].view.segments.front().source->read(
      column, each.begin, each.end);
    if (!read)
      return read.failure();
    times.push_back(reinterpret_cast<const int64_t*>(read->values));
    values.push_back(*std::move(read));
  }
  // Time, then part.
  using next = std::pair<int64_t, size_t>;
  std::priority_queue<next, std::vector<next>, std::greater<>> open;
  auto left = of_symbol;
  const auto offer = [&](size_t i) {
    if (left[i].begin < left[i].end)
      open.emplace(times[i] ? times[i][left[i].begin] : null_long, i);
  };
  for (size_t i = 0; i < left.size(); ++i)
    offer(i);
  while (!open.empty()) {
    const auto i = open.top().second;
    open.pop();
    append({left[i].part, left[i].begin, left[i].begin + 1});
    ++left[i].begin;
    offer(i);
  }
  for (const auto& each : values)
    if (auto fault = fault_of(each))
      return fault;
  return {};
}

error ordered_rows::read(size_t column, uint64_t begin, uint64_t count,
                         column_piece& into) {
  into.values.clear();
  into.text.clear();
  auto at = static_cast<size_t>(
    std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
  while (count != 0) {
    auto rows = runs_[at];
    const auto length = rows.end - rows.begin;
    rows.begin += static_cast<uint32_t>(begin - (ends_[at] - length));
    rows.end
      = static_cast<uint32_t>(std::min<uint64_t>(rows.end, rows.begin + count));
    if (auto fault = append_values(column, rows, into))
      return fault;
    begin += rows.end - rows.begin;
    count -= rows.end - rows.begin;
    ++at;
  }
  return {};
}

error ordered_rows::append_values(size_t column, const run& rows,
                                  column_piece& into) {
  const auto& part = parts_[rows.part];
  const auto type = schema_->columns[column].type;
  const auto count = rows.end - rows.begin;
  const auto read = part.view.segments.front().source->read(
    static_cast<uint32_t>(column), rows.begin, rows.end);
  if (!read)
    return read.failure();
  if (type == column_type::string) {
    const auto* ends = reinterpret_cast<const uint32_t*>(read->values);
    const auto first
      = ends == nullptr || rows.begin == 0 ? 0 : ends[rows.begin - 1];
    const auto base = into.text.size();
    for (auto row = rows.begin; row < rows.end; ++row) {
      const uint64_t end = base + (ends == nullptr ? 0 : ends[row] - first);
      put(into.values, &end, 1);
    }
    if (ends != nullptr)
      into.text.append(read->text + first, ends[rows.end - 1] - first);
    return fault_of(*read);
  }
  const auto width = width_of(type);
  if (read->values == nullptr) {
    const auto at = into.values.size();
    into.values.resize(at + count * width);
    fill_null(type, into.values.data() + at, count);
    return {};
  }
  if (type == column_type::symbol) {
    const auto* codes = reinterpret_cast<const uint32_t*>(read->values);
    for (auto row = rows.begin; row < rows.end; ++row)
      put(into.values, &part.places[column][codes[row]], 1);
    return fault_of(*read);
  }
  into.values.insert(into.values.end(), read->values + rows.begin * width,
                     read->values + rows.end * width);
  return fault_of(*read);
}

} // namespace millrace::persistence
