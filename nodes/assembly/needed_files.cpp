#include <millrace/feed/layout/layout.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/needed_files.hpp>
#include <millrace/persistence/disk/kdb_directory.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Lines of one error.
struct needed_faults {
  std::string path; ///< Of the configuration.
  std::string lines;

  void add(uint32_t line, const char* key, const std::string& why) {
    text::add_to_list(
      lines, path + ":" + std::to_string(line) + ":process." + key + ": " + why,
      "\n");
  }
  [[nodiscard]] error take() const {
    return lines.empty() ? error{} : error{errc::config, lines};
  }
};

/// What lies there is none; nothing may.
bool is_file(persistence::file_system& fs, const std::string& path) {
  if (!fs.exists(path))
    return false;
  const auto slash = path.rfind('/');
  const auto around
    = fs.list(slash == path.npos ? "." : path.substr(0, slash + 1));
  if (!around)
    return false;
  const auto name = path.substr(slash + 1); // All of it without one.
  return std::any_of(around->begin(), around->end(), [&](const auto& each) {
    return each.name == name && !each.is_directory;
  });
}

void look_at_database(persistence::file_system& fs,
                      const process_config& process, needed_faults& faults) {
  const auto& path = process.hdb_directory;
  if (path.empty())
    return;
  const bool is_loaded
    = process.type == process_type::hdb && process.load_line != 0;
  std::string why;
  if (is_file(fs, path))
    why = path + ": is no directory of an hdb";
  else if (is_loaded && !fs.exists(path))
    why = path
          + ": No such file or directory; 'hdb' names a directory that is "
            "written later";
  else
    why = persistence::check_not_of_kdb(fs, path).context;
  if (why.empty())
    return;
  if (is_loaded)
    faults.add(process.load_line, "load", why);
  else
    faults.add(process.hdb_line.line != 0 ? process.hdb_line.line
                                          : process.type_line,
               "hdb", why);
}

/// A member of an archive is named after it: `<archive>#<pattern>`.
bool is_there(persistence::file_system& fs, const std::string& path) {
  if (fs.exists(path))
    return true;
  const auto mark = path.rfind('#');
  return mark != path.npos && fs.exists(path.substr(0, mark));
}

/// Whether this feed has published: what it read need not be there any more.
bool has_published(persistence::file_system& fs, const cluster_config& config,
                   const process_config& process) {
  const auto* const table = config.table(process.table);
  return table != nullptr
         && fs.exists(config.log_path + "/" + process.name + "."
                      + table->stream);
}

void look_at_feed(persistence::file_system& fs, const cluster_config& config,
                  const process_config& process, needed_faults& faults,
                  needed_faults& warnings) {
  if (process.generator.on)
    return;
  const auto named = config.layouts.find(process.layout);
  const auto layout = feed::load_layout(
    fs, named == config.layouts.end() ? process.layout : named->second);
  if (!layout)
    faults.add(process.layout_line.line, "layout", layout.failure().context);
  const bool spared = has_published(fs, config, process);
  for (const auto& path : process.files)
    if (!is_there(fs, path)) {
      if (spared)
        warnings.add(process.files_line.line, "files",
                     path + ": is not there any more: feed '" + process.name
                       + "', which has published before, reads none of its "
                         "files until it is put back or left out here");
      else
        faults.add(process.files_line.line, "files", path + ": is not there");
    }
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
                         const std::vector<std::string>& processes,
                         std::vector<std::string>& warnings) {
  needed_faults faults{config.path, {}};
  needed_faults told{config.path, {}};
  for (const auto& name : processes) {
    const auto* process = config.process(name);
    if (process == nullptr)
      continue;
    look_at_database(fs, *process, faults);
    if (process->type == process_type::feed)
      look_at_feed(fs, config, *process, faults, told);
  }
  if (!told.lines.empty())
    warnings.push_back(told.lines);
  return faults.take();
}

} // namespace millrace::nodes
