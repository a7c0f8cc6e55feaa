#pragma once

#include <millrace/nodes/servers/postgres/catalogue_sql.hpp>

#include <optional>
#include <span>
#include <utility>
#include <vector>

// SELECT is written in catalogue_sql.cpp, expressions in
// catalogue_expressions.cpp, in catalogue_casts.cpp casts and what makes values
// alike, in catalogue_times.cpp what is computed of times.

namespace millrace::nodes::postgres {

/// Writes one tree; afterwards it knows what was named. Faults are kept: what
/// is written then is of no use.
class catalogue_writer {
public:
  using node = text::json_value;
  struct expression {
    std::string sql;
    std::optional<column_type> type;
  };
  /// A SELECT, and the types of what it puts out, up to the first star.
  struct selection {
    std::string sql;
    std::vector<std::optional<column_type>> types;
    std::vector<std::optional<column_type>> last_types;
  };

  /// @param common names of WITH, wherever they are
  /// @pre the others outlive it
  catalogue_writer(const known_columns& known,
                   const query::sql::rewritten_query& text,
                   std::set<std::string> common)
    : known_{known}, text_{text}, common_{std::move(common)} {}

  /// @param select the fields of a SelectStmt
  [[nodiscard]] selection select(const node& select);
  [[nodiscard]] const error& fault() const noexcept { return fault_; }
  /// The relations with the columns that are to be there.
  [[nodiscard]] std::map<std::string, std::set<std::string>> needed() const;

private:
  struct column_use {
    std::string of; ///< An alias; empty: any.
    std::string name;
  };

  [[nodiscard]] selection simple_select(const node& select);
  [[nodiscard]] std::string arm(const node& select, selection& types);
  [[nodiscard]] std::string with(const node& clause);
  [[nodiscard]] std::string values(const node& lists);
  [[nodiscard]] std::string order(const node& clause);
  [[nodiscard]] std::string from(const node& item);
  [[nodiscard]] std::string relation(const node& range);
  [[nodiscard]] std::string joined(const node& join);
  [[nodiscard]] std::string selected(const node& range);
  [[nodiscard]] std::string returned(const node& range);

  [[nodiscard]] expression write(const node& what);
  [[nodiscard]] expression condition(const std::string& kind, const node& of);
  [[nodiscard]] expression constant(const node& what);
  [[nodiscard]] expression column(const node& what);
  [[nodiscard]] expression call(const node& what);
  [[nodiscard]] std::string window(const node& over);
  [[nodiscard]] expression cast(const node& what);
  [[nodiscard]] expression cast_to(const std::string& type, expression of,
                                   const std::string* text);
  [[nodiscard]] expression cast_to_span(const std::string& type, expression of,
                                        const std::string* text);
  [[nodiscard]] expression narrowed(const std::string& type, expression of,
                                    const node::list& numbers);
  [[nodiscard]] expression time_of(const std::string& text, column_type type);
  [[nodiscard]] expression as_text(expression of);
  /// A date as the time at which it begins; others as they are.
  [[nodiscard]] expression as_time(expression of);
  /// What an operator works with, and where it was read.
  struct operand {
    expression made;
    const node* of;
  };
  [[nodiscard]] operand read(const node& what);
  /// Makes values of one type of them, as PostgreSQL does before it compares
  /// or chooses: constants in quotes take the type of the others, dates become
  /// times. @returns the type; none: it is not known
  std::optional<column_type> make_alike(std::span<operand> all);
  [[nodiscard]] expression compared(const node& what);
  [[nodiscard]] expression compared_with_several(const std::string& kind,
                                                 const std::string& sign,
                                                 const node& what);
  [[nodiscard]] expression calculated(const std::string& sign, operand left,
                                      operand right);
  /// Of times, dates and intervals; none: the sign is not there between these.
  [[nodiscard]] std::optional<expression>
  calculated_time(const std::string& sign, const operand& left,
                  const operand& right);
  /// Of a time and a constant interval that has months, which is no span of one
  /// length; none: it is something else.
  [[nodiscard]] std::optional<expression>
  shifted_by_months(const std::string& sign, const node& left,
                    const node& right);
  /// extract, date_part, date_trunc, to_timestamp; none: it is another one.
  [[nodiscard]] std::optional<expression> call_of_time(const std::string& name,
                                                       const node& arguments);
  [[nodiscard]] expression signed_value(const std::string& sign,
                                        const node& what);
  [[nodiscard]] expression one_of(const char* function, const node& items);
  [[nodiscard]] expression combined(const std::string& sign, const node& what);
  [[nodiscard]] expression pattern(const std::string& sign,
                                   const std::string& left, const node& right);
  [[nodiscard]] expression any_of(const node& what, bool is_all);
  [[nodiscard]] expression sub_link(const node& what);
  [[nodiscard]] expression choice(const node& what);
  [[nodiscard]] expression indirection(const node& what);
  [[nodiscard]] expression list(const node& items);
  /// 1 or 0 for 't', 'FALSE' and such.
  [[nodiscard]] std::string truth_of(const std::string& text);
  /// Those of ARRAY[...] and of '{...}'; none: it is another expression.
  [[nodiscard]] std::optional<std::vector<std::string>>
  elements_of(const node& array);

  expression refuse(std::string what);

  const known_columns& known_;
  const query::sql::rewritten_query& text_;
  const std::set<std::string> common_;
  error fault_;
  std::set<std::string> aliases_; ///< Of what is put out anywhere.
  std::vector<std::pair<std::string, std::string>> relations_; ///< With alias.
  std::vector<column_use> columns_;
  std::vector<std::string> stars_; ///< Aliases; empty: all.
};

/// "x" for a name, 'x' for a text.
[[nodiscard]] std::string quoted_name(std::string_view name);
[[nodiscard]] std::string quoted_text(std::string_view text);
/// The text of {"String": {"sval": "a"}}.
[[nodiscard]] const std::string& string_in(const text::json_value& node);
/// The text of [{"String": {"sval": "a"}}, ...] at its end.
[[nodiscard]] const std::string& last_name(const text::json_value& names);
/// Whether a text is a whole number.
[[nodiscard]] bool is_number_text(std::string_view text);
/// The text of a constant, also below a cast; null: it is no text.
[[nodiscard]] const std::string* text_in(const text::json_value& what);
/// What a column is called that has no name of its own.
[[nodiscard]] std::string name_of_output(const text::json_value& what);

} // namespace millrace::nodes::postgres
