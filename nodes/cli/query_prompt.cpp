#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/answer_query.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/query_prompt.hpp>
#include <millrace/nodes/cli/tables.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <editline/readline.h>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace millrace::nodes {

namespace {

constexpr int history_max = 1'000;

constexpr const char* help_text
  = "\\d            the tables\n"
    "\\d NAME       the columns of one\n"
    "\\l LANGUAGE   qsql, sql or getdata: what is asked from here on\n"
    "\\o FORMAT     table, csv or json\n"
    "\\timing       how long each answer took, or not\n"
    "\\pager        long answers through $PAGER (or less), or not\n"
    "\\q            the end, as ctrl-D\n"
    "A query of q is a line, one of SQL ends with a semicolon, one of getdata\n"
    "with its last bracket. Tab completes names of tables and columns. Ctrl-C\n"
    "ends what is being answered.\n";

/// What tab completes to: libedit calls without a context.
std::vector<std::string>& known_words() {
  static std::vector<std::string> words;
  return words;
}

char* next_match(const char* begin, int state) {
  static size_t at = 0;
  if (state == 0)
    at = 0;
  const auto& words = known_words();
  while (at < words.size())
    if (const auto& word = words[at++]; word.starts_with(begin))
      return ::strdup(word.c_str()); // libedit frees it.
  return nullptr;
}

char** completed(const char* text, int, int) {
  rl_attempted_completion_over = 1; // No names of files.
  return rl_completion_matches(text, next_match);
}

/// Brackets that are open at the end of a text, outside of its quotations.
int open_brackets(std::string_view text) {
  int depth = 0;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      is_quoted = !is_quoted;
    else if (!is_quoted && (text[i] == '{' || text[i] == '['))
      ++depth;
    else if (!is_quoted && (text[i] == '}' || text[i] == ']'))
      --depth;
  }
  return depth;
}

/// Ends the wait for a key when a signal comes. libedit looks for one only
/// where it interrupts the read: one that came just before it waits is sent
/// again.
class key_interruption {
public:
  explicit key_interruption(const interrupts& signals)
    : reader_{::pthread_self()}, watcher_{[this, &signals] { run(signals); }} {}
  ~key_interruption() {
    {
      const std::scoped_lock lock{mutex_};
      over_ = true;
    }
    changed_.notify_all();
    watcher_.join();
  }
  key_interruption(const key_interruption&) = delete;
  key_interruption& operator=(const key_interruption&) = delete;

private:
  void run(const interrupts& signals) {
    constexpr std::chrono::milliseconds look{50};
    std::unique_lock lock{mutex_};
    while (!changed_.wait_for(lock, look, [this] { return over_; }))
      if (signals.raised())
        ::pthread_kill(reader_, signals.exit_code() - exit_by_signal);
  }

  pthread_t reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread watcher_; ///< The last: it uses the others.
};

class query_prompt {
public:
  query_prompt(runtime& host, const cluster_config& config,
               query_options options)
    : host_{host}, config_{config}, options_{std::move(options)} {
    auto& words = known_words();
    for (const auto& table : config.tables) {
      words.push_back(table.schema.name);
      for (const auto& column : table.schema.columns)
        words.push_back(column.name);
    }
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    rl_attempted_completion_function = completed;
    if (const auto* home = std::getenv("HOME"))
      history_ = std::string{home} + "/.millrace_history";
    ::using_history();
    ::stifle_history(history_max);
    if (!history_.empty())
      ::read_history(history_.c_str()); // The first time there is none.
  }

  ~query_prompt() {
    if (history_.empty())
      return;
    // Queries are their asker's own.
    const auto before = ::umask(077);
    if (::write_history(history_.c_str()) != 0)
      fmt::print(stderr, "millrace: the history is not kept: {}: {}\n",
                 history_, std::strerror(errno));
    ::umask(before);
  }
  query_prompt(const query_prompt&) = delete;
  query_prompt& operator=(const query_prompt&) = delete;

  int run() {
    fmt::print("{} of cluster {}; \\? is help, \\q the end\n", language(),
               config_.name);
    for (;;) {
      const auto line = next_line();
      if (!line)
        break;
      if (*line == again)
        continue;
      if (text_.empty() && line->starts_with('\\')) {
        ::add_history(line->c_str());
        if (!obey(*line))
          return exit_ok;
        continue;
      }
      text::add_to_list(text_, *line, "\n");
      if (text_.find_first_not_of(" \t\n") == text_.npos)
        text_.clear();
      else if (is_whole())
        ask();
    }
    fmt::print("\n");
    return exit_ok;
  }

private:
  static constexpr const char* again = "\x03";

