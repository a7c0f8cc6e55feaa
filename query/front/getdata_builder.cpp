#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/getdata_builder_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query {

namespace {

struct unit {
  std::string_view name;
  int64_t ns;
};
constexpr std::array units{
  unit{"nanosecond", 1},          unit{"timespan", 1},
  unit{"microsecond", 1'000},     unit{"second", 1'000'000'000},
  unit{"minute", 60'000'000'000}, unit{"hour", 3'600'000'000'000},
  unit{"day", text::day_ns},
};

/// The dates of a table that has no column of that name.
constexpr std::string_view date_column = "date";

bool is_virtual_date(const table_schema& schema, std::string_view name) {
  return name == date_column && !schema.column_index(name)
         && schema.columns[*schema.column_index(schema.time_column)].type
              == column_type::timestamp;
}

std::string table_type(const table_schema& schema, const std::string& column) {
  return std::to_string(
           q_type(schema.columns[*schema.column_index(column)].type))
         + "h";
}

int64_t floor_days(int64_t ns) {
  return ns / text::day_ns - (ns % text::day_ns < 0 ? 1 : 0);
}

std::string meant_column(const table_schema& schema, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& column : schema.columns)
    known.push_back(column.name);
  return text::meant(name, known);
}

std::string meant_aggregate(const std::string& name) {
  std::vector<std::string> known{"distinct"};
  for (const auto each : aggregate_names())
    known.emplace_back(each);
  return text::meant(name, known);
}

} // namespace

error getdata_builder::valid_columns(const table_schema& schema,
                                     const std::vector<std::string>& names,
                                     const char* parameter) const {
  // Dates can be grouped and filtered by.
  const std::string_view where{parameter};
  const bool by_date = where == "grouping" || where == "filters";
  std::vector<std::string> bad;
  for (const auto& name : names)
    if (!schema.column_index(name)
        && !(by_date && is_virtual_date(schema, name))
        && std::find(bad.begin(), bad.end(), name) == bad.end())
      bad.push_back(name);
  if (bad.empty())
    return {};
  for (const auto& name : bad)
    if (name == "date" || name == "i")
      return {errc::unsupported, "getdata: the virtual column '" + name
                                   + "' in '" + parameter
                                   + "' is not supported"};
  return check_failed("checkcolumns",
                      "Column(s) " + symbol_list(bad) + " presented in `"
                        + parameter + " is not a valid column for `"
                        + schema.name + meant_column(schema, bad.front()),
                      "table '" + schema.name + "' has no column "
                        + quoted_list(bad) + ", which stands in '" + parameter
                        + "'",
                      meant_column(schema, bad.front()));
}

void getdata_builder::use(const table_schema& schema,
                          const std::string& column) {
  auto& types = out_.plan.types;
  if (!out_.plan.type_of(column))
    types.push_back(schema.columns[*schema.column_index(column)]);
}

void getdata_builder::use_days(const table_schema& schema) {
  out_.plan.day_zone = schema.roll_zone;
  out_.plan.day_offset_ns = schema.roll_offset_ns;
}

result<getdata_request> getdata_builder::build(const table_schema& schema) {
  out_.plan.table = schema.name;
  for (auto step :
       {&getdata_builder::bind_scan, &getdata_builder::bind_aggregations,
        &getdata_builder::bind_filters, &getdata_builder::bind_groups,
        &getdata_builder::bind_timebar})
    if (auto fault = (this->*step)(schema))
      return fault;
  if (auto fault = bind_order())
    return fault;
  if (auto fault = rename())
    return fault;
  if (auto fault = validate(out_.plan))
    return fault;
  return std::move(out_);
}

