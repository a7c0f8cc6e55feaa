#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <map>
#include <string>
#include <vector>

namespace millrace::torq {

/// Why rows of a table as it is declared here do not fit one that was declared
/// there, by the first column; none: they fit. Columns may lack here, and types
/// be narrower.
/// @param theirs the table as a process registers it, see declarations_of
[[nodiscard]] error misfit(const table_schema& mine,
                           const text::json_value& theirs);

/// What the RDBs of a cluster were started with, as far as discovery told it,
/// for who takes rows in on their behalf. Owner: one thread.
class rdb_declarations {
public:
  /// Takes registry rows in; those of other processes are passed over.
  void know(const std::vector<process_row>& rows);

  /// `config`: an RDB that is there takes nothing of what is declared so, or
  /// none of those of its stream was started with the table. None also while no
  /// RDB is known.
  /// @param is_held some RDB is to have rows of the table
  [[nodiscard]] error refusal(const table_schema& mine,
                              const std::string& stream, bool is_held) const;

private:
  std::map<std::string, process_row> rdbs_; ///< By name.
};

} // namespace millrace::torq
