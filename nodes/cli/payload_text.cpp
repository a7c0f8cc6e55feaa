#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/cli/payload_text.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <span>

namespace millrace::nodes {

result<std::string> payload_of(std::string_view line) {
  const error refusal{errc::bad_data,
                      R"(not of the form {"data": "text"} or {"hex": "00ff"})"};
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object())
    return refusal;
  std::optional<std::string> payload;
  for (const auto& [key, value] : object.items()) {
    if (key == "position" || key == "on" || key == "id" || key == "ts")
      continue;
    if ((key != "data" && key != "hex") || !value.is_string() || payload)
      return refusal;
    payload = key == "data"
                ? value.get<std::string>()
                : text::parse_hex(value.get_ref<const std::string&>());
    if (!payload)
      return error{errc::bad_data, "hex: not pairs of hexadecimal digits"};
  }
  if (!payload)
    return refusal;
  return *std::move(payload);
}

void put_payload(nlohmann::ordered_json& line, std::string_view payload) {
  if (text::valid_utf8(payload)) {
    line["data"] = payload;
    return;
  }
  std::string hex;
  text::append_hex(hex,
                   std::as_bytes(std::span{payload.data(), payload.size()}));
  line["hex"] = std::move(hex);
}

} // namespace millrace::nodes
