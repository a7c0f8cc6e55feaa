#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/cli/command/completion.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/usage_fault.hpp>
#include <millrace/nodes/host/block_heap.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/standard_descriptors.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace millrace::nodes {

namespace {

/// Whether `-o json` is among the words, also of those that are none.
bool asks_json(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--output=json" || word == "-o=json" || word == "-ojson"
        || ((word == "-o" || word == "--output") && i + 1 < words.size()
            && words[i + 1] == "json"))
      return true;
  }
  return false;
}

int fail_usage(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  keep_failure({errc::invalid_argument, text});
  return exit_usage;
}

/// @returns the exit code of what ran, or of what is wrong with the words.
int parse_and_run(CLI::App& program, const command_list::action& run,
                  std::vector<std::string> words) {
  use_large_blocks();
  if (asks_json(words))
    print_failure_as_json();
  try {
    // CLI11 takes them from the end.
    program.parse(std::vector<std::string>{words.rbegin(), words.rend()});
  } catch (const CLI::CallForHelp& help) {
    // Help for a word that is not known would be that for another one.
    if (const auto fault = stray_word_fault(program); !fault.empty())
      return fail_usage(fault);
    return program.exit(help);
  } catch (const CLI::ParseError& fault) {
    return fail_usage(usage_fault(program, fault));
  }
  return run();
}

std::vector<std::string> words_of(int argc, const char* const* argv) {
  return argc > 1 ? std::vector<std::string>{argv + 1, argv + argc}
                  : std::vector<std::string>{};
}

/// Whether the words are `help COMMAND...`.
bool asks_help(const std::vector<std::string>& words) {
  return !words.empty() && words.front() == "help"
         && (words.size() == 1 || !words[1].starts_with('-'));
}

/// What is wrong with words after `help COMMAND`; empty: nothing.
std::string help_fault(const CLI::App& program,
                       const std::vector<std::string>& words) {
  const auto* at = &program;
  for (size_t i = 1; i < words.size(); ++i) {
    const auto below = at->get_subcommands({});
    if (below.empty())
      return "help: '" + at->get_name() + "' has no command '" + words[i]
             + "' below it";
    const auto next
      = std::find_if(below.begin(), below.end(), [&](const auto* each) {
          return each->get_name() == words[i];
        });
    if (next == below.end())
      return {}; // Told where the words are read.
    at = *next;
  }
  return {};
}

/// `help COMMAND...` is `COMMAND... --help`, and `--version` is `version`, as
/// people expect.
std::vector<std::string> in_our_words(std::vector<std::string> words) {
  if (words.empty())
    return words;
  if (asks_help(words)) {
    words.erase(words.begin());
    words.emplace_back("--help");
  } else if (words.front() == "--version" || words.front() == "-V") {
    words.front() = "version";
  }
  return words;
}

/// Keeps exceptions and lost output from looking like success. A pipe that its
/// reader closed is neither: the command ends as one that SIGPIPE ended.
template <class Run>
int guarded(Run run) {
  if (const auto fault = hold_standard_descriptors())
    return fail(fault);
  try {
    const int code = run();
    end_failure(code);
    if (const int refusal = end_output()) {
      if (output_is_unread())
        return exit_pipe;
      std::fprintf(stderr, "millrace: standard output: %s\n",
                   std::strerror(refusal));
      return code == exit_ok ? static_cast<int>(exit_io) : code;
    }
    return code;
  } catch (const std::system_error& fault) {
    if (fault.code().value() == EPIPE && output_is_unread())
      return exit_pipe;
    // A library's words for what it could not print.
    const std::string what = fault.what();
    const int code = fail(
      {errc::storage_failed, what.starts_with("cannot write to file")
                               ? "standard output: " + fault.code().message()
                               : what});
    end_failure(code);
    return code;
  } catch (const std::exception& fault) {
    const int code = fail({errc::internal, fault.what()});
    end_failure(code);
    return code;
  }
}

std::string example_of(const command_text& text) {
  return std::string{"Example:\n  "} + text.example;
}

} // namespace

option_list command_list::add(const command_text& text, action run) {
  auto* made = group_->add_subcommand(text.name, text.description);
  made->footer(example_of(text));
  made->callback([run = std::move(run), chosen = chosen_] { *chosen = run; });
  return option_list{made};
}

void command_list::add(const command_group& what) {
  auto* made = group_->add_subcommand(what.text.name, what.text.description);
  made->footer(example_of(what.text));
  made->require_subcommand(1);
  command_list below{made, chosen_};
  what.declare(below);
}

void command_list::add_help(CLI::App& program) {
  // Only for the list of commands: its words are read before.
  add({"help", "Show the options of a command", "millrace help query"},
      [] { return exit_ok; });
  auto of = std::make_shared<shell>(shell::bash);
  auto list = add({"completion", "Print what makes a shell complete commands",
                   "source <(millrace completion bash)"},
                  [&program, of] {
                    std::fputs(completion_script(program, *of).c_str(), stdout);
                    return exit_ok;
                  });
  list
    .choice<shell>("SHELL", *of, {{"bash", shell::bash}, {"zsh", shell::zsh}},
                   "bash or zsh")
    .required();
}

int run_program(const command_group& program, int argc,
                const char* const* argv) {
  return guarded([&] {
    CLI::App app{program.text.description, program.text.name};
    app.require_subcommand(1);
    app.footer(std::string{"`"} + program.text.name
               + " COMMAND --help` shows the options of a command, with an "
                 "example.");
    command_list::action chosen;
    command_list list{&app, &chosen};
    program.declare(list);
    list.add_help(app);
    bool version = false; // Read before, as the command of that name.
    app.add_flag("-V,--version", version,
                 "Print the version, as `version` does");
    const auto words = words_of(argc, argv);
    if (asks_help(words))
      if (const auto fault = help_fault(app, words); !fault.empty()) {
        std::fprintf(stderr, "%s %s ('%s --help' tells more)\n",
                     program.text.name, fault.c_str(), program.text.name);
        return static_cast<int>(exit_usage);
      }
    return parse_and_run(
      app, [&] { return chosen(); }, in_our_words(words));
  });
}

namespace detail {

int run_program(const command_text& text,
                const std::function<void(option_list&)>& declare,
                const command_list::action& run, int argc,
                const char* const* argv) {
  return guarded([&] {
    CLI::App app{text.description, text.name};
    app.footer(example_of(text));
    option_list list{&app};
    declare(list);
    return parse_and_run(app, run, words_of(argc, argv));
  });
}

} // namespace detail

} // namespace millrace::nodes
