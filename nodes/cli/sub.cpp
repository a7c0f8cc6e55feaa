#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/places_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/message_writer.hpp>
#include <millrace/nodes/cli/sub.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr uint64_t no_end = ~uint64_t{0};

error take_place(const std::string& text, std::optional<start_spec>& into) {
  auto place = parse_place(text);
  if (!place)
    return place.failure();
  into = *place;
  return {};
}

/// Where a read begins: that of rows of some time on must look at all, and a
/// durable consumer (none) goes on where it was.
std::optional<start_spec> begin_of(const sub_options& options) {
  if (!options.consumer.empty())
    return options.from;
  start_spec begin;
  begin.kind = options.row_time_ns ? start_spec::begin : start_spec::end;
  return options.from.value_or(begin);
}

/// What callbacks and the thread that waits tell each other.
struct ending {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  error fault;
  /// Messages that begin there or later are not wanted.
  std::atomic<uint64_t> until{no_end};
  std::atomic<uint64_t> batches{0}; ///< That came.

  void set(const error& why) {
    const std::scoped_lock lock{mutex};
    if (!done)
      fault = why;
    done = true;
    changed.notify_all();
  }
};

/// When it is looked first who orders the stream, and then how often.
constexpr int64_t say_after_ns = 1'500'000'000;
constexpr int64_t look_interval_ns = 10'000'000'000;

/// Where a stream begins, and ends now.
result<stream_bounds> bounds_of(runtime& host, const sub_options& options) {
  const auto nodes = places_of_stream(host.config(), options.stream,
                                      stream_use::subscribe, options.at);
  if (!nodes)
    return nodes.failure();
  return bounds_of_stream(host, options.stream, *nodes);
}

/// One reading of a stream: from a place, until what was asked for is printed.
class reading {
public:
  reading(const sub_options& options, runtime& host, const interrupts& signals,
          std::string time_column)
    : options_{&options}, host_{&host}, signals_{&signals},
      output_{std::make_shared<stoppable_output>(signals)},
      writer_{std::make_shared<message_writer>(options, std::move(time_column),
                                               output_)} {}

  /// Returns when it is over. A signal is none of its failures.
  error run(const std::optional<start_spec>& from, uint64_t until) {
    end_->until = until;
    started_ns_ = now();
    look_ns_ = first_look_ns_ = started_ns_ + say_after_ns;
    auto running = host_->subscribe(options_->stream, handlers(from),
                                    {.start = from,
                                     .consumer = options_->consumer,
                                     .control = control_,
                                     .at = options_->at});
    if (!running)
      return running.failure();
    wait(running->subscriber);
    // A callback may wait for a pipe that nobody reads.
    const bool in_time = over();
    if (!in_time)
      output_->stop();
    control_->unsubscribe();
    auto unknown = leave(running->subscriber);
    if (!in_time && end_->fault.code == errc::cancelled)
      end_->fault = {}; // It was to end then, whether anybody reads or not.
    if (!end_->fault && !signals_->raised())
      return unknown;
    if (unknown && end_->fault.code != errc::fenced)
      fmt::print(stderr, "millrace: {}\n", unknown.context);
    return end_->fault;
  }
  /// Messages or rows that would be the last.
  [[nodiscard]] size_t kept() const noexcept { return writer_->kept(); }
  [[nodiscard]] error finish() { return writer_->finish(); }

private:
  [[nodiscard]] bool over() const {
    const std::scoped_lock lock{end_->mutex};
    return end_->done;
  }
  [[nodiscard]] int64_t now() const {
    return host_->env().clock->monotonic_ns();
  }

  rt::subscription_handlers handlers(const std::optional<start_spec>& from);
  void wait(const subscriber_actor& at);
  [[nodiscard]] error leave(const subscriber_actor& at) const;
  void look_for_end(const subscriber_actor& at);
  void look_for_order();

