#include <millrace/persistence/exchange/export_target.hpp>

#include <utility>

namespace millrace::persistence {

namespace {

constexpr size_t buffer_bytes = 1u << 20;
constexpr const char* unfinished = ".unfinished";
constexpr const char* lock_name = ".lock";
/// What takes the name; the lock stays beside it to the end, so that whatever
/// is left is known for what an export left.
constexpr const char* content_name = "/content";

std::string parent_directory(const std::string& path) {
  const auto end = path.rfind('/');
  return end == std::string::npos ? "." : end == 0 ? "/" : path.substr(0, end);
}

} // namespace

result<export_file> export_file::create(file_system& fs,
                                        const std::string& path) {
  auto opened = fs.open(path, open_mode::create_new);
  if (!opened)
    return opened.failure();
  return export_file{*std::move(opened)};
}

error export_file::flush() {
  if (auto fault = to_->write_at(written_, buffer_))
    return fault;
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

error export_file::append(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < buffer_bytes ? error{} : flush();
}

error export_file::finish() {
  if (auto fault = flush())
    return fault;
  return to_->sync();
}

result<export_target> export_target::begin(file_system& fs, std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  if (fs.exists(path))
    return error{errc::locked,
                 path + ": is there; an export makes a new directory"};
  export_target out{fs, std::move(path)};
  const auto growing = out.path_ + unfinished;
  if (fs.exists(growing))
    if (auto fault = out.clear(growing))
      return fault;
  if (auto fault = fs.create_directories(growing))
    return fault;
  auto lock = fs.lock_directory(growing);
  if (!lock)
    return lock.failure();
  out.lock_ = *std::move(lock);
  out.open_ = true;
  const auto content = growing + content_name;
  if (auto fault = fs.create_directories(content))
    return fault;
  out.directories_.insert(content);
  return out;
}

/// Who left it holds it no more: a lock ends with its process.
error export_target::clear(const std::string& growing) {
  const auto inside = fs_->list(growing);
  if (!inside)
    return {errc::locked, growing
                            + ": is there, and cannot be told to be what an "
                              "export left ("
                            + inside.failure().context + "); remove it"};
  // Empty: its export ended when only the directory was left.
  if (!inside->empty() && !fs_->exists(growing + "/" + lock_name))
    return {errc::locked,
            growing
              + ": is there, and cannot be told to be what an export "
                "left; remove it"};
  auto held = fs_->lock_directory(growing);
  if (!held)
    return held.failure();
  took_over_ = true;
  return remove_growing();
}

/// What tells it for what it is goes last.
error export_target::remove_growing() {
  const auto growing = path_ + unfinished;
  const auto inside = fs_->list(growing);
  if (!inside)
    return inside.failure();
  for (const auto& each : *inside)
    if (each.name != lock_name)
      if (auto fault = fs_->remove_all(growing + "/" + each.name))
        return fault;
  return fs_->remove_all(growing);
}

export_target::export_target(export_target&& other) noexcept
  : fs_{other.fs_}, path_{std::move(other.path_)},
    directories_{std::move(other.directories_)}, lock_{std::move(other.lock_)},
    took_over_{other.took_over_}, open_{std::exchange(other.open_, false)} {}

export_target::~export_target() {
  // What cannot be removed the next export to this name removes.
  if (open_)
    static_cast<void>(remove_growing());
}

result<std::string> export_target::directory(const std::string& below) {
  const auto root = path_ + unfinished + content_name;
  auto path = root + "/" + below;
  if (directories_.contains(path))
    return path;
  if (auto fault = fs_->create_directories(path))
    return fault;
  for (auto each = path; each.size() > root.size();
       each = parent_directory(each))
    directories_.insert(each);
  return path;
}

result<export_file> export_target::file(const std::string& below) {
  return export_file::create(*fs_,
                             path_ + unfinished + content_name + "/" + below);
}

error export_target::commit() {
  if (fs_->exists(path_))
    return {errc::locked, path_ + ": somebody else made it"};
  // The deepest first: a directory lasts with those in it.
  for (auto each = directories_.rbegin(); each != directories_.rend(); ++each)
    if (auto unsynced = fs_->sync_directory(*each))
      return unsynced;
  if (auto taken = fs_->rename(path_ + unfinished + content_name, path_))
    return taken;
  open_ = false;
  auto fault = fs_->sync_directory(parent_directory(path_));
  // What cannot be removed the next export to this name removes.
  static_cast<void>(remove_growing());
  return fault;
}

} // namespace millrace::persistence
