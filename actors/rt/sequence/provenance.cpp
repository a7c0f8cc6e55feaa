#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/provenance.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace millrace::rt {

namespace {

using persistence::log_end;
using persistence::log_message;
using persistence::log_reader;

std::string path_of(const std::string& directory, const input_name& name) {
  return directory + "/in/" + to_string(name);
}

/// What makes a message the same one in two logs.
struct wanted_message {
  std::string origin;
  int64_t id = 0;
  uint32_t payload_crc = 0;
  id_policy policy = id_policy::strict;

  wanted_message(const persistence::frame_view& frame, id_policy of)
    : origin{frame.header.on}, id{frame.header.id},
      payload_crc{frame.payload_crc}, policy{of} {}

  /// Also of one with another payload, or sign: it would be dropped.
  [[nodiscard]] bool has_name(const persistence::frame_view& frame) const {
    return frame.header.on == origin
           && (policy == id_policy::monotonic
                 ? frame.header.id == id
                 : magnitude(frame.header.id) == magnitude(id));
  }
  [[nodiscard]] bool is(const persistence::frame_view& frame) const {
    return frame.header.on == origin && frame.header.id == id
           && frame.payload_crc == payload_crc;
  }
};

/// Damage is passed over: what it took is told as unread.
result<std::unique_ptr<log_reader>> open_at(persistence::file_system& fs,
                                            const std::string& directory,
                                            std::optional<position> from) {
  return log_reader::open(fs,
                          {.directory = directory,
                           .damage = persistence::damage_policy::resync,
                           .payloads = persistence::payload_check::skip},
                          from);
}

/// Of a merged log; each of its files says it.
stream_layout layout_of(persistence::file_system& fs,
                        const std::string& directory,
                        const lineage_id& lineage) {
  const auto out = directory + "/out";
  const auto files = persistence::list_log_files(fs, out);
  if (!files)
    return {};
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    const auto bytes = state_bytes(fs, out, lineage,
                                   position::of(file->session, file->roll, 0));
    const auto layout = bytes ? decode_stream_layout(*bytes)
                              : result<stream_layout>{bytes.failure()};
    if (layout)
      return *layout;
  }
  return {};
}

/// What was applied where the files of a merged log begin that are there, and
/// say so; oldest first.
std::vector<std::pair<position, entry_index>>
applied_at_files(persistence::file_system& fs, const std::string& directory,
                 const lineage_id& lineage) {
  std::vector<std::pair<position, entry_index>> out;
  const auto files = persistence::list_log_files(fs, directory + "/out");
  for (const auto& file : files ? *files : decltype(*files){}) {
    const auto begin = position::of(file.session, file.roll, 0);
    if (const auto state = state_at(fs, directory + "/out", lineage, begin))
      out.emplace_back(begin, state->applied_index);
  }
  return out;
}

/// One copy of an input, read on from range to range.
struct copy_search {
  input_name name;
  position done; ///< What is before it was looked through.
  bool closed = false;
  bool lacks = false; ///< Something of it was not there.
  std::unique_ptr<log_reader> reader;

  error open(persistence::file_system& fs, const std::string& directory,
             position from) {
    if (reader != nullptr && reader->where() == from)
      return {};
    reader.reset();
    auto opened = open_at(fs, path_of(directory, name), from);
    if (opened)
      reader = *std::move(opened);
    else if (const auto code = opened.failure().code;
             code == errc::not_found || code == errc::ahead
             || code == errc::bad_position || code == errc::corrupt)
      lacks = true;
    else
      return opened.failure();
    return {};
  }

  /// Where in [done, to) the message is; `to` none: up to the end.
  result<std::optional<position>> look(persistence::file_system& fs,
                                       const std::string& directory,
                                       const wanted_message& wanted,
                                       std::optional<position> to) {
    if (auto fault = open(fs, directory, done))
      return fault;
    if (to)
      done = *to;
    if (reader == nullptr)
      return std::optional<position>{};
    if (to)
      reader->limit(*to);
    for (;;) {
      auto item = reader->next();
      if (!item)
        return item.failure();
      if (std::holds_alternative<log_end>(*item)) {
        // What was merged of it was there.
        lacks = lacks || (to && reader->where() < *to);
        return std::optional<position>{};
      }
      const auto* message = std::get_if<log_message>(&*item);
      if (message == nullptr) {
        const auto kind = std::get<stream_event>(*item).kind;
        lacks
          = lacks || kind == event_kind::pruned || kind == event_kind::badtail;
      } else if (to && message->begin >= *to) {
        reader.reset(); // It went on after what is gone.
        return std::optional<position>{};
      } else if (wanted.is(message->frame)) {
        return std::optional{message->begin};
      }
    }
  }
};

