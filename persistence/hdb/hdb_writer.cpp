#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <algorithm>
#include <charconv>
#include <set>

namespace millrace::persistence {

namespace {

/// Part directories are plain decimal numbers.
bool is_version(std::string_view name) {
  uint64_t number = 0;
  const auto [end, fault]
    = std::from_chars(name.data(), name.data() + name.size(), number);
  return fault == std::errc{} && end == name.data() + name.size()
         && !(name.size() > 1 && name[0] == '0');
}

/// A later version must follow from the newest; a known one be the same.
error add_schema(hdb_manifest& manifest, const table_schema& schema) {
  if (const auto* same = manifest.schema(schema.name, schema.version)) {
    if (*same == schema)
      return {};
    return {errc::schema_mismatch, "table '" + schema.name + "': version "
                                     + std::to_string(schema.version)
                                     + " is another one in the hdb"};
  }
  if (const auto* newest = manifest.newest_schema(schema.name)) {
    if (newest->version > schema.version)
      return {errc::schema_mismatch, "table '" + schema.name + "': version "
                                       + std::to_string(schema.version)
                                       + " is older than the hdb's "
                                       + std::to_string(newest->version)};
    if (auto fault = check_evolution(*newest, schema))
      return fault;
  }
  manifest.schemas.push_back(schema);
  return {};
}

} // namespace

result<std::unique_ptr<hdb_writer>> hdb_writer::open(env& world,
                                                     std::string directory) {
  if (auto fault = world.fs->create_directories(directory))
    return fault;
  auto lock = world.fs->lock_directory(directory);
  if (!lock)
    return lock.failure();
  std::unique_ptr<hdb_writer> out{
    new hdb_writer{world, std::move(directory), std::move(*lock)}};
  if (auto fault = out->load())
    return fault;
  if (auto fault = out->remove_leftovers())
    return fault;
  return out;
}

error hdb_writer::load() {
  auto found = read_hdb_manifest(*world_->fs, directory_);
  if (found) {
    manifest_ = std::move(*found);
    last_version_ = manifest_.version;
    for (const auto& part : manifest_.parts)
      last_version_ = std::max(last_version_, part.directory);
    return {};
  }
  if (found.failure().code != errc::not_found)
    return found.failure();
  auto entries = world_->fs->list(directory_);
  if (!entries)
    return entries.failure();
  for (const auto& entry : *entries)
    if (entry.is_directory && entry.name[0] != '.')
      return {errc::corrupt, directory_ + "/" + hdb_manifest_name
                               + " is missing, but there is '" + entry.name
                               + "'; bring the manifest back, or use an empty "
                                 "directory"};
  // From now on a missing manifest is a fault, not a new database.
  hdb_manifest first;
  first.version = 1;
  last_version_ = 1;
  return write(std::move(first));
}

error hdb_writer::remove_leftovers() {
  std::set<std::string> known;
  for (const auto& part : manifest_.parts)
    if (part.row_count != 0)
      known.insert(part.path());
  auto partitions = world_->fs->list(directory_);
  if (!partitions)
    return partitions.failure();
  for (const auto& partition : *partitions) {
    if (!partition.is_directory || partition.name[0] == '.')
      continue;
    auto tables = world_->fs->list(directory_ + "/" + partition.name);
    if (!tables)
      return tables.failure();
    for (const auto& table : *tables) {
      if (!table.is_directory)
        continue;
      const auto path = partition.name + "/" + table.name;
      auto versions = world_->fs->list(directory_ + "/" + path);
      if (!versions)
        return versions.failure();
      for (const auto& version : *versions)
        if (version.is_directory && is_version(version.name)
            && !known.contains(path + "/" + version.name))
          if (auto fault = world_->fs->remove_all(directory_ + "/" + path + "/"
                                                  + version.name))
            return fault;
    }
  }
  return {};
}

error hdb_writer::commit(std::vector<hdb_part> parts,
                         const std::vector<table_schema>& schemas,
                         const std::set<uint64_t>& emptied) {
  auto next = manifest_;
  for (auto& part : next.parts)
    if (part.row_count != 0 && emptied.contains(part.directory)) {
      part.row_count = 0;
      part.files.clear();
      part.zones.assign(part.zones.size(), {});
    }
  for (const auto& schema : schemas)
    if (auto fault = add_schema(next, schema))
      return fault;
  bool changed
    = !emptied.empty() || next.schemas.size() != manifest_.schemas.size();
  for (auto& part : parts) {
    auto here = next.contains(part);
    if (!here)
      return here.failure();
    if (*here)
      continue;
    if (!next.schema(part.table, part.schema_version))
      return {errc::schema_mismatch, "table '" + part.table
                                       + "': no schema of version "
                                       + std::to_string(part.schema_version)};
    next.parts.push_back(std::move(part));
    changed = true;
  }
  if (!changed)
    return {};
  next.version = next_version();
  return write(std::move(next));
}

error hdb_writer::replace(hdb_part part, const table_schema& schema) {
  auto next = manifest_;
  if (auto fault = add_schema(next, schema))
    return fault;
  const auto at
    = std::find_if(next.parts.begin(), next.parts.end(),
                   [&](const auto& here) { return here.same_range(part); });
  if (at == next.parts.end())
    return {errc::not_found, "no part of table '" + part.table + "' at ("
                               + to_string(part.from) + ", "
                               + to_string(part.to) + "] to replace"};
  *at = std::move(part);
  next.version = next_version();
  return write(std::move(next));
}

error hdb_writer::write(hdb_manifest next) {
  if (failed_)
    return {errc::closed, directory_ + ": an earlier commit failed; open anew"};
  if (auto fault = replace_file(
        *world_->fs, directory_ + "/" + hdb_manifest_name, encode(next))) {
    failed_ = true;
    return fault;
  }
  manifest_ = std::move(next);
  return {};
}

} // namespace millrace::persistence
