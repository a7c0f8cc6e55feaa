#include <millrace/nodes/servers/kdb/codec.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

constexpr int8_t last_typed_list = 19;

error malformed(size_t offset, std::string_view what) {
  return {errc::malformed_message, "kdb+ message: byte "
                                     + std::to_string(offset) + ": "
                                     + std::string{what}};
}

/// Reads objects, each of which may be inside of another.
class reader {
public:
  reader(std::string_view message, bool little_endian)
    : in_{message}, little_endian_{little_endian} {}

  result<value> run() {
    auto out = read(0);
    if (out && at_ != in_.size())
      return malformed(at_, "bytes follow the object");
    return out;
  }

private:
  [[nodiscard]] size_t left() const noexcept { return in_.size() - at_; }

  /// What objects take here beside their bytes: small ones take much more than
  /// they do in the message.
  error charge(size_t bytes) {
    taken_ += bytes;
    if (taken_ <= object_bytes_max)
      return {};
    return {errc::oversize, "limit: the message has too many objects: they "
                            "take more than "
                              + std::to_string(object_bytes_max >> 20)
                              + " MiB; send fewer at a time"};
  }

  result<value> read(size_t depth) {
    if (auto fault = charge(sizeof(value)))
      return fault;
    if (depth > value_depth_max)
      return malformed(at_, "objects are nested too deep");
    if (left() < 1)
      return malformed(at_, "an object is missing");
    const auto type = static_cast<int8_t>(in_[at_++]);
    if (type == static_cast<int8_t>(kind::error)) {
      value out;
      out.type = kind::error;
      return with_text(std::move(out));
    }
    if (type < 0)
      return read_atom(static_cast<int8_t>(-type));
    if (type <= last_typed_list)
      return read_list(type, depth);
    switch (type) {
      case 98:
        return read_table(depth);
      case 99:
      case 127:
        return read_dictionary(depth);
      default:
        return read_function(type, depth);
    }
  }

  result<value> with_text(value out) {
    const auto end = in_.find('\0', at_);
    if (end == std::string_view::npos)
      return malformed(at_, "a text has no end");
    out.text = in_.substr(at_, end - at_);
    at_ = end + 1;
    return out;
  }

  result<std::string> read_symbol() {
    if (auto fault = charge(sizeof(std::string)))
      return fault;
    auto text = with_text({});
    if (!text)
      return text.failure();
    return std::move(text->text);
  }

  /// Items of fixed width, as little endian.
  error take_items(value& into, size_t count) {
    const auto width = width_of(into.type);
    if (count > left() / width)
      return malformed(at_, "a list is longer than its message");
    into.bytes = in_.substr(at_, count * width);
    at_ += count * width;
    if (!little_endian_ && width > 1 && into.type != kind::guid)
      for (size_t i = 0; i < into.bytes.size(); i += width)
        std::reverse(into.bytes.begin() + static_cast<ptrdiff_t>(i),
                     into.bytes.begin() + static_cast<ptrdiff_t>(i + width));
    if (into.type == kind::boolean)
      for (auto& c : into.bytes)
        c = c != 0;
    return {};
  }

  result<value> read_atom(int8_t type) {
    value out;
    out.type = static_cast<kind>(type);
    out.is_atom = true;
    if (out.type == kind::symbol) {
      auto name = read_symbol();
      if (!name)
        return name.failure();
      out.symbols.push_back(*std::move(name));
      return out;
    }
    if (width_of(out.type) == 0)
      return malformed(at_ - 1, "there is no such type");
    if (auto fault = take_items(out, 1))
      return fault;
    return out;
  }

  result<uint32_t> read_count() {
    if (left() < 4)
      return malformed(at_, "a count is missing");
    uint32_t count = 0;
    std::memcpy(&count, in_.data() + at_, 4);
    at_ += 4;
    return little_endian_ ? count : __builtin_bswap32(count);
  }

