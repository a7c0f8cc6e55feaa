#include <millrace/query/execution/plan_run.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>

namespace millrace::query {

namespace {

class runner {
public:
  runner(std::vector<table_data>& fetched, const run_options& options)
    : fetched_{fetched}, options_{options} {}

  result<table_data> run(const physical_node& node) {
    auto out
      = std::visit([&](const auto& what) { return on(what, node); }, node.what);
    if (!out)
      return out;
    if (options_.stop.stopped())
      return options_.stop.fault("between two steps");
    if (out->row_count >= no_row)
      return error{errc::limit_exceeded,
                   options_.process + ": a step of the query has "
                     + std::to_string(out->row_count)
                     + " rows, more than the next one takes"};
    if (options_.memory_max != 0 && out->byte_count() > options_.memory_max)
      return error{errc::limit_exceeded,
                   options_.process + ": the rows between two steps of the "
                     + "query take more than "
                     + std::to_string(options_.memory_max)
                     + " bytes: ask for less, or raise memory_max of "
                       "the gateway, or of the user who asks"};
    return out;
  }

private:
  using outcome = result<table_data>;

  outcome on(const fetched_rows& what, const physical_node& node) {
    auto& out = fetched_[what.fragment];
    // What it was only ordered by stands after its columns.
    if (out.columns.size() > node.columns.size())
      out.columns.resize(node.columns.size());
    return std::move(out);
  }

  outcome on(const fused_rows& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    if (!input)
      return input;
    return only_projects(what.plan, *input)
             ? project(what.plan, *std::move(input), options_)
             : run_fused(what.plan, *input, options_);
  }

  outcome on(const operators::window& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    return input ? run_window(what, node, *std::move(input), options_)
                 : std::move(input);
  }

  outcome on(const operators::over& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    return input ? run_over(what, node, *std::move(input), options_)
                 : std::move(input);
  }

  template <class Join, class F>
  outcome join(const Join& what, const physical_node& node, F&& how) {
    auto left = run(node.inputs[0]);
    if (!left)
      return left;
    auto right = run(node.inputs[1]);
    if (!right)
      return right;
    return how(what, node, *std::move(left), *right, options_);
  }

  outcome on(const operators::asof_join& what, const physical_node& node) {
    return join(what, node, run_asof);
  }
  outcome on(const operators::equi_join& what, const physical_node& node) {
    return join(what, node, run_equi);
  }
  outcome on(const operators::window_join& what, const physical_node& node) {
    return join(what, node, run_window_join);
  }

  outcome on(const operators::union_all&, const physical_node& node) {
    std::vector<table_data> pieces;
    table_data out;
    for (const auto& input : node.inputs) {
      auto piece = run(input);
      if (!piece)
        return piece;
      out.row_count += piece->row_count;
      pieces.push_back(*std::move(piece));
    }
    for (const auto& each : node.columns) {
      column_writer writer{each.name, each.type};
      for (const auto& piece : pieces)
        if (const auto* column = column_named(piece, each.name))
          writer.append_range(ref_of(*column), column, 0, piece.row_count);
        else
          writer.append_nulls(piece.row_count);
      auto column = writer.finish();
      if (!column)
        return column.failure();
      out.columns.push_back(*std::move(column));
    }
    return out;
  }

  std::vector<table_data>& fetched_;
  const run_options& options_;
};

} // namespace

result<table_data> run_plan(const physical_node& node,
                            std::vector<table_data>& fetched,
                            const run_options& options) {
  return runner{fetched, options}.run(node);
}

} // namespace millrace::query
