#include <millrace/nodes/servers/postgres/parameter_arrays.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace millrace::nodes::postgres {

namespace {

constexpr std::array<std::pair<uint32_t, uint32_t>, 16> array_types{
  {{1000, oid::boolean},
   {1005, oid::int2},
   {1007, oid::int4},
   {1016, oid::int8},
   {1009, oid::text},
   {1015, 1043},
   {1021, oid::float4},
   {1022, oid::float8},
   {1115, oid::timestamp},
   {1182, oid::date},
   {1183, oid::time},
   {1187, oid::interval},
   {1028, oid::any_oid},
   {1185, oid::timestamp_with_zone},
   {1231, oid::numeric},
   {2951, oid::uuid}}};

error bad_array(const char* why) {
  return {errc::invalid_argument, std::string{"an array "} + why};
}

} // namespace

uint32_t element_type(uint32_t type) noexcept {
  for (const auto& [array, element] : array_types)
    if (array == type)
      return element;
  return 0;
}

uint32_t array_type_of(uint32_t element) noexcept {
  for (const auto& [array, of] : array_types)
    if (of == element)
      return array;
  return 0;
}

result<std::string> array_text(std::string_view bytes, uint32_t type) {
  fields from{bytes};
  const auto dimensions = from.number<int32_t>();
  (void)from.number<int32_t>(); // Whether there are nulls.
  const auto element = from.number<uint32_t>();
  if (dimensions > 1)
    return error{errc::unsupported, "an array of several dimensions is not "
                                    "read"};
  if (element != element_type(type))
    return bad_array("has elements of another type");
  const auto count = dimensions == 1 ? from.number<int32_t>() : 0;
  if (dimensions == 1)
    (void)from.number<int32_t>(); // Where it begins.
  std::string out{"{"};
  for (int32_t i = 0; i < count && !from.is_short(); ++i) {
    out += i == 0 ? "" : ",";
    const auto size = from.number<int32_t>();
    if (size < 0) {
      out += "NULL";
      continue;
    }
    const auto value
      = read_parameter(from.bytes(static_cast<size_t>(size)), element, true);
    if (!value)
      return value.failure();
    out += '"';
    for (const char c : **value) {
      if (c == '"' || c == '\\')
        out += '\\';
      out += c;
    }
    out += '"';
  }
  if (!from.is_exact())
    return bad_array("cannot be read");
  return out + "}";
}

result<std::string> numeric_text(std::string_view bytes) {
  constexpr uint16_t negative = 0x4000;
  constexpr int digits_of_one = 4;
  fields from{bytes};
  const auto count = from.number<uint16_t>();
  const auto weight = from.number<int16_t>();
  const auto sign = from.number<uint16_t>();
  const auto scale = from.number<uint16_t>();
  std::vector<uint16_t> digits;
  for (uint16_t i = 0; i < count && !from.is_short(); ++i)
    digits.push_back(from.number<uint16_t>());
  if (!from.is_exact()
      || std::any_of(digits.begin(), digits.end(),
                     [](uint16_t each) { return each > 9999; }))
    return error{errc::invalid_argument, "a numeric cannot be read"};
  if (sign != 0 && sign != negative)
    return error{errc::invalid_argument,
                 "a numeric that is no number, or infinite"};
  const auto group = [&](int at) {
    const auto digit = at >= 0 && at < static_cast<int>(digits.size())
                         ? digits[static_cast<size_t>(at)]
                         : uint16_t{0};
    auto text = std::to_string(digit);
    return std::string(digits_of_one - text.size(), '0') + text;
  };
  std::string whole;
  for (int i = 0; i <= weight; ++i)
    whole += group(i);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  std::string fraction;
  for (int i = weight + 1; static_cast<int>(fraction.size()) < scale; ++i)
    fraction += group(i);
  fraction.resize(scale);
  return std::string{sign == negative ? "-" : ""}
         + (whole.empty() ? "0" : whole)
         + (fraction.empty() ? "" : "." + fraction);
}

} // namespace millrace::nodes::postgres
