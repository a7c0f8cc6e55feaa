#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

using persistence::directory_entry;
using persistence::directory_lock;
using persistence::file;
using persistence::mapped_file;
using persistence::open_mode;

namespace {

// Without a trailing slash and doubled ones.
std::string clean(const std::string& path) {
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/')
      out += c;
  if (out.size() > 1 && out.back() == '/')
    out.pop_back();
  return out;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class memory_mapping final : public mapped_file {
public:
  explicit memory_mapping(std::vector<std::byte> bytes)
    : bytes_{std::move(bytes)} {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override {
    return bytes_;
  }
  [[nodiscard]] bool lost() const noexcept override { return false; }

private:
  std::vector<std::byte> bytes_;
};

} // namespace

class memory_file final : public file {
public:
  memory_file(memory_file_system& disk, std::string path,
              std::shared_ptr<memory_file_system::inode> target, bool writable)
    : disk_{&disk}, path_{std::move(path)}, target_{std::move(target)},
      life_{disk.life_}, writable_{writable} {}

  result<size_t> read_at(uint64_t offset, std::span<std::byte> into) override {
    const std::scoped_lock lock{disk_->mutex_};
    if (auto dead = check())
      return dead;
    if (auto failed = disk_->called(disk_call::read, path_))
      return failed->fault;
    const auto& bytes = target_->now;
    if (offset >= bytes.size())
      return size_t{0};
    const auto part = std::min<size_t>(
      into.size(), bytes.size() - static_cast<size_t>(offset));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), part,
                into.begin());
    return part;
  }

  error write_at(uint64_t offset, std::span<const std::byte> bytes) override {
    const std::scoped_lock lock{disk_->mutex_};
    if (auto dead = check())
      return dead;
    if (!writable_)
      return {errc::permission, path_ + ": opened for reading"};
    return disk_->write(*target_, path_, offset, bytes);
  }

  error sync() override {
    const std::scoped_lock lock{disk_->mutex_};
    if (auto dead = check())
      return dead;
    return disk_->sync(*target_, path_);
  }

  error truncate(uint64_t size) override {
    const std::scoped_lock lock{disk_->mutex_};
    if (auto dead = check())
      return dead;
    if (auto failed = disk_->called(disk_call::truncate, path_))
      return failed->fault;
    if (auto fault = disk_->refuse_change(path_, "truncate"))
      return fault;
    target_->now.resize(static_cast<size_t>(size));
    target_->size_dirty = true;
    return {};
  }

  result<uint64_t> size() override {
    const std::scoped_lock lock{disk_->mutex_};
    if (auto dead = check())
      return dead;
    return uint64_t{target_->now.size()};
  }

  void reserve(uint64_t) override {}

  [[nodiscard]] const std::string& path() const noexcept override {
    return path_;
  }

private:
  [[nodiscard]] error check() const {
    if (life_ == disk_->life_)
      return {};
    return {errc::storage_failed, path_ + ": its process has ended"};
  }

  memory_file_system* disk_;
  std::string path_;
  std::shared_ptr<memory_file_system::inode> target_;
  uint64_t life_;
  bool writable_;
};

class memory_file_lock final : public persistence::file_lock {
public:
  memory_file_lock(memory_file_system& disk, std::string path)
    : disk_{&disk}, path_{std::move(path)}, life_{disk.life_} {}
  memory_file_lock(const memory_file_lock&) = delete;
  memory_file_lock& operator=(const memory_file_lock&) = delete;
  ~memory_file_lock() override {
    const std::scoped_lock lock{disk_->mutex_};
    auto& held = disk_->name_locks_[path_];
    if (life_ == held.life && held.count != 0)
      --held.count;
  }

private:
  memory_file_system* disk_;
  std::string path_;
  uint64_t life_;
};

class memory_lock final : public directory_lock {
public:
  memory_lock(memory_file_system& disk, std::string path)
    : disk_{&disk}, path_{std::move(path)}, life_{disk.life_} {}
  memory_lock(const memory_lock&) = delete;
  memory_lock& operator=(const memory_lock&) = delete;
  ~memory_lock() override {
    const std::scoped_lock lock{disk_->mutex_};
    if (life_ == disk_->life_)
      disk_->locks_.erase(path_);
  }

private:
  memory_file_system* disk_;
  std::string path_;
  uint64_t life_;
};

