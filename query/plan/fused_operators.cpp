#include <millrace/query/plan/bar.hpp>
#include <millrace/query/plan/fused_operators_internal.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

using fn = scalar_function;

bool is_constant(const expression& what) {
  return what.what == expression::kind::constant;
}
bool is_call(const expression& what, fn function) {
  return what.what == expression::kind::call && what.function == function;
}

std::optional<predicate_op> op_of(fn function) {
  switch (function) {
    case fn::equal:
      return predicate_op::equal;
    case fn::not_equal:
      return predicate_op::not_equal;
    case fn::less:
      return predicate_op::less;
    case fn::greater:
      return predicate_op::greater;
    case fn::less_equal:
      return predicate_op::less_equal;
    case fn::greater_equal:
      return predicate_op::greater_equal;
    default:
      return std::nullopt;
  }
}

fn mirrored(fn function) {
  switch (function) {
    case fn::less:
      return fn::greater;
    case fn::greater:
      return fn::less;
    case fn::less_equal:
      return fn::greater_equal;
    case fn::greater_equal:
      return fn::less_equal;
    default:
      return function;
  }
}

/// Constants as values of a column's type; false when they are of a kind that
/// only the expression itself can compare with it.
bool take_values(const expression& constant, column_type type,
                 std::vector<literal>& out) {
  const auto from = constant.type;
  const bool dates
    = type == column_type::timestamp && from == column_type::date;
  const bool chars = type == column_type::char_ && from == type;
  if (from != type && !(is_numeric(from) && is_numeric(type))
      && !(is_text(from) && is_text(type)) && !dates)
    return false;
  for (auto value : constant.values) {
    if (auto* whole = std::get_if<int64_t>(&value)) {
      if (dates)
        *whole = in_ns(*whole, from);
    } else if (auto* text = std::get_if<std::string>(&value)) {
      // The null of a text is the empty one.
      if (text->empty() || (chars && *text == " "))
        value = std::monostate{};
    } else if (auto* number = std::get_if<double>(&value)) {
      if (*number != *number)
        value = std::monostate{};
    }
    out.push_back(std::move(value));
  }
  return true;
}

/// That a column is null, or is not, where nulls are below all else.
std::optional<predicate> as_null_test(const expression& condition,
                                      bool is_null) {
  const auto& column = condition.arguments[0];
  const bool has_lowest_null
    = column.type == column_type::symbol || is_float(column.type)
      || (width_of(column.type) >= sizeof(int16_t) && !is_text(column.type)
          && column.type != column_type::guid);
  if (!is_column(column) || !has_lowest_null)
    return std::nullopt;
  return predicate{column.name,
                   is_null ? predicate_op::equal : predicate_op::greater,
                   false,
                   {literal{}}};
}

/// A condition that compares a column with constants, as the filter that it is.
std::optional<predicate> as_predicate(const expression& condition) {
  if (condition.what != expression::kind::call)
    return std::nullopt;
  if (is_call(condition, fn::is_null))
    return as_null_test(condition, true);
  if (is_call(condition, fn::logical_not)) {
    if (is_call(condition.arguments[0], fn::is_null))
      return as_null_test(condition.arguments[0], false);
    auto inner = as_predicate(condition.arguments[0]);
    if (!inner || inner->op < predicate_op::in)
      return std::nullopt;
    inner->negated = !inner->negated;
    return inner;
  }
  const auto* column = &condition.arguments[0];
  auto function = condition.function;
  predicate out;
  if (const auto op = op_of(function); op && condition.arguments.size() == 2) {
    const auto* constant = &condition.arguments[1];
    if (is_constant(*column)) {
      std::swap(column, constant);
      function = mirrored(function);
    }
    out.op = *op_of(function);
    if (!is_column(*column) || !is_constant(*constant)
        || (column->type == column_type::guid && out.op != predicate_op::equal
            && out.op != predicate_op::not_equal)
        || !take_values(*constant, column->type, out.values))
      return std::nullopt;
  } else if (function == fn::in || function == fn::like) {
    out.op = function == fn::in ? predicate_op::in : predicate_op::like;
    if (!is_column(*column)
        || !take_values(condition.arguments[1], column->type, out.values))
      return std::nullopt;
    if (function == fn::like && out.values[0] == literal{})
      out.values[0] = std::string{};
  } else if (function == fn::within) {
    out.op = predicate_op::within;
    for (size_t i = 1; i < 3; ++i)
      if (!is_column(*column) || !is_constant(condition.arguments[i])
          || !take_values(condition.arguments[i], column->type, out.values))
        return std::nullopt;
  } else {
    return std::nullopt;
  }
  out.column = column->name;
  return out;
}

/// Times that a plan is about: [low, high], no nulls.
struct time_bounds {
  int64_t low = null_long;
  int64_t high = inf_long;
};

class fuser {
public:
  explicit fuser(const fused_operators& what) : what_{what} {}

