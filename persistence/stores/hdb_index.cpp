#include <millrace/persistence/stores/hdb_index.hpp>
#include <millrace/persistence/stores/rocksdb_store_internal.hpp>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

namespace millrace::persistence {

namespace {

// Keys, by their first byte; names end with a zero byte, which none contains
// but symbols, and these stand with their length. Numbers that must sort are
// big endian.
//   v                                   -> u64 manifest version, u64 identity
//   p <part>                            -> u64 identity of the part
//   r <table> u32 length <symbol> u64 to <part>  -> u32 begin, u32 end
//   c <stream> 0 <table>                -> u64 position
constexpr char version_key = 'v';
constexpr char part_key = 'p';
constexpr char row_key = 'r';
constexpr char cutover_key = 'c';

template <class T>
void put_big_endian(std::string& out, T number) {
  for (int shift = 8 * sizeof(T) - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift));
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t out = 0;
  for (const auto byte : bytes)
    out = out << 8 | static_cast<unsigned char>(byte);
  return out;
}

std::string number_text(uint64_t number) {
  std::string out;
  put_big_endian(out, number);
  return out;
}

std::string pair_key(char kind, std::string_view first,
                     std::string_view second) {
  std::string out(1, kind);
  out.append(first).push_back('\0');
  out.append(second);
  return out;
}

std::string row_prefix(std::string_view table, std::string_view symbol) {
  auto out = pair_key(row_key, table, {});
  put_big_endian(out, static_cast<uint32_t>(symbol.size()));
  out.append(symbol);
  return out;
}

/// Every symbol's rows of one part.
error add_part(const hdb_snapshot& snapshot, const hdb_part& part,
               rocksdb::WriteBatch& batch) {
  const auto path = part.path();
  batch.Put(std::string(1, part_key) + path, number_text(part.identity()));
  const auto view = snapshot.view(part);
  const auto symbols = static_cast<uint32_t>(
    *view.schema->column_index(view.schema->symbol_column));
  std::shared_ptr<const held_bytes> keep;
  const auto opened
    = view.segments.at(0).source->open({&symbols, 1}, true, keep);
  if (!opened)
    return opened.failure();
  const auto& segment = *opened;
  const auto& dictionary = *segment.columns[symbols].dictionary;
  for (const auto& range : segment.ranges) {
    auto key = row_prefix(part.table, dictionary.text(range.code));
    put_big_endian(key, part.to.value);
    key.append(path);
    std::string value;
    put_big_endian(value, range.begin);
    put_big_endian(value, range.end);
    batch.Put(key, value);
  }
  return keep->fault();
}

} // namespace

struct hdb_index::impl {
  std::string directory;
  std::string begun_anew; ///< @see hdb_index::begun_anew.
  mutable std::mutex mutex;
  /// Null: `refused` says why it cannot be opened again.
  std::shared_ptr<opened_rocksdb> store;
  error refused;

  [[nodiscard]] result<std::shared_ptr<opened_rocksdb>> held() const {
    const std::scoped_lock lock{mutex};
    if (!store)
      return refused;
    return store;
  }
  /// Its disk refused a write: what is on the disk is opened again.
  error open_if_frozen() {
    const std::scoped_lock lock{mutex};
    if (store && !store->is_frozen())
      return {};
    // A lookup that goes on has its lock still: then the next time.
    store.reset();
    auto found = open_rocksdb(directory, true);
    if (!found)
      return refused = found.failure();
    store = std::make_shared<opened_rocksdb>(*std::move(found));
    return {};
  }
  error write(rocksdb::WriteBatch& batch) const {
    const auto now = held();
    if (!now)
      return now.failure();
    return (*now)->outcome((*now)->db->Write(rocksdb::WriteOptions{}, &batch),
                           directory);
  }
  result<std::optional<std::string>> get(const std::string& key) const {
    const auto now = held();
    if (!now)
      return now.failure();
    std::string value;
    const auto status = (*now)->db->Get(rocksdb::ReadOptions{}, key, &value);
    if (status.IsNotFound())
      return std::optional<std::string>{};
    if (!status.ok())
      return to_error(status, directory);
    return std::optional{std::move(value)};
  }
  /// Calls `f(key, value)` for all keys with a prefix.
  template <class F>
  error each(const std::string& prefix, F&& f) const {
    const auto now = held();
    if (!now)
      return now.failure();
    std::unique_ptr<rocksdb::Iterator> at{
      (*now)->db->NewIterator(rocksdb::ReadOptions{})};
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix);
         at->Next())
      f(at->key().ToStringView(), at->value().ToStringView());
    return to_error(at->status(), directory);
  }

  error remove_parts(const std::set<std::string>& gone,
                     rocksdb::WriteBatch& batch);
};

