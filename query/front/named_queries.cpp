#include <millrace/messages/text/listed.hpp>
#include <millrace/query/front/named_queries.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/front/sql/sql.hpp>

#include <utility>

namespace millrace::query {

namespace {

/// How deep queries may ask one another.
constexpr int depth_max = 8;

error within(std::string_view name, error why) {
  why.context = "query '" + std::string{name} + "': " + why.context;
  return why;
}

std::string parameters_of(const named_query& what) {
  std::string out;
  for (const auto& each : what.parameters)
    text::add_to_list(out, each.name + ":" + std::string{to_string(each.type)});
  return out;
}

result<std::vector<bound_name>> bind(const named_query& what,
                                     std::vector<argument_value> given) {
  if (given.size() != what.parameters.size()) {
    return error{errc::invalid_argument,
                 std::to_string(given.size())
                   + (given.size() == 1 ? " value" : " values")
                   + " for its parameters (" + parameters_of(what) + ")"};
  }
  std::vector<bound_name> out;
  for (size_t i = 0; i < given.size(); ++i) {
    auto value = fit(std::move(given[i]), what.parameters[i].type);
    if (!value)
      return error{value.failure().code, "parameter '" + what.parameters[i].name
                                           + "': " + value.failure().context};
    out.push_back({what.parameters[i].name, *std::move(value)});
  }
  return out;
}

named_lookup lookup_at(const named_queries& queries, const schema_lookup& find,
                       int64_t now_ns, int depth);

result<named_rows> rows_of(const named_queries& queries, std::string_view name,
                           std::vector<argument_value> given,
                           const schema_lookup& find, int64_t now_ns,
                           int depth) {
  const auto& what = queries.find(name)->second;
  if (depth >= depth_max)
    return within(
      name, {errc::limit_exceeded, "queries ask one another more than "
                                     + std::to_string(depth_max) + " deep"});
  auto bound = bind(what, std::move(given));
  if (!bound)
    return within(name, bound.failure());
  const auto named = lookup_at(queries, find, now_ns, depth + 1);
  if (what.language == "sql") {
    auto made = parse_sql(what.text, find, now_ns, named, *bound);
    if (!made)
      return within(name, made.failure());
    return named_rows{std::move(made->plan), {}};
  }
  auto made = parse_qsql(what.text, find, now_ns, {}, named, *bound);
  if (!made)
    return within(name, made.failure());
  if (made->told)
    return within(name, {errc::unsupported, "it gives no rows of a table"});
  return named_rows{std::move(made->plan), std::move(made->keys)};
}

named_lookup lookup_at(const named_queries& queries, const schema_lookup& find,
                       int64_t now_ns, int depth) {
  named_lookup out;
  out.knows
    = [&queries](std::string_view name) { return queries.contains(name); };
  out.rows_of = [&queries, &find, now_ns, depth](
                  std::string_view name, std::vector<argument_value> given) {
    return rows_of(queries, name, std::move(given), find, now_ns, depth);
  };
  out.list = [&queries] {
    std::vector<named_lookup::listed> all;
    for (const auto& [name, what] : queries)
      all.push_back({name, parameters_of(what), what.description});
    return all;
  };
  return out;
}

/// A value of each type, to try a query with.
literal some_value(column_type type) {
  switch (type) {
    case column_type::real:
    case column_type::float_:
      return 1.0;
    case column_type::symbol:
    case column_type::string:
    case column_type::char_:
      return std::string{"x"};
    case column_type::guid:
      return std::string(16, '\1');
    default:
      return int64_t{1};
  }
}

} // namespace

const named_queries& built_in_queries() {
  static const named_queries all{
    {"countbysym",
     {"qsql",
      {{"startdate", column_type::date}, {"enddate", column_type::date}},
      "select sum size, tradecount:count i by sym from trade "
      "where date within (startdate;enddate)",
      "Size and count of the trades of each symbol"}},
    {"hloc",
     {"qsql",
      {{"startdate", column_type::date},
       {"enddate", column_type::date},
       {"bucket", column_type::timespan}},
      "select high:max price, low:min price, open:first price, "
      "close:last price, totalsize:sum size, vwap:size wavg price "
      "by sym, bucket xbar time from trade "
      "where date within (startdate;enddate)",
      "Highest, lowest, first and last price, size and vwap of each symbol, "
      "per bucket of time"}}};
  return all;
}

named_lookup lookup_in(const named_queries& queries, const schema_lookup& find,
                       int64_t now_ns) {
  return lookup_at(queries, find, now_ns, 0);
}

error check(const named_queries& queries, std::string_view name,
            const schema_lookup& find) {
  std::vector<argument_value> given;
  for (const auto& each : queries.find(name)->second.parameters)
    given.push_back({each.type, false, {some_value(each.type)}});
  auto made = rows_of(queries, name, std::move(given), find, 0, 0);
  return made ? error{} : made.failure();
}

} // namespace millrace::query
