#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

namespace {

constexpr uint64_t sector_bytes = 512;

std::string_view call_name(disk_call call) {
  switch (call) {
    case disk_call::open:
      return "open";
    case disk_call::read:
      return "read";
    case disk_call::write:
      return "write";
    case disk_call::sync:
      return "sync";
    case disk_call::truncate:
      return "truncate";
    case disk_call::rename:
      return "rename";
    case disk_call::remove:
      return "remove";
    case disk_call::sync_directory:
      return "sync directory";
    case disk_call::list:
      return "list";
  }
  return "call";
}

// As the system's error would be told: what reads it takes it for a real one.
std::string_view fault_text(errc code) {
  switch (code) {
    case errc::no_space:
      return "No space left on device";
    case errc::not_found:
      return "No such file or directory";
    case errc::permission:
      return "Permission denied";
    default:
      return "Input/output error";
  }
}

} // namespace

std::shared_ptr<const bool> memory_file_system::fail(disk_call call,
                                                     uint64_t nth, errc code,
                                                     uint64_t times,
                                                     std::string path) {
  const std::scoped_lock lock{mutex_};
  if (!makes_sense(nth > 0 && times > 0, "fail: counts begin at 1"))
    return std::make_shared<const bool>(true);
  plans_.push_back({call, nth - 1, times, code, std::move(path), {}});
  return plans_.back().met;
}

void memory_file_system::write_short(uint64_t nth, uint64_t bytes, errc code) {
  const std::scoped_lock lock{mutex_};
  if (!makes_sense(nth > 0, "write_short: counts begin at 1"))
    return;
  plans_.push_back({disk_call::write, nth - 1, 1, code, {}, bytes});
}

void memory_file_system::heal() {
  const std::scoped_lock lock{mutex_};
  plans_.clear();
  read_only_ = nullptr;
}

uint64_t memory_file_system::calls(disk_call call) const {
  const std::scoped_lock lock{mutex_};
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}

uint64_t memory_file_system::refused() const {
  const std::scoped_lock lock{mutex_};
  return refused_;
}

std::shared_ptr<const bool>
memory_file_system::set_quota(std::optional<uint64_t> bytes) {
  const std::scoped_lock lock{mutex_};
  quota_ = bytes;
  full_ = bytes ? std::make_shared<bool>(false) : nullptr;
  return full_;
}

void memory_file_system::leave_free(uint64_t bytes) {
  const std::scoped_lock lock{mutex_};
  quota_ = used() + bytes;
  full_ = std::make_shared<bool>(false);
}

uint64_t memory_file_system::times_full() const {
  const std::scoped_lock lock{mutex_};
  return times_full_;
}

void memory_file_system::find_full() {
  if (full_ && !std::exchange(*full_, true))
    ++times_full_;
}

void memory_file_system::tell_misuse(
  std::function<void(const std::string&)> listener) {
  const std::scoped_lock lock{mutex_};
  misuse_listener_ = std::move(listener);
}

/// @returns `sense`
bool memory_file_system::makes_sense(bool sense,
                                     const std::string& call) const {
  MILLRACE_ASSERT(sense || misuse_listener_);
  if (!sense)
    misuse_listener_(call);
  return sense;
}

void memory_file_system::set_lying_sync(bool lies) {
  const std::scoped_lock lock{mutex_};
  lying_sync_ = lies;
}

std::shared_ptr<const bool> memory_file_system::set_read_only() {
  const std::scoped_lock lock{mutex_};
  read_only_ = std::make_shared<bool>(false);
  return read_only_;
}

bool memory_file_system::is_read_only() const {
  const std::scoped_lock lock{mutex_};
  return read_only_ != nullptr;
}

uint64_t memory_file_system::times_read_only() const {
  const std::scoped_lock lock{mutex_};
  return times_read_only_;
}

error memory_file_system::refuse_change(const std::string& path,
                                        std::string_view call) {
  if (!read_only_)
    return {};
  ++refused_;
  if (!std::exchange(*read_only_, true))
    ++times_read_only_;
  return {errc::permission,
          path + ": " + std::string{call} + ": Read-only file system"};
}

