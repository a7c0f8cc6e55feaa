#pragma once

#include <millrace/query/execution/expression_program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace millrace::query {

/// A computed column, and its values of a unit of a scan, or of one vector of
/// it at a time. Owner: one thread.
struct computed_values {
  computed_values(uint32_t number, column_type is, const expression& value,
                  expression_program made, bool is_filtered)
    : column{number}, type{is}, what{value}, program{std::move(made)},
      filtered{is_filtered} {}

  uint32_t column;
  column_type type;
  const expression& what; ///< Of the plan.
  expression_program program;
  bool filtered; ///< Computed before the others, for fewer rows then.
  std::vector<std::byte> values;
  uint32_t origin = 0;    ///< Row of the first value.
  bool by_vector = false; ///< Those of the last vector only.
  text::interner texts;

  /// For rows [begin, end); none of them: for one vector at a time.
  [[nodiscard]] column_ref make_room(uint32_t begin, uint32_t end) {
    by_vector = begin == end;
    origin = begin;
    values.resize((by_vector ? vector_rows : end - begin) * width_of(type));
    return in_place();
  }

  /// Computes rows `base + (rows ? rows[i] : i)`. @returns the column, which
  /// has values of these rows.
  [[nodiscard]] column_ref compute(std::span<const column_ref> columns,
                                   uint32_t base, const uint16_t* rows,
                                   uint32_t count) {
    if (by_vector)
      origin = base;
    program.run(columns, base, rows, count);
    program.store(values.data(), origin, texts);
    return in_place();
  }

private:
  /// Where a stored column would stand.
  [[nodiscard]] column_ref in_place() const {
    column_ref out;
    out.type = type;
    out.values = values.data() - size_t{origin} * width_of(type);
    out.dictionary_ends = texts.ends().data();
    out.bytes = texts.bytes().data();
    return out;
  }
};

} // namespace millrace::query
