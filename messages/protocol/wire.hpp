#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/deserializer.hpp>
#include <caf/error.hpp>
#include <caf/expected.hpp>
#include <caf/make_message.hpp> // CAF_ERROR_CODE_ENUM does not compile without
#include <caf/sec.hpp>
#include <caf/serializer.hpp>

#include <concepts>
#include <string>
#include <utility>

// CAF 0.17 packs a category into ten characters at most.
CAF_ERROR_CODE_ENUM(millrace::errc, "millrace")

namespace millrace::text {

/// A value crosses a process border as the tree that it is: numbers as bits,
/// for CAF loses floating-point ones. Its depth is bounded by json_depth_max.
[[nodiscard]] caf::error inspect(caf::serializer& sink, json_value& x);
[[nodiscard]] caf::error inspect(caf::deserializer& source, json_value& x);

/// For this very type: much else converts to it.
template <std::same_as<json_value> Value>
[[nodiscard]] std::string to_string(const Value& x) {
  return x.dump();
}

} // namespace millrace::text

namespace millrace {

/// No chunk that another process sends is larger: a record with a payload of
/// payload_bytes_max, or a full flight of results.
inline constexpr size_t chunk_bytes_max = size_t{32} << 20;

/// A chunk crosses a process border as length and bytes in bulk; inside one it
/// is shared. The length is bounded before anything is allocated.
inline caf::error inspect(caf::serializer& sink, chunk& x) {
  auto size = x.size();
  if (auto fault = sink.begin_sequence(size))
    return fault;
  if (size != 0)
    if (auto fault = sink.apply_raw(size, const_cast<std::byte*>(x.data())))
      return fault;
  return sink.end_sequence();
}

inline caf::error inspect(caf::deserializer& source, chunk& x) {
  size_t size = 0;
  if (auto fault = source.begin_sequence(size))
    return fault;
  if (size > chunk_bytes_max)
    return caf::make_error(errc::oversize,
                           "chunk of " + std::to_string(size) + " bytes");
  auto fresh = chunk::allocate(size);
  if (size != 0)
    if (auto fault = source.apply_raw(size, fresh.memory))
      return fault;
  x = std::move(fresh.shared);
  return source.end_sequence();
}

inline std::string to_string(const chunk& x) {
  return "chunk(" + std::to_string(x.size()) + ")";
}

/// Our error as CAF carries it, and back. A failure of CAF itself (a receiver
/// that is down, a request timeout) becomes `unavailable` or `timeout`.
[[nodiscard]] caf::error to_caf(const error& err);
[[nodiscard]] error from_caf(const caf::error& err);

/// A result as a handler returns it.
template <class T>
[[nodiscard]] caf::expected<T> to_caf(result<T> x) {
  if (x)
    return *std::move(x);
  return to_caf(x.failure());
}

} // namespace millrace
