#include <millrace/feed/source/reject_file.hpp>
#include <millrace/feed/text/replay_speed.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/feed.hpp>
#include <millrace/nodes/cli/feed_verdict.hpp>
#include <millrace/nodes/cli/layout_option.hpp>
#include <millrace/nodes/client/feed_session.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// The publisher's directory is named by what is fed, so that the same files
/// fed again meet their own log.
std::string feed_name(const feed_options& options) {
  if (!options.name.empty())
    return options.name;
  auto name = "feed-" + options.table;
  if (!options.symbol.empty())
    name += "-" + options.symbol;
  for (auto& c : name)
    if (c == '/' || c == '.' || c == ' ')
      c = '_';
  return name;
}

void draw_bar(const feed_session& feed, bool last) {
  const auto done = feed.read().bytes.load();
  const auto all = std::max<uint64_t>(feed.read().total_bytes.load(), 1);
  constexpr int width = 30;
  const auto filled
    = static_cast<int>(std::min<uint64_t>(done * width / all, width));
  fmt::print(stderr, "\r[{:<{}}] {:3}%  {} rows{}", std::string(filled, '#'),
             width, done * 100 / all, feed.progress().rows.load(),
             last ? "\n" : "");
  std::fflush(stderr);
}

error read_date(const std::string& text, feed_options& into) {
  const auto days = text::parse_date(text);
  if (!days)
    return days.failure();
  into.date = *days;
  return {};
}

error read_speed(const std::string& text, feed_options& into) {
  const auto speed = feed::parse_speed(text);
  if (!speed)
    return speed.failure();
  into.speed = speed->factor;
  return {};
}

error read_name(const std::string& text, feed_options& into) {
  if (!text::is_undotted_name(text))
    return {errc::invalid_argument,
            "'" + text
              + "' is not a name: at most 64 letters, digits, '_' and '-', not "
                "led by '-'"};
  into.name = text;
  return {};
}

void declare(option_list& list, feed_options& into) {
  declare_config(list, into.config);
  declare_layout(list, into.layout).required();
  list.text("--table", into.table, "Where the rows go")
    .required()
    .shown_as("TABLE");
  list
    .read(
      "--date",
      [&into](const std::string& text) { return read_date(text, into); },
      "Day of files that carry times only")
    .shown_as("YYYY-MM-DD");
  list.text("--symbol", into.symbol, "Symbol of files that carry none")
    .shown_as("SYMBOL");
  list
    .read(
      "--speed",
      [&into](const std::string& text) { return read_speed(text, into); },
      "original, a multiple of it such as 10x, or max (default)")
    .shown_as("SPEED");
  list.flag("--again", into.again,
            "Publish anew what was published before, also copies of it");
  list.flag("--go-on", into.go_on,
            "Go on after what was published of a file under another name, as "
            "of a log that was renamed, or by another layout");
  list
    .text("--reject", into.reject,
          "Where lines go that cannot be read; default: beside the publisher's "
          "log")
    .shown_as("FILE");
  list
    .number("--max-rejects", into.rejects_max,
            "Lines of one file that may give no row; above it the exit code is "
            "65 (default 0)")
    .shown_as("N");
  list.flag("--dry-run", into.dry_run,
            "Read all files, as if none was published, and publish nothing");
  list
    .read(
      "--name",
      [&into](const std::string& text) { return read_name(text, into); },
      "Name of the feed; default: from table and symbol. Feeds of one name "
      "know what each other published, and run one at a time")
    .shown_as("NAME");
  list
    .text("--member", into.member,
          "Members of archives that are read: '*' stands for any text")
    .shown_as("PATTERN");
  list.flag("--follow", into.follow,
            "Go on with what is appended to the files, until ctrl-C");
  list
    .text("--only-rejects", into.only_rejects,
          "Feed the lines of a reject file, mended there or with a mended "
          "layout, instead of files; they leave it when they are published")
    .shown_as("FILE");
  declare_output(list, into.output);
  list.texts("FILE", into.files,
             "Plain, gzip, bzip2, xz, Zstandard or zip; - is standard input");
}

