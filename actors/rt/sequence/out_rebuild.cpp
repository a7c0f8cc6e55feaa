#include <millrace/actors/rt/sequence/out_rebuild.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/persistence/log/record_salvage.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace millrace::rt {

using persistence::log_file_name;
using persistence::parse_outcome;
using persistence::parse_record;
using persistence::payload_check;
using persistence::record_kind;

namespace {

/// All of the file is records, up to its seal.
bool is_closed(const persistence::file_scan& scan) {
  return scan.seal && !scan.damaged
         && scan.valid_end.value - scan.begin.value == scan.size;
}

/// Where the bytes of a file that was made are to replace what is damaged or
/// lost in the one that is there: offsets and lengths.
using changes = std::vector<std::pair<uint64_t, uint64_t>>;

/// `corrupt` when anything intact in the old one comes out otherwise.
result<changes> compare(std::span<const std::byte> made,
                        std::span<const std::byte> old,
                        const lineage_id& lineage, const std::string& path,
                        position file) {
  changes out;
  for (uint64_t at = 0; at < made.size();) {
    const position place{file.value + at};
    const auto parsed
      = parse_record(made.subspan(at), lineage, place, payload_check::verify);
    if (parsed.kind != parse_outcome::what::record)
      return error{errc::corrupt, path + ": is made again without a record at "
                                    + std::to_string(at)};
    const auto length = parsed.record.length;
    const bool same
      = old.size() >= at + length
        && std::equal(old.begin() + static_cast<ptrdiff_t>(at),
                      old.begin() + static_cast<ptrdiff_t>(at + length),
                      made.begin() + static_cast<ptrdiff_t>(at));
    if (!same) {
      const auto there = parse_record(old.subspan(std::min(at, old.size())),
                                      lineage, place, payload_check::verify);
      // Of one that was lost in part the rest is the same.
      const bool intact
        = there.kind == parse_outcome::what::record
          && there.record.kind != record_kind::padding
          && !(there.record.kind == record_kind::seal
               && parsed.record.kind == record_kind::seal)
          && !persistence::is_lost_state(there.record)
          && !persistence::are_salvaged_of(
            old.subspan(at, std::min<size_t>(length, old.size() - at)),
            made.subspan(at, length), lineage, place);
      if (intact)
        return error{errc::corrupt,
                     path + ": comes out otherwise at " + std::to_string(at)};
      out.emplace_back(at, length);
    }
    at += length;
  }
  return out;
}

bool has_padding(std::span<const std::byte> records, const lineage_id& lineage,
                 position at) {
  while (!records.empty()) {
    const auto parsed = parse_record(records, lineage, at, payload_check::skip);
    if (parsed.kind != parse_outcome::what::record)
      return false;
    if (parsed.record.kind == record_kind::padding)
      return true;
    at.value += parsed.record.length;
    records = records.subspan(parsed.record.length);
  }
  return false;
}

} // namespace

bool file_is_whole(persistence::file_system& fs, const std::string& directory,
                   const lineage_id& lineage, position file) {
  const auto scan = persistence::scan_log_file(
    fs, directory, lineage, {.session = file.session(), .roll = file.roll()});
  return scan && is_closed(*scan) && !scan->padding;
}

result<std::string> rebuild_directory(persistence::env& world,
                                      const rebuild_source& from) {
  auto scratch = from.directory + "/rebuild";
  if (auto fault = world.fs->remove_all(scratch))
    return fault;
  if (auto fault = world.fs->create_directories(scratch))
    return fault;
  return scratch;
}

namespace {

/// As `replace_out_file`, of one that is whole, or keeps the place of what is
/// lost.
error put_in_place(persistence::file_system& fs, const rebuild_source& from,
                   position file, const std::string& scratch) {
  const auto out = from.directory + "/out";
  const auto path = out_path(out, file);
  if (fs.exists(path))
    if (auto fault = fs.rename(
          path, out + "/.quarantine."
                  + log_file_name(file.session(), file.roll()) + ".0"))
      return fault;
  if (auto fault = fs.rename(out_path(scratch, file), path))
    return fault;
  return fs.sync_directory(out);
}

} // namespace

