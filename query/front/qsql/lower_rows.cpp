#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/qsql/lowering_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::qsql {

namespace {

using operators::running;
using operators::window;
using operators::window_function;

struct named_scalar {
  std::string_view name;
  scalar_function function;
};

constexpr std::array of_one{
  named_scalar{"neg", scalar_function::negate},
  named_scalar{"abs", scalar_function::absolute},
  named_scalar{"signum", scalar_function::sign},
  named_scalar{"floor", scalar_function::floor},
  named_scalar{"ceiling", scalar_function::ceiling},
  named_scalar{"sqrt", scalar_function::square_root},
  named_scalar{"exp", scalar_function::exponential},
  named_scalar{"log", scalar_function::logarithm},
  named_scalar{"reciprocal", scalar_function::reciprocal},
  named_scalar{"not", scalar_function::logical_not},
  named_scalar{"null", scalar_function::is_null},
};

constexpr std::array of_two{
  named_scalar{"+", scalar_function::add},
  named_scalar{"-", scalar_function::subtract},
  named_scalar{"*", scalar_function::multiply},
  named_scalar{"%", scalar_function::divide},
  named_scalar{"div", scalar_function::quotient},
  named_scalar{"mod", scalar_function::modulo},
  named_scalar{"xbar", scalar_function::bar},
  named_scalar{"=", scalar_function::equal},
  named_scalar{"<>", scalar_function::not_equal},
  named_scalar{"<", scalar_function::less},
  named_scalar{">", scalar_function::greater},
  named_scalar{"<=", scalar_function::less_equal},
  named_scalar{">=", scalar_function::greater_equal},
  named_scalar{"&", scalar_function::lesser},
  named_scalar{"and", scalar_function::lesser},
  named_scalar{"|", scalar_function::larger},
  named_scalar{"or", scalar_function::larger},
  named_scalar{"^", scalar_function::fill},
};

bool compares(scalar_function function) {
  return function >= scalar_function::equal
         && function <= scalar_function::greater_equal;
}

template <size_t Count>
std::optional<scalar_function>
find_scalar(const std::array<named_scalar, Count>& known,
            std::string_view name) {
  for (const auto& each : known)
    if (each.name == name)
      return each.function;
  return std::nullopt;
}

constexpr std::string_view cast_letters = "bxhijefcspmdnuvt";
constexpr std::array cast_types{
  column_type::boolean,   column_type::byte_,  column_type::short_,
  column_type::int_,      column_type::long_,  column_type::real,
  column_type::float_,    column_type::char_,  column_type::symbol,
  column_type::timestamp, column_type::month,  column_type::date,
  column_type::timespan,  column_type::minute, column_type::second,
  column_type::time};

expression cast_to(column_type type, expression what) {
  const auto place = what.place;
  std::vector<expression> arguments;
  arguments.push_back(std::move(what));
  auto out = call_of(scalar_function::cast, std::move(arguments), place);
  out.type = type;
  return out;
}

expression of_pair(scalar_function function, expression left,
                   expression right) {
  const auto place = left.place;
  std::vector<expression> arguments;
  arguments.push_back(std::move(left));
  arguments.push_back(std::move(right));
  return call_of(function, std::move(arguments), place);
}

expression int_constant(int64_t value, uint32_t place) {
  return constant_of(column_type::int_, value, place);
}

/// The parts of a time that are numbers.
std::optional<expression> number_part(std::string_view part, expression time) {
  const auto place = time.place;
  const auto count_of = [&](column_type unit) {
    return cast_to(column_type::int_, cast_to(unit, time));
  };
  const auto within = [&](expression what, int64_t size) {
    return of_pair(scalar_function::modulo, std::move(what),
                   int_constant(size, place));
  };
  const auto per = [&](expression what, int64_t size) {
    return of_pair(scalar_function::quotient, std::move(what),
                   int_constant(size, place));
  };
  const auto plus = [&](expression what, int64_t value) {
    return of_pair(scalar_function::add, std::move(what),
                   int_constant(value, place));
  };
  if (part == "hh")
    return per(count_of(column_type::minute), 60);
  if (part == "uu")
    return within(count_of(column_type::minute), 60);
  if (part == "ss")
    return within(count_of(column_type::second), 60);
  if (part == "mm")
    return plus(within(count_of(column_type::month), 12), 1);
  if (part == "year")
    return plus(per(count_of(column_type::month), 12), 2000);
  const auto date = cast_to(column_type::date, time);
  if (part == "dd")
    return plus(
      of_pair(scalar_function::subtract, date,
              cast_to(column_type::date, cast_to(column_type::month, time))),
      1);
  // Weeks begin on Mondays; 2000.01.01 was a Saturday.
  if (part == "week")
    return of_pair(scalar_function::subtract, date,
                   within(plus(count_of(column_type::date), 5), 7));
  return std::nullopt;
}

std::optional<column_type> type_of_part(std::string_view part) {
  for (const auto type :
       {column_type::date, column_type::month, column_type::minute,
        column_type::second, column_type::time, column_type::timespan,
        column_type::timestamp})
    if (part == to_string(type))
      return type;
  return std::nullopt;
}

/// Functions that are words.
std::vector<std::string> words_of_rows() {
  std::vector<std::string> out{"in",  "within", "like",
                               "fby", "til",    "percentile"};
  for (const auto& each : of_one)
    out.emplace_back(each.name);
  for (const auto& each : of_two)
    out.emplace_back(each.name);
  for (const auto each : aggregate_names())
    out.emplace_back(each);
  for (const auto each : operators::window_function_names())
    out.emplace_back(each);
  return out;
}

} // namespace

