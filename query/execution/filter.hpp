#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/execution/like.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace millrace::query {

/// Rows of a vector: what filters and group keys work on at a time.
inline constexpr uint32_t vector_rows = 1024;

/// A predicate made ready for one column of one part: constants in the
/// column's own form, symbols as codes. Immutable once bound; thread safe.
class bound_filter {
public:
  /// `column`: number among the plan's columns; `native`: the type there.
  bound_filter(const predicate& spec, uint32_t column, column_type native,
               const persistence::symbol_dictionary* dictionary);

  [[nodiscard]] uint32_t column() const noexcept { return column_; }

  /// Clears mask[i] where row `base + (rows ? rows[i] : i)` does not pass.
  /// `column.values` may be null: then every value is.
  void apply(const column_ref& column, uint32_t base, const uint16_t* rows,
             uint32_t count, uint8_t* mask) const;

  /// The same of rows [base, base + count), as bits. @returns false when it
  /// is no plain range of values that are there: nothing is changed.
  [[nodiscard]] bool apply_bits(const column_ref& column, uint32_t base,
                                uint32_t count, uint64_t* bits) const;

  /// Whether a code passes; for filters on symbols.
  [[nodiscard]] bool passes_code(uint32_t code) const noexcept;
  /// The codes that can pass, ascending, when they are few; else nullptr.
  [[nodiscard]] const std::vector<uint32_t>* few_codes() const noexcept {
    return kind_ == kind::codes && !negated_ ? &codes_ : nullptr;
  }
  /// True when no row with these values can pass.
  [[nodiscard]] bool excludes(const persistence::zone_map& zone) const noexcept;
  /// True when every row with these values passes.
  [[nodiscard]] bool includes(const persistence::zone_map& zone) const noexcept;
  /// True for a plain range of integers [low(), high()] (null_long: nulls too).
  [[nodiscard]] bool is_range() const noexcept {
    return kind_ == kind::integers && !negated_;
  }
  [[nodiscard]] int64_t low() const noexcept { return low_; }
  [[nodiscard]] int64_t high() const noexcept { return high_; }

private:
  enum class kind : uint8_t {
    integers,    ///< low_ <= x <= high_ in widened order, nulls lowest.
    integer_set, ///< x in set_.
    floats,      ///< low_float_ <= x <= high_float_, or null if nulls_.
    float_set,   ///< x in float_set_, or null if nulls_.
    codes,       ///< code in codes_ (few).
    code_flags,  ///< code_flags_[code].
    texts,       ///< a string column: compare each row's text.
    guids,       ///< 16 bytes in texts_.
  };

  void bind_integers(const predicate& spec, column_type native);
  void bind_floats(const predicate& spec, column_type native);
  void bind_symbols(const predicate& spec,
                    const persistence::symbol_dictionary* dictionary);
  [[nodiscard]] bool passes_text(std::string_view text) const;
  [[nodiscard]] bool passes_null() const noexcept;
  template <class Pass>
  void clear_rows(uint32_t base, const uint16_t* rows, uint32_t count,
                  uint8_t* mask, Pass pass) const;
  /// The range [first, second] in a column's own type, where null is smallest,
  /// too; first > second: it is empty.
  template <class Raw>
  [[nodiscard]] std::pair<Raw, Raw> range_of() const noexcept;
  void apply_integers(const column_ref& column, uint32_t base,
                      const uint16_t* rows, uint32_t count,
                      uint8_t* mask) const;
  void apply_floats(const column_ref& column, uint32_t base,
                    const uint16_t* rows, uint32_t count, uint8_t* mask) const;
  /// `like` of a word, over all the texts at once. @returns false when they do
  /// not lie one after the other.
  [[nodiscard]] bool seek_texts(const column_ref& column, uint32_t base,
                                uint32_t count, uint8_t* mask) const;
  void apply_codes(const column_ref& column, uint32_t base,
                   const uint16_t* rows, uint32_t count, uint8_t* mask) const;

  kind kind_ = kind::integers;
  predicate_op op_ = predicate_op::equal;
  column_type type_ = column_type::long_;
  bool negated_ = false;
  bool nulls_ = false;
  uint32_t column_ = 0;
  int64_t low_ = 0;
  int64_t high_ = 0;
  double low_float_ = 0;
  double high_float_ = 0;
  std::vector<int64_t> set_;      ///< Ascending.
  std::vector<double> float_set_; ///< Ascending, without NaN.
  std::vector<uint32_t> codes_;   ///< Ascending.
  std::vector<uint8_t> code_flags_;
  std::vector<std::string> texts_; ///< Of `in` on strings and guids: ascending.
  std::shared_ptr<const like_pattern> like_;
};

/// Turns the first `count` bits into the offsets of ones. @returns how many.
[[nodiscard]] uint32_t select_bits(const uint64_t* bits, uint32_t count,
                                   uint16_t* offsets) noexcept;

/// Turns a mask of `count` bytes (0 or 1) into the offsets of its ones.
/// @returns how many.
[[nodiscard]] uint32_t select(const uint8_t* mask, uint32_t count,
                              uint16_t* offsets) noexcept;

} // namespace millrace::query