/// A file is known by its path: the same one from every directory, and through
/// every link. What is not a file (a pipe) is itself.
std::string own_path(const std::string& path) {
  std::error_code fault;
  if (std::filesystem::is_regular_file(path, fault))
    if (auto real = std::filesystem::canonical(path, fault); !fault)
      return real.string();
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// Two names of one file, as `ln` makes them, would give its rows twice.
error check_hard_links(const std::vector<std::string>& files) {
  std::vector<const std::string*> linked;
  std::error_code fault;
  for (const auto& each : files) {
    if (std::filesystem::hard_link_count(each, fault) < 2 || fault
        || !std::filesystem::is_regular_file(each, fault))
      continue;
    for (const auto* other : linked)
      if (*other != each && std::filesystem::equivalent(*other, each, fault))
        return {errc::invalid_argument,
                each + " and " + *other
                  + " are one file: its rows would come twice"};
    linked.push_back(&each);
  }
  return {};
}

feed_run run_of(const feed_options& options) {
  feed_run run;
  run.again = options.again;
  run.go_on = options.go_on;
  run.reject_path = options.reject;
  run.only_rejects = options.only_rejects;
  run.choice = {options.member, options.follow};
  return run;
}

process_config process_of(const feed_options& options) {
  process_config process;
  process.name = feed_name(options);
  process.type = process_type::feed;
  process.layout = options.layout;
  process.table = options.table;
  process.symbol = options.symbol;
  process.speed = options.speed;
  process.date = options.date;
  for (const auto& each : options.files)
    process.files.push_back(each == "-" ? "/dev/stdin" : own_path(each));
  return process;
}

/// Says what is to be known of each file.
void tell_files(const std::vector<feed::source_report>& reports) {
  tell_lines(reports);
  for (const auto& each : reports)
    if (each.resumed && each.rows == 0 && each.rejects == 0
        && each.passed_over == 0)
      fmt::print(stderr,
                 "already published: {}; --again publishes it once more\n",
                 each.source);
}

void print_stamped(uint64_t rows, std::string_view verb) {
  if (rows != 0)
    fmt::print("{} of them had no time, and {} that of their publishing\n",
               rows, verb);
}

void print_check(const feed_check& done, output_format output,
                 const error& fault) {
  const auto rejects = done.read->rejects.load();
  const auto backwards = done.read->backwards.load();
  const bool timed = done.first_time != null_long;
  if (output == output_format::json) {
    text::json_value out{{"rows", done.rows},
                         {"rejected", rejects},
                         {"backwards", backwards},
                         {"passed_over", done.read->passed_over.load()},
                         {"stamped", done.read->stamped.load()}};
    if (timed) {
      out.add("first_time", text::time_text(done.first_time));
      out.add("last_time", text::time_text(done.last_time));
    }
    if (fault)
      out.add("failure", failure_value(fault));
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{} rows would be published, {} lines "
             "rejected, {} out of order\n",
             done.rows, rejects, backwards);
  print_stamped(done.read->stamped, "would get");
  if (timed)
    fmt::print("first time {}, last time {}\n",
               text::time_text(done.first_time),
               text::time_text(done.last_time));
}

int check(const cluster_config& config, const process_config& process,
          const feed_options& options) {
  auto real = real_env::create();
  if (!real)
    return fail(real.failure());
  interrupts signals;
  auto run = run_of(options);
  signals.raise_too(run.read->stop); // Of pipes nobody may ever write to.
  const auto done
    = check_feed((*real)->world(), config, process, std::move(run),
                 [&] { return signals.raised(); });
  if (!done && signals.raised()) {
    fail({errc::cancelled, "interrupted"});
    return signals.exit_code();
  }
  if (!done)
    return fail_of_files(done.failure());
  auto fault = done->fault;
  if (!fault && signals.raised())
    fault = {errc::cancelled, "interrupted"};
  if (!fault)
    fault = judge(done->read->reports(), options.rejects_max);
  print_check(*done, options.output, fault);
  if (!done->fault && !signals.raised())
    tell_files(done->read->reports());
  const auto code = fault ? fail_of_files(fault) : static_cast<int>(exit_ok);
  return fault.code == errc::cancelled ? signals.exit_code() : code;
}

/// What came of it, and where its stream ends, if that is known.
void print_end(const feed_session& feed, const feed_options& options,
               const std::optional<position>& end, const error& fault) {
  const bool merged = feed.progress().merged;
  const auto read = feed.progress().rows.load();
  const auto rows = merged ? read : feed.recorded();
  const auto rejects = feed.read().rejects.load();
  const auto backwards = feed.read().backwards.load();
  if (options.output == output_format::json) {
    text::json_value out{{"rows", rows},
                         {"merged", merged},
                         {"unrecorded", read - rows},
                         {"rejected", rejects},
                         {"backwards", backwards},
                         {"passed_over", feed.read().passed_over.load()},
                         {"stamped", feed.read().stamped.load()},
                         {"reject_file", feed.reject_path()},
                         {"stream", feed.stream()}};
    if (end)
      out.add("end", end->value);
    if (fault)
      out.add("failure", failure_value(fault));
    fmt::print("{}\n", out.dump());
    return;
  }
  fmt::print("{} {} {}, {} rejected, {} out of order\n", rows,
             rows == 1 ? "row" : "rows", merged ? "published" : "recorded",
             rejects, backwards);
  print_stamped(feed.read().stamped, "got");
  if (!merged && rows != 0)
    fmt::print("not all of them are merged yet; they are kept in {}, and the "
               "next feed of this name{} brings them\n",
               feed.directory(), options.again ? " without --again" : "");
  if (read > rows)
    fmt::print("{} more were read, and are in no log{}\n", read - rows,
               feed.reads_pipe() || options.again
                 ? ""
                 : ": the same command reads them again");
  if (end)
    fmt::print("stream {} ends at {} (--at-least {})\n", feed.stream(),
               to_string(*end), end->value);
}

/// How an interrupted feed with --again is gone on with: with it, what was
/// published until now would be published once more, and without it, that
/// of which nothing was yet would be left out as published before.
std::string interruption_again(const feed_session& feed,
                               const std::vector<std::string>& files) {
  auto left = feed.recorded();
  std::vector<std::string> begun;
  std::vector<std::string> not_begun;
  std::set<std::string> seen;
  for (const auto& each : feed.read().reports()) {
    seen.insert(each.source.substr(0, each.source.find('#')));
    (left != 0 && each.rows != 0 ? begun : not_begun).push_back(each.source);
    left -= std::min(left, each.rows);
  }
  // The one that was being read is in no report yet.
  for (const auto& each : files) {
    if (seen.contains(each))
      continue;
    (left != 0 ? begun : not_begun).push_back(each);
    left = 0;
  }
  std::string out = "interrupted; ";
  if (begun.empty())
    return out + "nothing is recorded: run the same command again";
  if (not_begun.empty())
    return out + "run the same command without --again to go on";
  return out + "run the same command without --again for " + text::joined(begun)
         + ", and with it for " + text::joined(not_begun)
         + ", of which nothing is recorded";
}

/// What contradicts itself on the command line.
error check_feed_words(const feed_options& options) {
  const auto refuse = [](const char* why) {
    return error{errc::invalid_argument, why};
  };
  if (options.files.empty() == options.only_rejects.empty())
    return refuse("feed needs files, or --only-rejects and none");
  if (options.dry_run && options.follow)
    return refuse("--dry-run reads files to their end, and --follow has none");
  if (options.again && options.go_on)
    return refuse("--again begins at the start of each file, and --go-on after "
                  "what was published of it: give one of them");
  if (options.only_rejects.empty())
    return {};
  if (options.again)
    return refuse("--again publishes anew, and the lines of --only-rejects "
                  "were never published: leave it out");
  if (options.go_on)
    return refuse("--go-on is of files, and --only-rejects reads none: leave "
                  "it out");
  if (options.follow)
    return refuse("--follow goes on with files, and --only-rejects reads none: "
                  "leave it out");
  if (!options.member.empty())
    return refuse("--member is of archives, and --only-rejects reads none: "
                  "leave it out");
  return {};
}

/// The feed's name is made from the symbol, and what it published is known by
/// its name: without it, rows might come twice.
error check_symbol_is_said(const feed_options& options) {
  if (options.only_rejects.empty() || !options.name.empty()
      || !options.symbol.empty())
    return {};
  const auto lines = feed::read_rejects(persistence::posix_file_system(),
                                        options.only_rejects);
  if (!lines)
    return lines.failure();
  for (size_t i = 0; i < lines->size(); ++i)
    if (const auto& reading = (*lines)[i].reading;
        reading && !reading->symbol.empty())
      return {errc::invalid_argument,
              fmt::format("{}:{}: the line was read with --symbol {}: give it, "
                          "or the --name that was given then",
                          options.only_rejects, i + 1, reading->symbol)};
  return {};
}

int run(const feed_options& options) {
  if (auto fault = check_feed_words(options))
    return fail(fault);
  if (auto fault = check_symbol_is_said(options))
    return fail(fault);
  if (auto fault = check_keeps_rejects(options.reject))
    return fail(fault);
  auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto process = process_of(options);
  if (auto fault = check_no_directory(process.files))
    return fail(fault);
  if (auto fault = check_hard_links(process.files))
    return fail(fault);
  if (options.dry_run)
    return check(*config, process, options);
  interrupts signals;
  auto feed = feed_session::start(*config, process, run_of(options));
  if (!feed)
    return fail(feed.failure());
  feed_session::listener to;
  int asked = 0;
  to.interrupted = [&] {
    if (!signals.raised() || !options.follow)
      return signals.raised();
    // What is followed ends there, and what was read of it is published.
    *(*feed)->read().stop = true;
    return ++asked > 100;
  };
  if (::isatty(STDERR_FILENO) == 1)
    to.progress = [&](bool last) { draw_bar(**feed, last); };
  to.waiting = [](const std::string& text) {
    fmt::print(stderr, "millrace: {}\n", text);
    std::fflush(stderr);
  };
  auto fault = (*feed)->wait(to);
  std::optional<position> end;
  if (!fault) {
    if (const auto told = (*feed)->stream_end())
      end = *told;
    else
      fault = end_unknown(told.failure());
  }
  if (auto closed = (*feed)->close(); closed && !fault)
    fault = closed;
  if (fault.code == errc::cancelled)
    fault.context = options.again && !(*feed)->reads_pipe()
                      ? interruption_again(**feed, process.files)
                      : (*feed)->interruption();
  const auto& read = (*feed)->read();
  if (!fault)
    fault = judge(read.reports(), options.rejects_max);
  print_end(**feed, options, end, fault);
  tell_files(read.reports());
  if (read.rejects != 0 && options.output != output_format::json)
    fmt::print("rejected lines: {}\n", options.only_rejects.empty()
                                         ? (*feed)->reject_path()
                                         : options.only_rejects);
  const auto code = fault ? fail_of_files(fault) : static_cast<int>(exit_ok);
  const bool by_signal = options.follow || fault.code == errc::cancelled;
  return by_signal && signals.raised() ? signals.exit_code() : code;
}

} // namespace

const command<feed_options> feed_command{
  {"feed", "Publish files as rows of a table",
   "millrace feed --layout csv-trade --table trade --config "
   "examples/local.toml examples/trades.csv"},
  declare,
  run};

} // namespace millrace::nodes
