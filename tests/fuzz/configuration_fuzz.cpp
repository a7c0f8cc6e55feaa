#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/process_file.hpp>
#include <millrace/nodes/configuration/q_schema.hpp>
#include <millrace/nodes/configuration/read_queries.hpp>
#include <millrace/nodes/users/user_secrets.hpp>
#include <millrace/sim/script/fault_script.hpp>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

void configuration(input given) {
  const auto read = nodes::parse_configuration(text_of(given), "fuzz.toml");
  if (!read)
    MILLRACE_ASSERT(read.failure().code == errc::config
                    && !read.failure().context.empty());
}

/// The files that a configuration names, and the text of faults.
void small_files(input given) {
  const auto choice = take_choice(given);
  const auto text = text_of(given);
  switch (choice % 4) {
    case 0: {
      const nodes::process_file_setting with{
        .path = "process.csv",
        .variables = {{"KDBHDB", "hdb"}, {"KDBBASEPORT", "6000"}},
        .host = "host"};
      if (const auto read = nodes::parse_process_file(text, with))
        (void)nodes::parse_configuration(
          nodes::configuration_text(*read, {}, with), "made.toml");
      break;
    }
    case 1:
      (void)nodes::parse_queries(text, "queries.toml");
      break;
    case 2:
      if (const auto read = nodes::parse_secrets(text, "users.secrets")) {
        const auto again
          = nodes::parse_secrets(nodes::to_text(*read), "users.secrets");
        MILLRACE_ASSERT(again && *again == *read);
      }
      break;
    default:
      if (const auto read = sim::parse_fault_script(text, "faults")) {
        const auto again
          = sim::parse_fault_script(sim::to_text(*read), "faults");
        MILLRACE_ASSERT(again && *again == *read);
      }
  }
}

} // namespace millrace::fuzz
