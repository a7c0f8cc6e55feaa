#include <millrace/feed/parse/text_rewrite.hpp>
#include <millrace/feed/text/number_text.hpp>

#include <algorithm>
#include <charconv>
#include <span>
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

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_null(const text_rules& rules, std::string_view field) {
  return field.empty()
         || std::find(rules.null_words.begin(), rules.null_words.end(), field)
              != rules.null_words.end();
}

/// Without the marks of thousands, a point for the mark of decimals. Marks at
/// another place are left, for the reader of the number to refuse.
void append_plain(const text_rules& rules, std::string_view field,
                  std::string& out) {
  std::string kept;
  field = plain_marks(field, rules.thousands, kept);
  const bool marked
    = rules.thousands != '\0' && well_grouped(field, rules.thousands);
  for (const char c : field) {
    if (marked && c == rules.thousands)
      continue;
    // A point is not a number where the comma is the mark.
    const char mark = c == rules.decimal ? '.' : c;
    out += c == '.' && rules.decimal != '.' ? '_'
           : rules.upper && c >= 'a' && c <= 'z'
             ? static_cast<char>(c - 'a' + 'A')
             : mark;
  }
}

constexpr std::string_view blank_forms[]
  = {"\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf"};
constexpr std::string_view apostrophe_forms[] = {"\xe2\x80\x99"};

} // namespace

std::string_view plain_marks(std::string_view text, char thousands,
                             std::string& kept) {
  std::span<const std::string_view> forms;
  if (thousands == ' ')
    forms = blank_forms;
  else if (thousands == '\'')
    forms = apostrophe_forms;
  if (forms.empty() || std::none_of(text.begin(), text.end(), [](char c) {
        return (c & 0x80) != 0;
      }))
    return text;
  kept.clear();
  while (!text.empty()) {
    const auto form = std::find_if(forms.begin(), forms.end(), [&](auto each) {
      return text.starts_with(each);
    });
    kept += form == forms.end() ? text.front() : thousands;
    text.remove_prefix(form == forms.end() ? 1 : form->size());
  }
  return kept;
}

bool well_grouped(std::string_view number, char thousands) noexcept {
  size_t at = number.starts_with('-') || number.starts_with('+') ? 1 : 0;
  const auto digits = [&] {
    const auto begin = at;
    while (at < number.size() && is_digit(number[at]))
      ++at;
    return at - begin;
  };
  const auto first = at;
  const auto leading = digits();
  if (at < number.size() && number[at] == thousands) {
    // "0,125" has a mark of decimals of another country.
    if (leading == 0 || leading > 3 || number[first] == '0')
      return false;
    while (at < number.size() && number[at] == thousands) {
      ++at;
      if (digits() != 3)
        return false;
    }
  }
  return number.find(thousands, at) == number.npos;
}

void append_rewritten(const text_rules& rules, std::string_view field,
                      std::string& out) {
  if (rules.trim)
    field = trimmed(field);
  if (is_null(rules, field))
    return;
  if (!rules.sign.empty()) {
    out += rules.sign[field.starts_with('-') ? 0 : 1];
    return;
  }
  if (rules.abs && field.size() > 1 && field.starts_with('-'))
    field.remove_prefix(1);
  if (rules.hex)
    return append_hex_number(field, out);
  append_plain(rules, field, out);
}

fault judge_sign(const text_rules& rules, std::string_view field) {
  if (rules.trim)
    field = trimmed(field);
  if (is_null(rules, field))
    return fault::none;
  std::string number;
  append_plain(rules, field, number);
  exact_decimal ignored;
  // A number of more digits than are counted has its sign as well.
  return parse_exact(number, ignored) == fault::not_number ? fault::no_sign
                                                           : fault::none;
}

text_rewrite::text_rewrite(text_rules rules, std::vector<uint32_t> fields,
                           uint32_t field_count)
  : rules_{std::move(rules)}, fields_{std::move(fields)},
    field_count_{field_count}, idle_{rules_ == text_rules{}
                                     && fields_.size() == 1} {}

bool text_rewrite::join(const row_slice& rows, uint32_t row) {
  joined_.clear();
  bool any = false;
  for (const auto number : fields_) {
    auto field = rows.field(row, number, number + 1 == field_count_);
    if (rules_.trim)
      field = trimmed(field);
    joined_ += number == fields_.front() ? "" : " ";
    joined_ += field;
    any = any || !field.empty();
  }
  return any;
}

bool text_rewrite::misgrouped(const row_slice& rows, uint32_t row) {
  if (rules_.thousands == '\0' || !join(rows, row))
    return false;
  std::string kept;
  return !well_grouped(plain_marks(rules_.trim ? trimmed(joined_) : joined_,
                                   rules_.thousands, kept),
                       rules_.thousands);
}

fault text_rewrite::judge(const row_slice& rows, uint32_t row) {
  return join(rows, row) ? judge_sign(rules_, joined_) : fault::none;
}

row_slice text_rewrite::apply(const row_slice& rows) {
  text_.clear();
  bounds_.resize(rows.count + size_t{1});
  first_.resize(rows.count);
  bounds_[0] = UINT32_MAX;
  for (uint32_t row = 0; row < rows.count; ++row) {
    if (join(rows, row))
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
