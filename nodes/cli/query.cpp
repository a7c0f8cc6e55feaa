#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Says what is waited for, when that is not there at once.
result<gateway_actor> seek_gateway(runtime& host, const cluster_config& config,
                                   std::chrono::milliseconds deadline) {
  constexpr std::chrono::milliseconds at_once = 500ms;
  auto found = find_gateway(host, config, std::min(deadline, at_once));
  if (found || is_refusal(found.failure().code) || deadline <= at_once)
    return found;
  fmt::print(stderr, "millrace: waits for a gateway: {}\n",
             found.failure().context);
  std::fflush(stderr);
  return find_gateway(host, config, deadline - at_once);
}

/// Says whom an answer waits for, if it is one that is away.
void tell_wait(runtime& host, const gateway_actor& gateway) {
  const auto away = backends_away(host, gateway);
  if (away.empty())
    return;
  fmt::print(stderr,
             "millrace: waits for {}: 'millrace status' shows why, 'millrace "
             "up' and 'millrace spawn' start what does not run\n",
             fmt::join(away, ", "));
  std::fflush(stderr);
}

/// Asks a gateway, and another one, or the same in its next life, when that is
/// lost before it began to answer. The gateway keeps the deadline too, and says
/// what it waited for.
result<answer_reader> ask(runtime& host, const cluster_config& config,
                          text::json_value parameters, int timeout_s) {
  using std::chrono::milliseconds;
  const countdown time{*host.env().clock,
                       std::chrono::seconds{timeout_s == 0 ? 30 : timeout_s}};
  // Who names a time waits as long for a gateway too.
  const milliseconds seek_max = timeout_s == 0 ? 3s : time.left();
  const bool own_timeout
    = parameters.is_object() && !parameters.find("timeout");
  for (;;) {
    auto gateway
      = seek_gateway(host, config, std::clamp(time.left(), 1ms, seek_max));
    if (!gateway)
      return gateway.failure();
    const auto left_ms = std::max<int64_t>(time.left().count(), 1);
    if (own_timeout)
      parameters["timeout"]
        = fmt::format("{}D{:02}:{:02}:{:02}.{:03}", left_ms / 86'400'000,
                      left_ms / 3'600'000 % 24, left_ms / 60'000 % 60,
                      left_ms / 1000 % 60, left_ms % 1000);
    auto answer = answer_reader::ask(host, *gateway, parameters.dump(),
                                     milliseconds{left_ms} + 1s,
                                     [&] { tell_wait(host, *gateway); });
    if (answer || answer.failure().code != errc::closed || time.over())
      return answer;
  }
}

/// Words of SQL that q has not.
bool looks_like_sql(std::string_view asked) {
  const auto low = text::lower_case(asked);
  const auto has
    = [&](std::string_view words) { return low.find(words) != low.npos; };
  return asked.starts_with("SELECT") || has("select *") || has(" order by ")
         || has(" group by ") || has(" limit ") || has(" join ")
         || has("count(*)");
}

/// What travels to the gateway. JSON that cannot be read does not.
result<text::json_value> question_of(const std::string& language,
                                     const std::string& asked) {
  const auto first = asked.find_first_not_of(" \t\r\n");
  if (first == std::string::npos)
    return error{errc::invalid_argument, "the query is empty"};
  const bool is_getdata
    = language.empty() ? asked[first] == '{' : language == "getdata";
  if (!is_getdata)
    return text::json_value{
      {"language", language.empty() ? std::string{"qsql"} : language},
      {"text", asked}};
  auto parameters = text::parse_json(asked);
  if (!parameters)
    return error{errc::invalid_argument,
                 "the query: " + parameters.failure().context
                   + (language.empty() ? "; what begins with { is read as "
                                         "getdata: -l qsql for q"
                                       : "")};
  return parameters;
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
      "The query; default: read from standard input")
    .shown_as("TEXT");
  list
    .choice<query::result_format>("-o,--output", into.output,
                                  {{"table", query::result_format::table},
                                   {"csv", query::result_format::csv},
                                   {"json", query::result_format::json},
                                   {"arrow", query::result_format::arrow}},
                                  "table (default), csv, json or arrow, a "
                                  "stream of Arrow's IPC format")
    .shown_as("FORMAT");
  list
    .read(
      "--at-least",
      [&into](const std::string& text) {
        const auto at = parse_position(text);
        if (!at)
          return at.failure();
        into.at_least = at->value;
        return error{};
      },
      "Wait until the answer covers this position: a number, or "
      "log.<session>.<roll>@<offset>")
    .shown_as("POSITION");
  list.flag("--cut", into.show_cut,
            "Print the cut of the answer to standard error");
  list.flag("--explain", into.explain,
            "Print what would be done where, and do nothing");
  list.flag("--timing", into.timing,
            "Print how long the answer took to standard error");
  list.flag("--strict", into.strict,
            "Fail when rows may be missing, instead of a warning");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until the answer must be there, also while there is no "
              "gateway; default: 30, and 3 for a gateway");
}

