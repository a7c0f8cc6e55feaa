#include <millrace/feed/parse/text_rewrite.hpp>
#include <millrace/feed/text/number_text.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace millrace::feed {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// The number in decimal digits; what is not a hexadecimal number stays as it
/// is, and is refused by its reader.
void append_hex_number(std::string_view text, std::string& out) {
  auto digits = text;
  const bool negative = digits.starts_with('-');
  if (negative)
    digits.remove_prefix(1);
  if (digits.starts_with("0x") || digits.starts_with("0X"))
    digits.remove_prefix(2);
  uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value, 16);
  if (read.ec != std::errc{} || read.ptr != end)
    out += read.ec == std::errc::result_out_of_range
             ? std::string_view{"99999999999999999999"}
             : std::string_view{"0x"};
  else
    out += (negative ? "-" : "") + std::to_string(value);
}

} // namespace

void append_rewritten(const text_rules& rules, std::string_view field,
                      std::string& out) {
  if (rules.trim)
    field = trimmed(field);
  if (field.empty()
      || std::find(rules.null_words.begin(), rules.null_words.end(), field)
           != rules.null_words.end())
    return;
  if (!rules.sign.empty()) {
    out += rules.sign[field.starts_with('-') ? 0 : 1];
    return;
  }
  if (rules.abs && field.size() > 1 && field.starts_with('-'))
    field.remove_prefix(1);
  if (rules.hex)
    return append_hex_number(field, out);
  for (const char c : field) {
    if (c == rules.thousands && c != '\0')
      continue;
    // A point is not a number where the comma is the mark.
    const char mark = c == rules.decimal ? '.' : c;
    out += c == '.' && rules.decimal != '.' ? '_'
           : rules.upper && c >= 'a' && c <= 'z'
             ? static_cast<char>(c - 'a' + 'A')
             : mark;
  }
}

text_rewrite::text_rewrite(text_rules rules, std::vector<uint32_t> fields,
                           uint32_t field_count)
  : rules_{std::move(rules)}, fields_{std::move(fields)},
    field_count_{field_count}, idle_{rules_ == text_rules{}
                                     && fields_.size() == 1} {}

row_slice text_rewrite::apply(const row_slice& rows) {
  text_.clear();
  bounds_.resize(rows.count + size_t{1});
  first_.resize(rows.count);
  bounds_[0] = UINT32_MAX;
  for (uint32_t row = 0; row < rows.count; ++row) {
    joined_.clear();
    bool empty = true;
    for (const auto number : fields_) {
      const auto field = rows.field(row, number, number + 1 == field_count_);
      joined_ += number == fields_.front() ? "" : " ";
      joined_ += field;
      empty = empty && field.empty();
    }
    if (!empty)
      append_rewritten(rules_, joined_, text_);
    first_[row] = row;
    bounds_[row + 1] = static_cast<uint32_t>(text_.size());
    text_ += '\n';
  }
  text_.append(text_slack, '\n');
  return {text_.data(), bounds_.data(), first_.data(), bounds_.data() + 1,
          rows.count};
}

} // namespace millrace::feed
