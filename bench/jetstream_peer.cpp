#include <millrace/bench/peer_server.hpp>
#include <millrace/bench/stream_peers.hpp>

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sched.h>
#include <thread>

namespace millrace::bench {

namespace {

constexpr size_t block_bytes = size_t{64} << 10;

error refused(std::string_view text) {
  return {errc::unavailable, "nats-server: " + std::string{text}};
}

/// One connection that speaks NATS.
class connection {
public:
  static result<std::unique_ptr<connection>> open(uint16_t port) {
    auto socket = peer_socket::connect(port);
    if (!socket)
      return socket.failure();
    std::unique_ptr<connection> out{new connection{*std::move(socket)}};
    if (auto fault = out->send("CONNECT {\"verbose\":false,\"pedantic\":false,"
                               "\"headers\":true,\"no_responders\":true}\r\n"))
      return fault;
    return out;
  }

  error send(std::string_view bytes) {
    const std::scoped_lock lock{sending_};
    return socket_->send(bytes);
  }

  /// The payload of the next message to any subscription.
  result<std::string_view> next() {
    for (;;) {
      auto line = socket_->line();
      if (!line)
        return line.failure();
      if (line->starts_with("PING")) {
        if (auto fault = send("PONG\r\n"))
          return fault;
      } else if (line->starts_with("-ERR") || line->starts_with("HMSG")) {
        return refused(*line);
      } else if (line->starts_with("MSG ")) {
        size_t size = 0;
        const auto number = line->substr(line->rfind(' ') + 1);
        std::from_chars(number.data(), number.data() + number.size(), size);
        auto payload = socket_->bytes(size + 2);
        if (!payload)
          return payload.failure();
        return payload->substr(0, size);
      }
    }
  }

  /// Asks the server's API. @pre no subscription delivers yet.
  result<std::string> request(std::string_view subject, std::string_view body) {
    if (auto fault = send(fmt::format("SUB _INBOX.api 9\r\nUNSUB 9 1\r\n"
                                      "PUB {} _INBOX.api {}\r\n{}\r\n",
                                      subject, body.size(), body)))
      return fault;
    auto answer = next();
    if (!answer)
      return answer.failure();
    if (answer->find("\"error\"") != std::string_view::npos)
      return refused(*answer);
    return std::string{*answer};
  }

private:
  explicit connection(std::unique_ptr<peer_socket> socket)
    : socket_{std::move(socket)} {}

  std::unique_ptr<peer_socket> socket_;
  std::mutex sending_;
};

/// A server, or a cluster of some, with the stream BENCH.
struct fresh_stream {
  std::vector<std::unique_ptr<peer_server>> servers;
  uint16_t port = 0; ///< Of the one that leads the stream.
};

constexpr int64_t cluster_ns_max = 30'000'000'000;

std::string name_of(size_t index) { return "n" + std::to_string(index); }

/// The words that make a server one of a cluster.
std::vector<std::string> cluster_words(const std::vector<uint16_t>& ports,
                                       size_t index) {
  std::string routes;
  for (const auto port : ports)
    routes
      += fmt::format("{}nats://127.0.0.1:{}", routes.empty() ? "" : ",", port);
  return {"--name",         name_of(index),
          "--cluster_name", "bench",
          "--cluster",      fmt::format("nats://127.0.0.1:{}", ports[index]),
          "--routes",       routes};
}

/// Whether one of the servers says that the cluster can be asked.
bool has_leader(const std::string& directory, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    std::ifstream log{directory + "/" + name_of(i) + ".log"};
    for (std::string line; std::getline(log, line);)
      if (line.find("new metadata leader") != std::string::npos)
        return true;
  }
  return false;
}

result<std::string> create_stream(uint16_t port, size_t replicas) {
  auto control = connection::open(port);
  if (!control)
    return control.failure();
  return (*control)->request(
    "$JS.API.STREAM.CREATE.BENCH",
    fmt::format(
      R"({{"name":"BENCH","subjects":["bench.x"],"retention":"limits",)"
      R"("max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,)"
      R"("storage":"file","num_replicas":{},"discard":"old"}})",
      replicas));
}

