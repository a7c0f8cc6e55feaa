#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/nodes/servers/http/publish_rows.hpp>

#include <algorithm>
#include <string>

namespace millrace::nodes::http {

result<read_rows> rows_of_lines(std::string_view lines,
                                const table_schema& schema, line_format format,
                                bool stamps, int64_t now_ns) {
  row_reader rows{schema, format, stamps};
  for (uint64_t number = 1; !lines.empty(); ++number) {
    const auto end = std::min(lines.find('\n'), lines.size());
    auto line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.empty())
      continue;
    if (auto fault = rows.add(line, now_ns)) {
      fault.context = "line " + std::to_string(number) + ": " + fault.context;
      return fault;
    }
  }
  read_rows out;
  out.count = rows.row_count();
  if (out.count != 0)
    out.batch = rows.take();
  return out;
}

} // namespace millrace::nodes::http
