#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/data/offsets.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/schema/stream.capnp.h>
#include <millrace/messages/schema/table.capnp.h>

namespace millrace {

namespace {

error malformed(const batch_view& batch, std::string_view column,
                const std::string& what) {
  return {errc::malformed_message, "table '" + std::string{batch.table}
                                     + "', column '" + std::string{column}
                                     + "': " + what};
}

std::string_view view_of(::capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

std::string_view view_of(::capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

error check_symbols(const batch_view& batch, const batch_column& column) {
  const auto count = column.dictionary_ends.size();
  if (count == 0)
    return malformed(batch, column.name, "the dictionary is empty");
  if (!ascending_within(column.dictionary_ends, column.bytes.size()))
    return malformed(batch, column.name, "dictionary offsets are not in order");
  if (column.dictionary_ends[0] != 0)
    return malformed(batch, column.name, "dictionary entry 0 is not empty");
  const auto* codes = column.as<uint32_t>();
  uint32_t highest = 0;
  for (uint32_t row = 0; row < batch.row_count; ++row)
    highest = std::max(highest, codes[row]);
  if (highest >= count)
    return malformed(batch, column.name,
                     "code " + std::to_string(highest) + " of "
                       + std::to_string(count) + " entries");
  return {};
}

error read_column(const batch_view& batch, schema::Column::Reader from,
                  batch_column& column) {
  column.name = view_of(from.getName());
  column.type = static_cast<column_type>(from.getType());
  const auto width = width_of(column.type);
  if (width == 0)
    return malformed(batch, column.name,
                     "unknown type " + std::to_string(from.getType()));
  const auto values = from.getValues();
  if (values.size() != width * batch.row_count)
    return malformed(batch, column.name,
                     std::to_string(values.size()) + " bytes for "
                       + std::to_string(batch.row_count) + " rows of "
                       + std::to_string(width));
  column.values = reinterpret_cast<const std::byte*>(values.begin());
  column.bytes = view_of(from.getBytes());
  column.dictionary_ends = {};
  if (column.type == column_type::symbol) {
    const auto ends = from.getDictionaryEnds();
    if (ends.size() % sizeof(uint32_t) != 0)
      return malformed(batch, column.name, "torn dictionary offsets");
    column.dictionary_ends = {reinterpret_cast<const uint32_t*>(ends.begin()),
                              ends.size() / sizeof(uint32_t)};
    return check_symbols(batch, column);
  }
  if (column.type == column_type::string
      && !ascending_within({column.as<uint32_t>(), batch.row_count},
                           column.bytes.size()))
    return malformed(batch, column.name, "string offsets are not in order");
  return {};
}

error read_batch(schema::TableBatch::Reader root, batch_view& into) {
  into.table = view_of(root.getTable());
  into.schema_version = root.getSchemaVersion();
  into.row_count = root.getRowCount();
  into.source_name = view_of(root.getSourceName());
  into.source_offset = root.getSourceOffset();
  into.source_row = root.getSourceRow();
  into.source_digest = root.getSourceDigest();
  const auto columns = root.getColumns();
  // Rows are held by columns: a number alone would cost who applies it memory.
  if (columns.size() == 0 && into.row_count != 0)
    return {errc::malformed_message, "table '" + std::string{into.table}
                                       + "': " + std::to_string(into.row_count)
                                       + " rows without a column"};
  into.columns.resize(columns.size());
  for (unsigned i = 0; i < columns.size(); ++i)
    if (auto fault = read_column(into, columns[i], into.columns[i]))
      return fault;
  return {};
}

} // namespace

error decode_batch(std::span<const std::byte> payload, batch_view& into) {
  using word = ::capnp::word;
  MILLRACE_ASSERT(reinterpret_cast<uintptr_t>(payload.data()) % sizeof(word)
                  == 0);
  if (payload.empty() || payload.size() % sizeof(word) != 0)
    return {errc::malformed_message, "table batch of "
                                       + std::to_string(payload.size())
                                       + " bytes is not whole words"};
  try {
    ::capnp::FlatArrayMessageReader reader{
      kj::arrayPtr(reinterpret_cast<const word*>(payload.data()),
                   payload.size() / sizeof(word)),
      messages::reader_options(payload.size() / sizeof(word))};
    return read_batch(reader.getRoot<schema::TableBatch>(), into);
  } catch (const kj::Exception& fault) {
    return {errc::malformed_message,
            std::string{"table batch: "} + fault.getDescription().cStr()};
  }
}

result<batch_view> decode_batch(std::span<const std::byte> payload) {
  batch_view view;
  if (auto fault = decode_batch(payload, view))
    return fault;
  return view;
}

result<source_cursor> peek_cursor(std::span<const std::byte> payload) {
  return messages::read_as<schema::TableBatch>(
    payload, [](schema::TableBatch::Reader root) -> result<source_cursor> {
      return source_cursor{root.getSourceName(), root.getSourceOffset(),
                           root.getSourceRow(), root.getSourceDigest()};
    });
}

batch_builder::batch_builder(table_schema schema)
  : schema_{std::move(schema)}, columns_(schema_.columns.size()) {
  for (size_t i = 0; i < columns_.size(); ++i)
    if (schema_.columns[i].type == column_type::symbol)
      columns_[i].dictionary.emplace();
}

size_t batch_builder::byte_count() const noexcept {
  size_t total = 0;
  for (const auto& column : columns_) {
    total += column.values.size() + column.bytes.size();
    if (const auto& known = column.dictionary)
      total += known->bytes().size() + known->size() * sizeof(uint32_t);
  }
  return total;
}

void batch_builder::append_symbol(size_t column, std::string_view text) {
  append(column, symbol_code(column, text));
}

void batch_builder::append_string(size_t column, std::string_view text) {
  auto& bytes = columns_[column].bytes;
  bytes.append(text);
  append(column, static_cast<uint32_t>(bytes.size()));
}

void batch_builder::append_null(size_t column) {
  switch (schema_.columns[column].type) {
    case column_type::boolean:
    case column_type::byte_:
      return append(column, uint8_t{0});
    case column_type::char_:
      return append(column, ' ');
    case column_type::short_:
      return append(column, null_short);
    case column_type::int_:
    case column_type::month:
    case column_type::date:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return append(column, null_int);
    case column_type::long_:
    case column_type::timestamp:
    case column_type::timespan:
      return append(column, null_long);
    case column_type::real:
      return append(column, std::numeric_limits<float>::quiet_NaN());
    case column_type::float_:
      return append(column, std::numeric_limits<double>::quiet_NaN());
    case column_type::guid:
      append(column, uint64_t{0});
      return append(column, uint64_t{0});
    case column_type::symbol:
      return append(column, uint32_t{0});
    case column_type::string:
      return append_string(column, {});
  }
}

std::vector<std::byte> batch_builder::encode(const source_cursor& cursor) {
  ::capnp::MallocMessageBuilder builder{
    static_cast<unsigned>(byte_count() / 8 + 64 * columns_.size() + 64)};
  auto root = builder.initRoot<schema::TableBatch>();
  root.setTable(schema_.name);
  root.setSchemaVersion(schema_.version);
  root.setRowCount(row_count_);
  auto columns = root.initColumns(static_cast<unsigned>(columns_.size()));
  auto data_of = [](const auto& container) {
    return ::capnp::Data::Reader(
      reinterpret_cast<const kj::byte*>(container.data()),
      container.size() * sizeof(*container.data()));
  };
  for (unsigned i = 0; i < columns.size(); ++i) {
    auto out = columns[i];
    const auto& in = columns_[i];
    MILLRACE_ASSERT(in.values.size()
                    == width_of(schema_.columns[i].type) * row_count_);
    out.setName(schema_.columns[i].name);
    out.setType(static_cast<uint8_t>(schema_.columns[i].type));
    out.setValues(data_of(in.values));
    if (in.dictionary)
      out.setDictionaryEnds(data_of(in.dictionary->ends()));
    const auto& bytes = in.dictionary ? in.dictionary->bytes() : in.bytes;
    if (!bytes.empty())
      out.setBytes(data_of(bytes));
  }
  root.setSourceName(cursor.name);
  root.setSourceOffset(cursor.offset);
  root.setSourceRow(cursor.row);
  root.setSourceDigest(cursor.digest);
  return messages::to_bytes(builder);
}

void batch_builder::clear() {
  row_count_ = 0;
  for (auto& column : columns_) {
    column.values.clear();
    column.bytes.clear();
    if (column.dictionary)
      column.dictionary->clear();
  }
}

std::vector<std::byte> encode(const std::vector<source_cursor>& cursors) {
  ::capnp::MallocMessageBuilder builder;
  auto list = builder.initRoot<schema::SourceCursors>().initCursors(
    static_cast<unsigned>(cursors.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setName(cursors[i].name);
    list[i].setOffset(cursors[i].offset);
    list[i].setRow(cursors[i].row);
    list[i].setDigest(cursors[i].digest);
  }
  return messages::to_bytes(builder);
}

result<std::vector<source_cursor>>
decode_source_cursors(std::span<const std::byte> bytes) {
  using answer = std::vector<source_cursor>;
  return messages::read_as<schema::SourceCursors>(
    bytes, [](schema::SourceCursors::Reader root) -> result<answer> {
      answer out;
      for (auto in : root.getCursors())
        out.push_back(
          {in.getName(), in.getOffset(), in.getRow(), in.getDigest()});
      return out;
    });
}

std::vector<std::byte> encode(const end_of_period& marker) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::EndOfPeriod>();
  root.setPeriod(marker.period.value);
  root.setOrigin(marker.origin);
  return messages::to_bytes(builder);
}

result<end_of_period> decode_end_of_period(std::span<const std::byte> payload) {
  return messages::read_as<schema::EndOfPeriod>(
    payload, [](schema::EndOfPeriod::Reader root) -> result<end_of_period> {
      return end_of_period{period_id{root.getPeriod()}, root.getOrigin()};
    });
}

} // namespace millrace
