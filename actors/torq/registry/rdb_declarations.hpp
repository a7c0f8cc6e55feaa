#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <map>
#include <set>
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
  /// The registry was asked for all RDBs anew: those that its answer, the rows
  /// that come next, does not name are gone. One that went tells nobody.
  void ask_anew() noexcept { asked_anew_ = true; }

  /// `config`: an RDB that is there takes nothing of what is declared so, or is
  /// to hold the table and was started without it. None also while no RDB is
  /// known.
  /// @param holders RDBs that are to have rows of the table, by name
  [[nodiscard]] error refusal(const table_schema& mine,
                              const std::string& stream,
                              const std::set<std::string>& holders) const;
  /// Changes with what is known of RDBs: until then a refusal stays what it is.
  [[nodiscard]] uint64_t known() const noexcept { return known_; }

private:
  std::map<std::string, process_row> rdbs_; ///< By name.
  bool asked_anew_ = false;
  uint64_t known_ = 1;
};

} // namespace millrace::torq
