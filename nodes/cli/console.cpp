#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/console.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

void declare(option_list& list, console_options& into) {
  declare_config(list, into.config);
  list.flag("--open", into.open, "Open the first one in the desktop's browser");
  declare_output(list, into.output);
}

/// Desktops have a program that opens an address with what the user chose.
error open_in_browser(const std::string& address) {
  std::string program = "xdg-open";
  auto target = address;
  char* arguments[] = {program.data(), target.data(), nullptr};
  pid_t child = 0;
  const auto refused = ::posix_spawnp(&child, program.c_str(), nullptr, nullptr,
                                      arguments, environ);
  if (refused != 0)
    return {errc::unavailable, "xdg-open, which opens a browser: "
                                 + std::string{std::strerror(refused)}};
  int ended = 0;
  while (::waitpid(child, &ended, 0) < 0)
    if (errno != EINTR)
      return {errc::unavailable,
              std::string{"xdg-open: "} + std::strerror(errno)};
  if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
    return {errc::unavailable, "xdg-open could not open " + address};
  return {};
}

int run(const console_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  auto all = text::json_value::array();
  std::string first;
  for (const auto& process : config->processes) {
    if (process.type != process_type::http)
      continue;
    const auto address = console_address(*config, process);
    if (first.empty())
      first = address;
    all.add({{"process", process.name}, {"address", address}});
    if (options.output != output_format::json)
      fmt::print("{}\n", address);
  }
  if (first.empty())
    return fail(
      {errc::not_found, config->path
                          + ": no [[process]] has type = \"http\", which "
                            "serves the console (docs/console.md)"});
  if (options.output == output_format::json)
    fmt::print("{}\n", all.dump(2));
  if (options.open) {
    flush_output();
    if (auto fault = open_in_browser(first))
      return fail(fault);
  }
  return exit_ok;
}

} // namespace

std::string console_address(const cluster_config& config,
                            const process_config& process) {
  auto address = config.address_of(process);
  if (address == "0.0.0.0" || address == "::")
    address = "localhost"; // All of the host's, of which no browser knows.
  const bool is_long = address.find(':') != std::string::npos;
  return fmt::format(
    "{}://{}{}{}:{}/", process.tls_certificate.empty() ? "http" : "https",
    is_long ? "[" : "", address, is_long ? "]" : "", process.port);
}

const command<console_options> console_command{
  {"console", "Print where the console is, for a browser",
   "millrace console --config demo/demo.toml"},
  declare,
  run};

} // namespace millrace::nodes
