#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

struct named_scalar {
  std::string_view name;
  fn function;
  size_t arguments;
};
constexpr std::array scalars{
  named_scalar{"abs", fn::absolute, 1},
  named_scalar{"sqrt", fn::square_root, 1},
  named_scalar{"exp", fn::exponential, 1},
  named_scalar{"ln", fn::logarithm, 1},
};
/// Those that are lowered by hand.
constexpr std::array others{"floor",
                            "ceil",
                            "ceiling",
                            "round",
                            "trunc",
                            "sign",
                            "mod",
                            "date_bin",
                            "extract",
                            "date_part",
                            "date_trunc",
                            "time_bucket",
                            "xbar",
                            "to_timestamp",
                            "now",
                            "transaction_timestamp",
                            "statement_timestamp",
                            "clock_timestamp"};
/// Of them, those that are the time of the question.
constexpr std::array<std::string_view, 4> times_of_question{
  "now", "transaction_timestamp", "statement_timestamp", "clock_timestamp"};
constexpr double unix_epoch_s = -946'684'800.0; ///< Since 2000.

/// Buckets of TimescaleDB and DuckDB count from a Monday, 2000-01-03.
constexpr int64_t monday_ns = 2 * text::day_ns;

expression number(int64_t value, uint32_t place) {
  return constant_of(column_type::long_, value, place);
}

} // namespace

/// One call of a function, by its name.
class function_lowering {
public:
  function_lowering(row_scope& scope, const json_value& body, uint32_t place)
    : scope_{scope}, owner_{scope.owner_}, body_{body}, place_{place},
      name_{names_in(body.at("funcname")).back()},
      arguments_{body.at("args").elements()} {}

  result<expression> run() {
    for (const auto& each : scalars)
      if (each.name == name_)
        return scalar(each);
    if (name_ == "floor" || name_ == "ceil" || name_ == "ceiling")
      return rounded_towards();
    if (name_ == "round" || name_ == "trunc")
      return rounded();
    if (name_ == "sign")
      return sign();
    if (name_ == "mod")
      return rest();
    if (name_ == "extract" || name_ == "date_part")
      return part();
    if (name_ == "date_trunc")
      return truncated();
    if (name_ == "time_bucket" || name_ == "date_bin" || name_ == "xbar")
      return binned();
    if (name_ == "to_timestamp")
      return time_of_epoch();
    if (std::find(times_of_question.begin(), times_of_question.end(), name_)
        != times_of_question.end()) {
      if (auto fault = count(0))
        return fault;
      return constant_of(column_type::timestamp, owner_.now_ns(), place_);
    }
    std::vector<std::string> known{others.begin(), others.end()};
    for (const auto& each : scalars)
      known.emplace_back(each.name);
    add_aggregate_names(known);
    return owner_.refused(place_, "there is no function '" + name_ + "'"
                                    + text::meant(name_, known));
  }

private:
  [[nodiscard]] error count(size_t wanted) const {
    if (arguments_.size() == wanted)
      return {};
    return owner_.wrong(place_, name_ + " takes " + std::to_string(wanted)
                                  + (wanted == 1 ? " value" : " values"));
  }
  result<expression> argument(size_t i) {
    return scope_.operand(arguments_[i]);
  }
  result<expression> call(fn function, std::vector<expression> arguments) {
    return scope_.call(function, std::move(arguments), place_, name_);
  }
  result<expression> cast(expression what, column_type type) {
    return scope_.cast(std::move(what), type, place_);
  }

  result<expression> scalar(const named_scalar& known) {
    if (auto fault = count(known.arguments))
      return fault;
    auto value = argument(0);
    return value ? call(known.function, {*std::move(value)}) : value;
  }

  /// As wide as what they round, as in PostgreSQL.
  result<expression> rounded_towards() {
    if (auto fault = count(1))
      return fault;
    auto value = argument(0);
    if (!value)
      return value;
    auto whole = call(name_ == "floor" ? fn::floor : fn::ceiling, {*value});
    return whole ? cast(*std::move(whole), column_type::float_) : whole;
  }

  result<expression> rounded() {
    if (arguments_.size() == 2)
      return rounded_to_digits();
    if (auto fault = count(1))
      return fault;
    auto value = argument(0);
    if (!value)
      return value;
    if (!is_numeric(value->type))
      return owner_.wrong(place_, "'" + name_ + "' takes a number");
    if (!is_float(value->type))
      return value;
    if (name_ == "round") {
      auto whole = cast(*std::move(value), column_type::long_);
      return whole ? cast(*std::move(whole), column_type::float_) : whole;
    }
    auto sign = call(fn::sign, {*value});
    auto size = call(fn::absolute, {*std::move(value)});
    auto whole = call(fn::floor, {*std::move(size)});
    auto out = call(fn::multiply, {*std::move(sign), *std::move(whole)});
    return out ? cast(*std::move(out), column_type::float_) : out;
  }