void memory_file_system::flip_bit(const std::string& path, uint64_t bit) {
  const std::scoped_lock lock{mutex_};
  const auto target = find(path);
  if (!makes_sense(target != nullptr && bit / 8 < target->now.size(),
                   "flip_bit: " + path + " has no bit " + std::to_string(bit)))
    return;
  const auto mask = static_cast<std::byte>(1u << (bit % 8));
  target->now[bit / 8] ^= mask;
  if (bit / 8 < target->durable.size())
    target->durable[bit / 8] ^= mask;
}

void memory_file_system::cut(const std::string& path, uint64_t size) {
  const std::scoped_lock lock{mutex_};
  const auto target = find(path);
  if (!makes_sense(target != nullptr && size <= target->now.size(),
                   "cut: " + path + " has not so many bytes as "
                     + std::to_string(size)))
    return;
  target->now.resize(static_cast<size_t>(size));
  if (target->durable.size() > size)
    target->durable.resize(static_cast<size_t>(size));
}

void memory_file_system::overwrite(const std::string& path, uint64_t offset,
                                   std::span<const std::byte> bytes) {
  const std::scoped_lock lock{mutex_};
  const auto target = find(path);
  if (!makes_sense(target != nullptr, "overwrite: there is no file " + path))
    return;
  put(*target, offset, bytes);
  target->durable = target->now;
  target->dirty.clear();
}

/// What was changed there since it was synced is durable.
void memory_file_system::settle_directory(const std::string& path) {
  const auto pending = changes_.find(path);
  if (pending == changes_.end())
    return;
  for (const auto& change : pending->second)
    change.apply(durable_names_);
  changes_.erase(pending);
}

void memory_file_system::swap(const std::string& one,
                              const std::string& other) {
  const std::scoped_lock lock{mutex_};
  if (!makes_sense(find(one) && find(other) && find(one) != find(other),
                   "swap: " + one + " and " + other + " are not two files"))
    return;
  for (const auto& path : {one, other})
    settle_directory(path.substr(0, path.rfind('/')));
  std::swap(names_.at(one), names_.at(other));
  durable_names_[one] = names_.at(one);
  durable_names_[other] = names_.at(other);
}

void memory_file_system::lose(const std::string& path) {
  const std::scoped_lock lock{mutex_};
  if (!makes_sense(find(path) != nullptr, "lose: there is no file " + path))
    return;
  settle_directory(path.substr(0, path.rfind('/')));
  names_.erase(path);
  durable_names_.erase(path);
}

void memory_file_system::end_process() {
  const std::scoped_lock lock{mutex_};
  ++life_;
  locks_.clear();
}

void memory_file_system::cut_power(survival how) {
  const std::scoped_lock lock{mutex_};
  ++life_;
  ++boot_;
  locks_.clear();
  settle_names(how);
  // Two names of one inode do not exist here; a removed one is gone.
  for (auto& [path, target] : names_)
    settle(*target, how);
}

// Names change in order: what survives of a directory is a prefix.
void memory_file_system::settle_names(survival how) {
  for (auto& [directory, changes] : changes_) {
    size_t kept = 0;
    if (how == survival::all)
      kept = changes.size();
    else if (how == survival::some)
      kept = random_() % (changes.size() + 1);
    for (size_t i = 0; i < kept; ++i)
      changes[i].apply(durable_names_);
  }
  changes_.clear();
  names_ = durable_names_;
  for (const auto& [path, target] : names_)
    add_directories_of(path);
}

