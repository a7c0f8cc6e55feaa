#include <millrace/actors/rt/raft/entry_log.hpp>
#include <millrace/actors/rt/raft/raft_wire_internal.hpp>
#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

namespace {

constexpr std::string_view record_origin = "raft";
/// Of a state that is kept in parts.
constexpr size_t part_bytes = 256u << 10;
constexpr uint64_t reserved_bytes = uint64_t{1} << 20;
/// A file that is larger makes way for one that says what still counts.
constexpr uint64_t file_bytes = uint64_t{4} << 20;

template <class Fill>
std::vector<std::byte> record_of(Fill fill) {
  ::capnp::MallocMessageBuilder builder{64};
  fill(builder.initRoot<schema::RaftRecord>());
  return messages::to_bytes(builder);
}

std::vector<std::byte> record_of(const raft_vote& vote) {
  return record_of([&](schema::RaftRecord::Builder root) {
    auto out = root.initVote();
    out.setTerm(vote.term.value);
    out.setNode(vote.candidate.node.value);
    out.setIncarnation(vote.candidate.incarnation.value);
  });
}

std::vector<std::byte> record_of(const raft_base& base) {
  return record_of([&](schema::RaftRecord::Builder root) {
    auto out = root.initBase();
    wire::write(out.initAt(), base.at);
    wire::write(out.initMembers(wire::count(base.members)), base.members);
  });
}

std::vector<std::byte> record_of(const raft_entry& entry) {
  return record_of([&](schema::RaftRecord::Builder root) {
    wire::write(root.initEntry(), entry);
  });
}

std::string founding_path(const std::string& directory) {
  return directory + "/.founding";
}

/// Holds the boot in which something was said that may not be synced; 0: all
/// is.
std::string unsynced_path(const std::string& directory) {
  return directory + "/.unsynced";
}

error write_boot(persistence::file_system& fs, const std::string& directory,
                 uint64_t boot) {
  const auto text = std::to_string(boot);
  return persistence::replace_file(fs, unsynced_path(directory),
                                   std::as_bytes(std::span{text}));
}

} // namespace

result<std::unique_ptr<entry_log>>
entry_log::open(persistence::env& world, const std::string& directory) {
  persistence::log_writer_options options;
  options.directory = directory;
  options.session = persistence::session_policy::resume;
  options.reserve_bytes = reserved_bytes;
  auto log = persistence::log_writer::open(world, std::move(options));
  if (!log)
    return log.failure();
  std::unique_ptr<entry_log> out{
    new entry_log{world, directory, *std::move(log)}};
  auto founding = founding_in(*world.fs, directory);
  if (!founding)
    return founding.failure();
  out->founding_ = *std::move(founding);
  out->now_.base.members = out->founding_.members;
  if (auto fault = out->recover())
    return fault;
  if (!out->founding_.empty() && out->last_record_ == 0)
    return error{errc::corrupt, directory + ": the group's log is gone"};
  if (out->founding_.empty() && !out->says_nothing())
    return error{errc::corrupt, founding_path(directory)
                                  + " is gone, which says whose log this is"};
  return out;
}

/// As it is before the founding, when a crash may come.
bool entry_log::says_nothing() const {
  return now_.vote == raft_vote{} && now_.base.at == raft_place{}
         && now_.entries.empty() && now_.state.bytes.empty();
}

entry_log::entry_log(persistence::env& world, std::string directory,
                     std::unique_ptr<persistence::log_writer> log)
  : env_{&world}, directory_{std::move(directory)}, log_{std::move(log)} {}

result<group_founding> entry_log::founding_in(persistence::file_system& fs,
                                              const std::string& directory) {
  const auto path = founding_path(directory);
  auto bytes = persistence::read_own_file(fs, path);
  if (!bytes) {
    if (bytes.failure().code == errc::not_found)
      return group_founding{};
    return bytes.failure();
  }
  auto founding = messages::read_as<schema::RaftFounding>(
    *bytes, [](schema::RaftFounding::Reader root) -> result<group_founding> {
      auto members = wire::read(root.getMembers());
      if (!members)
        return members.failure();
      return group_founding{*std::move(members),
                            group_generation{root.getGeneration()}};
    });
  if (!founding)
    return error{errc::corrupt, path + ": " + founding.failure().context};
  return founding;
}

error entry_log::mark_unsynced(persistence::file_system& fs,
                               const std::string& directory) {
  return write_boot(fs, directory, fs.boot_id());
}

error entry_log::mark_synced(persistence::file_system& fs,
                             const std::string& directory) {
  return write_boot(fs, directory, 0);
}