error getdata_builder::bind_scan(const table_schema& schema) {
  auto& plan = out_.plan;
  if (auto fault = valid_columns(schema, columns_, "columns"))
    return fault;
  if (time_column_.empty())
    time_column_ = schema.time_column;
  if (auto fault = valid_columns(schema, {time_column_}, "timecolumn"))
    return fault;
  const auto type = schema.columns[*schema.column_index(time_column_)].type;
  if (type != column_type::timestamp && type != column_type::date)
    return check_failed(
      "checktimecolumn",
      "Parameter:`timecolumn - column:`" + time_column_ + " in table:`"
        + schema.name + " is of type:" + table_type(schema, time_column_)
        + ", validtypes:-12 -14 -15h",
      "column '" + time_column_ + "' is of type " + std::string{to_string(type)}
        + ", and one of timestamp or date is wanted");
  plan.time_column = time_column_;
  plan.order_column = schema.time_column;
  plan.symbol_column = schema.symbol_column;
  if (const auto* given = input_.find("instrumentcolumn")) {
    plan.symbol_column = *given->text();
    if (auto fault
        = valid_columns(schema, {plan.symbol_column}, "instrumentcolumn"))
      return fault;
    if (schema.columns[*schema.column_index(plan.symbol_column)].type
        != column_type::symbol)
      return check_failed(
        "checkinstrumentcolumn",
        "Parameter:`instrumentcolumn - column:`" + plan.symbol_column
          + " in table:`" + schema.name + " is of type:"
          + table_type(schema, plan.symbol_column) + ", validtypes:-11h",
        "column '" + plan.symbol_column
          + "' is no symbol, and one of symbols is wanted");
  }
  for (const auto& column :
       {plan.time_column, plan.order_column, plan.symbol_column})
    use(schema, column);
  if (aggregations_.empty()) {
    if (!has_columns_)
      for (const auto& column : schema.columns)
        columns_.push_back(column.name);
    for (const auto& column : columns_) {
      use(schema, column);
      const output_column output{column, column};
      auto& outputs = plan.outputs;
      if (std::find(outputs.begin(), outputs.end(), output) == outputs.end())
        outputs.push_back(output);
    }
  }
  return bind_range(schema);
}

error getdata_builder::bind_range(const table_schema& schema) {
  const auto type = *out_.plan.type_of(out_.plan.time_column);
  auto low = start_.ns;
  auto high = end_.is_date ? end_.ns + (text::day_ns - 1) : end_.ns;
  if (type == column_type::date) {
    const auto bounded
      = [](int64_t ns) { return ns == inf_long || ns == -inf_long; };
    // Dates whose midnight lies within the bounds.
    out_.plan.range = {bounded(low) ? int64_t{-inf_int} : -floor_days(-low),
                       bounded(high) ? int64_t{inf_int} : floor_days(high)};
    return {};
  }
  // A date is the period that the table's roll rule gives that name.
  if (start_.is_date) {
    const auto begin = date_start(schema, start_.ns / text::day_ns);
    if (!begin)
      return begin.failure();
    low = *begin;
  }
  if (end_.is_date) {
    const auto next = date_start(schema, end_.ns / text::day_ns + 1);
    if (!next)
      return next.failure();
    high = *next - 1;
  }
  out_.plan.range = {low, high};
  return {};
}

