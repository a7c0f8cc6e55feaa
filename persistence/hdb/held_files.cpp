#include <millrace/persistence/hdb/held_files.hpp>

#include <utility>

namespace millrace::persistence {

result<std::shared_ptr<const held_file>>
held_file::open(file_system& fs, const std::string& path, uint64_t size,
                std::shared_ptr<held_totals> totals) {
  std::shared_ptr<held_file> out{new held_file{path, std::move(totals)}};
  uint64_t found = 0;
  if (size > read_bytes_max) {
    auto mapped = fs.map(path);
    if (!mapped)
      return mapped.failure();
    out->mapped_ = *std::move(mapped);
    ++out->totals_->mappings;
    found = out->mapped_->bytes().size();
  } else {
    auto opened = fs.open(path, open_mode::read);
    if (!opened)
      return opened.failure();
    auto bytes = (*opened)->size();
    if (!bytes)
      return bytes.failure();
    found = *bytes;
    if (found == size) {
      out->read_.resize(size);
      out->totals_->memory += size;
      const auto got = (*opened)->read_at(0, out->read_);
      if (!got)
        return got.failure();
      found = *got;
    }
  }
  if (found != size)
    return error{errc::corrupt, path + ": " + std::to_string(found)
                                  + " bytes, the manifest says "
                                  + std::to_string(size)};
  return std::shared_ptr<const held_file>{std::move(out)};
}

held_file::~held_file() {
  if (mapped_)
    --totals_->mappings;
  else
    totals_->memory -= read_.size();
}

error held_file::fault() const {
  if (!lost())
    return {};
  return {errc::corrupt,
          path_ + ": it was cut short, or its disk failed, while it was read"};
}

error held_file::cut(file_system& fs) const {
  if (!mapped_)
    return {};
  const auto opened = fs.open(path_, open_mode::read);
  if (!opened) // What was removed stays mapped, whole.
    return opened.failure().code == errc::not_found ? error{}
                                                    : opened.failure();
  const auto size = (*opened)->size();
  if (!size || *size >= bytes().size())
    return size.failure();
  return {errc::corrupt, path_ + ": it was cut to " + std::to_string(*size)
                           + " bytes of " + std::to_string(bytes().size())};
}

void held_files::filled(const std::shared_ptr<held_slot>& slot) {
  const std::lock_guard lock{mutex_};
  if (!std::exchange(slot->listed, true))
    slots_.push_back(slot);
  // More than one, so that what was in use once goes at last; few, so that a
  // query which needs more than there may be is not held up by its own files.
  constexpr size_t looked_at_per_file = 4;
  shrink(looked_at_per_file, mappings_max_, memory_max_);
}

void held_files::let_go() {
  const std::lock_guard lock{mutex_};
  shrink(slots_.size(), 0, 0);
}

void held_files::shrink(size_t count, uint32_t mappings, uint64_t memory) {
  for (; count > 0 && !slots_.empty()
         && (totals_->mappings > mappings || totals_->memory > memory);
       --count) {
    auto oldest = std::move(slots_.front());
    slots_.pop_front();
    const auto slot = oldest.lock();
    if (!slot)
      continue;
    const std::unique_lock busy{slot->mutex, std::try_to_lock};
    if (busy && slot->file.use_count() <= 1) {
      slot->file = nullptr;
      slot->listed = false;
    } else
      slots_.push_back(std::move(oldest));
  }
}

} // namespace millrace::persistence