result<bool> entry_log::forgot(persistence::file_system& fs,
                               const std::string& directory) {
  const auto bytes = persistence::read_own_file(fs, unsynced_path(directory));
  if (!bytes) {
    if (bytes.failure().code == errc::not_found)
      return false; // Nothing was ever said.
    return bytes.failure();
  }
  const std::string text{reinterpret_cast<const char*>(bytes->data()),
                         bytes->size()};
  return text != "0" && text != std::to_string(fs.boot_id());
}

error entry_log::found(const group_founding& founding,
                       const raft_recovered& left, kept_state state) {
  now_.vote = left.vote;
  now_.base = left.base;
  now_.entries = {left.entries.begin(), left.entries.end()};
  now_.state = std::move(state);
  // First, so that a log without a record is known to be one that was lost.
  // Where there was no room for it, it was said already.
  if (said_founding_ != founding)
    if (auto fault = say_again())
      return fault;
  said_founding_ = founding;
  if (auto fault = log_->sync())
    return fault;
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::RaftFounding>();
  wire::write(root.initMembers(wire::count(founding.members)),
              founding.members);
  root.setGeneration(founding.generation.value);
  if (auto fault = persistence::replace_file(
        *env_->fs, founding_path(directory_), messages::to_bytes(builder)))
    return fault;
  founding_ = founding;
  return {};
}

error entry_log::recover() {
  auto reader
    = persistence::log_reader::open(*env_->fs, {.directory = directory_}, {});
  if (!reader)
    return reader.failure();
  begun_ = log_->recorded_end() == position::of(0, 0, 0)
           || (*reader)->where() == position::of(0, 0, 0);
  for (;;) {
    auto item = (*reader)->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item)) {
      if (records_left_ == 0)
        return {};
      if (!before_)
        return {errc::corrupt, directory_
                                 + ": its first file says "
                                   "only a part of what was kept"};
      records_left_ = 0;
      // What follows must not count as part of it.
      now_ = *std::exchange(before_, std::nullopt);
      return say_again();
    }
    if (const auto* event = std::get_if<stream_event>(&*item)) {
      if (event->kind == event_kind::badtail)
        return {errc::corrupt, directory_ + ": " + to_string(event->from)
                                 + ": the group's log is damaged"};
      continue;
    }
    const auto& message = std::get<persistence::log_message>(*item);
    last_record_ = message.frame.header.id;
    if (auto fault = take(message.frame.payload))
      return {errc::corrupt, directory_ + ": " + to_string(message.begin) + ": "
                               + fault.context};
  }
}

error entry_log::take(std::span<const std::byte> record) {
  return messages::read_as<schema::RaftRecord>(
           record,
           [this](schema::RaftRecord::Reader root) -> result<bool> {
             if (root.isBegin()) {
               begin_again(root.getBegin());
               return true;
             }
             if (!begun_)
               return error{errc::corrupt, "the files before it are missing, "
                                           "and nothing says what they held"};
             if (root.isVote()) {
               auto in = root.getVote();
               now_.vote = {raft_term{in.getTerm()},
                            {in.getNode(), in.getIncarnation()}};
             } else if (root.isBase()) {
               auto members = wire::read(root.getBase().getMembers());
               if (!members)
                 return members.failure();
               drop({wire::read(root.getBase().getAt()), *std::move(members)});
             } else if (root.isCut()) {
               drop_from(entry_index{root.getCut()});
             } else if (root.isEntry()) {
               auto entry = wire::read(root.getEntry());
               if (!entry)
                 return entry.failure();
               now_.entries.push_back(*std::move(entry));
             } else if (root.isState()) {
               auto in = root.getState();
               const auto bytes = in.getBytes();
               take_part(entry_index{in.getIndex()}, in.getPart(), in.getLast(),
                         {reinterpret_cast<const std::byte*>(bytes.begin()),
                          bytes.size()});
             }
             if (records_left_ > 0 && --records_left_ == 0)
               before_.reset();
             return true;
           })
    .failure();
}

/// A crash may leave the first of the records alone: then what was kept before
/// them counts on.
void entry_log::begin_again(uint32_t records) {
  if (before_)
    now_ = *std::exchange(before_, std::nullopt);
  if (begun_)
    before_ = std::exchange(now_, {});
  else
    now_ = {};
  begun_ = true;
  records_left_ = records;
}

