#include <millrace/nodes/cli/command/command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

namespace millrace::nodes {

namespace {

/// @returns the exit code of what ran, or of what is wrong with the words.
int parse_and_run(CLI::App& program, const command_list::action& run, int argc,
                  const char* const* argv) {
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    // Help is not a fault; every other one is a fault of usage.
    return program.exit(fault) == 0 ? exit_ok : exit_usage;
  }
  return run();
}

/// Keeps exceptions and lost output from looking like success.
template <class Run>
int guarded(Run run) {
  try {
    const int code = run();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      std::perror("millrace: standard output");
      return code == exit_ok ? static_cast<int>(exit_io) : code;
    }
    return code;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "millrace: internal: %s\n", fault.what());
    return exit_internal;
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
    return parse_and_run(
      app, [&] { return chosen(); }, argc, argv);
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
    return parse_and_run(app, run, argc, argv);
  });
}

} // namespace detail

} // namespace millrace::nodes
