#include <millrace/messages/text/listed.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;
using fold = aggregate_function;

struct named_aggregate {
  std::string_view name;
  fold function;
  size_t arguments;
};
constexpr std::array aggregates{
  named_aggregate{"count", fold::count, 1},
  named_aggregate{"sum", fold::sum, 1},
  named_aggregate{"avg", fold::avg, 1},
  named_aggregate{"min", fold::min, 1},
  named_aggregate{"max", fold::max, 1},
  named_aggregate{"first", fold::first, 1},
  named_aggregate{"last", fold::last, 1},
  named_aggregate{"any_value", fold::first, 1},
  named_aggregate{"stddev", fold::sdev, 1},
  named_aggregate{"stddev_samp", fold::sdev, 1},
  named_aggregate{"stddev_pop", fold::dev, 1},
  named_aggregate{"variance", fold::svar, 1},
  named_aggregate{"var_samp", fold::svar, 1},
  named_aggregate{"var_pop", fold::var, 1},
  named_aggregate{"median", fold::med, 1},
  named_aggregate{"percentile_cont", fold::percentile, 1},
  named_aggregate{"percentile_disc", fold::percentile_discrete, 1},
  named_aggregate{"corr", fold::cor, 2},
  named_aggregate{"covar_pop", fold::cov, 2},
  named_aggregate{"covar_samp", fold::scov, 2},
  named_aggregate{"vwap", fold::wavg, 2},
  named_aggregate{"weighted_avg", fold::wavg, 2},
};

const named_aggregate* find(std::string_view name) {
  const auto found
    = std::find_if(aggregates.begin(), aggregates.end(),
                   [&](const auto& each) { return each.name == name; });
  return found == aggregates.end() ? nullptr : &*found;
}

} // namespace

bool is_aggregate(std::string_view name) { return find(name) != nullptr; }

void add_aggregate_names(std::vector<std::string>& to) {
  for (const auto& each : aggregates)
    to.emplace_back(each.name);
}

bool has_aggregate(const json_value& node) {
  if (node.is_array())
    return std::any_of(node.elements().begin(), node.elements().end(),
                       has_aggregate);
  for (const auto& [key, value] : node.entries()) {
    if (key == "SelectStmt")
      continue;
    if (key == "FuncCall" && !value.find("over")
        && is_aggregate(names_in(value.at("funcname")).back()))
      return true;
    if (has_aggregate(value))
      return true;
  }
  return false;
}

/// In groups: a key, or what is computed of keys and aggregates.
result<expression> row_scope::grouped_value(const json_value& node) {
  const auto what = tree_of(node);
  if (!has_aggregate(node) && what.body) {
    row_scope rows{owner_, rows_};
    auto plain = rows.value(node);
    if (plain)
      for (const auto* list : {&groups_->keys, &groups_->aliases})
        for (const auto& each : *list)
          if (is_same(*plain, each.value))
            return typed_column(each.name, plain->type, plain->place);
    if (what.kind == "ColumnRef") {
      if (!plain)
        return plain;
      const auto place = owner_.place_of(*what.body);
      return owner_.wrong(place, "column '" + names_in(what["fields"]).back()
                                   + "' is neither in GROUP BY nor within an "
                                     "aggregate");
    }
  }
  return row_value(node);
}

result<expression> row_scope::folded(aggregate_function function,
                                     std::vector<expression> arguments,
                                     uint32_t place, bool has_null,
                                     double fraction) {
  std::vector<column_type> types;
  std::string listed;
  for (const auto& each : arguments) {
    types.push_back(each.type);
    text::add_to_list(listed, to_string(each.type), " and ");
  }
  const auto type = result_type(function, types);
  if (!type)
    return owner_.wrong(place,
                        "the aggregate '" + std::string{to_string(function)}
                          + "' does not take " + listed,
                        errc::unsupported);
  for (const auto& each : groups_->folds)
    if (each.function == function && each.fraction == fraction
        && std::equal(each.arguments.begin(), each.arguments.end(),
                      arguments.begin(), arguments.end(), is_same))
      return typed_column(each.name, *type, place);
  operators::folded made;
  made.name = owner_.next_name("~a");
  made.function = function;
  made.arguments = std::move(arguments);
  made.fraction = fraction;
  if (!has_null)
    groups_->non_null.push_back(made.name);
  auto out = typed_column(made.name, *type, place);
  groups_->folds.push_back(std::move(made));
  return out;
}