/// Looks through the inputs in the order in which they were merged.
class source_search {
public:
  source_search(persistence::file_system& fs, const std::string& directory,
                wanted_message wanted)
    : fs_{&fs}, directory_{directory}, wanted_{std::move(wanted)} {}

  error run(position merged, const lineage_id& lineage, provenance& into) {
    auto found = through_history(merged, lineage);
    if (!found)
      return found.failure();
    if (*found)
      into.sources.push_back(**found);
    else if (!passed_)
      if (auto fault = after_history(into.sources))
        return fault;
    for (const auto& [number, copy] : copies_)
      tell_unread(copy, into);
    for (const auto& copy : later_)
      tell_unread(copy, into);
    for (auto& part : gone_)
      if (std::count(into.unread.begin(), into.unread.end(), part.input) != 0)
        into.gone.push_back(std::move(part));
    return {};
  }

private:
  /// A directory never has an id twice: the other files of a source are not in
  /// doubt.
  static void tell_unread(const copy_search& copy, provenance& into) {
    const auto is_same
      = [&](const input_place& source) { return source.input == copy.name; };
    if (copy.lacks
        && std::none_of(into.sources.begin(), into.sources.end(), is_same))
      into.unread.push_back(copy.name);
  }

  result<std::optional<input_place>>
  through_history(position merged, const lineage_id& lineage) {
    entry_index applied;
    auto base = state_at(*fs_, directory_ + "/out", lineage, file_of(merged));
    if (base) {
      applied = base->applied_index;
      for (const auto& [id, input] : base->inputs)
        copies_[id] = {{input.directory, input.lineage},
                       input.merged_end,
                       input.closed,
                       false,
                       nullptr};
    } else if (base.failure().code != errc::not_found) {
      return base.failure();
    }
    auto history = history_reader::open(*fs_, directory_ + "/history", applied);
    if (!history && history.failure().code == errc::not_found)
      return std::optional<input_place>{};
    if (!history)
      return history.failure();
    std::optional<entry_index> last;
    for (const auto& [file, index] :
         applied_at_files(*fs_, directory_, lineage))
      if (file > merged && !last)
        last = index;
    for (;;) {
      auto next = history->next();
      if (!next)
        return next.failure();
      if (!*next)
        return std::optional<input_place>{};
      passed_ = last && (*next)->index > *last;
      if (passed_)
        return std::optional<input_place>{};
      auto found = through((*next)->entry);
      if (!found || *found)
        return found;
    }
  }

  result<std::optional<input_place>> through(const merge_entry& entry) {
    if (const auto* opened = std::get_if<open_input>(&entry)) {
      for (auto& [id, copy] : copies_)
        if (copy.name.directory == opened->directory && id != opened->input)
          copy.closed = true;
      copies_[opened->input]
        = {{opened->directory, opened->lineage}, {}, false, false, nullptr};
    }
    for (const auto& range : ranges_of(entry)) {
      const auto found = copies_.find(range.input);
      if (found == copies_.end() || found->second.closed
          || range.to <= found->second.done)
        continue;
      auto& copy = found->second;
      copy.done = std::max(copy.done, range.from);
      if (range.lost) {
        copy.done = range.to;
        continue;
      }
      const auto from = copy.done;
      const bool lacked = std::exchange(copy.lacks, false);
      const auto at = copy.look(*fs_, directory_, wanted_, range.to);
      if (!at)
        return at.failure();
      if (*at)
        return std::optional{input_place{copy.name, **at}};
      if (copy.lacks)
        add_gone({copy.name, from, range.to});
      copy.lacks = copy.lacks || lacked;
    }
    return std::optional<input_place>{};
  }

  void add_gone(merged_part part) {
    for (auto& each : gone_)
      if (each.input == part.input && each.to <= part.from) {
        each.to = part.to;
        return;
      }
    gone_.push_back(std::move(part));
  }

