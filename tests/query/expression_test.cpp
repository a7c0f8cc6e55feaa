#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/execution/expression_program.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "oracle.hpp"

namespace millrace::query {
namespace {

using namespace testing_support;
using sf = scalar_function;
using ct = column_type;

const std::vector<column_schema> expression_columns{
  {"b", ct::boolean},   {"h", ct::short_}, {"i", ct::int_},
  {"j", ct::long_},     {"e", ct::real},   {"f", ct::float_},
  {"p", ct::timestamp}, {"d", ct::date},   {"n", ct::timespan},
  {"u", ct::minute},    {"s", ct::symbol}, {"m", ct::month}};

__extension__ typedef __int128 wide_number;

/// Whether a value was computed that its type does not hold.
bool some_value_overflowed = false;

/// What a value of a type becomes of an exact number.
int64_t held_as(wide_number exact, column_type type) {
  const wide_number limit
    = width_of(type) == 4 ? wide_number{inf_int} : wide_number{inf_long};
  some_value_overflowed |= exact > limit || exact < -limit || exact == inf_long
                           || exact == -inf_long;
  return static_cast<int64_t>(std::clamp(exact, -limit, limit));
}

bool null_cell(const cell& x) {
  if (const auto* number = std::get_if<double>(&x))
    return std::isnan(*number);
  if (const auto* text = std::get_if<std::string>(&x))
    return text->empty();
  return std::get<int64_t>(x) == null_long;
}

double real_of(const cell& x) {
  if (const auto* number = std::get_if<double>(&x))
    return *number;
  const auto whole = std::get<int64_t>(x);
  if (whole == null_long)
    return nan_value;
  if (whole == inf_long || whole == -inf_long)
    return whole > 0 ? infinity : -infinity;
  return static_cast<double>(whole);
}

bool real_type(column_type type) {
  return type == ct::real || type == ct::float_;
}

/// Nanoseconds of a time; only types that are not one yet differ.
int64_t ns_of(int64_t x, column_type type) {
  if (x == null_long)
    return x;
  switch (type) {
    case ct::date:
      return x * text::day_ns;
    case ct::month: {
      const auto year = 2000 + (x >= 0 ? x / 12 : -((11 - x) / 12));
      const auto month = x - (year - 2000) * 12 + 1;
      return text::day_of(
               {static_cast<int32_t>(year), static_cast<uint32_t>(month), 1})
             * text::day_ns;
    }
    case ct::minute:
      return x * text::minute_ns;
    default:
      return x;
  }
}

cell value_of(const expression& what, const row& cells);

cell constant_value(const expression& what) {
  const auto& value = what.values[0];
  if (const auto* number = std::get_if<double>(&value))
    return *number;
  if (const auto* text = std::get_if<std::string>(&value))
    return *text;
  if (const auto* x = std::get_if<int64_t>(&value))
    return real_type(what.type) ? cell{static_cast<double>(*x)} : cell{*x};
  if (what.type == ct::symbol)
    return std::string{};
  return real_type(what.type) ? cell{nan_value} : cell{null_long};
}

/// How two operands of a call stand in order.
int order_of_operands(const expression& what, const std::vector<cell>& args,
                      size_t a, size_t b) {
  const auto x = what.arguments[a].type;
  const auto y = what.arguments[b].type;
  if (real_type(x) != real_type(y))
    return compare_cells(real_of(args[a]), real_of(args[b]));
  if (x != y && !is_numeric(x) && std::holds_alternative<int64_t>(args[a]))
    return compare_cells(ns_of(std::get<int64_t>(args[a]), x),
                         ns_of(std::get<int64_t>(args[b]), y));
  return compare_cells(args[a], args[b]);
}

/// What compares or chooses; none for arithmetic.
std::optional<cell> chosen_value(const expression& what,
                                 const std::vector<cell>& args) {
  auto ordered
    = [&](size_t a, size_t b) { return order_of_operands(what, args, a, b); };
  auto as_real = [&](const cell& x) -> cell {
    if (!real_type(what.type))
      return x;
    return what.type == ct::real
             ? static_cast<double>(static_cast<float>(real_of(x)))
             : real_of(x);
  };
  switch (what.function) {
    case sf::equal:
      return int64_t{ordered(0, 1) == 0};
    case sf::not_equal:
      return int64_t{ordered(0, 1) != 0};
    case sf::less:
      return int64_t{ordered(0, 1) < 0};
    case sf::greater:
      return int64_t{ordered(0, 1) > 0};
    case sf::less_equal:
      return int64_t{ordered(0, 1) <= 0};
    case sf::greater_equal:
      return int64_t{ordered(0, 1) >= 0};
    case sf::within:
      return int64_t{ordered(0, 1) >= 0 && ordered(0, 2) <= 0};
    case sf::is_null:
      return int64_t{null_cell(args[0])};
    case sf::logical_not:
      return int64_t{real_of(args[0]) == 0};
    case sf::conditional:
      return as_real(std::get<int64_t>(args[0]) != 0 ? args[1] : args[2]);
    case sf::fill:
      return as_real(null_cell(args[1]) ? args[0] : args[1]);
    default:
      return std::nullopt;
  }
}

double real_result(const expression& what, double x, double y) {
  double out = 0;
  switch (what.function) {
    case sf::add:
      out = x + y;
      break;
    case sf::subtract:
      out = x - y;
      break;
    case sf::multiply:
      out = x * y;
      break;
    case sf::negate:
      out = -x;
      break;
    case sf::absolute:
      out = std::abs(x);
      break;
    case sf::lesser:
      out = compare_cells(x, y) <= 0 ? x : y;
      break;
    default:
      out = compare_cells(x, y) >= 0 ? x : y;
  }
  return what.type == ct::real ? static_cast<double>(static_cast<float>(out))
                               : out;
}

int64_t whole_result(const expression& what, int64_t a, int64_t b) {
  switch (what.function) {
    case sf::add:
      return held_as(wide_number{a} + b, what.type);
    case sf::subtract:
      return held_as(wide_number{a} - b, what.type);
    case sf::multiply:
      return held_as(wide_number{a} * b, what.type);
    case sf::negate:
      return held_as(-wide_number{a}, what.type);
    case sf::absolute:
      return held_as(a < 0 ? -wide_number{a} : wide_number{a}, what.type);
    case sf::sign:
      return (a > 0) - (a < 0);
    case sf::quotient:
    case sf::modulo: {
      if (b == 0)
        return null_long;
      wide_number whole = wide_number{a} / b;
      if (whole * b != a && (a < 0) != (b < 0))
        --whole;
      return held_as(what.function == sf::quotient ? whole
                                                   : wide_number{a} - whole * b,
                     what.type);
    }
    default:
      return null_long;
  }
}

/// One value, the slow and obvious way.
cell value_of(const expression& what, const row& cells) {
  if (what.what == expression::kind::constant)
    return constant_value(what);
  if (what.what == expression::kind::column) {
    for (size_t i = 0; i < expression_columns.size(); ++i)
      if (expression_columns[i].name == what.name)
        return cells[i];
    return null_long;
  }
  std::vector<cell> args;
  for (const auto& each : what.arguments)
    args.push_back(value_of(each, cells));
  if (auto chosen = chosen_value(what, args))
    return *chosen;
  const bool two = args.size() > 1;
  if (what.function == sf::divide)
    return real_of(args[0]) / real_of(args[1]);
  if (real_type(what.type))
    return real_result(what, real_of(args[0]), two ? real_of(args[1]) : 0);
  auto a = std::get<int64_t>(args[0]);
  auto b = two ? std::get<int64_t>(args[1]) : 0;
  if (what.function == sf::lesser)
    return std::min(a, b);
  if (what.function == sf::larger)
    return std::max(a, b);
  if (null_cell(args[0]) || (two && null_cell(args[1])))
    return null_long;
  const auto left = what.arguments[0].type;
  const auto right = what.arguments.back().type;
  if (two && !is_numeric(left) && !is_numeric(right)
      && (left != right || what.type == ct::timespan)) {
    a = ns_of(a, left);
    b = ns_of(b, right);
  }
  return whole_result(what, a, b);
}

class ExpressionTest : public ::testing::TestWithParam<uint64_t> {
protected:
  size_t below(size_t limit) { return random_() % limit; }

