#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/data/offsets.hpp>
#include <millrace/messages/schema/query.capnp.h>
#include <millrace/query/execution/partial.hpp>

#include <algorithm>
#include <numeric>

namespace millrace::query {

namespace {

/// 1: exact sums. 2: products beyond the range of floats.
constexpr uint32_t state_version = 2;

error malformed(const std::string& what) {
  return {errc::malformed_message, "partial result: " + what};
}

template <class Container>
::capnp::Data::Reader data_of(const Container& from) {
  return {reinterpret_cast<const kj::byte*>(from.data()),
          from.size() * sizeof(*from.data())};
}

std::vector<std::byte> encode_chunks(const partial_result& partial,
                                     std::span<const partial_chunk> chunks,
                                     bool with_statistics) {
  size_t bytes = 1024;
  for (const auto& chunk : chunks)
    bytes += chunk.table.byte_count() + 128 * chunk.table.columns.size();
  ::capnp::MallocMessageBuilder builder{static_cast<unsigned>(bytes / 8)};
  auto root = builder.initRoot<schema::PartialResult>();
  root.setGrouped(partial.grouped);
  root.setStateVersion(state_version);
  if (with_statistics) {
    root.setRowsTotal(partial.statistics.rows_total);
    root.setRowsScanned(partial.statistics.rows_scanned);
    root.setRowsMatched(partial.statistics.rows_matched);
    root.setSegmentsTotal(partial.statistics.segments_total);
    root.setSegmentsScanned(partial.statistics.segments_scanned);
  }
  auto list = root.initChunks(static_cast<unsigned>(chunks.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setPartOrder(chunks[i].part_order);
    list[i].setRowCount(chunks[i].table.row_count);
    const auto& from = chunks[i].table.columns;
    auto columns = list[i].initColumns(static_cast<unsigned>(from.size()));
    for (unsigned c = 0; c < columns.size(); ++c) {
      columns[c].setName(from[c].name);
      columns[c].setType(static_cast<uint8_t>(from[c].type));
      columns[c].setValues(data_of(from[c].values));
      columns[c].setDictionaryEnds(data_of(from[c].dictionary_ends));
      columns[c].setBytes(data_of(from[c].bytes));
    }
  }
  return messages::to_bytes(builder);
}

/// Rows [begin, end) of a chunk with dictionaries of just their symbols.
partial_chunk slice(const partial_chunk& chunk, uint64_t begin, uint64_t end) {
  partial_chunk out;
  out.part_order = chunk.part_order;
  out.table.row_count = end - begin;
  for (const auto& column : chunk.table.columns) {
    column_writer writer{column.name, column.type};
    writer.append_range(ref_of(column), &column, begin, end);
    // A slice of a column that fits 4 GiB of text fits, too.
    out.table.columns.push_back(*writer.finish());
  }
  return out;
}

template <class To>
void copy_into(::capnp::Data::Reader from, To& to) {
  to.resize(from.size() / sizeof(*to.data()));
  if (!to.empty())
    std::memcpy(to.data(), from.begin(), to.size() * sizeof(*to.data()));
}

error read_column(schema::Column::Reader from, uint64_t rows, column_data& to) {
  to.name = from.getName();
  to.type = static_cast<column_type>(from.getType());
  const auto where = "column '" + to.name + "': ";
  const auto width = width_of(to.type);
  if (width == 0)
    return malformed(where + "unknown type " + std::to_string(from.getType()));
  const auto values = from.getValues();
  if (values.size() % width != 0 || values.size() / width != rows)
    return malformed(where + std::to_string(values.size()) + " bytes for "
                     + std::to_string(rows) + " rows");
  if (from.getDictionaryEnds().size() % 4 != 0)
    return malformed(where + "torn dictionary offsets");
  copy_into(values, to.values);
  copy_into(from.getDictionaryEnds(), to.dictionary_ends);
  copy_into(from.getBytes(), to.bytes);
  const auto* codes = to.as<uint32_t>();
  if (to.type == column_type::string
      && !ascending_within({codes, rows}, to.bytes.size()))
    return malformed(where + "string offsets are not in order");
  if (to.type != column_type::symbol)
    return {};
  if (to.dictionary_ends.empty() || to.dictionary_ends[0] != 0
      || !ascending_within(to.dictionary_ends, to.bytes.size()))
    return malformed(where + "the dictionary is damaged");
  for (uint64_t row = 0; row < rows; ++row)
    if (codes[row] >= to.dictionary_ends.size())
      return malformed(where + "code " + std::to_string(codes[row]) + " of "
                       + std::to_string(to.dictionary_ends.size())
                       + " entries");
  return {};
}

result<partial_result> read_partial(schema::PartialResult::Reader root) {
  partial_result out;
  out.grouped = root.getGrouped();
  if (out.grouped && root.getStateVersion() != state_version)
    return malformed(
      "states of version " + std::to_string(root.getStateVersion()) + ", not "
      + std::to_string(state_version) + ": its sender is of another release");
  out.statistics
    = {root.getRowsTotal(), root.getRowsScanned(), root.getRowsMatched(),
       root.getSegmentsTotal(), root.getSegmentsScanned()};
  for (auto from : root.getChunks()) {
    auto& chunk = out.chunks.emplace_back();
    chunk.part_order = from.getPartOrder();
    chunk.table.row_count = from.getRowCount();
    if (from.getColumns().size() == 0 && from.getRowCount() != 0)
      return malformed("rows without columns");
    for (auto column : from.getColumns())
      if (auto fault = read_column(column, from.getRowCount(),
                                   chunk.table.columns.emplace_back()))
        return fault;
  }
  return out;
}

} // namespace

std::vector<std::vector<std::byte>> encode(const partial_result& partial,
                                           size_t bytes_max,
                                           const interruption& stop) {
  std::vector<std::vector<std::byte>> messages;
  std::vector<partial_chunk> slices;
  // Consecutive pieces of one message: whole chunks, or one slice.
  size_t first = 0;
  size_t bytes = 0;
  auto flush = [&](size_t last) {
    if (last > first)
      messages.push_back(encode_chunks(
        partial, std::span{partial.chunks}.subspan(first, last - first),
        messages.empty()));
    first = last;
    bytes = 0;
  };
  for (size_t i = 0; i < partial.chunks.size() && !stop.stopped(); ++i) {
    const auto& chunk = partial.chunks[i];
    const auto size = chunk.table.byte_count();
    if (size > bytes_max && chunk.table.row_count > 1) {
      flush(i);
      const auto pieces = std::min<uint64_t>((size + bytes_max - 1) / bytes_max,
                                             chunk.table.row_count);
      const auto step = (chunk.table.row_count + pieces - 1) / pieces;
      for (uint64_t begin = 0; begin < chunk.table.row_count && !stop.stopped();
           begin += step) {
        const auto piece
          = slice(chunk, begin, std::min(begin + step, chunk.table.row_count));
        messages.push_back(
          encode_chunks(partial, std::span{&piece, 1}, messages.empty()));
      }
      first = i + 1;
      continue;
    }
    if (bytes + size > bytes_max)
      flush(i);
    bytes += size;
  }
  flush(partial.chunks.size());
  if (messages.empty())
    messages.push_back(encode_chunks(partial, {}, true));
  return messages;
}

result<uint64_t> row_count_of(std::span<const std::byte> message) {
  return messages::read_as<schema::PartialResult>(
    message, [](schema::PartialResult::Reader root) {
      uint64_t rows = 0;
      for (auto chunk : root.getChunks())
        rows += chunk.getRowCount();
      return result<uint64_t>{rows};
    });
}

result<partial_result> decode_partial(std::span<const std::byte> bytes) {
  return messages::read_as<schema::PartialResult>(bytes, read_partial);
}

} // namespace millrace::query