error getdata_builder::bind_aggregations(const table_schema& schema) {
  std::vector<std::string> names;
  for (const auto& agg : aggregations_)
    names.insert(names.end(), agg.columns.begin(), agg.columns.end());
  if (auto fault = valid_columns(schema, names, "aggregations"))
    return fault;
  std::vector<std::string> undefined;
  for (const auto& agg : aggregations_) {
    if (!aggregate_function_of(agg.function) && agg.function != "distinct"
        && agg.function != percentile_word
        && std::find(undefined.begin(), undefined.end(), agg.function)
             == undefined.end())
      undefined.push_back(agg.function);
  }
  if (!undefined.empty())
    return check_failed_plainly(
      "undefinedaggs",
      "Aggregations dictionary contains undefined function(s) "
        + symbol_list(undefined) + meant_aggregate(undefined.front()),
      "there is no aggregation " + quoted_list(undefined)
        + meant_aggregate(undefined.front()));
  for (const auto& agg : aggregations_) {
    if (agg.function == "distinct") {
      if (aggregations_.size() > 1)
        return check_failed(
          "distinctagg", "If the distinct function is used, it cannot be "
                         "present with any other aggregations including more "
                         "of itself");
      if (has_timebar_)
        return check_failed(
          "singleaggtimebar",
          "In order to use a grouping parameter, only aggregations that "
          "return single values may be used (timebar with distinct)");
      distinct_ = agg.columns.front();
      use(schema, distinct_);
      return {};
    }
    // One half has a name of its own.
    const auto function
      = agg.function != percentile_word ? aggregate_function_of(agg.function)
        : agg.fraction == 0.5           ? std::optional{aggregate_function::med}
                              : std::optional{aggregate_function::percentile};
    const auto inputs = takes_pairs(*function) ? 2u : 1u;
    if (agg.columns.size() != inputs)
      return check_failed_plainly(
        "agglength",
        "Incorrect number of input(s) entred for the following aggregations"
          + symbol_list({agg.function}),
        "'" + agg.function + "' takes "
          + (inputs == 1 ? "one column" : "two columns") + ", and has "
          + std::to_string(agg.columns.size()));
    for (const auto& column : agg.columns)
      use(schema, column);
    aggregate made{*function, agg.columns, agg.name(),
                   *function == aggregate_function::percentile ? agg.fraction
                                                               : 0};
    if (std::find(out_.plan.aggregates.begin(), out_.plan.aggregates.end(),
                  made)
        == out_.plan.aggregates.end())
      out_.plan.aggregates.push_back(std::move(made));
  }
  return {};
}

error getdata_builder::bind_filters(const table_schema& schema) {
  for (const auto& filter : filters_)
    if (auto fault = valid_columns(schema, {filter.column}, "filters"))
      return fault;
  for (const auto& filter : filters_)
    if (auto fault = is_virtual_date(schema, filter.column)
                       ? bind_date_filter(schema, filter)
                       : bind_filter(schema, filter))
      return fault;
  return {};
}

error getdata_builder::bind_filter(const table_schema& schema,
                                   const filter_shape& filter) {
  use(schema, filter.column);
  const auto type = *out_.plan.type_of(filter.column);
  predicate made{filter.column, filter.op, filter.negated, {}};
  for (const auto& value : filter.values) {
    auto constant = read_literal(
      value, filter.op == predicate_op::like ? column_type::string : type);
    if (!constant)
      return check_failed_plainly(
        "filtervalue",
        "`filters column `" + filter.column + ": " + constant.failure().context,
        "column '" + filter.column + "': " + constant.failure().context);
    made.values.push_back(std::move(*constant));
  }
  out_.plan.filters.push_back(std::move(made));
  return {};
}

namespace {

/// The times of a date: [first, last]; of the null date the null time.
struct date_times {
  int64_t first = null_long;
  int64_t last = null_long;
};

result<date_times> times_of(const table_schema& schema, const literal& date) {
  if (std::holds_alternative<std::monostate>(date))
    return date_times{};
  const auto day = std::get<int64_t>(date);
  const auto begin = date_start(schema, day);
  if (!begin)
    return begin.failure();
  const auto end = date_start(schema, day + 1);
  if (!end)
    return end.failure();
  // The infinite dates have no end.
  return date_times{*begin, *begin == *end ? *end : *end - 1};
}

} // namespace

