#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::query::qsql {

/// Bytes of a query's text: [begin, end).
struct text_range {
  uint32_t begin = 0;
  uint32_t end = 0;
  friend bool operator==(const text_range&, const text_range&) = default;
};

/// Both, and all that stands between them.
[[nodiscard]] inline text_range covering(text_range first,
                                         text_range last) noexcept {
  return {first.begin < last.begin ? first.begin : last.begin,
          first.end > last.end ? first.end : last.end};
}

/// What is wrong, and where: "<kind>: <what> at character <n> near
/// '<text>'".
/// `kind` is the short name that q has for such a fault: parse, nyi, type,
/// length, rank, domain, limit, or the name that is not known.
[[nodiscard]] error fault_at(std::string_view source, text_range at, errc code,
                             std::string_view kind, std::string_view what);

} // namespace millrace::query::qsql