  result<logical_plan> run() {
    if (auto fault = bind_input())
      return fault;
    std::vector<expression> conditions;
    for (const auto& each : what_.conditions)
      add_conditions_of(each, conditions);
    for (const auto& each : conditions)
      if (auto fault = add_filter(each))
        return fault;
    finish_bounds();
    if (auto fault = what_.grouped ? add_groups() : add_rows())
      return fault;
    for (const auto& key : what_.order)
      out_.ordering.push_back({number_of(key.column), key.descending});
    out_.sublist = what_.count;
    out_.skip = static_cast<uint64_t>(what_.skip);
    if (auto fault = validate(out_))
      return fault;
    return std::move(out_);
  }

private:
  error bind_input() {
    if (!what_.table) {
      out_.table = rows_table;
      out_.order_column = no_time_column;
      out_.types.push_back({out_.order_column, column_type::timestamp});
      return {};
    }
    const auto& schema = what_.table->schema;
    out_.table = schema.name;
    out_.time_column = schema.time_column;
    out_.order_column = schema.time_column;
    out_.symbol_column = schema.symbol_column;
    out_.day_zone = schema.roll_zone;
    out_.day_offset_ns = schema.roll_offset_ns;
    use(schema.time_column);
    use(schema.symbol_column);
    return {};
  }

  void use(const std::string& column) {
    if (out_.type_of(column))
      return;
    for (const auto& each : what_.input)
      if (each.name == column)
        out_.types.push_back(each);
  }

  /// The plan's column that has an expression's values.
  std::string column_for(const expression& value) {
    if (is_column(value)) {
      use(value.name);
      return value.name;
    }
    for (const auto& each : out_.computed)
      if (same(each.value, value))
        return each.name;
    std::vector<std::string> names;
    add_columns_of(value, names);
    for (const auto& each : names)
      use(each);
    computed_column made{".c" + std::to_string(out_.computed.size()), value};
    out_.types.push_back({made.name, value.type});
    out_.computed.push_back(made);
    return made.name;
  }

  static bool same(const expression& a, const expression& b) {
    if (a.what != b.what || a.type != b.type || a.name != b.name
        || a.values != b.values || a.function != b.function
        || a.arguments.size() != b.arguments.size())
      return false;
    for (size_t i = 0; i < a.arguments.size(); ++i)
      if (!same(a.arguments[i], b.arguments[i]))
        return false;
    return true;
  }

  error add_filter(const expression& condition) {
    bool whole = false;
    if (auto fault = narrow_dates(condition, whole); fault || whole)
      return fault;
    auto filter = as_predicate(condition);
    if (!filter) {
      const auto name = column_for(condition);
      out_.filters.push_back(
        {name, predicate_op::equal, false, {literal{int64_t{1}}}});
      return {};
    }
    if (take_symbols(*filter) || take_times(*filter))
      return {};
    use(filter->column);
    if (std::find(out_.filters.begin(), out_.filters.end(), *filter)
        == out_.filters.end())
      out_.filters.push_back(*std::move(filter));
    return {};
  }

  /// Dates of the table as times. `whole`: the condition is no more than that.
  error narrow_dates(const expression& condition, bool& whole) {
    if (!what_.table || condition.what != expression::kind::call
        || !is_call(condition.arguments[0], fn::table_date)
        || !is_column(condition.arguments[0].arguments[0])
        || condition.arguments[0].arguments[0].name != out_.time_column)
      return {};
    int64_t first = null_long;
    int64_t last = inf_int;
    std::vector<int64_t> days;
    for (size_t i = 1; i < condition.arguments.size(); ++i) {
      const auto& constant = condition.arguments[i];
      if (!is_constant(constant) || constant.type != column_type::date)
        return {};
      for (const auto& each : constant.values) {
        const auto* day = std::get_if<int64_t>(&each);
        if (!day || *day >= inf_int || *day <= -inf_int)
          return {};
        days.push_back(*day);
      }
    }
    if (days.empty())
      return {};
    whole = true;
    switch (condition.function) {
      case fn::equal:
        first = last = days[0];
        break;
      case fn::within:
        first = days[0];
        last = days[1];
        break;
      case fn::greater:
        first = days[0] + 1;
        break;
      case fn::greater_equal:
        first = days[0];
        break;
      case fn::in:
        first = *std::min_element(days.begin(), days.end());
        last = *std::max_element(days.begin(), days.end());
        whole = days.size() == 1;
        break;
      default:
        whole = false;
        return {};
    }
    const auto& schema = what_.table->schema;
    const auto begin
      = day_start(schema.roll_zone, schema.roll_offset_ns, first);
    if (!begin)
      return begin.failure();
    bounds_.low = std::max(bounds_.low, *begin);
    if (last != inf_int) {
      const auto end
        = day_start(schema.roll_zone, schema.roll_offset_ns, last + 1);
      if (!end)
        return end.failure();
      bounds_.high = std::min(bounds_.high, *end - 1);
    }
    return {};
  }

