#include <millrace/tests/chaos/node_disk.hpp>

#include <algorithm>
#include <filesystem>

namespace millrace::chaos {

std::vector<std::string> directories_of(const nodes::cluster_config& config,
                                        const std::string& node) {
  std::vector<std::string> out;
  for (const auto& process : config.processes) {
    if (process.node != node)
      continue;
    for (const auto* kind :
         {"rt", "schemas", "rejects", "taken", "hdb-index"}) {
      const auto path = config.data_directory + "/" + kind + "/" + process.name;
      if (std::filesystem::exists(path))
        out.push_back(path);
    }
  }
  return out;
}

std::string find_file(const std::vector<std::string>& directories,
                      const std::string& name) {
  std::vector<std::string> found;
  for (const auto& directory : directories) {
    // What a process keeps may be one file.
    if (std::filesystem::is_regular_file(directory)
        && directory.ends_with("/" + name))
      found.push_back(directory);
    if (!std::filesystem::is_directory(directory))
      continue;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{directory})
      if (entry.is_regular_file()
          && entry.path().string().ends_with("/" + name))
        found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? std::string{} : found.front();
}

} // namespace millrace::chaos
