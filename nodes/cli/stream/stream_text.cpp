#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace millrace::nodes {

std::string place_text(const text::json_value& at) {
  return to_string(position{at.natural().value_or(0)});
}

std::string consumer_lines(const text::json_value& consumers) {
  std::string out;
  for (const auto& each : consumers.elements()) {
    const auto* name = each.at("consumer").text();
    const auto& from = each.at("needs_from");
    out += fmt::format("  {}: {}\n", name != nullptr ? *name : "",
                       from.is_null() ? "has not told what it needs"
                                      : "needs all from " + place_text(from));
  }
  return out;
}

std::string subscriber_lines(const text::json_value& connected) {
  std::string out;
  for (const auto& each : connected.elements()) {
    const auto& lag = each.at("lag");
    const auto bytes = lag.at("bytes").natural().value_or(0);
    const auto ms = lag.at("ms").natural().value_or(0);
    out += fmt::format(
      "  process {} at {}: {}\n", each.at("pid").text_or_empty(),
      each.at("node").text_or_empty(),
      bytes == 0 && ms == 0
        ? "at the end"
        : fmt::format("{}{} bytes, {} messages, {}.{:03} s behind",
                      lag.at("at_least").boolean().value_or(false) ? "at least "
                                                                   : "",
                      bytes, lag.at("messages").natural().value_or(0),
                      ms / 1000, ms % 1000));
  }
  return out;
}

std::string gone_lines(const text::json_value& report, bool dry) {
  const auto& files = report.at("files").elements();
  auto out = fmt::format("{} files of {} bytes {}\n", files.size(),
                         report.at("bytes").natural().value_or(0),
                         dry ? "would go" : "go");
  for (const auto& file : files) {
    const auto* name = file.at("file").text();
    out += fmt::format("  {} {} bytes\n", name != nullptr ? *name : "",
                       file.at("bytes").natural().value_or(0));
  }
  if (!files.empty())
    out += fmt::format("the stream {} at {}\n", dry ? "would begin" : "begins",
                       place_text(report.at("begin")));
  if (const auto& losers = report.at("losers"); !losers.elements().empty())
    out += fmt::format("consumers that {} messages\n{}",
                       dry ? "would lose" : "lose", consumer_lines(losers));
  return out;
}

bool is_ordered(const text::json_value& facts) {
  if (!facts.at("published_by").text_or_empty().empty())
    return true; // By the one process that publishes it.
  const auto& nodes = facts.at("nodes").elements();
  return std::any_of(nodes.begin(), nodes.end(), [](const auto& each) {
    return each.at("leads").boolean().value_or(false);
  });
}

int fail_unordered(const std::string& stream) {
  (void)fail({errc::unavailable,
              "stream '" + stream
                + "': no node orders it now; what is shown is what one of its "
                  "nodes has, and 'millrace status' says what they lack"});
  return exit_negative;
}

int fail_to_cut(const error& why) {
  const auto code = fail(why);
  const bool said_no
    = why.code == errc::invalid_argument || why.code == errc::already_exists;
  return said_no ? static_cast<int>(exit_negative) : code;
}

void print_text(const std::string& text) {
  fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
  flush_output();
}

} // namespace millrace::nodes