result<expression> row_scope::aggregate(const json_value& body, uint32_t place,
                                        row_scope& rows) {
  const auto& known = *find(names_in(body.at("funcname")).back());
  const std::string name{known.name};
  const bool distinct = body.find("agg_distinct") != nullptr;
  if (distinct && known.function != fold::count && known.function != fold::min
      && known.function != fold::max)
    return owner_.refused(place, "of DISTINCT values there are count, min and "
                                 "max, not "
                                   + name);
  double fraction = 0;
  std::vector<expression> arguments;
  if (body.find("agg_within_group")) {
    auto of = fraction_of(body, place, rows);
    if (!of)
      return of.failure();
    fraction = *of;
    const auto order = tree_of(body.at("agg_order").elements().front());
    auto value = rows.value(order["node"]);
    if (!value)
      return value;
    arguments.push_back(*std::move(value));
  } else {
    if (known.function == fold::percentile
        || known.function == fold::percentile_discrete)
      return owner_.wrong(place, name
                                   + " stands with WITHIN GROUP (ORDER BY "
                                     "...)");
    if (body.find("agg_order"))
      return owner_.refused(place, "ORDER BY within an aggregate is not there");
    for (const auto& each : body.at("args").elements()) {
      auto value = rows.value(each);
      if (!value)
        return value;
      // The others take no booleans.
      if (known.function == fold::count || known.function == fold::first
          || known.function == fold::last)
        if (auto fault = rows.check_known(each, *value))
          return fault;
      arguments.push_back(*std::move(value));
    }
  }
  const bool star = body.find("agg_star") != nullptr;
  if (arguments.size() != (star ? 0 : known.arguments)
      || (star && known.function != fold::count))
    return owner_.wrong(place,
                        name + " takes " + std::to_string(known.arguments)
                          + (known.arguments == 1 ? " value" : " values"));
  // Of (price, size) the weight is the second.
  if (name == "vwap")
    std::swap(arguments[0], arguments[1]);
  std::optional<expression> where;
  if (const auto* filter = body.find("agg_filter")) {
    auto condition = rows.truth(*filter, true);
    if (!condition)
      return condition;
    where = *std::move(condition);
  }
  // Half of two middle values is rounded once.
  const bool is_half = known.function == fold::percentile && fraction == 0.5;
  const auto function = distinct && known.function == fold::count
                          ? fold::distinct
                        : is_half ? fold::med
                                  : known.function;
  return fold_where(function, std::move(arguments), std::move(where), place,
                    is_half ? 0 : fraction);
}

/// That of WITHIN GROUP.
result<double> row_scope::fraction_of(const json_value& body, uint32_t place,
                                      row_scope& rows) {
  const auto name = names_in(body.at("funcname")).back();
  if (!name.starts_with("percentile_"))
    return owner_.refused(place,
                          "of WITHIN GROUP there are percentile_cont and "
                          "percentile_disc");
  const auto& order = body.at("agg_order").elements();
  if (order.size() != 1
      || tree_of(order.front())["sortby_dir"].text_or_empty() == "SORTBY_DESC")
    return owner_.refused(place, "ORDER BY of WITHIN GROUP has one value, and "
                                 "ascends");
  const auto& given = body.at("args").elements();
  if (given.size() != 1)
    return owner_.wrong(place, "a fraction is wanted");
  const auto at = rows.value(given.front());
  if (!at)
    return at.failure();
  const auto* value
    = at->what == expression::kind::constant && at->values.size() == 1
        ? &at->values.front()
        : nullptr;
  const auto* real = value ? std::get_if<double>(value) : nullptr;
  const auto* whole = value ? std::get_if<int64_t>(value) : nullptr;
  const auto fraction = real ? *real : whole ? static_cast<double>(*whole) : -1;
  if (!(fraction >= 0 && fraction <= 1))
    return owner_.wrong(place, "'" + name + "' takes a constant from 0 to 1");
  return fraction;
}

