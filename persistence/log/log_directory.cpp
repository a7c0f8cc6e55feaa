#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_internal.hpp>

#include <algorithm>
#include <charconv>

namespace millrace::persistence {

using detail::append_to;
using detail::load;
using detail::log_path;
using detail::path_of;
using detail::store;

namespace {

constexpr std::string_view lineage_prefix = "millrace lineage 1 ";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

std::string hex32(uint32_t x) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(8, '0');
  for (size_t i = 0; i < 8; ++i)
    out[i] = digits[(x >> (28 - 4 * i)) & 15];
  return out;
}

// The text of `.lineage`, with its own checksum.
std::string lineage_text(const lineage_id& id) {
  auto text = std::string{lineage_prefix} + to_string(id);
  return text + " " + hex32(crc32c(bytes_of(text))) + "\n";
}

// A decimal number without sign or leading zeroes, at most `max`.
std::optional<uint64_t> number_of(std::string_view text, uint64_t max) {
  if (text.empty() || (text.size() > 1 && text[0] == '0'))
    return std::nullopt;
  uint64_t x = 0;
  const auto* last = text.data() + text.size();
  const auto got = std::from_chars(text.data(), last, x);
  if (got.ec != std::errc{} || got.ptr != last || x > max)
    return std::nullopt;
  return x;
}

} // namespace

namespace {

result<std::vector<log_file_info>> list_once(file_system& fs,
                                             const std::string& directory) {
  auto entries = fs.list(directory);
  if (!entries)
    return entries.failure();
  std::vector<log_file_info> files;
  for (const auto& entry : *entries) {
    std::string_view name = entry.name;
    if (entry.is_directory || !name.starts_with("log."))
      continue;
    name.remove_prefix(4);
    const auto dot = name.find('.');
    if (dot == std::string_view::npos)
      continue;
    const auto session = number_of(name.substr(0, dot), position::session_max);
    const auto roll = number_of(name.substr(dot + 1), position::roll_max);
    if (session && roll)
      files.push_back({*session, *roll, entry.size, entry.archived});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return std::pair{a.session, a.roll} < std::pair{b.session, b.roll};
  });
  return files;
}

/// What is empty and marked, though a file before it is not: who collects
/// marks that one first. @returns whether there was one
bool unmark_impostors(std::vector<log_file_info>& files) {
  bool found = false;
  bool marked = true;
  for (auto& each : files) {
    if (each.archived && each.size == 0 && !marked) {
      each.archived = false;
      found = true;
    }
    marked = marked && each.archived;
  }
  return found;
}

} // namespace

std::string log_file_name(uint64_t session, uint64_t roll) {
  return "log." + std::to_string(session) + "." + std::to_string(roll);
}

result<std::vector<log_file_info>>
list_log_files(file_system& fs, const std::string& directory) {
  auto files = list_once(fs, directory);
  if (!files || !unmark_impostors(*files))
    return files;
  // What is collected while it is listed looks the same.
  files = list_once(fs, directory);
  if (files)
    (void)unmark_impostors(*files);
  return files;
}

result<lineage_id> read_lineage(file_system& fs, const std::string& directory) {
  const auto path = path_of(directory, ".lineage");
  if (fs.list(path))
    return error{errc::corrupt, path + ": is a directory"};
  auto bytes = read_own_file(fs, path, 4096);
  if (!bytes)
    return bytes.failure();
  const std::string_view text{reinterpret_cast<const char*>(bytes->data()),
                              bytes->size()};
  if (text.size() > lineage_prefix.size() + 32) {
    const auto id = lineage_of(text.substr(lineage_prefix.size(), 32));
    if (id && text == lineage_text(*id))
      return *id;
  }
  return error{errc::corrupt, path + ": not an intact lineage file"};
}

