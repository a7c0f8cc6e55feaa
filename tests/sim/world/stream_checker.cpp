#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/world/stream_checker.hpp>

#include <algorithm>

namespace millrace::sim {

namespace {

std::string say(const delivered& item) {
  switch (item.kind) {
    case delivered::what::message:
      return "message " + item.origin + " id " + std::to_string(item.id) + " ["
             + to_string(item.begin) + ", " + to_string(item.end) + ")";
    case delivered::what::event:
      return std::string{to_string(item.event.kind)} + " event of "
             + item.event.origin + " ids " + std::to_string(item.event.first_id)
             + ".." + std::to_string(item.event.last_id) + " ["
             + to_string(item.begin) + ", " + to_string(item.end) + ") "
             + item.event.cause;
    case delivered::what::period:
      return "end of period " + to_string(item.period) + " at "
             + to_string(item.end);
  }
  return "?";
}

void check_positions(const std::vector<delivered>& stream,
                     std::vector<std::string>& broken) {
  position last{};
  std::optional<period_id> period;
  for (const auto& item : stream) {
    if (item.kind == delivered::what::period) {
      if (period && item.period <= *period)
        broken.push_back(say(item) + " is not later than the end of period "
                         + to_string(*period));
      period = item.period;
    }
    if (item.end <= last)
      broken.push_back(say(item) + " ends at or before " + to_string(last));
    if (item.kind != delivered::what::period) {
      if (item.begin > item.end)
        broken.push_back(say(item) + " has its positions in reverse");
      if (item.begin < last)
        broken.push_back(say(item) + " begins before " + to_string(last));
    }
    last = item.end;
  }
}

/// What the stream says of one origin.
struct origin_view {
  const ledger* book = nullptr;
  std::map<uint64_t, const delivered*> messages;
  std::vector<const delivered*> in_order;
  struct hole {
    uint64_t first;
    uint64_t last;
    const delivered* event;
  };
  std::vector<hole> holes;
  std::vector<const delivered*> resets;
  std::vector<const delivered*> badtails;

  /// No id tells how much damage took in front of the first message.
  [[nodiscard]] bool begins_with_damage() const {
    return !in_order.empty()
           && std::any_of(badtails.begin(), badtails.end(),
                          [&](const auto* badtail) {
                            return badtail->end <= in_order.front()->begin;
                          });
  }

