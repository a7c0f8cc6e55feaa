#include <millrace/tests/chaos/node_disk.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

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

std::pair<std::string, bool>
damage_file(const std::vector<std::string>& directories,
            const sim::fault& what) {
  const auto path = find_file(directories, what.name);
  if (path.empty())
    return {"has no file '" + what.name + "'", false};
  std::error_code fault;
  if (what.kind == sim::fault::what::shorten) {
    const auto has = std::filesystem::file_size(path, fault);
    if (!fault && has <= what.number)
      return {path + " has only " + std::to_string(has) + " bytes", false};
    std::filesystem::resize_file(path, what.number, fault);
    return {path + (fault ? ": " + fault.message() : " shortened"), !fault};
  }
  std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
  const auto at = static_cast<std::streamoff>(what.number / 8);
  file.seekg(at);
  const int byte = file.get();
  if (byte == std::char_traits<char>::eof())
    return {path + " has no byte " + std::to_string(at), false};
  file.seekp(at);
  file.put(static_cast<char>(byte ^ (1 << (what.number % 8))));
  file.flush();
  return {path + (file ? " flipped" : ": write failed"), bool{file}};
}

} // namespace millrace::chaos
