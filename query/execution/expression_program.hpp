#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/interner.hpp>
#include <millrace/query/execution/filter.hpp>
#include <millrace/query/plan/expression.hpp>
#include <millrace/query/plan/table_day.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What its steps do with a vector is in expression_steps_internal.hpp.

namespace millrace::query {

/// An expression made ready to be computed, vector_rows rows at a time: a
/// list of steps over registers, without a call per row. Owner: one thread.
class expression_program {
public:
  enum class shape : uint8_t { whole, real, text };

  /// One vector of values: whole numbers and times widened, a null is
  /// null_long; floats; or texts, as which guids are compared: 16 bytes, a null
  /// has none.
  struct lane {
    shape kind = shape::whole;
    std::vector<int64_t> ints;
    std::vector<double> floats;
    std::vector<std::string_view> texts;
  };
  struct step {
    using function = void (*)(expression_program&, const step&, uint32_t count);
    function run = nullptr;
    uint32_t out = 0;
    uint32_t a = 0;
    uint32_t b = 0;
    uint32_t c = 0;
    uint32_t set = 0; ///< Number of its list or pattern.
    column_type from = column_type::long_;
    column_type to = column_type::long_;
  };
  /// What `in` and `like` look values up in.
  struct constant_set {
    std::vector<int64_t> ints;  ///< Ascending.
    std::vector<double> floats; ///< Ascending, a null first.
    std::vector<std::string> texts;
    std::shared_ptr<const like_pattern> pattern;
    std::shared_ptr<day_finder> dates; ///< Of `table_date`.
  };

  /// @param what resolved; its columns are among `columns`, by their number
  expression_program(const expression& what,
                     std::span<const column_schema> columns);

  /// Computes rows `base + (rows ? rows[i] : i)` for i < count <= vector_rows.
  /// @param columns as at construction, with the types that they have there;
  ///        one without values is null
  void run(std::span<const column_ref> columns, uint32_t base,
           const uint16_t* rows, uint32_t count);

  /// A whole number that any `run` computed did not fit its type, of ones that
  /// are not infinite: it is an infinity.
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  void note_overflow() noexcept { overflowed_ = true; }
  /// What that is answered with.
  [[nodiscard]] static error overflow_of(const expression& what);

  /// Writes what `run` computed as values of the expression's type: that of
  /// row r goes to place r - origin. Texts become codes of `texts`.
  void store(std::byte* into, uint32_t origin, text::interner& texts) const;

  [[nodiscard]] lane& at(uint32_t number) noexcept { return slots_[number]; }
  [[nodiscard]] const constant_set& set_at(uint32_t number) const noexcept {
    return sets_[number];
  }

private:
  uint32_t compile(const expression& what);
  uint32_t compile_column(const expression& what);
  uint32_t compile_constant(const expression& what);
  uint32_t compile_call(const expression& what);
  uint32_t compile_bounded(const expression& what);
  uint32_t compile_arithmetic(const expression& what);
  uint32_t compile_comparison(const expression& a, const expression& b,
                              scalar_function function);
  uint32_t compile_in(const expression& what);
  uint32_t compile_choice(const expression& what);
  uint32_t compile_single(const expression& what);
  uint32_t compile_cast(const expression& what);
  uint32_t compile_date(const expression& what);
  /// As a value of `to`, by which its slot is widened; texts stay.
  uint32_t as_type(uint32_t from, column_type have, column_type want);
  uint32_t as_ns(uint32_t from, column_type have, bool checked = false);
  uint32_t add_slot(shape kind);
  uint32_t add_step(step what, shape kind);
  /// Beyond the limits of a narrow type lies its infinity: an overflow.
  uint32_t narrowed(uint32_t from, column_type type);

  struct input {
    uint32_t column = 0;
    uint32_t out = 0;
  };

  std::vector<column_schema> columns_;
  std::vector<lane> slots_;
  std::vector<input> inputs_;
  std::vector<step> steps_;
  std::vector<constant_set> sets_;
  uint32_t result_ = 0;
  column_type type_ = column_type::long_;
  uint32_t base_ = 0; ///< Of the last `run`.
  const uint16_t* rows_ = nullptr;
  uint32_t count_ = 0;
  bool overflowed_ = false;
};

[[nodiscard]] constexpr expression_program::shape
shape_of(column_type type) noexcept {
  if (is_text(type) || type == column_type::guid)
    return expression_program::shape::text;
  return is_float(type) ? expression_program::shape::real
                        : expression_program::shape::whole;
}

} // namespace millrace::query
