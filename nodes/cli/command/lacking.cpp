#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

namespace millrace::nodes {

std::string lacking_lines(const std::vector<std::string>& lacks,
                          const std::string& indent, bool is_done) {
  std::string out;
  for (const auto& each : lacks)
    out += indent + (is_done ? "it is done, but " : "") + each + "\n";
  return out;
}

void add_lacks(text::json_value& out, const std::vector<std::string>& lacks) {
  if (!lacks.empty())
    out.add("hdb_lacks", lacks);
}

int exit_code_of(const std::vector<std::string>& lacks) {
  return lacks.empty() ? exit_ok : exit_negative;
}

} // namespace millrace::nodes
