#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/select_internal.hpp>

#include <algorithm>
#include <set>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

/// What PostgreSQL calls a column without a name.
std::string name_of(const json_value& node) {
  const auto what = tree_of(node);
  if (what.kind == "ColumnRef")
    return names_in(what["fields"]).back();
  if (what.kind == "FuncCall")
    return names_in(what["funcname"]).back();
  if (what.kind == "CaseExpr")
    return "case";
  if (what.kind == "CoalesceExpr")
    return "coalesce";
  if (what.kind == "A_Expr" && what["kind"].text_or_empty() == "AEXPR_NULLIF")
    return "nullif";
  if (what.kind == "MinMaxExpr")
    return what["op"].text_or_empty() == "IS_LEAST" ? "least" : "greatest";
  if (what.kind == "SQLValueFunction") {
    const auto out = text::lower_case(what["op"].text_or_empty().substr(6));
    // With a precision after it.
    return out.ends_with("_n") ? out.substr(0, out.size() - 2) : out;
  }
  if (what.kind == "TypeCast") {
    const auto inner = name_of(what["arg"]);
    return inner != "?column?" ? inner
                               : names_in(what["typeName"].at("names")).back();
  }
  return "?column?";
}

class select_lowering {
public:
  select_lowering(lowering& owner, const json_value& body)
    : owner_{owner}, body_{body} {}

  result<relation> run() {
    const auto before = owner_.name_count();
    if (body_.find("withClause"))
      if (auto fault = owner_.take_names(body_.at("withClause")))
        return fault;
    auto out = lower();
    owner_.forget_names(before);
    return out;
  }

private:
  result<relation> lower() {
    for (const auto* each : {"lockingClause", "intoClause", "valuesLists"})
      if (body_.find(each))
        return owner_.refused(0, "of SELECT there is no INTO, FOR UPDATE or "
                                 "VALUES");
    if (body_.at("op").text_or_empty() != "SETOP_NONE") {
      auto rows = united(owner_, body_);
      if (!rows)
        return rows.failure();
      rows_ = *std::move(rows);
      for (const auto& each : rows_.columns)
        targets_.push_back(
          {each.name, nullptr, each.value, false, each.is_unknown});
    } else {
      if (auto fault = take_from())
        return fault;
      if (auto fault = take_where())
        return fault;
      if (auto fault = take_targets())
        return fault;
      if (auto fault = take_groups())
        return fault;
      if (auto fault = compute())
        return fault;
    }
    name_targets();
    return put_out(owner_, body_, state_);
  }

  error take_from() {
    const auto& from = body_.at("fromClause").elements();
    if (from.empty())
      return owner_.refused(place_, "a SELECT without FROM is not there");
    if (body_.find("whereClause"))
      where_ = all_of(body_.at("whereClause"));
    auto rows = owner_.tables(from, where_);
    if (!rows)
      return rows.failure();
    rows_ = *std::move(rows);
    return {};
  }

  error take_where() {
    if (where_.empty())
      return {};
    row_scope scope{owner_, rows_};
    query_state queries;
    scope.set_queries(&queries);
    std::vector<expression> conditions;
    for (const auto* each : where_)
      if (auto fault = scope.add_conditions(*each, conditions))
        return fault;
    if (conditions.empty())
      return {};
    tidy(conditions);
    // What needs no query within it leaves fewer rows to join it to.
    operators::filter before;
    operators::filter after;
    for (const auto& each : conditions)
      (uses_query(each) ? after : before).conditions.push_back(each);
    if (!before.conditions.empty())
      if (auto fault
          = owner_.put(rows_.plan, std::move(before), conditions.front().place))
        return fault;
    if (auto fault = put_queries(owner_, rows_, queries))
      return fault;
    if (!after.conditions.empty())
      if (auto fault
          = owner_.put(rows_.plan, std::move(after), conditions.front().place))
        return fault;
    for (const auto& each : rows_.plan.columns) {
      const auto column = typed_column(each.name, each.type);
      for (const auto& condition : conditions)
        if (proves(condition, column))
          rows_.non_null.push_back(each.name);
    }
    return {};
  }

  static bool uses_query(const expression& what) {
    std::vector<std::string> names;
    add_columns_of(what, names);
    return std::any_of(names.begin(), names.end(),
                       [](const auto& name) { return name.starts_with("~q"); });
  }

