#include <millrace/nodes/assembly/pem_files_internal.hpp>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {
constexpr uint64_t pem_bytes_max = 1u << 20;
} // namespace

std::string open_to_others(const std::string& path, key_owner whose) {
  struct stat about {};
  if (::stat(path.c_str(), &about) == -1)
    return errno == ENOENT ? std::string{} : std::strerror(errno);
  if (!S_ISREG(about.st_mode))
    return "is not a file";
  if ((about.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) != 0)
    return "could be read or changed by others: chmod 0600, or 0640";
  if (whose == key_owner::node && about.st_uid != 0
      && about.st_uid != ::geteuid())
    return "belongs to user " + std::to_string(about.st_uid)
           + ", who is neither root nor the user of the node";
  return {};
}

std::string read_pem(persistence::file_system& fs, const std::string& path,
                     std::string& fault, errc& code) {
  auto text = persistence::read_text_file(fs, path, pem_bytes_max);
  if (!text) {
    // Whose line it is names the path.
    auto why = text.failure().context;
    if (why.starts_with(path + ": "))
      why.erase(0, path.size() + 2);
    fault = "cannot be read: " + why;
    if (text.failure().code == errc::permission) {
      code = errc::permission;
      fault += "; its owner, root, and with 0640 the members of its group read "
               "it";
    }
    return {};
  }
  return *std::move(text);
}

} // namespace millrace::nodes
