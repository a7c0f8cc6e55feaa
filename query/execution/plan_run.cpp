#include <millrace/query/execution/plan_run.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace millrace::query {

namespace {

class runner {
public:
  runner(std::vector<table_data>& fetched, const run_options& options)
    : fetched_{fetched}, options_{options}, room_{options.stop.memory} {}

  /// To be called first: takes memory for what was fetched.
  error begin() {
    for (const auto& each : fetched_)
      held_ += each.byte_count();
    return room_.set(held_);
  }

  /// What is held when it returns: what it gives, and all that later steps
  /// take.
  result<table_data> run(const physical_node& node) {
    const auto before = std::exchange(used_, 0);
    const auto inputs_before = std::exchange(inputs_ns_, 0);
    const auto began = now_ns();
    auto out
      = std::visit([&](const auto& what) { return on(what, node); }, node.what);
    const auto used = std::exchange(used_, before);
    const auto took = now_ns() - began;
    note(node, out, took - inputs_ns_);
    inputs_ns_ = inputs_before + took;
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
    if (auto refused = room_.set(held_))
      return refused;
    held_ -= used;
    if (auto refused = room_.set(held_))
      return refused;
    return out;
  }

private:
  using outcome = result<table_data>;

  [[nodiscard]] int64_t now_ns() const {
    return options_.steps && options_.stop.clock
             ? options_.stop.clock->monotonic_ns()
             : 0;
  }
  void note(const physical_node& node, const outcome& out, int64_t ns) const {
    if (options_.steps && out
        && !std::holds_alternative<fetched_rows>(node.what))
      options_.steps->push_back(
        {name_of(node), out->row_count, out->byte_count(), ns});
  }
  /// Of a step, in a word or two.
  static std::string name_of(const physical_node& node) {
    if (const auto* fused = std::get_if<fused_rows>(&node.what))
      return fused->plan.grouped()           ? "groups"
             : !fused->plan.ordering.empty() ? "order"
             : fused->plan.sublist           ? "limit"
             : fused->plan.filters.empty()   ? "columns"
                                             : "filter";
    constexpr std::array<const char*, 8> names{
      "rows",       "rows",        "window", "window",
      "as-of join", "window join", "join",   "union"};
    return names.at(node.what.index());
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
    held_memory columns{options_.stop.memory};
    if (auto refused = columns.set(columns_to_come(node, *input)))
      return refused;
    takes(*input);
    return run_window(what, node, *std::move(input), options_);
  }

  outcome on(const operators::over& what, const physical_node& node) {
    auto input = run(node.inputs[0]);
    if (!input)
      return input;
    held_memory columns{options_.stop.memory};
    if (auto refused = columns.set(columns_to_come(node, *input)))
      return refused;
    takes(*input);
    return run_over(what, node, *std::move(input), options_);
  }

  /// Numbers and times take 8 bytes each.
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
    held_memory room{options_.stop.memory};
    if (auto refused = room.set(used_))
      return refused;
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
  held_memory room_;  ///< What the steps hold of the question's memory.
  uint64_t held_ = 0; ///< Bytes of what was fetched, or made, and is needed.
  uint64_t used_ = 0; ///< Of what the step that runs reads.
  int64_t inputs_ns_ = 0; ///< What the inputs of the step that runs took.
};

} // namespace

result<table_data> run_plan(const physical_node& node,
                            std::vector<table_data>& fetched,
                            const run_options& options) {
  auto own = options;
  std::optional<memory_account> account;
  if (!own.stop.memory && own.memory_max != 0) {
    account.emplace(
      memory_account::limits{
        .most = own.memory_max,
        .process = own.process,
        .key = "memory_max of the gateway, or of the user who asks"},
      "the query on table '" + own.stop.table + "'");
    own.stop.memory = &*account;
  }
  runner steps{fetched, own};
  if (auto refused = steps.begin())
    return refused;
  return steps.run(node);
}

} // namespace millrace::query
