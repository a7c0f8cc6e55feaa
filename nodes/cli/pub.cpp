#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/writer_name.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/places_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/line_publisher.hpp>
#include <millrace/nodes/cli/pub.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/declared_tables.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_schema.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// For RT's first word, and for the last message to be as safe as asked. One
/// who names no time waits longer for what will come.
constexpr auto rt_deadline = 30s;

/// When it is said what is waited for.
constexpr auto say_after = 1500ms;

/// A stream, and where it is; nowhere: a log of its own.
struct stream_at {
  std::string name;
  std::vector<endpoint> nodes;
};

/// One wait.
class patience {
public:
  patience(persistence::clock_source& clock, const pub_options& options)
    : is_named_{options.timeout_s != 0},
      time_{clock, is_named_ ? std::chrono::seconds{options.timeout_s}
                             : std::chrono::seconds{rt_deadline}} {}

  [[nodiscard]] bool over() const { return is_named_ && time_.over(); }
  /// What one step may take.
  [[nodiscard]] std::chrono::milliseconds
  step(std::chrono::milliseconds usual) const {
    return is_named_ ? std::min(usual, time_.left()) : usual;
  }

private:
  bool is_named_;
  countdown time_;
};

/// Hands on the lines of standard input until its end or a signal. A record of
/// CSV may be several.
/// @param idle called now and then
error read_lines(const interrupts& signals, line_format format,
                 line_publisher& into, const std::function<void()>& idle) {
  const auto end_of = [format](std::string_view text, size_t begin) {
    return format == line_format::csv ? text::find_record_end(text, begin)
                                      : text.find('\n', begin);
  };
  std::string text;
  bool begun = false;
  std::vector<char> piece(64 * 1024);
  while (!signals.raised()) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const auto ready = ::poll(&in, 1, 100);
    idle();
    if (ready < 0 && errno != EINTR)
      return {errc::storage_failed,
              std::string{"standard input: "} + std::strerror(errno)};
    if (ready <= 0) {
      // Another publisher took its place, while it had nothing to send.
      if (auto fault = into.fenced())
        return fault;
      continue;
    }
    const auto count = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return {errc::storage_failed,
              std::string{"standard input: "} + std::strerror(errno)};
    if (count == 0) {
      if (!text.empty())
        if (auto fault = into.add(text))
          return fault;
      return into.flush();
    }
    text.append(piece.data(), static_cast<size_t>(count));
    if (constexpr size_t mark_bytes = 3; !begun && text.size() >= mark_bytes) {
      text = std::string{persistence::without_mark(text)};
      begun = true;
    }
    size_t begin = 0;
    for (size_t end; (end = end_of(text, begin)) != std::string::npos;
         begin = end + 1)
      if (auto fault
          = into.add(std::string_view{text}.substr(begin, end - begin)))
        return fault;
    text.erase(0, begin);
    if (text.size() > payload_bytes_max)
      return {errc::oversize, "standard input: a line of more than "
                                + std::to_string(payload_bytes_max) + " bytes"};
    if (auto fault = into.flush())
      return fault;
  }
  return into.flush();
}

rt::ack_level level_of(const std::string& name) {
  if (name == "recorded")
    return rt::ack_level::recorded;
  return name == "synced" ? rt::ack_level::synced : rt::ack_level::committed;
}

std::string origin_of(const pub_options& options) {
  return options.origin.empty() ? "pub" : options.origin;
}

void say_waiting(runtime& host, const stream_at& stream,
                 const std::string& recorded) {
  const auto why = unordered_text(host, stream.name, stream.nodes);
  fmt::print(stderr,
             "millrace: stream '{}': its rt does not go on; {}, and this "
             "publisher waits{}{}\n",
             stream.name, recorded, why.empty() ? "" : "; ", why);
  std::fflush(stderr);
}

