#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/lacking.hpp>
#include <millrace/nodes/cli/eop.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/end_period.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/host/data_owner.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

namespace millrace::nodes {

namespace {

using text::json_value;

void declare(option_list& list, eop_options& into) {
  declare_config(list, into.config);
  list
    .read(
      "--period",
      [&into](const std::string& text) {
        const auto days = text::parse_date(text);
        if (!days)
          return days.failure();
        into.period = period_id{*days};
        return error{};
      },
      "The date that ends")
    .required()
    .shown_as("YYYY-MM-DD");
  list.flag("--force", into.force,
            "Also a period that clock and data have not reached");
  list.flag("--accept-rejects", into.accept_rejects,
            "Write the period down without the batches that are set aside");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until the period must be served; default: 300");
  declare_output(list, into.output);
}

/// "; late: 2013-10-07 1 2013-10-06 4"; what is beyond some dates is summed up.
std::string
dates_text(const char* what,
           const std::vector<std::pair<period_id, uint64_t>>& dates) {
  constexpr size_t shown_max = 8;
  std::string out;
  uint64_t others = 0;
  for (size_t i = 0; i < dates.size(); ++i)
    if (i < shown_max)
      out += fmt::format(" {} {}", text::date_text(dates[i].first.value),
                         dates[i].second);
    else
      others += dates[i].second;
  if (dates.size() > shown_max)
    out += fmt::format(" and {} of {} other dates ('-o json' has all)", others,
                       dates.size() - shown_max);
  return out.empty() ? out : "; " + std::string{what} + ":" + out;
}

/// "trade: 3 rows; late: 2013-10-07 1; early: 2013-10-09 1"
void print_rows(const std::string& table,
                const std::map<period_id, uint64_t>& dates, period_id period) {
  uint64_t total = 0;
  std::vector<std::pair<period_id, uint64_t>> late;
  std::vector<std::pair<period_id, uint64_t>> early;
  for (const auto& [date, rows] : dates) {
    total += rows;
    if (date != period)
      (date < period ? late : early).emplace_back(date, rows);
  }
  fmt::print("  {}: {} rows{}{}\n", table, total, dates_text("late", late),
             dates_text("early", early));
}

void print_written(const written_period& what, period_id period) {
  const auto& report = what.report;
  if (report.version != manifest_version{}) {
    fmt::print("  {}: written, manifest {}{}\n", what.rdb, report.version.value,
               report.served ? ", served by the hdb" : "");
    for (const auto& [table, dates] : report.rows)
      print_rows(table, dates, period);
  }
  for (const auto& [table, rows] : what.waiting)
    fmt::print("  {}: {} rows of this date came later; {} holds them until the "
               "next period ends, which writes them\n",
               table, rows, what.rdb);
  if (what.waiting_unknown)
    fmt::print("  {}: whether rows of this date came later is not known: {}\n",
               what.rdb, what.waiting_unknown.context);
  if (report.rejected_batches != 0)
    fmt::print("  {}: {} batches are set aside ('millrace rejects' lists them) "
               "and are not in it\n",
               what.rdb, report.rejected_batches);
  if (report.losses != 0)
    fmt::print("  {}: {} {} of the stream while the period went on{}{}\n",
               what.rdb, report.losses, report.losses == 1 ? "loss" : "losses",
               report.losses == 1 ? ": " : ", the last: ", report.last_loss);
  if (!what.lost_meanwhile.empty())
    fmt::print("  {}: it lost something while the period ended: {}\n", what.rdb,
               what.lost_meanwhile);
  fmt::print("{}", lacking_lines(report.lacks, "  " + what.rdb + ": ",
                                 report.version != manifest_version{}));
  if (report.unheld_batches != 0)
    fmt::print("  {}: {} batches are of tables that no rdb holds, and are "
               "stored nowhere\n",
               what.rdb, report.unheld_batches);
  flush_output();
}

json_value json_of(const written_period& what) {
  const auto& report = what.report;
  auto rows = json_value::object();
  for (const auto& [table, dates] : report.rows) {
    auto& by_date = rows.add(table, json_value::object());
    for (const auto& [date, count] : dates)
      by_date.add(text::date_text(date.value), count);
  }
  json_value out{{"rdb", what.rdb},
                 {"manifest", report.version.value},
                 {"served", report.served},
                 {"rows", std::move(rows)},
                 {"rejected_batches", report.rejected_batches},
                 {"losses", report.losses},
                 {"last_loss", report.last_loss},
                 {"unheld_batches", report.unheld_batches}};
  add_lacks(out, report.lacks);
  if (!what.waiting.empty())
    out.add("came_later", what.waiting);
  if (what.waiting_unknown)
    out.add("came_later_unknown", to_string(what.waiting_unknown));
  if (!what.lost_meanwhile.empty())
    out.add("lost_meanwhile", what.lost_meanwhile);
  if (what.fault)
    out.add("failure", failure_value(what.fault));
  return out;
}

int code_of(const written_period& what) {
  if (what.fault) {
    const auto code = fail(what.fault);
    return what.report.held ? static_cast<int>(exit_negative) : code;
  }
  if (what.report.losses != 0 || what.report.unheld_batches != 0
      || !what.lost_meanwhile.empty())
    return exit_negative;
  if (const auto code = exit_code_of(what.report.lacks); code != exit_ok)
    return code;
  return what.waiting_unknown ? exit_retry : exit_ok;
}

/// Who may have what a writer lost, and does not write it down.
void tell_replicas(const cluster_config& config, const std::string& stream,
                   const ended_period& ended) {
  if (std::none_of(ended.written.begin(), ended.written.end(),
                   [](const auto& each) {
                     return each.report.losses != 0
                            && each.report.version != manifest_version{};
                   }))
    return;
  for (const auto& each : config.processes)
    if (each.type == process_type::rdb && !each.write_down
        && config.stream_of(each) == stream)
      fmt::print("  {}: does not write down, and may have what was lost: its "
                 "log says so ('let_go'); its rows of the period are in no "
                 "answer now, and go some seconds after query_timeout\n",
                 each.name);
}

/// Publishers that did not mark the end of the period.
int tell_absent(const ended_period& ended, json_value* row) {
  const auto& unknown = ended.absent_unknown;
  if (row != nullptr) {
    if (unknown) {
      row->add("absent", {});
      row->add("absent_unknown", to_string(unknown));
    } else {
      row->add("absent", json_value::array());
    }
    for (const auto& origin : ended.absent)
      (*row)["absent"].add(origin);
  } else if (unknown) {
    fmt::print("  which publishers did not mark its end in time is not known{}:"
               " {}\n",
               unknown.code == errc::not_found ? " any more" : "",
               unknown.context);
  }
  if (row == nullptr)
    for (const auto& origin : ended.absent)
      fmt::print("  publisher {} did not mark its end in time: what it still "
                 "publishes counts to the next period\n",
                 origin);
  if (!ended.absent.empty())
    return exit_negative;
  if (!unknown || unknown.code == errc::not_found)
    return exit_ok;
  fmt::print(stderr,
             "millrace: the period ended; ask again which publishers did not "
             "mark its end\n");
  return exit_retry;
}

int end_stream(runtime& host, const cluster_config& config,
               const std::string& stream, const end_request& what,
               json_value* told) {
  const auto ended = end_period(host, config, stream, what);
  if (!ended) {
    const auto code = fail(ended.failure());
    if (told != nullptr)
      told->add(
        {{"stream", stream}, {"failure", failure_value(ended.failure())}});
    return ended.failure().code == errc::already_exists
             ? static_cast<int>(exit_negative)
             : code;
  }
  const bool carries
    = std::any_of(config.tables.begin(), config.tables.end(),
                  [&](const auto& table) { return table.stream == stream; });
  json_value row{{"stream", stream},
                 {"period", text::date_text(what.period.value)},
                 {"ended_before", ended->before},
                 {"end", ended->end.value},
                 {"written", json_value::array()}};
  if (told == nullptr) {
    fmt::print("stream {}: {} {}{}\n", stream, to_string(what.period),
               ended->before ? "had ended before" : "ended",
               ended->end == position{} ? "" : " at " + to_string(ended->end));
    if (!carries)
      fmt::print("  it carries no table: there is nothing to write down\n");
  }
  int code = tell_absent(*ended, told == nullptr ? nullptr : &row);
  if (carries && ended->written.empty()) {
    fmt::print(stderr,
               "millrace: stream {}: no rdb writes its tables down: the rows "
               "of the period are in no hdb\n",
               stream);
    code = exit_negative;
  }
  for (const auto& each : ended->written) {
    if (told == nullptr)
      print_written(each, what.period);
    else
      row["written"].add(json_of(each));
    if (const auto one = code_of(each); one != exit_ok)
      code = one;
  }
  if (told != nullptr)
    told->add(std::move(row));
  else
    tell_replicas(config, stream, *ended);
  return code;
}

/// Kept for each stream after the one that is waited for: a fourth of the
/// whole time, at most so much.
constexpr std::chrono::milliseconds kept_time_max{10'000};

int run(const eop_options& options) {
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  // Nothing would be written down.
  if (const auto fault
      = owns_data(*config) ? check_data_owner(*config) : error{})
    return fail(fault);
  auto host = small_runtime(*config);
  if (!host)
    return fail(host.failure());
  const countdown time{*(*host)->env().clock,
                       std::chrono::seconds{options.timeout_s}};
  end_request what{options.period, options.force, options.accept_rejects,
                   std::chrono::seconds{options.timeout_s},
                   [](const std::string& text) {
                     fmt::print(stderr, "millrace: {}; waits\n", text);
                     std::fflush(stderr);
                   }};
  auto told = json_value::array();
  int code = exit_ok;
  const auto kept_time = std::min(
    kept_time_max, std::chrono::milliseconds{options.timeout_s * 1000 / 4});
  auto later = static_cast<int64_t>(config->streams.size());
  for (const auto& stream : config->streams) {
    if (!stream.publisher.empty()) {
      --later;
      continue; // It has no periods.
    }
    // They share the time; one that comes last is ended all the same.
    what.deadline = std::max(std::chrono::seconds{1},
                             std::chrono::round<std::chrono::seconds>(
                               time.left() - kept_time * --later));
    if (const auto one
        = end_stream(**host, *config, stream.name, what,
                     options.output == output_format::json ? &told : nullptr);
        one != exit_ok)
      code = one;
  }
  if (options.output == output_format::json)
    fmt::print("{}\n", told.dump(2));
  return code;
}

} // namespace

const command<eop_options> eop_command{
  {"eop", "End a period and wait until its rows are served",
   "millrace eop --period 2024-01-02 --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
