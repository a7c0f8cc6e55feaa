#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/schema/stream.capnp.h>

#include <cstring>

namespace millrace::rt {

std::vector<std::byte> encode(const merge_state& state) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::MergeState>();
  root.setAppliedIndex(state.applied_index.value);
  root.setLastPeriod(state.last_period.value);
  root.setOutEnd(state.out_end.value);
  auto layout = root.initLayout();
  layout.setLineageHigh(state.layout.lineage.words[0]);
  layout.setLineageLow(state.layout.lineage.words[1]);
  layout.setRollBytes(state.layout.roll_bytes);
  layout.setRecordBytes(state.layout.record_bytes);
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
    out.setRecentCrcs(::capnp::Data::Reader(
      reinterpret_cast<const kj::byte*>(origin.recent_crcs.data()),
      origin.recent_crcs.size() * sizeof(uint32_t)));
    auto cursors
      = out.initCursors(static_cast<unsigned>(origin.cursors.size()));
    unsigned j = 0;
    for (const auto& [source, cursor] : origin.cursors) {
      cursors[j].setName(source);
      cursors[j].setOffset(cursor.offset);
      cursors[j].setRow(cursor.row);
      ++j;
    }
  }
  auto schemas
    = root.initSchemas(static_cast<unsigned>(state.schema_versions.size()));
  i = 0;
  for (const auto& [table, version] : state.schema_versions) {
    schemas[i].setTable(table);
    schemas[i].setVersion(version);
    ++i;
  }
  return messages::to_bytes(builder);
}

namespace {

merge_origin read(schema::OriginState::Reader in) {
  merge_origin out;
  out.watermark = in.getWatermark();
  out.duplicates = in.getDuplicates();
  out.period_marked = period_id{in.getPeriodMarked()};
  const auto crcs = in.getRecentCrcs();
  out.recent_crcs.resize(crcs.size() / sizeof(uint32_t));
  if (!out.recent_crcs.empty())
    std::memcpy(out.recent_crcs.data(), crcs.begin(),
                out.recent_crcs.size() * sizeof(uint32_t));
  for (auto cursor : in.getCursors())
    out.cursors[cursor.getName()]
      = {cursor.getName(), cursor.getOffset(), cursor.getRow()};
  return out;
}

} // namespace

result<merge_state> decode_merge_state(std::span<const std::byte> bytes) {
  return messages::read_as<schema::MergeState>(
    bytes, [](schema::MergeState::Reader root) -> result<merge_state> {
      merge_state out;
      out.applied_index = entry_index{root.getAppliedIndex()};
      out.last_period = period_id{root.getLastPeriod()};
      out.out_end = {root.getOutEnd()};
      auto layout = root.getLayout();
      out.layout = {{{layout.getLineageHigh(), layout.getLineageLow()}},
                    layout.getRollBytes(),
                    layout.getRecordBytes()};
      for (auto in : root.getInputs())
        out.inputs[input_id{in.getInput()}]
          = {in.getDirectory(),
             {{in.getLineageHigh(), in.getLineageLow()}},
             {in.getMergedEnd()},
             in.getClosed()};
      for (auto in : root.getOrigins()) {
        auto origin = read(in);
        if (!origin.recent_crcs.empty()
            && origin.recent_crcs.size() != merge_origin::recent_count)
          return error{errc::malformed_message,
                       "origin '" + std::string{in.getOrigin()}
                         + "': " + std::to_string(origin.recent_crcs.size())
                         + " payload sums"};
        out.origins.emplace(in.getOrigin(), std::move(origin));
      }
      for (auto in : root.getSchemas())
        out.schema_versions[in.getTable()] = in.getVersion();
      return out;
    });
}

} // namespace millrace::rt
