#include <millrace/actors/torq/rdb/batch_times.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace millrace::torq {

namespace {

/// The first that is null or infinite; `count` when none is.
template <class T>
size_t first_without(const T* times, size_t count) {
  constexpr T highest = std::numeric_limits<T>::max();
  return static_cast<size_t>(std::find_if(times, times + count,
                                          [](T time) {
                                            // 0N, -0W and 0W.
                                            return time < -highest + 1
                                                   || time == highest;
                                          })
                             - times);
}

} // namespace

error check_times(const batch_view& batch, const table_schema& table) {
  if (batch.row_count == 0 || table.time_column.empty())
    return {};
  const auto refused = [&](const std::string& what) {
    return error{errc::schema_mismatch, "table '" + table.name + "': " + what
                                          + ", column '" + table.time_column
                                          + "'"};
  };
  const auto* column = batch.column(table.time_column);
  if (column == nullptr)
    return refused("its rows have no time");
  if (!is_temporal(column->type))
    return {}; // The types are compared elsewhere.
  const size_t count = batch.row_count;
  const auto at = width_of(column->type) == sizeof(int64_t)
                    ? first_without(column->as<int64_t>(), count)
                    : first_without(column->as<int32_t>(), count);
  return at == count ? error{}
                     : refused("row " + std::to_string(at + 1) + " of "
                               + std::to_string(count)
                               + " has no time, or an infinite one");
}

} // namespace millrace::torq
