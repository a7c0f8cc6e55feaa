#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/disk/posix_mapping_internal.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <mutex>
#include <poll.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>
#include <xxhash.h>

namespace millrace::persistence {
namespace {

errc code_of(int fault) noexcept {
  switch (fault) {
    case ENOSPC:
    case EDQUOT:
      return errc::no_space;
    case ENOENT:
    case ENOTDIR:
      return errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return errc::permission;
    case EEXIST:
      return errc::already_exists;
    default:
      return errc::storage_failed;
  }
}

/// Whose it is that this process may not use: the path, or the first directory
/// on the way to it that does not let this process pass.
std::string whose(std::string path) {
  struct stat about {};
  while (::stat(path.c_str(), &about) == -1) {
    const auto end = path.rfind('/');
    if (end == std::string::npos || end == 0)
      return {};
    path.resize(end);
  }
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o",
                static_cast<unsigned>(about.st_mode & 07777));
  return " (" + path + " is owned by user " + std::to_string(about.st_uid)
         + ", mode " + mode + ", and this process is of user "
         + std::to_string(::geteuid())
         + ": run it as that one, or give that to this one)";
}

error failure(const std::string& path, const std::string& what, int fault) {
  return {code_of(fault),
          path + ": " + what + ": " + std::generic_category().message(fault)
            + (fault == EACCES || fault == EPERM ? whose(path) : "")};
}

/// Of a file that is written: a link there may be another user's, to a file
/// that is nobody's business to write.
error no_link(const std::string& path, int fault) {
  if (fault == ELOOP)
    return {errc::permission,
            path
              + ": is a link; links are not followed to what is written: "
                "put a file there, or remove it"};
  return failure(path, "open", fault);
}

/// Whether nobody but this user and root can put links into a directory, or
/// all into the one above it.
error check_private(const std::string& path) {
  const auto open_to_all = [](const struct stat& about) {
    return (about.st_mode & S_IWOTH) != 0 && (about.st_mode & S_ISVTX) == 0;
  };
  struct stat about {};
  struct stat above {};
  if (::stat(path.c_str(), &about) == -1
      || ::stat((path + "/..").c_str(), &above) == -1)
    return failure(path, "stat", errno);
  const auto owner = about.st_uid;
  if (owner != ::geteuid() && owner != 0)
    return {errc::permission,
            path + ": is owned by user " + std::to_string(owner)
              + ", and this process is of user " + std::to_string(::geteuid())
              + ": run it as that one, or give the directory to this one"};
  if (open_to_all(about) || open_to_all(above))
    return {errc::permission,
            path + (open_to_all(about) ? "" : "/..")
              + ": all users may write there; 'chmod o-w' ends that"};
  return {};
}

error is_directory(const std::string& path) {
  return failure(path, "open", EISDIR);
}

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto got = call();
  while (got == -1 && errno == EINTR)
    got = call();
  return got;
}

class descriptor {
public:
  explicit descriptor(int number) noexcept : number_{number} {}
  descriptor(descriptor&& other) noexcept
    : number_{std::exchange(other.number_, -1)} {}
  descriptor& operator=(descriptor&&) = delete;
  ~descriptor() {
    if (number_ != -1)
      ::close(number_);
  }
  [[nodiscard]] int get() const noexcept { return number_; }

private:
  int number_;
};

/// Writes all of `bytes`: what the system does by halves is gone on with.
error write_whole(const descriptor& to, const std::string& path,
                  uint64_t offset, std::span<const std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const auto got = uninterrupted([&] {
      return ::pwrite(to.get(), bytes.data() + done, bytes.size() - done,
                      static_cast<off_t>(offset + done));
    });
    if (got <= 0)
      return failure(path,
                     "write of " + std::to_string(bytes.size()) + " bytes at "
                       + std::to_string(offset),
                     got == 0 ? EIO : errno);
    done += static_cast<size_t>(got);
  }
  return {};
}

/// How long a read of a pipe waits for bytes.
constexpr int pipe_wait_ms = 50;

class posix_file final : public file {
public:
  posix_file(std::string path, descriptor opened)
    : path_{std::move(path)}, opened_{std::move(opened)} {}

