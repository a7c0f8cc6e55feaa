#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/data/offsets.hpp>
#include <millrace/messages/schema/query.capnp.h>
#include <millrace/query/execution/partial.hpp>

#include <algorithm>
#include <type_traits>

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

/// A piece of a chunk, in place.
struct chunk_piece {
  const partial_chunk* of = nullptr;
  uint64_t begin = 0;
  uint64_t end = 0;

  [[nodiscard]] uint64_t rows() const noexcept { return end - begin; }
  [[nodiscard]] bool is_whole() const noexcept {
    return begin == 0 && end == of->table.row_count;
  }
};

/// So many values of any width are whole words.
constexpr uint64_t rows_of_words = sizeof(::capnp::word);

/// What is less is copied into the message, what is more stays where it is
/// until the message's bytes are put together.
constexpr size_t copied_max = 1024;

using column_builder = schema::Column::Builder;

/// `from` must outlive the message, also where it lies elsewhere than the
/// columns of its chunk.
void set_values(column_builder to, ::capnp::Orphanage orphanage,
                ::capnp::Data::Reader from) {
  const bool whole_words
    = from.size() % sizeof(::capnp::word) == 0
      && reinterpret_cast<uintptr_t>(from.begin()) % sizeof(::capnp::word) == 0;
  if (from.size() <= copied_max || !whole_words)
    to.setValues(from);
  else
    to.adoptValues(orphanage.referenceExternalData(from));
}

/// Whether a piece has the dictionary of its whole column: one of its own would
/// cost more to make than it saves.
bool takes_dictionary(const column_data& column, const chunk_piece& piece) {
  return column.type == column_type::symbol
         && (piece.is_whole()
             || column.dictionary_ends.size() <= piece.rows() / 8);
}

void encode_column(const column_data& from, const chunk_piece& piece,
                   column_builder to, ::capnp::Orphanage orphanage) {
  to.setName(from.name);
  to.setType(static_cast<uint8_t>(from.type));
  const bool has_dictionary = takes_dictionary(from, piece);
  if (is_text(from.type) && !piece.is_whole() && !has_dictionary) {
    // Of a slice, with a dictionary of just its symbols. A slice of a column
    // that fits 4 GiB of text fits, too.
    column_writer writer{from.name, from.type};
    writer.append_range(ref_of(from), &from, piece.begin, piece.end);
    const auto own = *writer.finish();
    to.setValues(data_of(own.values));
    to.setDictionaryEnds(data_of(own.dictionary_ends));
    to.setBytes(data_of(own.bytes));
    return;
  }
  const auto width = width_of(from.type);
  set_values(to, orphanage,
             data_of(std::span{from.values}.subspan(piece.begin * width,
                                                    piece.rows() * width)));
  to.setDictionaryEnds(data_of(from.dictionary_ends));
  to.setBytes(data_of(from.bytes));
}

void write(const join_bounds& from, schema::JoinBounds::Builder to) {
  to.setLive(from.live);
  to.setHasLeft(from.left_max.has_value());
  to.setLeftMax(from.left_max.value_or(0));
  to.setHasRight(from.right_max.has_value());
  to.setRightMin(from.right_min.value_or(0));
  to.setRightMax(from.right_max.value_or(0));
}

join_bounds read(schema::JoinBounds::Reader from) {
  join_bounds out;
  out.live = from.getLive();
  if (from.getHasLeft())
    out.left_max = from.getLeftMax();
  if (from.getHasRight()) {
    out.right_min = from.getRightMin();
    out.right_max = from.getRightMax();
  }
  return out;
}

scan_statistics read(schema::ScanStatistics::Reader from) {
  return {
    from.getRowsTotal(),     from.getRowsScanned(),     from.getRowsMatched(),
    from.getSegmentsTotal(), from.getSegmentsScanned(), from.getPartsTotal(),
    from.getPartsScanned(),  from.getBytesScanned(),    from.getLeftByTime(),
    from.getLeftByValue(),   from.getLeftBySymbol()};
}