  /// What was merged last is not in the history yet: in any order.
  error after_history(std::vector<input_place>& into) {
    auto publishers = fs_->list(directory_ + "/in");
    if (!publishers)
      return publishers.failure().code == errc::not_found
               ? error{}
               : publishers.failure();
    for (const auto& publisher : *publishers) {
      if (!publisher.is_directory || !is_input_directory(publisher.name))
        continue;
      const auto lives = lives_of_input(*fs_, directory_, publisher.name);
      if (!lives)
        return lives.failure();
      for (const auto& name : *lives)
        if (!known(name))
          later_.push_back({name, {}, false, false, nullptr});
    }
    for (auto& [number, copy] : copies_)
      if (auto fault = to_its_end(copy, into))
        return fault;
    for (auto& copy : later_)
      if (auto fault = to_its_end(copy, into))
        return fault;
    return {};
  }

  error to_its_end(copy_search& copy, std::vector<input_place>& into) {
    if (copy.closed)
      return {};
    copy.reader.reset(); // Which has a limit.
    const auto at = copy.look(*fs_, directory_, wanted_, std::nullopt);
    if (!at)
      return at.failure();
    if (*at)
      into.push_back({copy.name, **at});
    return {};
  }

  [[nodiscard]] bool known(const input_name& name) const {
    return std::any_of(copies_.begin(), copies_.end(), [&](const auto& each) {
      return each.second.name == name;
    });
  }

  persistence::file_system* fs_;
  std::string directory_;
  wanted_message wanted_;
  std::map<input_id, copy_search> copies_;
  std::vector<copy_search> later_; ///< Not in the history yet.
  std::vector<merged_part> gone_;  ///< What could not be read.
  bool passed_ = false; ///< All that the file was made from was looked at.
};

error not_there(const stream_event& event) {
  return {event.kind == event_kind::badtail ? errc::corrupt : errc::pruned,
          to_string(event.from) + ": " + event.cause};
}

/// Of the reader itself, which goes on in another file.
bool leaps(const stream_event& event) {
  return file_of(event.from) != file_of(event.to);
}

/// The first item at a place, that is no event of the reader itself.
result<log_reader::item> item_at(log_reader& reader, position at) {
  auto item = reader.next();
  if (!item)
    return item;
  if (const auto* event = std::get_if<stream_event>(&*item);
      event != nullptr
      && (event->kind == event_kind::pruned || leaps(*event)
          || (event->kind == event_kind::badtail && event->origin.empty())))
    return not_there(*event);
  if (std::holds_alternative<log_end>(*item))
    return error{errc::ahead, to_string(at) + ": nothing lies there yet"};
  return item;
}

/// At a place whose files may be gone.
result<std::unique_ptr<log_reader>> open_or_gone(persistence::file_system& fs,
                                                 const std::string& directory,
                                                 position at) {
  auto reader = log_reader::open(fs, {.directory = directory}, at);
  if (!reader && reader.failure().code == errc::not_found)
    return error{errc::pruned, reader.failure().context};
  return reader;
}

} // namespace

result<position> begin_of_delivered(persistence::file_system& fs,
                                    const std::string& directory, position at) {
  const error none{errc::bad_position,
                   to_string(at) + ": no message ends there"};
  if (at == position{})
    return none;
  auto reader
    = open_or_gone(fs, directory + "/out", file_of(position{at.value - 1}));
  if (!reader)
    return reader.failure();
  for (;;) {
    const auto item = item_at(**reader, at);
    if (!item)
      return item.failure().code == errc::ahead ? none : item.failure();
    position begin;
    position end;
    if (const auto* event = std::get_if<stream_event>(&*item)) {
      begin = event->from;
      end = event->to;
    } else {
      const auto& message = std::get<log_message>(*item);
      begin = message.begin;
      end = message.end;
    }
    if (end == at && begin < at)
      return begin;
    if (begin >= at)
      return none;
  }
}

