#include <millrace/messages/text/csv_text.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/nodes/servers/http/publish_rows.hpp>

#include <algorithm>
#include <string>

namespace millrace::nodes::http {

result<read_rows> rows_of_lines(std::string_view lines,
                                const table_schema& schema, line_format format,
                                bool stamps, int64_t now_ns) {
  row_reader rows{schema, format, stamps};
  lines = text::without_byte_order_mark(lines);
  for (uint64_t number = 1, count = 0; !lines.empty(); number += count + 1) {
    const auto end
      = std::min(format == line_format::csv ? text::find_record_end(lines, 0)
                                            : lines.find('\n'),
                 lines.size());
    auto line = lines.substr(0, end);
    count = static_cast<uint64_t>(std::count(line.begin(), line.end(), '\n'));
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
