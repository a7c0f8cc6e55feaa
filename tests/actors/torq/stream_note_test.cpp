#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <span>
#include <string_view>

namespace millrace::torq {
namespace {

constexpr const char* note_path = "/data/streams/rdb1";

error put_note(sim::memory_file_system& disk, std::string_view text) {
  return persistence::replace_file(disk, note_path,
                                   std::as_bytes(std::span{text}));
}

TEST(StreamNoteTest, IsReadAsItWasWritten) {
  sim::memory_file_system disk{1};
  const auto none = read_stream_note(disk, note_path);
  ASSERT_TRUE(none) << to_string(none.failure());
  EXPECT_EQ(*none, stream_note{});
  const stream_note note{
    {{1, 2}}, true, "/hdb", "market", {"one", "two \"quoted\"\n"},
    "away",   true};
  ASSERT_FALSE(write_stream_note(disk, note_path, note));
  const auto got = read_stream_note(disk, note_path);
  ASSERT_TRUE(got) << to_string(got.failure());
  EXPECT_EQ(*got, note);
}

TEST(StreamNoteTest, OneOfAnEarlierReleaseIsRead) {
  sim::memory_file_system disk{1};
  ASSERT_FALSE(disk.create_directories("/data/streams"));
  ASSERT_FALSE(put_note(
    disk,
    R"({"life":"00000000000000010000000000000002","hdb":true,"losses":["a"]})"));
  const auto got = read_stream_note(disk, note_path);
  ASSERT_TRUE(got) << to_string(got.failure());
  EXPECT_EQ(*got,
            (stream_note{.life = {1, 2}, .has_rows = true, .losses = {"a"}}));
  // One that told apart what was gone.
  ASSERT_FALSE(
    put_note(disk, R"({"life":"00000000000000010000000000000002","hdb":false,)"
                   R"("losses":[],"gone":"away","goneHadRows":true})"));
  const auto earlier = read_stream_note(disk, note_path);
  ASSERT_TRUE(earlier) << to_string(earlier.failure());
  EXPECT_EQ(*earlier,
            (stream_note{.life = {1, 2}, .has_rows = true, .gone = "away"}));
}

TEST(StreamNoteTest, WhatIsNoNoteIsCorrupt) {
  sim::memory_file_system disk{1};
  ASSERT_FALSE(disk.create_directories("/data/streams"));
  for (
    const auto* text :
    {"", "{", "[]", R"({"life":"x","hdb":true,"losses":[]})",
     R"({"life":"00000000000000010000000000000002","hdb":true})",
     R"({"life":"00000000000000010000000000000002","losses":[]})",
     R"({"life":"00000000000000010000000000000002","hdb":1,"losses":[]})",
     R"({"life":"00000000000000010000000000000002","hdb":true,"losses":1})"}) {
    ASSERT_FALSE(put_note(disk, text));
    const auto got = read_stream_note(disk, note_path);
    EXPECT_EQ(got.failure().code, errc::corrupt) << text;
    EXPECT_NE(got.failure().context.find(note_path), std::string::npos) << text;
  }
}

} // namespace
} // namespace millrace::torq