/// A filter on dates is one on times.
error getdata_builder::bind_date_filter(const table_schema& schema,
                                        const filter_shape& filter) {
  std::vector<date_times> dates;
  for (const auto& value : filter.values) {
    const auto constant = read_literal(value, column_type::date);
    if (!constant || std::holds_alternative<double>(*constant)) {
      const auto why
        = constant ? value.dump() + " is no date" : constant.failure().context;
      return check_failed_plainly("filtervalue",
                                  "`filters column `date: " + why,
                                  "column 'date': " + why);
    }
    const auto times = times_of(schema, *constant);
    if (!times)
      return times.failure();
    dates.push_back(*times);
  }
  auto add = [&](predicate_op op, bool negated, std::vector<literal> values) {
    out_.plan.filters.push_back(
      {schema.time_column, op, negated, std::move(values)});
  };
  using op = predicate_op;
  switch (filter.op) {
    case op::less:
    case op::greater_equal:
      add(filter.op, false, {dates[0].first});
      return {};
    case op::greater:
    case op::less_equal:
      add(filter.op, false, {dates[0].last});
      return {};
    case op::equal:
    case op::not_equal:
      add(op::within, filter.op == op::not_equal,
          {dates[0].first, dates[0].last});
      return {};
    case op::within:
      add(op::within, filter.negated, {dates[0].first, dates[1].last});
      return {};
    case op::in:
      break;
    default:
      return check_failed_plainly("filtervalue",
                                  "`filters column `date: like needs text",
                                  "column 'date': like needs text");
  }
  std::sort(dates.begin(), dates.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (filter.negated) {
    for (const auto& date : dates)
      add(op::within, true, {date.first, date.last});
    return {};
  }
  // One of them: from the first to the last, without what lies between two.
  if (dates.empty()) {
    add(op::in, false, {});
    return {};
  }
  add(op::within, false, {dates.front().first, dates.back().last});
  for (size_t i = 1; i < dates.size(); ++i)
    if (dates[i - 1].last != inf_long && dates[i - 1].last + 1 < dates[i].first)
      add(op::within, true, {dates[i - 1].last + 1, dates[i].first - 1});
  return {};
}

error getdata_builder::bind_groups(const table_schema& schema) {
  if (auto fault = valid_columns(schema, grouping_, "grouping"))
    return fault;
  if (!grouping_.empty() && aggregations_.empty())
    return check_failed_plainly(
      "aggtimebar",
      "Aggregations parameter must be supplied in order to perform group by "
      "statements (grouping: "
        + symbol_list(grouping_) + ")",
      "'grouping' needs 'aggregations' (grouping: " + quoted_list(grouping_)
        + ")");
  for (const auto& column : grouping_) {
    group_key key{column, 0, column};
    if (is_virtual_date(schema, column)) {
      key.column = schema.time_column;
      key.by_day = true;
      use_days(schema);
    }
    use(schema, key.column);
    auto& keys = out_.plan.keys;
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      keys.push_back(key);
  }
  if (!distinct_.empty())
    out_.plan.keys.push_back(
      {distinct_, 0, aggregation_name("distinct", {distinct_})});
  return {};
}

error getdata_builder::bind_timebar(const table_schema& schema) {
  if (!has_timebar_)
    return {};
  if (aggregations_.empty())
    return check_failed("aggtimebar",
                        "Aggregations parameter must be supplied in order to "
                        "perform group by statements (timebar)");
  if (auto fault = valid_columns(schema, {bar_column_}, "timebar"))
    return fault;
  const auto type = schema.columns[*schema.column_index(bar_column_)].type;
  if (!bar_type(type))
    return check_failed_plainly(
      "checktimebarcolumn",
      "Parameter:`timebar - column:`" + bar_column_ + " in table:`"
        + schema.name + " is of type:" + table_type(schema, bar_column_)
        + ", validtypes:-12 -13 -14 -15 -16 -17 -18 -19h",
      "column '" + bar_column_ + "' of 'timebar' is of type "
        + std::string{to_string(type)} + ", and one of times is wanted");
  const auto* found
    = std::find_if(units.begin(), units.end(),
                   [&](const unit& x) { return x.name == bar_unit_; });
  if (found == units.end()) {
    std::string known;
    for (const auto& one : units)
      known += "`" + std::string{one.name};
    std::vector<std::string> names;
    for (const auto& one : units)
      names.emplace_back(one.name);
    return check_failed_plainly(
      "timebarsize",
      "The input size of the timebar argument: `" + bar_unit_
        + ", is not an appropriate size. Appropriate sizes are: " + known,
      "'" + bar_unit_ + "' is no unit of a timebar; there are "
        + quoted_list(names));
  }
  int64_t width = 0;
  if (bar_size_ < 1)
    return check_failed("smalltimebar",
                        "Timebar parameter's intervals are too small. "
                        "Time-bucket intervals must be greater than (or equal "
                        "to) one nanosecond (timebar: "
                          + std::to_string(bar_size_) + ")");
  if (__builtin_mul_overflow(bar_size_, found->ns, &width))
    return check_failed("timebarsize", "The timebar of "
                                         + std::to_string(bar_size_) + " "
                                         + bar_unit_
                                         + "s does not fit 64 bits of "
                                           "nanoseconds");
  use(schema, bar_column_);
  if (bar_by_day_ && type != column_type::timestamp)
    return check_failed_plainly(
      "timebarorigin",
      "Timebarorigin `day needs a timebar over a timestamp, column:`"
        + bar_column_ + " is of type:" + table_type(schema, bar_column_),
      R"('timebarorigin' "day" needs a timebar over a timestamp, and ')"
        + bar_column_ + "' is of type " + std::string{to_string(type)});
  if (bar_by_day_)
    use_days(schema);
  for (const auto& key : out_.plan.keys)
    if (key.name == bar_column_)
      return check_failed("checktimebarcolumn",
                          "Column `" + bar_column_
                            + " is both in `grouping and in `timebar");
  out_.plan.keys.push_back({bar_column_, width, bar_column_, bar_by_day_});
  return {};
}

error getdata_builder::bind_order() {
  auto& plan = out_.plan;
  for (const auto& [descending, name] : ordering_) {
    const auto columns = result_columns(plan);
    auto found = std::find_if(
      columns.begin(), columns.end(),
      [&wanted = name](const auto& x) { return x.name == wanted; });
    auto output = static_cast<size_t>(found - columns.begin());
    if (found == columns.end() && name == distinct_)
      output = plan.keys.size() - 1;
    // The one aggregation over that column.
    for (size_t i = 0; output == columns.size() && i < plan.aggregates.size();
         ++i) {
      const auto& inputs = plan.aggregates[i].columns;
      if (std::find(inputs.begin(), inputs.end(), name) != inputs.end()) {
        output = plan.keys.size() + i;
        break;
      }
    }
    if (output >= columns.size())
      return check_failed("badorder",
                          "Trying to order by column(s): `" + name
                            + " that is not defined in the columns argument");
    plan.ordering.push_back({static_cast<uint32_t>(output), descending});
  }
  return {};
}

error getdata_builder::rename() {
  const auto* given = input_.find("renamecolumn");
  if (!given)
    return {};
  auto& plan = out_.plan;
  std::vector<std::string*> names;
  for (auto& output : plan.outputs)
    names.push_back(&output.name);
  for (auto& key : plan.keys)
    names.push_back(&key.name);
  for (auto& agg : plan.aggregates)
    names.push_back(&agg.name);
  if (given->is_object()) {
    // All look-ups by the old names, so that two may be swapped.
    std::vector<std::pair<std::string*, std::string>> changes;
    for (const auto& [old_name, new_name] : given->entries()) {
      if (!new_name.text())
        return check_failed("renameinput",
                            "Renamecolumn parameter input must be of type 11h "
                            "- example: `old1`old2!`new1`new2 (renamecolumn."
                              + old_name + ")");
      const auto found = std::find_if(
        names.begin(), names.end(),
        [&, wanted = old_name](const auto* x) { return *x == wanted; });
      if (found == names.end())
        return check_failed("renamekey",
                            "Dictionary keys need to be old column names "
                            "(renamecolumn."
                              + old_name + ")");
      changes.emplace_back(*found, *new_name.text());
    }
    for (auto& [name, change] : changes)
      *name = std::move(change);
  } else if (auto list = read_names(*given)) {
    if (list->size() > names.size())
      return check_failed("renameinput",
                          "length of renamecolumns is too long ("
                            + std::to_string(list->size()) + " names for "
                            + std::to_string(names.size()) + " columns)");
    for (size_t i = 0; i < list->size(); ++i)
      *names[i] = (*list)[i];
  } else {
    return type_incorrect("renamecolumn", "11 99", *given);
  }
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (*names[i] == *names[j])
        return check_failed("renameinput",
                            "two result columns are named `" + *names[i]);
  return {};
}

} // namespace millrace::query
