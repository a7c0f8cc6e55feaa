#include <millrace/nodes/cli/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/cli/message_writer.hpp>
#include <millrace/nodes/cli/sub.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

result<start_spec> start_of(const std::string& text) {
  start_spec start;
  if (text == "begin") {
    start.kind = start_spec::begin;
    return start;
  }
  if (text == "end") {
    start.kind = start_spec::end;
    return start;
  }
  const auto* last = text.data() + text.size();
  if (const auto [end, fault]
      = std::from_chars(text.data(), last, start.at.value);
      fault == std::errc{} && end == last) {
    start.kind = start_spec::at_position;
    return start;
  }
  auto time = query::parse_time(text);
  if (!time)
    return error{errc::invalid_argument,
                 "--from '" + text
                   + "': not begin, end, a position, or a time"};
  start.kind = start_spec::at_time;
  start.time_ns = time->ns;
  return start;
}

/// What callbacks tell the thread that waits.
struct ending {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  error fault;

  void set(const error& why) {
    const std::scoped_lock lock{mutex};
    if (!done)
      fault = why;
    done = true;
    changed.notify_all();
  }
};

rt::subscription_handlers handlers_of(const sub_options& options,
                                      std::shared_ptr<message_writer> out,
                                      std::shared_ptr<rt::subscription> control,
                                      std::shared_ptr<ending> end) {
  rt::subscription_handlers on;
  auto stop = [control, end](const error& why) {
    end->set(why);
    control->unsubscribe();
  };
  on.on_message = [out, stop, printed = uint64_t{0}, count = options.count](
                    const rt::message& message, position at) mutable {
    auto wrote = out->write(message, at);
    if (!wrote)
      return stop(wrote.failure());
    if (*wrote && ++printed == count)
      stop(out->flush());
  };
  on.on_event = [out, stop, topic = options.stream](const stream_event& event) {
    auto fault = out->write(event, topic);
    if (!fault)
      fault = out->flush();
    if (fault)
      stop(fault);
  };
  on.on_period = [out, stop](period_id period, position at) {
    if (auto fault = out->write_period(period, at))
      stop(fault);
  };
  on.on_batch_end = [out, stop](position) {
    if (auto fault = out->flush())
      stop(fault);
  };
  on.on_failure = [end](const error& why) { end->set(why); };
  return on;
}

void declare(option_list& list, sub_options& into) {
  declare_config(list, into.config);
  list.text("--stream", into.stream, "A [[stream]], or the full path of a log")
    .required()
    .shown_as("STREAM");
  list.text("--table", into.table, "Only rows of this table").shown_as("TABLE");
  declare_line_format(list, into.format);
  list
    .text("--from", into.from,
          "begin, end (default), a position, or a time in ISO 8601")
    .shown_as("PLACE");
  list
    .number("--count", into.count,
            "End after this many messages; default: never")
    .shown_as("N");
}

int run(const sub_options& options) {
  auto start = start_of(options.from);
  if (!start)
    return fail(start.failure());
  std::optional<cluster_config> config;
  if (!options.stream.starts_with('/')) {
    auto loaded = load_cluster(options.config);
    if (!loaded)
      return fail(loaded.failure());
    config = *std::move(loaded);
  }
  auto host = runtime::create({.config = config.value_or(cluster_config{}),
                               .env = {.io_threads = 1, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  if (config) {
    if (config->stream(options.stream) == nullptr)
      return fail({errc::not_found, config->path + ": no [[stream]] is named '"
                                      + options.stream + "'"});
    if (!options.table.empty() && config->table(options.table) == nullptr)
      return fail({errc::not_found, config->path + ": no [[table]] is named '"
                                      + options.table + "'"});
    // Says at once when nobody is there; a subscriber waits for ever.
    if (auto rt = find_stream(**host, *config, options.stream, 3s); !rt)
      return fail(rt.failure());
  }
  interrupts signals;
  auto control = std::make_shared<rt::subscription>(options.stream);
  auto end = std::make_shared<ending>();
  auto output = std::make_shared<stoppable_output>();
  auto handlers = handlers_of(
    options, std::make_shared<message_writer>(options, output), control, end);
  if (auto running = (*host)->subscribe(options.stream, std::move(handlers),
                                        {.start = *start, .control = control});
      !running)
    return fail(running.failure());
  {
    std::unique_lock lock{end->mutex};
    while (!end->done && !signals.raised())
      end->changed.wait_for(lock, 50ms);
  }
  // A callback may wait for a pipe that nobody reads.
  output->stop();
  control->unsubscribe();
  host->reset();
  return end->fault ? fail(end->fault) : static_cast<int>(exit_ok);
}

} // namespace

const command<sub_options> sub_command{
  {"sub", "Print the messages of a stream as they come",
   "millrace sub --stream market --from begin --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
