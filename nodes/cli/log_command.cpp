#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/log_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <date/date.h>
#include <deque>
#include <memory>
#include <thread>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using json = nlohmann::ordered_json;
using namespace persistence;

struct log_options {
  std::string directory;
  output_format output = output_format::table;
  std::string from;
  std::string position;
  uint64_t count = 0;
  uint32_t bytes = 32;
  bool follow = false;
  bool resync = false;
  uint32_t poll_ms = 200;
};

// -- words --------------------------------------------------------------------

std::string time_text(int64_t ts) {
  if (ts == null_long)
    return "";
  constexpr auto epoch = date::sys_days{date::year{2000} / 1 / 1};
  return date::format("%FT%TZ",
                      std::chrono::time_point_cast<std::chrono::nanoseconds>(
                        date::sys_time<std::chrono::nanoseconds>{epoch})
                        + std::chrono::nanoseconds{ts});
}

std::string kind_text(record_kind record, payload_kind payload) {
  if (record == record_kind::marker)
    return "period_end";
  switch (payload) {
    case payload_kind::opaque:
      return "opaque";
    case payload_kind::table_batch:
      return "table_batch";
    case payload_kind::table_schema:
      return "table_schema";
    case payload_kind::end_of_period:
      return "end_of_period";
  }
  return fmt::format("kind {}", static_cast<int>(payload));
}

// What a payload holds, in a few words: rows of a batch, text, else bytes.
std::string payload_text(const frame_view& frame, uint32_t bytes_max) {
  if (frame.kind == payload_kind::table_batch)
    if (auto batch = decode_batch(frame.payload))
      return fmt::format("{} rows of {}", batch->row_count, batch->table);
  const auto shown
    = frame.payload.first(std::min<size_t>(frame.payload.size(), bytes_max));
  const auto* text = reinterpret_cast<const char*>(shown.data());
  bool printable = true;
  for (const auto b : shown)
    printable = printable && static_cast<uint8_t>(b) >= 0x20
                && static_cast<uint8_t>(b) < 0x7f;
  std::string out;
  if (printable)
    out.assign(text, shown.size());
  else
    for (const auto b : shown)
      out += fmt::format("{:02x}", static_cast<uint8_t>(b));
  if (shown.size() < frame.payload.size())
    out += "...";
  return out;
}

json place_json(position at) {
  return {{"position", at.value}, {"text", to_string(at)}};
}

json number_json(int64_t x) { return x == null_long ? json() : json(x); }

json message_json(const log_message& message, uint32_t bytes_max) {
  const auto& frame = message.frame;
  const auto& header = frame.header;
  return {{"type", "message"},
          {"begin", message.begin.value},
          {"end", message.end.value},
          {"place", to_string(message.begin)},
          {"kind", kind_text(message.kind, frame.kind)},
          {"on", std::string{header.on}},
          {"id", number_json(header.id)},
          {"ts", header.ts == null_long ? json() : json(time_text(header.ts))},
          {"to", header.to == null_int ? json() : json(header.to)},
          {"bytes", frame.payload.size()},
          {"crc", fmt::format("{:08x}", frame.payload_crc)},
          {"payload", payload_text(frame, bytes_max)}};
}

json event_json(const stream_event& event) {
  return {{"type", "event"},          {"event", to_string(event.kind)},
          {"from", event.from.value}, {"to", event.to.value},
          {"origin", event.origin},   {"first_id", event.first_id},
          {"last_id", event.last_id}, {"cause", event.cause}};
}

std::string line_of(const log_message& message, uint32_t bytes_max) {
  const auto& header = message.frame.header;
  return fmt::format(
    "{:<24} {:<13} {:<20} {:>12} {:<30} {:>8} {}", to_string(message.begin),
    kind_text(message.kind, message.frame.kind), header.on,
    header.id == null_long ? "-" : std::to_string(header.id),
    header.ts == null_long ? "-" : time_text(header.ts),
    message.frame.payload.size(), payload_text(message.frame, bytes_max));
}

std::string line_of(const stream_event& event) {
  return fmt::format("{:<24} event {}: from {} to {}{}{}",
                     to_string(event.from), to_string(event.kind),
                     to_string(event.from), to_string(event.to),
                     event.cause.empty() ? "" : ": ", event.cause);
}

