#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/row_slice.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// With the forms of a mark of thousands that other alphabets have as the mark
/// itself: narrow and unbreakable blanks (U+00A0, U+2009, U+202F) as a blank,
/// the apostrophe of print (U+2019) as one. @param kept holds what is returned
[[nodiscard]] std::string_view plain_marks(std::string_view text,
                                           char thousands, std::string& kept);

/// Whether all marks of thousands stand before groups of three digits: not in
/// "1,5", ",1", "0,125" and "1,2345".
[[nodiscard]] bool well_grouped(std::string_view number,
                                char thousands) noexcept;

/// Whether a field has a sign to tell: `no_sign` when it is not a number.
[[nodiscard]] fault judge_sign(const text_rules& rules, std::string_view field);

/// Appends a field as its reader is to see it: null words become empty, marks
/// of thousands vanish, and so on.
void append_rewritten(const text_rules& rules, std::string_view field,
                      std::string& out);

/// One column's fields of many rows, joined and rewritten: rows of one field
/// each, for readers that know neither. Owner: one thread.
class text_rewrite {
public:
  /// @param fields from 0; several are joined with blanks between them
  text_rewrite(text_rules rules, std::vector<uint32_t> fields,
               uint32_t field_count);

  /// Whether the fields may be read as they stand.
  [[nodiscard]] bool idle() const noexcept { return idle_; }

  /// Whether fields are refused before they are rewritten: see `judge`.
  [[nodiscard]] bool judges() const noexcept { return !rules_.sign.empty(); }
  /// @pre judges()
  [[nodiscard]] fault judge(const row_slice& rows, uint32_t row);
  /// Whether a number of the row has its marks of thousands at wrong places.
  [[nodiscard]] bool misgrouped(const row_slice& rows, uint32_t row);

  /// Valid until the next call.
  [[nodiscard]] row_slice apply(const row_slice& rows);

private:
  /// @returns false: all fields are empty.
  bool join(const row_slice& rows, uint32_t row);

  text_rules rules_;
  std::vector<uint32_t> fields_;
  uint32_t field_count_;
  bool idle_;
  std::string joined_;
  std::string text_;
  std::vector<uint32_t> bounds_;
  std::vector<uint32_t> first_;
};

} // namespace millrace::feed
