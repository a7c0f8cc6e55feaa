#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>
#include <millrace/query/plan/bar.hpp>

#include <algorithm>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

/// Which side of a join's inequality is looked for.
struct time_pair {
  expression left;
  expression right;
  fn comparison = fn::greater_equal; ///< left `comparison` right
};

class join_lowering {
public:
  join_lowering(lowering& owner, relation left, relation right,
                const json_value& body)
    : owner_{owner}, left_{std::move(left)}, right_{std::move(right)},
      body_{body}, place_{place_of_table()} {}

  result<relation> run() {
    const auto& type = body_.at("jointype").text_or_empty();
    inner_ = type == "JOIN_INNER";
    full_ = type == "JOIN_FULL";
    if (type == "JOIN_RIGHT") {
      std::swap(left_, right_);
      swapped_ = true;
    } else if (!inner_ && !full_ && type != "JOIN_LEFT") {
      return owner_.refused(place_, "of joins there are INNER, LEFT, RIGHT, "
                                    "FULL and ASOF");
    }
    if (body_.find("usingClause")) {
      if (auto fault = take_names())
        return fault;
    } else if (body_.find("quals")) {
      for (const auto* each : all_of(body_.at("quals")))
        if (auto fault = take_condition(*each))
          return fault;
    } else if (!inner_ || body_.find("isNatural")) {
      return owner_.refused(place_, "a join needs ON or USING");
    }
    if (as_of_)
      return as_of();
    return equal();
  }

private:
  struct key {
    expression left;
    expression right;
  };

  uint32_t place_of_table() {
    const auto right = tree_of(body_.at("rarg"));
    return right.body ? owner_.place_of(*right.body) : 0;
  }

  static const scope_column* find(const relation& rows,
                                  const std::string& name) {
    for (const auto& each : rows.columns)
      if (each.name == name && !each.is_merged)
        return &each;
    return nullptr;
  }

  error take_names() {
    auto names = names_in(body_.at("usingClause"));
    bool add_times = false;
    if (names.front() == "__asof" || names.front() == "__asof_on") {
      as_of_ = true;
      add_times = names.front() == "__asof_on";
      names.erase(names.begin());
      if (!names.empty() && names.front().starts_with("__tolerance=")) {
        if (auto fault = take_tolerance(names.front().substr(12)))
          return fault;
        names.erase(names.begin());
      }
    }
    std::vector<key> found;
    for (const auto& name : names) {
      auto* left = find(left_, name);
      auto* right = find(right_, name);
      if (!left || !right)
        return owner_.wrong(
          place_, "USING: one side of the join has no column '" + name + "'",
          errc::not_found);
      found.push_back({left->value, right->value});
      merged_.push_back(name);
      for (auto& each : right_.columns)
        if (each.name == name && !each.is_merged) {
          each.is_merged = true;
          each.is_starred = false;
        }
    }
    if (as_of_ && !add_times) {
      if (found.empty())
        return owner_.wrong(place_, "USING of an ASOF JOIN ends with the time");
      time_ = {found.back().left, found.back().right, fn::greater_equal};
      found.pop_back();
    }
    if (add_times) {
      const auto left = time_of(left_);
      const auto right = time_of(right_);
      if (!left || !right)
        return owner_.wrong(place_, "which columns are the times of the ASOF "
                                    "JOIN? Write ON a.time >= b.time");
      time_ = {*left, *right, fn::greater_equal};
    }
    keys_ = std::move(found);
    return {};
  }

  static std::optional<expression> time_of(const relation& rows) {
    std::optional<expression> out;
    for (const auto& each : rows.columns) {
      if (each.value.type != column_type::timestamp)
        continue;
      if (is_column(each.value) && each.value.name == rows.time_column)
        return each.value;
      if (out)
        return std::nullopt;
      out = each.value;
    }
    return out;
  }

  error take_tolerance(std::string_view written) {
    const auto span = parse_width(written);
    if (!span)
      return owner_.wrong(place_, span.failure().context);
    if (span->months != 0 || span->ns < 0)
      return owner_.wrong(place_, "TOLERANCE is a span of a fixed length");
    tolerance_ns_ = span->ns;
    return {};
  }

  /// The value in terms of one side; none: it needs the other one.
  result<expression> on_side(const json_value& node, bool of_left) {
    row_scope scope{owner_, of_left ? left_ : right_};
    scope.set_other(of_left ? &right_ : &left_);
    return scope.operand(node);
  }

