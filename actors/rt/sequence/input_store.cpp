#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/bad_record.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::rt {

std::string to_string(const input_name& name) {
  return name.directory + "/" + millrace::to_string(name.lineage);
}

void input_bytes::add(input_bytes more) {
  parts.insert(parts.end(), more.parts.begin(), more.parts.end());
  std::move(more.owners.begin(), more.owners.end(), std::back_inserter(owners));
}

input_store::input_store(persistence::file_system& fs, std::string directory,
                         uint64_t memory_max)
  : fs_{&fs}, directory_{std::move(directory)}, memory_max_{memory_max} {}

copy_id input_store::add(const input_name& name) {
  if (const auto known = find(name))
    return *known;
  copies_.push_back({name, {}, {}, {}, {}});
  const copy_id number{count()};
  by_name_.emplace(name, number);
  return number;
}

std::optional<copy_id> input_store::find(const input_name& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional{found->second};
}

const input_name& input_store::name(copy_id copy) const {
  return at(copy).name;
}

std::string input_store::directory_of(const input_name& name) const {
  return directory_ + "/" + to_string(name);
}

void input_store::recorded(copy_id copy, position from, position to,
                           chunk bytes) {
  auto& state = at(copy);
  state.recorded_end = std::max(state.recorded_end, to);
  if (to <= state.merged_end)
    return;
  put(state, {{from, to}, std::move(bytes), part_state::held});
}

void input_store::lacking(copy_id copy, const input_part& range) {
  auto& state = at(copy);
  state.recorded_end = std::max(state.recorded_end, range.to);
  if (range.to > state.merged_end)
    put(state, {range, {}, part_state::lacking});
}

void input_store::lost(copy_id copy, const input_part& range) {
  for (auto& part : at(copy).parts)
    if (part.state == part_state::lacking && overlap(part.range, range))
      part.state = part_state::lost;
}

void input_store::absent(copy_id copy, const input_part& range) {
  auto& parts = at(copy).parts;
  std::erase_if(parts, [&](const held_part& part) {
    return part.state == part_state::lacking && overlap(part.range, range);
  });
}

void input_store::restart(copy_id copy) {
  auto& state = at(copy);
  while (!state.parts.empty())
    forget_first(state);
  // Where it ends its sink says when it is open again.
  state.recorded_end = {};
  state.durable_end = state.merged_end;
}

void input_store::put(copy_state& state, held_part part) {
  auto& [from, to] = part.range;
  auto& parts = state.parts;
  auto next = std::lower_bound(
    parts.begin(), parts.end(), from,
    [](const held_part& held, position at) { return held.range.to <= at; });
  while (from < to) {
    if (next != parts.end() && next->range.from < to
        && next->state != part_state::held && part.state == part_state::held) {
      // What was lacking is here: the rest of it still lacks.
      if (next->range.from < from) {
        auto before = *next;
        before.range.to = next->range.from = from;
        next = std::next(parts.insert(next, before));
      }
      next->range.from = std::min(to, next->range.to);
      if (next->range.from == next->range.to)
        next = parts.erase(next);
      continue;
    }
    const bool whole = next == parts.end() || to <= next->range.from;
    if (whole || from < next->range.from) {
      held_part fresh{{from, whole ? to : next->range.from}, {}, part.state};
      if (part.state == part_state::held) {
        const auto size = fresh.range.to.value - from.value;
        waiting_ += size;
        // A piece of it is read back: pieces are rare.
        if (size == part.bytes.size() && memory_ + size <= memory_max_)
          fresh.bytes = part.bytes;
        memory_ += fresh.bytes.size();
      }
      from = fresh.range.to;
      next = std::next(parts.insert(next, std::move(fresh)));
    }
    if (next != parts.end() && from < to) {
      from = std::max(from, next->range.to);
      ++next;
    }
  }
}

void input_store::forget_first(copy_state& state) {
  const auto& part = state.parts.front();
  if (part.state == part_state::held)
    waiting_ -= part.range.to.value - part.range.from.value;
  memory_ -= part.bytes.size();
  state.parts.pop_front();
}

void input_store::durable(copy_id copy, position end) {
  auto& state = at(copy);
  state.durable_end = std::max(state.durable_end, end);
}

void input_store::merged(copy_id copy, position end) {
  auto& state = at(copy);
  state.merged_end = std::max(state.merged_end, end);
  while (!state.parts.empty() && state.parts.front().range.to <= end)
    forget_first(state);
}

bool input_store::holds(copy_id copy, const input_part& range) const {
  return range.to <= at(copy).merged_end
         || ((range.to <= at(copy).durable_end
              || MILLRACE_PLANTED(hold_what_is_not_durable))
             && !gap(copy, range));
}