  [[nodiscard]] std::string language() const {
    return options_.language.empty() ? "qsql" : options_.language;
  }

  /// None: the end. `again`: ctrl-C, what was begun is forgotten.
  std::optional<std::string> next_line() {
    const interrupts signals{interrupts::waiting::ends};
    const auto sign = text_.empty() ? language() + "> " : "...> ";
    std::unique_ptr<char, void (*)(void*)> line{nullptr, std::free};
    {
      const key_interruption interruption{signals};
      line.reset(::readline(sign.c_str()));
    }
    if (signals.raised()) {
      if (signals.exit_code() != exit_by_signal + SIGINT)
        return std::nullopt;
      text_.clear();
      fmt::print("\n");
      return again;
    }
    return line ? std::optional<std::string>{line.get()} : std::nullopt;
  }

  [[nodiscard]] bool is_whole() const {
    if (text_.find_first_not_of(" \t\n") == text_.npos)
      return true;
    if (options_.language == "sql")
      return text_.find_last_not_of(" \t\n") == text_.find_last_of(';');
    const bool is_getdata
      = options_.language == "getdata"
        || (options_.language.empty() && text_.starts_with('{'));
    return !is_getdata || open_brackets(text_) <= 0;
  }

  void ask() {
    ::add_history(text_.c_str());
    auto text = std::exchange(text_, {});
    if (options_.language == "sql")
      text.resize(text.find_last_of(';'));
    const interrupts signals;
    answer_place place;
    place.interrupted = [&] { return signals.raised(); };
    place.is_prompt = true;
    auto* pager = open_pager();
    if (pager != nullptr)
      place.into = pager;
    // What is wrong is told, and the next query asked.
    (void)answer_query(host_, config_, options_, text, place);
    if (pager != nullptr)
      ::pclose(pager);
    flush_output();
  }

  /// Null: there is none.
  [[nodiscard]] std::FILE* open_pager() const {
    if (!is_paged_ || options_.output != query::result_format::table)
      return nullptr;
    if (const auto* pager = std::getenv("PAGER"); pager && *pager != '\0')
      return ::popen(pager, "w");
    for (const auto* less : {"/usr/bin/less", "/bin/less"})
      if (::access(less, X_OK) == 0)
        return ::popen((std::string{less} + " -FRSX").c_str(), "w");
    return nullptr;
  }

  /// @returns false for the end
  bool obey(const std::string& line) {
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    const auto word = line.substr(0, blank);
    const auto begin = line.find_first_not_of(" \t", blank);
    auto rest = begin == line.npos ? std::string{} : line.substr(begin);
    while (rest.ends_with(' ') || rest.ends_with(';'))
      rest.pop_back();
    if (word == "\\q")
      return false;
    if (word == "\\?" || word == "\\h")
      fmt::print("{}", help_text);
    else if (word == "\\d")
      (void)tables_command.run({.config = options_.config, .table = rest});
    else if (word == "\\l")
      take_language(rest);
    else if (word == "\\o")
      take_format(rest);
    else if (word == "\\timing")
      tell("timing", options_.timing = !options_.timing);
    else if (word == "\\pager")
      tell("the pager", is_paged_ = !is_paged_);
    else
      fmt::print(stderr, "millrace: there is no {}; \\? tells what there is\n",
                 word);
    return true;
  }

  static void tell(const char* what, bool is_on) {
    fmt::print("{} is {}\n", what, is_on ? "on" : "off");
  }

  void take_language(const std::string& name) {
    const std::vector<std::string> known{"qsql", "sql", "getdata"};
    if (std::find(known.begin(), known.end(), name) == known.end())
      fmt::print(stderr, "millrace: '{}' is not one of {}{}\n", name,
                 fmt::join(known, ", "), text::meant(name, known));
    else
      options_.language = name;
  }

  void take_format(const std::string& name) {
    const std::vector<std::pair<std::string, query::result_format>> known{
      {"table", query::result_format::table},
      {"csv", query::result_format::csv},
      {"json", query::result_format::json}};
    for (const auto& [each, format] : known)
      if (each == name) {
        options_.output = format;
        return;
      }
    fmt::print(stderr, "millrace: '{}' is not one of table, csv, json\n", name);
  }

  runtime& host_;
  const cluster_config& config_;
  query_options options_;
  std::string history_; ///< Its file; empty: none.
  std::string text_;    ///< What is begun.
  bool is_paged_ = true;
};

} // namespace

int prompt_for_queries(runtime& host, const cluster_config& config,
                       query_options options) {
  return query_prompt{host, config, std::move(options)}.run();
}

} // namespace millrace::nodes
