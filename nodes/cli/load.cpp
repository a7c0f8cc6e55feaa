#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/feed_verdict.hpp>
#include <millrace/nodes/cli/layout_option.hpp>
#include <millrace/nodes/cli/load_rows.hpp>
#include <millrace/nodes/host/data_owner.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, load_options& into) {
  declare_config(list, into.config);
  declare_layout(list, into.layout);
  list
    .text("--table", into.table,
          "Where the rows go; of a database of kdb+, by default the table of "
          "the same name")
    .shown_as("TABLE");
  list
    .text("--kdb", into.kdb,
          "A database that kdb+ wrote, or the directory of one splayed table, "
          "instead of files")
    .shown_as("DIRECTORY");
  list
    .text("--leave-out", into.leave_out,
          "Columns of it that are not loaded, with commas between")
    .shown_as("NAMES");
  list.flag("--dry-run", into.dry,
            "Of --kdb: read and check all of it, and load nothing");
  list.flag("--print-table", into.print_table,
            "Print the [[table]] that takes each of its tables instead");
  list
    .read(
      "--date",
      [&into](const std::string& text) {
        const auto days = text::parse_date(text);
        if (!days)
          return days.failure();
        into.date = *days;
        return error{};
      },
      "Day of files that carry times only")
    .shown_as("YYYY-MM-DD");
  list.text("--symbol", into.symbol, "Symbol of files that carry none")
    .shown_as("SYMBOL");
  list.flag("--replace", into.replace,
            "The rows take the place of all rows of their dates");
  list.flag("--beside", into.beside,
            "The rows come beside those that their dates have, as of other "
            "files or symbols that another command loaded; without a word "
            "for it such dates are refused");
  list
    .text("--reject", into.reject,
          "Where lines go that cannot be read; default: load-TABLE.rejects.txt "
          "in the cluster's data")
    .shown_as("FILE");
  list
    .number("--max-rejects", into.rejects_max,
            "Lines of one file that may give no row; above it the exit code is "
            "65 (default 0)")
    .shown_as("N");
  declare_output(list, into.output);
  list.texts("FILE", into.files,
             "Plain, gzip, bzip2, xz, Zstandard or zip; -: standard input, "
             "which must be a file; of a database of kdb+ its tables, by "
             "default all");
}

history_load::options given_of(const load_options& options,
                               const cluster_config& config) {
  history_load::options given;
  given.what.name = "load-" + options.table;
  given.what.type = process_type::feed;
  given.what.layout = options.layout;
  given.what.table = options.table;
  given.what.symbol = options.symbol;
  for (const auto& each : options.files)
    given.what.files.push_back(each == "-" ? "/dev/stdin" : each);
  given.what.date = options.date;
  given.replaces = options.replace;
  given.beside = options.beside;
  given.reject_path
    = options.reject.empty()
        ? config.data_directory + "/load-" + options.table + ".rejects.txt"
        : options.reject;
  return given;
}

/// What a load of files and one of a database of kdb+ do not have in common.
error check_words(const load_options& options) {
  const auto lacks = [](const std::string& what) {
    return error{errc::invalid_argument, what + " is required"};
  };
  if (options.replace && options.beside)
    return {errc::invalid_argument,
            "--beside and --replace exclude each other"};
  if (options.kdb.empty()) {
    if (options.dry || options.print_table || !options.leave_out.empty())
      return {errc::invalid_argument,
              "--dry-run, --leave-out and --print-table go with --kdb; "
              "`millrace feed --dry-run` reads and checks files"};
    return options.layout.empty()  ? lacks("--layout, or --kdb,")
           : options.table.empty() ? lacks("--table")
           : options.files.empty() ? lacks("FILE")
                                   : error{};
  }
  if (!options.layout.empty() || options.date || !options.symbol.empty()
      || !options.reject.empty() || options.rejects_max != 0)
    return {errc::invalid_argument,
            "--layout, --date, --symbol, --reject and --max-rejects are of "
            "files, and do not go with --kdb"};
  return {};
}

int run(const load_options& options) {
  if (const auto fault = check_words(options))
    return fail(fault);
  if (!options.kdb.empty())
    return load_kdb(options);
  if (const auto fault = check_keeps_rejects(options.reject))
    return fail(fault);
  if (const auto fault = check_no_directory(options.files))
    return fail(fault);
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (const auto fault = check_home(*config, options.table))
    return fail(fault);
  if (const auto fault = check_data_owner(*config))
    return fail(fault);
  auto env = real_env::create({.io_threads = 1, .pool_threads = 2});
  if (!env)
    return fail(env.failure());
  // It may be the first that touches the cluster's data.
  if (auto fault
      = (*env)->world().fs->create_directories(config->data_directory))
    return fail(fault);
  const auto read = std::make_shared<feed::batch_source_counters>();
  interrupts signals;
  signals.raise_too(read->stop); // Of pipes nobody may ever write to.
  return load_rows(options, *config, **env, given_of(options, *config), read,
                   signals);
}

} // namespace

const command<load_options> load_command{
  {"load",
   "Write files of past days, or a database of kdb+, into their partitions",
   "millrace load --replace --layout csv-trade --table trade --config "
   "examples/local.toml examples/trades.csv"},
  declare,
  run};

} // namespace millrace::nodes
