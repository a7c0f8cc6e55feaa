#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/actors/rt/sequence/out_rebuild.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace millrace::rt {

namespace {

using persistence::log_file_name;

std::string out_path(const std::string& directory, position file) {
  return directory + "/" + log_file_name(file.session(), file.roll());
}

/// Merges again, from the state at the start of a file on.
class rebuilding {
public:
  rebuilding(persistence::env& world, const rebuild_source& from,
             std::string scratch, std::vector<rebuild_lack>& lacks)
    : env_{&world}, from_{&from}, scratch_{std::move(scratch)}, lacks_{&lacks},
      inputs_{*world.fs, from.directory + "/in"} {}

  /// Until `file` is closed, and one begun that is there to compare with; of
  /// the one that is written, until `until`.
  error make(position file, std::optional<position> until = {});

private:
  result<merge_state> begin(position file);
  error open(const merge_state& state);
  error apply(const history_reader::instruction& what);

  persistence::env* env_;
  const rebuild_source* from_;
  std::string scratch_;
  std::vector<rebuild_lack>* lacks_;
  input_store inputs_;
  std::unique_ptr<persistence::log_writer> out_;
  std::unique_ptr<merge_core> merge_;
};

/// The state at the newest intact start of a file, of `file` or one before it;
/// that of a stream's beginning where there is none.
result<merge_state> rebuilding::begin(position file) {
  const auto out = from_->directory + "/out";
  auto files = persistence::list_log_files(*env_->fs, out);
  if (!files)
    return files.failure();
  const auto& anchor = from_->anchor;
  const bool anchored = anchor && anchor->out_end <= file;
  for (auto each = files->rbegin(); each != files->rend(); ++each) {
    const auto begin = position::of(each->session, each->roll, 0);
    if (begin > file)
      continue;
    if (anchored && anchor->out_end >= begin)
      break;
    auto state = state_at(*env_->fs, out, from_->lineage, begin);
    if (!state)
      continue;
    return state;
  }
  if (anchored)
    return *anchor;
  return merge_state{}; // Its first entry says where.
}

error rebuilding::open(const merge_state& state) {
  auto& fs = *env_->fs;
  if (auto fault = persistence::write_lineage(fs, scratch_, from_->lineage))
    return fault;
  if (auto made = fs.open(out_path(scratch_, state.out_end),
                          persistence::open_mode::write);
      !made)
    return made.failure();
  persistence::log_writer_options how;
  how.directory = scratch_;
  how.session = persistence::session_policy::resume;
  how.record_bytes = from_->record_bytes;
  how.reserve_bytes = 0;
  how.lineage = from_->lineage;
  auto writer = persistence::log_writer::open(*env_, std::move(how));
  if (!writer)
    return writer.failure();
  out_ = *std::move(writer);
  merge_ = std::make_unique<merge_core>(state, *out_);
  return {};
}

error rebuilding::apply(const history_reader::instruction& what) {
  const auto& [number, entry] = what;
  const auto index = number; // Not all compilers let lambdas have the other.
  input_bytes bytes;
  const auto read = [&](const merge_range& range) -> error {
    const auto& known = merge_->state().inputs;
    const auto input = known.find(range.input);
    if (input == known.end())
      return {errc::corrupt, "history: entry " + to_string(index)
                               + " names an input that was never opened"};
    if (!merge_->needs(range))
      return {};
    const input_name name{input->second.directory, input->second.lineage};
    auto got = inputs_.bytes(name, {range.from, range.to});
    if (!got) {
      if (const auto parts = inputs_.damaged(name, {range.from, range.to}))
        for (const auto& part : *parts)
          lacks_->push_back({name, part});
      return got.failure();
    }
    bytes.add(*std::move(got));
    return {};
  };
  for (const auto& range : ranges_of(entry))
    if (auto fault = read(range))
      return fault;
  auto done = merge_->apply(index, entry, bytes.parts);
  return done ? error{} : done.failure();
}

error rebuilding::make(position file, std::optional<position> until) {
  auto state = begin(file);
  if (!state)
    return state.failure();
  auto history = history_reader::open(*env_->fs, from_->directory + "/history",
                                      state->applied_index);
  if (!history)
    return history.failure();
  auto last = file_of(file);
  bool open_yet = false;
  for (;;) {
    auto next = history->next();
    if (!next)
      return next.failure();
    if (!*next)
      return {errc::corrupt,
              from_->directory + "/history: ends, or has a hole, after entry "
                + to_string(merge_ ? merge_->state().applied_index
                                   : state->applied_index)};
    if (!open_yet) {
      if (const auto* first = std::get_if<begin_stream>(&(*next)->second))
        *state = begun_state(first->layout);
      if (auto fault = open(*state))
        return fault;
      open_yet = true;
    }
    if (auto fault = apply(**next))
      return fault;
    if (until) {
      if (out_->recorded_end() >= *until)
        return out_->sync();
      continue;
    }
    const auto here = file_of(out_->recorded_end());
    if (here <= last || out_->recorded_end().offset() == 0)
      continue;
    // What is there to compare with may be damaged as well.
    if (state_bytes(*env_->fs, from_->directory + "/out", from_->lineage, here))
      return out_->sync();
    last = here;
  }
}

} // namespace

