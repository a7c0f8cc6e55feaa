#include <millrace/feed/layout/layout.hpp>
#include <millrace/nodes/assembly/needed_files.hpp>
#include <millrace/persistence/disk/kdb_directory.hpp>

namespace millrace::nodes {

namespace {

/// Lines of one error.
struct needed_faults {
  std::string path; ///< Of the configuration.
  std::string lines;

  void add(uint32_t line, const char* key, const std::string& why) {
    lines += (lines.empty() ? "" : "\n") + path + ":" + std::to_string(line)
             + ":process." + key + ": " + why;
  }
  [[nodiscard]] error take() const {
    return lines.empty() ? error{} : error{errc::config, lines};
  }
};

void look_at_database(persistence::file_system& fs,
                      const process_config& process, needed_faults& faults) {
  if (process.hdb_directory.empty())
    return;
  const auto fault = persistence::check_not_of_kdb(fs, process.hdb_directory);
  if (!fault)
    return;
  if (process.type == process_type::hdb && process.load_line != 0)
    faults.add(process.load_line, "load", fault.context);
  else
    faults.add(process.hdb_line.line != 0 ? process.hdb_line.line
                                          : process.type_line,
               "hdb", fault.context);
}

/// A member of an archive is named after it: `<archive>#<pattern>`.
bool is_there(persistence::file_system& fs, const std::string& path) {
  if (fs.exists(path))
    return true;
  const auto mark = path.rfind('#');
  return mark != path.npos && fs.exists(path.substr(0, mark));
}

void look_at_feed(persistence::file_system& fs, const cluster_config& config,
                  const process_config& process, needed_faults& faults) {
  if (process.generator.on)
    return;
  const auto named = config.layouts.find(process.layout);
  const auto layout = feed::load_layout(
    fs, named == config.layouts.end() ? process.layout : named->second);
  if (!layout)
    faults.add(process.layout_line.line, "layout", layout.failure().context);
  for (const auto& path : process.files)
    if (!is_there(fs, path))
      faults.add(process.files_line.line, "files", path + ": is not there");
}

} // namespace

error check_databases(persistence::file_system& fs,
                      const cluster_config& config,
                      const std::vector<std::string>& processes) {
  needed_faults faults{config.path, {}};
  for (const auto& name : processes)
    if (const auto* process = config.process(name))
      look_at_database(fs, *process, faults);
  return faults.take();
}

error check_needed_files(persistence::file_system& fs,
                         const cluster_config& config,
                         const std::vector<std::string>& processes) {
  needed_faults faults{config.path, {}};
  for (const auto& name : processes) {
    const auto* process = config.process(name);
    if (process == nullptr)
      continue;
    look_at_database(fs, *process, faults);
    // What only `spawn` starts may read what comes later.
    if (process->type == process_type::feed && !process->node.empty())
      look_at_feed(fs, config, *process, faults);
  }
  return faults.take();
}

} // namespace millrace::nodes
