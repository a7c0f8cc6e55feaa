#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/host/logging.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <date/date.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

constexpr std::array<std::string_view, 4> level_names{"ERR", "WARN", "INF",
                                                      "DBG"};

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
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

std::string format_time(int64_t time_ns) {
  using namespace std::chrono;
  const sys_time<nanoseconds> at{nanoseconds{time_ns}
                                 + nanoseconds{epoch_2000_ns}};
  const auto day = date::floor<date::days>(at);
  const date::year_month_day ymd{day};
  const date::hh_mm_ss<nanoseconds> time{at - day};
  return fmt::format(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(ymd.year()),
    static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
    time.hours().count(), time.minutes().count(), time.seconds().count(),
    time.subseconds().count());
}

std::string format_line(const log_entry& entry, bool json) {
  const auto time = format_time(entry.time_ns);
  if (!json)
    return fmt::format("{}|{}|{}|{}|{}|{}|{}", time, entry.host,
                       entry.process_type, entry.process_name,
                       to_string(entry.level), entry.id, escape(entry.message));
  const nlohmann::ordered_json line{{"time", time},
                                    {"host", entry.host},
                                    {"proctype", entry.process_type},
                                    {"procname", entry.process_name},
                                    {"level", to_string(entry.level)},
                                    {"id", entry.id},
                                    {"message", entry.message}};
  return line.dump(-1, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace);
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
