#include <millrace/feed/generate/generator.hpp>
#include <millrace/feed/text/zone_clock.hpp>

#include <charconv>
#include <cmath>
#include <cstring>

namespace millrace::feed {

namespace {

constexpr size_t write_bytes = 1u << 20;

template <class T>
T value_at(const batch_column& column, uint32_t row) {
  T value;
  std::memcpy(&value, column.values + row * sizeof value, sizeof value);
  return value;
}

template <class T>
void append_number(std::string& out, T value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

void append_padded(std::string& out, int64_t value, size_t width) {
  char text[24];
  for (auto i = width; i-- > 0; value /= 10)
    text[i] = static_cast<char>('0' + value % 10);
  out.append(text, width);
}

void append_clock(std::string& out, int64_t ns_of_day) {
  const auto second = ns_of_day / 1'000'000'000;
  append_padded(out, second / 3600, 2);
  out += ':';
  append_padded(out, second / 60 % 60, 2);
  out += ':';
  append_padded(out, second % 60, 2);
  out += '.';
  append_padded(out, ns_of_day % 1'000'000'000, 9);
}

void append_timestamp(std::string& out, int64_t time) {
  auto day = time / day_ns;
  auto of_day = time % day_ns;
  if (of_day < 0) {
    --day;
    of_day += day_ns;
  }
  const auto civil = civil_of(static_cast<int32_t>(day));
  append_padded(out, civil.year, 4);
  out += '-';
  append_padded(out, civil.month, 2);
  out += '-';
  append_padded(out, civil.day, 2);
  out += ' ';
  append_clock(out, of_day);
}

void append_date(std::string& out, int32_t day) {
  const auto civil = civil_of(day);
  append_padded(out, civil.year, 4);
  out += '-';
  append_padded(out, civil.month, 2);
  out += '-';
  append_padded(out, civil.day, 2);
}

template <class T>
void append_whole(std::string& out, T value) {
  if (value != std::numeric_limits<T>::min())
    append_number(out, value);
}

void append_guid(std::string& out, const std::byte* bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out += '-';
    out += digits[static_cast<unsigned>(bytes[i]) >> 4];
    out += digits[static_cast<unsigned>(bytes[i]) & 15];
  }
}

void append_of_day(std::string& out, const batch_column& column, uint32_t row) {
  if (column.type == column_type::timespan) {
    const auto ns = value_at<int64_t>(column, row);
    if (ns >= 0 && ns < day_ns)
      append_clock(out, ns);
    return;
  }
  const auto value = value_at<int32_t>(column, row);
  const auto unit = column.type == column_type::time     ? 1'000'000
                    : column.type == column_type::second ? 1'000'000'000
                                                         : 60'000'000'000;
  if (value >= 0)
    append_clock(out, value * unit);
}

void append_value(std::string& out, const batch_column& column, uint32_t row) {
  switch (column.type) {
    case column_type::boolean:
    case column_type::byte_:
      return append_number(out, unsigned{value_at<uint8_t>(column, row)});
    case column_type::char_:
      if (const auto c = value_at<char>(column, row); c != ' ')
        out += c;
      return;
    case column_type::short_:
      return append_whole(out, value_at<int16_t>(column, row));
    case column_type::int_:
      return append_whole(out, value_at<int32_t>(column, row));
    case column_type::long_:
      return append_whole(out, value_at<int64_t>(column, row));
    case column_type::real:
      if (const auto x = value_at<float>(column, row); !std::isnan(x))
        append_number(out, x);
      return;
    case column_type::float_:
      if (const auto x = value_at<double>(column, row); !std::isnan(x))
        append_number(out, x);
      return;
    case column_type::symbol:
      out += column.symbol(value_at<uint32_t>(column, row));
      return;
    case column_type::string: {
      const auto begin = row == 0 ? 0 : value_at<uint32_t>(column, row - 1);
      out
        += column.bytes.substr(begin, value_at<uint32_t>(column, row) - begin);
      return;
    }
    case column_type::timestamp:
      if (const auto time = value_at<int64_t>(column, row); time != null_long)
        append_timestamp(out, time);
      return;
    case column_type::date:
      if (const auto day = value_at<int32_t>(column, row); day != null_int)
        append_date(out, day);
      return;
    case column_type::month:
      if (const auto month = value_at<int32_t>(column, row);
          month != null_int) {
        const auto years = (month < 0 ? month - 11 : month) / 12;
        append_padded(out, 2000 + years, 4);
        out += '-';
        append_padded(out, month - years * 12 + 1, 2);
      }
      return;
    case column_type::guid:
      return append_guid(out, column.values + size_t{row} * 16);
    case column_type::timespan:
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return append_of_day(out, column, row);
  }
}

/// A text file that grows at its end.
struct text_file {
  std::unique_ptr<persistence::file> file;
  uint64_t end = 0;
  std::string pending;

  error begin(persistence::file_system& fs, const std::string& path,
              const table_schema& schema) {
    auto opened = fs.open(path, persistence::open_mode::write);
    if (!opened)
      return opened.failure();
    file = std::move(*opened);
    pending = csv_header(schema);
    return file->truncate(0);
  }

  error flush() {
    if (auto fault = file->write_at(end, std::as_bytes(std::span{pending})))
      return fault;
    end += pending.size();
    pending.clear();
    return {};
  }
};

} // namespace

void append_csv(const batch_view& batch, std::string& out) {
  for (uint32_t row = 0; row < batch.row_count; ++row) {
    for (size_t i = 0; i < batch.columns.size(); ++i) {
      if (i != 0)
        out += ',';
      append_value(out, batch.columns[i], row);
    }
    out += '\n';
  }
}

std::string csv_header(const table_schema& schema) {
  std::string line;
  for (const auto& column : schema.columns)
    line += (line.empty() ? "" : ",") + column.name;
  return line + "\n";
}

error write_generated_csv(persistence::file_system& fs,
                          const generator_options& options,
                          const std::string& trade_path,
                          const std::string& quote_path) {
  auto made = generator::open(options);
  if (!made)
    return made.failure();
  text_file trades;
  text_file quotes;
  if (!trade_path.empty())
    if (auto fault = trades.begin(fs, trade_path, generated_trade_schema()))
      return fault;
  if (!quote_path.empty())
    if (auto fault = quotes.begin(fs, quote_path, generated_quote_schema()))
      return fault;
  while (auto batch = made->next()) {
    auto& into = batch->table == generated_batch::kind::trade ? trades : quotes;
    if (!into.file)
      continue;
    auto view = decode_batch(batch->batch.bytes);
    if (!view)
      return view.failure();
    append_csv(*view, into.pending);
    if (into.pending.size() >= write_bytes)
      if (auto fault = into.flush())
        return fault;
  }
  for (auto* each : {&trades, &quotes})
    if (each->file) {
      if (auto fault = each->flush())
        return fault;
      if (auto fault = each->file->sync())
        return fault;
    }
  return {};
}

} // namespace millrace::feed