memory_file_system::memory_file_system(uint64_t seed) : random_{seed} {
  directories_.insert("/");
  directories_.insert(".");
}

memory_file_system::~memory_file_system() = default;

// -- bytes --------------------------------------------------------------------

memory_file_system::node
memory_file_system::find(const std::string& path) const {
  const auto found = names_.find(clean(path));
  return found == names_.end() ? nullptr : found->second;
}

uint64_t memory_file_system::used() const {
  uint64_t sum = 0;
  for (const auto& [path, target] : names_)
    sum += target->now.size();
  return sum;
}

void memory_file_system::put(inode& target, uint64_t offset,
                             std::span<const std::byte> bytes) {
  const auto end = static_cast<size_t>(offset) + bytes.size();
  if (target.now.size() < end) {
    target.now.resize(end);
    target.size_dirty = true;
  }
  std::copy(bytes.begin(), bytes.end(),
            target.now.begin() + static_cast<std::ptrdiff_t>(offset));
  target.dirty.push_back({offset, bytes.size()});
}

error memory_file_system::write(inode& target, const std::string& path,
                                uint64_t offset,
                                std::span<const std::byte> bytes) {
  if (auto failed = called(disk_call::write, path)) {
    if (failed->landed)
      put(target, offset,
          bytes.first(std::min<size_t>(bytes.size(), *failed->landed)));
    return failed->fault;
  }
  if (auto fault = refuse_change(path, "write"))
    return fault;
  if (quota_) {
    const auto growth_end = offset + bytes.size();
    const auto growth
      = growth_end > target.now.size() ? growth_end - target.now.size() : 0;
    const auto taken = used();
    if (taken + growth > *quota_) {
      const auto room = *quota_ > taken ? *quota_ - taken : 0;
      const auto fits
        = bytes.size() - std::min<uint64_t>(bytes.size(), growth - room);
      put(target, offset, bytes.first(static_cast<size_t>(fits)));
      ++refused_;
      find_full();
      return {errc::no_space,
              path + ": write of " + std::to_string(bytes.size()) + " bytes at "
                + std::to_string(offset) + ": No space left on device"};
    }
  }
  put(target, offset, bytes);
  return {};
}

error memory_file_system::sync(inode& target, const std::string& path) {
  auto failed = called(disk_call::sync, path);
  if (!failed && (target.size_dirty || !target.dirty.empty()))
    if (auto fault = refuse_change(path, "sync"))
      failed = failing{std::move(fault), {}};
  if (failed) {
    // As Linux does: the pages count as clean from now on, though they never
    // reached the disk. A second sync succeeds and writes nothing of them.
    target.dirty.clear();
    target.size_dirty = false;
    return failed->fault;
  }
  if (lying_sync_)
    return {};
  if (target.size_dirty)
    target.durable.resize(target.now.size());
  for (const auto& part : target.dirty) {
    const auto end
      = std::min<uint64_t>(part.offset + part.bytes, target.now.size());
    // Data goes with the size that it needs, also after a refused sync.
    if (target.durable.size() < end)
      target.durable.resize(static_cast<size_t>(end));
    for (auto i = part.offset; i < end; ++i)
      target.durable[i] = target.now[i];
  }
  target.dirty.clear();
  target.size_dirty = false;
  return {};
}

// -- names --------------------------------------------------------------------

void memory_file_system::name_change::apply(
  std::map<std::string, node>& names) const {
  if (to)
    names[path] = to;
  else
    names.erase(path);
  if (!from.empty())
    names.erase(from);
}

void memory_file_system::change_name(name_change change) {
  change.apply(names_);
  changes_[parent_of(change.path)].push_back(std::move(change));
}

