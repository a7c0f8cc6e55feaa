#include <millrace/query/front/sql/select_internal.hpp>

#include <algorithm>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

struct order_item {
  size_t target = 0; ///< Of the targets, hidden ones after the others.
  bool descending = false;
  bool nulls_first = false;
};

class output_lowering {
public:
  output_lowering(lowering& owner, const json_value& body, select_state& state)
    : owner_{owner}, body_{body}, state_{state} {}

  result<relation> run() {
    if (auto fault = take_distinct())
      return fault;
    if (auto fault = take_order())
      return fault;
    if (auto fault = take_limit())
      return fault;
    if (auto fault = build())
      return fault;
    return finish();
  }

private:
  error take_distinct() {
    const auto* clause = body_.find("distinctClause");
    if (!clause)
      return {};
    for (const auto& each : clause->elements()) {
      if (!tree_of(each).body)
        continue;
      auto found = target_of(each);
      if (!found)
        return found.failure();
      distinct_on_.push_back(*found);
    }
    distinct_ = distinct_on_.empty();
    for (size_t i = 0; distinct_ && i < visible_; ++i)
      if (auto fault = check_known(i))
        return fault;
    return {};
  }

  /// Rows are told apart, or ordered, by what is true or false.
  error check_known(size_t i) {
    const auto& each = targets_[i];
    if (!each.is_unknown)
      return {};
    return row_scope{owner_, rows_}.unknown_condition(each.value.place);
  }
  result<size_t> known(size_t i) {
    if (auto fault = check_known(i))
      return fault;
    return i;
  }

  /// The target that a node of ORDER BY stands for; a new one is hidden.
  result<size_t> target_of(const json_value& node) {
    const auto what = tree_of(node);
    const auto place = what.body ? owner_.place_of(*what.body) : 0;
    if (what.kind == "A_Const" && what.body->find("ival")) {
      const auto number = owner_.whole_number(*what.body);
      if (number < 1 || static_cast<size_t>(number) > visible_)
        return owner_.wrong(place, "there is no column "
                                     + std::to_string(number)
                                     + " in the SELECT");
      return known(static_cast<size_t>(number - 1));
    }
    if (what.kind == "ColumnRef") {
      const auto names = names_in(what["fields"]);
      for (size_t i = 0; names.size() == 1 && i < visible_; ++i)
        if (targets_[i].name == names.front())
          return known(i);
    }
    row_scope scope{owner_, rows_, grouped_ ? &groups_ : nullptr};
    scope.set_windows(&state_.windows);
    scope.set_queries(&state_.queries);
    auto value = scope.operand(node);
    if (!value)
      return value.failure();
    for (size_t i = 0; i < targets_.size(); ++i)
      if (is_same(targets_[i].value, *value))
        return i;
    if (distinct_)
      return owner_.wrong(place, "SELECT DISTINCT is ordered by what it "
                                 "selects");
    const bool never_null = scope.never_null(*value);
    targets_.push_back(
      {owner_.next_name("~s"), nullptr, *std::move(value), never_null});
    return targets_.size() - 1;
  }

  error take_order() {
    for (const auto& item : body_.at("sortClause").elements()) {
      const auto each = tree_of(item);
      const auto& direction = each["sortby_dir"].text_or_empty();
      if (direction == "SORTBY_USING")
        return owner_.refused(0, "ORDER BY ... USING is not there");
      auto found = target_of(each["node"]);
      if (!found)
        return found.failure();
      order_item made;
      made.target = *found;
      made.descending = direction == "SORTBY_DESC";
      const auto& nulls = each["sortby_nulls"].text_or_empty();
      made.nulls_first
        = nulls == "SORTBY_NULLS_FIRST"
          || (nulls == "SORTBY_NULLS_DEFAULT" && made.descending);
      order_.push_back(made);
    }
    return {};
  }

