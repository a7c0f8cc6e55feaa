#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/host/data_owner.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr size_t data_levels = 2;
constexpr size_t told_max = 8;

/// Empty: nobody but this user and root can put files there.
std::string openness_of_data(const std::string& path,
                             const struct stat& about) {
  if (about.st_uid != ::geteuid() && about.st_uid != 0)
    return path + ": is owned by user " + std::to_string(about.st_uid)
           + ", and this process is of user " + std::to_string(::geteuid())
           + ": run it as that one, or give the directory to this one";
  if ((about.st_mode & S_IWOTH) != 0 && (about.st_mode & S_ISVTX) == 0)
    return path + ": all users may write there; 'chmod o-w' ends that";
  return {};
}

/// What cannot be listed is for those who read it to tell.
void look_at_data(const std::string& path, size_t levels,
                  std::set<std::string>& seen, std::string& lines,
                  size_t& found) {
  namespace files = std::filesystem;
  struct stat about {};
  if (::stat(path.c_str(), &about) == -1 || !S_ISDIR(about.st_mode)
      || !seen.insert(path).second)
    return;
  if (const auto why = openness_of_data(path, about);
      !why.empty() && ++found <= told_max)
    text::add_to_list(lines, why, "\n");
  if (levels == 0)
    return;
  std::error_code hidden;
  for (files::directory_iterator each{path, hidden}, end;
       !hidden && each != end; each.increment(hidden)) {
    std::error_code gone;
    if (each->is_directory(gone))
      look_at_data(each->path().string(), levels - 1, seen, lines, found);
  }
}

} // namespace

error check_data_owner(const cluster_config& config) {
  std::set<std::string> seen;
  std::string lines;
  size_t found = 0;
  look_at_data(config.data_directory, data_levels, seen, lines, found);
  for (const auto& process : config.processes)
    if (!process.hdb_directory.empty())
      look_at_data(process.hdb_directory, 1, seen, lines, found);
  if (found > told_max)
    lines += "\nand " + std::to_string(found - told_max) + " more";
  return found == 0 ? error{} : error{errc::permission, lines};
}

bool owns_data(const cluster_config& config) {
  struct stat about {};
  return ::stat(config.data_directory.c_str(), &about) == -1
         || about.st_uid == ::geteuid();
}

} // namespace millrace::nodes
