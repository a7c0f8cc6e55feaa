#include <millrace/messages/text/csv_text.hpp>

namespace millrace::text {

void append_csv_field(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += field;
    return;
  }
  out.push_back('"');
  for (const char c : field) {
    if (c == '"')
      out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

size_t find_record_end(std::string_view text, size_t begin,
                       char delimiter) noexcept {
  const char marks[] = {delimiter, '\n'};
  for (auto at = begin;; ++at) {
    if (at < text.size() && text[at] == '"') {
      for (++at;; at += 2) {
        at = text.find('"', at);
        if (at == text.npos)
          return text.npos;
        if (at + 1 == text.size() || text[at + 1] != '"')
          break;
      }
    }
    at = text.find_first_of({marks, sizeof marks}, at);
    if (at == text.npos || text[at] == '\n')
      return at;
  }
}

result<std::vector<std::string>> split_csv_line(std::string_view line,
                                                char delimiter) {
  std::vector<std::string> fields;
  for (size_t at = 0;; ++at) {
    const auto fault
      = take_csv_field(line, delimiter, at, fields.emplace_back());
    if (fault != csv_fault::none)
      return error{errc::bad_data, "field " + std::to_string(fields.size())
                                     + (fault == csv_fault::open_quote
                                          ? ": the quote does not end"
                                          : ": text after the quote")};
    if (at == line.size())
      return fields;
  }
}

} // namespace millrace::text