  result<std::optional<int64_t>> count_of(std::string_view key) const {
    const auto* node = body_.find(key);
    if (!node)
      return std::optional<int64_t>{};
    auto what = tree_of(*node);
    if (what.kind == "TypeCast") // As a client writes what it was given.
      what = tree_of(what.body->at("arg"));
    if (what.kind == "A_Const" && what.body->find("isnull"))
      return std::optional<int64_t>{};
    if (const auto* text
        = what.kind == "A_Const" ? what.body->find("sval") : nullptr) {
      const auto read
        = parse_constant(text->at("sval").text_or_empty(), column_type::long_);
      if (!read)
        return owner_.wrong(owner_.place_of(*what.body),
                            read.failure().context);
      return std::optional{std::get<int64_t>(*read)};
    }
    if (what.kind != "A_Const" || !what.body->find("ival"))
      return owner_.refused(what.body ? owner_.place_of(*what.body) : 0,
                            "LIMIT and OFFSET take a whole number");
    return std::optional{owner_.whole_number(*what.body)};
  }

  error take_limit() {
    if (body_.at("limitOption").text_or_empty() == "LIMIT_OPTION_WITH_TIES")
      return owner_.refused(0, "WITH TIES is not there");
    const auto count = count_of("limitCount");
    if (!count)
      return count.failure();
    const auto offset = count_of("limitOffset");
    if (!offset)
      return offset.failure();
    count_ = *count;
    offset_ = offset->value_or(0);
    if (offset_ < 0 || (offset_ > 0 && count_.value_or(0) < 0))
      return owner_.wrong(0, "OFFSET is not below 0, and does not stand beside "
                             "LIMIT -n");
    return {};
  }

  // -- the plan ---------------------------------------------------------------

  error build() {
    if (auto fault
        = grouped_ ? put_groups() : put_queries(owner_, rows_, state_.queries))
      return fault;
    if (auto fault = put_windows(owner_, rows_, state_.windows))
      return fault;
    auto& plan = rows_.plan;
    operators::project what;
    const bool flags_first = !distinct_ && distinct_on_.empty();
    for (const auto& each : targets_)
      what.columns.push_back({each.name, each.value});
    if (flags_first)
      add_flags(what, [&](size_t i) { return targets_[i].value; });
    if (!is_identity(what, plan))
      if (auto fault = owner_.put(plan, std::move(what), place_))
        return fault;
    if (distinct_)
      if (auto fault = owner_.put(
            plan, operators::aggregate{columns_of(plan), {}}, place_))
        return fault;
    if (!distinct_on_.empty()) {
      if (auto fault = sort(false))
        return fault;
      operators::aggregate firsts;
      for (size_t i = 0; i < plan.columns.size(); ++i) {
        const auto column
          = typed_column(plan.columns[i].name, plan.columns[i].type);
        const bool is_key
          = std::find(distinct_on_.begin(), distinct_on_.end(), i)
            != distinct_on_.end();
        if (is_key)
          firsts.keys.push_back({column.name, column});
        else
          firsts.columns.push_back(
            {column.name, aggregate_function::first, {column}});
      }
      if (auto fault = owner_.put(plan, std::move(firsts), place_))
        return fault;
    }
    if (auto fault = sort(flags_first))
      return fault;
    if (auto fault = limit())
      return fault;
    return drop_hidden();
  }

  /// Whether a key or an aggregate has the name, and it is none of a query's.
  [[nodiscard]] bool is_of_groups(const std::string& name) const {
    const auto has = [&](const auto& list) {
      return std::any_of(list.begin(), list.end(),
                         [&](const auto& each) { return each.name == name; });
    };
    return name.starts_with('~') && (has(groups_.keys) || has(groups_.folds));
  }

  template <class F>
  static void for_each_value(window_state& windows, F&& f) {
    for (auto& call : windows.calls) {
      for (auto& each : call.by)
        f(each);
      for (auto& each : call.order)
        f(each.value);
      for (auto& column : call.columns)
        for (auto& each : column.arguments)
          f(each);
      for (auto& total : call.totals)
        for (auto& each : total.arguments)
          f(each);
    }
  }

