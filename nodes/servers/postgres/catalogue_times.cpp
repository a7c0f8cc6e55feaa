#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/catalogue_call_internal.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>
#include <millrace/query/front/sql/constants.hpp>

#include <algorithm>
#include <array>
#include <cmath>

// Implements, of catalogue_writer_internal.hpp, what is computed of times, and
// of catalogue_functions.hpp the functions for it. Times are ns since 2000,
// dates days, intervals ns.

namespace millrace::nodes::postgres {

namespace {

using text::json_value;
using call = catalogue_call;

bool is_span(std::optional<column_type> type) {
  return type == column_type::timespan;
}

/// The interval that a constant with this type is; none: something else.
std::optional<query::sql::written_interval>
interval_in(const json_value& what) {
  const auto* cast = what.find("TypeCast");
  if (!cast || last_name(cast->at("typeName").at("names")) != "interval"
      || !cast->at("typeName").at("typmods").elements().empty())
    return std::nullopt;
  const auto* text = text_in(what);
  const auto read = text ? query::sql::parse_interval(*text)
                         : result<query::sql::written_interval>{error{}};
  return read ? std::optional{*read} : std::nullopt;
}

struct time_part {
  std::string_view name;
  column_type type;
  bool has_date; ///< A whole interval has none of it.
};
constexpr std::array time_parts{time_part{"epoch", column_type::float_, false},
                                time_part{"second", column_type::float_, false},
                                time_part{"minute", column_type::long_, false},
                                time_part{"hour", column_type::long_, false},
                                time_part{"day", column_type::long_, false},
                                time_part{"dow", column_type::long_, true},
                                time_part{"isodow", column_type::long_, true},
                                time_part{"doy", column_type::long_, true},
                                time_part{"month", column_type::long_, true},
                                time_part{"quarter", column_type::long_, true},
                                time_part{"year", column_type::long_, true}};

double seconds_of(int64_t ns) { return static_cast<double>(ns) / 1e9; }
const auto epoch_seconds = seconds_of(epoch_2000_ns);

/// @pre a part of `time_parts`
double part_of_span(const std::string& part, int64_t ns) {
  if (part == "epoch")
    return seconds_of(ns);
  if (part == "second")
    return seconds_of(ns % text::minute_ns);
  if (part == "minute")
    return static_cast<double>(ns / text::minute_ns % 60);
  if (part == "hour")
    return static_cast<double>(ns / text::hour_ns % 24);
  return static_cast<double>(ns / text::day_ns);
}

/// @pre a part of `time_parts`
double part_of_point(const std::string& part, int64_t ns) {
  const auto day = text::floor_divide(ns, text::day_ns);
  const auto of_day = ns - day * text::day_ns;
  if (part == "epoch")
    return seconds_of(ns) + epoch_seconds;
  const auto date = text::civil_of(day);
  if (part == "year")
    return date.year;
  if (part == "month")
    return date.month;
  if (part == "quarter")
    return (date.month + 2) / 3;
  if (part == "day")
    return date.day;
  if (part == "doy")
    return static_cast<double>(day - text::day_of({date.year, 1, 1}) + 1);
  // 2000.01.01 was a Saturday.
  const auto weekday = (day % 7 + 13) % 7;
  if (part == "dow")
    return static_cast<double>(weekday);
  if (part == "isodow")
    return static_cast<double>(weekday == 0 ? 7 : weekday);
  return part_of_span(part, of_day);
}

/// @pre three arguments: a part, ns, whether they are an interval
void part_of_time(call of) {
  if (of.is_null(1))
    return of.give_null();
  const auto part = of.text(0);
  const auto value = of.number(2) != 0 ? part_of_span(part, of.number(1))
                                       : part_of_point(part, of.number(1));
  if (part == "epoch" || part == "second")
    of.give(value);
  else
    of.give(static_cast<int64_t>(value));
}

int64_t start_of_month(int64_t day, int64_t months) {
  auto date = text::civil_of(day);
  const auto zero_based = static_cast<int64_t>(date.month) - 1;
  date.month = static_cast<uint32_t>(zero_based / months * months + 1);
  date.day = 1;
  return text::day_of(date);
}

/// The units that a time is cut off to.
constexpr std::array<std::pair<std::string_view, int64_t>, 7> units_in_ns{
  {{"microseconds", 1000},
   {"milliseconds", 1'000'000},
   {"second", text::second_ns},
   {"minute", text::minute_ns},
   {"hour", text::hour_ns},
   {"day", text::day_ns},
   {"week", 0}}};
constexpr std::array<std::pair<std::string_view, int64_t>, 3> units_in_months{
  {{"month", 1}, {"quarter", 3}, {"year", 12}}};

bool is_unit(std::string_view name) {
  const auto has = [&](const auto& units) {
    return std::any_of(units.begin(), units.end(),
                       [&](const auto& each) { return each.first == name; });
  };
  return has(units_in_ns) || has(units_in_months);
}

/// @pre two arguments: a unit, ns
void cut_off(call of) {
  if (of.is_null(1))
    return of.give_null();
  const auto unit = of.text(0);
  const auto ns = of.number(1);
  const auto day = text::floor_divide(ns, text::day_ns);
  for (const auto& [name, months] : units_in_months)
    if (name == unit)
      return of.give(start_of_month(day, months) * text::day_ns);
  // Weeks begin on Mondays, as 2000.01.03 was one.
  if (unit == "week")
    return of.give((text::floor_divide(day - 2, 7) * 7 + 2) * text::day_ns);
  for (const auto& [name, width] : units_in_ns)
    if (name == unit)
      return of.give(text::floor_divide(ns, width) * width);
  of.give_null();
}

/// @pre two arguments: ns, months. A day that the month has not is its last.
void shift_months(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto day = text::floor_divide(of.number(0), text::day_ns);
  const auto of_day = of.number(0) - day * text::day_ns;
  const auto date = text::civil_of(day);
  constexpr int64_t months_max = 12 * 600;
  const auto months = int64_t{date.year} * 12 + date.month - 1
                      + std::clamp(of.number(1), -months_max, months_max);
  const auto year = text::floor_divide(months, 12);
  if (year < text::year_min || year > text::year_max)
    return of.fail_range("a time is beyond the years "
                         + std::to_string(text::year_min) + " to "
                         + std::to_string(text::year_max));
  const auto month = static_cast<uint32_t>(months - year * 12 + 1);
  const auto last = text::days_of_month(static_cast<int32_t>(year), month);
  of.give(text::day_of({static_cast<int32_t>(year), month,
                        std::min<uint32_t>(date.day, last)})
            * text::day_ns
          + of_day);
}

/// @pre seconds since 1970
void time_of_epoch(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto ns = (of.real(0) - epoch_seconds) * 1e9;
  if (!(std::abs(ns) < 9.2e18))
    return of.fail_range(of.text(0) + " does not fit type timestamp");
  of.give(static_cast<int64_t>(std::nearbyint(ns / 1e3)) * 1000);
}

void time_of_day(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto ns = of.number(0);
  of.give(ns - text::floor_divide(ns, text::day_ns) * text::day_ns);
}

constexpr added_function time_functions[] = {
  {"pg_part", 3, guarded<part_of_time>},
  {"pg_cut_off", 2, guarded<cut_off>},
  {"pg_months", 2, guarded<shift_months>},
  {"pg_epoch_time", 1, guarded<time_of_epoch>},
  {"pg_time_of_day", 1, guarded<time_of_day>},
};

std::string summed(char sign, const std::string& left,
                   const std::string& right) {
  return std::string{"pg_arith('"} + sign + "',8," + left + "," + right + ")";
}

} // namespace

int add_time_functions(sqlite3* database) {
  return add_to(database, time_functions, SQLITE_DETERMINISTIC, nullptr);
}

catalogue_writer::expression catalogue_writer::as_time(expression of) {
  return of.type == column_type::date
           ? cast_to("timestamp", std::move(of), nullptr)
           : of;
}

std::optional<catalogue_writer::expression>
catalogue_writer::calculated_time(const std::string& sign, const operand& left,
                                  const operand& right) {
  using enum column_type;
  const auto& a = left.made;
  const auto& b = right.made;
  const auto is_point = [](const expression& each) {
    return each.type == timestamp || each.type == date;
  };
  const auto is_whole = [](const expression& each) {
    return each.type == short_ || each.type == int_ || each.type == long_;
  };
  const bool adds = sign == "+";
  if (!adds && sign != "-" && sign != "*" && sign != "/")
    return std::nullopt;
  if (sign == "*" && is_whole(a) && is_span(b.type))
    return expression{summed('*', a.sql, b.sql), timespan};
  if (sign == "*" || sign == "/")
    return is_span(a.type) && is_whole(b) ? std::optional{expression{
             summed(sign[0], a.sql, b.sql), timespan}}
                                          : std::nullopt;
  if (adds && is_span(a.type) && is_point(b))
    return calculated_time(sign, right, left);
  if (is_span(a.type) && is_span(b.type))
    return expression{summed(sign[0], a.sql, b.sql), timespan};
  if (!is_point(a))
    return std::nullopt;
  if (is_span(b.type))
    return expression{summed(sign[0], as_time(a).sql, b.sql), timestamp};
  if (a.type == date && is_whole(b))
    return expression{"pg_arith('" + sign + "',4," + a.sql + "," + b.sql + ")",
                      date};
  if (adds || !is_point(b))
    return std::nullopt;
  if (a.type == date && b.type == date)
    return expression{"pg_arith('-',4," + a.sql + "," + b.sql + ")", int_};
  return expression{summed('-', as_time(a).sql, as_time(b).sql), timespan};
}

std::optional<catalogue_writer::expression>
catalogue_writer::shifted_by_months(const std::string& sign, const node& left,
                                    const node& right) {
  if (sign != "+" && sign != "-")
    return std::nullopt;
  const auto by = interval_in(right);
  if (!by || by->months == 0) {
    const auto first = interval_in(left);
    return sign == "+" && first && first->months != 0
             ? shifted_by_months(sign, right, left)
             : std::nullopt;
  }
  auto of = as_time(write(left));
  if (of.type != column_type::timestamp)
    return refuse("an interval of months beside what is no time is");
  const auto months = sign == "+" ? by->months : -by->months;
  return expression{
    summed(sign[0], "pg_months(" + of.sql + "," + std::to_string(months) + ")",
           std::to_string(by->ns)),
    column_type::timestamp};
}

std::optional<catalogue_writer::expression>
catalogue_writer::call_of_time(const std::string& name, const node& arguments) {
  const auto& items = arguments.elements();
  if (name == "to_timestamp" && items.size() == 1)
    return expression{"pg_epoch_time(" + write(items[0]).sql + ")",
                      column_type::timestamp};
  const bool cuts = name == "date_trunc";
  if ((!cuts && name != "extract" && name != "date_part") || items.size() != 2)
    return std::nullopt;
  const auto* said = text_in(items[0]);
  if (!said)
    return refuse("a part of a time that is no constant is");
  const auto part = text::lower_case(*said);
  auto of = as_time(write(items[1]));
  const bool spans = is_span(of.type);
  const auto known
    = std::find_if(time_parts.begin(), time_parts.end(),
                   [&](const auto& each) { return each.name == part; });
  if (cuts ? !is_unit(part)
           : known == time_parts.end() || (spans && known->has_date))
    return refuse("'" + part + "' of " + (spans ? "an interval" : "a time")
                  + " is");
  if (of.type != column_type::timestamp && (!spans || cuts))
    return refuse(name + " of what is no time is");
  if (cuts)
    return expression{"pg_cut_off(" + quoted_text(part) + "," + of.sql + ")",
                      column_type::timestamp};
  return expression{"pg_part(" + quoted_text(part) + "," + of.sql
                      + (spans ? ",1)" : ",0)"),
                    known->type};
}

} // namespace millrace::nodes::postgres