/// Rows keys end with their part, so that one pass over the table's keys finds
/// them; parts go seldom: only when they are replaced.
error hdb_index::impl::remove_parts(const std::set<std::string>& gone,
                                    rocksdb::WriteBatch& batch) {
  if (gone.empty())
    return {};
  for (const auto& part : gone)
    batch.Delete(std::string(1, part_key) + part);
  return each(std::string(1, row_key),
              [&](std::string_view key, std::string_view) {
                const auto table_end = key.find('\0') + 1;
                const auto symbol_bytes = big_endian(key.substr(table_end, 4));
                const auto part = key.substr(table_end + 4 + symbol_bytes + 8);
                if (gone.contains(std::string{part}))
                  batch.Delete(key);
              });
}

hdb_index::hdb_index(std::unique_ptr<impl> state) : impl_{std::move(state)} {}

hdb_index::~hdb_index() = default;

result<std::unique_ptr<hdb_index>>
hdb_index::open(const std::string& directory) {
  auto found = open_rocksdb(directory, true);
  if (!found)
    return found.failure();
  auto state = std::make_unique<impl>();
  state->directory = directory;
  if (found->quarantine)
    state->begun_anew = found->reason + "; it is in " + *found->quarantine;
  state->store = std::make_shared<opened_rocksdb>(*std::move(found));
  return std::unique_ptr<hdb_index>{new hdb_index{std::move(state)}};
}

const std::string& hdb_index::begun_anew() const noexcept {
  return impl_->begun_anew;
}

result<uint64_t> hdb_index::version() const {
  auto value = impl_->get(std::string(1, version_key));
  if (!value)
    return value.failure();
  return *value ? big_endian(std::string_view{**value}.substr(0, 8))
                : uint64_t{0};
}

result<size_t> hdb_index::update(const hdb_snapshot& snapshot,
                                 const part_progress& progress) {
  if (auto fault = impl_->open_if_frozen())
    return fault;
  std::map<std::string, std::string> known; // Path to identity.
  if (auto fault
      = impl_->each(std::string(1, part_key),
                    [&](std::string_view key, std::string_view value) {
                      known.emplace(key.substr(1), value);
                    }))
    return fault;
  rocksdb::WriteBatch batch;
  std::vector<const hdb_part*> fresh;
  std::set<std::pair<std::string, std::string>> tables;
  for (const auto& part : snapshot.manifest().parts) {
    tables.emplace(part.stream, part.table);
    if (part.row_count == 0)
      continue;
    // A part of another database, or another life of this one, may have the
    // path of one that is known.
    const auto at = known.find(part.path());
    if (at != known.end() && at->second == number_text(part.identity()))
      known.erase(at);
    else
      fresh.push_back(&part);
  }
  std::set<std::string> gone;
  for (const auto& [path, identity] : known)
    gone.insert(path);
  if (auto fault = impl_->remove_parts(gone, batch))
    return fault;
  for (size_t i = 0; i < fresh.size(); ++i) {
    if (auto fault = add_part(snapshot, *fresh[i], batch))
      return fault;
    if (progress)
      progress(i + 1, fresh.size());
  }
  for (const auto& [stream, table] : tables)
    if (const auto at = snapshot.cutover(stream, table))
      batch.Put(pair_key(cutover_key, stream, table), number_text(at->value));
  batch.Put(std::string(1, version_key),
            number_text(snapshot.version()) + number_text(snapshot.identity()));
  if (auto fault = impl_->write(batch))
    return fault;
  return fresh.size();
}

result<size_t> hdb_index::rebuild(const hdb_snapshot& snapshot,
                                  const part_progress& progress) {
  rocksdb::WriteBatch batch;
  if (auto fault = impl_->each(
        {}, [&](std::string_view key, std::string_view) { batch.Delete(key); }))
    return fault;
  if (auto fault = impl_->write(batch))
    return fault;
  return update(snapshot, progress);
}

result<std::vector<indexed_rows>>
hdb_index::rows(std::string_view table, std::string_view symbol) const {
  const auto prefix = row_prefix(table, symbol);
  std::vector<indexed_rows> out;
  bool good = true;
  auto fault
    = impl_->each(prefix, [&](std::string_view key, std::string_view value) {
        key.remove_prefix(prefix.size());
        good &= key.size() > 8 && value.size() == 8;
        if (good)
          out.push_back({std::string{key.substr(8)},
                         {big_endian(key.substr(0, 8))},
                         static_cast<uint32_t>(big_endian(value.substr(0, 4))),
                         static_cast<uint32_t>(big_endian(value.substr(4)))});
      });
  if (fault)
    return fault;
  if (!good)
    return error{errc::corrupt,
                 impl_->directory + ": rows of '" + std::string{symbol} + "'"};
  return out;
}

result<std::optional<position>>
hdb_index::cutover(std::string_view stream, std::string_view table) const {
  auto value = impl_->get(pair_key(cutover_key, stream, table));
  if (!value)
    return value.failure();
  if (!*value)
    return std::optional<position>{};
  return std::optional{position{big_endian(**value)}};
}

} // namespace millrace::persistence
