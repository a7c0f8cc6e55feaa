#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/version.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <cstdio>

namespace millrace::nodes {

namespace {

void declare(option_list& list, version_options& into) {
  declare_output(list, into.output);
}

int run(const version_options& options) {
  if (options.output == output_format::json) {
    const text::json_value facts{{"version", MILLRACE_VERSION},
                                 {"build", MILLRACE_BUILD_TYPE},
                                 {"compiler", __VERSION__},
                                 {"cxx", __cplusplus}};
    std::printf("%s\n", facts.dump(2).c_str());
  } else {
    std::printf("millrace %s\n", MILLRACE_VERSION);
  }
  return exit_ok;
}

} // namespace

const command<version_options> version_command{
  {"version", "Print the version", "millrace version -o json"}, declare, run};

} // namespace millrace::nodes
