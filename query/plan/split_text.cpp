#include <millrace/query/plan/indented_internal.hpp>
#include <millrace/query/plan/split.hpp>

namespace millrace::query {

namespace {

void print(const physical_node& node, size_t depth, std::string& out) {
  for (const auto& input : node.inputs)
    print(input, depth + 1, out);
  const std::string indent(2 * depth, ' ');
  if (const auto* from = std::get_if<fetched_rows>(&node.what)) {
    out += indent + "fragment " + std::to_string(from->fragment) + '\n';
    return;
  }
  if (const auto* over = std::get_if<fused_rows>(&node.what)) {
    out += indented(to_string(over->plan), indent);
    return;
  }
  plan_node alone;
  std::visit(
    [&](const auto& what) {
      if constexpr (
        !std::is_same_v<
          std::decay_t<decltype(what)>,
          fetched_rows> && !std::is_same_v<std::decay_t<decltype(what)>, fused_rows>)
        alone.what = what;
    },
    node.what);
  out += indent + to_string(alone);
}

} // namespace

std::string to_string(const split_plan& plan) {
  std::string out;
  if (plan.in_stores)
    out += "-- where a store has both tables, and they follow each other\n"
           + to_string(*plan.in_stores) + "-- else\n";
  for (size_t i = 0; i < plan.fragments.size(); ++i) {
    if (!plan.is_fragment())
      out += "-- fragment " + std::to_string(i) + ", in the stores\n";
    out += to_string(plan.fragments[i]);
  }
  if (plan.is_fragment())
    return out;
  out += "-- in the gateway\n";
  print(plan.rest, 0, out);
  return out;
}

} // namespace millrace::query
