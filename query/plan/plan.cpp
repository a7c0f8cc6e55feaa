#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/query/plan/joined_tables_internal.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <algorithm>
#include <charconv>

namespace millrace::query {

using text::in_quotes;

namespace {

constexpr name_table<predicate_op, 9> predicate_ops{{
  {predicate_op::less, "<"},
  {predicate_op::greater, ">"},
  {predicate_op::not_equal, "<>"},
  {predicate_op::less_equal, "<="},
  {predicate_op::greater_equal, ">="},
  {predicate_op::equal, "="},
  {predicate_op::in, "in"},
  {predicate_op::within, "within"},
  {predicate_op::like, "like"},
}};

error invalid(const logical_plan& plan, const std::string& what) {
  return {errc::invalid_argument, "table '" + plan.table + "': " + what};
}

/// What a literal must be to stand beside a column of `type`.
bool fits(const literal& value, column_type type) {
  if (std::holds_alternative<std::monostate>(value))
    return true;
  if (const auto* text = std::get_if<std::string>(&value)) {
    switch (type) {
      case column_type::symbol:
      case column_type::string:
        return true;
      case column_type::char_:
        return text->size() == 1;
      case column_type::guid:
        return text->size() == 16;
      default:
        return false;
    }
  }
  if (is_text(type) || type == column_type::guid || type == column_type::char_)
    return false;
  return std::holds_alternative<int64_t>(value) || is_numeric(type);
}

error check_filter(const logical_plan& plan, const predicate& filter) {
  const auto type = plan.type_of(filter.column);
  if (!type)
    return invalid(plan, "filter on column " + in_quotes(filter.column)
                           + ", whose type is unknown");
  const auto op = filter.op;
  const auto where = "filter " + std::string{to_string(op)} + " on column "
                     + in_quotes(filter.column);
  if (op < predicate_op::less || op > predicate_op::like)
    return invalid(plan, where + " has no known operator");
  if (filter.negated && op != predicate_op::in && op != predicate_op::within
      && op != predicate_op::like)
    return invalid(plan, where + " cannot be negated");
  if (op != predicate_op::in) {
    const auto wanted = op == predicate_op::within ? size_t{2} : size_t{1};
    if (filter.values.size() != wanted)
      return invalid(plan, where + " has "
                             + std::to_string(filter.values.size())
                             + " values, needs " + std::to_string(wanted));
  }
  if (op == predicate_op::like
      && (!is_text(*type)
          || !std::holds_alternative<std::string>(filter.values[0])))
    return invalid(plan, where + " of type " + std::string{to_string(*type)}
                           + " needs symbols or strings and a pattern");
  if (*type == column_type::guid && op != predicate_op::equal
      && op != predicate_op::not_equal && op != predicate_op::in)
    return invalid(plan,
                   where + ": a guid can only be compared with =, <>, in");
  for (const auto& value : filter.values)
    if (!fits(value, *type))
      return invalid(plan, where + ": " + to_text(value, std::nullopt)
                             + " does not fit type "
                             + std::string{to_string(*type)});
  return {};
}

error check_aggregate(const logical_plan& plan, const aggregate& agg) {
  std::vector<column_type> inputs;
  for (const auto& column : agg.columns) {
    const auto type = plan.type_of(column);
    if (!type)
      return invalid(plan, std::string{to_string(agg.function)} + " of column "
                             + in_quotes(column) + ", whose type is unknown");
    inputs.push_back(*type);
  }
  if (!(agg.fraction >= 0 && agg.fraction <= 1))
    return invalid(plan, std::string{to_string(agg.function)}
                           + " of a fraction that is not from 0 to 1");
  if (result_type(agg.function, inputs))
    return {};
  std::string text{to_string(agg.function)};
  text += " does not take";
  for (size_t i = 0; i < inputs.size(); ++i)
    text += " column " + in_quotes(agg.columns[i]) + " of type "
            + std::string{to_string(inputs[i])};
  return invalid(plan, inputs.empty() ? text + " no column" : text);
}

/// What is computed is made of what is stored, and used as what it is.
error check_computed(const logical_plan& plan) {
  for (const auto& each : plan.computed) {
    auto value = each.value;
    if (auto fault = resolve(
          value, [&](std::string_view name) -> std::optional<column_type> {
            return plan.is_computed(name) ? std::nullopt : plan.type_of(name);
          }))
      return invalid(plan, "computed column " + in_quotes(each.name) + ": "
                             + fault.context);
    if (plan.type_of(each.name) != value.type || !(value == each.value))
      return invalid(plan, "computed column " + in_quotes(each.name)
                             + " is not of its expression's type");
    for (const auto* base :
         {&plan.time_column, &plan.symbol_column, &plan.order_column})
      if (*base == each.name)
        return invalid(plan, "column " + in_quotes(each.name)
                               + " is computed: it orders nothing");
    if (!is_text(value.type))
      continue;
    const auto names
      = [&](const auto& user) { return user.column == each.name; };
    if (std::any_of(plan.keys.begin(), plan.keys.end(), names)
        || std::any_of(plan.filters.begin(), plan.filters.end(), names))
      return invalid(plan, "computed text " + in_quotes(each.name)
                             + " can only be put out");
  }
  for (const auto& agg : plan.aggregates)
    if (agg.function == aggregate_function::first
        || agg.function == aggregate_function::last)
      for (const auto& column : agg.columns)
        if (plan.is_computed(column))
          return invalid(plan, std::string{to_string(agg.function)}
                                 + " of computed column " + in_quotes(column));
  return {};
}

error check_columns(const logical_plan& plan) {
  const auto time = plan.type_of(plan.time_column);
  if (plan.range && !time)
    return invalid(plan, "time column " + in_quotes(plan.time_column)
                           + " has no known type");
  if (plan.range
      && (fits(literal{std::string{}}, *time) || !fits(literal{0L}, *time)))
    return invalid(plan, "time column " + in_quotes(plan.time_column)
                           + " has type " + std::string{to_string(*time)});
  if (plan.symbols && plan.type_of(plan.symbol_column) != column_type::symbol)
    return invalid(plan, "symbol column " + in_quotes(plan.symbol_column)
                           + " is not of type symbol");
  if (plan.type_of(plan.order_column) != column_type::timestamp)
    return invalid(plan, "order column " + in_quotes(plan.order_column)
                           + " is not of type timestamp");
  for (const auto& key : plan.keys) {
    const auto type = plan.type_of(key.column);
    if (!type)
      return invalid(plan, "group by column " + in_quotes(key.column)
                             + ", whose type is unknown");
    if (key.bar_ns < 0)
      return invalid(plan, "a bar of " + std::to_string(key.bar_ns) + " ns");
    if (key.by_day && *type != column_type::timestamp)
      return invalid(plan, "dates of column " + in_quotes(key.column)
                             + " of type " + std::string{to_string(*type)});
    if (key.by_day)
      if (const auto start = day_start(plan.day_zone, plan.day_offset_ns, 0);
          !start)
        return invalid(plan, start.failure().context);
    if (key.bar_ns > 0 && !bar_type(*type))
      return invalid(plan, "bar over column " + in_quotes(key.column)
                             + " of type " + std::string{to_string(*type)});
  }
  for (const auto& output : plan.outputs)
    if (!plan.type_of(output.column))
      return invalid(plan, "column " + in_quotes(output.column)
                             + ", whose type is unknown");
  return {};
}

} // namespace

std::string_view to_string(predicate_op op) noexcept {
  return predicate_ops.name_of(op);
}

std::optional<predicate_op> predicate_op_of(std::string_view name) noexcept {
  return predicate_ops.find(name);
}

std::optional<column_type>
logical_plan::type_of(std::string_view column) const noexcept {
  for (const auto& candidate : types)
    if (candidate.name == column)
      return candidate.type;
  return std::nullopt;
}

bool logical_plan::is_computed(std::string_view column) const noexcept {
  return std::any_of(computed.begin(), computed.end(),
                     [&](const auto& each) { return each.name == column; });
}

std::optional<column_type> bar_type(column_type input) noexcept {
  switch (input) {
    case column_type::timestamp:
    case column_type::date:
    case column_type::month:
      return column_type::timestamp;
    case column_type::timespan:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return column_type::timespan;
    default:
      return std::nullopt;
  }
}

bool flows(const logical_plan& plan) noexcept {
  return !plan.grouped() && plan.ordering.empty() && !plan.sublist;
}

column_type key_type(const logical_plan& plan, const group_key& key) {
  const auto type = *plan.type_of(key.column);
  if (key.bar_ns > 0)
    return *bar_type(type);
  return key.by_day ? column_type::date : type;
}

std::vector<column_schema> result_columns(const logical_plan& plan) {
  std::vector<column_schema> columns;
  if (!plan.grouped()) {
    for (const auto& output : plan.outputs)
      columns.push_back({output.name, *plan.type_of(output.column)});
    return columns;
  }
  for (const auto& key : plan.keys)
    columns.push_back({key.name, key_type(plan, key)});
  for (const auto& agg : plan.aggregates) {
    std::vector<column_type> inputs;
    for (const auto& column : agg.columns)
      inputs.push_back(*plan.type_of(column));
    columns.push_back({agg.name, *result_type(agg.function, inputs)});
  }
  return columns;
}

error validate(const logical_plan& plan) {
  if (plan.table.empty())
    return {errc::invalid_argument, "the plan names no table"};
  for (const auto& column : plan.types)
    if (width_of(column.type) == 0)
      return invalid(plan,
                     "column " + in_quotes(column.name) + " has no known type");
  if (plan.grouped() == !plan.outputs.empty())
    return invalid(plan, "needs either columns or aggregations");
  if (auto fault = check_joined(plan))
    return fault;
  if (auto fault = check_computed(plan))
    return fault;
  if (auto fault = check_columns(plan))
    return fault;
  for (const auto& filter : plan.filters)
    if (auto fault = check_filter(plan, filter))
      return fault;
  for (const auto& agg : plan.aggregates)
    if (auto fault = check_aggregate(plan, agg))
      return fault;
  const auto count = plan.grouped() ? plan.keys.size() + plan.aggregates.size()
                                    : plan.outputs.size();
  for (const auto& term : plan.ordering)
    if (term.output >= count)
      return invalid(plan, "ordering by result column "
                             + std::to_string(term.output) + " of "
                             + std::to_string(count));
  if (plan.skip != 0
      && (!plan.sublist || *plan.sublist < 0
          || plan.skip > static_cast<uint64_t>(*plan.sublist)))
    return invalid(plan, "skips more rows than it has, or last ones");
  return {};
}

namespace {

void print_scan(const logical_plan& plan, std::string& out) {
  if (!plan.joined)
    out += "scan " + plan.table + '\n';
  if (plan.symbols) {
    out += "  symbols " + plan.symbol_column + " in";
    for (const auto& symbol : *plan.symbols)
      out += " `" + symbol;
    out += '\n';
  }
  if (plan.range) {
    const auto type = plan.type_of(plan.time_column);
    out += "  range " + plan.time_column + " within "
           + to_text(plan.range->first, type) + " "
           + to_text(plan.range->second, type) + '\n';
  }
  for (const auto& each : plan.computed)
    out += "  compute " + each.name + ":" + to_string(each.value) + '\n';
  for (const auto& filter : plan.filters) {
    out += "  filter " + filter.column + (filter.negated ? " not " : " ")
           + std::string{to_string(filter.op)};
    for (const auto& value : filter.values)
      out += " " + to_text(value, plan.type_of(filter.column));
    out += '\n';
  }
}

} // namespace

std::string to_string(const logical_plan& plan) {
  std::string out;
  if (plan.joined)
    out += to_string(plan.joined);
  print_scan(plan, out);
  if (plan.grouped()) {
    out += "group";
    for (const auto& key : plan.keys) {
      out += " " + key.name + ":";
      if (key.bar_ns > 0)
        out += "bar(" + std::to_string(key.bar_ns) + " ns, ";
      out += key.by_day && key.bar_ns == 0 ? "date(" + key.column + ")"
                                           : key.column;
      if (key.bar_ns > 0)
        out += key.by_day ? ", from the date's start)" : ")";
    }
    if (!plan.aggregates.empty())
      out += "\naggregate";
    for (const auto& agg : plan.aggregates) {
      out += " " + agg.name + ":" + std::string{to_string(agg.function)} + "(";
      for (size_t i = 0; i < agg.columns.size(); ++i)
        out += (i ? "," : "") + agg.columns[i];
      if (agg.fraction != 0)
        out += "," + to_text(literal{agg.fraction}, std::nullopt);
      out += ")";
    }
  } else {
    out += "project";
    for (const auto& output : plan.outputs)
      out += " " + output.name + ":" + output.column;
  }
  out += '\n';
  if (!plan.ordering.empty()) {
    const auto columns = result_columns(plan);
    out += "order";
    for (const auto& term : plan.ordering)
      out += (term.descending ? " desc " : " asc ") + columns[term.output].name;
    out += '\n';
  }
  if (plan.sublist)
    out
      += "sublist " + std::to_string(*plan.sublist)
         + (plan.skip == 0 ? "" : " but the first " + std::to_string(plan.skip))
         + '\n';
  if (plan.rows_max)
    out += "at most " + std::to_string(plan.rows_max) + " rows\n";
  if (plan.bytes_max)
    out += "at most " + std::to_string(plan.bytes_max) + " bytes\n";
  return out;
}

} // namespace millrace::query