std::string dump_head() {
  return fmt::format("{:<24} {:<13} {:<20} {:>12} {:<30} {:>8} {}", "place",
                     "kind", "on", "id", "ts", "bytes", "payload");
}

void print_line(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

// -- positions ----------------------------------------------------------------

std::optional<uint64_t> number_of(std::string_view text, int base) {
  uint64_t x = 0;
  const auto* last = text.data() + text.size();
  const auto got = std::from_chars(text.data(), last, x, base);
  if (text.empty() || got.ec != std::errc{} || got.ptr != last)
    return std::nullopt;
  return x;
}

// "130", "0x82", "log.0.1@4096" or "log.0.1 @ 4096".
result<position> parse_position(const std::string& raw) {
  const error bad{errc::invalid_argument,
                  "'" + raw
                    + "' is not a position: a number, 0x and hexadecimal "
                      "digits, or log.<session>.<roll>@<offset>"};
  std::string text;
  for (const char c : raw)
    if (c != ' ')
      text += c;
  if (text.starts_with("0x")) {
    const auto x = number_of(std::string_view{text}.substr(2), 16);
    return x ? result<position>{position{*x}} : result<position>{bad};
  }
  if (!text.starts_with("log.")) {
    const auto x = number_of(text, 10);
    return x ? result<position>{position{*x}} : result<position>{bad};
  }
  const std::string_view rest = std::string_view{text}.substr(4);
  const auto dot = rest.find('.');
  const auto at = rest.find('@');
  if (dot == std::string_view::npos || at == std::string_view::npos || at < dot)
    return bad;
  const auto session = number_of(rest.substr(0, dot), 10);
  const auto roll = number_of(rest.substr(dot + 1, at - dot - 1), 10);
  const auto offset = number_of(rest.substr(at + 1), 10);
  if (!session || !roll || !offset || *session > position::session_max
      || *roll > position::roll_max || *offset > position::offset_max + 1)
    return bad;
  return position::of(*session, *roll, *offset);
}

result<std::optional<position>> start_of(const log_options& options) {
  if (!options.from.empty()) {
    auto at = parse_position(options.from);
    if (!at)
      return at.failure();
    return std::optional{*at};
  }
  return std::optional<position>{};
}

result<std::unique_ptr<log_reader>> open_reader(const log_options& options,
                                                std::optional<position> from) {
  return log_reader::open(posix_file_system(),
                          {.directory = options.directory,
                           .damage = options.resync ? damage_policy::resync
                                                    : damage_policy::next_file},
                          from);
}

// -- commands -----------------------------------------------------------------

int run_ls(const log_options& options) {
  auto files = list_log_files(posix_file_system(), options.directory);
  if (!files)
    return fail(files.failure());
  json out = json::array();
  if (options.output == output_format::table)
    print_line(fmt::format("{:<20} {:>12} {:<9} {}", "file", "bytes",
                           "archived", "begin"));
  for (const auto& info : *files) {
    const auto name = log_file_name(info.session, info.roll);
    const auto begin = position::of(info.session, info.roll, 0);
    if (options.output == output_format::json)
      out.push_back({{"file", name},
                     {"session", info.session},
                     {"roll", info.roll},
                     {"bytes", info.size},
                     {"archived", info.archived},
                     {"begin", begin.value}});
    else
      print_line(fmt::format("{:<20} {:>12} {:<9} {}", name, info.size,
                             info.archived ? "yes" : "no", begin.value));
  }
  if (options.output == output_format::json)
    print_line(out.dump(2));
  return exit_ok;
}

json scan_json(const log_file_info& info, const file_scan& scan) {
  json ids = json::object();
  for (const auto& [origin, range] : scan.tally.ids)
    ids[origin] = {{"first", range.first}, {"last", range.last}};
  return {{"file", log_file_name(info.session, info.roll)},
          {"bytes", info.size},
          {"archived", info.archived},
          {"records", scan.record_count},
          {"messages", scan.tally.message_count},
          {"valid_end", scan.valid_end.value},
          {"sealed", scan.seal.has_value()},
          {"session_end", scan.seal && scan.seal->session_end},
          {"damaged", scan.damaged},
          {"reason", scan.reason},
          {"ids", ids}};
}

int run_info(const log_options& options) {
  auto& fs = posix_file_system();
  auto lineage = read_lineage(fs, options.directory);
  if (!lineage)
    return fail(lineage.failure());
  const auto synced = read_synced_end(fs, options.directory);
  auto files = list_log_files(fs, options.directory);
  if (!files)
    return fail(files.failure());
  json out{{"directory", options.directory},
           {"lineage", to_string(*lineage)},
           {"synced_end", synced ? place_json(*synced) : json()},
           {"files", json::array()}};
  if (options.output == output_format::table) {
    print_line("lineage     " + to_string(*lineage));
    print_line("synced end  " + (synced ? to_string(*synced) : "unknown"));
  }
  uint64_t messages = 0;
  for (const auto& info : *files) {
    auto scan = scan_log_file(fs, options.directory, *lineage, info, synced);
    if (!scan)
      return fail(scan.failure());
    messages += scan->tally.message_count;
    if (options.output == output_format::json) {
      out["files"].push_back(scan_json(info, *scan));
      continue;
    }
    print_line(
      fmt::format("{:<20} {:>12} bytes, {} messages in {} records, {}{}",
                  log_file_name(info.session, info.roll), info.size,
                  scan->tally.message_count, scan->record_count,
                  !scan->seal               ? "open"
                  : scan->seal->session_end ? "sealed, end of session"
                                            : "sealed",
                  scan->damaged ? ", damaged: " + scan->reason : ""));
    for (const auto& [origin, range] : scan->tally.ids)
      print_line(
        fmt::format("  {}: ids {} to {}", origin, range.first, range.last));
  }
  out["messages"] = messages;
  print_line(options.output == output_format::json
               ? out.dump(2)
               : fmt::format("{} messages", messages));
  return exit_ok;
}

// Prints items as they come; a JSON array, or lines.
class item_printer {
public:
  item_printer(const log_options& options, bool as_array)
    : options_{&options}, array_{as_array} {
    if (is_json()) {
      if (array_)
        std::fputs("[", stdout);
    } else {
      print_line(dump_head());
    }
  }

  void print(const json& object, const std::string& line) {
    if (!is_json()) {
      print_line(line);
      return;
    }
    if (array_)
      std::fputs(first_ ? "\n" : ",\n", stdout);
    first_ = false;
    const auto text
      = object.dump(-1, ' ', false, json::error_handler_t::replace);
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (!array_)
      std::fputc('\n', stdout);
  }
  void print(const log_message& message) {
    print(is_json() ? message_json(message, options_->bytes) : json(),
          is_json() ? std::string{} : line_of(message, options_->bytes));
  }
  void print(const stream_event& event) {
    print(event_json(event), line_of(event));
  }
  void end() {
    if (is_json() && array_)
      std::fputs(first_ ? "]\n" : "\n]\n", stdout);
  }

private:
  [[nodiscard]] bool is_json() const {
    return options_->output == output_format::json;
  }
  const log_options* options_;
  bool array_;
  bool first_ = true;
};

int run_dump(const log_options& options) {
  auto from = start_of(options);
  if (!from)
    return fail(from.failure());
  auto reader = open_reader(options, *from);
  if (!reader)
    return fail(reader.failure());
  item_printer printer{options, true};
  for (uint64_t i = 0; options.count == 0 || i < options.count; ++i) {
    auto item = (*reader)->next();
    if (!item) {
      printer.end();
      return fail(item.failure());
    }
    if (const auto* message = std::get_if<log_message>(&*item))
      printer.print(*message);
    else if (const auto* event = std::get_if<stream_event>(&*item))
      printer.print(*event);
    else
      break;
  }
  printer.end();
  if (const auto& why = (*reader)->stalled(); !why.empty())
    return fail({errc::corrupt, why});
  return exit_ok;
}

int run_verify(const log_options& options) {
  const bool show
    = options.output == output_format::table && ::isatty(STDERR_FILENO) == 1;
  const std::function<void(uint64_t, uint64_t)> progress
    = [](uint64_t done, uint64_t all) {
        std::fprintf(
          stderr, "\r%3llu %%", // The cursor stays on the line.
          static_cast<unsigned long long>(all == 0 ? 100 : done * 100 / all));
      };
  auto report
    = verify_log(posix_file_system(), options.directory,
                 show ? progress : std::function<void(uint64_t, uint64_t)>{});
  if (show)
    std::fputs("\r      \r", stderr);
  if (!report)
    return fail(report.failure());
  if (options.output == output_format::json) {
    json out{
      {"directory", options.directory}, {"lineage", to_string(report->lineage)},
      {"files", report->files.size()},  {"messages", report->message_count},
      {"end", place_json(report->end)}, {"ok", report->damages.empty()},
      {"damages", json::array()}};
    for (const auto& damage : report->damages)
      out["damages"].push_back({{"file", damage.file},
                                {"offset", damage.offset},
                                {"reason", damage.reason}});
    print_line(out.dump(2));
  } else {
    for (const auto& damage : report->damages)
      print_line(fmt::format("{}: damage at {}: {}", damage.file, damage.offset,
                             damage.reason));
    print_line(fmt::format(
      "{} files, {} messages, end {}: {}", report->files.size(),
      report->message_count, to_string(report->end),
      report->damages.empty()
        ? "intact"
        : fmt::format("{} damaged places", report->damages.size())));
  }
  return report->damages.empty() ? exit_ok : exit_negative;
}

// Where to begin so that the last `count` items are shown: the start of a file
// that has so many behind it.
result<std::optional<position>> tail_start(const log_options& options) {
  auto& fs = posix_file_system();
  auto lineage = read_lineage(fs, options.directory);
  if (!lineage)
    return lineage.failure();
  auto files = list_log_files(fs, options.directory);
  if (!files)
    return files.failure();
  uint64_t behind = 0;
  for (auto info = files->rbegin(); info != files->rend(); ++info) {
    auto scan = scan_log_file(fs, options.directory, *lineage, *info);
    if (!scan)
      return scan.failure();
    behind += scan->tally.message_count;
    if (behind >= options.count)
      return std::optional{position::of(info->session, info->roll, 0)};
  }
  return std::optional<position>{};
}

int run_tail(const log_options& options) {
  auto from = tail_start(options);
  if (!from)
    return fail(from.failure());
  auto reader = open_reader(options, *from);
  if (!reader)
    return fail(reader.failure());
  struct shown {
    json object;
    std::string line;
  };
  std::deque<shown> last;
  item_printer printer{options, !options.follow};
  bool caught_up = false;
  const auto flush = [&] {
    for (const auto& each : last)
      printer.print(each.object, each.line);
    last.clear();
    if (options.follow)
      std::fflush(stdout);
  };
  for (;;) {
    auto item = (*reader)->next();
    if (!item) {
      flush();
      printer.end();
      return fail(item.failure());
    }
    if (std::holds_alternative<log_end>(*item)) {
      flush();
      if (!options.follow || std::ferror(stdout) != 0)
        break;
      caught_up = true;
      // lint: allow(sleep): another process writes, and wakes nobody.
      std::this_thread::sleep_for(std::chrono::milliseconds{options.poll_ms});
      continue;
    }
    if (const auto* message = std::get_if<log_message>(&*item))
      last.push_back({message_json(*message, options.bytes),
                      line_of(*message, options.bytes)});
    else
      last.push_back({event_json(std::get<stream_event>(*item)),
                      line_of(std::get<stream_event>(*item))});
    if (!caught_up && last.size() > options.count)
      last.pop_front();
  }
  printer.end();
  return exit_ok;
}

int run_explain(const log_options& options) {
  auto at = parse_position(options.position);
  if (!at)
    return fail(at.failure());
  const auto file = log_file_name(at->session(), at->roll());
  const bool present
    = posix_file_system().exists(options.directory + "/" + file);
  json out{{"position", at->value},    {"hex", fmt::format("{:#x}", at->value)},
           {"session", at->session()}, {"roll", at->roll()},
           {"offset", at->offset()},   {"file", file},
           {"file_present", present}};
  auto reader = open_reader(options, *at);
  std::string finding;
  bool good = false;
  if (!reader) {
    const auto failure = reader.failure();
    if (failure.code != errc::bad_position && failure.code != errc::ahead)
      return fail(failure);
    finding = failure.code == errc::ahead ? "lies beyond the end of the log"
                                          : "is not on a message boundary";
    out["state"] = to_string(failure.code);
  } else {
    auto item = (*reader)->next();
    if (!item)
      return fail(item.failure());
    good = true;
    if (const auto* message = std::get_if<log_message>(&*item)) {
      out["state"] = "message";
      out["next"] = message_json(*message, options.bytes);
      finding = "next message: " + line_of(*message, options.bytes);
    } else if (const auto* event = std::get_if<stream_event>(&*item)) {
      out["state"] = "event";
      out["next"] = event_json(*event);
      finding = "next: " + line_of(*event);
    } else {
      out["state"] = "end";
      finding = "the end of the log, as of now";
    }
  }
  if (options.output == output_format::json) {
    print_line(out.dump(2, ' ', false, json::error_handler_t::replace));
  } else {
    print_line(fmt::format("position  {} ({:#x})", at->value, at->value));
    print_line(fmt::format("place     {}, {}", to_string(*at),
                           present ? "file present" : "no such file"));
    print_line("finding   " + finding);
  }
  return good ? exit_ok : exit_negative;
}

using options_ptr = std::shared_ptr<log_options>;

CLI::App* add_part(CLI::App& log, std::function<int()>& run,
                   const options_ptr& options, const std::string& name,
                   const std::string& description, const std::string& example,
                   int (*action)(const log_options&)) {
  auto* part = add_command(log, name, description, example);
  part->add_option("DIRECTORY", options->directory, "The log directory")
    ->required()
    ->type_name("");
  add_output_option(*part, options->output, false);
  part->callback(
    [options, action, &run] { run = [=] { return action(*options); }; });
  return part;
}

} // namespace

