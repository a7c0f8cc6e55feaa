#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/front/getdata_builder_internal.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace millrace::query {

namespace {

using json = text::json_value;

constexpr auto aggregation_example
  = " - example: `max`min`wavg!(`price;`size;`price`size)\x1f"
    R"(a function and its columns, as in {"max": "price", "min": "size", "wavg": ["price", "size"]})";
constexpr auto filter_example
  = " - example: `sym`bid`bsize!((=;`AAPL);(within;83.5 85);(not;in;43 44))\x1f"
    R"(a column and its condition, as in {"sym": ["=", "AAPL"], )"
    R"("bid": ["within", [83.5, 85]], )"
    R"("bsize": ["not", "in", [43, 44]]})";
constexpr auto ordering_example
  = " - example: ((`asc`sym);(`desc`price))\x1f"
    R"(pairs of "asc" or "desc" and a column, as in [["asc", "sym"], ["desc", "price"]])";
const std::string timebar_shape
  = "size, unit and column, as in [5, \"minute\", \"time\"]";

/// What stood where, after a text of TorQ's that does not say it.
std::string at(const std::string& place, const json& value) {
  return " (" + place + ": " + value.dump() + ")";
}

/// A fraction of one as hundredths, without a point.
std::string percent_text(double fraction) {
  std::array<char, 32> digits{};
  // Its shortest digits, moved by two places: a product would be rounded.
  const auto [end, fault]
    = std::to_chars(digits.data(), digits.data() + digits.size(), fraction,
                    std::chars_format::fixed);
  std::string out{digits.data(), fault == std::errc{} ? end : digits.data()};
  const auto point = out.find('.');
  auto whole = out.substr(0, point);
  auto rest = point == std::string::npos ? "" : out.substr(point + 1);
  rest.resize(std::max<size_t>(rest.size(), 2), '0');
  whole += rest.substr(0, 2);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  return rest.size() > 2 ? whole + '_' + rest.substr(2) : whole;
}

bool is_word(const json& value, std::string_view wanted) {
  return value.text() && *value.text() == wanted;
}

bool is_list_of_lists(const json& value) {
  return !value.elements().empty() && value.elements().front().is_array();
}

/// A non-negative integer, as a number or, beyond 2^53, as a string.
std::optional<uint64_t> read_count(const json& value) {
  if (const auto count = value.natural())
    return count;
  if (!value.text())
    return std::nullopt;
  const auto& digits = *value.text();
  uint64_t out = 0;
  const auto* last = digits.data() + digits.size();
  const auto [end, fault] = std::from_chars(digits.data(), last, out);
  if (fault != std::errc{} || end != last)
    return std::nullopt;
  return out;
}

} // namespace

/// "percentile90Price" of 0.9, "percentile99_5Price" of 0.995.
std::string getdata_builder::aggregation_shape::name() const {
  if (function != percentile_word)
    return aggregation_name(function, columns);
  return aggregation_name(function + percent_text(fraction), columns);
}

std::string aggregation_name(const std::string& function,
                             const std::vector<std::string>& columns) {
  auto out = function;
  for (const auto& column : columns) {
    out += column;
    auto& first = out[out.size() - column.size()];
    if (!column.empty() && first >= 'a' && first <= 'z')
      first = static_cast<char>(first - 'a' + 'A');
  }
  return out;
}

error getdata_builder::check_shapes() {
  if (const auto& name = *input_.find("tablename"); !name.text())
    return type_incorrect("tablename", "-11", name);
  for (auto step :
       {&getdata_builder::check_times, &getdata_builder::check_names,
        &getdata_builder::check_aggregations, &getdata_builder::check_timebar,
        &getdata_builder::check_filters, &getdata_builder::check_ordering,
        &getdata_builder::check_rest})
    if (auto fault = (this->*step)())
      return fault;
  return {};
}