/// What its log has before anything is published. What became of that only RT
/// knows.
std::string recorded_before(const rt::publisher& out) {
  const auto last = out.last_id(out.options().origin);
  return last == 0 ? "its log in " + out.directory() + " has no message"
                   : "its log in " + out.directory()
                       + " has messages up to number " + std::to_string(last)
                       + ", and which of them are merged is known when rt "
                         "answers";
}

error interrupted_before(const std::string& recorded) {
  return {errc::cancelled, "interrupted; " + recorded};
}

result<stream_at> find_places(const runtime& host, const pub_options& options) {
  stream_at out{options.stream, {}};
  if (options.stream.starts_with('/'))
    return out;
  const auto* publisher = host.config().publisher_of(options.stream);
  if (publisher != nullptr && options.at.rt.empty())
    return error{errc::invalid_argument,
                 "stream '" + options.stream + "' is published by process '"
                   + publisher->name
                   + "' alone: no rt orders what others would publish"};
  auto nodes = places_of_stream(host.config(), options.stream,
                                stream_use::publish, options.at);
  if (!nodes)
    return nodes.failure();
  out.nodes = *std::move(nodes);
  return out;
}

/// Says at once when nobody is there; the replicator would wait for ever. One
/// that stands still is waited for until a signal.
error wait_rt(const interrupts& signals, runtime& host, const stream_at& stream,
              const patience& time, const std::string& recorded) {
  for (;;) {
    const auto rt = find_stream(host, stream.name, stream.nodes, time.step(3s));
    if (rt)
      return {};
    auto fault = rt.failure();
    if (signals.raised())
      return interrupted_before(recorded);
    if (is_refusal(fault.code) || time.over()
        || !stands_still(host, stream.nodes)) {
      fault.context += "; " + recorded;
      return fault;
    }
    say_waiting(host, stream, recorded);
  }
}

/// Until RT told what it has of the origin.
error wait_known(const interrupts& signals, runtime& host, rt::publisher& out,
                 const stream_at& stream, const patience& time,
                 const std::string& recorded) {
  auto step = std::chrono::milliseconds{say_after};
  for (;;) {
    auto fault = out.wait_verified(time.step(step));
    if (fault.code != errc::origin_unverified)
      return fault;
    if (signals.raised())
      return interrupted_before(recorded);
    const bool is_first
      = std::exchange(step, rt_deadline - say_after) == say_after;
    if (time.over() || (!is_first && !stands_still(host, stream.nodes))) {
      fault.context += "; " + recorded;
      return fault;
    }
    if (!is_first || !unordered_text(host, stream.name, stream.nodes).empty())
      say_waiting(host, stream, recorded);
  }
}

/// Says that what is published is not merged, and why, once per ten seconds.
class merge_watch {
public:
  merge_watch(runtime& host, const rt::publisher& out, const stream_at& stream)
    : host_{&host}, out_{&out}, stream_{&stream} {}

  void look() {
    const auto now
      = std::chrono::nanoseconds{host_->env().clock->monotonic_ns()};
    if (stream_->nodes.empty()
        || out_->reached(rt::ack_level::committed) >= out_->appended())
      next_ = now + say_after;
    if (now < next_)
      return;
    if (!unordered_text(*host_, stream_->name, stream_->nodes).empty())
      say_waiting(*host_, *stream_,
                  "what was published is in the log in " + out_->directory());
    next_ = now + 10s;
  }

private:
  runtime* host_;
  const rt::publisher* out_;
  const stream_at* stream_;
  std::chrono::nanoseconds next_{0};
};