  result<size_t> read_at(uint64_t offset, std::span<std::byte> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const auto got = uninterrupted([&] {
        return ::pread(opened_.get(), into.data() + done, into.size() - done,
                       static_cast<off_t>(offset + done));
      });
      if (got == -1 && errno == ESPIPE)
        return read_next(into);
      if (got == -1)
        return failure(path_,
                       "read of " + std::to_string(into.size()) + " bytes at "
                         + std::to_string(offset),
                       errno);
      if (got == 0)
        break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  /// Of a pipe: it has no offsets.
  result<size_t> read_next(std::span<std::byte> into) {
    pollfd waited{opened_.get(), POLLIN, 0};
    const auto ready = ::poll(&waited, 1, pipe_wait_ms);
    if (ready == -1 && errno != EINTR)
      return failure(path_, "wait for bytes", errno);
    if (ready <= 0)
      return error{errc::timeout, path_ + ": nothing to read yet"};
    const auto got = uninterrupted(
      [&] { return ::read(opened_.get(), into.data(), into.size()); });
    if (got == -1)
      return failure(path_, "read", errno);
    return static_cast<size_t>(got);
  }

  error write_at(uint64_t offset, std::span<const std::byte> bytes) override {
    return write_whole(opened_, path_, offset, bytes);
  }

  error sync() override {
    // Not repeated when interrupted: after a failure nothing is known about
    // the pages, and a second call may answer success without writing them.
    if (::fdatasync(opened_.get()) == -1)
      return failure(path_, "sync", errno);
    return {};
  }

  error truncate(uint64_t size) override {
    if (uninterrupted(
          [&] { return ::ftruncate(opened_.get(), static_cast<off_t>(size)); })
        == -1)
      return failure(path_, "truncate to " + std::to_string(size), errno);
    return {};
  }

  result<uint64_t> size() override {
    struct stat facts {};
    if (::fstat(opened_.get(), &facts) == -1)
      return failure(path_, "stat", errno);
    return static_cast<uint64_t>(facts.st_size);
  }

  void reserve(uint64_t bytes) override {
    auto now = size();
    if (now && bytes > 0)
      ::fallocate(opened_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(*now),
                  static_cast<off_t>(bytes));
  }

  [[nodiscard]] const std::string& path() const noexcept override {
    return path_;
  }

private:
  std::string path_;
  descriptor opened_;
};

class posix_lock final : public directory_lock {
public:
  explicit posix_lock(descriptor opened) : opened_{std::move(opened)} {}

private:
  descriptor opened_; // flock lives as long as this open file does.
};

class posix_file_lock final : public file_lock {
public:
  posix_file_lock(descriptor opened, std::string path)
    : opened_{std::move(opened)}, path_{std::move(path)} {}
  posix_file_lock(const posix_file_lock&) = delete;
  posix_file_lock& operator=(const posix_file_lock&) = delete;
  ~posix_file_lock() override {
    // Who opened it meanwhile sees that it is gone, and makes another.
    if (::flock(opened_.get(), LOCK_EX | LOCK_NB) == 0)
      ::unlink(path_.c_str());
  }

private:
  descriptor opened_;
  std::string path_;
};

/// Whether the file that is open is what lies there.
bool lies_at(const descriptor& opened, const std::string& path) {
  struct stat here {};
  struct stat there {};
  return ::fstat(opened.get(), &here) == 0 && ::stat(path.c_str(), &there) == 0
         && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/// What stands in a lock that others hold.
error held_by_others(const descriptor& opened, const std::string& path) {
  char text[256] = {};
  const auto got = ::pread(opened.get(), text, sizeof(text) - 1, 0);
  std::string_view holder{text, got > 0 ? static_cast<size_t>(got) : 0};
  holder = holder.substr(0, holder.find('\n'));
  return {errc::locked, path + ": held by "
                          + (holder.empty() ? std::string{"another process"}
                                            : std::string{holder})};
}

class posix_disk final : public file_system {
public:
  result<std::unique_ptr<file>> open(const std::string& path,
                                     open_mode mode) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case open_mode::read:
        flags |= O_RDONLY;
        break;
      case open_mode::write:
        flags |= O_RDWR | O_CREAT | O_NOFOLLOW;
        break;
      case open_mode::create_new:
        flags |= O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    // A named pipe opens when somebody writes to it, which nothing but a signal
    // would end: it opens at once, and its reads wait a little each.
    if (mode == open_mode::read)
      flags |= O_NONBLOCK;
    descriptor opened{
      uninterrupted([&] { return ::open(path.c_str(), flags, 0640); })};
    if (opened.get() == -1)
      return mode == open_mode::read ? failure(path, "open", errno)
                                     : no_link(path, errno);
    struct stat about {};
    if (::fstat(opened.get(), &about) == -1)
      return failure(path, "stat", errno);
    // It opens, and fails when it is read.
    if (S_ISDIR(about.st_mode))
      return is_directory(path);
    if (mode == open_mode::read && !S_ISREG(about.st_mode)
        && ::fcntl(opened.get(), F_SETFL, flags & ~O_NONBLOCK) == -1)
      return failure(path, "open", errno);
    return std::unique_ptr<file>{
      std::make_unique<posix_file>(path, std::move(opened))};
  }

  result<std::vector<directory_entry>> list(const std::string& path) override {
    DIR* opened = ::opendir(path.c_str());
    if (opened == nullptr)
      return failure(path, "list", errno);
    std::vector<directory_entry> entries;
    error fault;
    for (;;) {
      errno = 0;
      const auto* next = ::readdir(opened);
      if (next == nullptr) {
        if (errno != 0)
          fault = failure(path, "list", errno);
        break;
      }
      const std::string name = next->d_name;
      if (name == "." || name == "..")
        continue;
      struct stat facts {};
      if (::fstatat(::dirfd(opened), next->d_name, &facts, 0) == -1) {
        if (errno == ENOENT)
          continue; // Removed since, or a dangling link.
        fault = failure(path + "/" + name, "stat", errno);
        break;
      }
      entries.push_back({name, S_ISDIR(facts.st_mode),
                         static_cast<uint64_t>(facts.st_size),
                         (facts.st_mode & S_ISVTX) != 0});
    }
    ::closedir(opened);
    if (fault)
      return fault;
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  /// Their names are durable when it returns.
  error create_directories(const std::string& path) override {
    std::vector<std::filesystem::path> missing;
    for (std::filesystem::path at{path}; !at.empty() && !exists(at.string());
         at = at.parent_path())
      missing.push_back(at);
    for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
      std::error_code fault;
      std::filesystem::create_directory(*at, fault);
      if (fault)
        return failure(at->string(), "create directory", fault.value());
      const auto parent = at->parent_path();
      // What is synced in it later would go with its name.
      if (auto unsynced
          = sync_directory(parent.empty() ? "." : parent.string()))
        return unsynced;
    }
    std::error_code fault;
    if (!std::filesystem::is_directory(path, fault))
      return failure(path, "create directory", fault ? fault.value() : ENOTDIR);
    return {};
  }

  error rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == -1)
      return failure(from, "rename to " + to, errno);
    return {};
  }

  error remove(const std::string& path) override {
    if (::remove(path.c_str()) == -1)
      return failure(path, "remove", errno);
    return {};
  }

  error remove_all(const std::string& path) override {
    std::error_code fault;
    std::filesystem::remove_all(path, fault);
    if (fault)
      return failure(path, "remove", fault.value());
    return {};
  }

  error sync_directory(const std::string& path) override {
    descriptor opened{uninterrupted([&] {
      return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    })};
    if (opened.get() == -1)
      return failure(path, "open", errno);
    if (::fsync(opened.get()) == -1)
      return failure(path, "sync directory", errno);
    return {};
  }

  bool exists(const std::string& path) override {
    return ::access(path.c_str(), F_OK) == 0;
  }

  error mark_archived(const std::string& path) override {
    struct stat facts {};
    if (::stat(path.c_str(), &facts) == -1)
      return failure(path, "stat", errno);
    if (::chmod(path.c_str(), (facts.st_mode & 07777) | S_ISVTX) == -1)
      return failure(path, "mark archived", errno);
    return {};
  }

  result<std::unique_ptr<mapped_file>> map(const std::string& path) override {
    descriptor opened{uninterrupted(
      [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); })};
    if (opened.get() == -1)
      return failure(path, "open", errno);
    struct stat facts {};
    if (::fstat(opened.get(), &facts) == -1)
      return failure(path, "stat", errno);
    if (S_ISDIR(facts.st_mode))
      return is_directory(path);
    return map_descriptor(opened.get(), static_cast<size_t>(facts.st_size),
                          path);
  }

  result<std::unique_ptr<directory_lock>>
  lock_directory(const std::string& path) override {
    const auto name = path + "/.lock";
    if (auto fault = check_private(path))
      return fault;
    const auto open_lock = [&] {
      return uninterrupted([&] {
        return ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      0640);
      });
    };
    auto found = open_lock();
    // A directory of its name locks nothing, and stops nobody.
    if (found == -1 && errno == EISDIR) {
      if (auto fault = set_aside(*this, name))
        return fault;
      found = open_lock();
    }
    descriptor opened{found};
    if (opened.get() == -1)
      return no_link(name, errno);
    if (uninterrupted([&] { return ::flock(opened.get(), LOCK_EX | LOCK_NB); })
        == -1) {
      if (errno != EWOULDBLOCK)
        return failure(name, "lock", errno);
      char text[128] = {};
      const auto got = ::pread(opened.get(), text, sizeof(text) - 1, 0);
      std::string_view holder{text, got > 0 ? static_cast<size_t>(got) : 0};
      // The boot is for those who look into the file.
      holder
        = holder.substr(0, std::min(holder.find('\n'), holder.find(", boot ")));
      return error{errc::locked,
                   path + ": held by "
                     + (holder.empty() ? std::string{"another process"}
                                       : std::string{holder})};
    }
    const auto text = "process " + std::to_string(::getpid()) + ", boot "
                      + std::to_string(boot_id()) + "\n";
    if (::ftruncate(opened.get(), 0) == -1)
      return failure(name, "truncate", errno);
    if (auto fault
        = write_whole(opened, name, 0, std::as_bytes(std::span{text})))
      return fault;
    return std::unique_ptr<directory_lock>{
      std::make_unique<posix_lock>(std::move(opened))};
  }

  result<std::unique_ptr<file_lock>>
  lock_file(const std::string& path, lock_mode mode,
            const std::string& holder) override {
    const auto how = (mode == lock_mode::shared ? LOCK_SH : LOCK_EX)
                     | (mode == lock_mode::exclusive_wait ? 0 : LOCK_NB);
    for (;;) {
      descriptor opened{uninterrupted([&] {
        return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      0640);
      })};
      if (opened.get() == -1)
        return no_link(path, errno);
      if (uninterrupted([&] { return ::flock(opened.get(), how); }) == -1)
        return errno == EWOULDBLOCK ? held_by_others(opened, path)
                                    : failure(path, "lock", errno);
      if (!lies_at(opened, path))
        continue;
      // It is held on a full disk, too, where nobody can be told by whom.
      const auto text
        = holder + ", process " + std::to_string(::getpid()) + "\n";
      if (::ftruncate(opened.get(), 0) == 0)
        static_cast<void>(
          write_whole(opened, path, 0, std::as_bytes(std::span{text})));
      return std::unique_ptr<file_lock>{
        std::make_unique<posix_file_lock>(std::move(opened), path)};
    }
  }

  uint64_t boot_id() override {
    std::call_once(boot_read_, [this] {
      char text[64] = {};
      descriptor opened{
        ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)};
      const auto got = opened.get() == -1
                         ? ssize_t{0}
                         : ::read(opened.get(), text, sizeof(text));
      // Unknown: an answer that no other process gives, so that every crash
      // counts as one of the machine.
      boot_ = got > 0 ? XXH3_64bits(text, static_cast<size_t>(got))
                      : static_cast<uint64_t>(::getpid());
    });
    return boot_;
  }

  result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs facts {};
    if (::statvfs(path.c_str(), &facts) == -1)
      return failure(path, "statvfs", errno);
    return static_cast<uint64_t>(facts.f_bavail) * facts.f_frsize;
  }

  result<uint64_t> total_bytes(const std::string& path) override {
    struct statvfs facts {};
    if (::statvfs(path.c_str(), &facts) == -1)
      return failure(path, "statvfs", errno);
    // What is kept back for the superuser is nobody's.
    const auto kept_back = facts.f_bfree - facts.f_bavail;
    return static_cast<uint64_t>(facts.f_blocks - kept_back) * facts.f_frsize;
  }

private:
  std::once_flag boot_read_;
  uint64_t boot_ = 0;
};

} // namespace

file_system& posix_file_system() {
  static posix_disk disk;
  return disk;
}

} // namespace millrace::persistence
