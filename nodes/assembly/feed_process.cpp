#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/reject_file.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/nodes/assembly/roles.hpp>

#include <nlohmann/json.hpp>

#include <deque>

namespace millrace::nodes {

namespace {

/// Files through a layout.
class file_source final : public torq::batch_source {
public:
  file_source(persistence::env& world, feed::reader_options options,
              std::string reject_path,
              std::shared_ptr<feed_process::counters> counters)
    : env_{&world}, options_{std::move(options)},
      rejects_{*world.fs, std::move(reject_path)}, counters_{
                                                     std::move(counters)} {}

  error open(const std::vector<source_cursor>& published) override {
    options_.resume = published;
    options_.rejects = rejects_.sink();
    options_.progress = [this](const feed::reader_counters& now) {
      counters_->bytes = now.bytes;
      counters_->total_bytes = now.total_bytes;
      counters_->rejects = now.rejects;
      counters_->backwards = now.backwards;
    };
    auto reader = feed::reader::open(*env_, options_);
    if (!reader)
      return reader.failure();
    reader_.emplace(*std::move(reader));
    return {};
  }

  result<std::optional<feed::parsed_batch>> next() override {
    return reader_->next();
  }

  error close() override {
    const auto& last = reader_->counters();
    counters_->bytes = last.bytes;
    counters_->total_bytes = last.total_bytes;
    counters_->rejects = last.rejects;
    counters_->backwards = last.backwards;
    counters_->resumed = last.resumed_sources;
    return rejects_.flush();
  }

private:
  persistence::env* env_;
  feed::reader_options options_;
  feed::reject_file rejects_;
  std::shared_ptr<feed_process::counters> counters_;
  std::optional<feed::reader> reader_;
};

/// An imagined market.
class generated_source final : public torq::batch_source {
public:
  generated_source(feed::generator_options options,
                   std::shared_ptr<feed_process::counters> counters)
    : options_{std::move(options)}, counters_{std::move(counters)} {}

  error open(const std::vector<source_cursor>& published) override {
    auto made = feed::generator::open(options_, published);
    if (!made)
      return made.failure();
    made_.emplace(*std::move(made));
    counters_->total_bytes = made_->rows_total();
    return {};
  }

  result<std::optional<feed::parsed_batch>> next() override {
    auto batch = made_->next();
    counters_->bytes = made_->rows();
    if (!batch)
      return std::optional<feed::parsed_batch>{};
    if (batch->date != date_ && batch->date_before != null_int)
      over_ = batch->date_before;
    date_ = batch->date;
    return std::optional{std::move(batch->batch)};
  }

  std::optional<int64_t> period_over() override {
    return std::exchange(over_, std::nullopt);
  }

private:
  feed::generator_options options_;
  int32_t date_ = null_int;
  std::optional<int64_t> over_;
  std::shared_ptr<feed_process::counters> counters_;
  std::optional<feed::generator> made_;
};

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
      wanted += (wanted.empty() ? "" : ", ") + column.name + ":"
                + std::string{to_string(column.type)};
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
    const auto* table = config.table(name);
    if (table == nullptr)
      return error{errc::not_found,
                   config.path + ": no [[table]] is named '" + name + "'"};
    if (!out.empty() && out.front()->stream != table->stream)
      return error{errc::config, config.path + ": process '" + process.name
                                   + "' fills tables of two streams, '"
                                   + out.front()->stream + "' and '"
                                   + table->stream + "'"};
    out.push_back(table);
  }
  return out;
}

result<std::shared_ptr<torq::batch_source>>
source_of(process_host& host, const process_config& process,
          std::optional<uint32_t> generated_periods, feed_process& out) {
  const auto& config = host.config();
  if (process.generator.on) {
    feed::generator_options options;
    options.seed = process.generator.seed;
    options.symbols = process.generator.symbol_count;
    const auto& from = process.generator;
    options.periods = generated_periods.value_or(from.periods);
    if (from.trade_table.empty())
      options.trades_per_period = 0;
    else {
      options.trades_per_period = from.trades_per_period;
      options.trade_table = from.trade_table;
    }
    if (from.quote_table.empty())
      options.quotes_per_period = 0;
    else {
      options.quotes_per_period = from.quotes_per_period;
      options.quote_table = from.quote_table;
    }
    if (auto fault = check_generated(config, from))
      return fault;
    return std::shared_ptr<torq::batch_source>{
      std::make_shared<generated_source>(options, out.read)};
  }
  auto layout = layout_of(host.env(), config, process.layout);
  if (!layout)
    return layout.failure();
  feed::reader_options options;
  options.layout = *std::move(layout);
  options.schema = config.table(process.table)->schema;
  options.files = process.files;
  options.symbol = process.symbol;
  options.threads = 2;
  if (!process.date.empty()) {
    auto date = text::parse_date(process.date);
    if (!date)
      return date.failure();
    options.date = *date;
  }
  return std::shared_ptr<torq::batch_source>{std::make_shared<file_source>(
    host.env(), std::move(options), out.reject_path, out.read)};
}

} // namespace

result<feed_process> start_feed_process(process_host& host,
                                        const process_config& process,
                                        feed_run run) {
  const auto& config = host.config();
  auto tables = tables_of(config, process);
  if (!tables)
    return tables.failure();
  feed_process out;
  out.read = std::make_shared<feed_process::counters>();
  out.progress = std::make_shared<torq::feed_progress>();
  torq::feed_settings settings;
  settings.process = process.name;
  settings.stream = tables->front()->stream;
  out.stream = settings.stream;
  settings.again = run.again;
  settings.on_done = std::move(run.on_done);
  settings.progress = out.progress;
  auto speed = feed::parse_speed(process.speed);
  if (!speed)
    return speed.failure();
  settings.speed = *speed;
  auto rt = endpoint_of_stream(config, settings.stream);
  if (!rt)
    return rt.failure();
  settings.rt = *rt;
  for (const auto* table : *tables)
    settings.schemas.push_back(table->schema);
  auto publisher = publisher_options_of(config, out.stream, process.name);
  if (!publisher)
    return publisher.failure();
  out.reject_path = run.reject_path.empty() ? publisher->log_path + "/"
                                                + process.name + ".rejects.txt"
                                            : run.reject_path;
  // Before the publisher: a missing file must not leave a directory behind.
  auto source = source_of(host, process, run.generated_periods, out);
  if (!source)
    return source.failure();
  auto opened = rt::publisher::open(host.env(), *publisher);
  if (!opened)
    return opened.failure();
  out.out = *std::move(opened);
  out.handle = host.spawn(torq::feed_handler, &host.env(), std::move(settings),
                          out.out, *std::move(source), host.connector());
  return out;
}

result<hosted_process> start_feed(process_host& host,
                                  const process_config& process) {
  feed_run run;
  run.on_done = [&host, name = process.name](const error& fault) {
    if (fault)
      host.tell(
        {notice::severity::error, "feed", name, "failed", to_string(fault)});
  };
  auto made = start_feed_process(host, process, std::move(run));
  if (!made)
    return made.failure();
  const nlohmann::json attributes{{"table", process.table}};
  return hosted_process{caf::actor_cast<caf::strong_actor_ptr>(made->handle),
                        attributes.dump(),
                        {}};
}

} // namespace millrace::nodes