  cell value(column_type type) {
    const bool null = below(8) == 0;
    if (type == ct::symbol)
      return null ? std::string{} : std::string(1, "AB"[below(2)]);
    if (real_type(type))
      return null             ? nan_value
             : below(12) == 0 ? (below(2) ? infinity : -infinity)
                              : static_cast<double>(below(41)) / 4 - 5;
    if (type == ct::boolean)
      return static_cast<int64_t>(below(2));
    if (null)
      return null_long;
    if (type == ct::long_ && below(8) == 0)
      return static_cast<int64_t>(below(2) ? inf_long - 3 : -inf_long + 2);
    if (type == ct::int_ && below(8) == 0)
      return static_cast<int64_t>(inf_int - 2);
    if (type == ct::timestamp)
      return static_cast<int64_t>(below(5)) * text::day_ns;
    return static_cast<int64_t>(below(13)) - 6;
  }

  expression leaf() {
    const auto& column = expression_columns[below(expression_columns.size())];
    if (below(3) != 0)
      return column_of(column.name);
    const auto from = value(column.type);
    if (null_cell(from))
      return constant_of(column.type, literal{});
    return std::visit(
      [&](const auto& x) { return constant_of(column.type, literal{x}); },
      from);
  }

  expression tree(size_t depth) {
    if (depth == 0 || below(5) == 0)
      return leaf();
    constexpr sf functions[]
      = {sf::add,      sf::subtract,   sf::multiply,    sf::divide,
         sf::quotient, sf::modulo,     sf::equal,       sf::not_equal,
         sf::less,     sf::greater,    sf::less_equal,  sf::greater_equal,
         sf::lesser,   sf::larger,     sf::negate,      sf::absolute,
         sf::sign,     sf::is_null,    sf::logical_not, sf::fill,
         sf::within,   sf::conditional};
    const auto function = functions[below(std::size(functions))];
    size_t count = 2;
    if (function >= sf::negate && function <= sf::sign)
      count = 1;
    if (function == sf::is_null || function == sf::logical_not)
      count = 1;
    if (function == sf::within || function == sf::conditional)
      count = 3;
    std::vector<expression> arguments;
    for (size_t i = 0; i < count; ++i)
      arguments.push_back(tree(depth - 1));
    return call_of(function, std::move(arguments));
  }