  error put_groups() {
    if (groups_.keys.empty() && groups_.folds.empty())
      groups_.folds.push_back(
        {owner_.next_name("~a"), aggregate_function::count, {}});
    // What is selected as it is has its name at once.
    std::vector<std::pair<std::string, expression>> names;
    const auto meaning = [&](std::string_view name) -> const expression* {
      for (const auto& each : names)
        if (each.first == name)
          return &each.second;
      return nullptr;
    };
    for (size_t i = 0; i < visible_; ++i) {
      const auto& value = targets_[i].value;
      if (is_column(value) && is_of_groups(value.name) && !meaning(value.name))
        names.emplace_back(value.name,
                           typed_column(targets_[i].name, value.type));
    }
    for (auto& each : targets_)
      each.value = substituted(std::move(each.value), meaning);
    for (auto& each : having_)
      each = substituted(std::move(each), meaning);
    for_each_value(state_.windows, [&](expression& each) {
      each = substituted(std::move(each), meaning);
    });
    for (auto& each : groups_.keys)
      if (const auto* name = meaning(each.name))
        each.name = name->name;
    for (auto& each : groups_.folds)
      if (const auto* name = meaning(each.name))
        each.name = name->name;
    std::vector<std::string> keys;
    for (const auto& each : groups_.keys)
      keys.push_back(each.name);
    rows_.unique = {std::move(keys)};
    if (auto fault = owner_.put(rows_.plan,
                                operators::aggregate{std::move(groups_.keys),
                                                     std::move(groups_.folds)},
                                place_))
      return fault;
    for (auto& each : state_.queries.joins)
      if (each.left)
        each.left = substituted(*std::move(each.left), meaning);
    if (auto fault = put_queries(owner_, rows_, state_.queries))
      return fault;
    if (having_.empty())
      return {};
    return owner_.put(rows_.plan, operators::filter{std::move(having_)},
                      place_);
  }

  /// Nulls are the smallest values; where SQL wants them at the other end, a
  /// column says whether there is one.
  [[nodiscard]] bool needs_flag(const order_item& item) const {
    return item.nulls_first == item.descending
           && !targets_[item.target].never_null;
  }
  static std::string flag_name(const order_item& item) {
    return "~n" + std::to_string(item.target);
  }

  template <class Values>
  void add_flags(operators::project& what, Values value_of) {
    for (const auto& each : order_) {
      if (!needs_flag(each))
        continue;
      const auto name = flag_name(each);
      if (std::any_of(what.columns.begin(), what.columns.end(),
                      [&](const auto& held) { return held.name == name; }))
        continue;
      auto flag = call_of(fn::is_null, {value_of(each.target)});
      flag.type = column_type::boolean;
      what.columns.push_back({name, std::move(flag)});
    }
  }

  error sort(bool has_flags) {
    if (order_.empty())
      return {};
    auto& plan = rows_.plan;
    if (!has_flags) {
      operators::project what{columns_of(plan)};
      const auto before = what.columns.size();
      std::erase_if(what.columns, [](const auto& each) {
        return each.name.starts_with("~n");
      });
      add_flags(what, [&](size_t i) {
        return typed_column(targets_[i].name, targets_[i].value.type);
      });
      if (what.columns.size() != before || before != plan.columns.size())
        if (auto fault = owner_.put(plan, std::move(what), place_))
          return fault;
    }
    operators::sort by;
    for (const auto& each : order_) {
      if (needs_flag(each))
        by.keys.push_back({flag_name(each), each.nulls_first});
      by.keys.push_back({targets_[each.target].name, each.descending});
    }
    return owner_.put(plan, std::move(by), place_);
  }

