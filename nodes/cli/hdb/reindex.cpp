#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/progress_line.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/system_clock.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/stores/hdb_index.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

void declare(option_list& list, hdb_reindex_options& into) {
  declare_database(list, into.directory);
  list
    .text("INDEX", into.index,
          "Directory of the index of an hdb process: hdb-index/PROCESS in the "
          "cluster's data")
    .required();
  declare_output(list, into.output);
}

int run(const hdb_reindex_options& options) {
  auto store = hdb_store::open(posix_file_system(), options.directory);
  if (!store)
    return fail(store.failure());
  auto index = hdb_index::open(options.index);
  if (!index)
    return fail({index.failure().code,
                 index.failure().context
                   + "; an hdb process that runs holds its index: 'millrace "
                     "stop' ends one"});
  const auto snapshot = (*store)->snapshot();
  system_clock clock;
  progress_line told{clock, "parts"};
  const auto parts = (*index)->rebuild(
    *snapshot, [&](size_t done, size_t all) { told.show(done, all); });
  told.end();
  if (!parts)
    return fail(parts.failure());
  if (options.output == output_format::json)
    fmt::print("{}\n", json_value{{"index", options.index},
                                  {"version", snapshot->version()},
                                  {"parts", *parts}}
                         .dump(2));
  else
    fmt::print("{}: {} parts, as of version {}\n", options.index, *parts,
               snapshot->version());
  return exit_ok;
}

} // namespace

const command<hdb_reindex_options> hdb_reindex_command{
  {"reindex", "Make the index of an hdb process anew; it must not run",
   "millrace hdb reindex examples/local-data/hdb "
   "examples/local-data/hdb-index/hdb1"},
  declare,
  run};

} // namespace millrace::nodes
