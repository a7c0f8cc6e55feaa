#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/client/known_rdbs.hpp>
#include <millrace/nodes/client/rows_in_rdbs.hpp>

#include <algorithm>

namespace millrace::nodes {

rows_in_rdbs
look_into_rdbs(runtime& host, const cluster_config& config,
               const table_config& table, position cutover,
               const std::function<bool(const std::string& rdb)>& asks,
               const std::function<bool(int64_t date)>& is_meant,
               const query::logical_plan* choice) {
  rows_in_rdbs out;
  for (const auto& rdb : rdbs_of(host, config, table.stream)) {
    if (!asks(rdb.name))
      continue;
    result<std::map<int64_t, uint64_t>> dates{error{}};
    const auto there = find_rdb(host, config, rdb, std::chrono::seconds{1});
    if (there)
      dates = dates_in_rdb(host, *there, table.schema, cutover, choice);
    else
      dates = there.failure();
    if (!dates && dates.failure().code == errc::not_found)
      continue; // It holds other tables, or was never started.
    if (!dates) {
      out.unasked.push_back(rdb.name + ": " + dates.failure().context);
      continue;
    }
    for (const auto& [date, rows] : *dates)
      if (is_meant(date))
        out.rows.push_back(
          {rdb.name, table.schema.name, text::date_text(date, '.'), rows});
  }
  return out;
}

std::vector<std::string> lines_of(const rows_in_rdbs& what,
                                  const std::string& fate) {
  std::vector<std::string> out;
  for (const auto& each : what.unasked)
    out.push_back("whether an rdb holds rows of these dates is not known, and "
                  "they stay: "
                  + each);
  for (const auto& each : what.rows)
    out.push_back(each.rdb + " holds " + std::to_string(each.rows) + " rows of "
                  + each.partition + " that the stream brought: they " + fate
                  + ", and come to it with the end of their period");
  return out;
}

text::json_value json_of(const rows_in_rdbs& what) {
  auto out = text::json_value::array();
  for (const auto& each : what.rows)
    out.add(text::json_value{{"rdb", each.rdb},
                             {"table", each.table},
                             {"partition", each.partition},
                             {"rows", each.rows}});
  return out;
}

} // namespace millrace::nodes
