#include <millrace/query/front/sql/source.hpp>

#include <algorithm>
#include <string>

namespace millrace::query::sql {

error fault_at(std::string_view text, uint32_t at, errc code,
               std::string_view what) {
  const auto before = text.substr(0, std::min<size_t>(at, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const auto last = before.rfind('\n');
  const auto line
    = last == std::string_view::npos ? before : before.substr(last + 1);
  // Bytes that continue a character of UTF-8 do not count.
  const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  });
  return {code, "line " + std::to_string(lines + 1) + ", column "
                  + std::to_string(columns + 1) + ": " + std::string{what}};
}

} // namespace millrace::query::sql
