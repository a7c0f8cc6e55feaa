#pragma once

// The merge without actors: input bytes are built by hand, entries applied one
// by one, and out/ is read back.

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::rt {

struct merged_log {
  std::vector<int64_t> ids;
  std::vector<std::string> payloads;
  std::vector<stream_event> events;
  std::vector<period_id> periods;
};

class MergeCoreTest : public ::testing::Test {
protected:
  MergeCoreTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [this] { return ++random_; };
    start(roll_bytes);
  }

  void start(uint64_t roll, id_policy ids = id_policy::strict) {
    persistence::log_writer_options options;
    options.directory = "out";
    options.session = persistence::session_policy::resume;
    merge_state fresh;
    fresh.layout = {{{1, 2}}, roll, options.record_bytes, ids};
    options.lineage = fresh.layout.lineage;
    auto opened = persistence::log_writer::open(env, options);
    ASSERT_TRUE(opened) << to_string(opened.failure());
    out = *std::move(opened);
    core = std::make_unique<merge_core>(std::move(fresh), *out);
  }

  /// A range in one part; none for other entries.
  static std::vector<std::span<const std::byte>>
  whole(std::span<const std::byte> bytes) {
    return bytes.empty() ? std::vector<std::span<const std::byte>>{}
                         : std::vector{bytes};
  }

  static std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
  }

  void open_input(uint32_t input, const std::string& directory) {
    ASSERT_TRUE(
      apply(rt::open_input{input_id{input}, directory, {{9, input}}}));
    ends[input] = position::of(0, 0, 0);
  }

  /// The next entry; what it did is added to `effects`.
  bool apply(const merge_entry& entry, std::span<const std::byte> bytes = {}) {
    index = index.next();
    auto done = core->apply(index, entry, whole(bytes));
    EXPECT_TRUE(done) << to_string(done.failure());
    if (done)
      effects.insert(effects.end(), done->begin(), done->end());
    return done.has_value();
  }

  struct sent {
    int64_t id;
    std::string payload;
    payload_kind kind = payload_kind::opaque;
  };

  /// One range of records of `origin`; @returns the entry, to apply it again.
  std::pair<merge_range, std::vector<std::byte>>
  merge(uint32_t input, const std::string& origin,
        const std::vector<sent>& messages) {
    persistence::record_builder records{{{9, input}}, ends[input]};
    for (const auto& message : messages) {
      message_header header;
      header.on = origin;
      header.id = message.id;
      header.ts = 1000 + message.id;
      records.add(persistence::record_kind::messages, message.kind, header,
                  bytes_of(message.payload));
    }
    records.close_record();
    std::vector<std::byte> bytes{records.bytes().begin(),
                                 records.bytes().end()};
    const merge_range range{input_id{input}, ends[input], records.end()};
    ends[input] = records.end();
    EXPECT_TRUE(apply(range, bytes));
    return {range, std::move(bytes)};
  }

  /// A record of a publisher's log that is no message.
  void say(uint32_t input, persistence::record_kind kind, payload_kind what,
           const std::string& origin, std::span<const std::byte> payload) {
    persistence::record_builder records{{{9, input}}, ends[input]};
    message_header header;
    header.on = origin;
    header.id = 0;
    header.ts = 1000;
    records.add(kind, what, header, payload);
    records.close_record();
    const auto bytes = records.bytes();
    const merge_range range{input_id{input}, ends[input], records.end()};
    ends[input] = records.end();
    EXPECT_TRUE(apply(range, bytes));
  }

  merged_log read_out() {
    merged_log log;
    auto reader = persistence::log_reader::open(disk, {.directory = "out"}, {});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (;;) {
      auto item = (*reader)->next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (std::holds_alternative<persistence::log_end>(*item))
        return log;
      if (auto* event = std::get_if<stream_event>(&*item)) {
        log.events.push_back(*event);
        continue;
      }
      const auto& message = std::get<persistence::log_message>(*item);
      const auto& payload = message.frame.payload;
      if (message.kind == persistence::record_kind::marker) {
        log.periods.push_back(decode_end_of_period(payload)->period);
        continue;
      }
      log.ids.push_back(message.frame.header.id);
      log.payloads.emplace_back(reinterpret_cast<const char*>(payload.data()),
                                payload.size());
    }
  }

  static constexpr uint64_t roll_bytes = uint64_t{1} << 20;
  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
  std::unique_ptr<persistence::log_writer> out;
  std::unique_ptr<merge_core> core;
  std::map<uint32_t, position> ends;
  entry_index index;
  std::vector<merge_effect> effects;

private:
  uint64_t random_ = 0;
};

} // namespace millrace::rt