error getdata_builder::check_time(const char* name, bound& into) const {
  const auto& value = *input_.find(name);
  const auto type = named_type(value);
  const auto* given = (type ? *value.find("value") : value).text();
  if (!given
      || (type && *type != column_type::timestamp
          && *type != column_type::date))
    return type_incorrect(name, "-12 -14 -15", value);
  const auto& written = *given;
  if (const auto open = parse_literal(written, column_type::timestamp);
      open && std::holds_alternative<int64_t>(*open)
      && std::abs(std::get<int64_t>(*open)) == inf_long) {
    into = {std::get<int64_t>(*open), false};
    return {};
  }
  const auto time = parse_time(written);
  if (!time) {
    return type_incorrect(name, "-12 -14 -15", value,
                          ": " + time.failure().context);
  }
  into = {time->ns, time->is_date};
  return {};
}

error getdata_builder::check_times() {
  if (auto fault = check_time("starttime", start_))
    return fault;
  if (auto fault = check_time("endtime", end_))
    return fault;
  // A date stands for the whole day; so does the last one.
  const auto last = end_.is_date ? end_.ns + (text::day_ns - 1) : end_.ns;
  if (start_.ns > last)
    return check_failed("checktimeorder",
                        "Starttime parameter must be <= endtime parameter"
                          + at("starttime", *input_.find("starttime"))
                          + at("endtime", *input_.find("endtime")));
  return {};
}

namespace {

error named_once(const char* parameter, std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end())
    return {};
  return check_failed_plainly(
    "checkrepeatparams",
    symbol_list({*twice}) + " is named more than once in `" + parameter,
    "'" + *twice + "' is named more than once in '" + parameter + "'");
}

} // namespace

error getdata_builder::check_names() {
  for (const auto* name : {"timecolumn", "instrumentcolumn"})
    if (const auto* given = input_.find(name); given && !given->text())
      return type_incorrect(name, "-11", *given);
  if (const auto* given = input_.find("timecolumn"))
    time_column_ = *given->text();
  for (const auto* name : {"instruments", "columns", "grouping"}) {
    const auto* given = input_.find(name);
    if (!given)
      continue;
    auto names = read_names(*given);
    if (!names)
      return type_incorrect(name, "-11 11", *given);
    // One column of the result for two that were asked for would be a guess.
    if (auto fault = named_once(name, *names); *name != 'i' && fault)
      return fault;
    if (*name == 'i')
      out_.plan.symbols = std::move(*names);
    else if (*name == 'c' && names->empty())
      return check_failed_plainly(
        "checkcolumns", "Columns parameter is empty: leave it out for all",
        "'columns' is empty: leave it out for all columns");
    else if (*name == 'c')
      columns_ = std::move(*names);
    else
      grouping_ = std::move(*names);
  }
  has_columns_ = !columns_.empty();
  return {};
}

error getdata_builder::check_aggregations() {
  const auto* found = input_.find("aggregations");
  if (!found)
    return {};
  const auto& given = *found;
  if (!given.is_object())
    return type_incorrect("aggregations", "99", given);
  if (given.entries().empty())
    return check_failed_plainly(
      "checkaggregationparameter",
      "Aggregations parameter is empty: leave it out for rows",
      "'aggregations' is empty: leave it out for rows");
  for (const auto& [function, value] : given.entries()) {
    const auto bad = [&, name = function, shown = value] {
      return check_failed("checkaggregationparameter",
                          "Aggregations parameter values must be of type "
                          "symbol"
                            + std::string{aggregation_example}
                            + at("aggregations." + name, shown));
    };
    if (function == percentile_word) {
      if (auto fault = check_percentiles(value))
        return fault;
      continue;
    }
    const auto known = aggregate_function_of(function);
    const bool pairs = known && takes_pairs(*known);
    if (pairs && is_list_of_lists(value)) {
      for (const auto& pair : value.elements()) {
        auto names = read_names(pair);
        if (!names)
          return bad();
        aggregations_.push_back({function, std::move(*names)});
      }
      continue;
    }
    auto names = read_names(value);
    if (!names || names->empty())
      return bad();
    if (pairs)
      aggregations_.push_back({function, std::move(*names)});
    else if (auto fault = named_once("aggregations", *names))
      return fault;
    else
      for (auto& name : *names)
        aggregations_.push_back({function, {std::move(name)}});
  }
  return {};
}

