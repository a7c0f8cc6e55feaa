#include <millrace/bench/door_clients.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <strings.h>

namespace millrace::bench {

namespace {

/// Big-endian, as PostgreSQL has all its numbers.
std::string number_of(uint32_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

uint32_t number_in(std::string_view bytes) {
  uint32_t out = 0;
  for (const char c : bytes)
    out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

/// A message of PostgreSQL's protocol; '\0' begins a connection.
std::string message_of(char type, std::string_view body) {
  std::string out;
  if (type != '\0')
    out += type;
  out += number_of(static_cast<uint32_t>(body.size() + 4), 4);
  out += body;
  return out;
}

const std::string sync = message_of('S', "");

error refusal(std::string_view what) {
  return {errc::unavailable, std::string{what}};
}

/// "SELECT 12", "COPY 12": how many.
uint64_t rows_in(std::string_view tag) {
  const auto digits = tag.substr(tag.rfind(' ') + 1);
  uint64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

} // namespace

result<postgres_client> postgres_client::connect(uint16_t port) {
  auto socket = peer_socket::connect(port);
  if (!socket)
    return socket.failure();
  postgres_client out{*std::move(socket)};
  using namespace std::string_view_literals;
  if (auto fault = out.socket_->send(message_of(
        '\0', number_of(3u << 16, 4)
                + std::string{"user\0bench\0database\0postgres\0\0"sv})))
    return fault;
  if (auto ready = out.take_all(); !ready)
    return ready.failure();
  return out;
}

result<postgres_client::message> postgres_client::next() {
  const auto head = socket_->bytes(5);
  if (!head)
    return head.failure();
  const char type = (*head)[0];
  const auto size = number_in(head->substr(1));
  if (size < 4)
    return refusal("a message that ends before it begins");
  const auto body = socket_->bytes(size - 4);
  if (!body)
    return body.failure();
  return message{type, *body};
}

result<postgres_client::answer> postgres_client::take_all() {
  answer out;
  error fault;
  for (;;) {
    const auto got = next();
    if (!got) // What ends a connection is told before.
      return fault ? fault : got.failure();
    switch (got->type) {
      case 'd':
      case 'D':
        out.bytes += got->body.size() + 5;
        break;
      case 'C':
        // It ends with a zero.
        out.rows = rows_in(got->body.substr(0, got->body.size() - 1));
        break;
      case 'E': {
        std::string text{got->body};
        for (auto& c : text)
          c = c == '\0' ? ' ' : c;
        fault = refusal(text);
        break;
      }
      case 'Z':
        if (fault)
          return fault;
        return out;
      default:
        break;
    }
  }
}

result<postgres_client::answer>
postgres_client::run(std::string_view statement) {
  if (auto fault
      = socket_->send(message_of('Q', std::string{statement} + '\0')))
    return fault;
  return take_all();
}

error postgres_client::copy_in(std::string_view statement,
                               std::string_view rows) {
  if (auto fault = socket_->send(message_of('Q', std::string{statement} + '\0')
                                 + message_of('d', rows) + message_of('c', "")))
    return fault;
  return take_all().failure();
}

error postgres_client::prepare(std::string_view statement) {
  if (auto fault = socket_->send(message_of('P', std::string{"asked"} + '\0'
                                                   + std::string{statement}
                                                   + '\0' + number_of(0, 2))
                                 + sync))
    return fault;
  return take_all().failure();
}

result<postgres_client::answer> postgres_client::run_prepared() {
  static const auto bound
    = message_of('B', std::string{'\0'} + "asked" + '\0' + number_of(0, 2)
                        + number_of(0, 2) + number_of(0, 2))
      + message_of('E', '\0' + number_of(0, 4)) + sync;
  if (auto fault = socket_->send(bound))
    return fault;
  return take_all();
}

result<kdb_client> kdb_client::connect(uint16_t port) {
  auto socket = peer_socket::connect(port);
  if (!socket)
    return socket.failure();
  kdb_client out{*std::move(socket)};
  if (auto fault = out.socket_->send(std::string{"bench:\3"} + '\0'))
    return fault;
  if (auto version = out.socket_->bytes(1); !version)
    return version.failure();
  return out;
}

result<uint64_t> kdb_client::ask(std::string_view question) {
  constexpr size_t head_bytes = 8;
  constexpr char text_type = 10;
  constexpr char error_type = -128;
  const auto length = static_cast<uint32_t>(question.size());
  const auto whole = static_cast<uint32_t>(head_bytes + 6 + length);
  std::string sent{"\1\1\0\0", 4}; // Little-endian, synchronous.
  sent.append(reinterpret_cast<const char*>(&whole), 4);
  sent += text_type;
  sent += '\0';
  sent.append(reinterpret_cast<const char*>(&length), 4);
  sent += question;
  if (auto fault = socket_->send(sent))
    return fault;
  const auto head = socket_->bytes(head_bytes);
  if (!head)
    return head.failure();
  uint32_t size = 0;
  std::memcpy(&size, head->data() + 4, 4);
  if (size <= head_bytes)
    return refusal("a message without a value");
  const auto body = socket_->bytes(size - head_bytes);
  if (!body)
    return body.failure();
  if (body->front() == error_type)
    return refusal(body->substr(1));
  return size;
}

result<http_client> http_client::connect(uint16_t port) {
  auto socket = peer_socket::connect(port);
  if (!socket)
    return socket.failure();
  return http_client{*std::move(socket)};
}

result<uint64_t> http_client::take_chunks() {
  uint64_t out = 0;
  for (;;) {
    const auto line = socket_->line();
    if (!line)
      return line.failure();
    size_t size = 0;
    std::from_chars(line->data(), line->data() + line->size(), size, 16);
    if (auto chunk = socket_->bytes(size + 2); !chunk)
      return chunk.failure();
    out += size;
    if (size == 0)
      return out;
  }
}

result<uint64_t> http_client::post(std::string_view target,
                                   std::string_view body) {
  if (auto fault = socket_->send(
        fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                    "{}\r\n\r\n{}",
                    target, body.size(), body)))
    return fault;
  const auto first = socket_->line();
  if (!first)
    return first.failure();
  const std::string status{*first};
  size_t length = 0;
  bool in_chunks = false;
  for (;;) {
    const auto line = socket_->line();
    if (!line)
      return line.failure();
    if (line->empty())
      break;
    const auto colon = line->find(':');
    const std::string name{line->substr(0, colon)};
    const auto value = line->substr(line->find_first_not_of(' ', colon + 1));
    if (::strcasecmp(name.c_str(), "content-length") == 0)
      std::from_chars(value.data(), value.data() + value.size(), length);
    in_chunks
      = in_chunks || ::strcasecmp(name.c_str(), "transfer-encoding") == 0;
  }
  if (in_chunks) {
    auto got = take_chunks();
    if (got && status.find(" 200 ") == status.npos)
      return refusal(status);
    return got;
  }
  const auto got = socket_->bytes(length);
  if (!got)
    return got.failure();
  if (status.find(" 200 ") == status.npos)
    return refusal(status + ": " + std::string{*got});
  return length;
}

} // namespace millrace::bench
