#pragma once

// A stream on a node that is alone, without actors: inputs go in by hand, out/
// is read back.

#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// Keeps the newest checkpoint, for as many lives as there are.
struct kept_state {
  std::optional<std::vector<std::byte>> bytes;
  std::optional<std::vector<std::byte>> anchor;
};

struct memory_store final : state_store {
  explicit memory_store(kept_state& where) : kept{&where} {}
  result<std::optional<std::vector<std::byte>>> load() override {
    return kept->bytes;
  }
  error save(std::span<const std::byte> state) override {
    kept->bytes.emplace(state.begin(), state.end());
    return {};
  }
  result<std::optional<std::vector<std::byte>>> load_anchor() override {
    return kept->anchor;
  }
  error save_anchor(std::span<const std::byte> state) override {
    kept->anchor.emplace(state.begin(), state.end());
    return {};
  }
  kept_state* kept;
};

inline std::map<std::string, std::vector<std::byte>>
out_files(sim::memory_file_system& disk) {
  std::map<std::string, std::vector<std::byte>> found;
  for (const auto& file :
       *persistence::list_log_files(disk, "/rt/market/out")) {
    const auto path
      = "/rt/market/out/" + persistence::log_file_name(file.session, file.roll);
    found[path] = disk.content(path);
  }
  return found;
}

class SequencerCoreTest : public ::testing::TestWithParam<bool> {
protected:
  SequencerCoreTest() {
    env.fs = &disk;
    env.clock = &clock;
    env.random = [this] { return ++random_; };
  }

  void open() {
    core.reset();
    auto opened = sequencer_core::open(env,
                                       {.stream = "market",
                                        .directory = "/rt/market",
                                        .cached = GetParam(),
                                        .roll_bytes = 4096,
                                        .draws_first_place = draws,
                                        .checkpoint_bytes = 1024},
                                       std::make_unique<memory_store>(kept));
    ASSERT_TRUE(opened) << to_string(opened.failure());
    core = *std::move(opened);
  }

  /// Another stream, on an empty disk.
  void begin_anew() {
    core.reset();
    ASSERT_FALSE(disk.remove_all("/rt"));
    kept = {};
    id = 0;
    end = position::of(0, 0, 0);
    random_ = 0;
    open();
  }

  /// The publisher's log grows by messages, and the copy of it here.
  /// @param apart each is a record of its own.
  void publish(int count, bool apart = false) {
    auto grant = core->open_input(name);
    ASSERT_TRUE(grant) << to_string(grant.failure());
    persistence::record_builder records{name.lineage, end};
    for (int i = 0; i < count; ++i) {
      message_header header;
      header.on = "a";
      header.id = ++id;
      const auto payload = "message " + std::to_string(id);
      records.add(persistence::record_kind::messages, payload_kind::opaque,
                  header, std::as_bytes(std::span{payload}));
      if (apart)
        records.close_record();
    }
    records.close_record();
    const auto path = grant->directory + "/log.0.0";
    ASSERT_FALSE(disk.create_directories(grant->directory));
    auto file = disk.open(path, persistence::open_mode::write);
    ASSERT_TRUE(file);
    ASSERT_FALSE((*file)->write_at(end.offset(), records.bytes()));
    core->recorded(grant->copy, end, records.end(),
                   chunk::copy_of(records.bytes()));
    core->durable(grant->copy, records.end());
    end = records.end();
  }

  void run() {
    for (auto done = core->advance();;) {
      ASSERT_TRUE(done) << to_string(done.failure());
      refused_checkpoint = false;
      if (checkpoints && core->checkpoint_due()) {
        const auto job = core->begin_checkpoint();
        if (!job && job.failure().code == errc::no_space) {
          refused_checkpoint = true;
          return;
        }
        ASSERT_TRUE(job) << to_string(job.failure());
        ASSERT_FALSE(core->finish_checkpoint(*job, job->sync.run()));
        done = core->advance();
        continue;
      }
      if (!core->needs_sync())
        return;
      auto job = core->begin_sync();
      done = core->finish_sync(job.end, job.run());
    }
  }

  /// So many times a record, or several, each ordered before the next.
  void publish_and_run(int times, int count, bool apart = false) {
    for (int i = 0; i < times; ++i) {
      publish(count, apart);
      run();
    }
  }

  std::vector<int64_t> merged_ids() {
    std::vector<int64_t> ids;
    auto reader = persistence::log_reader::open(
      disk, {.directory = "/rt/market/out"}, {});
    EXPECT_TRUE(reader) << to_string(reader.failure());
    for (;;) {
      auto item = (*reader)->next();
      EXPECT_TRUE(item) << to_string(item.failure());
      if (std::holds_alternative<persistence::log_end>(*item))
        return ids;
      if (const auto* message = std::get_if<persistence::log_message>(&*item))
        ids.push_back(message->frame.header.id);
    }
  }

  std::vector<int64_t> all_ids() const {
    std::vector<int64_t> ids;
    for (int64_t i = 1; i <= id; ++i)
      ids.push_back(i);
    return ids;
  }

  bool checkpoints = false;
  bool draws = false;              ///< Where a stream begins.
  bool refused_checkpoint = false; ///< The last one, by a full disk.
  sim::memory_file_system disk{1};
  test_support::manual_clock clock;
  persistence::env env;
  kept_state kept;
  std::unique_ptr<sequencer_core> core;
  const input_name name{"a.market", {{5, 6}}};
  position end = position::of(0, 0, 0);
  int64_t id = 0;

private:
  uint64_t random_ = 0;
};

} // namespace millrace::rt