void write(const scan_statistics& from, schema::ScanStatistics::Builder to) {
  to.setRowsTotal(from.rows_total);
  to.setRowsScanned(from.rows_scanned);
  to.setRowsMatched(from.rows_matched);
  to.setSegmentsTotal(from.segments_total);
  to.setSegmentsScanned(from.segments_scanned);
  to.setPartsTotal(from.parts_total);
  to.setPartsScanned(from.parts_scanned);
  to.setBytesScanned(from.bytes_scanned);
  to.setLeftByTime(from.left_by_time);
  to.setLeftByValue(from.left_by_value);
  to.setLeftBySymbol(from.left_by_symbol);
}

/// Those of an earlier release say less.
answer_statistics read_statistics(schema::PartialResult::Reader from) {
  answer_statistics out;
  if (from.hasRead())
    out.read = read(from.getRead());
  else
    out.read
      = {from.getRowsTotal(), from.getRowsScanned(), from.getRowsMatched(),
         from.getSegmentsTotal(), from.getSegmentsScanned()};
  for (auto each : from.getNodes())
    out.nodes.push_back({each.getProcess(), each.getTable(),
                         read(each.getRead()), each.getBindNs(),
                         each.getScanNs(), each.getFinishNs(),
                         each.getElapsedNs(), each.getMemoryBytes()});
  for (auto each : from.getSteps())
    out.steps.push_back(
      {each.getWhat(), each.getRows(), each.getBytes(), each.getNs()});
  return out;
}

