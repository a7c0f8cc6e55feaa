#include <millrace/nodes/cli/command/options.hpp>

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace millrace::nodes {

option& option::required() {
  declared_->required();
  return *this;
}

option& option::shown_as(const std::string& word) {
  declared_->type_name(word);
  return *this;
}

option& option::offers(const std::vector<std::string>& words) {
  // The library has no other place for it: a check that takes all, and whose
  // name is the words.
  declared_->check(CLI::Validator{[](std::string&) { return std::string{}; },
                                  "",
                                  fmt::format("{}", fmt::join(words, " "))});
  return *this;
}

void option_list::flag(const std::string& names, bool& into,
                       const std::string& help) {
  command_->add_flag(names, into, help);
}

option option_list::text(const std::string& names, std::string& into,
                         const std::string& help) {
  auto* declared = command_->add_option(names, into, help);
  // It would be taken for what was not given.
  if (names.starts_with('-'))
    declared->check([](const std::string& text) {
      return text.empty() ? std::string{"its value is empty"} : std::string{};
    });
  return option{declared};
}

option option_list::texts(const std::string& names,
                          std::vector<std::string>& into,
                          const std::string& help) {
  return option{command_->add_option(names, into, help)};
}

option option_list::read(const std::string& names,
                         std::function<error(const std::string&)> take,
                         const std::string& help) {
  const auto all_taken = [](const CLI::results_t&) { return true; };
  auto* declared = command_->add_option(names, all_taken, help);
  declared->check([take = std::move(take)](const std::string& text) {
    return take(text).context;
  });
  return option{declared};
}

} // namespace millrace::nodes
