#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/text/time_pattern.hpp>

#include <algorithm>
#include <charconv>

namespace millrace::feed {

namespace {

/// The last component of a path up to its first dot.
std::string_view stem_of(std::string_view path) {
  if (const auto slash = path.rfind('/'); slash != path.npos)
    path.remove_prefix(slash + 1);
  return path.substr(0, path.find('.'));
}

result<std::string> part_of(std::string_view stem, std::string_view number) {
  int wanted = 0;
  const auto parsed
    = std::from_chars(number.data(), number.data() + number.size(), wanted);
  if (parsed.ec != std::errc{} || parsed.ptr != number.data() + number.size())
    return error{errc::invalid_argument,
                 "'{member:" + std::string{number} + "}' needs a whole number"};
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const auto end = stem.find('_', begin);
    parts.push_back(stem.substr(begin, end - begin));
    if (end == stem.npos)
      break;
    begin = end + 1;
  }
  const auto count = static_cast<int>(parts.size());
  const auto index = wanted < 0 ? count + wanted : wanted;
  if (index < 0 || index >= count)
    return error{errc::not_found,
                 "'" + std::string{stem} + "' has " + std::to_string(count)
                   + " parts between '_', no number " + std::to_string(wanted)};
  return std::string{parts[static_cast<size_t>(index)]};
}

result<std::string> value_of(std::string_view name,
                             const template_values& values) {
  const auto member
    = values.member.empty() ? stem_of(values.file) : stem_of(values.member);
  if (name == "symbol") {
    if (values.symbol.empty())
      return error{errc::not_found, "the layout needs a symbol (--symbol)"};
    return values.symbol;
  }
  if (name == "date") {
    if (values.date.empty())
      return error{errc::not_found, "the layout needs a date (--date)"};
    return values.date;
  }
  if (name == "file")
    return std::string{stem_of(values.file)};
  if (name == "member")
    return std::string{member};
  if (name.starts_with("member:"))
    return part_of(member, name.substr(7));
  return error{errc::invalid_argument,
               "unknown placeholder '{" + std::string{name} + "}'"};
}

bool mentions(const layout& from, std::string_view placeholder) {
  return from.date.find(placeholder) != std::string::npos
         || std::any_of(from.constants.begin(), from.constants.end(),
                        [&](const layout_constant& each) {
                          return each.text.find(placeholder)
                                 != std::string::npos;
                        });
}

/// Whether texts of the column may be without a date.
bool may_lack_date(const layout_column& column) {
  if (column.type != column_type::timestamp)
    return false;
  if (column.format == time_format::pattern) {
    const auto pattern = time_pattern::compile(column.pattern);
    return pattern && !pattern->has_date();
  }
  return column.format >= time_format::iso
         && column.format <= time_format::hhmmss_ns && !has_date_field(column);
}

} // namespace

bool has_date_field(const layout_column& column) noexcept {
  return column.type == column_type::timestamp
         && column.format >= time_format::s_of_day
         && column.format <= time_format::hhmmss_ns
         && column.fields.size() + column.headers.size() > 1;
}

bool uses_symbol(const layout& from) { return mentions(from, "{symbol}"); }

bool uses_date(const layout& from) {
  return mentions(from, "{date}")
         || std::any_of(from.columns.begin(), from.columns.end(),
                        may_lack_date);
}

result<std::string> fill_template(std::string_view text,
                                  const template_values& values) {
  std::string out;
  while (!text.empty()) {
    const auto open = text.find('{');
    out += text.substr(0, open);
    if (open == text.npos)
      break;
    const auto close = text.find('}', open);
    if (close == text.npos)
      return error{errc::invalid_argument, "'{' without '}'"};
    auto value = value_of(text.substr(open + 1, close - open - 1), values);
    if (!value)
      return value;
    out += *value;
    text.remove_prefix(close + 1);
  }
  return out;
}

} // namespace millrace::feed
