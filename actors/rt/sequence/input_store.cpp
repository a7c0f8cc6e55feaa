#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

std::string to_string(const input_name& name) {
  return name.directory + "/" + persistence::to_string(name.lineage);
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
  return found == by_name_.end() ? std::nullopt
                                 : std::optional{found->second};
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
  waiting_ += to.value - from.value;
  if (memory_ + bytes.size() > memory_max_)
    bytes = {};
  memory_ += bytes.size();
  state.parts.push_back({{from, to}, std::move(bytes)});
}

void input_store::durable(copy_id copy, position end) {
  auto& state = at(copy);
  state.durable_end = std::max(state.durable_end, end);
}

void input_store::merged(copy_id copy, position end) {
  auto& state = at(copy);
  state.merged_end = std::max(state.merged_end, end);
  while (!state.parts.empty() && state.parts.front().range.to <= end) {
    const auto& part = state.parts.front();
    waiting_ -= part.range.to.value - part.range.from.value;
    memory_ -= part.bytes.size();
    state.parts.pop_front();
  }
}

bool input_store::holds(copy_id copy, const input_part& range) const {
  const auto& state = at(copy);
  if (range.to <= state.merged_end)
    return true;
  if (range.to > state.durable_end)
    return false;
  // A copy may go on in a later file while this one ended early.
  auto reached = std::max(range.from, state.merged_end);
  for (const auto& part : state.parts) {
    if (part.range.from > reached)
      return false;
    reached = std::max(reached, part.range.to);
    if (reached >= range.to)
      return true;
  }
  return false;
}

std::vector<input_part> input_store::durable_from(copy_id copy,
                                                  position from) const {
  const auto& state = at(copy);
  std::vector<input_part> out;
  auto first = std::lower_bound(state.parts.begin(), state.parts.end(), from,
                                [](const held_part& part, position at) {
                                  return part.range.to <= at;
                                });
  for (; first != state.parts.end() && first->range.to <= state.durable_end;
       ++first)
    out.push_back({std::max(first->range.from, from), first->range.to});
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
  into.parts.push_back(bytes.bytes());
  into.owners.push_back(std::move(bytes));
  return {};
}

} // namespace millrace::rt
