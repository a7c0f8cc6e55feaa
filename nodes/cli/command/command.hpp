#pragma once

#include <millrace/nodes/cli/command/options.hpp>

#include <functional>
#include <memory>

namespace millrace::nodes {

/// What the help text tells of a program or a command.
struct command_text {
  const char* name;
  const char* description;
  const char* example; ///< As one would type it. A program has none.
};

/// A command: all that the program knows of it. `Options` holds what is given
/// to it, and the defaults of what is not.
template <class Options>
struct command {
  command_text text;
  void (*declare)(option_list& list, Options& into);
  int (*run)(const Options& options); ///< Returns the exit code.
};

class command_list;

/// A program or a command that is nothing but the commands below it.
struct command_group {
  command_text text;
  void (*declare)(command_list& list);
};

/// What can follow the name of a group.
class command_list {
public:
  /// Gives the exit code.
  using action = std::function<int()>;

  /// @param chosen becomes what runs the command that the user named
  command_list(CLI::App* group, action* chosen) noexcept
    : group_{group}, chosen_{chosen} {}

  template <class Options>
  void add(const command<Options>& what) {
    auto options = std::make_shared<Options>();
    auto list
      = add(what.text, [options, run = what.run] { return run(*options); });
    what.declare(list, *options);
  }
  void add(const command_group& what);
  /// What tells of the commands of `program` that were added before: help, and
  /// completion for shells.
  void add_help(CLI::App& program);

private:
  option_list add(const command_text& text, action run);

  CLI::App* group_;
  action* chosen_;
};

/// A whole program: parses the words of its command line and runs what they
/// name. What is wrong with them is told on standard error, help is printed.
/// Output that was lost (a full disk, a closed pipe) is not a success.
/// @returns the exit code of the process; see exit_codes.hpp.
[[nodiscard]] int run_program(const command_group& program, int argc,
                              const char* const* argv);

namespace detail {
[[nodiscard]] int run_program(const command_text& text,
                              const std::function<void(option_list&)>& declare,
                              const command_list::action& run, int argc,
                              const char* const* argv);
} // namespace detail

/// The same for a program that does one thing.
template <class Options>
[[nodiscard]] int run_program(const command<Options>& program, int argc,
                              const char* const* argv) {
  Options options;
  return detail::run_program(
    program.text, [&](option_list& list) { program.declare(list, options); },
    [&] { return program.run(options); }, argc, argv);
}

} // namespace millrace::nodes
