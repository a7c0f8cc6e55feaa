#include <millrace/messages/text/plain_name.hpp>

#include <algorithm>

namespace millrace::text {

bool is_plain_name(std::string_view text) noexcept {
  constexpr size_t bytes_max = 64;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= bytes_max && text.front() != '-'
         && text.front() != '.' && std::all_of(text.begin(), text.end(), fits);
}

bool is_undotted_name(std::string_view text) noexcept {
  return is_plain_name(text) && text.find('.') == text.npos;
}

} // namespace millrace::text