  error take_targets() {
    for (const auto& item : body_.at("targetList").elements()) {
      const auto each = tree_of(item);
      const auto& node = each["val"];
      const auto value = tree_of(node);
      const auto place = owner_.place_of(*each.body);
      const auto names = value.kind == "ColumnRef" ? names_in(value["fields"])
                                                   : std::vector<std::string>{};
      if (!names.empty() && names.back() == "*") {
        if (auto fault = expand(names, place))
          return fault;
        continue;
      }
      const auto* name = each.body->find("name");
      if (name && name->text_or_empty().starts_with('~'))
        return owner_.wrong(place, "names that begin with ~ are reserved");
      targets_.push_back({name ? name->text_or_empty() : name_of(node), &node});
    }
    if (targets_.empty())
      return owner_.wrong(place_, "SELECT has no columns");
    return {};
  }

  error expand(const std::vector<std::string>& names, uint32_t place) {
    bool found = false;
    for (const auto& each : rows_.columns) {
      const bool of_table = names.size() == 2 && each.table == names[0];
      if ((names.size() == 1 && each.is_starred)
          || (of_table && (each.is_starred || each.is_merged))) {
        targets_.push_back({each.name, nullptr, each.value,
                            rows_.never_null(each.value), each.is_unknown});
        found = true;
      }
    }
    has_star_ = true;
    if (!found)
      return owner_.wrong(place, "there is no table '" + names[0] + "' here",
                          errc::not_found);
    return {};
  }

  // -- groups -----------------------------------------------------------------

  error take_groups() {
    const auto& clause = body_.at("groupClause").elements();
    grouped_ = !clause.empty() || body_.find("havingClause")
               || has_aggregate(body_.at("targetList"))
               || has_aggregate(body_.at("sortClause"));
    if (clause.size() == 1) {
      const auto only = tree_of(clause.front());
      const auto name = only.kind == "FuncCall"
                          ? names_in(only["funcname"]).back()
                          : std::string{};
      if (name == "__latest")
        return latest(only["args"].elements(), owner_.place_of(*only.body));
      if (name == "__sample")
        return sample(only["args"].elements(), owner_.place_of(*only.body));
    }
    if (grouped_ && has_star_)
      return owner_.wrong(place_, "* does not stand beside groups");
    for (const auto& each : clause)
      if (auto fault = add_key(key_node(each)))
        return fault;
    return {};
  }

  /// What an ordinal or an alias in GROUP BY stands for.
  const json_value& key_node(const json_value& node) {
    const auto what = tree_of(node);
    if (what.kind == "A_Const" && what.body->find("ival")) {
      const auto number = owner_.whole_number(*what.body);
      if (number >= 1 && static_cast<size_t>(number) <= targets_.size()
          && targets_[static_cast<size_t>(number) - 1].node)
        return *targets_[static_cast<size_t>(number) - 1].node;
      return node;
    }
    if (what.kind != "ColumnRef")
      return node;
    const auto names = names_in(what["fields"]);
    row_scope scope{owner_, rows_};
    if (names.size() != 1 || scope.column(*what.body, 0))
      return node;
    for (const auto& each : targets_)
      if (each.node && each.name == names.front())
        return *each.node;
    return node;
  }

  error add_key(const json_value& node) {
    const auto what = tree_of(node);
    if (what.kind == "GroupingSet")
      return owner_.refused(owner_.place_of(*what.body),
                            "ROLLUP, CUBE and GROUPING SETS are not there");
    if (what.kind == "A_Const" && what.body->find("ival"))
      return owner_.wrong(owner_.place_of(*what.body),
                          "GROUP BY: there is no such column of the SELECT");
    row_scope scope{owner_, rows_};
    auto value = scope.operand(node);
    if (!value)
      return value.failure();
    put_key(*std::move(value));
    return {};
  }

  const std::string& put_key(expression value) {
    for (const auto& each : groups_.keys)
      if (is_same(each.value, value))
        return each.name;
    const auto name = owner_.next_name("~g");
    if (rows_.never_null(value))
      groups_.non_null.push_back(name);
    groups_.keys.push_back({name, std::move(value)});
    return groups_.keys.back().name;
  }

  static std::string text_of(const json_value& node) {
    return tree_of(node)["sval"].at("sval").text_or_empty();
  }