  error limit() {
    auto& plan = rows_.plan;
    if (offset_ == 0)
      return count_ ? owner_.put(plan, operators::limit{*count_}, place_)
                    : error{};
    int64_t last = 0;
    if (count_ && !__builtin_add_overflow(*count_, offset_, &last))
      return owner_.put(plan, operators::limit{last, offset_}, place_);
    operators::window numbers;
    operators::running number;
    number.name = "~row";
    number.function = operators::window_function::row_number;
    numbers.columns.push_back(std::move(number));
    if (auto fault = owner_.put(plan, std::move(numbers), place_))
      return fault;
    auto late
      = call_of(fn::greater_equal, {typed_column("~row", column_type::long_),
                                    constant_of(column_type::long_, offset_)});
    late.type = column_type::boolean;
    return owner_.put(plan, operators::filter{{std::move(late)}}, place_);
  }

  error drop_hidden() {
    auto& plan = rows_.plan;
    operators::project what;
    for (size_t i = 0; i < visible_; ++i)
      what.columns.push_back(
        {targets_[i].name,
         typed_column(targets_[i].name, targets_[i].value.type)});
    if (is_identity(what, plan))
      return {};
    return owner_.put(plan, std::move(what), place_);
  }

  result<relation> finish() {
    relation out;
    std::vector<std::vector<std::string>> unique = std::move(rows_.unique);
    if (distinct_) {
      unique.clear();
      unique.emplace_back();
      for (size_t i = 0; i < visible_; ++i)
        unique.back().push_back(targets_[i].name);
    } else if (!distinct_on_.empty()) {
      unique.clear();
      unique.emplace_back();
      for (const auto i : distinct_on_)
        unique.back().push_back(targets_[i].name);
    } else {
      for (auto& names : unique)
        for (auto& name : names)
          name = output_of(name);
    }
    for (size_t i = 0; i < visible_; ++i) {
      const auto& each = targets_[i];
      if (each.never_null)
        out.non_null.push_back(each.name);
      if (!grouped_ && is_column(each.value)
          && each.value.name == rows_.time_column)
        out.time_column = each.name;
      out.columns.push_back(
        {"", each.name, typed_column(each.name, each.value.type)});
      out.columns.back().is_unknown = each.is_unknown;
    }
    for (auto& names : unique)
      if (std::none_of(names.begin(), names.end(), [&](const auto& name) {
            return name.empty()
                   || std::none_of(
                     out.columns.begin(), out.columns.end(),
                     [&](const auto& column) { return column.name == name; });
          }))
        out.unique.push_back(std::move(names));
    out.plan = std::move(rows_.plan);
    return out;
  }

  /// The output that a column of the rows is; empty: none.
  [[nodiscard]] std::string output_of(const std::string& column) const {
    for (size_t i = 0; i < visible_; ++i)
      if (is_column(targets_[i].value) && targets_[i].value.name == column)
        return targets_[i].name;
    return {};
  }

  lowering& owner_;
  const json_value& body_;
  select_state& state_;
  uint32_t place_ = 0;
  relation& rows_ = state_.rows;
  std::vector<target>& targets_ = state_.targets;
  const size_t visible_ = state_.visible;
  const bool grouped_ = state_.grouped;
  group_state& groups_ = state_.groups;
  std::vector<expression>& having_ = state_.having;
  bool distinct_ = false;
  std::vector<size_t> distinct_on_;
  std::vector<order_item> order_;
  std::optional<int64_t> count_;
  int64_t offset_ = 0;
};

} // namespace

bool is_identity(const operators::project& what, const plan_node& plan) {
  return std::equal(
    what.columns.begin(), what.columns.end(), plan.columns.begin(),
    plan.columns.end(), [](const auto& a, const auto& b) {
      return a.name == b.name && is_column(a.value) && a.value.name == b.name;
    });
}

result<relation> put_out(lowering& owner, const json_value& body,
                         select_state& state) {
  return output_lowering{owner, body, state}.run();
}

} // namespace millrace::query::sql
