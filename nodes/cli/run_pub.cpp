#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/interrupts.hpp>
#include <millrace/nodes/cli/line_rows.hpp>
#include <millrace/nodes/cli/pub_command.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// For RT's first word, and for the last message to be as safe as asked.
constexpr auto rt_deadline = 30s;
/// A batch leaves at this size, and when no more input is there.
constexpr size_t batch_bytes = 64 * 1024;

/// The bytes of "00ff"; none when these are not pairs of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0)
    return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t byte = 0;
    const auto* end = digits.data() + i + 2;
    const auto [stop, fault]
      = std::from_chars(digits.data() + i, end, byte, 16);
    if (fault != std::errc{} || stop != end)
      return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

/// The payload of {"data": "text"} or {"hex": "00ff"}. What `sub` writes beside
/// either is passed over, so that its lines can be published again.
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
    payload = key == "data" ? value.get<std::string>()
                            : from_hex(value.get_ref<const std::string&>());
    if (!payload)
      return error{errc::bad_data, "hex: not pairs of hexadecimal digits"};
  }
  if (!payload)
    return refusal;
  return *std::move(payload);
}

/// Publishes lines: payloads, or rows of a table.
class line_publisher {
public:
  line_publisher(const pub_options& options, rt::publisher& out)
    : options_{&options}, out_{&out} {}

  error open(const cluster_config* config) {
    if (options_->table.empty())
      return {};
    const auto* table
      = config == nullptr ? nullptr : config->table(options_->table);
    if (table == nullptr)
      return {errc::not_found, "no [[table]] is named '" + options_->table
                                 + "' in the configuration"};
    if (!out_->is_local_journal() && table->stream != options_->stream)
      return {errc::invalid_argument, "table '" + options_->table
                                        + "' is of stream '" + table->stream
                                        + "'"};
    rows_.emplace(table->schema, options_->format);
    auto token
      = out_->publish(encode(table->schema), {}, payload_kind::table_schema);
    return token ? error{} : token.failure();
  }

  error add(std::string_view line) {
    ++line_;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    if (line.empty())
      return {};
    auto fault = rows_ ? rows_->add(line) : publish_payload(line);
    if (fault && fault.code == errc::bad_data)
      fault.context
        = "standard input:" + std::to_string(line_) + ": " + fault.context;
    if (!fault && rows_ && rows_->byte_count() >= batch_bytes)
      return flush();
    return fault;
  }

  /// Publishes the rows that wait.
  error flush() {
    if (!rows_ || rows_->row_count() == 0)
      return {};
    const auto count = rows_->row_count();
    return publish(rows_->take(), payload_kind::table_batch, count);
  }

  [[nodiscard]] uint64_t published() const noexcept { return published_; }

private:
  error publish_payload(std::string_view line) {
    std::string text;
    if (options_->format == line_format::csv) {
      auto fields = split_csv_line(line);
      if (!fields)
        return fields.failure();
      if (fields->size() != 1)
        return {errc::bad_data, "a payload is one field"};
      if (!header_seen_) {
        header_seen_ = true;
        if (fields->front() != "data")
          return {errc::bad_data, "the header of payloads is: data"};
        return {};
      }
      text = std::move(fields->front());
    } else {
      auto payload = payload_of(line);
      if (!payload)
        return payload.failure();
      text = *std::move(payload);
    }
    return publish(std::as_bytes(std::span{text.data(), text.size()}),
                   payload_kind::opaque, 1);
  }

  error publish(std::span<const std::byte> bytes, payload_kind kind,
                uint64_t count) {
    auto token = out_->publish(bytes, {}, kind);
    if (!token)
      return token.failure();
    published_ += count;
    return {};
  }

  const pub_options* options_;
  rt::publisher* out_;
  std::optional<row_reader> rows_;
  bool header_seen_ = false;
  uint64_t line_ = 0;
  uint64_t published_ = 0;
};

/// Hands on the lines of standard input until its end or a signal.
error read_lines(const interrupts& signals, line_publisher& into) {
  std::string text;
  std::vector<char> piece(64 * 1024);
  while (!signals.raised()) {
    pollfd in{STDIN_FILENO, POLLIN, 0};
    const auto ready = ::poll(&in, 1, 100);
    if (ready < 0 && errno != EINTR)
      return {errc::storage_failed,
              std::string{"standard input: "} + std::strerror(errno)};
    if (ready <= 0)
      continue;
    const auto count = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return {errc::storage_failed,
              std::string{"standard input: "} + std::strerror(errno)};
    if (count == 0) {
      if (!text.empty())
        if (auto fault = into.add(text))
          return fault;
      return into.flush();
    }
    text.append(piece.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      if (auto fault
          = into.add(std::string_view{text}.substr(begin, end - begin)))
        return fault;
    text.erase(0, begin);
    if (text.size() > payload_bytes_max)
      return {errc::oversize, "standard input: a line of more than "
                                + std::to_string(payload_bytes_max) + " bytes"};
    if (auto fault = into.flush())
      return fault;
  }
  return into.flush();
}

rt::ack_level level_of(const std::string& name) {
  if (name == "recorded")
    return rt::ack_level::recorded;
  return name == "synced" ? rt::ack_level::synced : rt::ack_level::committed;
}

/// The publisher, once it may publish.
result<std::shared_ptr<rt::publisher>>
open_publisher(runtime& host, const pub_options& options) {
  const bool local = options.stream.starts_with('/');
  if (!local) {
    const auto& config = host.config();
    if (config.stream(options.stream) == nullptr)
      return error{errc::not_found, config.path + ": no [[stream]] is named '"
                                      + options.stream + "'"};
    auto at = endpoint_of_stream(config, options.stream);
    if (!at)
      return at.failure();
    // Says at once when nobody is there; the replicator would wait for ever.
    if (auto rt = host.find(*at, 3s); !rt)
      return rt.failure();
  }
  auto made = host.publish(
    options.stream, {.name = options.origin.empty() ? "pub" : options.origin,
                     .origin = options.origin});
  if (!made)
    return made.failure();
  if (!local)
    if (auto fault = made->out->wait_verified(rt_deadline))
      return fault;
  return made->out;
}

} // namespace

int run_pub(const pub_options& options) {
  std::optional<cluster_config> config;
  // A log of its own needs no cluster, unless its rows are of a table.
  if (!options.stream.starts_with('/') || !options.table.empty()) {
    auto loaded = load_cluster(options.config);
    if (!loaded)
      return fail(loaded.failure());
    config = *std::move(loaded);
  }
  interrupts signals;
  auto host = runtime::create({.config = config.value_or(cluster_config{}),
                               .env = {.io_threads = 2, .pool_threads = 1}});
  if (!host)
    return fail(host.failure());
  auto out = open_publisher(**host, options);
  if (!out)
    return fail(out.failure());
  line_publisher lines{options, **out};
  auto fault = lines.open(config ? &*config : nullptr);
  if (!fault)
    fault = read_lines(signals, lines);
  // What came before a bad line is kept, and counted.
  if (auto flushed = lines.flush(); flushed && !fault)
    fault = flushed;
  if (auto safe = (*out)->flush(level_of(options.level), rt_deadline);
      safe && !fault)
    fault = safe;
  if (auto closed = (*out)->close(); closed && !fault)
    fault = closed;
  fmt::print(stderr, "{} {} published\n", lines.published(),
             options.table.empty() ? "messages" : "rows");
  return fault ? fail(fault) : static_cast<int>(exit_ok);
}

} // namespace millrace::nodes
