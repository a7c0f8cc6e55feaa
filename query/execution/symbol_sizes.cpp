#include <millrace/query/execution/scan.hpp>
#include <millrace/query/execution/symbol_sizes_internal.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

using persistence::symbol_dictionary;

/// Rows by code, of one dictionary.
using code_counts = std::map<const symbol_dictionary*, std::vector<uint64_t>>;

void add_counts(const code_counts& counts,
                std::map<std::string, uint64_t, std::less<>>& sizes) {
  for (const auto& [dictionary, of] : counts)
    for (uint32_t code = 0; code < of.size(); ++code)
      if (of[code] > 0)
        sizes[std::string{dictionary->text(code)}] += of[code];
}

/// Counts a segment by its index. @returns false when it has none.
bool count_by_index(const persistence::segment_view& segment, size_t column,
                    code_counts& counts) {
  if (!segment.index || segment.source || column >= segment.columns.size())
    return false;
  const auto* dictionary = segment.columns[column].dictionary;
  if (!dictionary)
    return false;
  auto& of = counts[dictionary];
  of.resize(dictionary->size());
  for (uint32_t code = 0; code < of.size(); ++code)
    of[code] += segment.index->rows(code, segment.row_count).size();
  return true;
}

/// Counts what a plan of groups by symbol looks at in sorted parts by their
/// ranges. @returns the parts of which that cannot be told
result<std::vector<persistence::table_view>>
count_by_ranges(const logical_plan& counted,
                std::vector<persistence::table_view> parts,
                const execution_options& options,
                std::map<std::string, uint64_t, std::less<>>& sizes) {
  scan_setup setup{counted};
  setup.parts = parts;
  setup.stop = options.stop;
  if (auto fault = prepare(setup, options.morsel_rows))
    return fault;
  std::vector<uint8_t> is_other(parts.size(), 0);
  for (const auto& unit : setup.units)
    if (unit.how != scan_unit::kind::ranges)
      is_other[setup.bindings[unit.binding].part] = 1;
  code_counts counts;
  for (const auto& unit : setup.units) {
    const auto& binding = setup.bindings[unit.binding];
    const auto* dictionary = binding.dictionaries[binding.sort_symbol];
    if (is_other[binding.part] != 0)
      continue;
    auto& of = counts[dictionary];
    of.resize(dictionary->size());
    for (const auto& range :
         ranges_within(setup.segment_of(unit), unit.begin, unit.end))
      of[range.code]
        += std::min(range.end, unit.end) - std::max(range.begin, unit.begin);
  }
  add_counts(counts, sizes);
  for (const auto& held : setup.opened)
    if (auto fault = held->fault())
      return fault;
  std::vector<persistence::table_view> others;
  for (size_t part = 0; part < parts.size(); ++part)
    if (is_other[part] != 0)
      others.push_back(std::move(parts[part]));
  return others;
}

} // namespace

error add_symbol_sizes(const logical_plan& plan,
                       const std::vector<persistence::table_view>& parts,
                       const execution_options& options,
                       std::map<std::string, uint64_t, std::less<>>& sizes) {
  code_counts counts;
  std::vector<persistence::table_view> others;
  for (const auto& part : parts) {
    const auto column = part.schema->column_index(plan.symbol_column);
    auto rest = part;
    if (column)
      std::erase_if(rest.segments, [&](const auto& segment) {
        return count_by_index(segment, *column, counts);
      });
    if (!rest.segments.empty())
      others.push_back(std::move(rest));
  }
  add_counts(counts, sizes);
  if (others.empty())
    return {};
  auto counted = plan;
  counted.outputs.clear();
  counted.keys = {{plan.symbol_column, 0, "symbol", false}};
  counted.aggregates = {{aggregate_function::count, {}, "rows"}};
  auto rest = count_by_ranges(counted, std::move(others), options, sizes);
  if (!rest)
    return rest.failure();
  others = *std::move(rest);
  if (others.empty())
    return {};
  auto partial = execute(counted, std::move(others), options);
  if (!partial)
    return partial.failure();
  merger merged{std::move(counted), options.stop};
  if (auto fault = merged.add(*std::move(partial)))
    return fault;
  const auto table = merged.finish();
  if (!table)
    return table.failure();
  for (uint64_t row = 0; row < table->row_count; ++row)
    sizes[std::string{table->columns[0].text(row)}]
      += static_cast<uint64_t>(table->columns[1].as<int64_t>()[row]);
  return {};
}

} // namespace millrace::query
