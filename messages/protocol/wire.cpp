#include <millrace/messages/protocol/wire.hpp>
#include <millrace/messages/text/json_text.hpp>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <bit>
#include <cstdint>

namespace millrace::text {

namespace {

/// What follows it in the bytes.
enum class shape : uint8_t {
  nothing,
  truth,
  signed_number,
  unsigned_number,
  fraction,
  words,
  list,
  object,
};

shape shape_of(const json_value& x) {
  if (x.is_null())
    return shape::nothing;
  if (x.boolean())
    return shape::truth;
  if (x.is_whole())
    return x.integer() ? shape::signed_number : shape::unsigned_number;
  if (x.number())
    return shape::fraction;
  if (x.text() != nullptr)
    return shape::words;
  return x.is_array() ? shape::list : shape::object;
}

caf::error write(caf::serializer& sink, const json_value& x) {
  const auto what = shape_of(x);
  auto tag = static_cast<uint8_t>(what);
  auto size = static_cast<uint64_t>(what == shape::list ? x.elements().size()
                                                        : x.entries().size());
  if (auto fault = sink(tag))
    return fault;
  switch (what) {
    case shape::nothing:
      return caf::none;
    case shape::truth: {
      auto value = *x.boolean();
      return sink(value);
    }
    case shape::signed_number: {
      auto value = *x.integer();
      return sink(value);
    }
    case shape::unsigned_number: {
      auto value = *x.natural();
      return sink(value);
    }
    case shape::fraction: {
      auto bits = std::bit_cast<uint64_t>(*x.number());
      return sink(bits);
    }
    case shape::words: {
      auto value = *x.text();
      return sink(value);
    }
    case shape::list:
      if (auto fault = sink(size))
        return fault;
      for (const auto& each : x.elements())
        if (auto fault = write(sink, each))
          return fault;
      return caf::none;
    case shape::object:
      if (auto fault = sink(size))
        return fault;
      for (const auto& [key, value] : x.entries()) {
        auto name = key;
        if (auto fault = sink(name))
          return fault;
        if (auto fault = write(sink, value))
          return fault;
      }
      return caf::none;
  }
  return caf::none;
}

caf::error read(caf::deserializer& source, json_value& x, size_t depth);

/// @tparam Value how its bytes are read, before `make` makes a value of it
template <class Value, class Make>
caf::error read_as(caf::deserializer& source, json_value& x, Make make) {
  Value value{};
  if (auto fault = source(value))
    return fault;
  x = make(std::move(value));
  return caf::none;
}

caf::error read_members(caf::deserializer& source, json_value& x, bool named,
                        size_t depth) {
  uint64_t size = 0;
  if (auto fault = source(size))
    return fault;
  x = named ? json_value::object() : json_value::array();
  // Each takes a byte at least: a size that lies ends with the bytes.
  for (uint64_t i = 0; i < size; ++i) {
    std::string key;
    json_value value;
    if (named)
      if (auto fault = source(key))
        return fault;
    if (auto fault = read(source, value, depth + 1))
      return fault;
    if (named)
      x.add(std::move(key), std::move(value));
    else
      x.add(std::move(value));
  }
  return caf::none;
}

caf::error read(caf::deserializer& source, json_value& x, size_t depth) {
  if (depth > json_depth_max)
    return caf::make_error(errc::oversize, "values within values too deep");
  uint8_t tag = 0;
  if (auto fault = source(tag))
    return fault;
  const auto as_it_is = [](auto value) { return json_value{value}; };
  switch (static_cast<shape>(tag)) {
    case shape::nothing:
      x = {};
      return caf::none;
    case shape::truth:
      return read_as<bool>(source, x, as_it_is);
    case shape::signed_number:
      return read_as<int64_t>(source, x, as_it_is);
    case shape::unsigned_number:
      return read_as<uint64_t>(source, x, as_it_is);
    case shape::fraction:
      return read_as<uint64_t>(source, x, [](uint64_t bits) {
        return json_value{std::bit_cast<double>(bits)};
      });
    case shape::words:
      return read_as<std::string>(source, x, [](std::string value) {
        return json_value{std::move(value)};
      });
    case shape::list:
      return read_members(source, x, /*named*/ false, depth);
    case shape::object:
      return read_members(source, x, /*named*/ true, depth);
  }
  return caf::make_error(errc::malformed_message,
                         "value of kind " + std::to_string(tag));
}

} // namespace

caf::error inspect(caf::serializer& sink, json_value& x) {
  return write(sink, x);
}

caf::error inspect(caf::deserializer& source, json_value& x) {
  return read(source, x, 0);
}

} // namespace millrace::text

namespace millrace {

caf::error to_caf(const error& err) {
  if (!err)
    return caf::none;
  return caf::make_error(err.code, err.context);
}

error from_caf(const caf::error& err) {
  if (!err)
    return {};
  if (err.category() == caf::atom("millrace")) {
    std::string context;
    if (err.context().match_elements<std::string>())
      context = err.context().get_as<std::string>(0);
    return {static_cast<errc>(err.code()), std::move(context)};
  }
  if (err == caf::sec::request_timeout)
    return {errc::timeout, "no answer before the deadline"};
  if (err == caf::sec::cannot_connect_to_node)
    return {errc::unavailable, "nothing listens there"};
  if (err == caf::sec::runtime_error)
    return {errc::unavailable, "it threw an exception, which its log tells"};
  return {errc::unavailable, "it ended, or its connection did"};
}

} // namespace millrace
