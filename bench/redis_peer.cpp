#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/stream_peers.hpp>

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

namespace millrace::bench {

namespace {

struct fresh_server {
  std::unique_ptr<peer_server> server;
  std::unique_ptr<peer_socket> socket;
};

result<fresh_server> start(const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  auto port = free_port();
  if (!port)
    return port.failure();
  auto server
    = peer_server::start({"redis-server", "--port", std::to_string(*port),
                          "--bind", "127.0.0.1", "--dir", directory, "--save",
                          "", "--appendonly", "yes", "--appendfsync", "always"},
                         *port, directory + "/server.log");
  if (!server)
    return server.failure();
  auto socket = peer_socket::connect(*port);
  if (!socket)
    return socket.failure();
  return fresh_server{*std::move(server), *std::move(socket)};
}

/// A length or count after its first character.
result<int64_t> number_of(std::string_view line, char kind) {
  int64_t out = 0;
  if (line.empty() || line[0] != kind)
    return error{errc::unavailable, "redis-server: " + std::string{line}};
  std::from_chars(line.data() + 1, line.data() + line.size(), out);
  return out;
}

/// A string of the protocol.
result<std::string_view> text(peer_socket& from) {
  auto line = from.line();
  if (!line)
    return line.failure();
  auto size = number_of(*line, '$');
  if (!size)
    return size.failure();
  auto bytes = from.bytes(static_cast<size_t>(*size) + 2);
  if (!bytes)
    return bytes.failure();
  return bytes->substr(0, static_cast<size_t>(*size));
}

result<int64_t> count(peer_socket& from) {
  auto line = from.line();
  if (!line)
    return line.failure();
  return number_of(*line, '*');
}

error add_all(peer_socket& to, const stream_load& load) {
  const auto one
    = fmt::format("*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nd\r\n"
                  "${}\r\n{}\r\n",
                  load.bytes, std::string(load.bytes, 'x'));
  for (uint64_t done = 0; done < load.messages;) {
    const auto part = std::min(load.window, load.messages - done);
    std::string block;
    for (uint64_t i = 0; i < part; ++i)
      block += one;
    if (auto fault = to.send(block))
      return fault;
    for (uint64_t i = 0; i < part; ++i)
      if (auto id = text(to); !id)
        return id.failure();
    done += part;
  }
  return {};
}

/// Reads the answer of one XREAD. @returns messages; `last` becomes their id.
result<uint64_t> take_answer(peer_socket& from, std::string& last) {
  // One stream: its name and its messages.
  for (int depth = 0; depth < 2; ++depth)
    if (auto nested = count(from); !nested)
      return nested.failure();
  if (auto name = text(from); !name)
    return name.failure();
  auto messages = count(from);
  if (!messages)
    return messages.failure();
  for (int64_t i = 0; i < *messages; ++i) {
    if (auto pair = count(from); !pair)
      return pair.failure();
    auto id = text(from);
    if (!id)
      return id.failure();
    last = *id;
    auto fields = count(from);
    if (!fields)
      return fields.failure();
    for (int64_t field = 0; field < *fields; ++field)
      if (auto value = text(from); !value)
        return value.failure();
  }
  return static_cast<uint64_t>(*messages);
}

} // namespace

result<double> redis_peer::throughput(const stream_load& load) {
  auto redis = start(directory_);
  if (!redis)
    return redis.failure();
  const auto begin = now_ns();
  if (auto fault = add_all(*redis->socket, load))
    return fault;
  return per_second(load.messages, begin);
}

result<double> redis_peer::replay(const stream_load& load) {
  auto redis = start(directory_);
  if (!redis)
    return redis.failure();
  if (auto fault = add_all(*redis->socket, load))
    return fault;
  const auto begin = now_ns();
  std::string last = "0";
  for (uint64_t seen = 0; seen < load.messages;) {
    if (auto fault = redis->socket->send(
          fmt::format("*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$4\r\n1000\r\n"
                      "$7\r\nSTREAMS\r\n$1\r\ns\r\n${}\r\n{}\r\n",
                      last.size(), last)))
      return fault;
    auto got = take_answer(*redis->socket, last);
    if (!got)
      return got.failure();
    seen += *got;
  }
  return per_second(load.messages, begin);
}

} // namespace millrace::bench
