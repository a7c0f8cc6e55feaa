#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/persistence/exchange/parquet_file.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// Writes an answer whose rows come piece by piece as one file of Parquet, in
/// groups of 131,072 rows; a group ends earlier where its columns passed 64
/// MiB. Holds one group. One owner.
class parquet_answer {
public:
  using sink = std::function<error(std::string_view)>;

  /// @param to an error of it ends the writing
  explicit parquet_answer(sink to) : sink_{std::move(to)} {}
  parquet_answer(const parquet_answer&) = delete;
  parquet_answer& operator=(const parquet_answer&) = delete;

  /// Pieces have the same columns; there is one at least.
  [[nodiscard]] error add(const query::table_data& piece);
  /// @param is_whole all rows came; else the file has no end, so that nobody
  ///   takes it for whole
  [[nodiscard]] error finish(bool is_whole);

private:
  class output final : public persistence::byte_sink {
  public:
    explicit output(const sink& to) : to_{&to} {}
    error append(std::span<const std::byte> bytes) override;
    [[nodiscard]] uint64_t size() const noexcept override { return size_; }

  private:
    const sink* to_;
    uint64_t size_ = 0;
  };

  [[nodiscard]] error begin(const query::table_data& piece);
  void open_group();
  [[nodiscard]] error write_group();

  sink sink_;
  output output_{sink_};
  std::optional<persistence::parquet_file> file_;
  std::vector<column_schema> columns_;
  std::vector<query::column_writer> rows_; ///< Of the group.
  size_t row_count_ = 0;
  uintptr_t pieces_ = 0; ///< So far.
};

} // namespace millrace::nodes
