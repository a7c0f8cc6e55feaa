#include <millrace/query/front/sql/select_internal.hpp>
#include <millrace/query/plan/bar.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::sql {

namespace {

using fold = aggregate_function;
using over_fn = operators::over_function;

/// What PostgreSQL's parser says of a frame.
enum frame_bit : int64_t {
  frame_is_written = 0x1,
  frame_by_range = 0x2,
  frame_by_rows = 0x4,
  frame_from_all = 0x20,
  frame_to_all = 0x100,
  frame_from_before = 0x800,
  frame_to_before = 0x1000,
  frame_from_after = 0x2000,
  frame_to_after = 0x4000,
  frame_excludes = 0x8000 | 0x10000 | 0x20000,
};

struct named_window_function {
  std::string_view name;
  over_fn function;
  size_t arguments_min;
  size_t arguments_max;
};
constexpr std::array window_functions{
  named_window_function{"row_number", over_fn::row_number, 0, 0},
  named_window_function{"rank", over_fn::rank, 0, 0},
  named_window_function{"dense_rank", over_fn::dense_rank, 0, 0},
  named_window_function{"percent_rank", over_fn::percent_rank, 0, 0},
  named_window_function{"cume_dist", over_fn::cume_dist, 0, 0},
  named_window_function{"ntile", over_fn::ntile, 1, 1},
  named_window_function{"lag", over_fn::shifted, 1, 3},
  named_window_function{"lead", over_fn::shifted, 1, 3},
  named_window_function{"first_value", over_fn::value_at, 1, 1},
  named_window_function{"last_value", over_fn::value_at, 1, 1},
  named_window_function{"nth_value", over_fn::value_at, 2, 2},
};

/// The function of a frame that an aggregate is.
std::optional<over_fn> over_function_of(fold function) {
  switch (function) {
    case fold::count:
      return over_fn::count;
    case fold::sum:
      return over_fn::sum;
    case fold::avg:
      return over_fn::avg;
    case fold::min:
      return over_fn::min;
    case fold::max:
      return over_fn::max;
    default:
      return std::nullopt;
  }
}

bool same_values(const std::vector<expression>& a,
                 const std::vector<expression>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same);
}

bool same_order(const std::vector<window_order>& a,
                const std::vector<window_order>& b) {
  return std::equal(
    a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return is_same(x.value, y.value) && x.descending == y.descending
             && x.has_flag == y.has_flag && x.nulls_first == y.nulls_first;
    });
}

} // namespace

bool has_window(const json_value& node) {
  if (node.is_array())
    return std::any_of(node.elements().begin(), node.elements().end(),
                       has_window);
  return std::any_of(
    node.entries().begin(), node.entries().end(), [](const auto& each) {
      return each.key != "SelectStmt"
             && ((each.key == "FuncCall" && each.value.find("over"))
                 || has_window(each.value));
    });
}

/// One call of a function with OVER.
class window_lowering {
public:
  window_lowering(row_scope& scope, const json_value& body, uint32_t place)
    : scope_{scope}, owner_{scope.owner_}, windows_{*scope.windows_},
      body_{body}, place_{place}, name_{names_in(body.at("funcname")).back()},
      inner_{scope.owner_, scope.rows_, scope.groups_} {}

  result<expression> run() {
    if (auto fault = take_definition(body_.at("over")))
      return fault;
    if (auto fault = take_frame())
      return fault;
    if (is_aggregate(name_))
      return aggregate();
    const auto known
      = std::find_if(window_functions.begin(), window_functions.end(),
                     [&](const auto& each) { return each.name == name_; });
    if (known == window_functions.end())
      return owner_.refused(place_,
                            "there is no window function '" + name_ + "'");
    for (const auto* each : {"agg_star", "agg_distinct", "agg_filter",
                             "agg_order", "agg_within_group", "func_variadic"})
      if (body_.find(each))
        return owner_.refused(place_, "'" + name_
                                        + "' takes no DISTINCT, FILTER, ORDER "
                                          "BY and star");
    return function(*known);
  }

private:
  // -- OVER -------------------------------------------------------------------

  const json_value* find_named(const std::string& name) const {
    if (windows_.named)
      for (const auto& each : windows_.named->elements()) {
        const auto window = tree_of(each);
        if (window["name"].text_or_empty() == name)
          return window.body;
      }
    return nullptr;
  }