  const sub_options* options_;
  runtime* host_;
  const interrupts* signals_;
  std::shared_ptr<stoppable_output> output_;
  std::shared_ptr<message_writer> writer_;
  std::shared_ptr<rt::subscription> control_
    = std::make_shared<rt::subscription>(options_->stream);
  std::shared_ptr<ending> end_ = std::make_shared<ending>();
  int64_t started_ns_ = 0;
  bool told_unknown_ = false;
  int64_t first_look_ns_ = 0;
  int64_t look_ns_ = 0;         ///< When it is looked who orders the stream.
  uint64_t batches_before_ = 0; ///< When it was looked last.
  std::string unordered_;       ///< Why nobody did, as it was told.
};

constexpr const char* position_hint
  = "; a number is a position, a time is written as 2024-01-02";

/// A place that the stream has not reached: one cannot tell a mistake from a
/// wish to wait, and a year is a number too.
error beyond_end(const stream_event& event, const std::string& stream) {
  return {errc::ahead, "stream '" + stream + "' does not reach position "
                         + std::to_string(event.from.value) + " (" + event.cause
                         + ")" + position_hint};
}

rt::subscription_handlers
reading::handlers(const std::optional<start_spec>& from) {
  rt::subscription_handlers on;
  auto stop = [control = control_, end = end_](const error& why) {
    end->set(why);
    control->unsubscribe();
  };
  // What is printed is needed no more; what follows it is.
  auto passed = std::make_shared<position>();
  auto flush = [out = writer_, control = control_, passed] {
    auto fault = out->flush();
    if (!fault && *passed != position{})
      control->needs_from(*passed);
    return fault;
  };
  on.on_message
    = [out = writer_, end = end_, stop, options = options_, flush, passed,
       printed = uint64_t{0}](const rt::message& message, position at) mutable {
        if (message.begin.value >= end->until)
          return stop(flush());
        if (options->until && options->until->kind == start_spec::at_time
            && message.header.ts >= options->until->time_ns)
          return stop(flush());
        auto wrote = out->write(message, at);
        if (!wrote)
          return stop(wrote.failure());
        *passed = at;
        if ((*wrote && ++printed == options->count)
            || (options->rows != 0 && out->rows() == options->rows))
          stop(flush());
      };
  const bool at_position = from && from->kind == start_spec::at_position;
  on.on_event = [out = writer_, stop, at_position,
                 topic = options_->stream](const stream_event& event) {
    if (event.kind == event_kind::ahead && at_position)
      return stop(beyond_end(event, topic));
    auto fault = out->write(event, topic);
    if (!fault)
      fault = out->flush();
    if (fault)
      stop(fault);
  };
  on.on_period = [out = writer_, stop](period_id period, position at) {
    auto fault = out->write_period(period, at);
    if (!fault)
      fault = out->flush();
    if (fault)
      stop(fault);
  };
  on.on_batch_end = [stop, flush, passed, end = end_](position reached) {
    *passed = reached;
    ++end->batches;
    if (auto fault = flush())
      stop(fault);
  };
  on.on_failure = [end = end_](const error& why) { end->set(why); };
  return on;
}

/// Whether all before the end was delivered: the subscriber knows.
void reading::look_for_end(const subscriber_actor& at) {
  if (end_->until == no_end && options_->until
      && options_->until->kind == start_spec::at_time
      && host_->env().clock->now_ns() >= options_->until->time_ns
      && !options_->stream.starts_with('/')) {
    // Nothing later than the present end can be earlier than that time.
    if (const auto end = bounds_of(*host_, *options_))
      end_->until = end->end.value;
    else if (!std::exchange(told_unknown_, true))
      fmt::print(stderr,
                 "millrace: whether all before that time came is not known "
                 "yet: {}; it is asked again\n",
                 to_string(end.failure()));
  }
  if (end_->until == no_end)
    return;
  const auto facts = ask<status_facts>(*host_, at, 1s, status_atom_v);
  // One that does not answer waits for a reader: not over.
  if (facts && facts->at("connected").boolean().value_or(false)
      && facts->at("position").natural().value_or(0) >= end_->until)
    end_->set({});
}

