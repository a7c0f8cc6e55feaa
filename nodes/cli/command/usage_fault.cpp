#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/command/usage_fault.hpp>

#include <CLI/CLI.hpp>
#include <vector>

namespace millrace::nodes {

namespace {

/// The commands that the words named, the program first.
std::vector<CLI::App*> named(CLI::App& program) {
  std::vector<CLI::App*> out{&program};
  for (;;) {
    const auto below = out.back()->get_subcommands();
    if (below.empty())
      return out;
    out.push_back(below.front());
  }
}

/// "millrace log verify"
std::string full_name(const std::vector<CLI::App*>& path) {
  std::string out;
  for (const auto* each : path)
    text::add_to_list(out, each->get_name(), " ");
  return out;
}

std::vector<std::string> commands_of(const CLI::App& group) {
  std::vector<std::string> out;
  for (const auto* each : group.get_subcommands({}))
    out.push_back(each->get_name());
  return out;
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const auto* each : command.get_options())
    for (const auto& name : each->get_lnames())
      out.push_back("--" + name);
  return out;
}

/// What the library says of an option, in our words.
std::string option_fault(const CLI::ParseError& why) {
  const std::string said = why.what();
  // "Could not convert: --force = x"
  if (dynamic_cast<const CLI::ConversionError*>(&why) != nullptr) {
    const auto name = said.find("--");
    return said.substr(name, said.find(' ', name) - name) + " takes no value";
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&why) == nullptr)
    return said;
  const auto option = said.substr(0, said.find(": "));
  return option
         + (said.find("received") == said.npos ? " needs a value"
                                               : " is given more than once");
}

/// What is said of the first word that has no meaning; empty: all have one.
std::string stray_word(const std::vector<CLI::App*>& path) {
  for (const auto* at : path) {
    for (const auto& word : at->remaining()) {
      if (word == "--")
        continue;
      if (word.size() > 1 && word.front() == '-')
        return "unknown option '" + word + "'"
               + text::meant(word.substr(0, word.find('=')), options_of(*at));
      const auto commands = commands_of(*at);
      if (commands.empty())
        return "unexpected argument '" + word + "'";
      return "unknown command '" + word + "'" + text::meant(word, commands);
    }
  }
  return {};
}

std::string with_help(const std::string& name, const std::string& said) {
  return name + ": " + said + " ('" + name + " --help' tells more)";
}

} // namespace

std::string stray_word_fault(CLI::App& program) {
  const auto path = named(program);
  const auto said = stray_word(path);
  return said.empty() ? said : with_help(full_name(path), said);
}

std::string usage_fault(CLI::App& program, const CLI::ParseError& why) {
  const auto path = named(program);
  const auto name = full_name(path);
  auto said = stray_word(path);
  if (said.empty()) {
    const bool lacks_command
      = dynamic_cast<const CLI::RequiredError*>(&why) != nullptr
        && !path.back()->get_subcommands({}).empty();
    said = lacks_command ? "a command is required" : option_fault(why);
  }
  return with_help(name, said);
}

} // namespace millrace::nodes
