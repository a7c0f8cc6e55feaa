#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/servers/kdb/verbs_internal.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

using arguments = std::span<const value>;

constexpr int64_t day_ns = 86'400'000'000'000;

error rank_fault(std::string_view name, size_t least, size_t most) {
  return {errc::invalid_argument,
          "rank: " + std::string{name} + " takes " + std::to_string(least)
            + (least == most ? "" : " to " + std::to_string(most))
            + " arguments"};
}

error type_fault(const std::string& what) {
  return {errc::invalid_argument, "type: " + what};
}

/// Text of a symbol or a text.
const std::string* name_in(const value& what) {
  if (what.type == kind::symbol && what.is_atom)
    return &what.symbols.front();
  return what.type == kind::char_ ? &what.bytes : nullptr;
}

/// The schema of the table that an argument names; else the name, bare.
result<const table_schema*> table_in(const value& what,
                                     const request_setting& with) {
  const auto* name = name_in(what);
  if (!name)
    return type_fault("a table is named by its symbol");
  if (!with.knows(*name))
    return error{errc::not_found, *name};
  return &with.tables->find(*name)->second;
}

/// -- what is known here ------------------------------------------------------

result<undertaking> tables(arguments, const request_setting& with) {
  value out;
  out.type = kind::symbol;
  for (const auto& each : *with.tables)
    if (with.knows(each.first))
      out.symbols.push_back(each.first);
  return undertaking{std::move(out)};
}

result<undertaking> columns(arguments given, const request_setting& with) {
  const auto table = table_in(given[0], with);
  if (!table)
    return table.failure();
  value out;
  out.type = kind::symbol;
  for (const auto& column : (*table)->columns)
    out.symbols.push_back(column.name);
  return undertaking{std::move(out)};
}

result<undertaking> meta(arguments given, const request_setting& with) {
  const auto table = table_in(given[0], with);
  if (!table)
    return table.failure();
  return undertaking{meta_table(**table)};
}

result<undertaking> type_of(arguments given, const request_setting& with) {
  if (const auto table = table_in(given[0], with); !table)
    return table.failure();
  return undertaking{atom_of(kind::short_, int16_t{98})};
}

result<undertaking> keys(arguments given, const request_setting& with) {
  if (const auto table = table_in(given[0], with); !table)
    return table.failure();
  value out;
  out.type = kind::symbol;
  return undertaking{std::move(out)};
}

int64_t days(const request_setting& with) {
  const auto rest = ((with.now_ns % day_ns) + day_ns) % day_ns;
  return (with.now_ns - rest) / day_ns;
}

result<undertaking> now(arguments, const request_setting& with) {
  return undertaking{atom_of(kind::timestamp, with.now_ns)};
}
result<undertaking> today(arguments, const request_setting& with) {
  return undertaking{atom_of(kind::date, static_cast<int32_t>(days(with)))};
}
result<undertaking> time_of_day(arguments, const request_setting& with) {
  return undertaking{
    atom_of(kind::timespan, with.now_ns - days(with) * day_ns)};
}
result<undertaking> milliseconds(arguments, const request_setting& with) {
  return undertaking{atom_of(
    kind::time,
    static_cast<int32_t>((with.now_ns - days(with) * day_ns) / 1'000'000))};
}
result<undertaking> host(arguments, const request_setting& with) {
  return undertaking{symbol_atom(with.host)};
}
result<undertaking> user(arguments, const request_setting& with) {
  return undertaking{symbol_atom(with.user)};
}
result<undertaking> process(arguments, const request_setting& with) {
  return undertaking{symbol_atom(with.process)};
}
result<undertaking> handle(arguments, const request_setting& with) {
  return undertaking{atom_of(kind::int_, with.handle)};
}
result<undertaking> pid(arguments, const request_setting& with) {
  return undertaking{atom_of(kind::int_, with.pid)};
}

/// -- the gateway -------------------------------------------------------------

