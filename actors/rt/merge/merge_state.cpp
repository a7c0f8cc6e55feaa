#include <millrace/actors/rt/merge/consumer_wire_internal.hpp>
#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/merge/stream_layout_wire_internal.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/schema/stream.capnp.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

namespace millrace::rt {

namespace {

/// Where nothing was ever kept for a consumer, and nobody claimed an origin, a
/// state is as large as those of releases that knew of neither: files that they
/// wrote can be made again, byte for byte, and what an entry of theirs appends
/// does not depend on the release.
schema::MergeState::Builder begin_state(::capnp::MessageBuilder& builder,
                                        const merge_state& state) {
  constexpr uint16_t words_before = 5;
  constexpr uint16_t pointers_before = 4;
  return state.consumers.empty() && state.claims.empty()
           ? messages::init_shorter_root<schema::MergeState>(
             builder, words_before, pointers_before)
           : builder.initRoot<schema::MergeState>();
}

void write_consumers(schema::MergeState::Builder root,
                     const merge_state& state) {
  if (state.consumers.empty())
    return;
  std::vector<noted_floor> all;
  for (const auto& [name, consumer] : state.consumers)
    all.push_back({name, consumer.floor, consumer.claim, consumer.holder,
                   consumer.heard_ns});
  write_floors(root.initConsumers(static_cast<unsigned>(all.size())), all);
}

void write_place(schema::MergeState::Builder root, const merge_state& state) {
  root.setAppliedIndex(state.applied_index.value);
  root.setLastPeriod(state.last_period.value);
  root.setOutEnd(state.out_end.value);
  root.setOutBegin(state.out_begin.value);
  write_layout(root.initLayout(), state.layout);
}

template <class T>
::capnp::Data::Reader bytes_of(const std::vector<T>& numbers) {
  return {reinterpret_cast<const kj::byte*>(numbers.data()),
          numbers.size() * sizeof(T)};
}

template <class T>
std::vector<T> numbers_in(::capnp::Data::Reader bytes) {
  std::vector<T> out(bytes.size() / sizeof(T));
  if (!out.empty())
    std::memcpy(out.data(), bytes.begin(), out.size() * sizeof(T));
  return out;
}

/// Of a strict stream, and of one whose ids may jump: these stand before the
/// sums, in the same field, so that a state is as large as it always was.
void write_recent(schema::OriginState::Builder into, const merge_origin& origin,
                  id_policy policy) {
  if (policy != id_policy::monotonic)
    return into.setRecentCrcs(bytes_of(origin.recent.sums()));
  std::vector<uint32_t> words;
  const auto entries = origin.recent_apart.entries();
  for (const auto& each : entries) {
    const auto id = static_cast<uint64_t>(each.id);
    words.push_back(static_cast<uint32_t>(id));
    words.push_back(static_cast<uint32_t>(id >> 32));
  }
  for (const auto& each : entries)
    words.push_back(each.sum);
  into.setRecentCrcs(bytes_of(words));
}

/// @pre of three words per id
std::vector<sparse_window::entry>
window_of(const std::vector<uint32_t>& words) {
  std::vector<sparse_window::entry> out(words.size() / 3);
  for (size_t i = 0; i < out.size(); ++i)
    out[i]
      = {static_cast<int64_t>(words[2 * i] | uint64_t{words[2 * i + 1]} << 32),
         words[2 * out.size() + i]};
  return out;
}

/// Whether its encoding has more than about so many bytes.
bool passes(const merge_state& state, uint64_t bytes) {
  constexpr uint64_t fields = 64;
  uint64_t total = 0;
  for (const auto& [id, input] : state.inputs)
    if ((total += input.directory.size() + fields) > bytes)
      return true;
  for (const auto& [name, origin] : state.origins) {
    total
      += name.size() + fields + origin.recent.sums().size() * sizeof(uint32_t)
         + origin.recent_apart.size() * (sizeof(uint32_t) + sizeof(int64_t));
    for (const auto& [source, cursor] : origin.cursors)
      total += source.size() + fields;
    if (total > bytes)
      return true;
  }
  for (const auto& [name, claim] : state.claims)
    if ((total += name.size() + fields * (1 + claim.writers.size())) > bytes)
      return true;
  for (const auto& [table, version] : state.schema_versions)
    if ((total += table.size() + fields) > bytes)
      return true;
  for (const auto& [name, consumer] : state.consumers)
    if ((total += name.size() + fields) > bytes)
      return true;
  return false;
}

void write_claims(schema::MergeState::Builder root, const merge_state& state) {
  if (state.claims.empty())
    return;
  auto claims = root.initClaims(static_cast<unsigned>(state.claims.size()));
  unsigned i = 0;
  for (const auto& [origin, claim] : state.claims) {
    auto out = claims[i++];
    out.setOrigin(origin);
    out.setEpoch(claim.epoch);
    out.setShared(claim.shared);
    auto writers = out.initWriters(static_cast<unsigned>(claim.writers.size()));
    for (unsigned j = 0; j < writers.size(); ++j) {
      writers[j].setInput(claim.writers[j].input.value);
      writers[j].setLife(claim.writers[j].life);
      writers[j].setFenced(claim.writers[j].fenced);
    }
  }
}

} // namespace

std::vector<std::byte> encode(const merge_state& state) {
  ::capnp::MallocMessageBuilder builder;
  auto root = begin_state(builder, state);
  write_place(root, state);
  auto inputs = root.initInputs(static_cast<unsigned>(state.inputs.size()));
  unsigned i = 0;
  for (const auto& [id, input] : state.inputs) {
    auto out = inputs[i++];
    out.setInput(id.value);
    out.setDirectory(input.directory);
    out.setLineageHigh(input.lineage.words[0]);
    out.setLineageLow(input.lineage.words[1]);
    out.setMergedEnd(input.merged_end.value);
    out.setClosed(input.closed);
  }
  auto origins = root.initOrigins(static_cast<unsigned>(state.origins.size()));
  i = 0;
  for (const auto& [name, origin] : state.origins) {
    auto out = origins[i++];
    out.setOrigin(name);
    out.setWatermark(origin.watermark);
    out.setDuplicates(origin.duplicates);
    out.setPeriodMarked(origin.period_marked.value);
    write_recent(out, origin, state.layout.ids);
    auto cursors
      = out.initCursors(static_cast<unsigned>(origin.cursors.size()));
    unsigned j = 0;
    for (const auto& [source, cursor] : origin.cursors) {
      cursors[j].setName(source);
      cursors[j].setOffset(cursor.offset);
      cursors[j].setRow(cursor.row);
      cursors[j].setDigest(cursor.digest);
      ++j;
    }
  }
  write_claims(root, state);
  auto schemas
    = root.initSchemas(static_cast<unsigned>(state.schema_versions.size()));
  i = 0;
  for (const auto& [table, version] : state.schema_versions) {
    schemas[i].setTable(table);
    schemas[i].setVersion(version);
    ++i;
  }
  write_consumers(root, state);
  return messages::to_bytes(builder);
}

std::vector<std::byte> encode_at_file_begin(const merge_state& state) {
  constexpr uint64_t least = 4096;
  constexpr uint64_t most = uint64_t{1} << 20;
  if (!passes(state, std::clamp(state.layout.roll_bytes / 16, least, most)))
    return encode(state);
  ::capnp::MallocMessageBuilder builder{64};
  auto root = begin_state(builder, state);
  write_place(root, state);
  root.setPlaceOnly(true);
  return messages::to_bytes(builder);
}

namespace {

/// `malformed_message` names the origin.
result<merge_origin> read(schema::OriginState::Reader in, id_policy policy) {
  merge_origin out;
  const auto strange = [&](const std::string& what) {
    return error{errc::malformed_message,
                 "origin '" + std::string{in.getOrigin()} + "': " + what};
  };
  out.watermark = in.getWatermark();
  out.duplicates = in.getDuplicates();
  out.period_marked = period_id{in.getPeriodMarked()};
  auto words = numbers_in<uint32_t>(in.getRecentCrcs());
  const size_t per_id = policy == id_policy::monotonic ? 3 : 1;
  if (words.size() / per_id > payload_window::size_max
      || words.size() % per_id != 0)
    return strange(std::to_string(words.size()) + " words of payload sums");
  if (policy != id_policy::monotonic) {
    out.recent = payload_window{std::move(words)};
  } else {
    auto entries = window_of(words);
    if (std::adjacent_find(
          entries.begin(), entries.end(),
          [](const auto& a, const auto& b) { return a.id >= b.id; })
        != entries.end())
      return strange("ids that do not rise");
    out.recent_apart = sparse_window{std::move(entries)};
  }
  for (auto cursor : in.getCursors())
    out.cursors[cursor.getName()] = {cursor.getName(), cursor.getOffset(),
                                     cursor.getRow(), cursor.getDigest()};
  return out;
}

/// Into a state whose inputs are read.
error read_claims(schema::MergeState::Reader root, merge_state& into) {
  std::set<input_id> writing;
  for (auto in : root.getClaims()) {
    origin_claim claim{in.getEpoch(), in.getShared(), {}};
    for (auto writer : in.getWriters()) {
      const input_id input{writer.getInput()};
      const auto known = into.inputs.find(input);
      if (known == into.inputs.end())
        return {errc::malformed_message,
                "origin '" + std::string{in.getOrigin()}
                  + "': is claimed by input " + to_string(input)
                  + ", which was never opened"};
      claim.writers.push_back({input, writer.getLife(), writer.getFenced()});
      if (writer.getFenced())
        known->second.fenced_of.insert(in.getOrigin());
      else
        writing.insert(input);
    }
    into.claims.emplace(in.getOrigin(), std::move(claim));
  }
  for (auto& [id, input] : into.inputs)
    input.fenced = !input.fenced_of.empty() && !writing.contains(id);
  return {};
}

} // namespace

result<stream_layout> decode_stream_layout(std::span<const std::byte> bytes) {
  return messages::read_as<schema::MergeState>(
    bytes, [](schema::MergeState::Reader root) -> result<stream_layout> {
      return read_layout(root.getLayout());
    });
}

result<merge_state> decode_merge_state(std::span<const std::byte> bytes) {
  return messages::read_as<schema::MergeState>(
    bytes, [](schema::MergeState::Reader root) -> result<merge_state> {
      if (root.getPlaceOnly())
        return error{errc::not_found, "only the place of a state is here"};
      merge_state out;
      out.applied_index = entry_index{root.getAppliedIndex()};
      out.last_period = period_id{root.getLastPeriod()};
      out.out_end = {root.getOutEnd()};
      out.out_begin = {root.getOutBegin()};
      auto layout = read_layout(root.getLayout());
      if (!layout)
        return layout.failure();
      out.layout = *layout;
      for (auto in : root.getInputs())
        out.inputs[input_id{in.getInput()}]
          = {in.getDirectory(),
             {{in.getLineageHigh(), in.getLineageLow()}},
             {in.getMergedEnd()},
             in.getClosed()};
      for (auto in : root.getOrigins()) {
        auto origin = read(in, out.layout.ids);
        if (!origin)
          return origin.failure();
        if (!MILLRACE_PLANTED(forget_ids_at_a_restart))
          out.origins.emplace(in.getOrigin(), *std::move(origin));
      }
      if (auto fault = read_claims(root, out))
        return fault;
      for (auto in : root.getSchemas())
        out.schema_versions[in.getTable()] = in.getVersion();
      auto floors = read_floors(root.getConsumers());
      if (!floors)
        return floors.failure();
      if (floors->size() > consumers_max)
        return error{errc::malformed_message,
                     std::to_string(floors->size()) + " consumers"};
      for (const auto& each : *floors)
        out.consumers[each.consumer]
          = {each.at, each.claim, each.holder, each.heard_ns};
      return out;
    });
}

} // namespace millrace::rt
