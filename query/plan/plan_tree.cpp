#include <millrace/messages/base/name_table.hpp>
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

} // namespace

std::string_view to_string(window_function function) noexcept {
  return window_names.name_of(function);
}

std::optional<window_function>
window_function_of(std::string_view name) noexcept {
  return window_names.find(name);
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
  void print(const operators::sort& what) {
    out_ += "order";
    for (const auto& each : what.keys)
      out_ += (each.descending ? " desc " : " asc ") + each.column;
  }
  void print(const limit& what) {
    out_ += "limit " + std::to_string(what.count);
  }
  void print(const asof_join& what) {
    out_ += "as-of join";
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
    out_ += what.inner ? "inner join on" : "left join on";
    add(what.on);
  }
  void print(const union_all&) { out_ += "union"; }

  std::string out_;
};

} // namespace

std::string to_string(const plan_node& plan) { return printer{}.run(plan, 0); }

} // namespace millrace::query
