#include <millrace/query/execution/plan_run.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>

#include <algorithm>
#include <utility>

namespace millrace::query {

namespace {

class runner {
public:
  runner(std::vector<table_data>& fetched, const run_options& options)
    : fetched_{fetched}, options_{options} {
    for (const auto& each : fetched_)
      held_ += each.byte_count();
  }

  /// What is held when it returns: what it gives, and all that later steps
  /// take.
  result<table_data> run(const physical_node& node) {
    const auto before = std::exchange(used_, 0);
    auto out
      = std::visit([&](const auto& what) { return on(what, node); }, node.what);
    const auto used = std::exchange(used_, before);
    if (!out)
      return out;
    if (options_.stop.stopped())
      return options_.stop.fault("between two steps");
    if (out->row_count >= no_row)
      return error{errc::limit_exceeded,
                   options_.process + ": a step of the query has "
                     + std::to_string(out->row_count)
                     + " rows, more than the next one takes"};
    held_ += out->byte_count();
    if (auto fault = refuse_more(0))
      return fault;
    held_ -= used;
    return out;
  }

private:
  using outcome = result<table_data>;

  /// Whether all that is held, and so many bytes more, is more than may be.
  [[nodiscard]] error refuse_more(uint64_t bytes) const {
    if (options_.memory_max == 0 || held_ + bytes <= options_.memory_max)
      return {};
    return {errc::limit_exceeded,
            options_.process + ": the rows that the query's steps hold at a "
              + "time take more than " + std::to_string(options_.memory_max)
              + " bytes: ask for less, or raise memory_max of the gateway, or "
                "of the user who asks"};
  }
  /// A step reads it, and holds it until it is done.
  void reads(const table_data& input) { used_ += input.byte_count(); }
  /// A step makes its rows of the input's own columns.
  void takes(const table_data& input) { held_ -= input.byte_count(); }

  outcome on(const fetched_rows& what, const physical_node& node) {
    auto& out = fetched_[what.fragment];
    takes(out);
    // What it was only ordered by stands after its columns.
    if (out.columns.size() > node.columns.size())
      out.columns.resize(node.columns.size());
    return std::move(out);
  }

  outcome on(const fused_rows& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    if (!input)
      return input;
    if (only_projects(what.plan, *input)) {
      takes(*input);
      return project(what.plan, *std::move(input), options_);
    }
    reads(*input);
    return run_fused(what.plan, *input, options_);
  }

  outcome on(const operators::window& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    if (!input)
      return input;
    if (auto fault = refuse_more(columns_to_come(node, *input)))
      return fault;
    takes(*input);
    return run_window(what, node, *std::move(input), options_);
  }

  outcome on(const operators::over& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    if (!input)
      return input;
    if (auto fault = refuse_more(columns_to_come(node, *input)))
      return fault;
    takes(*input);
    return run_over(what, node, *std::move(input), options_);
  }

  /// At least: numbers and times take 8 bytes each.
  [[nodiscard]] static uint64_t columns_to_come(const physical_node& node,
                                                const table_data& input) {
    const auto more = node.columns.size()
                      - std::min(node.columns.size(), input.columns.size());
    return more * input.row_count * sizeof(int64_t);
  }

  template <class Join, class F>
  outcome join(const Join& what, const physical_node& node, F&& how) {
    auto left = run(node.inputs[0]);
    if (!left)
      return left;
    auto right = run(node.inputs[1]);
    if (!right)
      return right;
    reads(*left);
    reads(*right);
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
      reads(*piece);
      pieces.push_back(*std::move(piece));
    }
    if (auto fault = refuse_more(used_))
      return fault;
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
  uint64_t held_ = 0; ///< Bytes of what was fetched, or made, and is needed.
  uint64_t used_ = 0; ///< Of what the step that runs reads.
};

} // namespace

result<table_data> run_plan(const physical_node& node,
                            std::vector<table_data>& fetched,
                            const run_options& options) {
  return runner{fetched, options}.run(node);
}

} // namespace millrace::query
