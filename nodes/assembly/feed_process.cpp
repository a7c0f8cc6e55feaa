#include <millrace/actors/torq/feed/feed_handler.hpp>
#include <millrace/feed/generate/generated_source.hpp>
#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/file_source.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

namespace millrace::nodes {

namespace {

result<feed::layout> layout_of(persistence::env& world,
                               const cluster_config& config,
                               const std::string& name) {
  const auto named = config.layouts.find(name);
  return feed::load_layout(
    *world.fs, named == config.layouts.end() ? name : named->second);
}

/// A generator makes columns of its own, in its own order: the tables must be
/// declared so.
error check_generated(const cluster_config& config,
                      const generator_config& from) {
  auto check = [&](const std::string& table, const table_schema& made) {
    if (table.empty() || config.table(table)->schema.columns == made.columns)
      return error{};
    std::string wanted;
    for (const auto& column : made.columns)
      text::add_to_list(wanted, column.name + ":"
                                  + std::string{to_string(column.type)});
    return error{errc::config, config.path + ": table '" + table
                                 + "' of a generator needs the columns "
                                 + wanted};
  };
  if (auto fault = check(from.trade_table, feed::generated_trade_schema()))
    return fault;
  return check(from.quote_table, feed::generated_quote_schema());
}

/// Tables that a feed fills, all of one stream.
result<std::vector<const table_config*>>
tables_of(const cluster_config& config, const process_config& process) {
  std::vector<std::string> names{process.table};
  if (process.generator.on) {
    names.clear();
    for (const auto& name :
         {process.generator.trade_table, process.generator.quote_table})
      if (!name.empty())
        names.push_back(name);
  }
  std::vector<const table_config*> out;
  for (const auto& name : names) {
    const auto table = configured_table(config, name);
    if (!table)
      return table.failure();
    if (!out.empty() && out.front()->stream != (*table)->stream)
      return error{errc::config, config.path + ": process '" + process.name
                                   + "' fills tables of two streams, '"
                                   + out.front()->stream + "' and '"
                                   + (*table)->stream + "'"};
    out.push_back(*table);
  }
  return out;
}

/// What a configured generator makes.
result<feed::generator_options> market_of(const cluster_config& config,
                                          const generator_config& from) {
  if (auto fault = check_generated(config, from))
    return fault;
  feed::generator_options out;
  out.seed = from.seed;
  out.symbols = from.symbol_count;
  out.periods = from.periods;
  out.trades_per_period = from.trade_table.empty() ? 0 : from.trades_per_period;
  if (!from.trade_table.empty())
    out.trade_table = from.trade_table;
  out.quotes_per_period = from.quote_table.empty() ? 0 : from.quotes_per_period;
  if (!from.quote_table.empty())
    out.quote_table = from.quote_table;
  return out;
}

/// Row time of one batch where rows are published at their times: what is due
/// within 20 ms goes together.
int64_t span_at(double speed) {
  constexpr double due_ns = 20e6;
  constexpr double day_ns = 86'400e9;
  return speed == 0
           ? 0
           : static_cast<int64_t>(std::clamp(due_ns * speed, 1.0, day_ns));
}

/// How the files of a process are read.
result<feed::reader_options> reading_of(persistence::env& world,
                                        const cluster_config& config,
                                        const process_config& process,
                                        const feed_run& run) {
  auto layout = layout_of(world, config, process.layout);
  if (!layout)
    return layout.failure();
  // What is said in vain would make another source of the same rows.
  if (!process.symbol.empty() && !feed::uses_symbol(*layout))
    return error{errc::invalid_argument,
                 process.layout + " has no {symbol}: a symbol ('"
                   + process.symbol + "') has no effect; leave it out"};
  if (process.date && !feed::uses_date(*layout))
    return error{errc::invalid_argument,
                 process.layout
                   + " reads times with their dates: a date has no effect; "
                     "leave it out"};
  feed::reader_options out;
  out.layout = *std::move(layout);
  out.schema = config.table(process.table)->schema;
  out.files = process.files;
  out.only_rejects = run.only_rejects;
  out.feed = process.name;
  out.choice = run.choice;
  out.again = run.again;
  out.go_on = run.go_on;
  out.symbol = process.symbol;
  out.threads = 2;
  out.limits.span_ns = span_at(process.speed);
  out.date = process.date;
  if (config.table(process.table)->stamp)
    out.now = [clock = world.clock] { return clock->now_ns(); };
  return out;
}

std::string reject_path_of(const cluster_config& config,
                           const process_config& process) {
  return config.log_path + "/" + process.name + ".rejects.txt";
}

using shared_source = std::shared_ptr<feed::batch_source>;

result<shared_source> source_of(process_host& host,
                                const process_config& process,
                                const std::string& reject_path, feed_run run) {
  if (process.generator.on) {
    auto market = market_of(host.config(), process.generator);
    if (!market)
      return market.failure();
    return shared_source{std::make_shared<feed::generated_source>(
      *std::move(market), std::move(run.read))};
  }
  return files_of(host.env(), host.config(), process, reject_path, run, false);
}

} // namespace

result<shared_source> files_of(persistence::env& world,
                               const cluster_config& config,
                               const process_config& process,
                               const std::string& reject_path,
                               const feed_run& run, bool named_by_text) {
  auto reading = reading_of(world, config, process, run);
  if (!reading)
    return reading.failure();
  reading->named_by_text = named_by_text;
  // What is loaded is of the past: it has no time of publishing.
  if (named_by_text)
    reading->now = nullptr;
  return shared_source{std::make_shared<feed::file_source>(
    world, *std::move(reading), reject_path, run.read)};
}

result<running_feed> start_feed_handler(process_host& host, feed_plan plan) {
  auto rt = endpoints_of_stream(host.config(), plan.stream);
  if (!rt)
    return rt.failure();
  const auto feed = plan.process;
  // Its cursor at RT says from where on.
  auto made = host.publish(plan.stream, {.name = std::move(plan.process),
                                         .resumes = true,
                                         .roll_bytes = plan.roll_bytes});
  if (!made)
    return made.failure();
  torq::feed_settings settings;
  settings.stream = std::move(plan.stream);
  settings.rt = *std::move(rt);
  settings.work = std::move(plan.work);
  settings.progress = std::move(plan.progress);
  settings.read = std::move(plan.read);
  settings.on_done = std::move(plan.on_done);
  settings.on_warning
    = [&host, feed](const std::string& id, const std::string& text) {
        host.tell({notice::severity::warning, "feed", feed, id, text});
      };
  auto handle = host.spawn(torq::feed_handler, &host.env(), std::move(settings),
                           made->out, std::move(plan.source), host.connector());
  return running_feed{std::move(handle), std::move(made->out),
                      std::move(made->replicators)};
}

result<feed_process> start_feed_process(process_host& host,
                                        const process_config& process,
                                        feed_run run) {
  const auto& config = host.config();
  auto tables = tables_of(config, process);
  if (!tables)
    return tables.failure();
  feed_process out;
  out.stream = tables->front()->stream;
  out.reject_path = run.reject_path.empty() ? reject_path_of(config, process)
                                            : run.reject_path;
  feed_plan plan;
  plan.process = process.name;
  plan.stream = out.stream;
  for (const auto* table : *tables)
    plan.work.schemas.push_back(table->schema);
  plan.work.speed = {process.speed};
  plan.work.again = run.again;
  plan.on_done = std::move(run.on_done);
  out.progress = plan.progress;
  // Before the publisher: a missing layout must not leave a directory behind.
  out.read = plan.read = run.read;
  auto source = source_of(host, process, out.reject_path, std::move(run));
  if (!source)
    return source.failure();
  plan.source = *std::move(source);
  auto feed = start_feed_handler(host, std::move(plan));
  if (!feed)
    return feed.failure();
  out.feed = *std::move(feed);
  return out;
}

result<feed_check> check_feed(persistence::env& world,
                              const cluster_config& config,
                              const process_config& process, feed_run run,
                              const std::function<bool()>& interrupted) {
  if (auto tables = tables_of(config, process); !tables)
    return tables.failure();
  auto reading = reading_of(world, config, process, run);
  if (!reading)
    return reading.failure();
  feed_check out;
  out.read = run.read;
  feed::file_source files{world, *std::move(reading), run.reject_path,
                          std::move(run.read), false};
  if (auto fault = files.open({}))
    return fault;
  while (!interrupted()) {
    auto batch = files.next();
    if (!batch)
      out.fault = batch.failure();
    if (!batch || (!*batch && !files.waiting()))
      break;
    if (!*batch)
      continue;
    out.rows += (*batch)->rows;
    if (out.first_time == null_long)
      out.first_time = (*batch)->first_time;
    if ((*batch)->last_time != null_long)
      out.last_time = (*batch)->last_time;
  }
  if (auto fault = files.close())
    return fault;
  return out;
}

namespace {

/// Tells a node's log what became of the files.
void tell_end(process_host& host, const process_config& process,
              const error& fault, const feed::batch_source_counters& read) {
  const auto& name = process.name;
  if (fault)
    host.tell(
      {notice::severity::error, "feed", name, "failed", to_string(fault)});
  for (const auto& each : read.reports()) {
    if (each.rejects != 0)
      host.tell({notice::severity::warning, "feed", name, "rejected_lines",
                 each.source + ": " + std::to_string(each.rejects)
                   + " lines gave no row and stand in "
                   + reject_path_of(host.config(), process) + "; the first is "
                   + each.first_reject});
    if (each.skipped_rows != 0)
      host.tell({notice::severity::warning, "feed", name, "passed_over",
                 each.source + ": " + std::to_string(each.skipped_rows)
                   + " lines that begin as comments or a trailer of the layout "
                     "do have as many fields as rows"});
    if (each.headers != 0)
      host.tell({notice::severity::warning, "feed", name, "passed_over",
                 each.source + ": " + std::to_string(each.headers)
                   + " lines are the header again, and give no row"});
    if (each.in_quotes != 0)
      host.tell({notice::severity::warning, "feed", name, "in_quotes",
                 each.source + ": " + std::to_string(each.in_quotes)
                   + " texts stand in quotes, which are taken as part of them: "
                     "a layout with quote = true takes them off"});
    for (const auto& member : each.left_out)
      host.tell({notice::severity::warning, "feed", name, "not_read",
                 member + " of the archive of " + each.source
                   + ": a name that begins with a dot is hidden"});
  }
}

} // namespace

result<hosted_process> start_feed(process_host& host,
                                  const process_config& process) {
  feed_run run;
  run.on_done = [&host, process, read = run.read](const error& fault) {
    tell_end(host, process, fault, *read);
  };
  auto made = start_feed_process(host, process, std::move(run));
  if (!made)
    return made.failure();
  const auto filled = tables_of(host.config(), process);
  if (!filled)
    return filled.failure();
  hosted_process out{caf::actor_cast<caf::strong_actor_ptr>(made->feed.handle),
                     feed_attributes(*filled),
                     {}};
  // They hold the publisher: a next life opens it anew.
  for (const auto& each : made->feed.replicators)
    out.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(each));
  return out;
}

} // namespace millrace::nodes
