#include <millrace/nodes/cli/cluster/configuration_file.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace millrace::nodes {

namespace {

error failure_of(const std::string& path) {
  const auto code = errno == EACCES || errno == EPERM ? errc::permission
                    : errno == ENOENT                 ? errc::not_found
                                                      : errc::storage_failed;
  return {code, path + ": " + std::strerror(errno)};
}

/// A lock on the file that is there. Who held it before may have put another
/// one in its place.
result<descriptor> lock(const std::string& path) {
  while (true) {
    descriptor out{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (out.get() == -1)
      return failure_of(path);
    if (::flock(out.get(), LOCK_EX) == -1)
      return failure_of(path);
    struct stat held {};
    struct stat there {};
    if (::fstat(out.get(), &held) == -1 || ::stat(path.c_str(), &there) == -1)
      return failure_of(path);
    if (held.st_dev == there.st_dev && held.st_ino == there.st_ino)
      return out;
  }
}

} // namespace

result<configuration_file> configuration_file::open(const std::string& given,
                                                    const char* what) {
  const auto named = configuration_path(given);
  if (!named)
    return named.failure();
  if (named->ends_with(".csv"))
    return error{errc::invalid_argument,
                 *named + ": a process file of TorQ declares no " + what
                   + "; write a configuration of its own"};
  std::error_code why;
  auto path = std::filesystem::canonical(*named, why).string();
  if (why)
    return error{errc::not_found, *named + ": " + why.message()};
  auto held = lock(path);
  if (!held)
    return held.failure();
  auto text
    = persistence::read_text_file(persistence::posix_file_system(), path);
  if (!text)
    return text.failure();
  return configuration_file{std::move(path), *std::move(text),
                            *std::move(held)};
}

error configuration_file::replace(const std::string& text) {
  struct stat about {};
  if (::stat(path_.c_str(), &about) == -1)
    return failure_of(path_);
  if (about.st_uid != ::geteuid())
    return {errc::permission,
            path_ + ": is owned by user " + std::to_string(about.st_uid)
              + ", and would be owned by user " + std::to_string(::geteuid())
              + " afterwards: run this as that one"};
  if (auto fault
      = persistence::replace_file(persistence::posix_file_system(), path_,
                                  std::as_bytes(std::span{text})))
    return fault;
  if (::chmod(path_.c_str(), about.st_mode & 07777) == -1)
    return failure_of(path_);
  text_ = text;
  return {};
}

} // namespace millrace::nodes