/// [0.9, "price"], or a list of these.
error getdata_builder::check_percentiles(const json& given) {
  const auto bad = [&](const json& shown) {
    return check_failed("checkaggregationparameter",
                        "A percentile is a number from 0 to 1 and a column, as "
                        R"({"percentile": [0.9, "price"]}, or a list of these)"
                          + at("aggregations.percentile", shown));
  };
  const auto all
    = is_list_of_lists(given) ? given.elements() : json::list{given};
  for (const auto& each : all) {
    const auto& parts = each.elements();
    const auto fraction = parts.size() == 2 ? parts[0].number() : std::nullopt;
    if (!fraction || !(*fraction >= 0 && *fraction <= 1) || !parts[1].text())
      return bad(each);
    aggregations_.push_back({percentile_word, {*parts[1].text()}, *fraction});
  }
  return {};
}

error getdata_builder::check_timebar() {
  const auto* found = input_.find("timebar");
  if (!found)
    return {};
  const auto& given = *found;
  const auto& parts = given.elements();
  if (parts.size() != 3)
    return check_failed("timebarlength",
                        "Timebar parameter must be a list of length 3",
                        timebar_shape + at("timebar", given));
  if (!parts[0].integer())
    return check_failed("firsttimebar",
                        "First argument of timebar must be either -6h or -7h",
                        timebar_shape + at("timebar", given));
  if (!parts[1].text())
    return check_failed("secondtimebar",
                        "Second argument of timebar must be of type -11h",
                        timebar_shape + at("timebar", given));
  if (!parts[2].text())
    return check_failed("thirdtimebar",
                        "Third argument of timebar must be have type -11h",
                        timebar_shape + at("timebar", given));
  has_timebar_ = true;
  bar_size_ = *parts[0].integer();
  bar_unit_ = *parts[1].text();
  bar_column_ = *parts[2].text();
  return {};
}

/// Where bars begin to count; ours, and checked after TorQ's.
error getdata_builder::check_timebar_origin() {
  const auto* given = input_.find("timebarorigin");
  if (!given)
    return {};
  if (!given->text())
    return type_incorrect("timebarorigin", "-11", *given);
  bar_by_day_ = *given->text() == "day";
  if (!bar_by_day_ && *given->text() != "utc")
    return check_failed_plainly(
      "timebarorigin",
      "Timebarorigin must be `utc or `day" + at("timebarorigin", *given),
      R"('timebarorigin' is "utc" or "day")" + at("timebarorigin", *given));
  if (!has_timebar_)
    return check_failed("timebarorigin", "Timebarorigin needs a timebar"
                                           + at("timebarorigin", *given));
  return {};
}

error getdata_builder::check_filters() {
  const auto* found = input_.find("filters");
  if (!found)
    return {};
  const auto& given = *found;
  if (!given.is_object() || named_type(given))
    return type_incorrect("filters", "99", given);
  for (const auto& [column, value] : given.entries()) {
    if (!is_list_of_lists(value)) {
      if (auto fault = check_filter(column, value))
        return fault;
      continue;
    }
    for (const auto& one : value.elements())
      if (auto fault = check_filter(column, one))
        return fault;
  }
  return {};
}

