#include <millrace/persistence/exchange/parquet_column_internal.hpp>
#include <millrace/persistence/exchange/parquet_encoding.hpp>
#include <millrace/persistence/exchange/parquet_file.hpp>

namespace millrace::persistence {

namespace {

constexpr std::string_view parquet_magic = "PAR1";
constexpr int32_t codec_zstd = 6;

/// Numbers of Parquet's logical types and of those that stood for them before.
enum logical : int16_t {
  logical_string = 1,
  logical_date = 6,
  logical_timestamp = 8,
  logical_integer = 10,
  logical_uuid = 14
};
constexpr int32_t converted_utf8 = 0;
constexpr int32_t converted_date = 6;
constexpr int32_t converted_uint8 = 11;
constexpr int32_t converted_int16 = 16;

/// A union whose one member is a struct without fields.
void empty_member(thrift_writer& to, int16_t number) {
  to.begin(number);
  to.end();
}

void put_integer(thrift_writer& to, int32_t converted, int8_t bits,
                 bool is_signed) {
  to.field(6, converted);
  to.begin(10);
  to.begin(logical_integer);
  to.byte_field(1, bits);
  to.field(2, is_signed);
  to.end();
  to.end();
}

/// What a column means, beside its type. Times of day and lengths of time are
/// numbers: Parquet's times of day are neither negative nor beyond a day.
void put_meaning(thrift_writer& to, column_type type) {
  switch (type) {
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      to.field(6, converted_utf8);
      to.begin(10);
      empty_member(to, logical_string);
      to.end();
      break;
    case column_type::byte_:
      put_integer(to, converted_uint8, 8, false);
      break;
    case column_type::short_:
      put_integer(to, converted_int16, 16, true);
      break;
    case column_type::date:
    case column_type::month:
      to.field(6, converted_date);
      to.begin(10);
      empty_member(to, logical_date);
      to.end();
      break;
    case column_type::timestamp:
      // Not "adjusted to UTC", though it is: readers cut such to microseconds.
      to.begin(10);
      to.begin(logical_timestamp);
      to.field(1, false);
      to.begin(2);
      empty_member(to, 3); // Nanoseconds.
      to.end();
      to.end();
      to.end();
      break;
    case column_type::guid:
      to.begin(10);
      empty_member(to, logical_uuid);
      to.end();
      break;
    default:
      break;
  }
}

void put_schema(thrift_writer& to, const std::string& table,
                const std::vector<column_schema>& columns) {
  to.list(2, thrift_writer::structure, columns.size() + 1);
  to.begin();
  to.field(4, std::string_view{table});
  to.field(5, static_cast<int32_t>(columns.size()));
  to.end();
  for (const auto& column : columns) {
    to.begin();
    to.field(1, static_cast<int32_t>(parquet_type_of(column.type)));
    if (column.type == column_type::guid)
      to.field(2, int32_t{16});
    to.field(3, int32_t{parquet_optional(column.type)});
    to.field(4, std::string_view{column.name});
    put_meaning(to, column.type);
    to.end();
  }
}

void put_chunk(thrift_writer& to, const column_schema& column,
               const parquet_chunk& chunk) {
  to.begin();
  to.field(2, static_cast<int64_t>(chunk.begin));
  to.begin(3);
  to.field(1, static_cast<int32_t>(parquet_type_of(column.type)));
  const std::vector<int32_t> encodings
    = chunk.dictionary ? std::vector{0, 3, 8} : std::vector{0, 3};
  to.list(2, thrift_writer::i32, encodings.size());
  for (const auto each : encodings)
    to.element(each);
  to.list(3, thrift_writer::binary, 1);
  to.element(column.name);
  to.field(4, codec_zstd);
  to.field(5, static_cast<int64_t>(chunk.rows));
  to.field(6, static_cast<int64_t>(chunk.plain_bytes));
  to.field(7, static_cast<int64_t>(chunk.bytes));
  to.field(9, static_cast<int64_t>(chunk.data));
  if (chunk.dictionary)
    to.field(11, static_cast<int64_t>(*chunk.dictionary));
  to.begin(12);
  to.field(3, static_cast<int64_t>(chunk.nulls));
  if (chunk.low) {
    to.field(5, std::string_view{*chunk.high});
    to.field(6, std::string_view{*chunk.low});
  }
  to.end();
  to.end();
  to.end();
}

void put_sorting(thrift_writer& to, const std::vector<uint32_t>& ordered_by) {
  if (ordered_by.empty())
    return;
  to.list(4, thrift_writer::structure, ordered_by.size());
  for (const auto column : ordered_by) {
    to.begin();
    to.field(1, static_cast<int32_t>(column));
    to.field(2, false);
    to.field(3, true); // Nulls first.
    to.end();
  }
}

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span{text});
}

} // namespace

error parquet_file::begin() {
  return to_->append(bytes_of_text(parquet_magic));
}

error parquet_file::add(row_reader& rows, uint64_t begin, uint64_t count) {
  auto& next = groups_.emplace_back();
  next.rows = count;
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto chunk = write_parquet_column(*to_, rows, i, begin, count);
    if (!chunk)
      return chunk.failure();
    next.columns.push_back(*std::move(chunk));
  }
  return {};
}

std::string parquet_file::footer() const {
  uint64_t rows = 0;
  for (const auto& group : groups_)
    rows += group.rows;
  thrift_writer to;
  to.field(1, int32_t{2});
  put_schema(to, name_, columns_);
  to.field(3, static_cast<int64_t>(rows));
  to.list(4, thrift_writer::structure, groups_.size());
  for (const auto& group : groups_) {
    to.begin();
    uint64_t plain = 0;
    uint64_t bytes = 0;
    to.list(1, thrift_writer::structure, group.columns.size());
    for (size_t i = 0; i < group.columns.size(); ++i) {
      put_chunk(to, columns_[i], group.columns[i]);
      plain += group.columns[i].plain_bytes;
      bytes += group.columns[i].bytes;
    }
    to.field(2, static_cast<int64_t>(plain));
    to.field(3, static_cast<int64_t>(group.rows));
    put_sorting(to, ordered_by_);
    to.field(5, static_cast<int64_t>(group.columns.front().begin));
    to.field(6, static_cast<int64_t>(bytes));
    to.end();
  }
  // What the columns are here, which Parquet has fewer words for.
  to.list(5, thrift_writer::structure, columns_.size());
  for (const auto& column : columns_) {
    to.begin();
    to.field(1, std::string_view{"millrace.type." + column.name});
    to.field(2, to_string(column.type));
    to.end();
  }
  to.field(6, std::string_view{"Millrace"});
  to.list(7, thrift_writer::structure, columns_.size());
  for (size_t i = 0; i < columns_.size(); ++i) {
    to.begin();
    empty_member(to, 1); // Values compare as their types do.
    to.end();
  }
  return to.bytes() + '\0';
}

error parquet_file::finish() {
  auto text = footer();
  const auto size = static_cast<uint32_t>(text.size());
  text.append(reinterpret_cast<const char*>(&size), sizeof size);
  text += parquet_magic;
  return to_->append(bytes_of_text(text));
}

} // namespace millrace::persistence
