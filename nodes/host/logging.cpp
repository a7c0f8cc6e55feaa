#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/host/logging.hpp>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr std::array<std::string_view, 4> level_names{"ERR", "WARN", "INF",
                                                      "DBG"};

/// One line: its breaks stay readable, other control characters show as \xNN.
std::string on_one_line(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (;;) {
    const auto end = message.find('\n');
    text::append_visible(out, message.substr(0, end));
    if (end == message.npos)
      return out;
    out += "\\n";
    message.remove_prefix(end + 1);
  }
}

} // namespace

std::string_view to_string(log_level level) noexcept {
  return level_names[static_cast<size_t>(level)];
}

std::optional<log_level> log_level_of(std::string_view name) noexcept {
  for (size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == name)
      return static_cast<log_level>(i);
  return std::nullopt;
}

std::string format_line(const log_entry& entry, bool json) {
  const auto time = text::time_text(entry.time_ns);
  if (!json)
    return fmt::format("{}|{}|{}|{}|{}|{}|{}", time, entry.host,
                       entry.process_type, entry.process_name,
                       to_string(entry.level), entry.id,
                       on_one_line(entry.message));
  std::string line = "{";
  const auto put = [&](std::string_view key, std::string_view value) {
    line += line.size() == 1 ? "" : ",";
    text::append_json_string(line, key);
    line += ':';
    text::append_json_string(line, value);
  };
  put("time", time);
  put("host", entry.host);
  put("proctype", entry.process_type);
  put("procname", entry.process_name);
  put("level", to_string(entry.level));
  put("id", entry.id);
  put("message", entry.message);
  line += '}';
  return line;
}

log_sink stderr_sink(bool json) {
  auto out = std::make_shared<spdlog::logger>(
    "millrace", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  out->set_pattern("%v");
  out->set_level(spdlog::level::trace);
  out->flush_on(spdlog::level::trace);
  return [out, json](const log_entry& entry) {
    out->log(spdlog::level::info, format_line(entry, json));
  };
}

logger::logger(log_sink sink, persistence::clock_source& clock, log_level most,
               std::string host)
  : sink_{std::make_shared<const log_sink>(std::move(sink))}, clock_{&clock},
    most_{most}, host_{std::move(host)} {}

logger logger::as(std::string process_type, std::string process_name) const {
  auto out = *this;
  out.process_type_ = std::move(process_type);
  out.process_name_ = std::move(process_name);
  return out;
}

void logger::write(log_level level, std::string_view id,
                   std::string_view message) const {
  if (!sink_ || level > most_)
    return;
  (*sink_)({clock_->now_ns(), host_, process_type_, process_name_, level, id,
            message});
}

std::string host_name() {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0')
    return "localhost";
  return buffer.data();
}

} // namespace millrace::nodes
