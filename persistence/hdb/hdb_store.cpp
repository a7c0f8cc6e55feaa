#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/hdb/part_source.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

namespace millrace::persistence {

/// A part, and its source in the schema that was asked for last.
struct hdb_snapshot::slot {
  explicit slot(uint64_t of) : identity{of} {}
  const uint64_t identity; ///< Of the part.
  std::mutex mutex;
  std::shared_ptr<hdb_part_data> data;
  std::shared_ptr<const part_source> source;
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

table_view hdb_snapshot::view(const hdb_part& part) const {
  auto& held = *slots_[static_cast<size_t>(&part - manifest_.parts.data())];
  const auto newest = schema(part.table);
  const std::lock_guard guard{held.mutex};
  if (!held.data)
    held.data = std::make_shared<hdb_part_data>(
      directory_, part, *manifest_.schema(part.table, part.schema_version));
  if (!held.source || held.source->schema() != newest)
    held.source = std::make_shared<part_source>(held.data, newest);
  return held.source->view();
}

hdb_store::hdb_store(std::shared_ptr<hdb_directory> directory,
                     std::shared_ptr<const hdb_snapshot> first)
  : directory_{std::move(directory)}, published_{std::move(first)} {}

std::optional<position> hdb_snapshot::cutover(const std::string& stream,
                                              const std::string& table) const {
  const auto found = cutovers_.find({stream, table});
  return found == cutovers_.end() ? std::nullopt : std::optional{found->second};
}

result<std::unique_ptr<hdb_store>>
hdb_store::open(file_system& fs, std::string directory, hdb_limits limits) {
  auto manifest = read_hdb_manifest(fs, directory);
  if (!manifest)
    return manifest.failure();
  std::shared_ptr<hdb_directory> shared{
    new hdb_directory{&fs, std::move(directory),
                      held_files{limits.mappings_max, limits.memory_max}}};
  auto first = make_snapshot(shared, *std::move(manifest), nullptr);
  return std::unique_ptr<hdb_store>{
    new hdb_store{std::move(shared), std::move(first)}};
}

result<bool> hdb_store::refresh() {
  const auto now = published_.current();
  auto newest = peek_hdb_manifest(*directory_->fs, directory_->path);
  if (!newest)
    return newest.failure();
  if (*newest == now->identity())
    return false;
  auto manifest = read_hdb_manifest(*directory_->fs, directory_->path);
  if (!manifest)
    return manifest.failure();
  published_.store(make_snapshot(directory_, *std::move(manifest), now.get()));
  return true;
}

std::shared_ptr<const hdb_snapshot>
hdb_store::make_snapshot(std::shared_ptr<hdb_directory> directory,
                         hdb_manifest manifest, const hdb_snapshot* before) {
  auto out = std::make_shared<hdb_snapshot>();
  out->directory_ = std::move(directory);
  out->manifest_ = std::move(manifest);
  const auto& all = out->manifest_;
  for (const auto& schema : all.schemas) {
    auto& newest = out->schemas_[schema.name];
    if (!newest || newest->version < schema.version)
      newest = std::make_shared<const table_schema>(schema);
  }
  std::map<std::string, std::shared_ptr<hdb_snapshot::slot>> known;
  if (before) {
    // The same object for the same schema, so that sources stay.
    for (auto& [table, schema] : out->schemas_)
      if (const auto old = before->schema(table); old && *old == *schema)
        schema = old;
    for (size_t i = 0; i < before->slots_.size(); ++i)
      if (before->slots_[i])
        known[before->manifest_.parts[i].path()] = before->slots_[i];
  }
  out->cutovers_ = all.cutovers();
  for (const auto& part : all.parts) {
    const auto cutover = out->cutover(part.stream, part.table);
    auto& slot = out->slots_.emplace_back();
    if (part.row_count == 0)
      continue;
    const auto identity = part.identity();
    if (const auto old = known.find(part.path());
        old != known.end() && old->second->identity == identity)
      slot = old->second;
    else
      slot = std::make_shared<hdb_snapshot::slot>(identity);
    if (cutover && part.to <= *cutover)
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