error write_lineage(file_system& fs, const std::string& directory,
                    const lineage_id& lineage) {
  auto present = read_lineage(fs, directory);
  if (present) {
    if (*present == lineage)
      return {};
    return {errc::already_exists, path_of(directory, ".lineage") + ": holds "
                                    + to_string(*present) + ", not "
                                    + to_string(lineage)};
  }
  if (present.failure().code != errc::not_found)
    return present.failure();
  return replace_file(fs, path_of(directory, ".lineage"),
                      bytes_of(lineage_text(lineage)));
}

std::vector<std::byte> encode(const seal_info& seal) {
  std::vector<std::byte> out;
  append_to(out, seal.message_count);
  append_to(out, seal.running_hash);
  append_to(out, uint32_t{seal.session_end});
  append_to(out, static_cast<uint32_t>(seal.ids.size()));
  for (const auto& [origin, range] : seal.ids) {
    append_to(out, range.first);
    append_to(out, range.last);
    append_to(out, static_cast<uint32_t>(origin.size()));
    const auto text = bytes_of(origin);
    out.insert(out.end(), text.begin(), text.end());
    out.resize(padded(static_cast<uint32_t>(out.size())));
  }
  return out;
}

result<seal_info> decode_seal(std::span<const std::byte> payload) {
  const error bad{errc::corrupt, "seal: payload of "
                                   + std::to_string(payload.size())
                                   + " bytes is not well formed"};
  if (payload.size() < 24)
    return bad;
  seal_info seal;
  seal.message_count = load<uint64_t>(payload.data());
  seal.running_hash = load<uint64_t>(payload.data() + 8);
  const auto flags = load<uint32_t>(payload.data() + 16);
  if (flags > 1)
    return bad;
  seal.session_end = flags == 1;
  const auto count = load<uint32_t>(payload.data() + 20);
  size_t at = 24;
  for (uint32_t i = 0; i < count; ++i) {
    if (payload.size() - at < 20)
      return bad;
    const seal_info::id_range range{load<int64_t>(payload.data() + at),
                                    load<int64_t>(payload.data() + at + 8)};
    const auto bytes = load<uint32_t>(payload.data() + at + 16);
    at += 20;
    if (bytes > origin_bytes_max || payload.size() - at < bytes)
      return bad;
    seal.ids.emplace(
      std::string{reinterpret_cast<const char*>(payload.data() + at), bytes},
      range);
    at = padded(static_cast<uint32_t>(at) + bytes);
    if (at > payload.size())
      return bad;
  }
  if (at != payload.size() || seal.ids.size() != count)
    return bad;
  return seal;
}

std::optional<position> read_synced_end(file_system& fs,
                                        const std::string& directory) {
  auto lineage = read_lineage(fs, directory);
  if (!lineage)
    return std::nullopt;
  if (auto mark = detail::synced_file::read(fs, directory, *lineage))
    return mark->end;
  return std::nullopt;
}