/// Until the last message is as safe as asked. --flush without a time waits for
/// as long as it takes: a signal ends it.
error wait_safe(const interrupts& signals, runtime& host, rt::publisher& out,
                const pub_options& options, const stream_at& stream) {
  const patience time{*host.env().clock, options};
  const auto level = level_of(options.level);
  auto fault = out.flush(level, time.step(say_after));
  if (fault.code != errc::timeout || signals.raised() || time.over())
    return fault;
  if (!stream.nodes.empty()
      && !unordered_text(host, stream.name, stream.nodes).empty())
    say_waiting(host, stream,
                "what was published is in the log in " + out.directory());
  if (!options.flush)
    return out.flush(level, options.timeout_s == 0 ? rt_deadline - say_after
                                                   : time.step(24h));
  do
    fault = out.flush(rt::ack_level::committed, 500ms);
  while (fault.code == errc::timeout && !signals.raised() && !time.over());
  return fault;
}

/// The publisher, once it may publish. One that waits for nobody needs to hear
/// of RT only when its origin is new here: RT may know more of it.
result<std::shared_ptr<rt::publisher>>
open_publisher(const interrupts& signals, runtime& host,
               const pub_options& options, const stream_at& stream) {
  const bool local = stream.nodes.empty();
  const bool needs_rt
    = !local && (options.flush || options.level == "committed");
  const patience time{*host.env().clock, options};
  std::string recorded = "nothing is recorded yet";
  // A directory for who never comes to publish would be left behind.
  if (needs_rt && !options.flush)
    if (auto fault = wait_rt(signals, host, stream, time, recorded))
      return fault;
  auto made = host.publish(
    stream.name,
    {.name = origin_of(options),
     .writer = options.writer,
     .origin = options.writer.empty() ? options.origin : origin_of(options),
     .replay = !options.writer.empty(),
     .at = options.at});
  if (!made)
    return made.failure();
  if (local)
    return made->out;
  if (options.flush) {
    recorded = recorded_before(*made->out);
    if (auto fault = wait_rt(signals, host, stream, time, recorded))
      return fault;
  }
  auto fault = needs_rt
                 ? wait_known(signals, host, *made->out, stream, time, recorded)
                 : made->out->wait_verified(time.step(3s));
  if (fault && !needs_rt)
    fault.context += "; an origin that is new on this host must hear from rt "
                     "once: start the cluster, and run this again";
  if (fault)
    return fault;
  return made->out;
}

/// The command that waits until all of the origin's log is merged.
std::string flush_command(const pub_options& options) {
  std::string places;
  for (const auto& each : options.at.rt)
    places += (places.empty() ? " --rt " : ",") + each;
  if (!options.at.cluster.empty())
    places += " --cluster " + options.at.cluster;
  return "'millrace pub --flush --stream " + options.stream + places
         + (options.origin.empty() ? std::string{}
                                   : " --origin " + options.origin)
         + (options.writer.empty() ? std::string{}
                                   : " --writer " + options.writer)
         + "'";
}

/// Says of what is not as safe as asked yet where it is, and what to do.
error still_pending(error fault, const pub_options& options) {
  if (fault.code == errc::timeout && !options.stream.starts_with('/'))
    fault.context
      += "; " + flush_command(options) + " waits until it is merged";
  return fault;
}

/// @param is_safe what was published is as safe as was asked
/// @param known the last line that the stream had before; 0: none
void print_end(const pub_options& options, uint64_t published, uint64_t known,
               bool is_safe, const std::optional<position>& end,
               const error& fault) {
  const char* what = options.table.empty() ? "messages" : "rows";
  const auto dropped = known < options.first_id
                         ? 0
                         : std::min(published, known - options.first_id + 1);
  // It was not asked whether a stream has them.
  const bool unmerged = options.level != "committed" && !options.flush
                        && !options.stream.starts_with('/');
  if (options.output == output_format::json) {
    text::json_value told{{what, published}, {"stream", options.stream}};
    if (end)
      told.add("end", end->value);
    if (dropped != 0)
      told.add("known", dropped);
    if (unmerged || !is_safe)
      told.add("level", is_safe ? options.level : "recorded");
    if (fault)
      told.add("failure", failure_value(fault));
    fmt::print("{}\n", told.dump());
    return;
  }
  if (options.flush)
    fmt::print(stderr, "{}\n",
               end ? "all of the log is merged"
                   : "not all of the log is merged");
  else if (!is_safe && options.level == "recorded")
    fmt::print(stderr, "{} {} recorded; the rest of the input is not\n",
               published, what);
  else if (!is_safe)
    fmt::print(stderr, "{} {} recorded, and not {}\n", published, what,
               options.level);
  else if (unmerged)
    fmt::print(stderr, "{} {} {}; {} waits until they are merged\n", published,
               what, options.level, flush_command(options));
  else
    fmt::print(stderr, "{} {} published\n", published, what);
  if (dropped != 0)
    fmt::print(stderr,
               "{} of them stream {} had, by their numbers, which go up to {}: "
               "they are merged once; lines that come after those begin with "
               "--first-id {}\n",
               dropped, options.stream, known, known + 1);
  if (end)
    fmt::print(stderr, "stream {} ends at {} (--at-least {})\n", options.stream,
               to_string(*end), end->value);
}