result<std::unique_ptr<file>> memory_file_system::open(const std::string& raw,
                                                       open_mode mode) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (auto failed = called(disk_call::open, path))
    return failed->fault;
  if (directories_.contains(path))
    return error{errc::storage_failed, path + ": open: Is a directory"};
  auto target = find(path);
  if (target && mode == open_mode::create_new)
    return error{errc::already_exists, path + ": open: File exists"};
  if (mode != open_mode::read)
    if (auto fault = refuse_change(path, "open"))
      return fault;
  if (!target) {
    if (mode == open_mode::read || !directories_.contains(parent_of(path)))
      return error{errc::not_found, path + ": open: No such file or directory"};
    target = std::make_shared<inode>();
    change_name({path, target});
  }
  return std::unique_ptr<file>{std::make_unique<memory_file>(
    *this, path, std::move(target), mode != open_mode::read)};
}

result<std::vector<directory_entry>>
memory_file_system::list(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (auto failed = called(disk_call::list, path))
    return failed->fault;
  if (!directories_.contains(path))
    return error{errc::not_found, path + ": list: No such file or directory"};
  std::vector<directory_entry> entries;
  for (const auto& [name, target] : names_)
    if (parent_of(name) == path)
      entries.push_back({name.substr(name.rfind('/') + 1), false,
                         target->now.size(), target->archived});
  for (const auto& name : directories_)
    if (name != path && parent_of(name) == path)
      entries.push_back({name.substr(name.rfind('/') + 1), true, 0, false});
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

void memory_file_system::add_directories_of(const std::string& path) {
  for (auto at = parent_of(path); directories_.insert(at).second;)
    at = parent_of(at);
}

error memory_file_system::create_directories(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (directories_.contains(path))
    return {};
  if (auto fault = refuse_change(path, "create directory"))
    return fault;
  directories_.insert(path);
  add_directories_of(path);
  return {};
}

error memory_file_system::rename(const std::string& raw_from,
                                 const std::string& raw_to) {
  const std::scoped_lock lock{mutex_};
  const auto from = clean(raw_from);
  const auto to = clean(raw_to);
  if (auto failed = called(disk_call::rename, from))
    return failed->fault;
  if (auto fault = refuse_change(from, "rename"))
    return fault;
  if (directories_.contains(from)) {
    // A whole directory moves at once, durably: only its parent would know.
    std::map<std::string, node> moved;
    for (auto names : {&names_, &durable_names_}) {
      moved.clear();
      for (auto it = names->begin(); it != names->end();)
        if (it->first.starts_with(from + "/")) {
          moved[to + it->first.substr(from.size())] = it->second;
          it = names->erase(it);
        } else {
          ++it;
        }
      names->merge(moved);
    }
    std::set<std::string> renamed;
    for (auto it = directories_.begin(); it != directories_.end();)
      if (*it == from || it->starts_with(from + "/")) {
        renamed.insert(to + it->substr(from.size()));
        it = directories_.erase(it);
      } else {
        ++it;
      }
    directories_.merge(renamed);
    return {};
  }
  auto target = find(from);
  if (!target)
    return {errc::not_found, from + ": rename: No such file or directory"};
  if (!directories_.contains(parent_of(to)))
    return {errc::not_found, to + ": rename: No such file or directory"};
  if (parent_of(from) == parent_of(to)) {
    change_name({to, target, from});
    return {};
  }
  change_name({to, target});
  change_name({from, nullptr});
  return {};
}

error memory_file_system::remove(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (auto failed = called(disk_call::remove, path))
    return failed->fault;
  if (auto fault = refuse_change(path, "remove"))
    return fault;
  if (directories_.contains(path)) {
    for (const auto& [name, target] : names_)
      if (parent_of(name) == path)
        return {errc::storage_failed, path + ": remove: Directory not empty"};
    directories_.erase(path);
    return {};
  }
  if (!find(path))
    return {errc::not_found, path + ": remove: No such file or directory"};
  change_name({path, nullptr});
  return {};
}

error memory_file_system::remove_all(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (auto failed = called(disk_call::remove, path))
    return failed->fault;
  if (auto fault = refuse_change(path, "remove"))
    return fault;
  std::vector<std::string> gone;
  for (const auto& [name, target] : names_)
    if (name == path || name.starts_with(path + "/"))
      gone.push_back(name);
  for (const auto& name : gone)
    change_name({name, nullptr});
  std::erase_if(directories_, [&](const auto& name) {
    return name == path || name.starts_with(path + "/");
  });
  return {};
}

error memory_file_system::sync_directory(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (auto failed = called(disk_call::sync_directory, path))
    return failed->fault;
  if (!directories_.contains(path))
    return {errc::not_found,
            path + ": sync directory: No such file or directory"};
  if (changes_.contains(path))
    if (auto fault = refuse_change(path, "sync directory"))
      return fault;
  if (lying_sync_)
    return {};
  // With the name of a removed directory goes all that was in it.
  for (auto it = changes_.begin(); it != changes_.end();) {
    const bool gone = !directories_.contains(it->first)
                      && it->first.starts_with(path == "/" ? path : path + "/");
    if (it->first != path && !gone) {
      ++it;
      continue;
    }
    for (const auto& change : it->second)
      change.apply(durable_names_);
    it = changes_.erase(it);
  }
  return {};
}

bool memory_file_system::exists(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  return names_.contains(path) || directories_.contains(path);
}

error memory_file_system::mark_archived(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  const auto target = find(path);
  if (!target)
    return {errc::not_found,
            path + ": mark archived: No such file or directory"};
  if (auto fault = refuse_change(path, "mark archived"))
    return fault;
  target->archived = true;
  return {};
}

result<std::unique_ptr<mapped_file>>
memory_file_system::map(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (auto failed = called(disk_call::open, path))
    return failed->fault;
  const auto target = find(path);
  if (!target)
    return error{errc::not_found, path + ": map: No such file or directory"};
  return std::unique_ptr<mapped_file>{
    std::make_unique<memory_mapping>(target->now)};
}

result<std::unique_ptr<directory_lock>>
memory_file_system::lock_directory(const std::string& raw) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  if (!directories_.contains(path))
    return error{errc::not_found, path + ": lock: No such file or directory"};
  if (auto fault = refuse_change(path, "lock"))
    return fault;
  if (!locks_.emplace(path, life_).second)
    return error{errc::locked,
                 path + ": held by process " + std::to_string(life_)};
  return std::unique_ptr<directory_lock>{
    std::make_unique<memory_lock>(*this, path)};
}