/// A text, or a list of the name of a function and its arguments.
result<undertaking> query_in(const value& what, const request_setting& with) {
  auto out = understand(what, with);
  const auto* question = out ? std::get_if<gateway_question>(&*out) : nullptr;
  if ((question && question->is_deferred)
      || (out && std::holds_alternative<deferred_answer>(*out)))
    return type_fault("a query within a query");
  return out;
}

/// An answer is always of all stores at one cut: which of them are named makes
/// no difference, but others are not there.
error check_servers(const value& what) {
  if (what.type == kind::primitive)
    return {};
  if (what.type != kind::symbol)
    return {errc::unsupported,
            "nyi: servers are symbols of types, as `rdb`hdb"};
  for (const auto& name : what.symbols)
    if (!name.empty() && name != "rdb" && name != "hdb")
      return {errc::unsupported,
              "nyi: there are no servers '" + name
                + "'; an answer is of rdb and hdb, at one cut"};
  return {};
}

/// Parts of an answer are joined by the gateway, as rows of one table.
error check_join(const value& what) {
  const auto* name = name_in(what);
  if (what.type == kind::primitive
      || (name && (*name == "raze" || *name == "{raze x}" || *name == ",/")))
    return {};
  return {
    errc::unsupported,
    "nyi: joins other than raze; what is asked is answered over all rows"};
}

result<undertaking> sync_query(arguments given, const request_setting& with) {
  if (given.size() > 1)
    if (auto fault = check_servers(given[1]))
      return fault;
  if (given.size() > 2)
    if (auto fault = check_join(given[2]))
      return fault;
  return query_in(given[0], with);
}

/// A span of time as the gateway reads it; empty: there is no limit but its
/// own.
result<std::string> timeout_in(const value& what) {
  if (what.type == kind::primitive)
    return std::string{};
  if (what.type == kind::timespan && what.is_atom) {
    const auto ns = what.item<int64_t>(0);
    if (ns == null_long || ns == inf_long)
      return std::string{};
    std::string out;
    text::append_timespan(out, ns);
    return out;
  }
  return type_fault("a timeout is a timespan");
}

result<undertaking> sync_query_in_time(arguments given,
                                       const request_setting& with) {
  const auto timeout = timeout_in(given[3]);
  if (!timeout)
    return timeout.failure();
  auto out = sync_query(given.first(3), with);
  auto* question = out ? std::get_if<gateway_question>(&*out) : nullptr;
  if (!question || timeout->empty())
    return out;
  auto parameters = text::parse_json(question->parameters);
  if (!parameters)
    return parameters.failure();
  (*parameters)["timeout"] = *timeout;
  question->parameters = parameters->dump();
  return out;
}

/// The client waits for a message, whatever its query comes to.
result<undertaking> deferred_query(arguments given,
                                   const request_setting& with) {
  auto out = sync_query(given, with);
  if (!out)
    return undertaking{deferred_answer{out.failure()}};
  if (auto* known = std::get_if<value>(&*out))
    return undertaking{deferred_answer{std::move(*known)}};
  auto* question = std::get_if<gateway_question>(&*out);
  if (!question)
    return undertaking{deferred_answer{type_fault("it is no query")}};
  question->is_deferred = true;
  return out;
}

result<undertaking> sql(arguments given, const request_setting&) {
  if (given[0].type != kind::char_)
    return type_fault("a query in SQL is a text");
  return ask_in_sql(given[0].bytes);
}

result<undertaking> getdata(arguments given, const request_setting&) {
  if (given[0].type != kind::dictionary)
    return type_fault("getdata takes a dictionary");
  auto parameters = json_of(given[0]);
  if (!parameters)
    return parameters.failure();
  // Who asks so knows TorQ's texts, and may look for them.
  if (parameters->is_object() && !parameters->find("words"))
    parameters->add("words", "torq");
  gateway_question out;
  out.parameters = parameters->dump();
  return undertaking{std::move(out)};
}