std::optional<scalar_function> scalar_of(std::string_view name,
                                         size_t arguments) {
  if (arguments == 1)
    return find_scalar(of_one, name);
  if (arguments == 2)
    return find_scalar(of_two, name);
  return arguments == 3 && name == "?"
           ? std::optional{scalar_function::conditional}
           : std::nullopt;
}

std::string row_scope::next_name() { return "~" + std::to_string(++names_); }

error row_scope::add(plan_node::operation what, const node& tree) {
  input_ = over(std::move(what), std::move(input_));
  return owner_.resolve_at(input_, tree);
}

result<expression> row_scope::row(const node& tree) {
  if (auto fault = owner_.count_part(tree))
    return fault;
  switch (tree.kind) {
    case node_kind::constant:
      return constant_part(tree);
    case node_kind::name:
      return name(tree);
    case node_kind::apply:
      return call(tree);
    case node_kind::list:
      return owner_.wrong(tree, "type",
                          "a list of values can stand after 'in' and 'within' "
                          "only");
    case node_kind::phrase:
    case node_kind::table:
      return owner_.wrong(tree, "type",
                          "a table cannot be a value of a row; after 'in' "
                          "stands an exec of one column");
    case node_kind::verb:
      return owner_.wrong(tree, "type", "a verb is not a value of a row");
    case node_kind::assign:
    case node_kind::nothing:
      break;
  }
  return owner_.wrong(tree, "rank", "a value is missing");
}

result<expression> row_scope::constant_part(const node& tree) {
  if (tree.value.values.size() != 1 || tree.value.is_list)
    return owner_.wrong(tree, "length",
                        "a list of values can stand after 'in' and 'within' "
                        "only");
  return constant_of(tree.value.type, tree.value.values.front(), tree.at.begin);
}

result<expression> row_scope::name(const node& tree) {
  const auto& name = tree.text;
  if (has_column(input_, name))
    return column_of(name, tree.at.begin);
  if (name == "i") {
    if (row_number_.empty())
      if (auto fault = number_rows(tree))
        return fault;
    return column_of(row_number_, tree.at.begin);
  }
  if (name == "date" && dates_
      && type_in(input_, dates_->time_column) == column_type::timestamp) {
    std::vector<expression> arguments;
    arguments.push_back(column_of(dates_->time_column, tree.at.begin));
    arguments.push_back(constant_of(column_type::string, dates_->roll_zone));
    arguments.push_back(
      constant_of(column_type::long_, dates_->roll_offset_ns));
    return call_of(scalar_function::table_date, std::move(arguments),
                   tree.at.begin);
  }
  if (name == ".z.p" || name == ".z.P")
    return constant_of(column_type::timestamp, owner_.now_ns(), tree.at.begin);
  if (name == ".z.d" || name == ".z.D")
    return cast_to(
      column_type::date,
      constant_of(column_type::timestamp, owner_.now_ns(), tree.at.begin));
  if (const auto& value = owner_.meant(tree); &value != &tree) {
    auto out = row(value);
    if (out)
      out->place = tree.at.begin;
    return out;
  }
  if (name.find('.') != std::string::npos)
    return dotted(tree);
  return no_column(tree);
}