  /// Half a unit goes away from 0, as of PostgreSQL's numeric, which alone has
  /// this.
  result<expression> rounded_to_digits() {
    if (name_ != "round")
      return owner_.refused(place_, name_ + " to digits is not there");
    auto value = argument(0);
    if (!value)
      return value;
    const auto digits = argument(1);
    if (!digits)
      return digits;
    const auto* wanted
      = digits->what == expression::kind::constant && digits->values.size() == 1
          ? std::get_if<int64_t>(&digits->values.front())
          : nullptr;
    if (!wanted || !is_whole(digits->type))
      return owner_.wrong(place_, "'round' takes a constant as its second "
                                  "value, of digits after the point");
    if (!is_numeric(value->type))
      return owner_.wrong(place_, "'round' takes a number");
    return scope_.to_digits(*std::move(value), *wanted, place_);
  }

  /// Of seconds since 1970, to the microsecond, as in PostgreSQL.
  result<expression> time_of_epoch() {
    if (arguments_.size() == 2)
      return owner_.refused(place_, "to_timestamp of a text and its format is "
                                    "not there: cast the text");
    if (auto fault = count(1))
      return fault;
    auto seconds = argument(0);
    if (!seconds)
      return seconds;
    if (!is_numeric(seconds->type))
      return owner_.wrong(place_, "'to_timestamp' takes seconds since 1970");
    const auto real = [&](double value) {
      return constant_of(column_type::float_, value, place_);
    };
    const auto then = [&](fn function, result<expression> left,
                          expression right) {
      return left ? call(function, {*std::move(left), std::move(right)}) : left;
    };
    if (is_whole(seconds->type)) {
      auto ns
        = then(fn::multiply,
               then(fn::subtract, cast(*std::move(seconds), column_type::long_),
                    number(-static_cast<int64_t>(unix_epoch_s), place_)),
               number(1'000'000'000, place_));
      return ns ? cast(*std::move(ns), column_type::timestamp) : ns;
    }
    auto us = then(fn::multiply,
                   then(fn::add, cast(*std::move(seconds), column_type::float_),
                        real(unix_epoch_s)),
                   real(1e6));
    auto whole = us ? cast(*std::move(us), column_type::long_) : us;
    auto ns = then(fn::multiply, std::move(whole), number(1000, place_));
    return ns ? cast(*std::move(ns), column_type::timestamp) : ns;
  }

  result<expression> sign() {
    if (auto fault = count(1))
      return fault;
    auto value = argument(0);
    if (!value)
      return value;
    auto out = call(fn::sign, {*std::move(value)});
    return out ? cast(*std::move(out), column_type::float_) : out;
  }

  result<expression> rest() {
    if (auto fault = count(2))
      return fault;
    auto pair = scope_.both(arguments_[0], arguments_[1]);
    if (!pair)
      return pair.failure();
    if (auto fault = scope_.make_alike(pair->first, pair->second, place_))
      return fault;
    return scope_.whole_rest(std::move(pair->first), std::move(pair->second),
                             place_);
  }

  /// A text in quotes that an argument is.
  [[nodiscard]] result<std::string> word(size_t i) const {
    auto node = tree_of(arguments_[i]);
    if (node.kind == "TypeCast")
      node = tree_of(node["arg"]);
    if (node.kind != "A_Const" || !node.body->find("sval"))
      return owner_.refused(place_,
                            "'" + name_ + "' takes a constant in quotes as its "
                              + (i == 0 ? "first" : "third") + " value");
    return node["sval"].at("sval").text_or_empty();
  }

  /// A timestamp; a date is its midnight.
  result<expression> time(size_t i) {
    auto out = argument(i);
    if (!out)
      return out;
    if (out->type == column_type::date)
      return cast(*std::move(out), column_type::timestamp);
    if (is_text(out->type) && out->what == expression::kind::constant)
      return scope_.adapted(*std::move(out), arguments_[i],
                            column_type::timestamp);
    if (out->type != column_type::timestamp)
      return owner_.wrong(
        place_, "'" + name_ + "' takes a timestamp, not a value of type "
                  + std::string{to_string(out->type)});
    return out;
  }

  /// (time, width, origin): bars of `width` that begin at the origin.
  result<expression> bars(expression at, int64_t width, int64_t origin) {
    const auto span = [&](int64_t ns) {
      return constant_of(column_type::timespan, ns, place_);
    };
    const auto shift = origin % width;
    if (shift != 0) {
      auto moved = call(fn::subtract, {std::move(at), span(shift)});
      if (!moved)
        return moved;
      at = *std::move(moved);
    }
    auto bar = call(fn::bar, {span(width), std::move(at)});
    if (!bar || shift == 0)
      return bar;
    return call(fn::add, {*std::move(bar), span(shift)});
  }

  result<expression> months(expression at, int64_t width) {
    auto month = cast(std::move(at), column_type::month);
    if (!month)
      return month;
    auto bar = width == 1
                 ? month
                 : call(fn::bar, {number(width, place_), *std::move(month)});
    return bar ? cast(*std::move(bar), column_type::timestamp) : bar;
  }

  result<expression> truncated() {
    if (auto fault = count(2))
      return fault;
    const auto unit = word(0);
    if (!unit)
      return unit.failure();
    auto at = time(1);
    if (!at)
      return at;
    const auto what = text::lower_case(*unit);
    struct step {
      std::string_view name;
      int64_t ns;
      int64_t months;
    };
    constexpr std::array steps{
      step{"microsecond", 1000, 0},
      step{"millisecond", 1'000'000, 0},
      step{"second", text::second_ns, 0},
      step{"minute", text::minute_ns, 0},
      step{"hour", 60 * text::minute_ns, 0},
      step{"day", text::day_ns, 0},
      step{"week", 7 * text::day_ns, 0},
      step{"month", 0, 1},
      step{"quarter", 0, 3},
      step{"year", 0, 12},
      step{"decade", 0, 120},
    };
    for (const auto& each : steps)
      if (what == each.name || what == std::string{each.name} + "s")
        return each.months != 0 ? months(*std::move(at), each.months)
                                : bars(*std::move(at), each.ns, monday_ns);
    return owner_.refused(place_, "date_trunc does not know '" + *unit + "'");
  }

  result<expression> binned() {
    const bool has_origin = name_ == "date_bin" || arguments_.size() == 3;
    if (auto fault = count(has_origin ? 3 : 2))
      return fault;
    const auto written = word(0);
    if (!written)
      return written.failure();
    const auto width = parse_interval(*written);
    if (!width)
      return owner_.wrong(place_, width.failure().context);
    auto origin = name_ == "time_bucket" ? monday_ns : 0;
    if (has_origin) {
      const auto text = word(2);
      if (!text)
        return text.failure();
      const auto at = parse_constant(*text, column_type::timestamp);
      const auto* ns = at ? std::get_if<int64_t>(&*at) : nullptr;
      if (!ns || *ns == inf_long || *ns == -inf_long)
        return owner_.wrong(place_, "'" + *text + "' is not a timestamp");
      origin = *ns;
    }
    auto at = time(1);
    if (!at)
      return at;
    if (width->months > 0 && width->ns == 0 && !has_origin && name_ != "xbar")
      return months(*std::move(at), width->months);
    if (width->ns <= 0 || width->months != 0)
      return owner_.wrong(place_, "the width of '" + name_
                                    + "' is a span above 0, of months or of a "
                                      "fixed length");
    return bars(*std::move(at), width->ns, origin);
  }

  result<expression> part() {
    if (auto fault = count(2))
      return fault;
    auto unit = word(0);
    if (!unit)
      return unit.failure();
    *unit = text::lower_case(*unit);
    auto at = argument(1);
    if (!at)
      return at;
    if (at->type == column_type::timespan && *unit == "epoch") {
      auto ns = cast(*std::move(at), column_type::long_);
      return ns ? call(
               fn::divide,
               {*std::move(ns), constant_of(column_type::float_, 1e9, place_)})
                : ns;
    }
    if (at->type == column_type::date)
      at = cast(*std::move(at), column_type::timestamp);
    if (at && at->type != column_type::timestamp)
      return owner_.refused(place_, "parts of a value of type "
                                      + std::string{to_string(at->type)}
                                      + " are not there");
    if (!at)
      return at;
    return part_of(*unit, *std::move(at));
  }

  /// Whole units of a type since their zero.
  result<expression> units(expression at, column_type type) {
    auto made = cast(std::move(at), type);
    return made ? cast(*std::move(made), column_type::long_) : made;
  }
  result<expression> with(fn function, result<expression> left, int64_t right) {
    return left ? call(function, {*std::move(left), number(right, place_)})
                : left;
  }

  result<expression> part_of(const std::string& unit, expression at) {
    const auto type = column_type::float_;
    if (unit == "epoch") {
      auto seconds
        = with(fn::add,
               result<expression>{cast(std::move(at), column_type::long_)}, 0);
      auto real = seconds ? call(fn::divide, {*std::move(seconds),
                                              constant_of(type, 1e9, place_)})
                          : seconds;
      return real ? call(fn::add, {*std::move(real),
                                   constant_of(type, 946'684'800.0, place_)})
                  : real;
    }
    if (unit == "second" || unit == "millisecond" || unit == "milliseconds"
        || unit == "microsecond" || unit == "microseconds") {
      auto ns = with(fn::modulo, cast(std::move(at), column_type::long_),
                     text::minute_ns);
      const auto scale = unit == "second"            ? 1e9
                         : unit.starts_with("milli") ? 1e6
                                                     : 1e3;
      return ns ? call(fn::divide,
                       {*std::move(ns), constant_of(type, scale, place_)})
                : ns;
    }
    if (unit == "minute")
      return with(fn::modulo, units(std::move(at), column_type::minute), 60);
    if (unit == "hour")
      return with(fn::quotient, units(std::move(at), column_type::minute), 60);
    if (unit == "year")
      return with(
        fn::add,
        with(fn::quotient, units(std::move(at), column_type::month), 12), 2000);
    if (unit == "month" || unit == "quarter") {
      auto month
        = with(fn::modulo, units(std::move(at), column_type::month), 12);
      if (unit == "quarter")
        month = with(fn::quotient, std::move(month), 3);
      return with(fn::add, std::move(month), 1);
    }
    // 2000-01-01 was a Saturday.
    if (unit == "dow")
      return with(fn::modulo,
                  with(fn::add, units(std::move(at), column_type::date), 6), 7);
    if (unit == "isodow")
      return with(
        fn::add,
        with(fn::modulo,
             with(fn::add, units(std::move(at), column_type::date), 5), 7),
        1);
    if (unit == "day" || unit == "doy") {
      auto first = cast(at, column_type::month);
      if (first && unit == "doy")
        first = call(fn::bar, {number(12, place_), *std::move(first)});
      auto begin = first ? cast(*std::move(first), column_type::date) : first;
      auto day = cast(std::move(at), column_type::date);
      if (!begin || !day)
        return begin ? day : begin;
      auto days = call(fn::subtract, {*std::move(day), *std::move(begin)});
      return days ? with(fn::add, cast(*std::move(days), column_type::long_), 1)
                  : days;
    }
    return owner_.refused(place_, "extract does not know '" + unit + "'");
  }

  row_scope& scope_;
  lowering& owner_;
  const json_value& body_;
  uint32_t place_;
  std::string name_;
  const json_value::list& arguments_;
};

result<expression> row_scope::function(const json_value& body, uint32_t place) {
  if (body.find("over"))
    return windowed(body, place);
  const auto name = names_in(body.at("funcname")).back();
  if (is_aggregate(name)) {
    if (!groups_)
      return owner_.wrong(place,
                          "an aggregate cannot stand here: '" + name + "'");
    row_scope rows{owner_, rows_};
    return aggregate(body, place, rows);
  }
  for (const auto* each : {"agg_star", "agg_distinct", "agg_filter",
                           "agg_order", "agg_within_group", "func_variadic"})
    if (body.find(each))
      return owner_.refused(place, "there is no aggregate '" + name + "'");
  return function_lowering{*this, body, place}.run();
}

result<expression> row_scope::bucket(std::string_view width, expression time,
                                     uint32_t place) {
  const auto span = parse_width(width);
  if (!span)
    return owner_.wrong(place, span.failure().context);
  if ((span->ns <= 0) == (span->months <= 0) || span->ns < 0)
    return owner_.wrong(place, "the width of SAMPLE BY is a span above 0");
  if (span->months > 0) {
    auto month = cast(std::move(time), column_type::month, place);
    if (month && span->months > 1)
      month = call(fn::bar, {number(span->months, place), *std::move(month)},
                   place);
    return month ? cast(*std::move(month), column_type::timestamp, place)
                 : month;
  }
  const auto shift = monday_ns % span->ns;
  const auto ns = [&](int64_t value) {
    return constant_of(column_type::timespan, value, place);
  };
  if (shift == 0)
    return call(fn::bar, {ns(span->ns), std::move(time)}, place, "SAMPLE BY");
  auto moved = call(fn::subtract, {std::move(time), ns(shift)}, place);
  auto bar
    = moved ? call(fn::bar, {ns(span->ns), *std::move(moved)}, place) : moved;
  return bar ? call(fn::add, {*std::move(bar), ns(shift)}, place) : bar;
}

} // namespace millrace::query::sql
