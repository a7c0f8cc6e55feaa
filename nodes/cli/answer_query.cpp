#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/cli/answer_query.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/parquet_answer.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Rounded up.
int64_t seconds_of(std::chrono::milliseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

/// Says what is waited for, when that is not there at once.
result<gateway_actor> seek_gateway(runtime& host, const cluster_config& config,
                                   std::chrono::milliseconds deadline) {
  constexpr std::chrono::milliseconds at_once = 500ms;
  auto found = find_gateway(host, config, std::min(deadline, at_once));
  if (found || is_refusal(found.failure().code) || deadline <= at_once)
    return found;
  fmt::print(stderr, "millrace: waits up to {} s for a gateway: {}\n",
             seconds_of(deadline - at_once), found.failure().context);
  std::fflush(stderr);
  return find_gateway(host, config, deadline - at_once);
}

/// Says whom an answer waits for, if it is one that is away.
void tell_wait(runtime& host, const gateway_actor& gateway,
               std::chrono::milliseconds left) {
  const auto away = backends_away(host, gateway);
  // What ends now says itself whom it waited for.
  if (away.empty() || left < 1s)
    return;
  fmt::print(stderr,
             "millrace: waits up to {} s for {}: 'millrace status' shows why, "
             "'millrace up' and 'millrace spawn' start what does not run\n",
             seconds_of(left), fmt::join(away, ", "));
  std::fflush(stderr);
}

/// Asks a gateway, and another one, or the same in its next life, when that is
/// lost before it began to answer. The gateway keeps the deadline too, and says
/// what it waited for.
result<answer_reader> ask(runtime& host, const cluster_config& config,
                          text::json_value parameters, int timeout_s,
                          const std::function<bool()>& interrupted) {
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
    auto answer = answer_reader::ask(
      host, *gateway, parameters.dump(), milliseconds{left_ms} + 1s,
      {[&] { tell_wait(host, *gateway, time.left()); }, interrupted});
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

/// How others ask what tables there are.
bool asks_for_tables(std::string_view asked) {
  const auto begin = std::min(asked.find_first_not_of(" \t\r\n"), asked.size());
  const auto end
    = std::min(asked.find_first_of(" \t\r\n;", begin), asked.size());
  const auto word = text::lower_case(asked.substr(begin, end - begin));
  static const std::set<std::string_view> words{
    "show", "describe", "desc", "tables", "help", "\\d", "\\dt", "\\a", "\\l"};
  return words.contains(word);
}

/// What may have been meant by a query that failed.
std::string hint_of(const query_options& options, std::string_view asked,
                    bool is_prompt) {
  if (asks_for_tables(asked))
    return is_prompt ? "; \\d lists the tables, \\d NAME the columns of one"
                     : "; 'millrace tables' lists the tables, 'millrace tables "
                       "NAME' the columns of one";
  if (options.language.empty() && looks_like_sql(asked))
    return is_prompt ? "; \\l sql asks in SQL" : "; SQL is asked by -l sql";
  return {};
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

error put(std::string_view piece, std::FILE* into) {
  if (std::fwrite(piece.data(), 1, piece.size(), into) != piece.size())
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
printed print(const query_options& options, bool is_plan, answer_reader& answer,
              std::FILE* into) {
  printed out;
  const auto write = [into](std::string_view text) { return put(text, into); };
  parquet_answer file{write};
  query::result_writer writer{
    options.output.value_or(query::result_format::table), write};
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
                         && table.columns.size() == 1
                         && table.columns[0].type == column_type::string;
    if (is_text) {
      for (uint64_t row = 0; row < table.row_count && !out.output_fault; ++row)
        out.output_fault
          = put(std::string{table.columns[0].text(row)} + '\n', into);
      return out;
    }
    out.output_fault
      = options.output ? writer.add(std::move(table)) : file.add(table);
    if (out.output_fault)
      return out;
  }
  // Rows that came are shown, whatever became of the others.
  if (!out.fault || out.rows != 0)
    out.output_fault
      = options.output ? writer.finish(!out.fault) : file.finish(!out.fault);
  return out;
}

/// Clients of kdb+ get a fault with q's short word for its kind, or the name of
/// TorQ's check, before the sentence; people get the sentence.
error in_plain_words(error fault) {
  static const std::set<std::string_view> kinds{"parse",
                                                "nyi",
                                                "type",
                                                "length",
                                                "rank",
                                                "domain",
                                                "limit",
                                                "mismatch",
                                                "aggtimebar",
                                                "allowedops",
                                                "badorder",
                                                "checkaggregationparameter",
                                                "checkcolumns",
                                                "checkeachpair",
                                                "checkorderingarrangment",
                                                "checkorderingdirection",
                                                "checkorderingpair",
                                                "checkrequiredparams",
                                                "checktimebarcolumn",
                                                "checktimeorder",
                                                "checkwords",
                                                "equalities",
                                                "filternot",
                                                "filtervalue",
                                                "firsttimebar",
                                                "inequalities",
                                                "isdictionary",
                                                "renameinput",
                                                "renamekey",
                                                "secondtimebar",
                                                "smalltimebar",
                                                "thirdtimebar",
                                                "timebarlength",
                                                "timebarorigin",
                                                "timebarsize",
                                                "undefinedaggs",
                                                "withincheck",
                                                "agglength",
                                                "allowednot",
                                                "checkinstrumentcolumn",
                                                "checklimits",
                                                "checkparamnames",
                                                "checkrepeatparams",
                                                "checktimecolumn",
                                                "checktype",
                                                "distinctagg",
                                                "filterpair",
                                                "orderingnocolumn",
                                                "orderingvague",
                                                "singleaggtimebar"};
  const auto end = fault.context.find(": ");
  if (end != std::string::npos
      && kinds.contains(std::string_view{fault.context}.substr(0, end)))
    fault.context.erase(0, end + 2);
  return fault;
}

} // namespace

int answer_query(runtime& host, const cluster_config& config,
                 const query_options& options, const std::string& asked,
                 const answer_place& place) {
  auto parameters = question_of(options.language, asked);
  if (!parameters)
    return fail(parameters.failure());
  if ((options.at_least || options.as_of || !options.priority.empty())
      && !parameters->is_object())
    return fail({errc::invalid_argument, "the query is not a JSON object"});
  if (options.as_of)
    (*parameters)["as_of"] = *options.as_of;
  if (!options.priority.empty())
    (*parameters)["priority"] = options.priority;
  if (options.at_least)
    (*parameters)["at_least"] = *options.at_least;
  if (parameters->is_object()) {
    const bool is_text = parameters->find("language") != nullptr;
    if (options.explain)
      (*parameters)[is_text ? "explain" : "getquery"] = true;
    else if (options.analyze && is_text)
      (*parameters)["analyze"] = true;
    else if (options.analyze)
      (*parameters)["getquery"] = "analyze";
  }
  const auto& getquery = parameters->at("getquery");
  const bool is_plan = options.explain || options.analyze
                       || getquery.boolean().value_or(false)
                       || getquery.text_or_empty() == "analyze";
  const auto begin_ns = host.env().clock->monotonic_ns();
  auto answer = ask(host, config, *std::move(parameters), options.timeout_s,
                    place.interrupted);
  if (!answer) {
    auto fault = in_plain_words(answer.failure());
    if (fault.code != errc::timeout)
      fault.context += hint_of(options, asked, place.is_prompt);
    return fail(fault);
  }
  const auto& cut = answer->cut();
  if (!cut.warnings.empty() && options.strict)
    return fail(
      {errc::bad_data, "the answer may lack rows: "
                         + fmt::format("{}", fmt::join(cut.warnings, "; "))});
  const auto done = print(options, is_plan, *answer, place.into);
  const auto took_ns = host.env().clock->monotonic_ns() - begin_ns;
  if (done.output_fault)
    return fail_output(done.output_fault);
  for (const auto& warning : cut.warnings)
    fmt::print(stderr, "millrace: warning: rows may be missing: {}\n", warning);
  if (done.fault)
    return fail(in_plain_words(done.fault));
  if (options.timing)
    fmt::print(stderr, "{} rows in {:.1f} ms\n{}", done.rows,
               static_cast<double>(took_ns) / 1e6,
               lines_of(answer->statistics()));
  if (options.show_cut)
    fmt::print(stderr, "cut: manifest {} cutover {} upper {}\n",
               cut.manifest.value, cut.cutover.value, cut.upper.value);
  return exit_ok;
}

} // namespace millrace::nodes