bool file_is_whole(persistence::file_system& fs, const std::string& directory,
                   const lineage_id& lineage, position file) {
  const auto scan = persistence::scan_log_file(
    fs, directory, lineage, {.session = file.session(), .roll = file.roll()});
  return scan && scan->seal && !scan->damaged
         && scan->valid_end.value - scan->begin.value == scan->size;
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

error replace_out_file(persistence::file_system& fs, const rebuild_source& from,
                       position file, const std::string& scratch) {
  if (!file_is_whole(fs, scratch, from.lineage, file))
    return {errc::corrupt, out_path(scratch, file) + ": is not whole"};
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

error rebuild_out_file(persistence::env& world, const rebuild_source& from,
                       position file, std::vector<rebuild_lack>& lacks) {
  if (file_is_whole(*world.fs, from.directory + "/out", from.lineage, file))
    return {}; // Mended since.
  auto scratch = rebuild_directory(world, from);
  if (!scratch)
    return scratch.failure();
  if (auto fault = rebuilding{world, from, *scratch, lacks}.make(file))
    return fault;
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
  if (auto fault
      = rebuilding{world, from, *scratch, lacks}.make(file_of(end), end))
    return fault;
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
  const auto old = (*there)->bytes();
  std::vector<std::pair<uint64_t, uint64_t>> damage; // Offset and length.
  for (uint64_t at = 0; at < made.size();) {
    const position place{file.value + at};
    const auto parsed
      = persistence::parse_record(made.subspan(at), from.lineage, place,
                                  persistence::payload_check::verify);
    if (parsed.kind != persistence::parse_outcome::what::record)
      return {errc::corrupt,
              out_path(scratch, file) + ": no record at " + std::to_string(at)};
    const auto length = parsed.record.length;
    const bool same
      = old.size() >= at + length
        && std::equal(old.begin() + static_cast<ptrdiff_t>(at),
                      old.begin() + static_cast<ptrdiff_t>(at + length),
                      made.begin() + static_cast<ptrdiff_t>(at));
    if (!same) {
      if (at < old.size()
          && persistence::parse_record(old.subspan(at), from.lineage, place,
                                       persistence::payload_check::verify)
                 .kind
               == persistence::parse_outcome::what::record)
        return {errc::corrupt,
                path + ": comes out otherwise at " + std::to_string(at)};
      damage.emplace_back(at, length);
    }
    at += length;
  }
  for (const auto& [at, length] : damage)
    if (auto fault = (*target)->write_at(at, made.subspan(at, length)))
      return fault;
  return (*target)->sync();
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
