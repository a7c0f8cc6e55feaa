#pragma once

#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/interruption.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::query {

/// What an order looks at of one row, term by term. Its keys are of rows of all
/// parts: two rows never have the same.
struct order_place {
  std::vector<uint64_t> words;    ///< 0 where the term is a text's.
  std::vector<std::string> texts; ///< Empty where it is not.
};

/// The order by which a plan with an ordering and a limit chooses its rows: the
/// plan's terms, and then those that break ties. Of the last rows (a limit
/// below 0) it is the reverse. Owner: one thread.
class row_order {
public:
  /// @pre shape.keeps_top()
  explicit row_order(const plan_shape& shape);

  /// Rows are those of a segment until the next call: `segment.columns` are the
  /// plan's. They are looked at anew each time: those of computed columns move
  /// as texts are added to them. `segment` outlives that.
  void look_at(const segment_context& segment);
  /// Rows are those of a table as `top_keeper::finish` gives it.
  void look_at(const table_data& table);

  /// Whether a comes before b.
  [[nodiscard]] bool before(const order_place& a, const order_place& b) const;
  [[nodiscard]] order_place place_of(uint32_t row) const;
  /// Appends those of rows `base + (rows ? rows[i] : i)`, i < count <=
  /// vector_rows, that are no later than `bound`, or all without one.
  void pick(uint32_t base, const uint16_t* rows, uint32_t count,
            const order_place* bound, std::vector<uint32_t>& to);
  /// Leaves of `rows` those before `bound`, and the row at it.
  void drop_beyond(const order_place& bound, std::vector<uint32_t>& rows);
  /// Leaves the first `wanted` of `rows`, in any order.
  void keep_first(size_t wanted, std::vector<uint32_t>& rows);
  /// The last of them in the order. @pre !rows.empty()
  [[nodiscard]] uint32_t last_of(std::span<const uint32_t> rows) const;

private:
  /// Offsets of rows [base, base + count) that the first term does not put
  /// beyond `bound`. None when it is none of floats that are there.
  [[nodiscard]] std::optional<uint32_t> near(uint32_t base, uint32_t count,
                                             const order_place& bound,
                                             uint16_t* offsets) const;

  enum class origin : uint8_t { column, part, stream };
  struct term {
    origin from = origin::column;
    uint32_t plan_column = 0;
    uint32_t table_column = 0;
    bool descending = false;
    bool is_text = false; ///< Compared byte by byte; guids are, too.
    column_ref of_table;  ///< Without a segment.
  };

  [[nodiscard]] const column_ref& column_of(const term& by) const noexcept {
    return segment_ ? segment_->columns[by.plan_column] : by.of_table;
  }
  void words_of(const term& by, std::span<const uint32_t> rows,
                uint64_t* words) const;
  [[nodiscard]] std::string_view text_of(const term& by, uint32_t row) const;
  /// Below 0, 0, above 0: row's place by the terms from `first` on.
  [[nodiscard]] int compare(uint32_t row, const order_place& bound,
                            size_t first) const;
  /// Puts the rows whose key is below that of the one at place `wanted` first,
  /// then those with its key. @returns how many each are
  [[nodiscard]] std::pair<size_t, size_t>
  split_at(const term& by, std::span<uint32_t> rows, size_t wanted);

  std::vector<term> terms_;
  const segment_context* segment_ = nullptr; ///< Or a table.
  std::vector<uint64_t> words_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> equal_;
  std::vector<std::string_view> texts_;
};

/// The place beyond which no row can come into the result: as many rows as are
/// asked for do not pass it. Any thread.
class top_bound {
public:
  /// nullptr: there is none yet.
  [[nodiscard]] std::shared_ptr<const order_place> get() const {
    const std::lock_guard lock{mutex_};
    return place_;
  }
  void lower(const row_order& order, order_place to);

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const order_place> place_;
};

/// Holds what an ordering with a limit leaves of the rows that it is given:
/// half as many again as are asked for, and some, whatever their number. Any
/// thread; one that brings more than that waits for the one that drops some.
class top_keeper {
public:
  /// @pre shape.keeps_top(); all outlive this
  top_keeper(const plan_shape& shape, top_bound& bound, memory_account* memory)
    : shape_{shape}, bound_{bound}, room_{memory} {}

  /// Rows of one part, laid out as shape.partial_columns(), in any order.
  /// `limit_exceeded` when there is no memory for them, or text takes more than
  /// a column can have, `cancelled` or `timeout`.
  /// @param room what is taken for them, to be given back
  [[nodiscard]] error add(uint64_t part_order, table_data rows,
                          held_memory room, const interruption& stop);
  [[nodiscard]] uint64_t byte_count() const;
  /// The rows in the plan's order, with all their columns and after these the
  /// place of their part.
  [[nodiscard]] result<table_data> finish(const interruption& stop) {
    return finish(shape_.partial_columns().size() + 1, 0, stop);
  }
  /// The first `columns` of these columns, of the rows after the first `skip`.
  [[nodiscard]] result<table_data> finish(size_t columns, uint64_t skip,
                                          const interruption& stop);

private:
  [[nodiscard]] bool is_full() const;
  /// Of the pieces' rows those that are asked for, in no order.
  [[nodiscard]] result<table_data> fold(std::vector<table_data> pieces,
                                        const interruption& stop);

  const plan_shape& shape_;
  top_bound& bound_;
  std::mutex fold_mutex_;    ///< Of the one that folds.
  mutable std::mutex mutex_; ///< Guards the members below.
  std::vector<table_data> pieces_;
  held_memory room_; ///< For the pieces.
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

/// Tables of the same columns, one after the other: column by column, so that
/// no more than one is held twice. @pre there is one
[[nodiscard]] result<table_data> joined(std::vector<table_data> pieces);

/// Rows of a table that is not needed any more, as take_rows has them: column
/// by column, so that no more than one is held beside what is made.
[[nodiscard]] result<table_data> moved_rows(table_data table,
                                            std::span<const uint32_t> rows,
                                            size_t columns,
                                            const interruption& stop);

} // namespace millrace::query
