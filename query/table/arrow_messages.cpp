#include <millrace/query/table/arrow_messages_internal.hpp>

#include <flatbuffers/flatbuffers.h>
#include <limits>

// Arrow describes its messages as tables of FlatBuffers. Their fields are named
// by their places in Arrow's published schemas, Message.fbs and Schema.fbs;
// nothing else of them is needed to write.

namespace millrace::query::arrow {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using any_table = Offset<flatbuffers::Table>;

/// Where a table's list of fields says where the n-th one is.
constexpr flatbuffers::voffset_t field(flatbuffers::voffset_t n) {
  return static_cast<flatbuffers::voffset_t>(4 + 2 * n);
}

/// MetadataVersion::V5
constexpr int16_t version = 4;

enum class header : uint8_t { schema = 1, dictionary = 2, batch = 3 };

enum class type : uint8_t {
  integer = 2,
  floating = 3,
  utf8 = 5,
  boolean = 6,
  date = 8,
  timestamp = 10,
  fixed_bytes = 15,
  duration = 18
};

enum class unit : int16_t { second = 0, millisecond = 1, nanosecond = 3 };

/// A table whose fields are numbers. Fields that stand at Arrow's default are
/// left out.
template <class Fill>
any_table table_of(FlatBufferBuilder& to, Fill fill) {
  const auto start = to.StartTable();
  fill();
  return any_table{to.EndTable(start)};
}

any_table integer_of(FlatBufferBuilder& to, int32_t bits, bool is_signed) {
  return table_of(to, [&] {
    to.AddElement<int32_t>(field(0), bits, 0);
    to.AddElement<uint8_t>(field(1), is_signed ? 1 : 0, 0);
  });
}

any_table empty_table(FlatBufferBuilder& to) {
  return table_of(to, [] {});
}

any_table unit_of(FlatBufferBuilder& to, unit what, unit otherwise) {
  return table_of(to, [&] {
    to.AddElement(field(0), static_cast<int16_t>(what),
                  static_cast<int16_t>(otherwise));
  });
}

struct arrow_type {
  type which;
  any_table facts;
};

/// Times of day are durations: they may be negative, or beyond a day.
arrow_type type_of(FlatBufferBuilder& to, column_type from) {
  switch (from) {
    case column_type::boolean:
      return {type::boolean, empty_table(to)};
    case column_type::guid:
      return {type::fixed_bytes,
              table_of(to, [&] { to.AddElement<int32_t>(field(0), 16, 0); })};
    case column_type::byte_:
      return {type::integer, integer_of(to, 8, false)};
    case column_type::short_:
      return {type::integer, integer_of(to, 16, true)};
    case column_type::int_:
      return {type::integer, integer_of(to, 32, true)};
    case column_type::long_:
      return {type::integer, integer_of(to, 64, true)};
    case column_type::real:
    case column_type::float_: // Precision: single is 1, double 2.
      return {type::floating, table_of(to, [&] {
                to.AddElement<int16_t>(field(0),
                                       from == column_type::real ? 1 : 2, 0);
              })};
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      return {type::utf8, empty_table(to)};
    case column_type::timestamp: {
      const auto zone = to.CreateString("UTC");
      return {type::timestamp, table_of(to, [&] {
                to.AddElement(field(0), static_cast<int16_t>(unit::nanosecond),
                              static_cast<int16_t>(unit::second));
                to.AddOffset(field(1), zone);
              })};
    }
    case column_type::month:
    case column_type::date: // A DateUnit: days are 0, not the default.
      return {type::date, unit_of(to, unit::second, unit::millisecond)};
    case column_type::minute:
    case column_type::second:
      return {type::duration, unit_of(to, unit::second, unit::millisecond)};
    case column_type::time:
      return {type::duration,
              unit_of(to, unit::millisecond, unit::millisecond)};
    case column_type::timespan:
      break;
  }
  return {type::duration, unit_of(to, unit::nanosecond, unit::millisecond)};
}

any_table field_of(FlatBufferBuilder& to, const column_data& column,
                   int64_t number) {
  const auto name = to.CreateString(column.name);
  const auto made = type_of(to, column.type);
  any_table dictionary;
  if (column.type == column_type::symbol) {
    const auto index = integer_of(to, 32, true);
    dictionary = table_of(to, [&] {
      to.AddElement<int64_t>(field(0), number, -1);
      to.AddOffset(field(1), index);
    });
  }
  // Readers want the list of children, though none has any.
  const auto children = to.CreateVector(std::vector<any_table>{});
  return table_of(to, [&] {
    to.AddOffset(field(0), name);
    to.AddElement<uint8_t>(field(1), 1, 0); // It may hold nulls.
    to.AddElement(field(2), static_cast<uint8_t>(made.which), uint8_t{0});
    to.AddOffset(field(3), made.facts);
    if (!dictionary.IsNull())
      to.AddOffset(field(4), dictionary);
    to.AddOffset(field(5), children);
  });
}

any_table batch_of(FlatBufferBuilder& to, int64_t rows,
                   const batch_body& body) {
  const auto nodes = to.CreateVectorOfStructs(body.nodes);
  const auto buffers = to.CreateVectorOfStructs(body.buffers);
  return table_of(to, [&] {
    to.AddElement<int64_t>(field(0), rows, 0);
    to.AddOffset(field(1), nodes);
    to.AddOffset(field(2), buffers);
  });
}

/// The message around what it tells: a mark, its length, and itself.
std::string message_of(FlatBufferBuilder& to, header which, any_table what,
                       size_t body_bytes) {
  to.Finish(table_of(to, [&] {
    to.AddElement<int64_t>(field(3), static_cast<int64_t>(body_bytes), 0);
    to.AddOffset(field(2), what);
    to.AddElement<int16_t>(field(0), version, 0);
    to.AddElement(field(1), static_cast<uint8_t>(which), uint8_t{0});
  }));
  const auto length = static_cast<uint32_t>((to.GetSize() + 7) / 8 * 8);
  std::string out(8 + length, '\0');
  const uint32_t mark = std::numeric_limits<uint32_t>::max();
  std::memcpy(out.data(), &mark, 4);
  std::memcpy(out.data() + 4, &length, 4);
  std::memcpy(out.data() + 8, to.GetBufferPointer(), to.GetSize());
  return out;
}

} // namespace