  result<value> read_list(int8_t type, size_t depth) {
    value out;
    out.type = static_cast<kind>(type);
    if (left() < 1)
      return malformed(at_, "a list has no attribute");
    ++at_;
    const auto count = read_count();
    if (!count)
      return count.failure();
    // An item of any other kind takes a byte at least.
    if (*count > left())
      return malformed(at_ - 4, "a list is longer than its message");
    if (out.type == kind::symbol) {
      for (uint32_t i = 0; i < *count; ++i) {
        auto name = read_symbol();
        if (!name)
          return name.failure();
        out.symbols.push_back(*std::move(name));
      }
      return out;
    }
    if (out.type != kind::list) {
      if (width_of(out.type) == 0)
        return malformed(at_ - 6, "there is no such type");
      if (auto fault = take_items(out, *count))
        return fault;
      return out;
    }
    for (uint32_t i = 0; i < *count; ++i) {
      auto item = read(depth + 1);
      if (!item)
        return item;
      out.parts.push_back(*std::move(item));
    }
    return out;
  }

  result<value> read_dictionary(size_t depth) {
    value out;
    out.type = kind::dictionary;
    for (int i = 0; i < 2; ++i) {
      auto part = read(depth + 1);
      if (!part)
        return part;
      out.parts.push_back(*std::move(part));
    }
    return out;
  }

  /// Columns by name, all of one length.
  result<value> read_table(size_t depth) {
    const auto begin = at_ - 1;
    if (left() < 2 || in_[at_ + 1] != 99)
      return malformed(at_, "a table is no dictionary of columns");
    at_ += 2;
    auto columns = read_dictionary(depth);
    if (!columns)
      return columns;
    const auto& names = columns->parts[0];
    const auto& values = columns->parts[1];
    if (names.type != kind::symbol || names.is_atom || values.type != kind::list
        || names.size() == 0 || names.size() != values.size())
      return malformed(begin, "the columns of a table have no names");
    for (const auto& column : values.parts)
      if (column.is_atom || column.size() != values.parts.front().size())
        return malformed(begin, "the columns of a table differ in length");
    value out;
    out.type = kind::table;
    out.parts.push_back(*std::move(columns));
    return out;
  }

  result<value> read_function(int8_t type, size_t depth) {
    value out;
    out.type = kind::function;
    if (type == 100) {
      out.type = kind::lambda;
      if (auto context = read_symbol(); !context)
        return context.failure();
      auto text = read(depth + 1);
      if (!text)
        return text;
      if (text->type != kind::char_)
        return malformed(at_, "a function has no text");
      out.text = std::move(text->bytes);
      return out;
    }
    if (type >= 101 && type <= 103) {
      if (left() < 1)
        return malformed(at_, "a function is missing");
      out.type = type == 101 ? kind::primitive : kind::function;
      out.bytes = in_.substr(at_++, 1);
      return out;
    }
    if (type < 104 || type > 111)
      return malformed(at_ - 1, "there is no such type");
    uint32_t count = 1;
    if (type <= 105) {
      const auto parts = read_count();
      if (!parts)
        return parts.failure();
      count = *parts;
      if (count > left())
        return malformed(at_ - 4, "a function is longer than its message");
    }
    for (uint32_t i = 0; i < count; ++i)
      if (auto part = read(depth + 1); !part)
        return part;
    return out;
  }

  std::string_view in_;
  size_t taken_ = 0;
  bool little_endian_;
  size_t at_ = header_bytes;
};

void put_count(std::string& into, size_t count) {
  const auto number = static_cast<uint32_t>(count);
  into.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put(std::string& into, const value& what) {
  const auto type = static_cast<int8_t>(what.type);
  switch (what.type) {
    case kind::error:
      into += static_cast<char>(type);
      into += what.text;
      into += '\0';
      return;
    case kind::primitive:
      into += static_cast<char>(type);
      into += what.bytes;
      return;
    case kind::table:
      into += static_cast<char>(type);
      into += '\0';
      put(into, what.parts.front());
      return;
    case kind::dictionary:
      into += static_cast<char>(type);
      for (const auto& part : what.parts)
        put(into, part);
      return;
    default:
      break;
  }
  into += static_cast<char>(what.is_atom ? -type : type);
  if (!what.is_atom) {
    into += '\0';
    put_count(into, what.size());
  }
  into += what.bytes;
  for (const auto& name : what.symbols) {
    // A symbol ends with the first zero.
    into += name.substr(0, name.find('\0'));
    into += '\0';
  }
  for (const auto& part : what.parts)
    put(into, part);
}

} // namespace