bool input_store::lacks(copy_id copy, const input_part& range) const {
  const auto& parts = at(copy).parts;
  return std::any_of(parts.begin(), parts.end(), [&](const held_part& part) {
    return part.state == part_state::lacking && overlap(part.range, range);
  });
}

std::optional<input_part> input_store::gap(copy_id copy,
                                           const input_part& range) const {
  const auto& state = at(copy);
  auto reached = std::max(range.from, state.merged_end);
  auto part = std::lower_bound(state.parts.begin(), state.parts.end(), reached,
                               [](const held_part& held, position place) {
                                 return held.range.to <= place;
                               });
  for (; part != state.parts.end() && reached < range.to
         && part->range.from <= reached && part->state == part_state::held;
       ++part)
    reached = part->range.to;
  if (reached >= range.to)
    return std::nullopt;
  // Up to what is here again; a copy may go on where this one ended early.
  while (part != state.parts.end() && part->state != part_state::held)
    ++part;
  const auto to = part != state.parts.end()
                    ? std::min(range.to, part->range.from)
                    : range.to;
  return input_part{reached, to};
}

std::vector<input_store::durable_part>
input_store::durable_from(copy_id copy, position from) const {
  const auto& state = at(copy);
  std::vector<durable_part> out;
  auto first = std::lower_bound(
    state.parts.begin(), state.parts.end(), from,
    [](const held_part& part, position at) { return part.range.to <= at; });
  // What is lost is never durable, and nothing may come after it before it is
  // agreed on.
  for (; first != state.parts.end()
         && (first->state == part_state::lost
             || (first->state == part_state::held
                 && first->range.to <= state.durable_end));
       ++first)
    out.push_back({{std::max(first->range.from, from), first->range.to},
                   first->state == part_state::lost});
  return out;
}

bool input_store::all_merged(copy_id copy) const {
  return at(copy).parts.empty();
}

position input_store::recorded_end(copy_id copy) const {
  return at(copy).recorded_end;
}

result<input_bytes> input_store::bytes(const input_name& name,
                                       const input_part& range) const {
  input_bytes out;
  auto at_byte = range.from;
  if (const auto copy = find(name)) {
    const auto& parts = at(*copy).parts;
    auto part = std::lower_bound(parts.begin(), parts.end(), at_byte,
                                 [](const held_part& held, position place) {
                                   return held.range.to <= place;
                                 });
    for (; at_byte < range.to && part != parts.end()
           && part->range.from <= at_byte && !part->bytes.empty();
         ++part) {
      const auto end = std::min(part->range.to, range.to);
      out.owners.push_back(part->bytes);
      out.parts.push_back(part->bytes.bytes().subspan(
        at_byte.value - part->range.from.value, end.value - at_byte.value));
      at_byte = end;
    }
  }
  if (at_byte < range.to)
    if (auto fault = read_back(name, {at_byte, range.to}, out))
      return fault;
  return out;
}

result<std::vector<input_part>>
input_store::damaged(const input_name& name, const input_part& range) const {
  std::vector<input_part> out;
  const auto found = persistence::damaged_parts(
    *fs_, directory_of(name), name.lineage, range.from, range.to);
  if (!found) {
    if (found.failure().code != errc::not_found)
      return found.failure();
    out.push_back(range);
    return out;
  }
  for (const auto& [from, to] : *found)
    out.push_back({from, to});
  return out;
}

error input_store::read_back(const input_name& name, const input_part& range,
                             input_bytes& into) const {
  const auto path
    = directory_of(name) + "/"
      + persistence::log_file_name(range.from.session(), range.from.roll());
  auto file = fs_->open(path, persistence::open_mode::read);
  if (!file)
    return file.failure();
  auto [bytes, memory] = chunk::allocate(range.to.value - range.from.value);
  auto got
    = (*file)->read_at(range.from.offset(), std::span{memory, bytes.size()});
  if (!got)
    return got.failure();
  if (*got != bytes.size())
    return {errc::corrupt,
            path + ": ends at " + std::to_string(range.from.offset() + *got)
              + ", but the order of the stream needs its bytes up to "
              + std::to_string(range.from.offset() + bytes.size())};
  if (const auto bad
      = persistence::find_bad_record(name.lineage, range.from, bytes.bytes());
      bad && !MILLRACE_PLANTED(merge_damaged_bytes))
    return {errc::corrupt, path + ": damage at "
                             + std::to_string(bad->at.offset()) + ": "
                             + std::string{bad->reason}};
  into.parts.push_back(bytes.bytes());
  into.owners.push_back(std::move(bytes));
  return {};
}

} // namespace millrace::rt