  bool take_symbols(const predicate& filter) {
    if (!what_.table || out_.symbols || filter.negated
        || filter.column != out_.symbol_column
        || (filter.op != predicate_op::equal && filter.op != predicate_op::in))
      return false;
    // A null is no symbol that a store is known to have.
    for (const auto& each : filter.values)
      if (!std::holds_alternative<std::string>(each))
        return false;
    auto& symbols = out_.symbols.emplace();
    for (const auto& each : filter.values)
      symbols.push_back(std::get<std::string>(each));
    return true;
  }

  bool take_times(const predicate& filter) {
    if (!what_.table || filter.negated || filter.column != out_.time_column)
      return false;
    std::vector<int64_t> times;
    for (const auto& each : filter.values) {
      const auto* time = std::get_if<int64_t>(&each);
      if (!time || *time == inf_long || *time == -inf_long)
        return false;
      times.push_back(*time);
    }
    switch (filter.op) {
      case predicate_op::equal:
        narrow(times[0], times[0]);
        return true;
      case predicate_op::within:
        narrow(times[0], times[1]);
        return true;
      case predicate_op::greater_equal:
        narrow(times[0], inf_long);
        return true;
      case predicate_op::greater:
        narrow(times[0] + 1, inf_long);
        return true;
      default:
        return false;
    }
  }

  void narrow(int64_t low, int64_t high) {
    bounds_.low = std::max(bounds_.low, low);
    bounds_.high = std::min(bounds_.high, high);
  }

  /// A lower bound leaves no nulls; without one an upper bound is a filter.
  void finish_bounds() {
    if (bounds_.low != null_long)
      out_.range = {bounds_.low, bounds_.high};
  }

  error add_rows() {
    for (const auto& each : what_.visible)
      out_.outputs.push_back({column_for(each.value), each.name});
    return {};
  }

  error add_groups() {
    for (const auto& key : what_.grouped->keys)
      out_.keys.push_back(key_for(key));
    for (const auto& each : what_.grouped->columns) {
      aggregate made{each.function, {}, each.name, each.fraction};
      // Rows are counted, whatever their values are.
      if (each.function != aggregate_function::count)
        for (const auto& argument : each.arguments)
          made.columns.push_back(column_for(argument));
      out_.aggregates.push_back(std::move(made));
    }
    return {};
  }

  group_key key_for(const computed_column& key) {
    const auto& value = key.value;
    if (is_call(value, fn::bar) && is_column(value.arguments[1])
        && is_constant(value.arguments[0])) {
      const auto type = value.arguments[1].type;
      const auto* width
        = std::get_if<int64_t>(&value.arguments[0].values.front());
      if ((type == column_type::timestamp || type == column_type::timespan)
          && width && *width > 0) {
        use(value.arguments[1].name);
        return {value.arguments[1].name, *width, key.name, false};
      }
    }
    if (what_.table && is_call(value, fn::table_date)
        && is_column(value.arguments[0])) {
      use(value.arguments[0].name);
      return {value.arguments[0].name, 0, key.name, true};
    }
    return {column_for(value), 0, key.name, false};
  }

  [[nodiscard]] uint32_t number_of(const std::string& name) const {
    const auto columns = result_columns(out_);
    const auto found
      = std::find_if(columns.begin(), columns.end(),
                     [&](const auto& each) { return each.name == name; });
    return static_cast<uint32_t>(found - columns.begin());
  }

  const fused_operators& what_;
  logical_plan out_;
  time_bounds bounds_;
};

} // namespace

const expression* fused_operators::find(std::string_view name) const noexcept {
  for (const auto& each : visible)
    if (each.name == name)
      return &each.value;
  return nullptr;
}

expression fused_operators::inner(expression value) const {
  return substituted(std::move(value),
                     [&](std::string_view name) { return find(name); });
}

result<logical_plan> fused_operators::fuse() const {
  return fuser{*this}.run();
}

bool only_renames(const std::vector<computed_column>& visible,
                  const std::vector<column_schema>& columns) {
  return std::equal(visible.begin(), visible.end(), columns.begin(),
                    columns.end(), [](const auto& each, const auto& column) {
                      return is_column(each.value)
                             && each.value.name == column.name
                             && each.value.type == column.type;
                    });
}

bool rename_result(logical_plan& plan,
                   const std::vector<computed_column>& names) {
  auto renamed = plan;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& name = names[i].name;
    if (!plan.grouped())
      renamed.outputs[i].name = name;
    else if (i < plan.keys.size())
      renamed.keys[i].name = name;
    else
      renamed.aggregates[i - plan.keys.size()].name = name;
  }
  if (validate(renamed))
    return false;
  plan = std::move(renamed);
  return true;
}

} // namespace millrace::query
