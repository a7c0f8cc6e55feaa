#include <millrace/persistence/stores/checkpoint_store.hpp>
#include <millrace/persistence/stores/rocksdb_store_internal.hpp>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

namespace millrace::persistence {

namespace {

// First byte of every key: the user's, or a stream's position.
constexpr char user_key = 'k';
constexpr char position_key = 'p';

std::string key_of(char kind, std::string_view name) {
  std::string out(1, kind);
  out.append(name);
  return out;
}

std::string bytes_of(position at) {
  std::string out(8, '\0');
  for (int i = 0; i < 8; ++i)
    out[static_cast<size_t>(i)] = static_cast<char>(at.value >> (8 * i));
  return out;
}

} // namespace

struct checkpoint_store::impl {
  std::unique_ptr<rocksdb::DB> db;
  std::string directory;
};

checkpoint_store::checkpoint_store(std::unique_ptr<impl> state)
  : impl_{std::move(state)} {}

checkpoint_store::~checkpoint_store() = default;

result<checkpoint_store::opened>
checkpoint_store::open(const std::string& directory) {
  auto found = open_rocksdb(directory);
  if (!found)
    return found.failure();
  auto state = std::make_unique<impl>();
  state->db = std::move(found->db);
  state->directory = directory;
  opened out;
  out.store.reset(new checkpoint_store{std::move(state)});
  out.quarantine = std::move(found->quarantine);
  out.reason = std::move(found->reason);
  return out;
}

error checkpoint_store::write(const batch& changes, durability level) {
  rocksdb::WriteBatch all;
  for (const auto& [key, value] : changes.changes_) {
    const auto status = value ? all.Put(key_of(user_key, key), *value)
                              : all.Delete(key_of(user_key, key));
    if (!status.ok())
      return to_error(status, impl_->directory);
  }
  for (const auto& [stream, at] : changes.positions_)
    if (const auto status = all.Put(key_of(position_key, stream), bytes_of(at));
        !status.ok())
      return to_error(status, impl_->directory);
  rocksdb::WriteOptions options;
  options.sync = level == durability::synced;
  return to_error(impl_->db->Write(options, &all), impl_->directory);
}

result<std::optional<std::string>>
checkpoint_store::get(std::string_view key) const {
  std::string value;
  const auto status
    = impl_->db->Get(rocksdb::ReadOptions{}, key_of(user_key, key), &value);
  if (status.IsNotFound())
    return std::optional<std::string>{};
  if (!status.ok())
    return to_error(status, impl_->directory);
  return std::optional{std::move(value)};
}

result<std::vector<std::pair<std::string, std::string>>>
checkpoint_store::list(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto first = key_of(user_key, prefix);
  std::unique_ptr<rocksdb::Iterator> at{
    impl_->db->NewIterator(rocksdb::ReadOptions{})};
  for (at->Seek(first); at->Valid() && at->key().starts_with(first); at->Next())
    out.emplace_back(at->key().ToString().substr(1), at->value().ToString());
  if (!at->status().ok())
    return to_error(at->status(), impl_->directory);
  return out;
}

result<std::optional<position>>
checkpoint_store::position_of(std::string_view stream) const {
  std::string value;
  const auto status = impl_->db->Get(rocksdb::ReadOptions{},
                                     key_of(position_key, stream), &value);
  if (status.IsNotFound())
    return std::optional<position>{};
  if (!status.ok())
    return to_error(status, impl_->directory);
  if (value.size() != 8)
    return error{errc::corrupt, impl_->directory + ": position of '"
                                  + std::string{stream} + "' has "
                                  + std::to_string(value.size()) + " bytes"};
  position at;
  for (size_t i = 0; i < 8; ++i)
    at.value |= uint64_t{static_cast<unsigned char>(value[i])} << (8 * i);
  return std::optional{at};
}

} // namespace millrace::persistence
