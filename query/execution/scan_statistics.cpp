#include <millrace/query/execution/scan_statistics.hpp>

#include <array>
#include <cstdio>

namespace millrace::query {

namespace {

std::string as_ms(int64_t ns) {
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.3f", static_cast<double>(ns) / 1e6);
  return out.data();
}

void add_reason(std::string& to, uint64_t count, const char* why) {
  if (count != 0)
    to += (to.empty() ? "" : ", ") + std::to_string(count) + why;
}

} // namespace

answer_statistics&
answer_statistics::operator+=(const answer_statistics& more) {
  read += more.read;
  nodes.insert(nodes.end(), more.nodes.begin(), more.nodes.end());
  steps.insert(steps.end(), more.steps.begin(), more.steps.end());
  return *this;
}

std::string to_string(const scan_statistics& read) {
  std::string reasons;
  add_reason(reasons, read.left_by_time, " left out by time");
  add_reason(reasons, read.left_by_symbol, " by symbol");
  add_reason(reasons, read.left_by_value, " by value");
  return std::to_string(read.rows_scanned) + " of "
         + std::to_string(read.rows_total) + " rows ("
         + std::to_string(read.bytes_scanned) + " bytes), in "
         + std::to_string(read.parts_scanned) + " of "
         + std::to_string(read.parts_total) + " parts, "
         + std::to_string(read.segments_scanned) + " of "
         + std::to_string(read.segments_total) + " segments"
         + (reasons.empty() ? "" : " (" + reasons + ")") + "; "
         + std::to_string(read.rows_matched) + " rows passed all filters";
}

std::string lines_of(const answer_statistics& what) {
  std::string out;
  for (const auto& node : what.nodes)
    out += node.process + ", '" + node.table + "': " + to_string(node.read)
           + "; " + as_ms(node.elapsed_ns) + " ms (bind " + as_ms(node.bind_ns)
           + ", scan " + as_ms(node.scan_ns) + ", finish "
           + as_ms(node.finish_ns) + "), " + std::to_string(node.memory_bytes)
           + " bytes held\n";
  for (const auto& step : what.steps)
    out += "gateway, " + step.what + ": " + std::to_string(step.rows)
           + " rows (" + std::to_string(step.bytes) + " bytes); "
           + as_ms(step.ns) + " ms\n";
  return out;
}

} // namespace millrace::query
