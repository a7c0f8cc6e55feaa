#include <millrace/messages/data/lineage.hpp>

#include <cstddef>

namespace millrace {

std::string to_string(const lineage_id& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(32);
  for (auto word : id.words)
    for (int shift = 60; shift >= 0; shift -= 4)
      hex += digits[(word >> shift) & 15];
  return hex;
}

std::optional<lineage_id> lineage_of(std::string_view hex) {
  if (hex.size() != 32)
    return std::nullopt;
  lineage_id id;
  for (size_t i = 0; i < 32; ++i) {
    const char c = hex[i];
    uint64_t digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<uint64_t>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<uint64_t>(c - 'a') + 10;
    else
      return std::nullopt;
    id.words[i / 16] = id.words[i / 16] << 4 | digit;
  }
  return id;
}

} // namespace millrace
