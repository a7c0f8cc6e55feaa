#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/cli/log/open_log.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <thread>

namespace millrace::nodes {

namespace {

void declare(option_list& list, log_tail_options& into) {
  declare_log(list, into);
  list.number("-n,--count", into.count, "How many; default: 10");
  list.number("--bytes", into.bytes, "Payload bytes shown; default: 32");
  list.flag("-f,--follow", into.follow, "Wait for more");
  list.flag("--resync", into.resync,
            "After damage go on at the next intact record");
  list
    .number("--poll-ms", into.poll_ms, 1u, 60'000u,
            "Milliseconds between looks; default: 200")
    .shown_as("UINT");
}

/// Where to begin so that the last `count` items are shown: the start of the
/// last file from which on there are so many.
result<std::optional<position>> start_of(const log_tail_options& options) {
  auto& fs = persistence::posix_file_system();
  auto lineage = persistence::read_lineage(fs, options.directory);
  if (!lineage)
    return lineage.failure();
  auto files = persistence::list_log_files(fs, options.directory);
  if (!files)
    return files.failure();
  uint64_t count = 0;
  for (auto info = files->rbegin(); info != files->rend(); ++info) {
    auto scan
      = persistence::scan_log_file(fs, options.directory, *lineage, *info);
    if (!scan)
      return scan.failure();
    count += scan->tally.message_count;
    if (count >= options.count)
      return std::optional{position::of(info->session, info->roll, 0)};
  }
  return std::optional<position>{};
}

/// Prints the last items of a log, and with `--follow` those that come.
class log_tail {
public:
  explicit log_tail(const log_tail_options& options)
    : options_{&options}, printer_{options.output, options.bytes,
                                   !options.follow} {}

  error run(persistence::log_reader& from) {
    bool caught_up = false;
    for (;;) {
      auto item = from.next();
      if (!item) {
        flush();
        return item.failure();
      }
      if (std::holds_alternative<persistence::log_end>(*item)) {
        flush();
        if (!options_->follow || std::ferror(stdout) != 0 || wait_unread())
          return damage(from);
        caught_up = true;
        continue;
      }
      last_.push_back(printer_.text_of(*item));
      if (!caught_up && last_.size() > options_->count)
        last_.pop_front();
    }
  }
  void end() { printer_.end(); }

private:
  /// What comes after it was not looked at.
  [[nodiscard]] static error damage(const persistence::log_reader& from) {
    if (from.stalled().empty())
      return {};
    return {errc::corrupt,
            from.stalled() + "; --resync goes on at the next intact record"};
  }
  /// Until the next look: another process writes, and wakes nobody.
  /// @returns whether the reader of standard output went meanwhile
  [[nodiscard]] bool wait_unread() const {
    using std::chrono::milliseconds;
    constexpr milliseconds step{50};
    for (milliseconds left{options_->poll_ms}; left.count() > 0; left -= step) {
      if (output_is_unread())
        return true;
      // lint: allow(sleep): what is waited for is the next look.
      std::this_thread::sleep_for(std::min(left, step));
    }
    return output_is_unread();
  }
  void flush() {
    for (const auto& each : last_)
      printer_.print(each);
    last_.clear();
    if (options_->follow)
      flush_output();
  }

  const log_tail_options* options_;
  item_printer printer_;
  std::deque<std::string> last_;
};

int run(const log_tail_options& options) {
  auto from = start_of(options);
  if (!from)
    return fail(from.failure());
  auto reader = open_log(options.directory, *from, options.resync);
  if (!reader)
    return fail(reader.failure());
  log_tail tail{options};
  const auto fault = tail.run(**reader);
  tail.end();
  if (output_is_unread())
    return exit_pipe;
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace

const command<log_tail_options> log_tail_command{
  {"tail", "Print the last messages, and new ones with -f",
   "millrace log tail -f -n 3 market"},
  declare,
  run};

} // namespace millrace::nodes
