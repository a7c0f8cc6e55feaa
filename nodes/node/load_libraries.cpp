#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/library.hpp>
#include <millrace/nodes/node/load_libraries.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// Why somebody else could put other bytes there; empty: nobody can.
std::string openness(const std::string& path, const struct stat& about) {
  if (about.st_uid != ::geteuid() && about.st_uid != 0)
    return path + ": is owned by user " + std::to_string(about.st_uid)
           + ", and this process is of user " + std::to_string(::geteuid());
  const bool is_shared_folder
    = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0;
  if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !is_shared_folder)
    return path
           + ": others than its owner may write there; 'chmod go-w' ends "
             "that";
  return {};
}

std::string check_library(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == -1)
    return path + ": " + std::strerror(errno);
  if (!S_ISREG(about.st_mode))
    return path + ": is not a file";
  if (auto why = openness(path, about); !why.empty())
    return why;
  const auto folder = std::filesystem::path{path}.parent_path().string();
  if (::stat(folder.c_str(), &about) == -1)
    return folder + ": " + std::strerror(errno);
  return openness(folder, about);
}

/// @returns why it cannot be used; empty: its types are among `roles`.
std::string load(const std::string& path, role_table& roles) {
  // Never closed: its code is on the stacks of actors.
  auto* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return path + ": cannot be loaded: " + (why ? why : "for no known reason");
  }
  const auto* entry
    = static_cast<const library_entry*>(::dlsym(library, "millrace_library"));
  if (entry == nullptr)
    return path + ": is no library for Millrace: it has no MILLRACE_LIBRARY";
  if (entry->format != library_entry::format_now || entry->release == nullptr
      || std::strcmp(entry->release, MILLRACE_RELEASE) != 0)
    return path + ": is made for release "
           + (entry->format == library_entry::format_now && entry->release
                ? entry->release
                : "?")
           + " of Millrace, and this is " + MILLRACE_RELEASE
           + ": compile it again";
  entry->register_types(roles);
  return {};
}

} // namespace

error load_libraries(const cluster_config& config,
                     const std::vector<std::string>& nodes, role_table* roles,
                     std::vector<std::string>& warnings) {
  std::string lines;
  std::set<std::string> loaded;
  for (const auto& process : config.processes) {
    if (!process.node.empty()
        && std::find(nodes.begin(), nodes.end(), process.node) == nodes.end())
      continue;
    const auto refuse = [&](const std::string& why) {
      if (why.empty())
        return;
      const auto line = config.path + ":" + std::to_string(process.load_line)
                        + ":process.load: " + why;
      if (process.node.empty()) // What is not to start keeps nothing back.
        warnings.push_back(line);
      else
        text::add_to_list(lines, line, "\n");
    };
    for (const auto& path : process.libraries)
      if (loaded.insert(path).second) {
        auto why = check_library(path);
        if (why.empty() && roles != nullptr)
          why = load(path, *roles);
        refuse(why);
      }
    // What it names is what makes its type known.
    if (roles != nullptr && lines.empty() && !process.libraries.empty()
        && roles->find(process.type) == nullptr)
      refuse("none of these libraries has a type '" + process.type + "'");
  }
  return lines.empty() ? error{} : error{errc::config, lines};
}

} // namespace millrace::nodes
