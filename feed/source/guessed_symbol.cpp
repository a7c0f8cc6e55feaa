#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/guessed_symbol_internal.hpp>
#include <millrace/messages/text/letter_case.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace millrace::feed {

namespace {

bool is_word_of_sides(const std::string& value) {
  constexpr std::array<std::string_view, 14> words{
    "b",    "s",     "buy",   "sell",  "bid",   "ask",    "offer",
    "long", "short", "maker", "taker", "buyer", "seller", "trade"};
  return std::find(words.begin(), words.end(), text::lower_case(value))
         != words.end();
}

/// Not where all are words of sides, or, without a name, letters, as of kinds
/// of messages.
bool may_be_instruments(const layout_head& head, size_t field) {
  return !std::all_of(head.rows.begin(), head.rows.end(), [&](const auto& row) {
    return row[field].empty() || is_word_of_sides(row[field])
           || (!head.header && row[field].size() == 1);
  });
}

/// "'A', 'B', ..."
std::string shown_values(const layout_head& head, size_t field) {
  constexpr size_t shown_max = 3;
  constexpr size_t value_bytes = 20;
  std::set<std::string_view> seen;
  std::string out;
  for (const auto& row : head.rows) {
    if (row[field].empty() || !seen.insert(row[field]).second)
      continue;
    if (seen.size() > shown_max)
      return out + ", ...";
    out
      += (out.empty() ? "'" : ", '") + printable(row[field], value_bytes) + "'";
  }
  return out;
}

} // namespace

guessed_symbol guess_symbol_field(const layout_head& head,
                                  std::vector<guessed_column>& columns) {
  using kind = guessed_column::kind;
  guessed_symbol out;
  auto best = SIZE_MAX;
  bool is_sure = false;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto& column = columns[i];
    // An instrument may be called TRUE.
    if (column.is == kind::boolean && head.header
        && column_name(head.names[i], i).starts_with("sym"))
      column.is = kind::text;
    const bool is_text = column.is == kind::text && column.few_values
                         && !column.empty && may_be_instruments(head, i);
    if (!head.header && is_text && !out.field)
      out.field = i;
    if (!head.header || (column.is != kind::text && column.is != kind::whole))
      continue;
    const auto named = instrument_of(head.names[i]);
    if (named && named->rank < best && (named->sure || is_text)) {
      best = named->rank;
      is_sure = named->sure;
      out.field = i;
    }
  }
  if (!out.field)
    out.question = "no field names the instrument: feed with --symbol SYMBOL";
  else if (!is_sure)
    out.question
      = "is "
        + (head.header ? "'" + head.names[*out.field] + "'"
                       : "field " + std::to_string(*out.field + 1))
        + " (" + shown_values(head, *out.field)
        + ") the instrument? It is taken for that; where it is not, give its "
          "column another name and make sym a [[constant]] with the value "
          "\"{symbol}\", for --symbol";
  return out;
}

} // namespace millrace::feed
