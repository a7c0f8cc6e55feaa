#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

/// The random identity of one life of a log directory, and with that of a
/// stream, by its merged log: positions of two lives cannot be compared.
struct lineage_id {
  std::array<uint64_t, 2> words{};

  [[nodiscard]] constexpr bool is_known() const noexcept {
    return (words[0] | words[1]) != 0;
  }
  friend constexpr auto operator<=>(const lineage_id&, const lineage_id&)
    = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, lineage_id& x) {
    return f(x.words[0], x.words[1]);
  }
};

/// 32 lower-case hexadecimal digits.
[[nodiscard]] std::string to_string(const lineage_id& id);
[[nodiscard]] std::optional<lineage_id> lineage_of(std::string_view hex);

} // namespace millrace