  /// "SAMPLE BY 1h": what is no aggregate is a key, too.
  error sample(const json_value::list& arguments, uint32_t place) {
    grouped_ = true;
    if (has_star_)
      return owner_.wrong(place, "* does not stand beside SAMPLE BY");
    const auto fill = text_of(arguments[1]);
    if (!fill.empty() && fill != "none")
      return owner_.refused(place, "of FILL there is FILL(NONE)");
    const auto align = text_of(arguments[2]);
    if (!align.empty() && align != "calendar")
      return owner_.refused(place, "of ALIGN TO there is ALIGN TO CALENDAR, in "
                                   "UTC");
    const auto time = std::find_if(
      rows_.columns.begin(), rows_.columns.end(), [&](const auto& each) {
        return is_column(each.value) && each.value.name == rows_.time_column
               && each.value.type == column_type::timestamp;
      });
    if (rows_.time_column.empty() || time == rows_.columns.end())
      return owner_.wrong(place, "SAMPLE BY needs a table's own time column");
    row_scope scope{owner_, rows_};
    auto bucket = scope.bucket(text_of(arguments[0]), time->value, place);
    if (!bucket)
      return bucket.failure();
    const auto name = put_key(*std::move(bucket));
    groups_.aliases.push_back({name, time->value});
    for (const auto& each : targets_) {
      if (!each.node || has_aggregate(*each.node) || has_window(*each.node))
        continue;
      auto value = scope.operand(*each.node);
      if (!value)
        return value.failure();
      if (!is_same(*value, time->value))
        put_key(*std::move(value));
    }
    return {};
  }

  /// "LATEST ON time PARTITION BY sym": the last row of each.
  error latest(const json_value::list& arguments, uint32_t place) {
    row_scope scope{owner_, rows_};
    std::vector<std::string> names;
    for (const auto& each : arguments) {
      auto value = scope.operand(each);
      if (!value)
        return value.failure();
      if (!is_column(*value))
        return owner_.refused(value->place, "LATEST ON takes columns only");
      names.push_back(value->name);
    }
    const auto time = names.front();
    names.erase(names.begin());
    const auto* at = &rows_.plan;
    while (std::holds_alternative<operators::filter>(at->what))
      at = &at->inputs.front();
    if (!std::holds_alternative<operators::scan>(at->what)
        || time != rows_.time_column)
      if (auto fault
          = owner_.put(rows_.plan, operators::sort{{{time, false}}}, place))
        return fault;
    operators::aggregate what;
    for (const auto& each : rows_.plan.columns) {
      const auto column = typed_column(each.name, each.type);
      if (std::find(names.begin(), names.end(), each.name) != names.end())
        what.keys.push_back({each.name, column});
      else
        what.columns.push_back({each.name, aggregate_function::last, {column}});
    }
    if (auto fault = owner_.put(rows_.plan, std::move(what), place))
      return fault;
    rows_.unique = {names};
    grouped_
      = body_.find("havingClause") || has_aggregate(body_.at("targetList"));
    return {};
  }

  // -- values -----------------------------------------------------------------

  error compute() {
    row_scope scope{owner_, rows_, grouped_ ? &groups_ : nullptr};
    state_.windows.named = body_.find("windowClause");
    scope.set_windows(&state_.windows);
    scope.set_queries(&state_.queries);
    for (auto& each : targets_) {
      if (!each.node)
        continue;
      auto value = scope.value(*each.node);
      if (!value)
        return value.failure();
      each.never_null = scope.never_null(*value);
      each.is_unknown = scope.is_unknown(*each.node, *value);
      each.value = *std::move(value);
    }
    scope.set_windows(nullptr);
    if (body_.find("havingClause"))
      return scope.add_conditions(body_.at("havingClause"), state_.having);
    return {};
  }

  /// A name that is there gets 1, 2, ... at its end.
  void name_targets() {
    std::set<std::string> used;
    for (auto& each : targets_) {
      auto name = each.name;
      for (size_t i = 1; !used.insert(name).second; ++i)
        name = each.name + std::to_string(i);
      each.name = name;
    }
    state_.visible = targets_.size();
  }

  lowering& owner_;
  const json_value& body_;
  uint32_t place_ = 0;
  bool has_star_ = false;
  std::vector<const json_value*> where_; ///< That is not in FROM's joins.
  select_state state_;
  relation& rows_ = state_.rows;
  std::vector<target>& targets_ = state_.targets;
  bool& grouped_ = state_.grouped;
  group_state& groups_ = state_.groups;
};

} // namespace

result<relation> lowering::select(const json_value& body) {
  return select_lowering{*this, body}.run();
}

} // namespace millrace::query::sql