  error take_condition(const json_value& node) {
    const auto what = tree_of(node);
    if (what.kind == "FuncCall") {
      const auto name = names_in(what["funcname"]).back();
      if (name == "__asof") {
        as_of_ = true;
        return {};
      }
      if (name == "__tolerance")
        return take_tolerance(tree_of(what["args"].elements()[0])["sval"]
                                .at("sval")
                                .text_or_empty());
    }
    bool taken = false;
    if (what.kind == "A_Expr" && what["kind"].text_or_empty() == "AEXPR_OP")
      if (auto fault = take_comparison(*what.body, taken))
        return fault;
    if (!taken)
      rest_.push_back(&node);
    return {};
  }

  error take_comparison(const json_value& body, bool& taken) {
    const auto sign = names_in(body.at("name")).back();
    const bool inequality
      = sign == ">=" || sign == ">" || sign == "<=" || sign == "<";
    if (sign != "=" && !inequality)
      return {};
    if (inequality && !as_of_)
      return {};
    auto a = on_side(body.at("lexpr"), true);
    auto b = on_side(body.at("rexpr"), false);
    bool turned = false;
    if (!a || !b) {
      auto c = on_side(body.at("rexpr"), true);
      auto d = on_side(body.at("lexpr"), false);
      for (const auto* each : {&a, &b, &c, &d})
        if (!*each && each->failure().code == errc::unsupported)
          return each->failure();
      if (!c || !d)
        return {};
      a = std::move(c);
      b = std::move(d);
      turned = true;
    }
    if (a->what == expression::kind::constant
        || b->what == expression::kind::constant)
      return {};
    taken = true;
    if (sign == "=") {
      keys_.push_back({*std::move(a), *std::move(b)});
      return {};
    }
    const auto place = owner_.place_of(body);
    if (time_)
      return owner_.wrong(place, "an ASOF JOIN has one inequality");
    const bool greater = sign.front() == '>';
    const bool strict = sign.size() == 1;
    fn comparison = greater != turned
                      ? (strict ? fn::greater : fn::greater_equal)
                      : (strict ? fn::less : fn::less_equal);
    time_ = {*std::move(a), *std::move(b), comparison};
    return {};
  }

  /// Both sides of a key as one type.
  error align(expression& left, expression& right) {
    if (left.type == right.type)
      return {};
    row_scope scope{owner_, left_};
    std::optional<column_type> type;
    if (is_numeric(left.type) && is_numeric(right.type))
      type = number_of_both(left.type, right.type);
    const auto is_point = [](column_type each) {
      return each == column_type::date || each == column_type::timestamp;
    };
    if (is_point(left.type) && is_point(right.type))
      type = column_type::timestamp;
    if (!type)
      return owner_.wrong(
        place_, "values of types " + std::string{to_string(left.type)} + " and "
                  + std::string{to_string(right.type)} + " are not joined");
    for (auto* each : {&left, &right}) {
      auto made = scope.cast(std::move(*each), *type, place_);
      if (!made)
        return made.failure();
      *each = *std::move(made);
    }
    return {};
  }

  /// Adds the conditions that a side's rows must pass.
  error keep(relation& rows, std::vector<expression> conditions) {
    if (conditions.empty())
      return {};
    return owner_.put(rows.plan, operators::filter{std::move(conditions)},
                      place_);
  }

  /// What is left of ON: for the right side's rows, or for pairs of rows.
  error take_rest() {
    for (const auto* node : rest_) {
      std::vector<expression> conditions;
      row_scope right{owner_, right_};
      right.set_other(&left_);
      if (!full_ && !right.add_conditions(*node, conditions)) {
        if (auto fault = keep(right_, std::move(conditions)))
          return fault;
        continue;
      }
      if (as_of_)
        return owner_.refused(place_, "ON of this join has conditions on keys "
                                      "and on the joined table only");
      of_pairs_.push_back(node);
    }
    return {};
  }

  [[nodiscard]] bool is_unique(const relation& rows, bool of_left) const {
    return std::any_of(
      rows.unique.begin(), rows.unique.end(), [&](const auto& names) {
        return std::all_of(names.begin(), names.end(), [&](const auto& name) {
          return std::any_of(keys_.begin(), keys_.end(), [&](const auto& each) {
            const auto& value = of_left ? each.left : each.right;
            return is_column(value) && value.name == name;
          });
        });
      });
  }

