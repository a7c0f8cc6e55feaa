#include <millrace/actors/rt/sequence/space_reserve.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace millrace::rt {

namespace {

std::string reserve_path(const std::string& directory) {
  return directory + "/.reserve";
}

std::optional<uint64_t> size_of(persistence::file_system& fs,
                                const std::string& path) {
  if (!fs.exists(path))
    return std::nullopt;
  auto file = fs.open(path, persistence::open_mode::read);
  if (!file)
    return std::nullopt;
  const auto size = (*file)->size();
  return size ? std::optional{*size} : std::nullopt;
}

/// Whole, or not at all: what a full disk left of it frees nothing.
error fill(persistence::file& file, uint64_t bytes) {
  const std::vector<std::byte> part(std::min(bytes, uint64_t{1} << 20));
  for (uint64_t at = 0; at < bytes; at += part.size()) {
    const std::span all{part};
    if (auto fault = file.write_at(
          at, all.first(std::min<uint64_t>(part.size(), bytes - at))))
      return fault;
  }
  return file.sync();
}

} // namespace

space_reserve::space_reserve(persistence::file_system& fs,
                             const std::string& directory, uint64_t bytes)
  : fs_{&fs}, directory_{directory}, bytes_{bytes} {
  constexpr uint64_t share_of_disk = 32;
  constexpr uint64_t least = 4096;
  if (const auto total = fs.total_bytes(directory))
    bytes_ = std::max(least, std::min(bytes_, *total / share_of_disk));
  if (const auto size = size_of(fs, reserve_path(directory)))
    state_ = *size == 0 ? state_type::given : state_type::kept;
}

bool space_reserve::take() {
  if (state_ == state_type::kept)
    return true;
  // As much again is left to what uses it up.
  const auto free = fs_->free_bytes(directory_);
  if (!free || *free < 2 * bytes_)
    return false;
  auto file
    = fs_->open(reserve_path(directory_), persistence::open_mode::write);
  if (!file)
    return false;
  if (fill(**file, bytes_)) {
    (void)(*file)->truncate(0);
    return false;
  }
  state_ = state_type::kept;
  return true;
}

bool space_reserve::give() {
  if (state_ != state_type::kept || !give(*fs_, directory_))
    return false;
  state_ = state_type::given;
  return true;
}

bool space_reserve::give(persistence::file_system& fs,
                         const std::string& directory) {
  const auto path = reserve_path(directory);
  if (size_of(fs, path).value_or(0) == 0)
    return false;
  auto file = fs.open(path, persistence::open_mode::write);
  return file && !(*file)->truncate(0);
}

const char* space_reserve::state() const noexcept {
  switch (state_.load(std::memory_order_relaxed)) {
    case state_type::none:
      return "none";
    case state_type::kept:
      return "kept";
    case state_type::given:
      return "given";
  }
  return "";
}

} // namespace millrace::rt