error row_scope::no_column(const node& tree, std::string_view hint) const {
  std::vector<std::string> known;
  for (const auto& column : input_.columns)
    known.push_back(column.name);
  return owner_.unknown(tree, "column" + text::meant(tree.text, known)
                                + std::string{hint});
}

/// "time.minute"
result<expression> row_scope::dotted(const node& tree) {
  const auto point = tree.text.find('.');
  const auto column = tree.text.substr(0, point);
  const auto part = tree.text.substr(point + 1);
  node time{node_kind::name, tree.at};
  time.text = column;
  if (point == 0 || (!has_column(input_, column) && column != "date"))
    return no_column(tree);
  auto value = name(time);
  if (!value)
    return value;
  if (const auto type = type_of_part(part))
    return cast_to(*type, *std::move(value));
  if (auto number = number_part(part, *std::move(value)))
    return *std::move(number);
  return owner_.wrong(tree, "nyi",
                      "the parts of a time are date, month, minute, second, "
                      "time, timespan, timestamp, year, mm, week, dd, hh, uu "
                      "and ss, not '"
                        + part + "'");
}

result<expression> row_scope::call(const node& tree) {
  auto found = looked_up(tree, [this](const node& part) { return row(part); });
  if (!found)
    return found.failure();
  if (*found)
    return **std::move(found);
  const auto function = function_of(tree);
  if (function.empty())
    return owner_.refused(tree, "what is applied here is not a function by "
                                "its name");
  for (size_t i = 1; i < tree.items.size(); ++i)
    if (tree.items[i].kind == node_kind::nothing)
      return owner_.wrong(tree, "rank", "an argument is missing");
  switch (argument_count(tree)) {
    case 1:
      return call_of_one(tree, function);
    case 2:
      return call_of_two(tree, function);
    case 3:
      return call_of_three(tree, function);
    default:
      return no_function(tree);
  }
}

error row_scope::no_function(const node& tree) const {
  const auto& function = tree.items.front();
  if (has_column(input_, function.text))
    return owner_.wrong(function, "rank",
                        "a column is not a function; between it and what "
                        "follows stands a verb, with a blank on both sides of "
                        "'-'");
  const auto name = function_of(tree);
  const bool known = scalar_of(name, 1) || scalar_of(name, 2)
                     || aggregate_of(name) || running_function_of(name);
  if (known)
    return owner_.wrong(
      tree, "rank",
      "'" + std::string{name} + "' does not take "
        + std::to_string(argument_count(tree))
        + (argument_count(tree) == 1 ? " argument" : " arguments"));
  return owner_.refused(function, "there is no function '" + std::string{name}
                                    + "'" + text::meant(name, words_of_rows()));
}

result<expression> row_scope::scalar(const node& tree,
                                     scalar_function function) {
  std::vector<expression> arguments;
  for (size_t i = 0; i < argument_count(tree); ++i) {
    const auto& given = argument(tree, i);
    auto value = row(given);
    // "sym=SPY", as SQL has names on the left and words in quotes.
    if (!value && i == 1 && compares(function) && given.kind == node_kind::name
        && value.failure().code == errc::not_found)
      return no_column(given, "; a symbol is written `" + given.text);
    if (!value)
      return value;
    arguments.push_back(*std::move(value));
  }
  if (compares(function))
    if (auto fault = check_date(tree, arguments.front()))
      return fault;
  return call_of(function, std::move(arguments), tree.at.begin);
}

