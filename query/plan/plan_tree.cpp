#include <millrace/messages/base/name_table.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/plan_tree.hpp>

namespace millrace::query {

namespace operators {

namespace {

constexpr name_table<window_function, 21> window_names{{
  {window_function::sums, "sums"},
  {window_function::prds, "prds"},
  {window_function::maxs, "maxs"},
  {window_function::mins, "mins"},
  {window_function::avgs, "avgs"},
  {window_function::moving_sum, "msum"},
  {window_function::moving_average, "mavg"},
  {window_function::moving_max, "mmax"},
  {window_function::moving_min, "mmin"},
  {window_function::moving_count, "mcount"},
  {window_function::moving_deviation, "mdev"},
  {window_function::exponential_average, "ema"},
  {window_function::deltas, "deltas"},
  {window_function::ratios, "ratios"},
  {window_function::differ, "differ"},
  {window_function::previous, "prev"},
  {window_function::next, "next"},
  {window_function::shifted, "xprev"},
  {window_function::fills, "fills"},
  {window_function::rank, "rank"},
  {window_function::row_number, "i"},
}};

constexpr name_table<over_function, 13> over_names{{
  {over_function::row_number, "row_number"},
  {over_function::rank, "rank"},
  {over_function::dense_rank, "dense_rank"},
  {over_function::percent_rank, "percent_rank"},
  {over_function::cume_dist, "cume_dist"},
  {over_function::ntile, "ntile"},
  {over_function::shifted, "lag"},
  {over_function::value_at, "nth_value"},
  {over_function::count, "count"},
  {over_function::sum, "sum"},
  {over_function::avg, "avg"},
  {over_function::min, "min"},
  {over_function::max, "max"},
}};

} // namespace

std::string_view to_string(over_function function) noexcept {
  return over_names.name_of(function);
}

std::string_view to_string(window_function function) noexcept {
  return window_names.name_of(function);
}

std::optional<window_function>
window_function_of(std::string_view name) noexcept {
  return window_names.find(name);
}

std::vector<std::string_view> window_function_names() {
  return window_names.names();
}

} // namespace operators

namespace {

using namespace operators;

class printer {
public:
  std::string run(const plan_node& node, size_t depth) {
    for (const auto& input : node.inputs)
      run(input, depth + 1);
    out_.append(2 * depth, ' ');
    std::visit([&](const auto& what) { print(what); }, node.what);
    out_ += '\n';
    return out_;
  }

private:
  void add(const std::vector<std::string>& names) {
    for (const auto& each : names)
      out_ += " " + each;
  }
  void add(const std::vector<computed>& columns) {
    for (const auto& each : columns)
      out_ += " " + each.name + ":" + query::to_string(each.value);
  }
  void add(const std::vector<folded>& columns) {
    for (const auto& each : columns) {
      out_ += " " + each.name + ":"
              + std::string{query::to_string(each.function)} + "(";
      for (size_t i = 0; i < each.arguments.size(); ++i)
        out_ += (i ? "," : "") + query::to_string(each.arguments[i]);
      if (each.fraction != 0)
        out_ += "," + to_text(literal{each.fraction}, std::nullopt);
      out_ += ")";
    }
  }

  void print(const scan& what) { out_ += "scan " + what.schema.name; }
  void print(const filter& what) {
    out_ += "filter";
    for (const auto& each : what.conditions)
      out_ += " " + query::to_string(each);
  }
  void print(const project& what) {
    out_ += "project";
    add(what.columns);
  }
  void print(const operators::aggregate& what) {
    out_ += "aggregate";
    add(what.columns);
    if (!what.keys.empty())
      out_ += " by";
    add(what.keys);
  }
  void print(const window& what) {
    out_ += "window";
    for (const auto& each : what.columns) {
      out_ += " " + each.name + ":"
              + std::string{operators::to_string(each.function)} + "(";
      if (each.count != 0)
        out_ += std::to_string(each.count) + ",";
      if (each.weight != 0)
        out_ += std::to_string(each.weight) + ",";
      out_ += query::to_string(each.argument) + ")";
    }
    add(what.totals);
    if (!what.by.empty())
      out_ += " by";
    add(what.by);
  }
  void add(const std::vector<sort_key>& keys) {
    for (const auto& each : keys)
      out_ += (each.descending ? " desc " : " asc ") + each.column;
  }
  void print(const over& what) {
    out_ += "over";
    for (const auto& each : what.columns) {
      out_ += " " + each.name + ":"
              + std::string{operators::to_string(each.function)} + "(";
      if (each.count != 0)
        out_
          += std::to_string(each.count) + (each.arguments.empty() ? "" : ",");
      for (size_t i = 0; i < each.arguments.size(); ++i)
        out_ += (i ? "," : "") + query::to_string(each.arguments[i]);
      out_ += ")";
      if (each.function < over_function::value_at)
        continue;
      out_ += each.rows.with_peers ? " range" : " rows";
      for (const auto& bound : {each.rows.from, each.rows.to})
        out_ += " " + (bound ? std::to_string(*bound) : "all");
    }
    if (!what.by.empty())
      out_ += " by";
    add(what.by);
    if (!what.order.empty())
      out_ += " order";
    add(what.order);
  }
  void print(const operators::sort& what) {
    out_ += "order";
    add(what.keys);
  }
  void print(const limit& what) {
    out_ += "limit " + std::to_string(what.count);
    if (what.skip != 0)
      out_ += " but the first " + std::to_string(what.skip);
  }
  void print(const asof_join& what) {
    out_ += what.inner ? "inner as-of join" : "as-of join";
    if (what.where == asof_join::direction::forward)
      out_ += " forward";
    if (what.where == asof_join::direction::nearest)
      out_ += " nearest";
    if (what.tolerance)
      out_ += " within " + std::to_string(*what.tolerance);
    out_ += " on";
    add(what.on);
  }
  void print(const window_join& what) {
    out_ += "window join within " + std::to_string(what.low) + " "
            + std::to_string(what.high);
    if (what.prevailing)
      out_ += " prevailing";
    add(what.columns);
    out_ += " on";
    add(what.on);
  }
  void print(const equi_join& what) {
    out_ += what.inner ? "inner join" : what.full ? "full join" : "left join";
    if (what.single)
      out_ += " of one row";
    if (what.all)
      out_ += " of all rows";
    if (!what.on.empty())
      out_ += " on";
    add(what.on);
    for (const auto& each : what.where)
      out_ += (&each == &what.where.front() ? " where " : " and ")
              + to_string(each);
  }
  void print(const union_all&) { out_ += "union"; }

  std::string out_;
};

} // namespace

std::string to_string(const plan_node& plan) { return printer{}.run(plan, 0); }

} // namespace millrace::query