  result<relation> equal() {
    if (auto fault = take_rest())
      return fault;
    operators::equi_join what;
    what.inner = inner_;
    what.full = full_;
    // Each row of a side has one of the other at most.
    right_once_ = is_unique(right_, false);
    if (right_once_ || !inner_ || !is_unique(left_, true)) {
      what.all = !right_once_ || full_ || !of_pairs_.empty();
    } else {
      std::swap(left_, right_);
      swapped_ = !swapped_;
      for (auto& each : keys_)
        std::swap(each.left, each.right);
      right_once_ = true;
      what.all = !of_pairs_.empty();
    }
    return put(std::move(what));
  }

  result<relation> as_of() {
    if (!time_)
      return owner_.wrong(place_, "ON of an ASOF JOIN has one inequality of "
                                  "times, as a.time >= b.time");
    if (auto fault = take_rest())
      return fault;
    auto& [left, right, comparison] = *time_;
    if (auto fault = align(left, right))
      return fault;
    const auto type = left.type;
    operators::asof_join what;
    const bool forward = comparison == fn::less || comparison == fn::less_equal;
    what.where = forward ? operators::asof_join::direction::forward
                         : operators::asof_join::direction::backward;
    row_scope rights{owner_, right_};
    row_scope lefts{owner_, left_};
    if (tolerance_ns_) {
      const auto width
        = type == column_type::timestamp || type == column_type::timespan
            ? 1
            : unit_ns(type);
      if (type != column_type::timestamp && type != column_type::timespan
          && type != column_type::time && type != column_type::second
          && type != column_type::minute)
        return owner_.refused(place_, "TOLERANCE of times of type "
                                        + std::string{to_string(type)});
      what.tolerance = *tolerance_ns_ / width;
    }
    if (forward) {
      // A null on the left is at or before all, and joins nothing in SQL.
      auto there = lefts.call(fn::is_null, {left}, place_);
      if (!there)
        return there.failure();
      keys_.push_back({*std::move(there), truth_constant(false)});
    }
    non_null_time_ = right;
    if (comparison == fn::less || comparison == fn::greater) {
      if (tolerance_ns_)
        return owner_.refused(place_, "TOLERANCE stands with >= and <=");
      auto moved = rights.call(
        forward ? fn::subtract : fn::add,
        {right, constant_of(column_type::long_, int64_t{1}, place_)}, place_);
      if (!moved)
        return moved.failure();
      right = *std::move(moved);
    }
    keys_.push_back({left, right});
    what.inner = inner_;
    return put(std::move(what));
  }

  /// The join itself: keys have names of their own on both sides, columns of
  /// the right side new names.
  template <class Join>
  result<relation> put(Join what) {
    const bool keeps_left_order = !swapped_;
    for (auto& each : keys_)
      if (auto fault = align(each.left, each.right))
        return fault;
    // Nulls are equal to each other there, and join nothing in SQL.
    if (!full_) {
      std::vector<expression> there;
      for (const auto& each : keys_)
        if (auto fault = add_null_test(each.right, there))
          return fault;
      if (non_null_time_)
        if (auto fault = add_null_test(*non_null_time_, there))
          return fault;
      if (auto fault = keep(right_, std::move(there)))
        return fault;
    }

    relation out;
    operators::project lefts{columns_of(left_.plan)};
    operators::project rights;
    for (const auto& each : keys_) {
      what.on.push_back(owner_.next_name("~k"));
      lefts.columns.push_back({what.on.back(), each.left});
      rights.columns.push_back({what.on.back(), each.right});
    }
    std::vector<scope_column> right_columns;
    for (auto& each : right_.columns) {
      auto made = each;
      auto name = each.table + "." + each.name;
      const auto taken
        = [&](const auto& column) { return column.name == name; };
      if (std::any_of(lefts.columns.begin(), lefts.columns.end(), taken)
          || std::any_of(rights.columns.begin(), rights.columns.end(), taken))
        name = owner_.next_name(name + "~");
      rights.columns.push_back({name, each.value});
      made.value = typed_column(name, each.value.type);
      made.is_unknown = each.is_unknown
                        || (!inner_ && each.value.type == column_type::boolean);
      right_columns.push_back(std::move(made));
    }
    note_what_is_known(out, right_columns);
    if constexpr (std::is_same_v<Join, operators::equi_join>)
      if (auto fault
          = add_pair_conditions(what, right_columns, keeps_left_order))
        return fault;
    if (auto fault = owner_.put(left_.plan, std::move(lefts), place_))
      return fault;
    if (auto fault = owner_.put(right_.plan, std::move(rights), place_))
      return fault;
    const auto names_of_keys = what.on;
    out.plan = std::move(left_.plan);
    if (auto fault
        = owner_.put(out.plan, std::move(right_.plan), std::move(what), place_))
      return fault;
    if (full_)
      merge_keys(names_of_keys);
    out.columns = std::move(left_.columns);
    out.columns.insert(keeps_left_order ? out.columns.end()
                                        : out.columns.begin(),
                       right_columns.begin(), right_columns.end());
    return out;
  }