/// A crash may leave the first parts of a state alone: the one before it counts
/// on.
void entry_log::take_part(entry_index index, uint32_t part, bool last,
                          std::span<const std::byte> bytes) {
  if (part == 0) {
    partial_ = {index, {}};
    parts_ = 0;
  }
  if (part != parts_ || index != partial_.index)
    return;
  ++parts_;
  partial_.bytes.insert(partial_.bytes.end(), bytes.begin(), bytes.end());
  if (last)
    now_.state = std::exchange(partial_, {});
}

void entry_log::drop(const raft_base& base) {
  const auto gone = std::min<uint64_t>(
    base.at.index.value - std::min(base.at.index, now_.base.at.index).value,
    now_.entries.size());
  now_.entries.erase(now_.entries.begin(),
                     now_.entries.begin() + static_cast<ptrdiff_t>(gone));
  now_.base = base;
}

void entry_log::drop_from(entry_index from) {
  const auto kept
    = from.value - std::min(from.value, now_.base.at.index.value + 1);
  if (kept < now_.entries.size())
    now_.entries.resize(kept);
}

raft_recovered entry_log::take_recovered() {
  return {now_.vote, now_.base, {now_.entries.begin(), now_.entries.end()}};
}

error entry_log::append_record(std::vector<std::byte> record) {
  message_header header;
  header.on = record_origin;
  header.id = ++last_record_;
  return waiting_.append(*log_, header, std::move(record));
}

error entry_log::write() {
  if (auto fault = waiting_.pass_on(*log_))
    return fault;
  return log_->write();
}

error entry_log::write(const raft_vote& vote) {
  now_.vote = vote;
  return append_record(record_of(vote));
}

error entry_log::begin_at(const raft_base& base) {
  drop(base);
  if (waiting_.empty() && log_->appended_end().offset() >= file_bytes) {
    auto fault = log_->roll();
    if (!fault) {
      kept_from_ = log_->appended_end();
      return say_again();
    }
    // The files before it stay until there is room for the next one.
    if (fault.code != errc::no_space)
      return fault;
  }
  return append_record(record_of(base));
}

error entry_log::cut(entry_index from) {
  drop_from(from);
  return append_record(record_of(
    [&](schema::RaftRecord::Builder root) { root.setCut(from.value); }));
}

error entry_log::append(const raft_entry& entry) {
  now_.entries.push_back(entry);
  return append_record(record_of(entry));
}

error entry_log::keep(kept_state state) {
  now_.state = std::move(state);
  return append_state();
}

error entry_log::append_state() {
  const std::span<const std::byte> all{now_.state.bytes};
  uint32_t part = 0;
  for (size_t at = 0; at < all.size(); at += part_bytes, ++part) {
    const auto bytes = all.subspan(at, std::min(part_bytes, all.size() - at));
    if (auto fault
        = append_record(record_of([&](schema::RaftRecord::Builder root) {
            auto out = root.initState();
            out.setIndex(now_.state.index.value);
            out.setPart(part);
            out.setLast(at + part_bytes >= all.size());
            out.setBytes(::capnp::Data::Reader(
              reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()));
          })))
      return fault;
  }
  return {};
}

error entry_log::say_again() {
  const auto parts = (now_.state.bytes.size() + part_bytes - 1) / part_bytes;
  const auto records = 2 + parts + now_.entries.size();
  if (auto fault
      = append_record(record_of([&](schema::RaftRecord::Builder root) {
          root.setBegin(static_cast<uint32_t>(records));
        })))
    return fault;
  if (auto fault = append_record(record_of(now_.vote)))
    return fault;
  if (auto fault = append_state())
    return fault;
  if (auto fault = append_record(record_of(now_.base)))
    return fault;
  for (const auto& entry : now_.entries)
    if (auto fault = append_record(record_of(entry)))
      return fault;
  return {};
}

void entry_log::finish_sync(position end, const error& outcome) {
  log_->finish_sync(end, outcome);
  if (outcome || !kept_from_ || end <= *kept_from_)
    return;
  env_->crash_point("rt.before_drop");
  auto files = persistence::list_log_files(*env_->fs, directory_);
  if (!files)
    return; // They are still there, and go with the next ones.
  for (const auto& file : *files)
    if (position::of(file.session, file.roll, 0) < *kept_from_)
      (void)env_->fs->remove(
        directory_ + "/" + persistence::log_file_name(file.session, file.roll));
  kept_from_.reset();
}

// Not sealed: the next life goes on in the same file.
error entry_log::close() {
  if (auto fault = waiting_.pass_on(*log_))
    return fault;
  return log_->sync();
}

} // namespace millrace::rt