/// Nothing new comes while nobody orders the stream, and any node of it serves
/// what there is: without a word that looks as if nothing were published.
void reading::look_for_order() {
  if (options_->stream.starts_with('/') || now() < look_ns_)
    return;
  const auto came = end_->batches.load();
  const bool quiet = std::exchange(batches_before_, came) == came;
  const bool is_first = look_ns_ == first_look_ns_;
  look_ns_ = now() + look_interval_ns;
  if (!is_first && !quiet && unordered_.empty())
    return;
  const auto nodes = places_of_stream(host_->config(), options_->stream,
                                      stream_use::subscribe, options_->at);
  if (!nodes)
    return; // It was told at the start.
  auto why = unordered_text(*host_, options_->stream, *nodes);
  if (why != unordered_)
    fmt::print(stderr, "millrace: stream '{}': {}\n", options_->stream,
               why.empty() ? "it is ordered again" : why + "; sub waits");
  unordered_ = std::move(why);
}

/// A durable consumer: what it printed is agreed on before it ends.
error reading::leave(const subscriber_actor& at) const {
  if (options_->consumer.empty())
    return {};
  // One that a callback stopped may be gone by now.
  const auto said = ask<bool>(*host_, at, 5s, caf::unsubscribe_atom_v);
  const auto floor = control_->floor();
  const bool is_agreed
    = floor.needed ? floor.agreed >= *floor.needed : !said || *said;
  if (is_agreed)
    return {};
  return {errc::unavailable,
          "consumer '" + options_->consumer
            + "': how far it came is not agreed on now; the next run prints "
              "some messages again"};
}

void reading::wait(const subscriber_actor& at) {
  std::unique_lock lock{end_->mutex};
  while (!end_->done && !signals_->raised()) {
    end_->changed.wait_for(lock, 50ms);
    if (options_->for_ns != 0 && now() - started_ns_ >= options_->for_ns)
      return;
    lock.unlock();
    // A quiet stream writes nothing, and would never notice.
    if (output_is_unread())
      end_->set({errc::storage_failed, "standard output: nobody reads it"});
    look_for_end(at);
    look_for_order();
    lock.lock();
  }
}

void declare_ends(option_list& list, sub_options& into) {
  list
    .read(
      "--until",
      [&into](const std::string& text) { return take_place(text, into.until); },
      "End there: end (of what is there now), a position, or a time of "
      "publishing; default: never")
    .shown_as("PLACE");
  list
    .read(
      "--for",
      [&into](const std::string& text) {
        const auto ns = text::parse_duration(text);
        if (!ns || *ns <= 0)
          return error{errc::invalid_argument,
                       "'" + text + "' is not a duration such as 10s or 1h30m"};
        into.for_ns = *ns;
        return error{};
      },
      "End after this long")
    .shown_as("DURATION");
  list
    .number("--count", into.count, uint64_t{1}, no_end,
            "End after this many messages; default: never")
    .shown_as("N");
  list
    .number("--rows", into.rows, uint64_t{1}, no_end,
            "End after this many rows of the table")
    .shown_as("N");
  list
    .number(
      "--last", into.last, uint64_t{1}, no_end,
      "Print the last messages, or rows of the table, that are there now, "
      "and end")
    .shown_as("N");
}

void declare(option_list& list, sub_options& into) {
  declare_config(list, into.config);
  list.text("--stream", into.stream, "A [[stream]], or the full path of a log")
    .required()
    .shown_as("STREAM");
  declare_places(list, into.at);
  list.text("--table", into.table, "Only rows of this table").shown_as("TABLE");
  declare_line_format(list, into.format);
  list
    .choice<line_format>(
      "-o,--output", into.format,
      {{"json", line_format::json}, {"csv", line_format::csv}},
      "The same, by the name that other commands have for it")
    .shown_as("FORMAT");
  list
    .read(
      "--from",
      [&into](const std::string& text) { return take_place(text, into.from); },
      "begin, end (default), a position, or the time at which messages were "
      "published (not that of their rows)")
    .shown_as("PLACE");
  list
    .text("--consumer", into.consumer,
          "Go on where the last run of this name ended, at the first message "
          "for a new one; what is not printed yet is kept for it, until "
          "'millrace consumer rm'. Of two runs at a time the last one has the "
          "name, the other ends with 65")
    .shown_as("NAME");
  list
    .read(
      "--from-row-time",
      [&into](const std::string& text) {
        const auto time = query::parse_time(text);
        if (!time)
          return error{errc::invalid_argument,
                       "'" + text + "' is not a time such as 2024-01-02T14:30"};
        into.row_time_ns = time->ns;
        return error{};
      },
      "Only rows of the table that are not earlier; --from is begin then")
    .shown_as("TIME");
  declare_ends(list, into);
}