  /// Of the joined rows: what is never null, there once, and their time.
  void
  note_what_is_known(relation& out,
                     const std::vector<scope_column>& right_columns) const {
    if (inner_)
      for (size_t i = 0; i < right_.columns.size(); ++i)
        if (right_.never_null(right_.columns[i].value))
          out.non_null.push_back(right_columns[i].value.name);
    if (!full_) {
      out.non_null.insert(out.non_null.end(), left_.non_null.begin(),
                          left_.non_null.end());
      if (as_of_ || right_once_)
        out.unique = left_.unique;
      out.time_column = left_.time_column;
    }
  }

  /// What is left of ON, of a left and a right row that have equal keys.
  error add_pair_conditions(operators::equi_join& what,
                            const std::vector<scope_column>& right_columns,
                            bool left_first) {
    // Neither side's row is missing there.
    auto rights = right_columns;
    relation both;
    both.non_null = left_.non_null;
    for (size_t i = 0; i < rights.size(); ++i) {
      rights[i].is_unknown = right_.columns[i].is_unknown;
      if (right_.never_null(right_.columns[i].value))
        both.non_null.push_back(rights[i].value.name);
    }
    both.columns = left_.columns;
    both.columns.insert(left_first ? both.columns.end() : both.columns.begin(),
                        rights.begin(), rights.end());
    row_scope scope{owner_, both};
    for (const auto* each : of_pairs_)
      if (auto fault = scope.add_conditions(*each, what.where))
        return fault;
    if (!full_)
      return {};
    // Of all rows those without a key stay, and are joined to none.
    for (size_t i = 0; i < keys_.size(); ++i) {
      if (left_.never_null(keys_[i].left) || right_.never_null(keys_[i].right))
        continue;
      auto missing = scope.call(
        fn::is_null, {typed_column(what.on[i], keys_[i].left.type)}, place_);
      if (!missing)
        return missing.failure();
      auto there = scope.call(fn::logical_not, {*std::move(missing)}, place_);
      if (!there)
        return there.failure();
      what.where.push_back(*std::move(there));
    }
    return {};
  }

  /// USING of a full join: the one name stands for the key of either side.
  void merge_keys(const std::vector<std::string>& names_of_keys) {
    for (auto& each : left_.columns)
      each.is_unknown |= each.value.type == column_type::boolean;
    std::vector<scope_column> made;
    for (size_t i = 0; i < merged_.size(); ++i)
      for (auto& each : left_.columns)
        if (each.name == merged_[i] && !each.is_merged) {
          made.push_back({"", each.name,
                          typed_column(names_of_keys[i], keys_[i].left.type)});
          each.is_merged = true;
          each.is_starred = false;
        }
    left_.columns.insert(left_.columns.begin(), made.begin(), made.end());
  }

  error add_null_test(const expression& what, std::vector<expression>& out) {
    if (right_.never_null(what))
      return {};
    row_scope scope{owner_, right_};
    auto missing = scope.call(fn::is_null, {what}, place_);
    if (!missing)
      return missing.failure();
    auto there = scope.call(fn::logical_not, {*std::move(missing)}, place_);
    if (!there)
      return there.failure();
    out.push_back(*std::move(there));
    return {};
  }

  lowering& owner_;
  relation left_;
  relation right_;
  const json_value& body_;
  uint32_t place_;
  bool inner_ = false;
  bool full_ = false;
  bool swapped_ = false;
  bool as_of_ = false;
  std::vector<key> keys_;
  std::optional<time_pair> time_;
  std::optional<expression> non_null_time_;
  std::optional<int64_t> tolerance_ns_;
  std::vector<std::string> merged_; ///< Names of USING.
  bool right_once_ = false;
  std::vector<const json_value*> rest_;
  std::vector<const json_value*> of_pairs_;
};

} // namespace

result<relation> joined_rows(lowering& owner, relation left, relation right,
                             const json_value& body) {
  return join_lowering{owner, std::move(left), std::move(right), body}.run();
}

} // namespace millrace::query::sql