/// The same of a cluster, once it has come together.
/// @returns the index of the server that leads the stream.
result<size_t> create_replicated(const std::string& directory, uint16_t port,
                                 size_t count) {
  const auto give_up = now_ns() + cluster_ns_max;
  while (!has_leader(directory, count))
    if (now_ns() < give_up)
      ::sched_yield();
    else
      return refused("no leader of the cluster after 30 s");
  // Not before all servers know each other.
  auto told = create_stream(port, count);
  while (!told && now_ns() < give_up) {
    ::sched_yield();
    told = create_stream(port, count);
  }
  while (told && now_ns() < give_up) {
    for (size_t i = 0; i < count; ++i)
      if (told->find("\"leader\":\"" + name_of(i) + "\"") != std::string::npos)
        return i;
    auto control = connection::open(port);
    if (!control)
      return control.failure();
    told = (*control)->request("$JS.API.STREAM.INFO.BENCH", "");
  }
  return told ? refused("no leader of the stream after 30 s") : told.failure();
}

result<fresh_stream> start(const std::string& directory, size_t count) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  auto ports = free_ports(2 * count);
  if (!ports)
    return ports.failure();
  const std::vector<uint16_t> routes(ports->begin() + count, ports->end());
  fresh_stream out;
  for (size_t i = 0; i < count; ++i) {
    const auto place = directory + "/" + name_of(i);
    std::vector<std::string> words{
      "nats-server", "-js",       "-sd", place,
      "-a",          "127.0.0.1", "-p",  std::to_string(ports->at(i))};
    if (count > 1)
      for (auto& word : cluster_words(routes, i))
        words.push_back(std::move(word));
    auto server = peer_server::start(words, ports->at(i), place + ".log");
    if (!server)
      return server.failure();
    out.servers.push_back(*std::move(server));
  }
  size_t leader = 0;
  if (count == 1) {
    if (auto told = create_stream(ports->front(), 1); !told)
      return told.failure();
  } else {
    auto found = create_replicated(directory, ports->front(), count);
    if (!found)
      return found.failure();
    leader = *found;
  }
  out.port = ports->at(leader);
  return out;
}

/// Publishes with at most `window` messages unacknowledged.
class windowed_publisher {
public:
  /// @param inbox where acknowledgements come; another one for each
  windowed_publisher(connection& to, const stream_load& load, size_t inbox = 0)
    : to_{&to}, load_{load}, payload_(load.bytes, 'x') {
    begin_ = fmt::format("PUB bench.x _INBOX.ack{} {}\r\n", inbox, load.bytes);
    acks_ = std::thread{[this] { count_acks(); }};
  }
  ~windowed_publisher() { acks_.join(); }
  windowed_publisher(const windowed_publisher&) = delete;
  windowed_publisher& operator=(const windowed_publisher&) = delete;

  /// @param stamp the first 8 bytes of the payload
  void add(int64_t stamp) {
    std::memcpy(payload_.data(), &stamp, sizeof stamp);
    block_ += begin_;
    block_ += payload_;
    block_ += "\r\n";
    ++added_;
  }
  [[nodiscard]] bool full() const noexcept {
    return block_.size() >= block_bytes;
  }
  error flush() {
    auto fault = to_->send(block_);
    block_.clear();
    return fault;
  }
  /// Waits until one more message fits into the window.
  error make_room() {
    if (added_ - acked_.load() < load_.window)
      return {};
    if (auto fault = flush())
      return fault;
    // Half the window, so that blocks stay large.
    return wait(added_ - load_.window / 2);
  }
  error wait(uint64_t acked) {
    std::unique_lock lock{mutex_};
    awaited_ = acked;
    changed_.wait(lock, [&] { return acked_ >= acked || failure_; });
    return failure_;
  }

private:
  void count_acks() {
    error fault;
    while (acked_.load() < load_.messages && !fault) {
      auto answer = to_->next();
      if (!answer)
        fault = answer.failure();
      else if (answer->find("\"error\"") != std::string_view::npos)
        fault = refused(*answer);
      else
        ++acked_;
      // Not when nothing more is at hand: a PING may be, and then nothing
      // follows it.
      if (fault || acked_ == awaited_) {
        const std::scoped_lock lock{mutex_};
        failure_ = fault;
        changed_.notify_all();
      }
    }
  }

  connection* to_;
  stream_load load_;
  std::string payload_;
  std::string begin_;
  std::string block_;
  uint64_t added_ = 0;
  std::atomic<uint64_t> acked_{0};
  std::atomic<uint64_t> awaited_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  error failure_;
  std::thread acks_;
};

error publish_all(uint16_t port, const stream_load& load, size_t inbox = 0) {
  auto to = connection::open(port);
  if (!to)
    return to.failure();
  if (auto fault = (*to)->send(fmt::format("SUB _INBOX.ack{} 1\r\n", inbox)))
    return fault;
  windowed_publisher publisher{**to, load, inbox};
  for (uint64_t i = 0; i < load.messages; ++i) {
    if (auto fault = publisher.make_room())
      return fault;
    publisher.add(0);
    if (publisher.full())
      if (auto fault = publisher.flush())
        return fault;
  }
  if (auto fault = publisher.flush())
    return fault;
  return publisher.wait(load.messages);
}

