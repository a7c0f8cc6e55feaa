#include <millrace/messages/text/listed.hpp>

namespace millrace::text {

void add_to_list(std::string& list, std::string_view part,
                 std::string_view between) {
  if (!list.empty())
    list += between;
  list += part;
}

std::string listed(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts)
    add_to_list(out, part, &part == &parts.back() ? " and " : ", ");
  return out;
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string{text} + "'";
}

} // namespace millrace::text