/// Nobody waits here: who would have to is told.
result<std::unique_ptr<persistence::file_lock>>
memory_file_system::lock_file(const std::string& raw,
                              persistence::lock_mode mode,
                              const std::string& holder) {
  const std::scoped_lock lock{mutex_};
  const auto path = clean(raw);
  const auto slash = path.rfind('/');
  if (slash != path.npos && slash != 0
      && !directories_.contains(path.substr(0, slash)))
    return error{errc::not_found, path + ": open: No such file or directory"};
  const bool exclusive = mode != persistence::lock_mode::shared;
  auto& held = name_locks_[path];
  if (held.life != life_)
    held = {life_, 0, false, {}};
  if (held.count != 0 && (exclusive || held.exclusive))
    return error{errc::locked, path + ": held by " + held.last};
  ++held.count;
  held.exclusive = exclusive;
  held.last = holder;
  return std::unique_ptr<persistence::file_lock>{
    std::make_unique<memory_file_lock>(*this, path)};
}

uint64_t memory_file_system::boot_id() {
  const std::scoped_lock lock{mutex_};
  return boot_;
}

result<uint64_t> memory_file_system::free_bytes(const std::string&) {
  const std::scoped_lock lock{mutex_};
  const auto taken = used();
  if (!quota_)
    return uint64_t{1} << 40;
  if (taken >= *quota_)
    find_full(); // Who asks may do without trying.
  return *quota_ > taken ? *quota_ - taken : uint64_t{0};
}

result<uint64_t> memory_file_system::total_bytes(const std::string&) {
  const std::scoped_lock lock{mutex_};
  return quota_.value_or((uint64_t{1} << 40) + used());
}

} // namespace millrace::sim