error replace_out_file(persistence::file_system& fs, const rebuild_source& from,
                       position file, const std::string& scratch) {
  if (!file_is_whole(fs, scratch, from.lineage, file))
    return {errc::corrupt, out_path(scratch, file) + ": is not whole"};
  return put_in_place(fs, from, file, scratch);
}

error rebuild_out_file(persistence::env& world, const rebuild_source& from,
                       position file, std::vector<rebuild_lack>& lacks) {
  if (file_is_whole(*world.fs, from.directory + "/out", from.lineage, file))
    return {}; // Mended since.
  auto scratch = rebuild_directory(world, from);
  if (!scratch)
    return scratch.failure();
  out_replay replay{world, from, *scratch, replay_mode::exact};
  const auto why = replay.make(file, std::nullopt);
  lacks = std::move(replay.lacks());
  if (why)
    return why;
  // What comes after it depends on every byte of it.
  const auto made = persistence::list_log_files(*world.fs, *scratch);
  if (!made)
    return made.failure();
  const auto next = position::of(made->back().session, made->back().roll, 0);
  const auto there
    = state_bytes(*world.fs, from.directory + "/out", from.lineage, next);
  const auto again = state_bytes(*world.fs, *scratch, from.lineage, next);
  if (!there || !again || *there != *again)
    return {errc::corrupt, from.directory + "/out: "
                             + log_file_name(file.session(), file.roll())
                             + " comes out otherwise than what follows it"};
  for (const auto& each : *made) {
    const auto place = position::of(each.session, each.roll, 0);
    if (place == next
        || file_is_whole(*world.fs, from.directory + "/out", from.lineage,
                         place))
      continue;
    if (auto fault = replace_out_file(*world.fs, from, place, *scratch))
      return fault;
  }
  return world.fs->remove_all(*scratch);
}

error rebuild_live_file(persistence::env& world, const rebuild_source& from,
                        position end, std::vector<rebuild_lack>& lacks) {
  auto scratch = rebuild_directory(world, from);
  if (!scratch)
    return scratch.failure();
  out_replay replay{world, from, *scratch, replay_mode::exact};
  const auto why = replay.make(file_of(end), end);
  lacks = std::move(replay.lacks());
  if (why)
    return why;
  if (auto fault = patch_live_file(*world.fs, from, end, *scratch))
    return fault;
  return world.fs->remove_all(*scratch);
}

error patch_live_file(persistence::file_system& fs, const rebuild_source& from,
                      position end, const std::string& scratch) {
  const auto file = file_of(end);
  const auto path = out_path(from.directory + "/out", file);
  auto good = fs.map(out_path(scratch, file));
  if (!good)
    return good.failure();
  auto target = fs.open(path, persistence::open_mode::write);
  if (!target)
    return target.failure();
  auto there = fs.map(path);
  if (!there)
    return there.failure();
  if ((*good)->bytes().size() < end.offset())
    return {errc::corrupt, out_path(scratch, file) + ": is not whole"};
  const auto made = (*good)->bytes().first(end.offset());
  const auto damage
    = compare(made, (*there)->bytes(), from.lineage, path, file);
  if (!damage)
    return damage.failure();
  for (const auto& [at, length] : *damage)
    if (auto fault = (*target)->write_at(at, made.subspan(at, length)))
      return fault;
  return (*target)->sync();
}

// -- what cannot be made again ------------------------------------------------

