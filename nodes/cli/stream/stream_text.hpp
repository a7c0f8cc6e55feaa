#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <string>

namespace millrace::nodes {

/// A position as JSON has it, for people: "log.0.3 @ 4096".
[[nodiscard]] std::string place_text(const text::json_value& at);

/// A line per consumer: its name, and what it needs.
[[nodiscard]] std::string consumer_lines(const text::json_value& consumers);

/// A line per subscriber that is connected: its process, and how far it is
/// behind; the one that is most behind first, as they are given.
[[nodiscard]] std::string subscriber_lines(const text::json_value& connected);

/// Which files of a stream go, or would, and who loses what with them.
[[nodiscard]] std::string gone_lines(const text::json_value& report, bool dry);

/// Whether one of a stream's nodes orders it, as `whole_stream_status` says.
[[nodiscard]] bool is_ordered(const text::json_value& facts);

/// Prints that none does. @returns the exit code, 1
[[nodiscard]] int fail_unordered(const std::string& stream);

/// Prints why a stream is not cut. @returns the exit code: 1 where that would
/// lose messages for a consumer, or was done before
[[nodiscard]] int fail_to_cut(const error& why);

/// Prints a line, or a text of several that ends with one.
void print_text(const std::string& text);

} // namespace millrace::nodes
