#include <millrace/sim/world/exceptions.hpp>

#include <algorithm>
#include <exception>
#include <iostream>

namespace millrace::sim {

std::string what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

std::vector<std::string> exceptions_in(std::string_view said) {
  constexpr std::string_view begin = "*** unhandled exception: ";
  std::vector<std::string> out;
  while (!said.empty()) {
    const auto end = std::min(said.find('\n'), said.size());
    const auto line = said.substr(0, end);
    if (line.starts_with(begin))
      out.emplace_back(line.substr(begin.size()));
    said.remove_prefix(std::min(end + 1, said.size()));
  }
  return out;
}

heard_console::listening::listening(heard_console& in)
  : console_{std::cout.rdbuf(&in.said_)} {}

heard_console::listening::~listening() { std::cout.rdbuf(console_); }

} // namespace millrace::sim
