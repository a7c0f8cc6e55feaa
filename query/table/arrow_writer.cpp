#include <millrace/query/table/arrow_columns_internal.hpp>
#include <millrace/query/table/arrow_writer.hpp>

#include <algorithm>
#include <utility>

namespace millrace::query {

namespace {

constexpr size_t batch_rows_max = 65'536;
/// A batch ends where its columns passed this.
constexpr size_t batch_bytes = size_t{32} << 20;
/// How many rows are taken between two looks at the bytes.
constexpr size_t stride_rows = 1'024;
/// A dictionary that has so many entries is not carried into the next batch,
/// which begins a new one: else each batch would bring all before it again.
constexpr uint32_t carried_entries_max = 65'536;

} // namespace

void arrow_writer::begin(const table_data& piece) {
  began_ = true;
  for (const auto& column : piece.columns)
    columns_.push_back({column_writer{column.name, column.type}, {}, 0});
}

error arrow_writer::add(const table_data& piece) {
  if (!began_) {
    begin(piece);
    if (auto fault = sink_(arrow::schema_message(piece.columns)))
      return fault;
  }
  // Names the piece's dictionaries: one that is gone may have lain where this
  // one lies.
  const auto* key = reinterpret_cast<const void*>(++pieces_);
  for (size_t at = 0; at < piece.row_count;) {
    const auto end = std::min({static_cast<size_t>(piece.row_count),
                               at + stride_rows, at + batch_rows_max - rows_});
    size_t bytes = 0;
    for (size_t c = 0; c < columns_.size(); ++c) {
      auto& rows = columns_[c].rows;
      rows.append_range(ref_of(piece.columns[c]), key, at, end);
      bytes += rows.byte_count();
    }
    rows_ += end - at;
    at = end;
    if (rows_ == batch_rows_max || bytes >= batch_bytes)
      if (auto fault = write_batch())
        return fault;
  }
  return {};
}

/// Makes the codes of `column` those of the dictionary that the reader knows.
error arrow_writer::tell_dictionary(size_t number, column_data& column) {
  auto& known = columns_[number];
  auto& dictionary = known.dictionary;
  if (dictionary.size() >= carried_entries_max) {
    dictionary.clear();
    known.told = 0;
  }
  std::vector<uint32_t> codes;
  for (uint32_t own = 0; own < column.dictionary_ends.size(); ++own)
    codes.push_back(dictionary.code(column.entry(own)));
  auto* values = column.as<uint32_t>();
  for (size_t row = 0; row < rows_; ++row)
    values[row] = codes[values[row]];
  if (dictionary.size() == known.told)
    return {};
  known.told = dictionary.size();
  arrow::batch_body body;
  if (auto fault = arrow::append_texts(body, dictionary.ends().data(),
                                       dictionary.size(), dictionary.bytes()))
    return fault;
  if (auto fault = sink_(arrow::dictionary_message(static_cast<int64_t>(number),
                                                   dictionary.size(), body)))
    return fault;
  return sink_(body.bytes);
}

error arrow_writer::write_batch() {
  arrow::batch_body body;
  for (size_t c = 0; c < columns_.size(); ++c) {
    auto column = columns_[c].rows.finish();
    if (!column)
      return column.failure();
    columns_[c].rows = column_writer{column->name, column->type};
    if (column->type == column_type::symbol)
      if (auto fault = tell_dictionary(c, *column))
        return fault;
    if (auto fault = arrow::append_column(body, *column, rows_))
      return fault;
  }
  const auto rows = std::exchange(rows_, 0);
  if (auto fault
      = sink_(arrow::batch_message(static_cast<int64_t>(rows), body)))
    return fault;
  return sink_(body.bytes);
}

error arrow_writer::finish(bool is_whole) {
  if (rows_ != 0)
    if (auto fault = write_batch())
      return fault;
  return sink_(arrow::end_of_stream(is_whole));
}

} // namespace millrace::query
