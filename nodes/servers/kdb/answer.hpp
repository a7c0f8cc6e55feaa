#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/query/front/qsql/qsql.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::kdb {

/// How a result is to be given.
struct answer_form {
  std::vector<std::string> keys; ///< Its first columns, of a keyed table.
  query::result_shape shape = query::result_shape::table;
  char capability = 3; ///< Of the client's session.
};

/// The rows of a result as a whole message. `limit_exceeded` beyond the 2 GiB
/// that a message has.
/// @param table not empty: as the message (`upd; table; rows)
[[nodiscard]] result<std::string> table_message(message_kind kind,
                                                const query::table_data& rows,
                                                const answer_form& form,
                                                std::string_view table = {});

/// The same for a client of text: at most 25 lines.
[[nodiscard]] std::string table_text(const query::table_data& rows);
/// A small value as q shows it, and a failure.
[[nodiscard]] std::string value_text(const result<value>& what);

/// A table without rows.
[[nodiscard]] value empty_table(const table_schema& schema);
/// ([c] t; f; a): the columns of a table.
[[nodiscard]] value meta_table(const table_schema& schema);

} // namespace millrace::nodes::kdb