/// -- streams -----------------------------------------------------------------

bool is_nothing(const value& what) {
  return what.type == kind::primitive
         || (what.type == kind::symbol && what.is_atom
             && what.symbols.front().empty());
}

/// Tables that an argument names; nothing: all of them.
error tables_in(const value& what, const request_setting& with,
                subscribe_request& into) {
  if (is_nothing(what)) {
    for (const auto& each : *with.tables)
      if (with.find(each.first, table_use::subscribe))
        into.tables.push_back(each.first);
    return {};
  }
  if (what.type != kind::symbol && what.type != kind::char_)
    return type_fault("a table is named by its symbol");
  into.is_list = what.type == kind::symbol && !what.is_atom;
  if (what.type == kind::char_)
    into.tables.push_back(what.bytes);
  else
    into.tables = what.symbols;
  for (const auto& table : into.tables)
    if (!with.find(table, table_use::subscribe))
      return with.refusal(table_use::subscribe, table);
  return {};
}

result<undertaking> subscribe(arguments given, const request_setting& with) {
  subscribe_request out;
  if (auto fault = tables_in(given[0], with, out))
    return fault;
  if (given.size() < 2 || is_nothing(given[1]))
    return undertaking{std::move(out)};
  if (given[1].type != kind::symbol)
    return error{errc::unsupported,
                 "nyi: what is wanted of a table is symbols, or all"};
  out.symbols.emplace(given[1].symbols.begin(), given[1].symbols.end());
  return undertaking{std::move(out)};
}

result<undertaking> unsubscribe(arguments given, const request_setting& with) {
  subscribe_request out;
  out.ends = true;
  if (auto fault = tables_in(given[0], with, out))
    return fault;
  if (given.size() == 2 && !is_nothing(given[1])
      && given[1] != atom_of(kind::int_, with.handle))
    return error{errc::invalid_argument,
                 "access: a client ends its own subscriptions only"};
  return undertaking{std::move(out)};
}

result<undertaking> publish(arguments given, const request_setting& with) {
  const auto table = table_in(given[0], with);
  if (!table)
    return table.failure();
  const auto& name = (*table)->name;
  if (!with.find(name, table_use::publish))
    return with.refusal(table_use::publish, name);
  auto batch
    = batch_of(given[1], **table, with.stamped->contains(name), with.now_ns);
  if (!batch)
    return batch.failure();
  return undertaking{publish_request{name, *std::move(batch)}};
}

/// What a tickerplant of kdb+tick says of itself: .u.i and others. Its log is
/// none that others read, so that its count is null: nothing is replayed.
result<value> tickerplant_value(const std::string& name,
                                const request_setting& with) {
  if (name == "i" || name == "j")
    return atom_of(kind::long_, null_long);
  if (name == "L" || name == "l")
    return symbol_atom({});
  if (name == "d")
    return atom_of(kind::date, static_cast<int32_t>(days(with)));
  if (name != "t")
    return error{errc::not_found, ".u." + name};
  value out;
  out.type = kind::symbol;
  for (const auto& each : *with.tables)
    if (with.find(each.first, table_use::subscribe))
      out.symbols.push_back(each.first);
  return out;
}

template <const char* Name>
result<undertaking> of_tickerplant(arguments, const request_setting& with) {
  auto out = tickerplant_value(Name, with);
  return out ? result<undertaking>{*std::move(out)} : out.failure();
}

/// .u `i`L
result<undertaking> values_of_tickerplant(arguments given,
                                          const request_setting& with) {
  if (given[0].type != kind::symbol)
    return type_fault("what .u has is named by symbols");
  std::vector<value> all;
  for (const auto& name : given[0].symbols) {
    auto each = tickerplant_value(name, with);
    if (!each)
      return each.failure();
    all.push_back(*std::move(each));
  }
  return undertaking{given[0].is_atom ? all.front() : list_of(std::move(all))};
}