  error take_definition(const json_value& over) {
    const auto* own = &over;
    const auto& name = over.at("name").text_or_empty();
    if (!name.empty()) {
      own = find_named(name);
      if (!own)
        return no_window(name);
    }
    const auto* from = own;
    const auto& base = own->at("refname").text_or_empty();
    if (!base.empty()) {
      from = find_named(base);
      if (!from)
        return no_window(base);
      if (!from->at("refname").text_or_empty().empty())
        return owner_.refused(place_, "a WINDOW of a WINDOW of another is not "
                                      "there");
    }
    for (const auto& each : from->at("partitionClause").elements()) {
      auto value = inner_.operand(each);
      if (!value)
        return value.failure();
      if (value->what != expression::kind::constant)
        call_.by.push_back(*std::move(value));
    }
    for (const auto* list : {&from->at("orderClause"),
                             from == own ? nullptr : &own->at("orderClause")})
      if (list)
        for (const auto& each : list->elements())
          if (auto fault = take_order(tree_of(each)))
            return fault;
    definition_ = own;
    return {};
  }

  error no_window(const std::string& name) const {
    return owner_.wrong(place_, "there is no window '" + name + "'",
                        errc::not_found);
  }

  error take_order(const tree& item) {
    const auto& direction = item["sortby_dir"].text_or_empty();
    if (direction == "SORTBY_USING")
      return owner_.refused(place_, "ORDER BY ... USING is not there");
    auto value = inner_.operand(item["node"]);
    if (!value)
      return value.failure();
    if (value->what == expression::kind::constant)
      return {};
    window_order made;
    made.descending = direction == "SORTBY_DESC";
    const auto& nulls = item["sortby_nulls"].text_or_empty();
    made.nulls_first = nulls == "SORTBY_NULLS_FIRST"
                       || (nulls == "SORTBY_NULLS_DEFAULT" && made.descending);
    made.has_flag
      = made.nulls_first == made.descending && !inner_.never_null(*value);
    made.value = *std::move(value);
    call_.order.push_back(std::move(made));
    return {};
  }

  error take_frame() {
    const auto bits = definition_->at("frameOptions").integer().value_or(0);
    if (!(bits & frame_is_written)) {
      frame_ = {std::nullopt, 0, true};
      return {};
    }
    if (bits & frame_excludes)
      return owner_.refused(place_, "EXCLUDE in a frame is not there");
    if (!(bits & (frame_by_rows | frame_by_range)))
      return owner_.refused(place_, "GROUPS in a frame is not there");
    frame_.with_peers = (bits & frame_by_range) != 0;
    const auto bound = [&](bool all, bool before, bool after, const char* key,
                           std::optional<int64_t>& to) -> error {
      if (all)
        return {};
      to = 0;
      if (!before && !after)
        return {};
      auto count = frame_.with_peers
                     ? distance(definition_->at(key))
                     : whole_constant(definition_->at(key), 0, "a frame");
      if (!count)
        return count.failure();
      frame_.by_value = frame_.with_peers;
      to = before ? -*count : *count;
      return {};
    };
    if (auto fault = bound(bits & frame_from_all, bits & frame_from_before,
                           bits & frame_from_after, "startOffset", frame_.from))
      return fault;
    return bound(bits & frame_to_all, bits & frame_to_before,
                 bits & frame_to_after, "endOffset", frame_.to);
  }

  /// How far the values of RANGE are apart, in the unit of its order.
  result<int64_t> distance(const json_value& node) {
    if (call_.order.size() != 1)
      return owner_.wrong(place_,
                          "RANGE with a distance has an ORDER BY of one "
                          "column");
    const auto type = call_.order.front().value.type;
    const bool of_numbers = is_whole(type);
    const auto unit
      = type == column_type::date ? int64_t{86'400'000'000'000}
        : type == column_type::timestamp || type == column_type::timespan ? 1
        : type == column_type::time || type == column_type::second
            || type == column_type::minute
          ? unit_ns(type)
          : 0;
    if (!of_numbers && unit == 0)
      return owner_.refused(place_, "RANGE with a distance of an order of type "
                                      + std::string{to_string(type)}
                                      + " is not there");
    const auto value = inner_.operand(node);
    if (!value)
      return value.failure();
    const auto* number
      = value->what == expression::kind::constant && value->values.size() == 1
          ? std::get_if<int64_t>(&value->values.front())
          : nullptr;
    if (!number || *number < 0
        || (of_numbers
              ? !is_whole(value->type)
              : value->type != column_type::timespan || *number % unit != 0))
      return owner_.wrong(
        place_, "a distance of RANGE is "
                  + std::string{of_numbers ? "a whole number from 0 on"
                                           : "a span of time, as INTERVAL '1 "
                                             "minute', that fits its order"});
    return of_numbers ? *number : *number / unit;
  }