void add_log_command(CLI::App& app, std::function<int()>& run) {
  auto* log = add_command(app, "log", "Look at a log directory, live or dead",
                          "millrace log verify data/rt0/out/ticks");
  log->require_subcommand(1);
  const auto made = [] { return std::make_shared<log_options>(); };
  add_part(*log, run, made(), "ls", "List the files",
           "millrace log ls data/rt0/out/ticks", run_ls);
  add_part(*log, run, made(), "info",
           "Show lineage, synced end, messages and ids of each file",
           "millrace log info -o json data/rt0/out/ticks", run_info);
  add_part(*log, run, made(), "verify",
           "Check every byte; exit 1 when something is damaged",
           "millrace log verify data/rt0/out/ticks && echo intact", run_verify);
  auto options = made();
  auto* dump = add_part(*log, run, options, "dump",
                        "Print messages and events in stream order",
                        "millrace log dump --from log.0.1@4096 --count 10 "
                        "data/rt0/out/ticks",
                        run_dump);
  dump->add_option("--from", options->from, "Where to begin; default: begin")
    ->type_name("POSITION");
  dump->add_option("--count", options->count, "At most so many; 0: all")
    ->check(whole_number());
  dump->add_option("--bytes", options->bytes, "Payload bytes shown, 32")
    ->check(whole_number());
  dump->add_flag("--resync", options->resync,
                 "Behind damage go on at the next intact record");
  options = made();
  options->count = 10;
  auto* tail = add_part(
    *log, run, options, "tail", "Print the last messages, and new ones with -f",
    "millrace log tail -f -n 3 data/rt0/out/ticks", run_tail);
  tail->add_option("-n,--count", options->count, "How many, 10")
    ->check(whole_number());
  tail->add_option("--bytes", options->bytes, "Payload bytes shown, 32")
    ->check(whole_number());
  tail->add_flag("-f,--follow", options->follow, "Wait for more");
  tail->add_option("--poll-ms", options->poll_ms, "Pause between looks, 200")
    ->check(CLI::Range(1, 60'000));
  options = made();
  auto* explain = add_part(*log, run, options, "explain-pos",
                           "Say what lies at a position; exit 1 when none can",
                           "millrace log explain-pos data/rt0/out/ticks "
                           "17592186044416",
                           run_explain);
  explain
    ->add_option("POSITION", options->position,
                 "A number, 0x..., or log.<session>.<roll>@<offset>")
    ->required()
    ->type_name("");
}

} // namespace millrace::nodes
