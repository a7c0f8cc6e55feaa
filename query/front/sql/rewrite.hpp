#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query::sql {

/// A query in PostgreSQL's own grammar, and where its bytes were before.
struct rewritten_query {
  std::string text;
  /// A piece begins at `at`; its bytes were at `source` and after, or, when it
  /// was put in, stand for what was there.
  struct piece {
    uint32_t at = 0;
    uint32_t source = 0;
    bool is_new = false;
  };
  std::vector<piece> pieces;

  [[nodiscard]] uint32_t source_of(uint32_t at) const noexcept;
};

/// Writes what PostgreSQL does not know by names that begin with "__", which a
/// query may not have itself:
///   a ASOF [LEFT|INNER] JOIN b ON c       ON (__asof() AND (c))
///   ... USING (k, t)                      USING (__asof, k, t)
///   ... ON (k1, k2), and with neither     USING (__asof_on, k1, k2)
///   ... TOLERANCE 2s                      __tolerance('2s'), "__tolerance=2s"
///   SAMPLE BY 1h FILL(f) ALIGN TO a       GROUP BY __sample('1h','f','a')
///   LATEST ON t PARTITION BY k1, k2       GROUP BY __latest(t,k1,k2)
///   t IN '2024-05-02'                     __in_interval(t,'2024-05-02')
/// A fault is `fault_at` of its place.
[[nodiscard]] result<rewritten_query> rewrite(std::string_view text);

} // namespace millrace::query::sql
