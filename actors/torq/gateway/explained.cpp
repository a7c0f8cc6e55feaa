#include <millrace/actors/torq/gateway/explained.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace millrace::torq {

query::table_data explained(std::string_view plan, std::string_view language) {
  query::column_data column;
  column.name = language == "sql" ? "QUERY PLAN" : "query";
  column.type = column_type::string;
  query::table_data out;
  while (!plan.empty()) {
    const auto line = plan.substr(0, plan.find('\n'));
    column.bytes += line;
    column.push(static_cast<uint32_t>(column.bytes.size()));
    ++out.row_count;
    plan.remove_prefix(std::min(plan.size(), line.size() + 1));
  }
  out.columns.push_back(std::move(column));
  return out;
}

std::string analysis_of(const chunks& answer, const query_cut& cut,
                        int64_t took_ns) {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  query::answer_statistics took;
  for (const auto& message : answer) {
    const auto counted = query::row_count_of(message.bytes());
    const auto found = query::statistics_of(message.bytes());
    if (!counted || !found)
      return "-- its answer cannot be read: "
             + (counted ? found
                        : result<query::answer_statistics>{counted.failure()})
                 .failure()
                 .context
             + "\n";
    rows += *counted;
    bytes += message.size();
    took += *found;
  }
  std::array<char, 32> ms{};
  std::snprintf(ms.data(), ms.size(), "%.3f",
                static_cast<double>(took_ns) / 1e6);
  return "-- answered\n"
         "rows: "
         + std::to_string(rows) + " (" + std::to_string(bytes)
         + " bytes)\nread: " + to_string(took.read) + "\n" + lines_of(took)
         + "cut: manifest " + std::to_string(cut.manifest.value) + ", cutover "
         + to_string(cut.cutover) + ", upper " + to_string(cut.upper)
         + "\nExecution Time: " + ms.data() + " ms\n";
}

} // namespace millrace::torq
