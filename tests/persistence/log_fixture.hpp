#pragma once

#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::persistence {

/// Where the logs of these tests lie, on a disk in memory.
inline constexpr const char* log_directory = "/log";

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

/// A message as the tests compare it.
struct told {
  position begin;
  position end;
  std::string on;
  int64_t id = 0;
  std::string payload;
  friend bool operator==(const told&, const told&) = default;
};

/// What a reader said, until the end.
struct reading {
  std::vector<told> messages;
  std::vector<stream_event> events;
  /// 'm' and 'e' in the order of delivery.
  std::string order;
  position end;
};

inline reading read_on(log_reader& reader) {
  reading out;
  for (;;) {
    auto item = reader.next();
    if (!item) {
      ADD_FAILURE() << to_string(item.failure());
      return out;
    }
    if (const auto* message = std::get_if<log_message>(&*item)) {
      const auto& frame = message->frame;
      out.messages.push_back(
        {message->begin, message->end, std::string{frame.header.on},
         frame.header.id,
         std::string{reinterpret_cast<const char*>(frame.payload.data()),
                     frame.payload.size()}});
      out.order += 'm';
      EXPECT_EQ(reader.where(), message->end);
    } else if (const auto* event = std::get_if<stream_event>(&*item)) {
      out.events.push_back(*event);
      out.order += 'e';
      EXPECT_EQ(reader.where(), event->to);
    } else {
      out.end = std::get<log_end>(*item).end;
      return out;
    }
    if (out.order.size() > 10'000'000) {
      ADD_FAILURE() << "the reader does not come to an end";
      return out;
    }
  }
}

inline reading read_all(file_system& fs, const std::string& directory,
                        std::optional<position> from = {},
                        damage_policy policy = damage_policy::next_file) {
  auto reader
    = log_reader::open(fs, {.directory = directory, .damage = policy}, from);
  if (!reader) {
    ADD_FAILURE() << to_string(reader.failure());
    return {};
  }
  return read_on(**reader);
}

/// Payloads of many sizes, told apart by their number.
inline std::string payload_of(int64_t number) {
  const auto n = static_cast<size_t>(number < 0 ? -number : number);
  std::string text = "message " + std::to_string(number) + " ";
  text.resize(n * 37 % 211, static_cast<char>('a' + n % 26));
  return text;
}

} // namespace millrace::persistence
