#include <millrace/nodes/cli/answer_query.hpp>
#include <millrace/nodes/cli/cluster/asked_cluster.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/cli/query_prompt.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace millrace::nodes {

namespace {

void declare_place(option_list& list, const char* name,
                   std::optional<uint64_t>& into, const char* what) {
  list
    .read(
      name,
      [&into](const std::string& text) {
        const auto at = parse_position(text);
        if (!at)
          return at.failure();
        into = at->value;
        return error{};
      },
      what)
    .shown_as("POSITION");
}

void declare(option_list& list, query_options& into) {
  declare_config(list, into.config);
  list
    .choice<std::string>(
      "-l,--language", into.language,
      {{"qsql", "qsql"}, {"sql", "sql"}, {"getdata", "getdata"}},
      "qsql, sql or getdata; default: getdata when the "
      "query begins with {, else qsql")
    .shown_as("LANGUAGE");
  list
    .read(
      "QUERY",
      [&into](const std::string& text) {
        into.text = text;
        into.has_text = true;
        return error{};
      },
      "The query; default: read from standard input, or, on a terminal, asked "
      "for line by line")
    .shown_as("TEXT");
  list
    .choice<std::optional<query::result_format>>(
      "-o,--output", into.output,
      {{"table", query::result_format::table},
       {"csv", query::result_format::csv},
       {"json", query::result_format::json},
       {"arrow", query::result_format::arrow},
       {"parquet", std::nullopt}},
      "table (default), csv, json, arrow, a stream of Arrow's IPC format, or "
      "parquet, a file of Parquet")
    .shown_as("FORMAT");
  declare_place(list, "--at-least", into.at_least,
                "Wait until the answer covers this position: a number, or "
                "log.<session>.<roll>@<offset>");
  declare_place(
    list, "--as-of", into.as_of,
    "No row of the stream after this position counts; refused where "
    "an hdb has written down later ones together with it");
  list
    .choice<std::string>(
      "--priority", into.priority,
      {{"low", "low"}, {"normal", "normal"}, {"high", "high"}},
      "Its share of the threads beside other queries: low, "
      "normal (default) or high")
    .shown_as("PRIORITY");
  list.flag("--cut", into.show_cut,
            "Print the cut of the answer to standard error");
  list.flag("--explain", into.explain,
            "Print what would be done where, and do nothing");
  list.flag("--analyze", into.analyze,
            "Do it, and print instead of its rows what was done where, what "
            "was read and left out for that, and how long each step took");
  list.flag("--timing", into.timing,
            "Print how long the answer took to standard error, and what each "
            "node did for it");
  list.flag("--strict", into.strict,
            "Fail when rows may be missing, instead of a warning");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until the answer must be there, also while there is no "
              "gateway; default: 30, and 3 for a gateway");
}

int run(const query_options& options) {
  const auto cluster = ask_cluster(options.config);
  if (!cluster)
    return fail(cluster.failure());
  if (options.has_text)
    return answer_query(*cluster->host, cluster->config, options, options.text);
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1)
    return prompt_for_queries(*cluster->host, cluster->config, options);
  if (::isatty(STDIN_FILENO) == 1)
    fmt::print(stderr,
               "millrace: reads a query from standard input, until ctrl-D\n");
  const std::string asked{std::istreambuf_iterator<char>{std::cin}, {}};
  return answer_query(*cluster->host, cluster->config, options, asked);
}

} // namespace

const command<query_options> query_command{
  {"query", "Ask the gateway",
   "millrace query 'select sum size by sym from trade' -o json "
   "--config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
