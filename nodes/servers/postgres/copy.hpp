#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>

// COPY (query) TO STDOUT.

namespace millrace::nodes::postgres {

struct copy_request {
  statement query;
  copy_style style;
};

/// What a COPY asks for. `unsupported` for one that is not TO STDOUT, or has an
/// option that is not there; `invalid_argument`.
[[nodiscard]] result<copy_request> read_copy(const statement& what);

} // namespace millrace::nodes::postgres