void declare(option_list& list, pub_options& into) {
  declare_config(list, into.config);
  list
    .text("--stream", into.stream,
          "A [[stream]], or a full path: a log of its own there")
    .required()
    .shown_as("STREAM");
  declare_places(list, into.at);
  list
    .text("--table", into.table,
          "Lines are rows of it; default: payloads, {\"data\": \"text\"} or "
          "{\"hex\": \"00ff\"}")
    .shown_as("TABLE");
  declare_line_format(list, into.format);
  list.text("--origin", into.origin, "Origin of the messages").shown_as("NAME");
  list
    .text("--writer", into.writer,
          "Which of several publishers of this origin, which all publish the "
          "same lines, each from its first one on: a line's number, which a "
          "header has none of, is its id. "
          "Default for one of the stream's replicated_origins: a name that is "
          "kept in the log path")
    .shown_as("NAME");
  list.number("--first-id", into.first_id, uint64_t{1}, uint64_t{INT64_MAX},
              "Of such an origin: the number of the first line that comes; "
              "default: 1");
  list
    .choice<std::string>("--level", into.level,
                         {{"recorded", "recorded"},
                          {"synced", "synced"},
                          {"committed", "committed"}},
                         "Wait until all is recorded, synced or committed "
                         "(default)")
    .shown_as("LEVEL");
  list.flag("--flush", into.flush,
            "Publish nothing; wait until what earlier ones left in the log of "
            "the origin is merged");
  list.number(
    "--timeout", into.timeout_s, 1, 86'400,
    "Seconds to wait for RT at the start, and for the last message at "
    "the end; default: 30, and for as long as it takes with --flush "
    "and while RT is stopped");
  declare_output(list, into.output);
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

/// Whether others may publish the same lines, and which of them this is.
error choose_writer(runtime& host, pub_options& options) {
  const auto& config = host.config();
  const auto* stream = config.stream(options.stream);
  const auto origin = origin_of(options);
  const bool is_replicated
    = stream != nullptr
      && std::count(stream->replicated_origins.begin(),
                    stream->replicated_origins.end(), origin)
           != 0;
  if (options.writer.empty() && is_replicated) {
    const auto path = log_path_of(config);
    if (!path)
      return path.failure();
    auto name
      = writer_name(*host.env().fs, *path, host_name(), host.env().random());
    if (!name)
      return name.failure();
    options.writer = *std::move(name);
  } else if (!options.writer.empty() && stream != nullptr && !is_replicated) {
    return {errc::invalid_argument,
            "--writer: origin '" + origin
              + "' is none of replicated_origins "
                "of stream '"
              + options.stream
              + "': it has one writer, and a later one fences the earlier"};
  }
  if (options.first_id != 1 && options.writer.empty())
    return {errc::invalid_argument,
            "--first-id: lines are numbered where several publish the same "
            "ones: an origin of replicated_origins, or --writer"};
  return {};
}

/// What a publisher works with. A log of its own needs no cluster, unless its
/// rows are of a table.
result<cluster_config> configuration_of(const pub_options& options) {
  if (!options.stream.starts_with('/'))
    return load_cluster_of_stream(options.config, options.at);
  return options.table.empty() ? cluster_config{}
                               : load_cluster(options.config);
}

/// The table whose rows are published; none: payloads are. A stream that no
/// configuration has tells of it itself.
result<std::optional<table_config>> table_of(runtime& host,
                                             const pub_options& options) {
  const auto& config = host.config();
  if (options.table.empty() || options.flush)
    return std::optional<table_config>{};
  const bool local = options.stream.starts_with('/');
  if (!local && config.stream(options.stream) == nullptr) {
    auto schema
      = schema_in_stream(host, options.stream, options.at, options.table);
    if (!schema)
      return schema.failure();
    return std::optional{table_config{*std::move(schema), options.stream}};
  }
  const auto known = configured_table(config, options.table);
  if (!known)
    return known.failure();
  if (!local)
    if (auto fault
        = check_declared(host, config, options.table, rows_go::by_stream))
      return fault;
  return std::optional{**known};
}

/// Where the stream ends, of what it has merged.
result<position> end_of_stream(runtime& host, const stream_at& stream) {
  auto end = stream_end(host, stream.name, stream.nodes);
  return end ? end : end_unknown(end.failure());
}

int run(const pub_options& given) {
  auto options = given;
  if (options.flush && options.stream.starts_with('/'))
    return fail(
      {errc::invalid_argument, "--flush: nobody merges a log of its own"});
  auto config = configuration_of(options);
  if (!config)
    return fail(config.failure());
  interrupts signals;
  auto host = runtime::create(*std::move(config),
                              {.env = {.io_threads = 2, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  const auto stream = find_places(**host, options);
  if (!stream)
    return fail(stream.failure());
  if (auto fault = choose_writer(**host, options))
    return fail(fault);
  const auto table = table_of(**host, options);
  if (!table)
    return fail(table.failure());
  auto out = open_publisher(signals, **host, options, *stream);
  if (!out) {
    const auto code = fail(out.failure());
    return signals.raised() ? signals.exit_code() : code;
  }
  line_publisher lines{options, *(*host)->env().clock, **out};
  error fault;
  if (!options.flush)
    fault = lines.open(*table ? &**table : nullptr);
  if (!fault && !options.flush)
    fault = read_lines(signals, options.format, lines,
                       [watch = merge_watch{**host, **out, *stream}]() mutable {
                         watch.look();
                       });
  if (fault.code == errc::bad_data)
    fault.context += "; it, and what stands after it, is not published";
  // What came before a bad line is kept, and counted.
  if (auto flushed = lines.flush(); flushed && !fault)
    fault = flushed;
  auto unsafe = wait_safe(signals, **host, **out, options, *stream);
  const bool is_safe = !unsafe;
  if (unsafe && !fault)
    fault = still_pending(std::move(unsafe), options);
  std::optional<position> end;
  if (!fault && options.level == "committed" && !stream->nodes.empty()) {
    if (auto asked = end_of_stream(**host, *stream))
      end = *asked;
    else
      fault = asked.failure();
  }
  if (auto closed = (*out)->close(); closed && !fault)
    fault = closed;
  print_end(options, lines.published(), lines.known(), is_safe, end, fault);
  const auto code = fault ? fail(fault) : static_cast<int>(exit_ok);
  return signals.raised() ? signals.exit_code() : code;
}

} // namespace

const command<pub_options> pub_command{
  {"pub", "Publish the lines of standard input",
   "echo '{\"time\": \"2024-01-02T14:30:00Z\", \"sym\": \"SPY\", \"price\": "
   "471.6, \"size\": 100}' |\n"
   "    millrace pub --stream market --table trade --config "
   "examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
