#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/query/execution/partial.hpp>

#include <deque>
#include <optional>

namespace millrace::nodes {

namespace {

/// The chunks of an answer as one table.
result<query::table_data> join(const chunks& messages) {
  std::vector<query::column_writer> writers;
  // A writer knows a column, and what its symbols became, by where it lies: all
  // parts stay there until the end.
  std::deque<query::partial_result> parts;
  uint64_t rows = 0;
  for (const auto& part : messages) {
    auto decoded = query::decode_partial(part.bytes());
    if (!decoded)
      return decoded.failure();
    parts.push_back(*std::move(decoded));
    for (const auto& piece : parts.back().chunks) {
      const auto& columns = piece.table.columns;
      if (writers.empty())
        for (const auto& column : columns)
          writers.emplace_back(column.name, column.type);
      if (columns.size() != writers.size())
        return error{errc::malformed_message,
                     "the answer's parts have different columns"};
      for (size_t i = 0; i < columns.size(); ++i)
        writers[i].append_range(ref_of(columns[i]), &columns[i], 0,
                                piece.table.row_count);
      rows += piece.table.row_count;
    }
  }
  query::table_data out;
  out.row_count = rows;
  for (auto& writer : writers) {
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

} // namespace

result<gateway_answer> ask_gateway(runtime& host, const gateway_actor& gateway,
                                   const std::string& parameters,
                                   std::chrono::milliseconds deadline) {
  guest self{host.system()};
  chunks parts;
  gateway_answer out;
  error fault;
  self->request(gateway, caf::timespan{deadline}, query_atom_v, parameters)
    .receive(
      [&](const chunks& rows, const query_cut& cut) {
        parts = rows;
        out.cut = cut;
      },
      [&](const caf::error& why) { fault = from_caf(why); });
  if (fault)
    return fault;
  auto table = join(parts);
  if (!table)
    return table.failure();
  out.table = *std::move(table);
  return out;
}

namespace {

/// Gateways that are registered, those that `spawn` started among them.
std::vector<endpoint> registered_gateways(runtime& host,
                                          const cluster_config& config,
                                          std::chrono::milliseconds deadline) {
  std::vector<endpoint> found;
  for (const auto& at : endpoints_of(config, process_type::discovery)) {
    auto discovery = host.find_as<discovery_actor>(at, deadline);
    if (!discovery)
      continue; // Another one may know.
    guest self{host.system()};
    self
      ->request(*discovery, caf::timespan{deadline}, lookup_atom_v,
                std::string{process_type::gateway})
      .receive(
        [&](const std::vector<process_row>& rows) {
          for (const auto& row : rows)
            if (row.available)
              found.push_back(row.at);
        },
        // As one that is not there.
        [](const caf::error&) {});
  }
  return found;
}

} // namespace

result<gateway_actor> find_gateway(runtime& host, const cluster_config& config,
                                   std::chrono::milliseconds deadline) {
  const auto configured = endpoints_of(config, process_type::gateway);
  error last{errc::unavailable, config.path + ": no gateway answers"};
  for (const auto& at : configured) {
    auto found = host.find_as<gateway_actor>(at, deadline);
    if (found)
      return found;
    last = found.failure();
  }
  // One that `spawn` has just started takes a moment to be registered.
  guest self{host.system()};
  const auto until = host.env().clock->monotonic_ns()
                     + std::chrono::nanoseconds{deadline}.count();
  do {
    for (const auto& at : registered_gateways(host, config, deadline)) {
      auto found = host.find_as<gateway_actor>(at, deadline);
      if (found)
        return found;
      last = found.failure();
    }
    self->receive(caf::after(std::chrono::milliseconds{50}) >> [] {});
  } while (host.env().clock->monotonic_ns() < until);
  return last;
}

} // namespace millrace::nodes