result<expression> row_scope::call_of_one(const node& tree,
                                          std::string_view function) {
  if (const auto known = scalar_of(function, 1))
    return scalar(tree, *known);
  if (function == "til" && function_of(argument(tree, 0)) == "count") {
    // "til count i": the place of a row in its group.
    running what;
    what.function = window_function::row_number;
    return running_of(tree, std::move(what), by_);
  }
  if (const auto aggregate = aggregate_of(function))
    return total(tree, *aggregate);
  if (const auto known = running_function_of(function);
      known && *known != window_function::row_number) {
    auto value = row(argument(tree, 0));
    if (!value)
      return value;
    running what;
    what.function = *known;
    what.argument = *std::move(value);
    return running_of(tree, std::move(what), by_);
  }
  return no_function(tree);
}

result<expression> row_scope::call_of_two(const node& tree,
                                          std::string_view function) {
  if (const auto known = scalar_of(function, 2))
    return scalar(tree, *known);
  if (function == "in")
    return membership(tree);
  if (function == "within")
    return interval(tree);
  if (function == "like")
    return pattern(tree);
  if (function == "$")
    return cast(tree);
  if (function == "fby")
    return grouped_total(tree);
  if (const auto aggregate = aggregate_of(function))
    return total(tree, *aggregate);
  if (const auto known = running_function_of(function))
    return moving(tree, *known);
  return no_function(tree);
}

result<expression> row_scope::call_of_three(const node& tree,
                                            std::string_view function) {
  const auto known = scalar_of(function, 3);
  return known ? scalar(tree, *known) : no_function(tree);
}

result<column_type> row_scope::type_of(expression what, const node& tree) {
  const auto fault = resolve(
    what, [this](std::string_view column) { return type_in(input_, column); });
  if (fault)
    return owner_.wrong(tree, "type", fault.context);
  return what.type;
}

/// "x in 1 2 3", "x in exec y from z".
result<expression> row_scope::membership(const node& tree) {
  auto value = row(argument(tree, 0));
  if (!value)
    return value;
  const auto& list = owner_.meant(argument(tree, 1));
  const auto constants = owner_.constant_value(list);
  if (!constants
      && (list.kind == node_kind::phrase || list.kind == node_kind::apply))
    return membership_in_query(tree, *std::move(value));
  if (!constants)
    return owner_.wrong(argument(tree, 1), "type",
                        "after 'in' stands a list of constants, or an exec of "
                        "one column");
  auto type = constants->type;
  // A char beside texts is a text of one letter.
  if (type == column_type::char_) {
    const auto left = type_of(*value, tree);
    if (!left)
      return left.failure();
    if (*left == column_type::string)
      type = column_type::string;
  }
  auto values = constant_of(type, std::monostate{}, argument(tree, 1).at.begin);
  values.values = constants->values;
  return of_pair(scalar_function::in, *std::move(value), std::move(values));
}

/// A mark beside each row whose value the query has.
result<expression> row_scope::membership_in_query(const node& tree,
                                                  expression value) {
  auto found = owner_.table(argument(tree, 1));
  if (!found)
    return found.failure();
  if (found->plan.columns.size() != 1)
    return owner_.wrong(argument(tree, 1), "rank",
                        "after 'in' stands an exec of one column, not of "
                          + std::to_string(found->plan.columns.size()));
  const auto key = next_name();
  const auto mark = next_name();
  auto columns = all_columns(input_);
  columns.push_back({key, std::move(value)});
  if (auto fault = add(operators::project{std::move(columns)}, tree))
    return fault;
  operators::project marked;
  marked.columns.push_back({key, column_of(found->plan.columns[0].name)});
  marked.columns.push_back(
    {mark, constant_of(column_type::boolean, int64_t{1})});
  auto right = over(std::move(marked), std::move(found->plan));
  if (auto fault = owner_.resolve_at(right, tree))
    return fault;
  operators::equi_join join;
  join.on = {key};
  input_ = over(std::move(join), std::move(input_), std::move(right));
  if (auto fault = owner_.resolve_at(input_, tree))
    return fault;
  return column_of(mark, tree.at.begin);
}

