#include <millrace/actors/feed/generator.hpp>
#include <millrace/actors/feed/layout.hpp>
#include <millrace/actors/feed/reader.hpp>
#include <millrace/actors/feed/reject_file.hpp>
#include <millrace/nodes/feed_process.hpp>
#include <millrace/nodes/parse_date.hpp>

#include <deque>

namespace millrace::nodes {

namespace {

/// Files through a layout.
class file_source final : public torq::batch_source {
public:
  file_source(persistence::env& world, feed::reader_options options,
              std::string reject_path,
              std::shared_ptr<feed_process::counters> counters)
    : env_{&world},
      options_{std::move(options)},
      rejects_{*world.fs, std::move(reject_path)},
      counters_{std::move(counters)} {}

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
    return std::optional{std::move(batch->batch)};
  }

private:
  feed::generator_options options_;
  std::shared_ptr<feed_process::counters> counters_;
  std::optional<feed::generator> made_;
};

result<feed::layout> layout_of(persistence::env& world,
                               const cluster_config& config,
                               const std::string& name) {
  const auto named = config.layouts.find(name);
  return feed::load_layout(*world.fs,
                           named == config.layouts.end() ? name
                                                         : named->second);
}

result<std::shared_ptr<torq::batch_source>>
source_of(runtime& host, const cluster_config& config,
          const process_config& process, feed_process& out) {
  if (process.generator.on) {
    feed::generator_options options;
    options.seed = process.generator.seed;
    options.symbols = process.generator.symbol_count;
    options.trades_per_period = process.generator.trades_per_period;
    options.quotes_per_period = process.generator.quotes_per_period;
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
    auto date = parse_date(process.date);
    if (!date)
      return date.failure();
    options.date = static_cast<int32_t>(*date);
  }
  return std::shared_ptr<torq::batch_source>{std::make_shared<file_source>(
    host.env(), std::move(options), out.reject_path, out.read)};
}

} // namespace

result<feed_process> start_feed_process(runtime& host,
                                        const cluster_config& config,
                                        const process_config& process,
                                        feed_run run) {
  std::string table = process.table;
  if (process.generator.on)
    table = process.generator.trade_table.empty()
              ? process.generator.quote_table
              : process.generator.trade_table;
  const auto* target = config.table(table);
  if (target == nullptr)
    return error{errc::not_found, config.path + ": no [[table]] is named '"
                                    + table + "'"};
  feed_process out;
  out.read = std::make_shared<feed_process::counters>();
  out.progress = std::make_shared<torq::feed_progress>();
  torq::feed_settings settings;
  settings.process = process.name;
  settings.stream = target->stream;
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
  settings.schemas.push_back(target->schema);
  rt::publisher_options publisher;
  publisher.topic = settings.stream;
  publisher.log_path = config.data_directory + "/pub";
  publisher.host = process.name;
  const auto* stream = config.stream(settings.stream);
  publisher.cached = stream->mode == stream_mode::cached;
  publisher.roll_bytes = stream->roll_bytes;
  out.reject_path = run.reject_path.empty()
                      ? publisher.log_path + "/" + process.name + ".rejects.txt"
                      : run.reject_path;
  // Before the publisher: a missing file must not leave a directory behind.
  auto source = source_of(host, config, process, out);
  if (!source)
    return source.failure();
  auto opened = rt::publisher::open(host.env(), publisher);
  if (!opened)
    return opened.failure();
  out.out = *std::move(opened);
  out.handle = host.system().spawn(torq::feed_handler, &host.env(),
                                   std::move(settings), out.out,
                                   *std::move(source), host.connector());
  return out;
}

} // namespace millrace::nodes
