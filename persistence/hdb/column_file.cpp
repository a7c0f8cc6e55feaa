#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/hdb/block_sums_internal.hpp>
#include <millrace/persistence/hdb/column_file_internal.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <cstring>
#include <xxhash.h>

namespace millrace::persistence {

uint64_t xxh3_of(std::span<const std::byte> bytes) noexcept {
  return XXH3_64bits(bytes.data(), bytes.size());
}

struct column_file::hash_state {
  XXH3_state_t state;
};

column_file::column_file(std::unique_ptr<file> out, std::string name)
  : out_{std::move(out)}, facts_{std::move(name), 0, 0},
    buffer_{std::make_unique_for_overwrite<std::byte[]>(buffer_bytes)},
    hash_{new hash_state} {
  XXH3_64bits_reset(&hash_->state);
}

column_file::~column_file() = default;

result<std::unique_ptr<column_file>>
column_file::create(file_system& fs, const std::string& directory,
                    std::string name) {
  auto out = fs.open(directory + "/" + name, open_mode::create_new);
  if (!out)
    return out.failure();
  return std::unique_ptr<column_file>{
    new column_file{std::move(*out), std::move(name)}};
}

error column_file::written(size_t bytes) {
  used_ += bytes;
  return used_ == buffer_bytes ? flush() : error{};
}

error column_file::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto count = std::min(bytes.size(), buffer_bytes - used_);
    std::memcpy(buffer_.get() + used_, bytes.data(), count);
    if (auto fault = written(count))
      return fault;
    bytes = bytes.subspan(count);
  }
  return {};
}

error column_file::flush() {
  if (used_ == 0)
    return {};
  const std::span<const std::byte> part{buffer_.get(), used_};
  XXH3_64bits_update(&hash_->state, part.data(), part.size());
  // All but the last flush are of whole blocks.
  static_assert(buffer_bytes % sums_block_bytes == 0);
  for (size_t at = 0; at < part.size(); at += sums_block_bytes)
    blocks_.push_back(xxh3_of(
      part.subspan(at, std::min(part.size() - at, size_t{sums_block_bytes}))));
  if (auto fault = out_->write_at(facts_.bytes, part))
    return fault;
  facts_.bytes += used_;
  used_ = 0;
  return {};
}

result<written_file> column_file::finish() {
  if (auto fault = flush())
    return fault;
  if (auto fault
      = MILLRACE_PLANTED(leave_columns_unsynced) ? error{} : out_->sync())
    return fault;
  facts_.checksum = XXH3_64bits_digest(&hash_->state);
  if (blocks_.size() < 2)
    blocks_.clear();
  return written_file{facts_, std::move(blocks_)};
}

} // namespace millrace::persistence