// A length without its data: blocks that were never written hold zeroes, or
// what some other file once wrote there.
void memory_file_system::leave_stale(std::vector<std::byte>& bytes,
                                     uint64_t from) {
  if (names_.empty() || random_() % 2 == 0)
    return;
  const auto& other
    = std::next(names_.begin(),
                static_cast<std::ptrdiff_t>(random_() % names_.size()))
        ->second->durable;
  for (auto at = (from + sector_bytes - 1) / sector_bytes * sector_bytes;
       at + sector_bytes <= std::min(bytes.size(), other.size());
       at += sector_bytes)
    if (random_() % 2 == 0)
      std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(at), sector_bytes,
                  bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void memory_file_system::settle(inode& target, survival how) {
  if (how == survival::all) {
    target.durable = target.now;
  } else if (how == survival::some) {
    auto survived = target.durable;
    const auto sectors = [](uint64_t bytes) {
      return (bytes + sector_bytes - 1) / sector_bytes;
    };
    if (target.size_dirty && target.now.size() != survived.size()) {
      // The new size made it to the disk, or one in between, or the old one.
      const auto low = std::min(survived.size(), target.now.size());
      const auto high = std::max(survived.size(), target.now.size());
      auto size = low + random_() % (sectors(high - low) + 1) * sector_bytes;
      survived.resize(std::min<size_t>(size, high));
      leave_stale(survived, low);
    }
    for (const auto& part : target.dirty)
      for (auto at = part.offset; at < part.offset + part.bytes;) {
        const auto next = std::min((at / sector_bytes + 1) * sector_bytes,
                                   part.offset + part.bytes);
        if (random_() % 2 == 0)
          for (auto i = at;
               i < next && i < survived.size() && i < target.now.size(); ++i)
            survived[i] = target.now[i];
        at = next;
      }
    target.durable = std::move(survived);
  }
  target.now = target.durable;
  target.dirty.clear();
  target.size_dirty = false;
}

std::vector<std::byte>
memory_file_system::content(const std::string& path) const {
  const std::scoped_lock lock{mutex_};
  const auto target = find(path);
  if (!makes_sense(target != nullptr, "content: there is no file " + path))
    return {};
  return target->now;
}

std::vector<std::string> memory_file_system::paths() const {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> out;
  for (const auto& [path, target] : names_)
    out.push_back(path);
  const auto rank = [](char c) { return c == '/' ? '\0' : c; };
  std::sort(out.begin(), out.end(), [&](const auto& one, const auto& other) {
    return std::lexicographical_compare(
      one.begin(), one.end(), other.begin(), other.end(),
      [&](char a, char b) { return rank(a) < rank(b); });
  });
  return out;
}

std::unique_ptr<memory_file_system> memory_file_system::clone() const {
  const std::scoped_lock lock{mutex_};
  auto copy = std::make_unique<memory_file_system>(1);
  copy->random_ = random_;
  copy->boot_ = boot_;
  copy->directories_ = directories_;
  for (const auto& [path, target] : names_) {
    auto made = std::make_shared<inode>();
    made->now = made->durable = target->now;
    made->archived = target->archived;
    copy->names_.emplace(path, made);
  }
  copy->durable_names_ = copy->names_;
  copy->quota_ = quota_;
  copy->full_ = quota_ ? std::make_shared<bool>(false) : nullptr;
  copy->lying_sync_ = lying_sync_;
  return copy;
}

void memory_file_system::become(const memory_file_system& other) {
  auto copy = other.clone();
  const std::scoped_lock lock{mutex_};
  ++life_;
  ++boot_;
  locks_.clear();
  changes_.clear();
  read_only_ = nullptr;
  directories_ = std::move(copy->directories_);
  names_ = std::move(copy->names_);
  durable_names_ = names_;
}

// Counts a call; answers the failure that was asked for it.
std::optional<memory_file_system::failing>
memory_file_system::called(disk_call call, const std::string& path) {
  ++calls_[call];
  for (size_t i = 0; i < plans_.size(); ++i) {
    auto& plan = plans_[i];
    if (plan.call != call || path.find(plan.path) == std::string::npos)
      continue;
    if (plan.after > 0) {
      --plan.after;
      continue;
    }
    ++refused_;
    *plan.met = true;
    auto text = path + ": ";
    text += call_name(call);
    text += ": ";
    text += fault_text(plan.code);
    failing out{{plan.code, std::move(text)}, plan.landed};
    if (--plan.times == 0)
      plans_.erase(plans_.begin() + static_cast<std::ptrdiff_t>(i));
    return out;
  }
  return std::nullopt;
}

} // namespace millrace::sim