error put(std::string_view piece) {
  if (std::fwrite(piece.data(), 1, piece.size(), stdout) != piece.size())
    return {errc::storage_failed, "standard output: write failed"};
  return {};
}

/// What was printed, and why there is no more of it.
struct printed {
  uint64_t rows = 0;
  error fault;        ///< Of the answer.
  error output_fault; ///< Of standard output.
};

/// A plan as it is; other answers in their format, as their rows come.
printed print(const query_options& options, bool is_plan,
              answer_reader& answer) {
  printed out;
  query::result_writer writer{options.output, put};
  for (;;) {
    auto piece = answer.next();
    if (!piece) {
      out.fault = piece.failure();
      break;
    }
    if (!*piece)
      break;
    auto& table = **piece;
    out.rows += table.row_count;
    const bool is_text = is_plan
                         && options.output == query::result_format::table
                         && table.row_count == 1 && table.columns.size() == 1
                         && table.columns[0].type == column_type::string;
    if (is_text) {
      out.output_fault = put(table.columns[0].text(0));
      return out;
    }
    out.output_fault = writer.add(std::move(table));
    if (out.output_fault)
      return out;
  }
  // Rows that came are shown, whatever became of the others.
  if (!out.fault || out.rows != 0)
    out.output_fault = writer.finish(!out.fault);
  return out;
}

int run(const query_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto asked = options.text;
  if (!options.has_text) {
    if (::isatty(STDIN_FILENO) == 1)
      fmt::print(stderr, "millrace: reads a query from standard input, until "
                         "ctrl-D\n");
    asked.assign(std::istreambuf_iterator<char>{std::cin}, {});
  }
  auto parameters = question_of(options.language, asked);
  if (!parameters)
    return fail(parameters.failure());
  if (options.at_least && !parameters->is_object())
    return fail({errc::invalid_argument, "the query is not a JSON object"});
  if (options.at_least)
    (*parameters)["at_least"] = *options.at_least;
  if (options.explain && parameters->is_object()) {
    const bool is_text = parameters->find("language") != nullptr;
    (*parameters)[is_text ? "explain" : "getquery"] = true;
  }
  const bool is_plan
    = options.explain || parameters->at("getquery").boolean().value_or(false);
  auto host
    = runtime::create(*config, {.env = {.io_threads = 1, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  const auto begin_ns = (*host)->env().clock->monotonic_ns();
  auto answer = ask(**host, *config, *std::move(parameters), options.timeout_s);
  if (!answer) {
    auto fault = answer.failure();
    if (options.language.empty() && fault.code != errc::timeout
        && looks_like_sql(asked))
      fault.context += "; SQL is asked by -l sql";
    return fail(fault);
  }
  const auto& cut = answer->cut();
  if (!cut.warnings.empty() && options.strict)
    return fail(
      {errc::bad_data, "the answer may lack rows: "
                         + fmt::format("{}", fmt::join(cut.warnings, "; "))});
  const auto done = print(options, is_plan, *answer);
  const auto took_ns = (*host)->env().clock->monotonic_ns() - begin_ns;
  if (done.output_fault)
    return fail_output(done.output_fault);
  for (const auto& warning : cut.warnings)
    fmt::print(stderr, "millrace: warning: rows may be missing: {}\n", warning);
  if (done.fault)
    return fail(done.fault);
  if (options.timing)
    fmt::print(stderr, "{} rows in {:.1f} ms\n", done.rows,
               static_cast<double>(took_ns) / 1e6);
  if (options.show_cut)
    fmt::print(stderr, "cut: manifest {} cutover {} upper {}\n",
               cut.manifest.value, cut.cutover.value, cut.upper.value);
  return exit_ok;
}

} // namespace

const command<query_options> query_command{
  {"query", "Ask the gateway",
   "millrace query 'select sum size by sym from trade' -o json "
   "--config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
