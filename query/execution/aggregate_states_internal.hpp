#pragma once

#include <millrace/query/execution/aggregate_state.hpp>

#include <memory>

// The kinds of states: whole numbers and extremes in integer_states.cpp, sums
// of floats in float_states.cpp, deviations and correlations in
// moment_states.cpp, first and last in row_states.cpp, what needs all values in
// value_states.cpp, distinct texts in text_states.cpp.

namespace millrace::query {

struct state_args {
  const aggregate& spec;
  const logical_plan& plan;
  std::vector<uint32_t> inputs;
};

using state_pointer = std::unique_ptr<aggregate_state>;

[[nodiscard]] state_pointer make_count(state_args args);
[[nodiscard]] state_pointer make_integer_sum(state_args args);
[[nodiscard]] state_pointer make_integer_average(state_args args);
[[nodiscard]] state_pointer make_integer_squares(state_args args);
[[nodiscard]] state_pointer make_integer_product(state_args args);
[[nodiscard]] state_pointer make_extreme(state_args args);
[[nodiscard]] state_pointer make_float_sum(state_args args);
[[nodiscard]] state_pointer make_float_squares(state_args args);
[[nodiscard]] state_pointer make_float_average(state_args args);
[[nodiscard]] state_pointer make_weighted(state_args args);
[[nodiscard]] state_pointer make_moments(state_args args);
[[nodiscard]] state_pointer make_edge(state_args args);
[[nodiscard]] state_pointer make_values(state_args args);
[[nodiscard]] state_pointer make_text_set(state_args args);

} // namespace millrace::query
