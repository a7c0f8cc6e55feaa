#pragma once

#include <millrace/messages/base/errors.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

// The messages of PostgreSQL's protocol 3.0: a type, a length, fields. Numbers
// are big endian.

namespace millrace::nodes::postgres {

/// Writes a number over the bytes at `to`. @pre there are as many
template <class T>
void put_number(char* to, T value) noexcept {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof(T) == 2)
      bits = __builtin_bswap16(bits);
    else if constexpr (sizeof(T) == 4)
      bits = __builtin_bswap32(bits);
    else if constexpr (sizeof(T) == 8)
      bits = __builtin_bswap64(bits);
  }
  std::memcpy(to, &bits, sizeof bits);
}

template <class T>
void append_number(std::string& out, T value) {
  char bytes[sizeof(T)];
  put_number(bytes, value);
  out.append(bytes, sizeof bytes);
}

/// @pre there are as many bytes
template <class T>
[[nodiscard]] T number_at(std::string_view bytes) {
  std::make_unsigned_t<T> out = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    out = static_cast<std::make_unsigned_t<T>>(
      out << 8 | static_cast<unsigned char>(bytes[i]));
  return static_cast<T>(out);
}

/// Appends a message; its length is there when it ends.
class message {
public:
  message(std::string& to, char type) : out_{to} {
    out_ += type;
    begin_ = out_.size();
    append_number<int32_t>(out_, 0);
  }
  ~message() {
    put_number(out_.data() + begin_,
               static_cast<int32_t>(out_.size() - begin_));
  }
  message(const message&) = delete;
  message& operator=(const message&) = delete;

  template <class T>
  message& number(T value) {
    append_number(out_, value);
    return *this;
  }
  /// Up to a zero, and one at its end.
  message& text(std::string_view value) {
    out_ += value.substr(0, value.find('\0'));
    out_ += '\0';
    return *this;
  }
  message& bytes(std::string_view value) {
    out_ += value;
    return *this;
  }

private:
  std::string& out_;
  size_t begin_ = 0;
};

/// Bytes of the first of the messages; 0: it is not whole.
[[nodiscard]] inline size_t message_bytes(std::string_view messages) {
  if (messages.size() < 5)
    return 0;
  const auto size = size_t{number_at<uint32_t>(messages.substr(1))} + 1;
  return size <= messages.size() ? size : 0;
}

/// The fields of a message of a client, in order. What is not there reads as
/// zero, and is told at the end.
class fields {
public:
  explicit fields(std::string_view body) : left_{body} {}

  template <class T>
  [[nodiscard]] T number() {
    const auto from = bytes(sizeof(T));
    return from.size() == sizeof(T) ? number_at<T>(from) : T{};
  }
  [[nodiscard]] std::string_view text() {
    const auto end = left_.find('\0');
    if (end == left_.npos) {
      is_short_ = true;
      return {};
    }
    const auto out = left_.substr(0, end);
    left_.remove_prefix(end + 1);
    return out;
  }
  [[nodiscard]] std::string_view bytes(size_t count) {
    if (count > left_.size()) {
      is_short_ = true;
      return {};
    }
    const auto out = left_.substr(0, count);
    left_.remove_prefix(count);
    return out;
  }
  /// Whether all that was read was there, and nothing else.
  [[nodiscard]] bool is_exact() const noexcept {
    return !is_short_ && left_.empty();
  }
  [[nodiscard]] bool is_short() const noexcept { return is_short_; }
  [[nodiscard]] size_t left() const noexcept { return left_.size(); }

private:
  std::string_view left_;
  bool is_short_ = false;
};

/// A failure as a client is told it.
struct told_error {
  std::string_view severity = "ERROR"; ///< Or FATAL, or WARNING.
  std::string_view state = "XX000";    ///< SQLSTATE.
  std::string text;
  size_t position = 0; ///< A character of the query, from 1; 0: none.
};
[[nodiscard]] std::string error_message(const told_error& what);
/// What a client is told beside an answer.
[[nodiscard]] std::string notice_message(std::string_view text);

/// The state that PostgreSQL has for such a failure.
[[nodiscard]] std::string_view sql_state_of(const error& why) noexcept;

/// A failure of a query. A place in the text, "line 1, column 8: ", becomes a
/// position of the protocol.
/// @param source the query as the client knows it; empty: it has another text
/// @param begin where in it the failed statement begins, as a byte
[[nodiscard]] told_error told(const error& why, std::string_view source,
                              size_t begin);

} // namespace millrace::nodes::postgres