  /// A number that its machine lost before that place: it may be that of a
  /// marker by now.
  [[nodiscard]] bool was_lost(uint64_t id, const delivered* at) const {
    return std::any_of(resets.begin(), resets.end(), [&](const auto* reset) {
      return reset->end <= at->begin && magnitude(reset->event.last_id) < id;
    });
  }
};

/// Every number under which a payload was accepted.
std::map<std::string, uint64_t> accepted_ids(const ledger& book) {
  std::map<std::string, uint64_t> out;
  for (const auto& [id, entries] : book.entries)
    for (const auto& entry : entries)
      out[entry.payload] = id;
  return out;
}

void check_messages(origin_view& view, bool periods,
                    std::vector<std::string>& broken) {
  const auto accepted = accepted_ids(*view.book);
  uint64_t last = 0;
  for (const auto* item : view.in_order) {
    const auto id = magnitude(item->id);
    if (!view.messages.emplace(id, item).second)
      broken.push_back(say(*item) + ": delivered twice");
    if (!view.book->attempted.contains(item->payload))
      broken.push_back(say(*item) + ": its payload was never published");
    // A message whose publish call did not come back has any number.
    if (const auto known = accepted.find(item->payload);
        known != accepted.end() && known->second != id)
      broken.push_back(say(*item) + ": was accepted as id "
                       + std::to_string(known->second));
    if (id <= last)
      broken.push_back(say(*item) + ": behind id " + std::to_string(last));
    // An id that was damaged leaves no end of holes.
    for (auto missing = last + 1; missing < std::min(id, last + 1000);
         ++missing) {
      if (last == 0 && view.begins_with_damage())
        continue;
      if (periods
          && (!view.book->entries.contains(missing)
              || view.was_lost(missing, item)))
        continue;
      const auto covering
        = std::count_if(view.holes.begin(), view.holes.end(),
                        [&](const origin_view::hole& hole) {
                          return hole.first <= missing && missing <= hole.last;
                        });
      if (covering != 1)
        broken.push_back(view.book->origin + ": id " + std::to_string(missing)
                         + " is missing, and " + std::to_string(covering)
                         + " events name it");
    }
    last = std::max(last, id);
  }
}

/// Whether an event, or the end of what is known, stands where an id would.
bool may_be_lost(const origin_view& view, uint64_t id) {
  return view.messages.empty() || id > view.messages.rbegin()->first
         || (id < view.messages.begin()->first && view.begins_with_damage())
         || std::any_of(view.holes.begin(), view.holes.end(),
                        [&](const origin_view::hole& hole) {
                          return hole.first <= id && id <= hole.last;
                        });
}

void check_kept(const origin_view& view, const stream_promise& promise,
                std::vector<std::string>& broken) {
  const bool damaged = promise.damaged.contains(view.book->origin);
  const auto kept = damaged ? rt::ack_level::committed : promise.kept;
  for (const auto& [id, entries] : view.book->entries)
    for (const auto& entry : entries) {
      if (!entry.recorded || entry.told < kept
          || (damaged && may_be_lost(view, id)))
        continue;
      const auto what = view.book->origin + ": id " + std::to_string(id)
                        + " reached level "
                        + std::to_string(static_cast<int>(entry.told));
      const auto found = view.messages.find(id);
      if (found == view.messages.end())
        broken.push_back(what + " and is not in the stream");
      else if (found->second->payload != entry.payload)
        broken.push_back(what + " as '" + entry.payload.substr(0, 40)
                         + "' and is in the stream as '"
                         + found->second->payload.substr(0, 40) + "'");
    }
}

} // namespace

std::vector<std::string>
check_stream(const std::vector<delivered>& stream,
             const std::vector<std::shared_ptr<ledger>>& books,
             const stream_promise& promise) {
  std::vector<std::string> broken;
  check_positions(stream, broken);
  std::map<std::string, origin_view> views;
  for (const auto& book : books)
    views[book->origin].book = book.get();
  for (const auto& item : stream) {
    if (item.kind == delivered::what::message) {
      const auto found = views.find(item.origin);
      if (found == views.end())
        broken.push_back(say(item) + ": nobody publishes under this origin");
      else
        found->second.in_order.push_back(&item);
    } else if (item.kind == delivered::what::event) {
      const auto found = views.find(item.event.origin);
      if (found == views.end())
        broken.push_back(say(item) + ": of an unknown origin");
      else if (item.event.kind == event_kind::badtail
               && promise.damaged.contains(item.event.origin))
        found->second.badtails.push_back(&item);
      else if (item.event.kind == event_kind::reset)
        found->second.resets.push_back(&item);
      else if (item.event.kind == event_kind::gap)
        found->second.holes.push_back({magnitude(item.event.first_id),
                                       magnitude(item.event.last_id), &item});
      else if (item.event.kind == event_kind::id_conflict
               || (item.event.kind == event_kind::badtail
                   && !promise.damaged.contains(item.event.origin)))
        broken.push_back(say(item)
                         + ": nothing was damaged, and no id used again");
    }
  }
  for (auto& [origin, view] : views) {
    check_messages(view, promise.periods, broken);
    check_kept(view, promise, broken);
    for (const auto& hole : view.holes)
      for (auto id = hole.first; id <= hole.last; ++id)
        if (view.messages.contains(id))
          broken.push_back(say(*hole.event) + ": id " + std::to_string(id)
                           + " is not missing");
  }
  return broken;
}

std::vector<std::string> check_reading(const std::vector<delivered>& stream,
                                       const reading& read,
                                       const std::set<errc>& expected) {
  std::vector<std::string> broken;
  for (const auto& life : read.lives) {
    const auto where = "life " + std::to_string(life.life) + ": ";
    auto next = stream.begin();
    if (life.started_at)
      next = std::find_if(
        stream.begin(), stream.end(),
        [&](const delivered& item) { return item.end > *life.started_at; });
    for (const auto& item : life.items) {
      if (next == stream.end()) {
        broken.push_back(where + say(item) + " was delivered and is not there");
        break;
      }
      if (item != *next) {
        broken.push_back(where + say(item) + " was delivered where "
                         + say(*next) + " is");
        break;
      }
      ++next;
    }
    for (const auto& fault : life.failures)
      if (!expected.contains(fault.code))
        broken.push_back(where + "ended: " + to_string(fault));
  }
  return broken;
}

std::map<std::string, std::vector<std::byte>>
log_bytes(memory_file_system& disk, const std::string& directory) {
  std::map<std::string, std::vector<std::byte>> out;
  auto files = persistence::list_log_files(disk, directory);
  if (!files)
    return out;
  for (const auto& file : *files) {
    const auto name = persistence::log_file_name(file.session, file.roll);
    out[name] = disk.content(directory + "/" + name);
  }
  return out;
}

namespace {

/// No checkpoint: everything is to be found in the files.
struct no_store final : rt::state_store {
  result<std::optional<std::vector<std::byte>>> load() override {
    return std::optional<std::vector<std::byte>>{};
  }
  error save(std::span<const std::byte>) override { return {}; }
  result<std::optional<std::vector<std::byte>>> load_anchor() override {
    return std::optional<std::vector<std::byte>>{};
  }
  error save_anchor(std::span<const std::byte>) override { return {}; }
};

/// What is made again does not depend on when.
struct no_time final : persistence::clock_source {
  int64_t now_ns() override { return 0; }
  int64_t monotonic_ns() override { return 0; }
};

/// A copy of the disk with only the first `kept` files of out/, and what an RT
/// node makes of it. The identity of the log stays: its records are bound to
/// it.
result<std::unique_ptr<memory_file_system>>
rebuild(memory_file_system& disk, const std::string& process,
        const rt_node_options& options, size_t kept) {
  auto copy = disk.clone();
  const auto directory = stream_directory(process);
  const auto out = directory + "/out";
  auto files = persistence::list_log_files(*copy, out);
  if (!files)
    return files.failure();
  std::set<std::string> stay{".lineage"};
  for (size_t i = 0; i < std::min(kept, files->size()); ++i)
    stay.insert(
      persistence::log_file_name((*files)[i].session, (*files)[i].roll));
  auto entries = copy->list(out);
  if (!entries)
    return entries.failure();
  for (const auto& entry : *entries)
    if (!stay.contains(entry.name))
      if (auto fault = copy->remove(out + "/" + entry.name))
        return fault;
  persistence::env env;
  no_time clock;
  env.fs = copy.get();
  env.clock = &clock;
  env.random = [] { return uint64_t{7}; };
  auto core
    = rt::sequencer_core::open(env,
                               {.stream = "market",
                                .directory = directory,
                                .cached = options.cached,
                                .roll_bytes = options.roll_bytes,
                                .checkpoint_bytes = options.checkpoint_bytes,
                                .self = rt::node_id_of(process)},
                               std::make_unique<no_store>());
  if (!core)
    return core.failure();
  if (const auto why = (*core)->blocked())
    return why;
  return copy;
}

} // namespace

std::vector<std::string> check_out_is_pure(memory_file_system& disk,
                                           const std::string& process,
                                           const rt_node_options& options) {
  const auto out = stream_directory(process) + "/out";
  const auto original = log_bytes(disk, out);
  // The group's log may begin late: then one of the first files says what was
  // before it, and all after that are made again.
  auto made = rebuild(disk, process, options, 0);
  for (size_t kept = 1; !made && kept <= original.size(); ++kept)
    made = rebuild(disk, process, options, kept);
  if (!made)
    return {"out/ cannot be rebuilt: " + to_string(made.failure())};
  auto& copy = *made;
  const auto rebuilt = log_bytes(*copy, out);
  std::vector<std::string> broken;
  for (const auto& [name, bytes] : original) {
    const auto found = rebuilt.find(name);
    if (found == rebuilt.end()) {
      broken.push_back(name + " was not rebuilt");
    } else if (found->second != bytes) {
      const auto at = std::mismatch(bytes.begin(), bytes.end(),
                                    found->second.begin(), found->second.end())
                        .first;
      broken.push_back(name + " was rebuilt otherwise from byte "
                       + std::to_string(at - bytes.begin()) + " of "
                       + std::to_string(bytes.size())
                       + "; rebuilt: " + std::to_string(found->second.size()));
    }
  }
  if (rebuilt.size() != original.size())
    broken.push_back(std::to_string(original.size()) + " files of out/ became "
                     + std::to_string(rebuilt.size()));
  return broken;
}

} // namespace millrace::sim