result<provenance> explain_merged(persistence::file_system& fs,
                                  const std::string& directory, position at) {
  const auto lineage = persistence::read_lineage(fs, directory + "/out");
  if (!lineage)
    return lineage.failure();
  const auto layout = layout_of(fs, directory, *lineage);
  if (at == position{})
    at = layout.first; // Where each life begins.
  const auto files = persistence::list_log_files(fs, directory + "/out");
  if (!files)
    return files.failure();
  const bool is_later = !files->empty() && at.session() > files->back().session;
  if (at < layout.first || is_later)
    return error{errc::pruned, to_string(at)
                                 + ": is no place of this life of the stream, "
                                   "which begins at "
                                 + to_string(layout.first)
                                 + ": it is of an earlier one"};
  auto reader = open_or_gone(fs, directory + "/out", at);
  if (!reader)
    return reader.failure();
  const auto item = item_at(**reader, at);
  if (!item)
    return item.failure();
  provenance out;
  if (const auto* event = std::get_if<stream_event>(&*item)) {
    out.begin = event->from;
    out.end = event->to;
    out.made = to_string(event->kind);
    out.origin = event->origin;
    out.id = event->last_id;
    return out;
  }
  const auto& message = std::get<log_message>(*item);
  out.begin = message.begin;
  out.end = message.end;
  out.ts = message.frame.header.ts;
  if (message.kind == persistence::record_kind::marker) {
    out.made = "marker";
    if (const auto marker = decode_end_of_period(message.frame.payload))
      out.period = marker->period;
    return out;
  }
  out.origin = message.frame.header.on;
  out.id = message.frame.header.id;
  source_search search{fs, directory,
                       wanted_message{message.frame, layout.ids}};
  if (auto fault = search.run(message.begin, (*reader)->lineage(), out))
    return fault;
  return out;
}

result<std::optional<provenance>> explain_input(persistence::file_system& fs,
                                                const std::string& directory,
                                                const input_place& from) {
  auto reader = open_or_gone(fs, path_of(directory, from.input), from.at);
  if (!reader)
    return reader.failure();
  const auto item = item_at(**reader, from.at);
  if (!item)
    return item.failure();
  const auto* message = std::get_if<log_message>(&*item);
  if (message == nullptr)
    return std::optional<provenance>{};
  auto merged = open_at(fs, directory + "/out", std::nullopt);
  if (!merged)
    return merged.failure();
  const wanted_message wanted{
    message->frame, layout_of(fs, directory, (*merged)->lineage()).ids};
  for (;;) {
    auto next = (*merged)->next();
    if (!next)
      return next.failure();
    if (std::holds_alternative<log_end>(*next))
      return std::optional<provenance>{};
    const auto* there = std::get_if<log_message>(&*next);
    if (there == nullptr || !wanted.has_name(there->frame))
      continue;
    auto out = explain_merged(fs, directory, there->begin);
    if (!out)
      return out.failure();
    return std::optional{*std::move(out)};
  }
}

result<std::optional<merged_place>>
explain_gone_input(persistence::file_system& fs, const std::string& directory,
                   const input_place& from) {
  using answer = std::optional<merged_place>;
  const auto lineage = persistence::read_lineage(fs, directory + "/out");
  if (!lineage)
    return lineage.failure();
  const auto files = applied_at_files(fs, directory, *lineage);
  if (files.empty())
    return answer{};
  // What it names of inputs is known there.
  std::map<input_id, input_name> names;
  const auto base
    = state_at(fs, directory + "/out", *lineage, files.front().first);
  if (!base)
    return base.failure();
  for (const auto& [number, input] : base->inputs)
    names[number] = {input.directory, input.lineage};
  auto history
    = history_reader::open(fs, directory + "/history", base->applied_index);
  if (!history)
    return history.failure().code == errc::not_found
             ? result<answer>{answer{}}
             : result<answer>{history.failure()};
  for (;;) {
    const auto next = history->next();
    if (!next)
      return next.failure();
    if (!*next)
      return answer{};
    const auto& [index, entry, end_offset] = **next;
    if (const auto* opened = std::get_if<open_input>(&entry))
      names[opened->input] = {opened->directory, opened->lineage};
    for (const auto& range : ranges_of(entry)) {
      const auto named = names.find(range.input);
      if (named == names.end() || named->second != from.input
          || from.at < range.from || from.at >= range.to)
        continue;
      merged_place out{{from.input, range.from, range.to}, {}, {}};
      for (const auto& [file, applied] : files)
        if (applied < index)
          out.out_from = file;
        else if (out.out_to == position{})
          out.out_to = file;
      return answer{std::move(out)};
    }
  }
}

result<std::vector<input_name>> lives_of_input(persistence::file_system& fs,
                                               const std::string& directory,
                                               const std::string& publisher) {
  const auto entries = fs.list(directory + "/in/" + publisher);
  if (!entries)
    return entries.failure();
  std::vector<input_name> out;
  for (const auto& entry : *entries)
    if (const auto lineage = lineage_of(entry.name);
        lineage && entry.is_directory)
      out.push_back({publisher, *lineage});
  return out;
}

} // namespace millrace::rt