constexpr char count_name[] = "i";
constexpr char log_name[] = "L";
constexpr char day_name[] = "d";
constexpr char tables_name[] = "t";

struct verb {
  std::string_view name;
  size_t least;
  size_t most;
  result<undertaking> (*call)(arguments, const request_setting&);
};

constexpr verb verbs[] = {
  {".dataaccess.getdata", 1, 1, getdata},
  {".gw.asyncexec", 2, 2, deferred_query},
  {".gw.syncexec", 2, 2, sync_query},
  {".gw.syncexecj", 3, 3, sync_query},
  {".gw.syncexecjt", 4, 4, sync_query_in_time},
  {".ps.publish", 2, 2, publish},
  {".ps.subscribe", 1, 2, subscribe},
  {".s.e", 1, 1, sql},
  {".u", 1, 1, values_of_tickerplant},
  {".u.L", 0, 0, of_tickerplant<log_name>},
  {".u.d", 0, 0, of_tickerplant<day_name>},
  {".u.del", 1, 2, unsubscribe},
  {".u.i", 0, 0, of_tickerplant<count_name>},
  {".u.pub", 2, 2, publish},
  {".u.sub", 1, 2, subscribe},
  {".u.t", 0, 0, of_tickerplant<tables_name>},
  {".u.upd", 2, 2, publish},
  {".z.D", 0, 0, today},
  {".z.N", 0, 0, time_of_day},
  {".z.P", 0, 0, now},
  {".z.T", 0, 0, milliseconds},
  {".z.d", 0, 0, today},
  {".z.f", 0, 0, process},
  {".z.h", 0, 0, host},
  {".z.i", 0, 0, pid},
  {".z.n", 0, 0, time_of_day},
  {".z.p", 0, 0, now},
  {".z.t", 0, 0, milliseconds},
  {".z.u", 0, 0, user},
  {".z.w", 0, 0, handle},
  {"cols", 1, 1, columns},
  {"getdata", 1, 1, getdata},
  {"keys", 1, 1, keys},
  {"meta", 1, 1, meta},
  {"tables", 0, 1, tables},
  {"type", 1, 1, type_of},
  {"upd", 2, 2, publish},
};

const verb* find_verb(std::string_view name) {
  const auto* found
    = std::find_if(std::begin(verbs), std::end(verbs),
                   [&](const verb& each) { return each.name == name; });
  return found == std::end(verbs) ? nullptr : found;
}

} // namespace

value subscribed_answer(const subscribe_request& what,
                        const std::map<std::string, table_schema>& tables) {
  std::vector<value> pairs;
  for (const auto& table : what.tables)
    pairs.push_back(
      list_of({symbol_atom(table), empty_table(tables.at(table))}));
  auto out = what.is_list || pairs.empty() ? list_of(std::move(pairs))
                                           : std::move(pairs.front());
  if (what.beside.empty())
    return out;
  std::vector<value> both{std::move(out)};
  both.insert(both.end(), what.beside.begin(), what.beside.end());
  return list_of(std::move(both));
}

bool is_verb(std::string_view name) { return find_verb(name) != nullptr; }

result<undertaking> call_verb(std::string_view name,
                              std::span<const value> given,
                              const request_setting& with) {
  const auto& verb = *find_verb(name);
  // "f[]" passes one argument that is nothing.
  if (verb.least == 0 && given.size() == 1 && given[0].type == kind::primitive)
    given = {};
  if (given.size() < verb.least || given.size() > verb.most)
    return failed_call(name, rank_fault(name, verb.least, verb.most));
  return verb.call(given, with);
}

result<undertaking> failed_call(std::string_view name, error why) {
  if (find_verb(name)->call == deferred_query)
    return undertaking{deferred_answer{std::move(why)}};
  return why;
}

} // namespace millrace::nodes::kdb