void write_statistics(const partial_result& from,
                      schema::PartialResult::Builder to) {
  // What an earlier release reads.
  to.setRowsTotal(from.statistics.rows_total);
  to.setRowsScanned(from.statistics.rows_scanned);
  to.setRowsMatched(from.statistics.rows_matched);
  to.setSegmentsTotal(from.statistics.segments_total);
  to.setSegmentsScanned(from.statistics.segments_scanned);
  write(from.statistics, to.initRead());
  auto nodes = to.initNodes(static_cast<unsigned>(from.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    const auto& each = from.nodes[i];
    nodes[i].setProcess(each.process);
    nodes[i].setTable(each.table);
    write(each.read, nodes[i].initRead());
    nodes[i].setBindNs(each.bind_ns);
    nodes[i].setScanNs(each.scan_ns);
    nodes[i].setFinishNs(each.finish_ns);
    nodes[i].setElapsedNs(each.elapsed_ns);
    nodes[i].setMemoryBytes(each.memory_bytes);
  }
  auto steps = to.initSteps(static_cast<unsigned>(from.steps.size()));
  for (unsigned i = 0; i < steps.size(); ++i) {
    steps[i].setWhat(from.steps[i].what);
    steps[i].setRows(from.steps[i].rows);
    steps[i].setBytes(from.steps[i].bytes);
    steps[i].setNs(from.steps[i].ns);
  }
}

chunk encode_pieces(const partial_result& partial,
                    std::span<const chunk_piece> pieces, bool with_statistics) {
  // The first segment has no room for what is not copied.
  constexpr size_t first_words = 2048;
  ::capnp::MallocMessageBuilder builder{first_words};
  auto root = builder.initRoot<schema::PartialResult>();
  const auto orphanage = ::capnp::Orphanage::getForMessageContaining(root);
  root.setGrouped(partial.grouped);
  root.setFinished(partial.finished);
  root.setStateVersion(state_version);
  if (with_statistics) {
    write_statistics(partial, root);
    if (partial.bounds)
      write(*partial.bounds, root.initBounds());
  }
  auto list = root.initChunks(static_cast<unsigned>(pieces.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    const auto& piece = pieces[i];
    list[i].setPartOrder(piece.of->part_order);
    list[i].setUse(static_cast<uint8_t>(piece.of->use));
    list[i].setRowCount(piece.rows());
    const auto& from = piece.of->table.columns;
    auto columns = list[i].initColumns(static_cast<unsigned>(from.size()));
    for (unsigned c = 0; c < columns.size(); ++c)
      encode_column(from[c], piece, columns[c], orphanage);
  }
  return messages::to_chunk(builder);
}

template <class To>
void copy_into(::capnp::Data::Reader from, To& to) {
  using value = std::remove_cvref_t<decltype(*to.data())>;
  // Data of a message begins at a word.
  const auto* first = reinterpret_cast<const value*>(from.begin());
  to.assign(first, first + from.size() / sizeof(value));
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
  uint32_t largest = 0;
  for (uint64_t row = 0; row < rows; ++row)
    largest = std::max(largest, codes[row]);
  if (largest >= to.dictionary_ends.size())
    return malformed(where + "code " + std::to_string(largest) + " of "
                     + std::to_string(to.dictionary_ends.size()) + " entries");
  return {};
}

result<partial_result> read_partial(schema::PartialResult::Reader root) {
  partial_result out;
  out.grouped = root.getGrouped();
  out.finished = root.getFinished();
  if (out.grouped && out.finished)
    return malformed("groups that are finished and not");
  if (out.grouped && root.getStateVersion() != state_version)
    return malformed(
      "states of version " + std::to_string(root.getStateVersion()) + ", not "
      + std::to_string(state_version) + ": its sender is of another release");
  auto statistics = read_statistics(root);
  out.statistics = statistics.read;
  out.nodes = std::move(statistics.nodes);
  out.steps = std::move(statistics.steps);
  if (root.hasBounds())
    out.bounds = read(root.getBounds());
  for (auto from : root.getChunks()) {
    auto& chunk = out.chunks.emplace_back();
    chunk.use = static_cast<partial_chunk::purpose>(from.getUse());
    if (chunk.use > partial_chunk::purpose::single_left)
      return malformed("a chunk for what only a later release knows");
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

chunks encode(const partial_result& partial, size_t bytes_max,
              const interruption& stop) {
  chunks messages;
  std::vector<chunk_piece> pending; ///< Of one message.
  size_t bytes = 0;
  auto flush = [&] {
    if (!pending.empty())
      messages.push_back(encode_pieces(partial, pending, messages.empty()));
    pending.clear();
    bytes = 0;
  };
  for (size_t i = 0; i < partial.chunks.size() && !stop.stopped(); ++i) {
    const auto& chunk = partial.chunks[i];
    const auto rows = chunk.table.row_count;
    const auto size = chunk.table.byte_count();
    if (bytes + size > bytes_max)
      flush();
    if (size <= bytes_max || rows <= 1) {
      pending.push_back({&chunk, 0, rows});
      bytes += size;
      continue;
    }
    const auto pieces
      = std::min<uint64_t>((size + bytes_max - 1) / bytes_max, rows);
    auto step = (rows + pieces - 1) / pieces;
    // Slices of columns of whatever width begin at a word.
    if (step > rows_of_words)
      step = step / rows_of_words * rows_of_words;
    for (uint64_t begin = 0; begin < rows && !stop.stopped(); begin += step) {
      pending.push_back({&chunk, begin, std::min(begin + step, rows)});
      flush();
    }
  }
  flush();
  if (messages.empty())
    messages.push_back(encode_pieces(partial, {}, true));
  return messages;
}

result<bool> is_finished(std::span<const std::byte> message) {
  return messages::read_as<schema::PartialResult>(
    message, [](schema::PartialResult::Reader root) {
      return result<bool>{root.getFinished()};
    });
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

result<answer_statistics> statistics_of(std::span<const std::byte> message) {
  return messages::read_as<schema::PartialResult>(
    message, [](schema::PartialResult::Reader root) {
      return result<answer_statistics>{read_statistics(root)};
    });
}

result<partial_result> decode_partial(std::span<const std::byte> bytes) {
  return messages::read_as<schema::PartialResult>(bytes, read_partial);
}

} // namespace millrace::query