size_t byte_count(const value& of) noexcept {
  auto out = sizeof of + of.bytes.size() + of.text.size();
  for (const auto& each : of.symbols)
    out += sizeof each + each.size();
  for (const auto& each : of.parts)
    out += byte_count(each);
  return out;
}

std::optional<int64_t> timestamp_of(double datetime) noexcept {
  constexpr double ms_per_day = 86'400'000;
  constexpr int64_t ns_per_ms = 1'000'000;
  if (std::isnan(datetime))
    return null_long;
  if (std::isinf(datetime))
    return datetime > 0 ? inf_long : -inf_long;
  const auto ms = std::round(datetime * ms_per_day);
  constexpr auto most = static_cast<double>(inf_long / ns_per_ms - 1);
  if (std::abs(ms) > most)
    return std::nullopt;
  return static_cast<int64_t>(ms) * ns_per_ms;
}

value symbol_atom(std::string name) {
  value out;
  out.type = kind::symbol;
  out.is_atom = true;
  out.symbols.push_back(std::move(name));
  return out;
}

value text_value(std::string text) {
  value out;
  out.type = kind::char_;
  out.bytes = std::move(text);
  return out;
}

value generic_null() {
  value out;
  out.type = kind::primitive;
  out.bytes.assign(1, '\0');
  return out;
}

value list_of(std::vector<value> items) {
  value out;
  out.parts = std::move(items);
  return out;
}

result<message_header> read_header(std::string_view bytes, uint32_t size_max) {
  message_header out;
  if (bytes[0] != 0 && bytes[0] != 1)
    return malformed(0, "the byte order is 0 or 1");
  out.little_endian = bytes[0] == 1;
  if (static_cast<uint8_t>(bytes[1]) > 2)
    return malformed(1, "the kind of a message is 0, 1 or 2");
  out.kind = static_cast<message_kind>(bytes[1]);
  if (static_cast<uint8_t>(bytes[2]) > 1)
    return malformed(2, "a message is compressed or not");
  out.compressed = bytes[2] == 1;
  std::memcpy(&out.size, bytes.data() + 4, 4);
  if (!out.little_endian)
    out.size = __builtin_bswap32(out.size);
  if (out.size <= header_bytes)
    return malformed(4, "a message has 9 bytes at least");
  if (out.size > size_max)
    return error{errc::oversize, "a message of " + std::to_string(out.size)
                                   + " bytes; at most "
                                   + std::to_string(size_max) + " are read"};
  return out;
}

result<value> read_message(std::string_view message, uint32_t size_max) {
  if (message.size() < header_bytes)
    return malformed(message.size(), "it ends within its header");
  const auto header = read_header(message, size_max);
  if (!header)
    return header.failure();
  if (header->size != message.size())
    return malformed(4, "the size is another one");
  if (!header->compressed)
    return reader{message, header->little_endian}.run();
  const auto whole = expanded(message, size_max);
  if (!whole)
    return whole.failure();
  return reader{*whole, header->little_endian}.run();
}

result<std::string> write_message(message_kind kind, const value& what) {
  std::string out{'\1', static_cast<char>(kind), '\0', '\0', '\0', '\0', '\0',
                  '\0'};
  put(out, what);
  if (out.size() > 0x7fffffff)
    return error{errc::oversize, "a message of " + std::to_string(out.size())
                                   + " bytes; at most 2147483647 can be sent"};
  const auto size = static_cast<uint32_t>(out.size());
  std::memcpy(out.data() + 4, &size, sizeof size);
  return out;
}

} // namespace millrace::nodes::kdb