  /// One that types allow.
  expression resolved_tree() {
    for (;;) {
      auto out = tree(1 + below(4));
      // Floats are divided and rounded in one way only here.
      const auto fault = resolve(out, [](std::string_view name) {
        for (const auto& each : expression_columns)
          if (each.name == name)
            return std::optional{each.type};
        return std::optional<column_type>{};
      });
      if (!fault && out.what == expression::kind::call && !is_rare(out))
        return out;
    }
  }

  /// (div and mod of floats, signs of floats and nots of nulls have tests of
  /// their own.)
  static bool is_rare(const expression& what) {
    const bool division
      = what.function == sf::quotient || what.function == sf::modulo;
    if (what.what == expression::kind::call) {
      if (division && real_type(what.type))
        return true;
      if (what.function == sf::sign && real_type(what.arguments[0].type))
        return true;
    }
    return std::any_of(what.arguments.begin(), what.arguments.end(), is_rare);
  }

  std::mt19937_64 random_{GetParam()};
};

TEST_P(ExpressionTest, EqualsOneValueAtATime) {
  std::vector<row> rows;
  const size_t count = 1 + below(60);
  for (size_t i = 0; i < count; ++i) {
    auto& cells = rows.emplace_back();
    for (const auto& column : expression_columns)
      cells.push_back(value(column.type));
  }
  std::vector<column_data> columns;
  std::vector<column_ref> refs;
  for (size_t c = 0; c < expression_columns.size(); ++c) {
    const auto& schema = expression_columns[c];
    column_writer writer{schema.name, schema.type};
    column_data data{schema.name, schema.type, {}, {}, {}};
    for (const auto& cells : rows)
      if (const auto* text = std::get_if<std::string>(&cells[c]))
        writer.append_text(*text);
      else if (const auto* number = std::get_if<double>(&cells[c]))
        push_float(data, *number);
      else
        push_integer(data, std::get<int64_t>(cells[c]));
    columns.push_back(schema.type == ct::symbol ? *writer.finish() : data);
  }
  for (const auto& each : columns)
    refs.push_back(ref_of(each));
  for (int round = 0; round < 200; ++round) {
    const auto what = resolved_tree();
    expression_program program{what, expression_columns};
    table_data out;
    out.row_count = rows.size();
    const auto type = is_text(what.type) ? ct::symbol : what.type;
    auto& column = out.columns.emplace_back(column_data{"x", type, {}, {}, {}});
    column.values.resize(rows.size() * width_of(type));
    text::interner texts;
    program.run(refs, 0, nullptr, static_cast<uint32_t>(rows.size()));
    program.store(column.values.data(), 0, texts);
    move_into(column, texts);
    std::vector<row> expected;
    some_value_overflowed = false;
    for (const auto& cells : rows)
      expected.push_back({value_of(what, cells)});
    ASSERT_EQ(program.overflowed(), some_value_overflowed) << to_string(what);
    if (some_value_overflowed)
      continue;
    ASSERT_EQ("", difference(expected, cells_of(out)))
      << to_string(what) << " of type " << to_string(what.type);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExpressionTest,
                         ::testing::Range<uint64_t>(1, 31));

struct typed_case {
  sf function;
  std::vector<ct> operands;
  std::optional<ct> result;
};

TEST(ExpressionTypesTest, AreThoseOfKdb) {
  const typed_case cases[] = {
    {sf::add, {ct::boolean, ct::boolean}, ct::int_},
    {sf::add, {ct::short_, ct::short_}, ct::int_},
    {sf::add, {ct::int_, ct::long_}, ct::long_},
    {sf::multiply, {ct::long_, ct::real}, ct::real},
    {sf::divide, {ct::long_, ct::long_}, ct::float_},
    {sf::subtract, {ct::timestamp, ct::timestamp}, ct::timespan},
    {sf::subtract, {ct::timestamp, ct::timespan}, ct::timestamp},
    {sf::subtract, {ct::timespan, ct::timestamp}, std::nullopt},
    {sf::subtract, {ct::date, ct::date}, ct::int_},
    {sf::add, {ct::date, ct::int_}, ct::date},
    {sf::add, {ct::date, ct::timespan}, ct::timestamp},
    {sf::add, {ct::minute, ct::timespan}, ct::timespan},
    {sf::add, {ct::timestamp, ct::timestamp}, std::nullopt},
    {sf::add, {ct::symbol, ct::long_}, std::nullopt},
    {sf::bar, {ct::timespan, ct::timestamp}, ct::timestamp},
    {sf::bar, {ct::long_, ct::minute}, ct::minute},
    {sf::bar, {ct::long_, ct::float_}, ct::float_},
    {sf::equal, {ct::symbol, ct::string}, ct::boolean},
    {sf::equal, {ct::symbol, ct::long_}, std::nullopt},
    {sf::less, {ct::timestamp, ct::date}, ct::boolean},
    {sf::negate, {ct::symbol}, std::nullopt},
    {sf::floor, {ct::float_}, ct::long_},
    {sf::conditional, {ct::boolean, ct::long_, ct::float_}, ct::float_},
    {sf::conditional, {ct::long_, ct::long_, ct::long_}, std::nullopt},
  };
  for (const auto& each : cases)
    EXPECT_EQ(result_type(each.function, each.operands, ct::long_), each.result)
      << to_string(each.function) << " of " << to_string(each.operands.front());
}

} // namespace
} // namespace millrace::query
