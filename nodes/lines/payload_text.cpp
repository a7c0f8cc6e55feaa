#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/lines/payload_text.hpp>

#include <optional>
#include <span>

namespace millrace::nodes {

result<std::string> payload_of(std::string_view line) {
  const error refusal{errc::bad_data,
                      R"(not of the form {"data": "text"} or {"hex": "00ff"})"};
  const auto object = text::parse_json(line);
  if (!object || !object->is_object())
    return refusal;
  std::optional<std::string> payload;
  for (const auto& [key, value] : object->entries()) {
    if (key == "position" || key == "on" || key == "id" || key == "ts")
      continue;
    if ((key != "data" && key != "hex") || !value.text() || payload)
      return refusal;
    payload = key == "data" ? *value.text() : text::parse_hex(*value.text());
    if (!payload)
      return error{errc::bad_data, "hex: not pairs of hexadecimal digits"};
  }
  if (!payload)
    return refusal;
  return *std::move(payload);
}

void put_payload(text::json_value& line, std::string_view payload) {
  if (text::valid_utf8(payload)) {
    line.add("data", payload);
    return;
  }
  put_hex(line, payload);
}

void put_hex(text::json_value& line, std::string_view payload) {
  std::string hex;
  text::append_hex(hex,
                   std::as_bytes(std::span{payload.data(), payload.size()}));
  line.add("hex", std::move(hex));
}

} // namespace millrace::nodes
