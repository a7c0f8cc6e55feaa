#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <xxhash.h>

namespace millrace::persistence {

namespace {

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

/// Of what was done by hand: streams of files that were loaded, and entries of
/// the ledger, are named with a slash, as no stream of a configuration is.
uint64_t digest_by_hand(const hdb_manifest& manifest) {
  uint64_t out = 0;
  for (const auto& part : manifest.parts) {
    if (!part.stream.starts_with('/'))
      continue;
    const auto what = part.stream + '\0' + part.path() + '\0'
                      + std::to_string(part.row_count);
    out += XXH3_64bits_withSeed(what.data(), what.size(),
                                static_cast<XXH64_hash_t>(part.period));
  }
  return out;
}

/// The id of a change follows from what was there before, and what is now: the
/// same change of the same database is the same one.
void note_change(hdb_manifest& next, const hdb_manifest& before) {
  const uint64_t from = digest_by_hand(before);
  const uint64_t to = digest_by_hand(next);
  if (from == to)
    return;
  const uint64_t what[] = {before.identity, from, to};
  next.changes.push_back(XXH3_64bits(what, sizeof what));
}

using range_key = std::tuple<std::string, std::string, position, position>;

range_key key_of(const hdb_part& part) {
  return {part.stream, part.table, part.from, part.to};
}

/// The parts that a range has now are all of its stripes: one that counts more
/// would not be taken for whole.
void number_stripes(hdb_manifest& manifest,
                    const std::vector<replaced_range>& ranges) {
  std::map<range_key, std::vector<hdb_part*>> parts;
  for (const auto& range : ranges)
    parts.try_emplace(key_of(range.parts.front()));
  for (auto& part : manifest.parts)
    if (const auto of = parts.find(key_of(part));
        of != parts.end() && !is_ledger_entry(part))
      of->second.push_back(&part);
  for (auto& [key, of_range] : parts) {
    std::stable_sort(of_range.begin(), of_range.end(),
                     [](const auto* a, const auto* b) {
                       return std::tie(a->partition, a->stripe)
                              < std::tie(b->partition, b->stripe);
                     });
    for (uint32_t i = 0; i < of_range.size(); ++i) {
      of_range[i]->stripe = i;
      of_range[i]->stripe_count = static_cast<uint32_t>(of_range.size());
    }
  }
}

/// What a part accounts for of its stream stays.
void let_rows_go(hdb_part& part) {
  part.row_count = 0;
  part.files.clear();
  part.zones.assign(part.zones.size(), {});
}

/// @returns their directories
std::vector<std::string> empty_parts(hdb_manifest& manifest,
                                     const std::set<uint64_t>& directories) {
  std::vector<std::string> out;
  for (auto& part : manifest.parts)
    if (part.row_count != 0 && directories.contains(part.directory)) {
      out.push_back(part.path());
      let_rows_go(part);
    }
  return out;
}

/// Positions of two lives of a stream cannot be compared.
error keep_life(hdb_manifest& manifest, const std::string& stream,
                const lineage_id& life) {
  if (!life.is_known())
    return {};
  auto& kept = manifest.lives[stream];
  if (kept.is_known() && kept != life)
    return {errc::fenced, "the hdb holds stream '" + stream
                            + "' of another life of it; rows of this one "
                              "cannot be added"};
  kept = life;
  return {};
}

/// What is lost in a range that is new. One that is of all tables is told of
/// this one alone when others have accounted for those positions before.
void add_losses(hdb_manifest& next, const hdb_manifest& before,
                const hdb_part& part, const std::vector<hdb_loss>& losses) {
  for (auto loss : losses) {
    if (loss.kind == hdb_loss::unheld || !loss.touches(part.from, part.to)
        || (!loss.table.empty() && loss.table != part.table))
      continue;
    loss.stream = part.stream;
    const auto is_there = [&] {
      return std::find(next.losses.begin(), next.losses.end(), loss)
             != next.losses.end();
    };
    if (is_there())
      continue;
    if (std::any_of(before.parts.begin(), before.parts.end(),
                    [&](const auto& here) {
                      return here.stream == part.stream
                             && loss.touches(here.from, here.to);
                    }))
      loss.table = part.table;
    if (!is_there())
      next.losses.push_back(std::move(loss));
  }
}

/// Ranges by stream and table.
using covered_ranges = std::map<std::pair<std::string, std::string>,
                                std::set<std::pair<position, position>>>;

bool is_covered(const covered_ranges& covered, const hdb_loss& loss) {
  const auto ranges = covered.find({loss.stream, loss.table});
  return ranges != covered.end()
         && std::any_of(ranges->second.begin(), ranges->second.end(),
                        [&](const auto& range) {
                          return range.first < loss.from
                                 && loss.to <= range.second;
                        });
}

/// Several writers of one directory have met the same batches.
void add_unheld(hdb_manifest& next, hdb_loss loss) {
  const auto known = std::find_if(
    next.losses.begin(), next.losses.end(), [&](const auto& here) {
      return here.kind == hdb_loss::unheld && here.stream == loss.stream
             && here.table == loss.table && here.from <= loss.to
             && loss.from <= here.to;
    });
  if (known == next.losses.end())
    return next.losses.push_back(std::move(loss));
  known->from = std::min(known->from, loss.from);
  known->to = std::max(known->to, loss.to);
  known->count = std::max(known->count, loss.count);
}

/// Of tables that no rdb holds, in ranges that are new; where rows of such a
/// table are there now, they lack nothing for it.
/// @param fresh of the new parts
void settle_unheld(hdb_manifest& next, const covered_ranges& fresh,
                   const std::vector<hdb_loss>& losses) {
  std::erase_if(next.losses, [&](const auto& loss) {
    return loss.kind == hdb_loss::unheld && is_covered(fresh, loss);
  });
  for (auto loss : losses) {
    if (loss.kind != hdb_loss::unheld)
      continue;
    for (const auto& [of, ranges] : fresh)
      for (const auto& [from, to] : ranges)
        if (loss.touches(from, to))
          loss.stream = of.first;
    if (loss.stream.empty())
      continue;
    covered_ranges there;
    for (const auto& part : next.parts)
      if (part.stream == loss.stream && part.table == loss.table)
        there[{part.stream, part.table}].emplace(part.from, part.to);
    if (!is_covered(there, loss))
      add_unheld(next, std::move(loss));
  }
}

} // namespace

result<std::unique_ptr<hdb_writer>>
hdb_writer::open(env& world, std::string directory,
                 const hdb_writer_options& how) {
  const auto& before = how.before;
  if (auto fault = world.fs->create_directories(directory))
    return fault;
  auto lock = world.fs->lock_directory(directory);
  if (!lock)
    return lock.failure();
  std::unique_ptr<hdb_writer> out{
    new hdb_writer{world, std::move(directory), std::move(*lock)}};
  if (auto fault = out->load())
    return fault;
  if (auto fault = out->remove_leftovers(how))
    return fault;
  if (before.identity != 0 && before.identity == out->manifest_.identity)
    out->last_version_ = std::max(out->last_version_, before.last_version);
  else if (auto fault = out->number_after_unnamed())
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
  // From now on a missing manifest is a fault, not a new database.
  hdb_manifest first;
  first.version = 1;
  last_version_ = 1;
  return write(std::move(first));
}

error hdb_writer::remove_leftovers(const hdb_writer_options& how) {
  auto paths = announced_.read();
  if (!paths)
    return paths.failure();
  std::set<std::string> known;
  for (const auto& part : manifest_.parts)
    if (part.row_count != 0)
      known.insert(part.path());
  std::erase_if(*paths, [&](const auto& path) { return known.contains(path); });
  for (size_t i = 0; i < paths->size(); ++i) {
    if (auto fault = world_->fs->remove_all(directory_ + "/" + (*paths)[i]))
      return fault;
    if (how.removed)
      how.removed(i + 1, paths->size());
  }
  auto fault = announced_.remove();
  return fault.code == errc::not_found ? error{} : fault;
}

/// A number never comes twice, also when there are parts that this manifest
/// does not know.
error hdb_writer::number_after_unnamed() {
  auto unnamed = unnamed_parts(*world_->fs, directory_, manifest_);
  if (!unnamed)
    return unnamed.failure();
  for (const auto& path : *unnamed) {
    uint64_t number = 0;
    const auto begin = path.rfind('/') + 1;
    std::from_chars(path.data() + begin, path.data() + path.size(), number);
    last_version_ = std::max(last_version_, number);
  }
  return {};
}

error hdb_writer::announce(const std::vector<std::string>& paths) {
  return announced_.add(paths);
}

error hdb_writer::commit(std::vector<hdb_part> parts,
                         const std::vector<table_schema>& schemas,
                         const emptied_parts& emptied,
                         const stream_account& account) {
  auto next = manifest_;
  const auto left = empty_parts(next, emptied.directories);
  for (const auto& schema : schemas)
    if (auto fault = add_schema(next, schema))
      return fault;
  bool changed
    = !left.empty() || next.schemas.size() != manifest_.schemas.size();
  std::optional<range_check> range;
  covered_ranges fresh;
  for (auto& part : parts) {
    if (!range || !range->is_of(part))
      range.emplace(next, part);
    auto here = range->contains(part);
    if (!here)
      return here.failure();
    if (*here && !MILLRACE_PLANTED(write_a_period_down_twice))
      continue;
    range->add(part);
    if (!next.schema(part.table, part.schema_version))
      return {errc::schema_mismatch, "table '" + part.table
                                       + "': no schema of version "
                                       + std::to_string(part.schema_version)};
    if (auto fault = keep_life(next, part.stream, account.life))
      return fault;
    add_losses(next, manifest_, part, account.losses);
    fresh[{part.stream, part.table}].emplace(part.from, part.to);
    next.parts.push_back(std::move(part));
    changed = true;
  }
  if (!changed)
    return {};
  settle_unheld(next, fresh, account.losses);
  if (!left.empty())
    if (auto fault = announce(left))
      return fault;
  return write(std::move(next), emptied.entries);
}

error hdb_writer::replace(const std::vector<replaced_range>& ranges) {
  auto next = manifest_;
  struct replaced {
    const replaced_range* by = nullptr;
    std::string partition; ///< Of the first one there.
  };
  std::map<range_key, replaced> found;
  for (const auto& range : ranges) {
    if (auto fault = add_schema(next, range.schema))
      return fault;
    found.emplace(key_of(range.parts.front()), replaced{&range, {}});
  }
  // What was dropped of a range stays noted: who brings it again is told so.
  std::set<std::pair<range_key, std::string>> emptied;
  // And so does that all rows of a partition were taken out.
  std::map<range_key, std::map<std::string, hdb_part>> taken_out;
  std::vector<std::string> left;
  std::erase_if(next.parts, [&](const auto& here) {
    const auto at = found.find(key_of(here));
    if (at == found.end()
        || (!at->second.by->partitions.empty()
            && !at->second.by->partitions.contains(here.partition)))
      return false;
    if (at->second.partition.empty())
      at->second.partition = here.partition;
    if (here.row_count == 0) {
      emptied.emplace(at->first, here.partition);
      return false;
    }
    left.push_back(here.path());
    if (!at->second.by->partitions.empty())
      taken_out[at->first].emplace(here.partition, here);
    return true;
  });
  std::vector<hdb_ledger_entry> entries;
  for (const auto& range : ranges) {
    const auto& first = range.parts.front();
    const auto& partition = found.at(key_of(first)).partition;
    if (partition.empty())
      return {errc::not_found, "no part of table '" + first.table + "' at ("
                                 + to_string(first.from) + ", "
                                 + to_string(first.to) + "] to replace"};
    auto& gone = taken_out[key_of(first)];
    for (const auto& part : range.parts) {
      if (part.row_count == 0
          && (!gone.empty() || emptied.contains({key_of(first), partition})))
        continue;
      gone.erase(part.partition);
      next.parts.push_back(part);
      if (part.row_count == 0)
        next.parts.back().partition = partition;
    }
    for (auto& [its_partition, part] : gone) {
      let_rows_go(part);
      next.parts.push_back(std::move(part));
    }
    entries.insert(entries.end(), range.entries.begin(), range.entries.end());
  }
  number_stripes(next, ranges);
  if (auto fault = announce(left))
    return fault;
  return write(std::move(next), std::move(entries));
}

error hdb_writer::drop(const emptied_parts& what) {
  auto next = manifest_;
  const auto left = empty_parts(next, what.directories);
  if (left.empty())
    return {};
  if (auto fault = announce(left))
    return fault;
  return write(std::move(next), what.entries);
}

error hdb_writer::write(hdb_manifest next,
                        std::vector<hdb_ledger_entry> entries) {
  next.version = next_version();
  for (auto& entry : entries) {
    entry.version = next.version;
    next.parts.push_back(part_of(entry, next));
  }
  return write(std::move(next));
}

/// Before a manifest names parts of a rule that is new: what is there is never
/// of one that is not noted.
error hdb_writer::note_rolls(const hdb_manifest& next) {
  auto& fs = *world_->fs;
  const auto rolls = rolls_of(next);
  auto noted = read_table_rolls(fs, directory_);
  if (noted && *noted == rolls)
    return {};
  // One that cannot be read is made anew; a directory of its name as well.
  const auto path = directory_ + "/" + std::string{table_rolls_name};
  if (!noted && noted.failure().code != errc::not_found && fs.list(path))
    if (auto fault = set_aside(fs, path))
      return fault;
  return write_table_rolls(fs, directory_, rolls);
}

error hdb_writer::write(hdb_manifest next) {
  if (failed_)
    return {errc::closed, directory_ + ": an earlier commit failed; open anew"};
  if (auto fault = note_rolls(next))
    return fault;
  note_change(next, manifest_);
  const auto bytes = encode(next);
  if (auto fault
      = replace_own_file(*world_->fs, directory_ + "/" + hdb_manifest_name,
                         bytes, hdb_manifest_bytes_max)) {
    failed_ = fault.code != errc::oversize;
    return fault;
  }
  next.identity = identity_of(bytes);
  manifest_ = std::move(next);
  std::vector<std::string> named;
  for (const auto& part : manifest_.parts)
    if (part.row_count != 0)
      named.push_back(part.path());
  return announced_.forget(named);
}

} // namespace millrace::persistence
