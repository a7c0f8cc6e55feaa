#include <millrace/nodes/cli/log/open_log.hpp>

namespace millrace::nodes {

result<std::unique_ptr<persistence::log_reader>>
open_log(const std::string& directory, std::optional<position> from,
         bool resync) {
  using persistence::damage_policy;
  return persistence::log_reader::open(
    persistence::posix_file_system(),
    {.directory = directory,
     .damage = resync ? damage_policy::resync : damage_policy::next_file},
    from);
}

} // namespace millrace::nodes
