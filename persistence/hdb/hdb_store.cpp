#include <millrace/persistence/hdb/hdb_part_data.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>

#include <algorithm>
#include <mutex>

namespace millrace::persistence {

/// A part that is mapped when first asked for.
struct hdb_snapshot::slot {
  std::mutex mutex;
  std::shared_ptr<hdb_part_data> data;
};

std::shared_ptr<const table_schema>
hdb_snapshot::schema(std::string_view table) const noexcept {
  const auto at = schemas_.find(table);
  return at == schemas_.end() ? nullptr : at->second;
}

const std::vector<const hdb_part*>&
hdb_snapshot::parts(std::string_view table) const noexcept {
  static const std::vector<const hdb_part*> none;
  const auto at = parts_.find(table);
  return at == parts_.end() ? none : at->second;
}

result<std::shared_ptr<hdb_part_data>>
hdb_snapshot::load(const hdb_part& part) const {
  const auto path = part.path();
  const auto at = slots_.find(path);
  if (at == slots_.end())
    return error{errc::not_found, "part " + path + " in version "
                                    + std::to_string(manifest_.version)};
  // Waits at most for another reader that maps the same part right now.
  std::lock_guard guard{at->second->mutex};
  auto& data = at->second->data;
  if (data)
    return data;
  auto mapped = hdb_part_data::map(
    *fs_, directory_, part, *manifest_.schema(part.table, part.schema_version));
  if (mapped) {
    data = std::move(*mapped);
    return data;
  }
  auto fault = mapped.failure();
  if (fault.code != errc::not_found)
    return fault;
  // Gone: replaced by a later version, or lost.
  const auto newest = peek_hdb_manifest(*fs_, directory_);
  if (newest && *newest != manifest_.version)
    return error{errc::moved, fault.context + ": version "
                                + std::to_string(manifest_.version)
                                + " was replaced by "
                                + std::to_string(*newest)};
  return error{errc::corrupt, fault.context + ": missing"};
}

result<table_view> hdb_snapshot::view(const hdb_part& part) const {
  auto data = load(part);
  if (!data)
    return data.failure();
  return (*data)->view(schema(part.table));
}

result<std::vector<hdb_damage>> hdb_snapshot::check() const {
  std::vector<hdb_damage> out;
  for (const auto& part : manifest_.parts) {
    if (part.row_count == 0)
      continue;
    auto data = load(part);
    if (!data) {
      const auto fault = data.failure();
      if (fault.code != errc::corrupt)
        return fault;
      out.push_back({directory_ + "/" + part.path(), fault.context});
      continue;
    }
    for (auto& [path, reason] : (*data)->check())
      out.push_back({std::move(path), std::move(reason)});
  }
  return out;
}

hdb_store::hdb_store(file_system& fs, std::string directory,
                     std::shared_ptr<const hdb_snapshot> first)
  : fs_{&fs}, directory_{std::move(directory)}, published_{std::move(first)} {}

result<std::unique_ptr<hdb_store>> hdb_store::open(file_system& fs,
                                                   std::string directory) {
  auto manifest = read_hdb_manifest(fs, directory);
  if (!manifest)
    return manifest.failure();
  auto first = make_snapshot(fs, directory, std::move(*manifest), nullptr);
  return std::unique_ptr<hdb_store>{
    new hdb_store{fs, std::move(directory), std::move(first)}};
}

result<bool> hdb_store::refresh() {
  const auto now = published_.current();
  auto newest = peek_hdb_manifest(*fs_, directory_);
  if (!newest)
    return newest.failure();
  if (*newest == now->version())
    return false;
  auto manifest = read_hdb_manifest(*fs_, directory_);
  if (!manifest)
    return manifest.failure();
  published_.store(
    make_snapshot(*fs_, directory_, std::move(*manifest), now.get()));
  return true;
}

std::shared_ptr<const hdb_snapshot>
hdb_store::make_snapshot(file_system& fs, const std::string& directory,
                         hdb_manifest manifest, const hdb_snapshot* before) {
  auto out = std::make_shared<hdb_snapshot>();
  out->fs_ = &fs;
  out->directory_ = directory;
  out->manifest_ = std::move(manifest);
  const auto& all = out->manifest_;
  for (const auto& schema : all.schemas) {
    auto& newest = out->schemas_[schema.name];
    if (!newest || newest->version < schema.version)
      newest = std::make_shared<const table_schema>(schema);
  }
  std::map<std::pair<std::string, std::string>, std::optional<position>>
    cutovers;
  for (const auto& part : all.parts) {
    auto [at, fresh] = cutovers.try_emplace({part.stream, part.table});
    if (fresh)
      at->second = all.cutover(part.stream, part.table);
    if (part.row_count == 0)
      continue;
    auto& slot = out->slots_[part.path()];
    if (before)
      if (const auto old = before->slots_.find(part.path());
          old != before->slots_.end())
        slot = old->second;
    if (!slot)
      slot = std::make_shared<hdb_snapshot::slot>();
    if (at->second && part.to <= *at->second)
      out->parts_[part.table].push_back(&part);
  }
  for (auto& [table, parts] : out->parts_)
    std::sort(parts.begin(), parts.end(), [](const auto* a, const auto* b) {
      return std::tie(a->stream, a->to, a->stripe)
             < std::tie(b->stream, b->to, b->stripe);
    });
  return out;
}

} // namespace millrace::persistence