void batch_body::add(const void* from, size_t count) {
  buffers.push_back(
    {static_cast<int64_t>(bytes.size()), static_cast<int64_t>(count)});
  if (count != 0)
    bytes.append(static_cast<const char*>(from), count);
  bytes.resize((bytes.size() + 7) / 8 * 8);
}

std::string schema_message(const std::vector<column_data>& columns) {
  FlatBufferBuilder to;
  std::vector<any_table> fields;
  for (size_t i = 0; i < columns.size(); ++i)
    fields.push_back(field_of(to, columns[i], static_cast<int64_t>(i)));
  const auto all = to.CreateVector(fields);
  const auto schema = table_of(to, [&] { to.AddOffset(field(1), all); });
  return message_of(to, header::schema, schema, 0);
}

std::string dictionary_message(int64_t column, int64_t entries,
                               const batch_body& body) {
  FlatBufferBuilder to;
  const auto batch = batch_of(to, entries, body);
  const auto dictionary = table_of(to, [&] {
    to.AddElement<int64_t>(field(0), column, 0);
    to.AddOffset(field(1), batch);
  });
  return message_of(to, header::dictionary, dictionary, body.bytes.size());
}

std::string batch_message(int64_t rows, const batch_body& body) {
  FlatBufferBuilder to;
  return message_of(to, header::batch, batch_of(to, rows, body),
                    body.bytes.size());
}

std::string_view end_of_stream(bool is_whole) noexcept {
  // Nothing follows; or 16 bytes, of which 8 come.
  return is_whole ? std::string_view{"\xff\xff\xff\xff\0\0\0\0", 8}
                  : std::string_view{"\xff\xff\xff\xff\x10\0\0\0"
                                     "\0\0\0\0\0\0\0\0",
                                     16};
}

} // namespace millrace::query::arrow
