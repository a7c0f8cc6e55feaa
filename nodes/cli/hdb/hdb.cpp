#include <millrace/nodes/cli/hdb/hdb.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>

namespace millrace::nodes {

namespace {

void declare_commands(command_list& list) {
  list.add(hdb_ls_command);
  list.add(hdb_du_command);
  list.add(hdb_check_command);
  list.add(hdb_ledger_command);
  list.add(hdb_amend_command);
  list.add(hdb_drop_command);
  list.add(hdb_reindex_command);
  list.add(hdb_export_command);
}

} // namespace

const command_group hdb_commands{{"hdb",
                                  "Look at a historical database, or change "
                                  "it, served or not",
                                  "millrace hdb check examples/local-data/hdb"},
                                 declare_commands};

} // namespace millrace::nodes