/// "x within 1 5", "x within (a;b)".
result<expression> row_scope::interval(const node& tree) {
  auto value = row(argument(tree, 0));
  if (!value)
    return value;
  std::vector<expression> arguments;
  arguments.push_back(*std::move(value));
  const auto& bounds = owner_.meant(argument(tree, 1));
  if (bounds.kind == node_kind::constant) {
    for (const auto& each : bounds.value.values)
      arguments.push_back(
        constant_of(bounds.value.type, each, bounds.at.begin));
  } else if (bounds.kind == node_kind::list) {
    for (const auto& each : bounds.items) {
      auto bound = row(each);
      if (!bound)
        return bound;
      arguments.push_back(*std::move(bound));
    }
  }
  if (arguments.size() != 3)
    return owner_.wrong(argument(tree, 1), "length",
                        "'within' takes two bounds, as in 'within 1 5' and "
                        "'within (a;b)'");
  return call_of(scalar_function::within, std::move(arguments), tree.at.begin);
}

result<expression> row_scope::pattern(const node& tree) {
  auto value = row(argument(tree, 0));
  if (!value)
    return value;
  const auto constants = owner_.constant_value(argument(tree, 1));
  if (!constants || constants->values.size() != 1
      || (constants->type != column_type::string
          && constants->type != column_type::char_))
    return owner_.wrong(argument(tree, 1), "type",
                        "'like' takes a pattern in quotes");
  auto text = constants->values.front();
  if (std::holds_alternative<std::monostate>(text))
    text = std::string{constants->type == column_type::char_ ? " " : ""};
  return of_pair(
    scalar_function::like, *std::move(value),
    constant_of(column_type::string, std::move(text), tree.at.begin));
}

/// "`date$x", "\"d\"$x"
result<expression> row_scope::cast(const node& tree) {
  const auto constants = owner_.constant_value(argument(tree, 0));
  std::optional<column_type> type;
  if (constants && constants->values.size() == 1) {
    const auto* name = std::get_if<std::string>(&constants->values.front());
    if (name && constants->type == column_type::symbol)
      type = column_type_of(*name);
    if (name && constants->type == column_type::char_)
      if (const auto at = cast_letters.find(*name);
          at != std::string_view::npos)
        type = cast_types[at];
    const bool is_symbol = constants->type == column_type::symbol;
    // "`$\"text\"" is a symbol.
    if (!name && is_symbol) {
      const auto text = owner_.constant_value(argument(tree, 1));
      if (text && text->values.size() == 1
          && (text->type == column_type::string
              || text->type == column_type::char_))
        return constant_of(column_type::symbol, text->values.front(),
                           tree.at.begin);
      type = column_type::symbol;
    }
  }
  if (!type)
    return owner_.refused(argument(tree, 0),
                          "before '$' stands a type, as in `date$time or "
                          "\"d\"$time");
  auto value = row(argument(tree, 1));
  if (!value)
    return value;
  auto out = cast_to(*type, *std::move(value));
  out.place = tree.at.begin;
  return out;
}

/// "`$\"x,y\"", "`$(\"x\";\"y\")", "enlist `a"
std::optional<constant> lowering::made_constant(const node& tree) const {
  const auto function = function_of(tree);
  if (function == "enlist" && argument_count(tree) == 1) {
    auto out = constant_value(argument(tree, 0));
    if (!out || out->is_list)
      return std::nullopt;
    out->is_list = true;
    return out;
  }
  if (function != "$" || argument_count(tree) != 2)
    return std::nullopt;
  const auto to = constant_value(argument(tree, 0));
  const bool is_symbol
    = to && to->type == column_type::symbol && !to->is_list
      && to->values.size() == 1
      && std::holds_alternative<std::monostate>(to->values[0]);
  if (!is_symbol)
    return std::nullopt;
  auto out = constant_value(argument(tree, 1));
  if (!out
      || (out->type != column_type::string && out->type != column_type::char_))
    return std::nullopt;
  out->type = column_type::symbol;
  return out;
}

error row_scope::keep(const node& condition) {
  auto value = row(condition);
  if (!value)
    return value.failure();
  if (auto* before = std::get_if<operators::filter>(&input_.what)) {
    before->conditions.push_back(*std::move(value));
    return owner_.resolve_at(input_, condition);
  }
  operators::filter kept;
  kept.conditions.push_back(*std::move(value));
  return add(std::move(kept), condition);
}

} // namespace millrace::query::qsql