namespace detail {

namespace {

constexpr uint64_t slot_bytes = 64;
constexpr uint64_t slot_stride = 512; // A torn sector harms one slot only.
constexpr uint32_t synced_version = 1;

struct slot {
  uint64_t sequence = 0;
  synced_mark mark;
};

std::array<std::byte, slot_bytes> encode_slot(const lineage_id& lineage,
                                              const slot& s) {
  std::array<std::byte, slot_bytes> out{};
  store(out.data() + 4, synced_version);
  store(out.data() + 8, s.sequence);
  store(out.data() + 16, lineage.words[0]);
  store(out.data() + 24, lineage.words[1]);
  store(out.data() + 32, s.mark.end.value);
  store(out.data() + 40, s.mark.boot_id);
  store(out.data() + 48, static_cast<uint32_t>(s.mark.fenced ? 1 : 0)
                           | static_cast<uint32_t>(s.mark.closed ? 2 : 0));
  store(out.data(), crc32c(std::span{out}.subspan(4)));
  return out;
}

std::optional<slot> decode_slot(const lineage_id& lineage,
                                std::span<const std::byte> in) {
  if (in.size() < slot_bytes
      || load<uint32_t>(in.data()) != crc32c(in.subspan(4, slot_bytes - 4))
      || load<uint32_t>(in.data() + 4) != synced_version
      || load<uint64_t>(in.data() + 16) != lineage.words[0]
      || load<uint64_t>(in.data() + 24) != lineage.words[1])
    return std::nullopt;
  slot s;
  s.sequence = load<uint64_t>(in.data() + 8);
  s.mark.end.value = load<uint64_t>(in.data() + 32);
  s.mark.boot_id = load<uint64_t>(in.data() + 40);
  const auto flags = load<uint32_t>(in.data() + 48);
  s.mark.fenced = (flags & 1) != 0;
  s.mark.closed = (flags & 2) != 0;
  return s;
}

std::optional<slot> newest_slot(file& source, const lineage_id& lineage) {
  std::array<std::byte, slot_stride + slot_bytes> bytes{};
  auto got = source.read_at(0, bytes);
  if (!got)
    return std::nullopt;
  const auto all = std::span<const std::byte>{bytes}.first(*got);
  auto newest = decode_slot(lineage, all);
  if (all.size() > slot_stride)
    if (auto other = decode_slot(lineage, all.subspan(slot_stride)))
      if (!newest || other->sequence > newest->sequence)
        newest = other;
  return newest;
}

/// A directory of its name is no note, and stops no log.
error free_name(file_system& fs, const std::string& path) {
  return fs.list(path) ? persistence::set_aside(fs, path) : error{};
}

} // namespace

result<std::shared_ptr<synced_file>>
synced_file::open(file_system& fs, const std::string& directory,
                  const lineage_id& lineage) {
  const auto path = path_of(directory, ".synced");
  if (auto fault = free_name(fs, path))
    return fault;
  auto opened = fs.open(path, open_mode::write);
  if (!opened)
    return opened.failure();
  auto marks = std::make_shared<synced_file>();
  marks->file_ = *std::move(opened);
  marks->lineage_ = lineage;
  if (auto newest = newest_slot(*marks->file_, lineage))
    marks->sequence_ = newest->sequence;
  return marks;
}

std::optional<synced_mark> synced_file::read(file_system& fs,
                                             const std::string& directory,
                                             const lineage_id& lineage) {
  auto opened = fs.open(path_of(directory, ".synced"), open_mode::read);
  if (!opened)
    return std::nullopt;
  if (auto newest = newest_slot(**opened, lineage))
    return newest->mark;
  return std::nullopt;
}

error synced_file::record(const synced_mark& wanted) {
  const std::scoped_lock lock{mutex_};
  auto mark = wanted;
  mark.fenced = fenced_ = fenced_ || wanted.fenced;
  const auto next = sequence_ + 1;
  auto fault = file_->write_at(next % 2 * slot_stride,
                               encode_slot(lineage_, {next, mark}));
  // What was refused may have torn this slot: the other one stays.
  if (!fault)
    sequence_ = next;
  return fault;
}

std::optional<ids_snapshot> read_ids(file_system& fs,
                                     const std::string& directory,
                                     const lineage_id& lineage) {
  auto bytes = read_own_file(fs, path_of(directory, ".ids"));
  if (!bytes || bytes->size() < 32)
    return std::nullopt;
  const auto all = std::span<const std::byte>{*bytes};
  if (load<uint32_t>(all.data()) != crc32c(all.subspan(4))
      || load<uint64_t>(all.data() + 8) != lineage.words[0]
      || load<uint64_t>(all.data() + 16) != lineage.words[1])
    return std::nullopt;
  auto seal = decode_seal(all.subspan(32));
  if (!seal)
    return std::nullopt;
  ids_snapshot snapshot;
  snapshot.covered.value = load<uint64_t>(all.data() + 24);
  for (const auto& [origin, range] : seal->ids)
    snapshot.ids.emplace(origin, range.last);
  return snapshot;
}

error write_ids(file_system& fs, const std::string& directory,
                const lineage_id& lineage, const ids_snapshot& snapshot) {
  // The body is that of a seal, with first == last.
  seal_info body;
  for (const auto& [origin, id] : snapshot.ids)
    body.ids.emplace(origin, seal_info::id_range{id, id});
  std::vector<std::byte> out;
  append_to(out, uint64_t{0});
  append_to(out, lineage.words[0]);
  append_to(out, lineage.words[1]);
  append_to(out, snapshot.covered.value);
  const auto encoded = encode(body);
  out.insert(out.end(), encoded.begin(), encoded.end());
  store(out.data(), crc32c(std::span{out}.subspan(4)));
  const auto path = path_of(directory, ".ids");
  if (auto fault = free_name(fs, path))
    return fault;
  return replace_own_file(fs, path, out);
}

namespace {

// `.cut`: crc u32, zero u32, before u64, begin u64; the sum covers the lineage,
// too.
constexpr size_t cut_bytes = 24;

std::array<std::byte, cut_bytes> encode_cut(const lineage_id& lineage,
                                            const cut_note& note) {
  std::array<std::byte, cut_bytes> out{};
  store(out.data() + 8, note.before.value);
  store(out.data() + 16, note.begin.value);
  const auto seed = crc32c(std::as_bytes(std::span{lineage.words}));
  store(out.data(), crc32c(std::span{out}.subspan(4), seed));
  return out;
}

} // namespace

bool cut_joins(file_system& fs, const std::string& directory,
               const lineage_id& lineage, position at, position next) {
  const auto bytes = read_own_file(fs, path_of(directory, ".cut"));
  if (!bytes || bytes->size() != cut_bytes)
    return false;
  const cut_note note{{load<uint64_t>(bytes->data() + 8)},
                      {load<uint64_t>(bytes->data() + 16)}};
  const auto same = encode_cut(lineage, note);
  return std::equal(bytes->begin(), bytes->end(), same.begin())
         && next == note.begin && note.before <= at && at <= note.begin;
}

error write_cut(file_system& fs, const std::string& directory,
                const lineage_id& lineage, const cut_note& note) {
  const auto path = path_of(directory, ".cut");
  if (auto fault = free_name(fs, path))
    return fault;
  return replace_file(fs, path, encode_cut(lineage, note));
}

namespace {

// Entry of `.ends`: crc u32, zero u32, end u64, known_end u64, zero u64; the
// sum covers the lineage, too. One per session, appended.
constexpr uint64_t note_bytes = 32;

std::array<std::byte, note_bytes> encode_note(const lineage_id& lineage,
                                              const session_end_note& note) {
  std::array<std::byte, note_bytes> out{};
  store(out.data() + 8, note.end.value);
  store(out.data() + 16, note.known_end.value);
  const auto seed = crc32c(std::as_bytes(std::span{lineage.words}));
  store(out.data(), crc32c(std::span{out}.subspan(4), seed));
  return out;
}

} // namespace

std::optional<session_end_note> read_session_end(file_system& fs,
                                                 const std::string& directory,
                                                 const lineage_id& lineage,
                                                 uint64_t session) {
  auto bytes = read_own_file(fs, path_of(directory, ".ends"));
  if (!bytes)
    return std::nullopt;
  std::optional<session_end_note> found;
  for (size_t at = 0; at + note_bytes <= bytes->size(); at += note_bytes) {
    const auto entry = std::span{*bytes}.subspan(at, note_bytes);
    const session_end_note note{{load<uint64_t>(entry.data() + 8)},
                                {load<uint64_t>(entry.data() + 16)}};
    const auto want = encode_note(lineage, note);
    if (std::equal(entry.begin(), entry.end(), want.begin())
        && note.end.session() == session)
      found = note;
  }
  return found;
}

std::optional<position> known_end_of(file_system& fs,
                                     const std::string& directory,
                                     const lineage_id& lineage,
                                     uint64_t session,
                                     std::optional<position> recorded) {
  std::optional<position> end;
  const auto raise = [&](position known) {
    if (known.session() == session && (!end || known > *end))
      end = known;
  };
  if (recorded)
    raise(*recorded);
  if (auto mark = synced_file::read(fs, directory, lineage))
    raise(mark->end);
  if (auto note = read_session_end(fs, directory, lineage, session)) {
    raise(note->end);
    raise(note->known_end);
  }
  return end;
}

error add_session_end(file_system& fs, const std::string& directory,
                      const lineage_id& lineage, const session_end_note& note) {
  const auto path = path_of(directory, ".ends");
  if (auto fault = free_name(fs, path))
    return fault;
  auto opened = fs.open(path, open_mode::write);
  if (!opened)
    return opened.failure();
  auto size = (*opened)->size();
  if (!size)
    return size.failure();
  // An entry that a crash tore is written over.
  if (auto fault = (*opened)->write_at(*size / note_bytes * note_bytes,
                                       encode_note(lineage, note)))
    return fault;
  return (*opened)->sync();
}

error keep_aside(file_system& fs, const std::string& directory, file& source,
                 position from, uint64_t size) {
  const auto path = path_of(
    directory, ".quarantine." + log_file_name(from.session(), from.roll()) + "."
                 + std::to_string(from.offset()));
  auto kept = fs.open(path, open_mode::write);
  if (!kept)
    return kept.failure();
  std::vector<std::byte> bytes(256u << 10);
  for (auto at = from.offset(); at < size;) {
    auto got = source.read_at(at, bytes);
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    if (auto fault
        = (*kept)->write_at(at - from.offset(), std::span{bytes}.first(*got)))
      return fault;
    at += *got;
  }
  return (*kept)->sync();
}

std::function<error()> unsynced::take(file_system& fs, const std::string& path,
                                      std::shared_ptr<synced_file> marks,
                                      const synced_mark& mark) {
  auto job = [&fs, path, marks = std::move(marks), mark, todo = files,
              names = directory]() -> error {
    for (const auto& written : todo)
      if (auto fault = written->sync();
          fault
          && !(MILLRACE_PLANTED(retry_after_a_failed_sync) && !written->sync()))
        return fault;
    if (names)
      if (auto fault = fs.sync_directory(path))
        return fault;
    if (todo.empty() && !names)
      return {};
    auto fault = marks->record(mark);
    // It is synced all the same: the mark tells of less until the next one.
    return fault.code == errc::no_space && !mark.closed ? error{} : fault;
  };
  files.clear();
  directory = false;
  return job;
}

result<lineage_id> adopt_lineage(env& world, const std::string& directory,
                                 lineage_id wanted, bool has_files) {
  auto present = read_lineage(*world.fs, directory);
  if (present) {
    if (wanted != lineage_id{} && *present != wanted)
      return error{errc::fenced, directory + ": holds lineage "
                                   + to_string(*present) + ", not "
                                   + to_string(wanted)};
    return *present;
  }
  const bool lost = present.failure().code == errc::not_found;
  if (!lost && present.failure().code != errc::corrupt)
    return present.failure();
  // An owner that knows it writes it again: records of another lineage do not
  // pass as records of this one.
  if (has_files && wanted == lineage_id{})
    return lost ? error{errc::corrupt,
                        directory
                          + ": has log files, but no .lineage to check them"}
                : present.failure();
  if (!lost) {
    if (wanted == lineage_id{})
      return present.failure();
    if (auto fault = world.fs->remove(path_of(directory, ".lineage")))
      return fault;
  }
  if (wanted == lineage_id{})
    wanted = {{world.random(), world.random()}};
  if (auto fault = write_lineage(*world.fs, directory, wanted))
    return fault;
  return wanted;
}

} // namespace detail

} // namespace millrace::persistence
