#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_directory.hpp>

namespace millrace::rt {

namespace {

constexpr std::string_view record_origin = "history";
/// Written at this size, or by a checkpoint.
constexpr size_t buffered_max = 64u << 10;

persistence::log_writer_options options_of(const std::string& directory,
                                           persistence::session_policy policy,
                                           uint64_t roll_bytes) {
  persistence::log_writer_options out;
  out.directory = directory;
  out.session = policy;
  out.roll_bytes = roll_bytes;
  out.reserve_bytes = 0;
  return out;
}

} // namespace

result<std::unique_ptr<merge_history>>
merge_history::open(persistence::env& world, const std::string& directory,
                    uint64_t roll_bytes) {
  using persistence::session_policy;
  auto log = persistence::log_writer::open(
    world, options_of(directory, session_policy::resume, roll_bytes));
  // What is damaged stays, and what comes goes on after it.
  if (!log && log.failure().code == errc::corrupt)
    log = persistence::log_writer::open(
      world, options_of(directory, session_policy::next, roll_bytes));
  if (!log)
    return log.failure();
  return std::unique_ptr<merge_history>{new merge_history{*std::move(log)}};
}

error merge_history::add(entry_index index, entry_index before,
                         const merge_entry& entry, position end) {
  message_header header;
  header.on = record_origin;
  header.id = static_cast<int64_t>(index.value);
  // Not a time: by it a reader knows that none is missing.
  header.ts = static_cast<int64_t>(before.value);
  // Nor is this: by it what it appended is found.
  header.to = static_cast<int32_t>(end.offset());
  auto fault = waiting_.append(*log_, header, encode(entry));
  if (!fault && log_->buffered_bytes() >= buffered_max)
    fault = log_->write();
  return fault.code == errc::no_space ? error{} : fault;
}

error merge_history::write() {
  if (auto fault = waiting_.pass_on(*log_))
    return fault;
  return log_->write();
}

error merge_history::close() {
  if (auto fault = waiting_.pass_on(*log_))
    return fault;
  return log_->close();
}

namespace {

/// The newest file that begins at or before the instruction after `last`.
result<std::optional<position>> file_before(persistence::file_system& fs,
                                            const std::string& directory,
                                            entry_index last) {
  auto files = persistence::list_log_files(fs, directory);
  if (!files)
    return files.failure();
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    const auto begin = position::of(file->session, file->roll, 0);
    auto reader
      = persistence::log_reader::open(fs, {.directory = directory}, begin);
    if (!reader)
      continue;
    auto item = (*reader)->next();
    const auto* first
      = item ? std::get_if<persistence::log_message>(&*item) : nullptr;
    if (first != nullptr
        && static_cast<uint64_t>(first->frame.header.ts) <= last.value)
      return std::optional{begin};
  }
  return std::optional<position>{};
}

} // namespace

error merge_history::collect(persistence::env& world,
                             const std::string& directory, entry_index last) {
  const auto from = file_before(*world.fs, directory, last);
  if (!from)
    return from.failure();
  return *from ? persistence::collect_log(world, directory, **from).failure()
               : error{};
}

result<history_reader> history_reader::open(persistence::file_system& fs,
                                            const std::string& directory,
                                            entry_index last) {
  const auto from = file_before(fs, directory, last);
  if (!from)
    return from.failure();
  auto reader = persistence::log_reader::open(
    fs, {.directory = directory, .damage = persistence::damage_policy::resync},
    *from);
  if (!reader)
    return reader.failure();
  return history_reader{*std::move(reader), last};
}

result<std::optional<history_reader::instruction>> history_reader::next() {
  for (;;) {
    auto item = log_->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      return std::optional<instruction>{};
    const auto* message = std::get_if<persistence::log_message>(&*item);
    if (message == nullptr)
      continue; // Damage: what it took shows by the numbers.
    const auto& frame = message->frame;
    const entry_index index{static_cast<uint64_t>(frame.header.id)};
    // After a crash some are applied, and told, again.
    if (index <= last_)
      continue;
    if (static_cast<uint64_t>(frame.header.ts) != last_.value)
      return std::optional<instruction>{};
    auto entry = decode_merge_entry(frame.payload);
    if (!entry)
      return entry.failure();
    last_ = index;
    instruction out{index, *std::move(entry), {}};
    if (frame.header.to >= 0)
      out.end_offset = static_cast<uint64_t>(frame.header.to);
    return std::optional{std::move(out)};
  }
}

} // namespace millrace::rt
