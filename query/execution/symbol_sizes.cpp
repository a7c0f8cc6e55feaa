#include <millrace/query/execution/symbol_sizes_internal.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

using persistence::symbol_dictionary;

/// Rows by code, of one dictionary.
using code_counts = std::map<const symbol_dictionary*, std::vector<uint64_t>>;

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
  for (const auto& [dictionary, of] : counts)
    for (uint32_t code = 0; code < of.size(); ++code)
      if (of[code] > 0)
        sizes[std::string{dictionary->text(code)}] += of[code];
  if (others.empty())
    return {};
  auto counted = plan;
  counted.outputs.clear();
  counted.keys = {{plan.symbol_column, 0, "symbol", false}};
  counted.aggregates = {{aggregate_function::count, {}, "rows"}};
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
