#include <millrace/query/execution/aggregate_state.hpp>
#include <millrace/query/execution/aggregate_states_internal.hpp>

namespace millrace::query {

aggregate_state::aggregate_state(const aggregate& spec,
                                 const logical_plan& plan,
                                 std::vector<uint32_t> inputs)
  : spec_{spec}, name_{spec.name}, inputs_{std::move(inputs)} {
  std::vector<column_type> types;
  for (const auto& column : spec.columns)
    types.push_back(*plan.type_of(column));
  result_type_ = *result_type(spec.function, types);
  if (!types.empty())
    input_type_ = types[0];
}

column_data aggregate_state::result_column(size_t rows) const {
  column_data out{name_, result_type_, {}, {}, {}};
  out.values.reserve(rows * width_of(result_type_));
  return out;
}

column_data* aggregate_state::add_columns(std::vector<column_data>& out,
                                          size_t rows) const {
  const auto first = out.size();
  for (auto& column : state_columns()) {
    out.push_back({std::move(column.name), column.type, {}, {}, {}});
    out.back().values.reserve(rows * width_of(column.type));
  }
  return out.data() + first;
}

error aggregate_state::overflow() const {
  std::string what{to_string(spec_.function)};
  for (size_t i = 0; i < spec_.columns.size(); ++i)
    what += (i == 0 ? " of column '" : "', '") + spec_.columns[i];
  return {errc::overflow, what + "' (" + name_ + ") does not fit a "
                            + std::string{to_string(result_type_)}
                            + " of 64 bits"};
}

std::unique_ptr<aggregate_state> make_state(const aggregate& spec,
                                            const logical_plan& plan,
                                            std::vector<uint32_t> inputs) {
  using fn = aggregate_function;
  const bool floats
    = !spec.columns.empty() && is_float(*plan.type_of(spec.columns[0]));
  state_args args{spec, plan, std::move(inputs)};
  switch (spec.function) {
    case fn::count:
      return make_count(std::move(args));
    case fn::sum:
      return floats ? make_float_sum(std::move(args))
                    : make_integer_sum(std::move(args));
    case fn::sumsq:
      return floats ? make_float_squares(std::move(args))
                    : make_integer_squares(std::move(args));
    case fn::avg:
      return floats ? make_float_average(std::move(args))
                    : make_integer_average(std::move(args));
    case fn::min:
    case fn::max:
      return make_extreme(std::move(args));
    case fn::first:
    case fn::last:
      return make_edge(std::move(args));
    case fn::wavg:
    case fn::wsum:
      return make_weighted(std::move(args));
    case fn::dev:
    case fn::var:
    case fn::sdev:
    case fn::svar:
    case fn::scov:
    case fn::cov:
    case fn::cor:
      return make_moments(std::move(args));
    case fn::med:
    case fn::percentile:
    case fn::percentile_discrete:
      return make_values(std::move(args));
    case fn::distinct: {
      const auto type = *plan.type_of(spec.columns[0]);
      return is_text(type) || type == column_type::guid
               ? make_text_set(std::move(args))
               : make_values(std::move(args));
    }
    case fn::prd:
      return floats ? make_values(std::move(args))
                    : make_integer_product(std::move(args));
  }
  MILLRACE_ASSERT(false);
  return nullptr;
}

} // namespace millrace::query
