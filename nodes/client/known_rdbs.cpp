#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/known_rdbs.hpp>
#include <millrace/nodes/client/registered_processes.hpp>
#include <millrace/query/execution/partial.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto query_deadline = 10s;

result<std::vector<process_row>>
registered_rdbs(runtime& host, const cluster_config& config,
                std::chrono::milliseconds deadline) {
  return registered_processes(host, config, std::string{process_type::rdb},
                              deadline);
}

query::logical_plan count_by_date(const table_schema& table,
                                  const query::logical_plan* choice) {
  query::logical_plan out;
  if (choice != nullptr) {
    out.types = choice->types;
    out.time_column = choice->time_column;
    out.symbol_column = choice->symbol_column;
    out.range = choice->range;
    out.symbols = choice->symbols;
    out.filters = choice->filters;
  }
  out.table = table.name;
  if (!out.type_of(table.time_column))
    out.types.push_back({table.time_column, column_type::timestamp});
  out.order_column = table.time_column;
  out.keys = {{table.time_column, 0, "date", true}};
  out.aggregates = {{query::aggregate_function::count, {}, "rows"}};
  out.day_zone = table.roll_zone;
  out.day_offset_ns = table.roll_offset_ns;
  return out;
}

result<std::map<int64_t, uint64_t>> counts_of(const query::logical_plan& plan,
                                              const chunks& answer) {
  query::merger merger{plan};
  for (const auto& bytes : answer) {
    auto partial = query::decode_partial(bytes.bytes());
    if (!partial)
      return partial.failure();
    if (auto fault = merger.add(*std::move(partial)))
      return fault;
  }
  const auto table = merger.finish();
  if (!table)
    return table.failure();
  std::map<int64_t, uint64_t> out;
  for (uint64_t row = 0; row < table->row_count; ++row)
    out[table->columns[0].as<int32_t>()[row]]
      = static_cast<uint64_t>(table->columns[1].as<int64_t>()[row]);
  return out;
}

} // namespace

std::vector<known_rdb> rdbs_of(runtime& host, const cluster_config& config,
                               const std::string& stream,
                               std::chrono::milliseconds deadline) {
  std::vector<known_rdb> out;
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb
        && config.stream_of(process) == stream)
      out.push_back({process.name,
                     process.write_down && !process.hdb_directory.empty(),
                     !process.node.empty()});
  const auto rows = registered_rdbs(host, config, deadline);
  if (!rows)
    return out; // Those of the file that cannot be found are told one by one.
  for (const auto& row : *rows) {
    const auto* of = row.attributes.at("stream").text();
    if (of != nullptr && *of == stream && config.process(row.name) == nullptr)
      out.push_back({row.name,
                     row.attributes.at("write_down").boolean().value_or(true),
                     false});
  }
  return out;
}

result<rdb_actor> find_rdb(runtime& host, const cluster_config& config,
                           const known_rdb& rdb,
                           std::chrono::milliseconds deadline) {
  // All that is asked shares the time.
  const countdown time{*host.env().clock, deadline};
  const auto share
    = [&time] { return std::min<std::chrono::milliseconds>(time.left(), 1s); };
  error last{errc::not_found, rdb.name + " was not started: 'millrace spawn "
                                + rdb.name + "' starts it"};
  if (rdb.has_node) {
    const auto at = endpoint_of(config, rdb.name);
    if (!at)
      return at.failure();
    auto there = host.find_as<rdb_actor>(*at, share());
    if (there)
      return there;
    last = there.failure();
  }
  const auto rows = registered_rdbs(host, config, share());
  if (!rows && !rdb.has_node)
    return error{errc::unavailable, "only 'millrace spawn' starts " + rdb.name
                                      + ", and where it lives is not known: "
                                      + rows.failure().context};
  if (!rows)
    return last;
  for (const auto& row : *rows) {
    if (row.name != rdb.name)
      continue;
    auto there = host.find_as<rdb_actor>(row.at, share());
    if (there)
      return there;
    // It may be on its way back.
    last = {errc::unavailable, there.failure().context};
  }
  return last;
}

result<std::map<int64_t, uint64_t>>
dates_in_rdb(runtime& host, const rdb_actor& rdb, const table_schema& table,
             position cutover, const query::logical_plan* choice) {
  const auto plan = count_by_date(table, choice);
  rows_after rows;
  rows.cutover = cutover;
  guest self{host.system()};
  bundle came;
  caf::error fault;
  const auto failed = [&](const caf::error& why) { fault = why; };
  self
    ->request(rdb, caf::timespan{query_deadline}, query_atom_v,
              chunk::copy_of(encode(plan)), rows)
    .receive([&](const bundle& partial, const rdb_cut&) { came = partial; },
             failed);
  for (uint64_t i = 0; !fault && i < came.more; ++i)
    self
      ->request(caf::actor_cast<bundle_source_actor>(came.rest),
                caf::timespan{query_deadline}, fetch_atom_v, chunk_number{i})
      .receive([&](const chunk& piece) { came.here.push_back(piece); }, failed);
  if (fault)
    return from_caf(fault);
  return counts_of(plan, came.here);
}

} // namespace millrace::nodes