/// The same by several publishers at once, each with an equal share.
/// @pre the messages can be shared
error publish_shares(uint16_t port, const stream_load& load) {
  MILLRACE_ASSERT(load.messages % load.publishers == 0);
  auto share = load;
  share.messages /= load.publishers;
  std::vector<error> faults(load.publishers);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < load.publishers; ++i)
    threads.emplace_back([&, i] { faults[i] = publish_all(port, share, i); });
  for (auto& each : threads)
    each.join();
  for (const auto& each : faults)
    if (each)
      return each;
  return {};
}

/// A push consumer; `take` gets each payload.
class consumer {
public:
  /// @param name of it among the consumers
  static result<std::unique_ptr<consumer>>
  start(uint16_t port, std::string_view policy, uint64_t count,
        std::function<void(std::string_view)> take, size_t name = 0) {
    auto from = connection::open(port);
    if (!from)
      return from.failure();
    if (auto told = (*from)->request(
          "$JS.API.CONSUMER.CREATE.BENCH",
          fmt::format(R"({{"stream_name":"BENCH","config":{{)"
                      R"("deliver_subject":"deliver.{}",)"
                      R"("deliver_policy":"{}","ack_policy":"none",)"
                      R"("replay_policy":"instant"}}}})",
                      name, policy));
        !told)
      return told.failure();
    // It delivers once somebody listens.
    if (auto fault = (*from)->send(fmt::format("SUB deliver.{} 2\r\n", name)))
      return fault;
    return std::unique_ptr<consumer>{
      new consumer{*std::move(from), count, std::move(take)}};
  }
  ~consumer() {
    if (reader_.joinable())
      reader_.join();
  }
  error join() {
    reader_.join();
    return failure_;
  }

private:
  consumer(std::unique_ptr<connection> from, uint64_t count,
           std::function<void(std::string_view)> take)
    : from_{std::move(from)}, reader_{[this, count, take = std::move(take)] {
        for (uint64_t i = 0; i < count; ++i) {
          auto payload = from_->next();
          if (!payload) {
            failure_ = payload.failure();
            return;
          }
          take(*payload);
        }
      }} {}

  std::unique_ptr<connection> from_;
  error failure_;
  std::thread reader_;
};

} // namespace

result<double> jetstream_peer::throughput(const stream_load& load) {
  auto stream = start(directory_, servers_);
  if (!stream)
    return stream.failure();
  std::vector<std::unique_ptr<consumer>> readers;
  for (size_t i = 0; i < load.subscribers; ++i) {
    auto reader = consumer::start(
      stream->port, "new", load.messages, [](std::string_view) {}, i);
    if (!reader)
      return reader.failure();
    readers.push_back(*std::move(reader));
  }
  const auto begin = now_ns();
  if (auto fault = publish_shares(stream->port, load))
    return fault;
  for (auto& reader : readers)
    if (auto fault = reader->join())
      return fault;
  return per_second(load.messages, begin);
}

result<double> jetstream_peer::replay(const stream_load& load) {
  auto stream = start(directory_, servers_);
  if (!stream)
    return stream.failure();
  if (auto fault = publish_all(stream->port, load))
    return fault;
  const auto begin = now_ns();
  auto reader = consumer::start(stream->port, "all", load.messages,
                                [](std::string_view) {});
  if (!reader)
    return reader.failure();
  if (auto fault = (*reader)->join())
    return fault;
  return per_second(load.messages, begin);
}

result<std::vector<int64_t>> jetstream_peer::latency(const stream_load& load,
                                                     double rate) {
  auto stream = start(directory_, servers_);
  if (!stream)
    return stream.failure();
  std::vector<int64_t> out;
  out.reserve(load.messages);
  auto reader = consumer::start(stream->port, "new", load.messages,
                                [&](std::string_view payload) {
                                  int64_t due = 0;
                                  std::memcpy(&due, payload.data(), sizeof due);
                                  out.push_back(now_ns() - due);
                                });
  if (!reader)
    return reader.failure();
  auto to = connection::open(stream->port);
  if (!to)
    return to.failure();
  if (auto fault = (*to)->send("SUB _INBOX.ack0 1\r\n"))
    return fault;
  windowed_publisher publisher{**to, load};
  if (auto fault = at_rate(rate, load.messages, [&](int64_t due) {
        publisher.add(due);
        return publisher.flush();
      }))
    return fault;
  if (auto fault = (*reader)->join())
    return fault;
  return out;
}

} // namespace millrace::bench