/// What does not go together.
error check(const sub_options& options) {
  const bool journal = options.stream.starts_with('/');
  const auto refuse = [](const char* why) {
    return error{errc::invalid_argument, why};
  };
  if (options.table.empty() && (options.rows != 0 || options.row_time_ns))
    return refuse("--rows and --from-row-time are of rows: say whose with "
                  "--table");
  if (journal && options.row_time_ns)
    return refuse("--from-row-time: which column is the time of a row is known "
                  "of the tables of a cluster only");
  if (options.last != 0
      && (options.from || options.until || options.count != 0
          || options.rows != 0 || options.for_ns != 0))
    return refuse("--last goes with no other place or number");
  if (!options.consumer.empty() && (options.last != 0 || options.row_time_ns))
    return refuse("--consumer goes on where it was: --last and --from-row-time "
                  "begin elsewhere");
  if (options.until && options.until->kind == start_spec::begin)
    return refuse("--until begin: nothing is before it");
  return {};
}

/// From the last file on, or from so many before it that there are enough.
int print_last(const sub_options& options, runtime& host,
               const interrupts& signals, const std::string& time_column,
               const stream_bounds& where) {
  const auto& [first, end] = where;
  const auto rolls
    = end.roll() - (first.session() == end.session() ? first.roll() : 0);
  for (uint64_t back = 0;; back = back == 0 ? 1 : 2 * back) {
    start_spec from;
    from.kind = back <= rolls ? start_spec::at_position : start_spec::begin;
    from.at
      = position::of(end.session(), end.roll() - std::min(back, rolls), 0);
    reading one{options, host, signals, time_column};
    auto fault = one.run(from, end.value);
    // Where the stream was cut, the rest begins.
    if (signals.raised())
      return signals.exit_code();
    if (fault)
      return fail_output(fault);
    if (one.kept() < options.last && from.kind != start_spec::begin)
      continue;
    fault = one.finish();
    return fault && !signals.raised() ? fail_output(fault)
                                      : signals.exit_code();
  }
}

/// A place that is to be read up to, of another life of the stream, would end
/// it before its first message, or never.
error check_until(const sub_options& options, const stream_bounds& where) {
  if (!options.until || options.until->kind != start_spec::at_position
      || options.until->at == position{})
    return {};
  const auto at = options.until->at;
  if (at >= where.first && at.session() <= where.end.session())
    return {};
  return {errc::bad_position,
          "--until: " + to_string(at) + " is no place of this life of stream '"
            + options.stream + "', which begins at " + to_string(where.first)
            + ": it is of an earlier one"};
}

/// What is written of a log of one's own.
result<stream_bounds> journal_bounds(const std::string& path) {
  auto& fs = persistence::posix_file_system();
  const auto files = persistence::list_log_files(fs, path);
  if (!files)
    return files.failure();
  std::optional<position> from;
  if (!files->empty())
    from = position::of(files->back().session, files->back().roll, 0);
  // Damage is told by those who read there: it is not the end.
  auto reader = persistence::log_reader::open(
    fs, {.directory = path, .damage = persistence::damage_policy::resync},
    from);
  if (!reader)
    return reader.failure();
  for (;;) {
    constexpr uint32_t part_bytes = 1u << 20;
    const auto item = (*reader)->next_chunk(part_bytes);
    if (!item)
      return item.failure();
    if (const auto* end = std::get_if<persistence::log_end>(&*item))
      return stream_bounds{{}, end->end};
  }
}