  result<int64_t> whole_constant(const json_value& node, int64_t least,
                                 const std::string& of) const {
    const auto what = tree_of(node);
    const bool is_whole
      = what.kind == "A_Const" && what.body && what.body->find("ival");
    const auto value = is_whole ? owner_.whole_number(*what.body) : 0;
    if (!is_whole || value < least)
      return owner_.wrong(
        what.body ? owner_.place_of(*what.body, place_) : place_,
        of + " takes a whole number"
          + (least < -1 ? std::string{}
                        : " from " + std::to_string(least) + " on"));
    return value;
  }

  /// Whether all rows of a group are counted beside each.
  [[nodiscard]] bool is_whole_group() const {
    return (!frame_.from && !frame_.to)
           || (frame_.with_peers && call_.order.empty());
  }

  // -- functions --------------------------------------------------------------

  /// The functions of the same rows in the same order, where an order matters.
  window_call& shared_call(bool ordered) {
    if (!ordered)
      call_.order.clear();
    for (auto& each : windows_.calls)
      if (same_values(each.by, call_.by) && same_order(each.order, call_.order))
        return each;
    windows_.calls.push_back(std::move(call_));
    return windows_.calls.back();
  }

  /// What an aggregate folds is folded beside each row.
  result<expression> aggregate() {
    group_state groups;
    row_scope folds{owner_, scope_.rows_, &groups};
    auto out = folds.aggregate(body_, place_, inner_);
    if (!out)
      return out;
    for (const auto& each : groups.non_null)
      windows_.non_null.push_back(each);
    if (is_whole_group()) {
      auto& totals = shared_call(false).totals;
      std::move(groups.folds.begin(), groups.folds.end(),
                std::back_inserter(totals));
      return out;
    }
    auto& columns = shared_call(true).columns;
    for (auto& each : groups.folds) {
      const auto function = over_function_of(each.function);
      if (!function)
        return owner_.refused(place_, "with an order or a frame there are sum, "
                                      "avg, min, max and count, not '"
                                        + name_ + "'");
      operators::over_column made{each.name, *function,
                                  std::move(each.arguments), 0, frame_};
      if (made.arguments.empty())
        made.arguments.push_back(truth_constant(true));
      columns.push_back(std::move(made));
    }
    return out;
  }

  result<expression> function(const named_window_function& known) {
    const auto& nodes = body_.at("args").elements();
    if (nodes.size() < known.arguments_min
        || nodes.size() > known.arguments_max)
      return owner_.wrong(
        place_,
        "'" + name_ + "' takes " + std::to_string(known.arguments_min)
          + (known.arguments_min == known.arguments_max
               ? " values"
               : " to " + std::to_string(known.arguments_max) + " values"));
    operators::over_column made;
    made.function = known.function;
    made.rows = frame_;
    auto type = column_type::long_;
    if (known.function == over_fn::percent_rank
        || known.function == over_fn::cume_dist)
      type = column_type::float_;
    if (auto fault = take_count(made, nodes))
      return fault;
    if (known.function == over_fn::shifted
        || known.function == over_fn::value_at) {
      if (auto fault = take_value(made, nodes))
        return fault;
      type = made.arguments.front().type;
    }
    made.name = owner_.next_name("~w");
    if (known.function <= over_fn::ntile)
      windows_.non_null.push_back(made.name);
    auto out = typed_column(made.name, type, place_);
    shared_call(true).columns.push_back(std::move(made));
    return out;
  }