/// SQL's meaning of an aggregate, by those of a plan.
result<expression> row_scope::fold_where(aggregate_function function,
                                         std::vector<expression> arguments,
                                         std::optional<expression> where,
                                         uint32_t place, double fraction) {
  row_scope rows{owner_, rows_};
  if (function == fold::count) {
    if (arguments.empty() && !where)
      return folded(fold::count, {}, place, false);
    auto there = arguments.empty() ? result<expression>{truth_constant(true)}
                                   : rows.is_not_null(std::move(arguments[0]));
    if (there && where)
      there = rows.both_true(*std::move(there), *std::move(where));
    if (there && known_truth(*there) == true)
      return folded(fold::count, {}, place, false);
    if (!there)
      return there;
    std::vector<expression> counted;
    counted.push_back(*std::move(there));
    return folded(fold::sum, std::move(counted), place, false);
  }
  if (function == fold::distinct && arguments[0].type == column_type::boolean) {
    auto number = rows.cast(std::move(arguments[0]), column_type::long_, place);
    if (!number)
      return number;
    arguments[0] = *std::move(number);
  }
  const bool edge = function == fold::first || function == fold::last;
  for (auto& each : arguments) {
    if (!edge && each.type == column_type::boolean)
      return owner_.wrong(place, "the aggregate '"
                                   + std::string{to_string(function)}
                                   + "' does not take boolean; see FILTER");
    // What no row gives is null, and so is what FILTER leaves out.
    auto wide = rows.with_null(std::move(each), place);
    if (!wide)
      return wide;
    each = *std::move(wide);
  }
  if (where && edge)
    return owner_.refused(place, "FILTER of first and last is not there");
  if (where) {
    const auto type = arguments[0].type;
    auto chosen = rows.call(fn::conditional,
                            {*std::move(where), std::move(arguments[0]),
                             constant_of(type, std::monostate{}, place)},
                            place, "FILTER");
    if (!chosen)
      return chosen;
    arguments[0] = *std::move(chosen);
  }
  if (function == fold::avg && arguments[0].type == column_type::timespan) {
    auto ns = folded(function, std::move(arguments), place);
    auto whole = ns ? cast(*std::move(ns), column_type::long_, place) : ns;
    return whole ? cast(*std::move(whole), column_type::timespan, place)
                 : whole;
  }
  if (function == fold::distinct)
    return distinct_count(std::move(arguments[0]), place);
  if (function != fold::sum)
    return folded(function, std::move(arguments), place, true, fraction);
  return sum_of(std::move(arguments), place);
}

/// A plan counts null as a value, and SQL does not.
result<expression> row_scope::distinct_count(expression value, uint32_t place) {
  row_scope rows{owner_, rows_};
  auto missing = rows.is_null(value);
  auto count = folded(fold::distinct, {std::move(value)}, place, false);
  if (!missing || !count || known_truth(*missing) == false)
    return missing ? count : missing;
  auto any = folded(fold::max, {*std::move(missing)}, place, false);
  auto null = any ? cast(*std::move(any), column_type::long_, place) : any;
  return null ? call(fn::subtract, {*std::move(count), *std::move(null)}, place)
              : null;
}

/// Of no values a plan's sum is 0, and SQL's is null.
result<expression> row_scope::sum_of(std::vector<expression> arguments,
                                     uint32_t place) {
  row_scope rows{owner_, rows_};
  auto there = rows.is_not_null(arguments[0]);
  auto value = arguments[0];
  auto sum = folded(fold::sum, std::move(arguments), place);
  if (!there || !sum)
    return there ? sum : there;
  if (known_truth(*there) == true && !groups_->keys.empty()) {
    groups_->non_null.push_back(sum->name);
    return sum;
  }
  // There is a largest value where there is any: it costs less to find than
  // values that are there to count. A byte's is never null.
  const bool counts
    = known_truth(*there) == true || value.type == column_type::byte_;
  auto some = counts ? folded(fold::count, {}, place, false)
                     : folded(fold::max, {std::move(value)}, place);
  if (!some)
    return some;
  some = counts ? call(fn::greater,
                       {*std::move(some),
                        constant_of(column_type::long_, int64_t{0}, place)},
                       place)
                : is_not_null(*std::move(some));
  if (!some)
    return some;
  const auto type = sum->type;
  return call(fn::conditional,
              {*std::move(some), *std::move(sum),
               constant_of(type, std::monostate{}, place)},
              place);
}

} // namespace millrace::query::sql
