#include <millrace/messages/text/listed.hpp>

#include <iterator>

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

std::string some_of(const std::set<std::string>& names) {
  constexpr size_t shown_max = 12;
  if (names.size() <= shown_max)
    return joined(names, " ");
  std::string out;
  for (auto each = names.begin(); std::distance(names.begin(), each) < 3;
       ++each)
    add_to_list(out, *each, " ");
  return out + " ... " + *names.rbegin() + " (" + std::to_string(names.size())
         + " in all)";
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string{text} + "'";
}

std::string in_shell(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789/._-+:,@%=";
  if (!text.empty() && text.find_first_not_of(plain) == text.npos)
    return std::string{text};
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

} // namespace millrace::text
