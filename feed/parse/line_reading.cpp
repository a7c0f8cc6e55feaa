#include <millrace/feed/parse/line_reading.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/text/text_digest.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace millrace::feed {

namespace {

std::string hash_digits(uint32_t hash) {
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", hash);
  return digits;
}

template <class Number>
bool read_all(std::string_view text, Number& out, int base) {
  const auto* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out, base);
  return !text.empty() && read.ec == std::errc{} && read.ptr == end;
}

bool read_hash(std::string_view text, std::optional<uint32_t>& out) {
  return text.size() == 8 && read_all(text, out.emplace(), 16);
}

/// Blanks part what is said.
std::string word_text(std::string_view word) {
  std::string out;
  for (const char c : printable(word, word.size()))
    if (c == ' ')
      out += "\\x20";
    else
      out += c;
  return out;
}

/// "<source>:<begin>:<text>"
bool read_mark(std::string_view text, feeding_mark& out) {
  const auto first = text.find(':');
  const auto second
    = first == text.npos ? text.npos : text.find(':', first + 1);
  return first == 16 && second != text.npos
         && read_all(text.substr(0, first), out.source, 16)
         && read_all(text.substr(first + 1, second - first - 1), out.begin, 10)
         && read_all(text.substr(second + 1), out.text, 16);
}

bool take_word(std::string_view key, std::string_view value, line_place& out,
               line_reading& reading, feeding_mark& mark) {
  if (key == "table")
    reading.table = unprintable(value);
  else if (key == "symbol")
    reading.symbol = unprintable(value);
  else if (key == "header")
    return read_hash(value, reading.header);
  else if (key == "line")
    return read_hash(value, out.hash);
  else if (key == "end") {
    out.is_open = value == "open";
    return out.is_open;
  } else if (key == "feed")
    mark.feed = unprintable(value);
  else if (key == "reading" || key == "refused") {
    mark.refused = key == "refused";
    return read_mark(value, mark);
  } else if (key == "date") {
    const auto day = text::parse_date(value);
    if (day)
      reading.date = *day;
    return static_cast<bool>(day);
  } else {
    return false;
  }
  return true;
}

} // namespace

bool covers(const line_reading& now, const line_reading& then) {
  return now.table == then.table && (!then.date || then.date == now.date)
         && (then.symbol.empty() || then.symbol == now.symbol);
}

std::string to_text(const line_place& place) {
  auto out = std::to_string(place.offset);
  if (const auto& reading = place.reading) {
    out += " table=" + word_text(reading->table);
    if (reading->date)
      out += " date=" + text::date_text(*reading->date);
    if (!reading->symbol.empty())
      out += " symbol=" + word_text(reading->symbol);
    if (reading->header)
      out += " header=" + hash_digits(*reading->header);
  }
  if (place.hash)
    out += " line=" + hash_digits(*place.hash);
  if (place.is_open)
    out += " end=open";
  if (const auto& mark = place.mark) {
    char source[17];
    std::snprintf(source, sizeof source, "%016llx",
                  static_cast<unsigned long long>(mark->source));
    out += " feed=" + word_text(mark->feed)
           + (mark->refused ? " refused=" : " reading=") + source + ":"
           + std::to_string(mark->begin) + ":" + hash_digits(mark->text);
  }
  return out;
}

std::optional<line_place> parse_line_place(std::string_view text) {
  line_place out;
  auto end = std::min(text.find(' '), text.size());
  if (!read_all(text.substr(0, end), out.offset, 10))
    return std::nullopt;
  line_reading reading;
  feeding_mark fed;
  while (end < text.size()) {
    const auto begin = end + 1;
    end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    const auto mark = word.find('=');
    if (mark == word.npos
        || !take_word(word.substr(0, mark), word.substr(mark + 1), out, reading,
                      fed))
      return std::nullopt;
  }
  if (!reading.table.empty())
    out.reading = std::move(reading);
  else if (reading != line_reading{})
    return std::nullopt;
  if (fed.source != 0)
    out.mark = std::move(fed);
  return out;
}

uint64_t hash_of_source(std::string_view name) {
  text_digest digest;
  digest.add(name);
  return digest.value();
}

uint32_t line_hash(std::string_view text) {
  auto line = text.substr(0, text.find('\n'));
  while (line.ends_with('\r'))
    line.remove_suffix(1);
  text_digest digest;
  digest.add(line.substr(0, shown_bytes_max));
  return static_cast<uint32_t>(digest.value());
}

} // namespace millrace::feed