/// What is known of what is read; nothing of a log of one's own. The table of
/// a stream that no configuration has is known by what the stream tells.
result<cluster_config> configuration_of(const sub_options& options) {
  if (options.stream.starts_with('/'))
    return cluster_config{};
  auto config = load_cluster_of_stream(options.config, options.at);
  if (!config || config->stream(options.stream) == nullptr)
    return config;
  if (!options.table.empty())
    if (auto known = configured_table(*config, options.table); !known)
      return known.failure();
  return config;
}

/// Rows of several tables are no lines of one csv.
error check_csv(const cluster_config& config, const sub_options& options) {
  if (options.format != line_format::csv || !options.table.empty())
    return {};
  std::string tables;
  for (const auto& each : config.tables)
    if (each.stream == options.stream)
      tables += (tables.empty() ? "" : ", ") + each.schema.name;
  return tables.empty() ? error{} : csv_wants_table(tables);
}

/// Says at once when nobody is there; a subscriber waits for ever.
error find_nodes(runtime& host, const sub_options& options) {
  const auto nodes = places_of_stream(host.config(), options.stream,
                                      stream_use::subscribe, options.at);
  if (!nodes)
    return nodes.failure();
  return find_stream(host, options.stream, *nodes, 3s).failure();
}

/// A year, or a date without its dashes, is a number, too: before a stream that
/// begins at a later place it is a mistake, and no place of an earlier life.
error check_number(runtime& host, const sub_options& options) {
  constexpr uint64_t dates_end = 10'000'000'000;
  if (!options.from || options.from->kind != start_spec::at_position
      || options.from->at == position{} || options.from->at.value >= dates_end)
    return {};
  const auto where = bounds_of(host, options);
  if (!where)
    return where.failure();
  if (options.from->at >= where->first)
    return {};
  return {errc::bad_position, "stream '" + options.stream + "' begins at "
                                + to_string(where->first) + ", after "
                                + std::to_string(options.from->at.value)
                                + position_hint};
}

int run(const sub_options& options) {
  if (auto fault = check(options))
    return fail(fault);
  const auto config = configuration_of(options);
  if (!config)
    return fail(config.failure());
  if (auto fault = check_csv(*config, options))
    return fail(fault);
  auto host = small_runtime(*config);
  if (!host)
    return fail(host.failure());
  const bool journal = options.stream.starts_with('/');
  if (!journal)
    if (auto fault = find_nodes(**host, options))
      return fail(fault);
  if (auto fault = journal ? error{} : check_number(**host, options))
    return fail(fault);
  const auto* table = config->table(options.table);
  const auto time_column
    = table == nullptr ? std::string{} : table->schema.time_column;
  interrupts signals;
  const bool until_end
    = options.until && options.until->kind == start_spec::end;
  uint64_t until = no_end;
  if (options.until && options.until->kind == start_spec::at_position)
    until = options.until->at.value;
  stream_bounds where;
  if (until_end || options.last != 0 || (until != no_end && !journal)) {
    const auto found
      = journal ? journal_bounds(options.stream) : bounds_of(**host, options);
    if (!found)
      return fail(found.failure());
    where = *found;
    if (auto fault = journal ? error{} : check_until(options, where))
      return fail(fault);
  }
  if (until_end || options.last != 0)
    until = where.end.value;
  if (options.last != 0)
    return print_last(options, **host, signals, time_column, where);
  reading one{options, **host, signals, time_column};
  auto fault = one.run(begin_of(options), until);
  if (fault.code == errc::bad_position && options.from
      && options.from->kind == start_spec::at_position)
    fault.context += position_hint;
  return fault && !signals.raised() ? fail_output(fault) : signals.exit_code();
}

} // namespace

const command<sub_options> sub_command{
  {"sub", "Print the messages of a stream as they come",
   "millrace sub --stream market --table trade --from begin --until end "
   "--config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