  error take_count(operators::over_column& made,
                   const json_value::list& nodes) const {
    constexpr auto any = std::numeric_limits<int64_t>::min() + 1;
    made.count = name_ == "last_value" ? -1 : name_ == "row_number" ? 0 : 1;
    if (made.function < over_fn::ntile)
      made.count = 0;
    const size_t at = name_ == "ntile" ? 0 : 1;
    if (nodes.size() > at && (made.function == over_fn::ntile || at == 1)) {
      auto count
        = whole_constant(nodes[at], made.function == over_fn::shifted ? any : 1,
                         "'" + name_ + "'");
      if (!count)
        return count.failure();
      made.count = *count;
    }
    if (name_ == "lead")
      made.count = -made.count;
    return {};
  }

  error take_value(operators::over_column& made,
                   const json_value::list& nodes) {
    auto value = inner_.operand(nodes.front());
    if (!value)
      return value.failure();
    value = inner_.with_null(*std::move(value), place_);
    if (!value)
      return value.failure();
    made.arguments.push_back(*std::move(value));
    if (nodes.size() < 3)
      return {};
    const auto type = made.arguments.front().type;
    auto otherwise = inner_.operand(nodes[2]);
    if (otherwise)
      otherwise = inner_.adapted(*std::move(otherwise), nodes[2], type);
    if (!otherwise)
      return otherwise.failure();
    if (is_null_constant(*otherwise))
      return {};
    if (otherwise->type != type
        && !(is_text(otherwise->type) && is_text(type))) {
      if (!is_numeric(type) || !is_numeric(otherwise->type))
        return owner_.wrong(
          place_, "'" + name_ + "' is of type " + std::string{to_string(type)}
                    + ", its third value of "
                    + std::string{to_string(otherwise->type)});
      const auto both = number_of_both(type, otherwise->type);
      auto& values = made.arguments.front();
      auto cast = inner_.cast(std::move(values), both, place_);
      otherwise = inner_.cast(*std::move(otherwise), both, place_);
      if (!cast || !otherwise)
        return cast ? otherwise.failure() : cast.failure();
      values = *std::move(cast);
    }
    made.arguments.push_back(*std::move(otherwise));
    return {};
  }

  row_scope& scope_;
  lowering& owner_;
  window_state& windows_;
  const json_value& body_;
  uint32_t place_;
  std::string name_;
  row_scope inner_; ///< Of what stands within it: no window functions.
  window_call call_;
  const json_value* definition_ = nullptr;
  operators::frame frame_;
};

result<expression> row_scope::windowed(const json_value& body, uint32_t place) {
  if (!windows_)
    return owner_.wrong(place, "a window function stands in SELECT and ORDER "
                               "BY; put the query into FROM");
  return window_lowering{*this, body, place}.run();
}

error put_windows(lowering& owner, relation& rows, window_state& windows) {
  auto& plan = rows.plan;
  operators::project helpers{columns_of(plan)};
  const auto there = helpers.columns.size();
  const auto name_of = [&](const expression& what) {
    if (is_column(what))
      return what.name;
    for (size_t i = there; i < helpers.columns.size(); ++i)
      if (is_same(helpers.columns[i].value, what))
        return helpers.columns[i].name;
    helpers.columns.push_back({owner.next_name("~p"), what});
    return helpers.columns.back().name;
  };
  std::vector<plan_node::operation> steps;
  for (auto& call : windows.calls) {
    operators::over ordered;
    for (const auto& each : call.by)
      ordered.by.push_back(name_of(each));
    if (!call.totals.empty())
      steps.push_back(
        operators::window{ordered.by, {}, std::move(call.totals)});
    if (call.columns.empty())
      continue;
    for (const auto& each : call.order) {
      if (each.has_flag) {
        auto flag = call_of(scalar_function::is_null, {each.value});
        flag.type = column_type::boolean;
        ordered.order.push_back({name_of(flag), each.nulls_first});
      }
      ordered.order.push_back({name_of(each.value), each.descending});
    }
    ordered.columns = std::move(call.columns);
    steps.push_back(std::move(ordered));
  }
  if (helpers.columns.size() > there)
    if (auto fault = owner.put(plan, std::move(helpers), 0))
      return fault;
  for (auto& each : steps)
    if (auto fault = owner.put(plan, std::move(each), 0))
      return fault;
  return {};
}

} // namespace millrace::query::sql
