#pragma once

#include <millrace/query/execution/kernels.hpp>

#include <limits>

namespace millrace::query {

/// Values of a batch side by side, a block at a time: numbers as doubles (null
/// is NaN) or as widened integers (null is null_long). A column that is not
/// there is null; of type boolean or byte, which have no null, it is zero.
inline constexpr uint32_t number_block_rows = 1024;

/// Rows of a batch that one block takes.
struct row_block {
  uint32_t base = 0;
  uint32_t count = 0;
  const uint16_t* rows = nullptr;
  const uint32_t* groups = nullptr; ///< nullptr: all of the batch's group.
};

template <class Use>
void each_block(const row_batch& batch, Use&& use) {
  for (uint32_t start = 0; start < batch.count; start += number_block_rows)
    use(row_block{batch.rows ? batch.base : batch.base + start,
                  std::min(number_block_rows, batch.count - start),
                  batch.rows ? batch.rows + start : nullptr,
                  batch.groups ? batch.groups + start : nullptr});
}

/// Reads `block` of `column`, whose plan says `type`, into `out`.
/// @returns `out`, or the column itself where it is laid out like that.
inline const double* numbers(const column_ref& column, column_type type,
                             const row_block& block, double* out) {
  if (!column.values) {
    const bool zero
      = type == column_type::boolean || type == column_type::byte_;
    std::fill_n(out, block.count,
                zero ? 0.0 : std::numeric_limits<double>::quiet_NaN());
    return out;
  }
  if (column.type == column_type::float_ && !block.rows)
    return column.as<double>() + block.base;
  with_number(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.template as<typename loader::raw>() + block.base;
    auto number = [](typename loader::raw raw) {
      const auto x = loader::widen(raw);
      if constexpr (std::is_same_v<
                      loader, load_float> || std::is_same_v<loader, load_real>)
        return x;
      else
        return x == null_long ? std::numeric_limits<double>::quiet_NaN()
                              : static_cast<double>(x);
    };
    if (block.rows)
      for (uint32_t i = 0; i < block.count; ++i)
        out[i] = number(from[block.rows[i]]);
    else
      for (uint32_t i = 0; i < block.count; ++i)
        out[i] = number(from[i]);
  });
  return out;
}

/// As `numbers`. @pre the column is not of floats
inline const int64_t* integers(const column_ref& column, column_type type,
                               const row_block& block, int64_t* out) {
  if (!column.values) {
    const bool zero
      = type == column_type::boolean || type == column_type::byte_;
    std::fill_n(out, block.count, zero ? 0 : null_long);
    return out;
  }
  if (width_of(column.type) == 8 && !block.rows)
    return column.as<int64_t>() + block.base;
  with_integer(column.type, [&](auto load) {
    using loader = decltype(load);
    const auto* from = column.template as<typename loader::raw>() + block.base;
    if (block.rows)
      for (uint32_t i = 0; i < block.count; ++i)
        out[i] = loader::widen(from[block.rows[i]]);
    else
      for (uint32_t i = 0; i < block.count; ++i)
        out[i] = loader::widen(from[i]);
  });
  return out;
}

} // namespace millrace::query