error getdata_builder::check_filter(const std::string& column,
                                    const json& given) {
  const auto place = at("filters." + column, given);
  const auto& parts = given.elements();
  if (parts.size() < 2 || parts.size() > 3)
    return check_failed(
      "filterpair",
      "Filters parameter values must be paired in the form (filter "
      "function;value(s)) or a list of three of the form (not;filter "
      "function;value(s))"
        + std::string{filter_example} + place);
  filter_shape filter;
  filter.column = column;
  filter.negated = is_word(parts[0], "not");
  if (parts.size() == 3 && !filter.negated)
    return check_failed("filternot",
                        "Filters parameter values containing three elements "
                        "must have the first element being the not keyword"
                          + std::string{filter_example} + place);
  const bool misplaced = filter.negated && parts.size() == 2;
  const auto* name = parts[filter.negated ? 1 : 0].text();
  const auto op = name ? predicate_op_of(*name) : std::nullopt;
  const bool negatable
    = op
      && (*op == predicate_op::in || *op == predicate_op::within
          || *op == predicate_op::like);
  if (misplaced || (filter.negated && op && !negatable))
    return check_failed_plainly(
      "allowednot",
      "The 'not' keyword may only preceed the operators within, in and like."
        + place,
      "'not' stands before within, in and like only" + place);
  if (!op)
    return check_failed(
      "allowedops",
      "Allowed operators are: =, <, >, <=, >=, in, within, "
      "like. The last three may be preceeded with 'not' "
      "e.g. (not within;80 100)"
        + place,
      R"({"price": ["not", "within", [80, 100]]})",
      "; the conditions are =, <>, <, >, <=, >=, in, within and "
      "like, the last three also after \"not\""
        + place);
  filter.op = *op;
  const auto& value = parts.back();
  filter.values = value.is_array() ? value.elements() : json::list{value};
  if (*op == predicate_op::within && filter.values.size() != 2)
    return check_failed("withincheck",
                        "(not)within statements within the filter parameter "
                        "must contain exatly two values associated with it"
                          + std::string{filter_example} + place);
  if (*op != predicate_op::within && *op != predicate_op::in
      && value.is_array()) {
    const bool equality = to_string(*op).find('=') != std::string_view::npos;
    return check_failed(equality ? "equalities" : "inequalities",
                        std::string{"The use of "}
                          + (equality ? "equalities" : "inequalities")
                          + " in the filter parameter warrants only one value"
                          + filter_example + place);
  }
  filters_.push_back(std::move(filter));
  return {};
}

error getdata_builder::check_ordering() {
  const auto* found = input_.find("ordering");
  if (!found)
    return {};
  const auto& given = *found;
  const auto place = at("ordering", given);
  auto pairs = given.elements();
  if (pairs.size() == 2 && pairs[0].text() && pairs[1].text())
    pairs = {given};
  const bool lists
    = given.is_array()
      && std::all_of(pairs.begin(), pairs.end(), [](const json& pair) {
           return pair.is_array() && read_names(pair);
         });
  if (!lists)
    return check_failed("checkorderingpair",
                        "Ordering parameter must contain pairs of symbols as "
                        "its input"
                          + std::string{ordering_example} + place);
  for (const auto& each : pairs) {
    const auto pair = *read_names(each);
    if (pair.size() != 2)
      return check_failed("checkorderingarrangment",
                          "Ordering parameter's values must be paired in the "
                          "form (direction;column)"
                            + std::string{ordering_example} + place);
    if (pair[0] != "asc" && pair[0] != "desc")
      return check_failed("checkorderingdirection",
                          "The first item in each of the ordering parameter's "
                          "pairs must be either `asc or `desc"
                            + std::string{ordering_example} + place);
    ordering_.emplace_back(pair[0] == "desc", pair[1]);
  }
  return check_order_columns();
}

error getdata_builder::check_order_columns() const {
  if (!aggregations_.empty()) {
    for (const auto& [descending, name] : ordering_)
      if (auto fault = check_order_by_aggregate(name))
        return fault;
    return {};
  }
  std::vector<std::string> missing;
  for (const auto& [descending, name] : ordering_)
    if (has_columns_
        && std::find(columns_.begin(), columns_.end(), name) == columns_.end())
      missing.push_back(name);
  if (!missing.empty())
    return check_failed_plainly(
      "badorder",
      "Trying to order by column(s): "
        + symbol_list(missing).substr(missing.size() == 1 ? 1 : 0)
        + " that is not defined in the columns argument",
      "'ordering' has " + quoted_list(missing) + ", and 'columns' has not");
  return {};
}

