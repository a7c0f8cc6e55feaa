#include <millrace/nodes/cli/parquet_answer.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

constexpr size_t group_rows_max = 131'072;
constexpr size_t group_bytes = size_t{64} << 20;
/// How many rows are taken between two looks at the bytes.
constexpr size_t stride_rows = 1'024;

/// Rows of a group, as a file of Parquet takes them.
class group_rows final : public persistence::row_reader {
public:
  group_rows(const std::vector<column_schema>& columns,
             std::vector<query::column_data> data)
    : columns_{&columns}, data_{std::move(data)}, symbols_(data_.size()) {
    for (size_t i = 0; i < data_.size(); ++i)
      for (uint32_t code = 0; code < data_[i].dictionary_ends.size(); ++code)
        symbols_[i].push_back(data_[i].entry(code));
  }

  [[nodiscard]] const std::vector<column_schema>&
  columns() const noexcept override {
    return *columns_;
  }
  [[nodiscard]] const std::vector<std::string_view>&
  symbols(size_t column) const noexcept override {
    return symbols_[column];
  }

  error read(size_t column, uint64_t begin, uint64_t count,
             persistence::column_piece& into) override {
    const auto& from = data_[column];
    into.text.clear();
    if (from.type != column_type::string) {
      const auto width = static_cast<ptrdiff_t>(width_of(from.type));
      const auto first
        = from.values.begin() + static_cast<ptrdiff_t>(begin) * width;
      into.values.assign(first, first + static_cast<ptrdiff_t>(count) * width);
      return {};
    }
    into.values.clear();
    for (auto row = begin; row < begin + count; ++row) {
      into.text += from.text(row);
      const uint64_t end = into.text.size();
      const auto* bytes = reinterpret_cast<const std::byte*>(&end);
      into.values.insert(into.values.end(), bytes, bytes + sizeof end);
    }
    return {};
  }

private:
  const std::vector<column_schema>* columns_;
  std::vector<query::column_data> data_;
  std::vector<std::vector<std::string_view>> symbols_;
};

} // namespace

error parquet_answer::output::append(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  return (*to_)({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

error parquet_answer::begin(const query::table_data& piece) {
  for (const auto& column : piece.columns)
    columns_.push_back({column.name, column.type});
  // In no order that is known here.
  file_.emplace(output_, "answer", columns_, std::vector<uint32_t>{});
  open_group();
  return file_->begin();
}

void parquet_answer::open_group() {
  rows_.clear();
  row_count_ = 0;
  for (const auto& column : columns_)
    rows_.emplace_back(column.name, column.type);
}

error parquet_answer::add(const query::table_data& piece) {
  if (!file_)
    if (auto fault = begin(piece))
      return fault;
  if (piece.columns.size() != columns_.size())
    return {errc::malformed_message,
            "the answer's parts have different columns"};
  // Names the piece's dictionaries: one that is gone may have lain where this
  // one lies.
  const auto* key = reinterpret_cast<const void*>(++pieces_);
  for (size_t at = 0; at < piece.row_count;) {
    const auto end
      = std::min({static_cast<size_t>(piece.row_count), at + stride_rows,
                  at + group_rows_max - row_count_});
    size_t bytes = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      rows_[i].append_range(query::ref_of(piece.columns[i]), key, at, end);
      bytes += rows_[i].byte_count();
    }
    row_count_ += end - at;
    at = end;
    if (row_count_ == group_rows_max || bytes >= group_bytes)
      if (auto fault = write_group())
        return fault;
  }
  return {};
}

error parquet_answer::write_group() {
  std::vector<query::column_data> data;
  for (auto& column : rows_) {
    auto done = column.finish();
    if (!done)
      return done.failure();
    data.push_back(*std::move(done));
  }
  group_rows rows{columns_, std::move(data)};
  if (auto fault = file_->add(rows, 0, row_count_))
    return fault;
  open_group();
  return {};
}

error parquet_answer::finish(bool is_whole) {
  if (!file_ || !is_whole)
    return {};
  if (row_count_ != 0)
    if (auto fault = write_group())
      return fault;
  return file_->finish();
}

} // namespace millrace::nodes
