#include <millrace/feed/parse/reject.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/hex_text.hpp>

#include <algorithm>

namespace millrace::feed {

namespace {

/// Field `wanted` of a line, as it stands there.
std::string_view field_of(std::string_view line, uint32_t wanted,
                          char delimiter, bool quote) {
  std::string ignored;
  size_t begin = 0;
  for (uint32_t field = 0;; ++field) {
    auto end = begin;
    if (quote)
      // Such a line was split before: none of its fields is at fault here.
      static_cast<void>(text::take_csv_field(line, delimiter, end, ignored));
    else
      end = std::min(line.find(delimiter, begin), line.size());
    if (field == wanted)
      return line.substr(begin, end - begin);
    if (end == line.size())
      return {};
    begin = end + 1;
  }
}

} // namespace

std::string_view to_string(fault why) noexcept {
  switch (why) {
    case fault::none:
      return "is good";
    case fault::field_count:
      return "has another number of fields";
    case fault::too_long:
      return "is too long";
    case fault::nul_byte:
      return "holds a NUL byte";
    case fault::not_utf8:
      return "is not UTF-8";
    case fault::open_quote:
      return "has a quote that does not end";
    case fault::not_json:
      return "is not JSON";
    case fault::repeated_key:
      return "stands twice in the line: which is meant?";
    case fault::not_list:
      return "has no list where `each` says";
    case fault::list_of_rows:
      return "is a list of JSON, and the layout takes keys: `jq -c '.[]'` "
             "makes a line of each of its elements";
    case fault::after_quote:
      return "has text after a closing quote";
    case fault::not_number:
      return "is not a number";
    case fault::misgrouped:
      return "has a mark of thousands elsewhere than before three digits";
    case fault::no_sign:
      return "is not a number, so that it has no sign";
    case fault::not_whole:
      return "is not a whole number";
    case fault::overflow:
      return "does not fit the column's type";
    case fault::not_boolean:
      return "is not a boolean (0, 1, true, false)";
    case fault::not_char:
      return "is more than one character";
    case fault::not_guid:
      return "is not a guid";
    case fault::not_time:
      return "is not a time of the layout's format";
    case fault::no_date:
      return "is a time of day, and no date is known: give --date";
    case fault::own_date:
      return "has a date of its own: leave out --date";
    case fault::too_fine:
      return "is finer than what the column's type counts";
    case fault::ambiguous:
      return "has as many digits as a time of another unit: see `format`";
    case fault::no_such_time:
      return "is a time that the zone's clock skipped";
    case fault::no_such_date:
      return "is not a date of the calendar";
    case fault::missing:
      return "is empty, and the table needs it";
  }
  return "unknown";
}

std::string printable(std::string_view text, size_t bytes_max) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == bytes_max) {
      out += "...";
      break;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out += text[i];
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += "\\x";
      text::append_hex(out, static_cast<std::byte>(c));
    }
  }
  return out;
}

std::string unprintable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto rest = text.substr(at);
    const auto hex = rest.starts_with("\\x")
                       ? text::parse_hex(rest.substr(2, 2))
                       : std::nullopt;
    if (rest.starts_with("\\\\")) {
      out += '\\';
      ++at;
    } else if (hex && hex->size() == 1) {
      out += *hex;
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string explain(const binding& fitted, const raw_reject& what,
                    std::string_view text, uint64_t line_bytes_max) {
  switch (what.why) {
    case fault::field_count:
      return "the line has " + std::to_string(what.detail)
             + (what.detail == 1 ? " field, " : " fields, ")
             + std::to_string(fitted.field_count) + " are expected";
    case fault::too_long:
      return "the line has " + std::to_string(what.length) + " bytes, at most "
             + std::to_string(line_bytes_max) + " are taken";
    case fault::nul_byte:
    case fault::not_utf8:
    case fault::open_quote:
    case fault::not_json:
    case fault::not_list:
    case fault::list_of_rows:
    case fault::after_quote:
      return "the line " + std::string{to_string(what.why)};
    case fault::repeated_key:
      if (what.detail >= fitted.json.paths.size())
        return "the line has a key of each = or only = twice";
      break;
    default:
      break;
  }
  std::string column = "field " + std::to_string(what.detail + 1);
  std::string type;
  std::vector<uint32_t> places{what.detail};
  for (const auto& field : fitted.fields)
    if (std::find(field.fields.begin(), field.fields.end(), what.detail)
        != field.fields.end()) {
      const auto& found = fitted.schema.columns[field.column];
      column = "column '" + found.name + "'";
      type = to_string(found.type);
      places = field.fields;
      break;
    }
  if (fitted.json.on()) {
    if (what.why == fault::repeated_key)
      places = {what.detail};
    std::string paths;
    for (const auto place : places)
      paths += (paths.empty() ? "" : " and ") + fitted.json.paths.at(place);
    return column + ": " + paths + " " + std::string{to_string(what.why)}
           + (type.empty() || what.why == fault::repeated_key
                ? ""
                : " (" + type + ")");
  }
  std::string value;
  for (const auto place : places)
    value
      += (place == places.front() ? "" : " ")
         + std::string{field_of(text, place, fitted.delimiter, fitted.quote)};
  return column + ": '" + printable(value, 64) + "' "
         + std::string{to_string(what.why)}
         + (type.empty() ? "" : " (" + type + ")");
}

} // namespace millrace::feed
