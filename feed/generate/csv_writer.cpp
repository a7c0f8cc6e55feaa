#include <millrace/feed/generate/generator.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/hex_text.hpp>

#include <charconv>
#include <cmath>

namespace millrace::feed {

namespace {

constexpr size_t write_bytes = 1u << 20;

template <class T>
void append_number(std::string& out, T value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

template <class T>
void append_whole(std::string& out, T value) {
  if (value != std::numeric_limits<T>::min())
    append_number(out, value);
}

void append_of_day(std::string& out, const batch_column& column, uint32_t row) {
  if (column.type == column_type::timespan) {
    const auto ns = column.as<int64_t>()[row];
    if (ns >= 0 && ns < text::day_ns)
      text::append_clock(out, ns);
    return;
  }
  const auto value = column.as<int32_t>()[row];
  const auto unit = column.type == column_type::time     ? 1'000'000
                    : column.type == column_type::second ? 1'000'000'000
                                                         : 60'000'000'000;
  if (value >= 0)
    text::append_clock(out, value * unit);
}

void append_value(std::string& out, const batch_column& column, uint32_t row) {
  switch (column.type) {
    case column_type::boolean:
    case column_type::byte_:
      return append_number(out, unsigned{column.as<uint8_t>()[row]});
    case column_type::char_:
      if (const auto c = column.as<char>()[row]; c != ' ')
        out += c;
      return;
    case column_type::short_:
      return append_whole(out, column.as<int16_t>()[row]);
    case column_type::int_:
      return append_whole(out, column.as<int32_t>()[row]);
    case column_type::long_:
      return append_whole(out, column.as<int64_t>()[row]);
    case column_type::real:
      if (const auto x = column.as<float>()[row]; !std::isnan(x))
        append_number(out, x);
      return;
    case column_type::float_:
      if (const auto x = column.as<double>()[row]; !std::isnan(x))
        append_number(out, x);
      return;
    case column_type::symbol:
    case column_type::string:
      return text::append_csv_field(out, column.text(row));
    case column_type::timestamp:
      if (const auto time = column.as<int64_t>()[row]; time != null_long)
        text::append_time(out, time, ' ');
      return;
    case column_type::date:
      if (const auto day = column.as<int32_t>()[row]; day != null_int)
        text::append_date(out, day);
      return;
    case column_type::month:
      if (const auto month = column.as<int32_t>()[row]; month != null_int)
        text::append_month(out, month);
      return;
    case column_type::guid:
      return text::append_guid(out, column.values + size_t{row} * 16);
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
  for (const auto& column : schema.columns) {
    line += line.empty() ? "" : ",";
    text::append_csv_field(line, column.name);
  }
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
