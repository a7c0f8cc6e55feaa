#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/toml_string.hpp>

namespace millrace::text {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += "\\u00";
      append_hex(out, static_cast<std::byte>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

} // namespace millrace::text
