#include <millrace/persistence/stores/checkpoint_store.hpp>
#include <millrace/persistence/stores/rocksdb_store_internal.hpp>

#include <rocksdb/db.h>

namespace millrace::persistence {

namespace {

/// The first byte is what tells keys of this release from later kinds.
std::string key_of(std::string_view name) {
  std::string out(1, 'k');
  out.append(name);
  return out;
}

} // namespace

struct checkpoint_store::impl {
  opened_rocksdb store;
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
  opened out;
  out.quarantine = std::move(found->quarantine);
  out.reason = std::move(found->reason);
  out.is_new = found->is_new;
  out.store.reset(new checkpoint_store{
    std::unique_ptr<impl>{new impl{*std::move(found), directory}}});
  return out;
}

error checkpoint_store::put(std::string_view key, std::string_view value,
                            durability level) {
  rocksdb::WriteOptions options;
  options.sync = level == durability::synced;
  return impl_->store.outcome(
    impl_->store.db->Put(options, key_of(key), {value.data(), value.size()}),
    impl_->directory);
}

result<std::optional<std::string>>
checkpoint_store::get(std::string_view key) const {
  std::string value;
  const auto status
    = impl_->store.db->Get(rocksdb::ReadOptions{}, key_of(key), &value);
  if (status.IsNotFound())
    return std::optional<std::string>{};
  if (!status.ok())
    return to_error(status, impl_->directory);
  return std::optional{std::move(value)};
}

} // namespace millrace::persistence