namespace {

/// Puts what was made of a closed file in its place. Where records of it are
/// lost its own seal still counts them.
error place_salvaged(persistence::file_system& fs, const rebuild_source& from,
                     position file, const std::string& scratch) {
  const auto directory = from.directory + "/out";
  const auto path = out_path(directory, file);
  const auto made_path = out_path(scratch, file);
  auto made = fs.map(made_path);
  if (!made)
    return made.failure();
  const auto bytes = (*made)->bytes();
  const auto seal = persistence::record_before(fs, scratch, from.lineage,
                                               {file.value + bytes.size()});
  if (!seal || seal->kind != record_kind::seal)
    return {errc::corrupt, made_path + ": has no seal"};
  const auto content = bytes.first(seal->begin.offset());
  auto there = fs.map(path);
  if (!there && there.failure().code != errc::not_found)
    return there.failure();
  if (there) {
    const auto old = (*there)->bytes();
    const auto differs = compare(content, old, from.lineage, path, file);
    if (!differs)
      return differs.failure();
    const auto own
      = parse_record(old.subspan(std::min(content.size(), old.size())),
                     from.lineage, seal->begin, payload_check::verify);
    const bool sealed = own.kind == parse_outcome::what::record
                        && own.record.kind == record_kind::seal;
    if (differs->empty() && sealed)
      return {};
    if (sealed && has_padding(content, from.lineage, file)) {
      auto target = fs.open(made_path, persistence::open_mode::write);
      if (!target)
        return target.failure();
      if (auto fault = (*target)->write_at(
            content.size(), old.subspan(content.size(), own.record.length)))
        return fault;
      if (auto fault = (*target)->truncate(content.size() + own.record.length))
        return fault;
      if (auto fault = (*target)->sync())
        return fault;
    }
  }
  const auto scan = persistence::scan_log_file(
    fs, scratch, from.lineage,
    {.session = file.session(), .roll = file.roll()});
  if (!scan)
    return scan.failure();
  if (!is_closed(*scan))
    return {errc::corrupt, made_path + ": is not a file: " + scan->reason};
  return put_in_place(fs, from, file, scratch);
}

} // namespace

error salvage_out_file(persistence::env& world, const rebuild_source& from,
                       position at, std::optional<position> until,
                       bool may_lose, std::vector<out_hole>& holes) {
  const auto file = file_of(at);
  const auto attempt = [&](replay_mode mode, bool is_last) -> error {
    auto scratch = rebuild_directory(world, from);
    if (!scratch)
      return scratch.failure();
    out_replay replay{world, from, *scratch, mode};
    auto fault
      = is_last ? replay.keep_intact(file, until) : replay.make(file, until);
    if (!fault)
      fault = until ? patch_live_file(*world.fs, from, *until, *scratch)
                    : place_salvaged(*world.fs, from, file, *scratch);
    if (fault)
      return fault;
    holes = std::move(replay.holes());
    return world.fs->remove_all(*scratch);
  };
  auto why = attempt(replay_mode::recall, false);
  if (!why || why.code == errc::no_space || !may_lose)
    return why;
  if (!attempt(replay_mode::lossy, false))
    return {};
  auto fault = attempt(replay_mode::lossy, true);
  if (fault && fault.code != errc::no_space)
    fault.context += "; " + to_string(why);
  return fault;
}

std::vector<persistence::log_file_info>
kept_files(std::vector<persistence::log_file_info> files, position begin) {
  std::erase_if(files, [&](const auto& each) {
    return position::of(each.session, each.roll, 0) < file_of(begin);
  });
  for (auto& each : files)
    each.archived = each.archived && each.size != 0;
  return files;
}

std::vector<position>
missing_files(const std::vector<persistence::log_file_info>& files,
              position begin) {
  std::vector<position> out;
  const auto add = [&](uint64_t session, uint64_t first, uint64_t end) {
    for (auto roll = first; roll < end; ++roll)
      out.push_back(position::of(session, roll, 0));
  };
  for (size_t i = 0; i < files.size(); ++i) {
    const auto& each = files[i];
    // Files that were collected end with one that says so.
    const bool collected = each.archived && each.size == 0;
    if (i == 0 && !collected)
      add(each.session, begin.session() == each.session ? begin.roll() : 0,
          each.roll);
    else if (i != 0 && files[i - 1].session == each.session)
      add(each.session, files[i - 1].roll + 1, each.roll);
    else if (i != 0)
      add(each.session, 0, each.roll);
  }
  return out;
}

} // namespace millrace::rt