error getdata_builder::check_order_by_aggregate(const std::string& name) const {
  const bool key
    = std::find(grouping_.begin(), grouping_.end(), name) != grouping_.end()
      || (has_timebar_ && bar_column_ == name);
  const auto uses = std::count_if(
    aggregations_.begin(), aggregations_.end(), [&](const auto& agg) {
      return std::find(agg.columns.begin(), agg.columns.end(), name)
             != agg.columns.end();
    });
  const bool named
    = std::any_of(aggregations_.begin(), aggregations_.end(),
                  [&](const auto& agg) { return agg.name() == name; });
  if (key || named || uses == 1)
    return {};
  if (uses > 1)
    return check_failed_plainly(
      "orderingvague",
      "Ordering parameter vague. Ordering by a column that aggregated more "
      "than once, as such the aggregation must be specified. The aggregation "
      "convention is camel-case, so to order by the aggregation max price, "
      "the following would be used: maxPrice (ordering: `"
        + name + ")",
      "'" + name
        + "' is aggregated more than once: 'ordering' wants the name of one of "
          "the results, such as maxPrice");
  return check_failed_plainly(
    "orderingnocolumn",
    "Ordering parameter contains column that is not defined by aggregations, "
    "grouping or timebar parameter (ordering: `"
      + name + ")",
    "'ordering' has '" + name
      + "', which is of no aggregation, grouping or timebar");
}

error getdata_builder::check_rest() {
  const auto* getquery = input_.find("getquery");
  out_.analyze = getquery && getquery->text_or_empty() == "analyze";
  for (const auto* name : {"getquery", "optimisation"})
    if (const auto* given = input_.find(name);
        given && !given->boolean() && !(given == getquery && out_.analyze))
      return type_incorrect(name, "-1", *given);
  if (getquery)
    out_.explain = getquery->boolean().value_or(false);
  if (const auto* given = input_.find("sublist")) {
    if (!given->integer())
      return type_incorrect("sublist", "-5 -6 -7", *given);
    out_.plan.sublist = *given->integer();
  }
  if (const auto* given = input_.find("timeout")) {
    const auto span = given->text()
                        ? parse_literal(*given->text(), column_type::timespan)
                        : result<literal>{literal{}};
    if (!span || !std::holds_alternative<int64_t>(*span)
        || std::get<int64_t>(*span) <= 0)
      return type_incorrect("timeout", "-16", *given);
    out_.timeout_ns = std::get<int64_t>(*span);
  }
  for (const auto& [key, into] :
       {std::pair{"at_least", &out_.at_least}, {"as_of", &out_.as_of}})
    if (const auto* given = input_.find(key)) {
      const auto place = read_count(*given);
      if (!place)
        return type_incorrect(key, "-7", *given);
      *into = position{*place};
    }
  if (const auto* given = input_.find("priority")) {
    const auto wanted = question_priority_names.find(given->text_or_empty());
    if (!wanted)
      return check_failed_plainly(
        "checkpriority", "priority is `low, `normal or `high",
        "priority is low, normal or high, not " + given->dump());
    out_.priority = *wanted;
  }
  if (auto fault = check_timebar_origin())
    return fault;
  return check_limits();
}

error getdata_builder::check_limits() {
  const auto* found = input_.find("limits");
  if (!found)
    return {};
  const auto& given = *found;
  if (!given.is_object())
    return type_incorrect("limits", "99", given);
  for (const auto& [name, value] : given.entries()) {
    const auto limit = read_count(value);
    if (!limit)
      return type_incorrect("limits." + name, "-7", value);
    if (*limit == 0)
      return check_failed_plainly(
        "checklimits", "Limit `" + name + " is 0; it is from 1 on",
        "the limit '" + name + "' is 0; it is from 1 on");
    if (name == "rows")
      out_.plan.rows_max = *limit;
    else if (name == "bytes")
      out_.plan.bytes_max = *limit;
    else
      return check_failed_plainly(
        "checklimits", "Unknown limit `" + name + "; there are `rows`bytes",
        "there is no limit '" + name + "'; there are 'rows' and 'bytes'");
  }
  return {};
}

} // namespace millrace::query
