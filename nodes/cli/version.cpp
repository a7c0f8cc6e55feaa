#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/version_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>

namespace millrace::nodes {

void add_version_command(CLI::App& app, std::function<int()>& run) {
  auto output = std::make_shared<output_format>(output_format::table);
  auto* command = add_command(app, "version", "Print the version",
                              "millrace version -o json");
  add_output_option(*command, *output, false);
  command->callback([output, &run] {
    run = [output] {
      if (*output == output_format::json) {
        const nlohmann::ordered_json facts{{"version", MILLRACE_VERSION},
                                           {"build", MILLRACE_BUILD_TYPE},
                                           {"compiler", __VERSION__},
                                           {"cxx", __cplusplus}};
        std::printf("%s\n", facts.dump(2).c_str());
      } else {
        std::printf("millrace %s\n", MILLRACE_VERSION);
      }
      return static_cast<int>(exit_ok);
    };
  });
}

} // namespace millrace::nodes
