#include <millrace/persistence/log/record_salvage.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace millrace::persistence {
namespace {

const lineage_id salvage_lineage{{7, 8}};
constexpr position salvage_place = position::of(3, 1, 4096);

/// Three records: of messages, of an event, and of messages again, of payloads
/// from nothing to 200 bytes.
std::vector<std::byte> three_records() {
  record_builder out{salvage_lineage, salvage_place};
  int64_t id = 0;
  const auto add = [&](record_kind kind, size_t bytes) {
    message_header header;
    header.on = kind == record_kind::event ? "" : "feed";
    header.id = ++id;
    header.ts = id * 1000;
    const std::vector<std::byte> payload(bytes, std::byte{0x5a});
    out.add(kind, payload_kind::opaque, header, payload);
  };
  for (const size_t bytes : {100, 0, 8, 200, 40})
    add(record_kind::messages, bytes);
  add(record_kind::event, 64);
  for (const size_t bytes : {16, 0, 0, 32, 100})
    add(record_kind::messages, bytes);
  out.close_record();
  return {out.bytes().begin(), out.bytes().end()};
}

struct salvaged_bytes {
  std::map<int64_t, size_t> messages; ///< Where, by their ids.
  size_t lost = 0;
};

/// @pre they are records from their first byte to their last
salvaged_bytes read_salvaged(std::span<const std::byte> bytes) {
  salvaged_bytes out;
  for (size_t at = 0; at < bytes.size();) {
    const auto parsed
      = parse_record(bytes.subspan(at), salvage_lineage,
                     {salvage_place.value + at}, payload_check::verify);
    if (parsed.kind != parse_outcome::what::record) {
      ADD_FAILURE() << "no record at " << at << ": " << parsed.reason;
      return out;
    }
    const auto& record = parsed.record;
    if (record.kind == record_kind::padding)
      out.lost += record.length;
    else
      for (auto frame = record.first_frame; frame < record.length;
           frame = record.frame_at(frame).end)
        out.messages[record.frame_at(frame).header.id] = at + frame;
    at += record.length;
  }
  return out;
}

TEST(RecordSalvageTest, EveryFlippedByteCostsAMessageOrItsRecord) {
  const auto whole = three_records();
  const auto before = read_salvaged(whole);
  ASSERT_EQ(before.messages.size(), 11u);
  size_t kept_most = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    SCOPED_TRACE(at);
    auto damaged = whole;
    damaged[at] ^= std::byte{0x10};
    const auto left = salvage_records(damaged, salvage_lineage, salvage_place);
    ASSERT_EQ(left.size(), whole.size());
    const auto got = read_salvaged(left);
    for (const auto& [id, place] : got.messages) {
      EXPECT_EQ(place, before.messages.at(id)) << "it moved: " << id;
      // But for the way back to its record.
      EXPECT_TRUE(std::equal(whole.begin() + static_cast<ptrdiff_t>(place),
                             whole.begin() + static_cast<ptrdiff_t>(place + 28),
                             left.begin() + static_cast<ptrdiff_t>(place)));
    }
    EXPECT_GT(got.lost, 0u);
    EXPECT_TRUE(are_salvaged_of(left, whole, salvage_lineage, salvage_place));
    if (got.messages.size() >= 9)
      ++kept_most;
  }
  // Payloads are most of the bytes.
  EXPECT_GT(kept_most, whole.size() / 2);
}

TEST(RecordSalvageTest, WhatIsIntactStaysAsItIs) {
  const auto whole = three_records();
  EXPECT_EQ(salvage_records(whole, salvage_lineage, salvage_place), whole);
  EXPECT_FALSE(are_salvaged_of(whole, whole, salvage_lineage, salvage_place))
    << "nothing of it is lost";
}

TEST(RecordSalvageTest, WhatNeverWasARecordIsLostAsAWhole) {
  for (const size_t bytes : {24, 32, 1000, 40000}) {
    const auto left
      = salvage_records(std::vector<std::byte>(bytes, std::byte{0x77}),
                        salvage_lineage, salvage_place);
    EXPECT_EQ(read_salvaged(left).lost, bytes);
  }
}

TEST(RecordSalvageTest, AnotherMessageInItsPlaceIsNoneOfIt) {
  const auto whole = three_records();
  auto damaged = whole;
  damaged[70] ^= std::byte{1}; // Of the first payload.
  const auto left = salvage_records(damaged, salvage_lineage, salvage_place);
  auto other = whole;
  other[other.size() - 8] ^= std::byte{1};
  EXPECT_FALSE(are_salvaged_of(left, other, salvage_lineage, salvage_place));
}

TEST(RecordSalvageTest, AStateSaysNothingAnyMore) {
  record_builder out{salvage_lineage, salvage_place};
  message_header header;
  header.id = 0;
  out.add(record_kind::state, payload_kind::opaque, header,
          std::vector<std::byte>(64, std::byte{3}));
  out.close_record();
  std::vector<std::byte> damaged{out.bytes().begin(), out.bytes().end()};
  const auto parse = [](std::span<const std::byte> bytes) {
    return parse_record(bytes, salvage_lineage, salvage_place,
                        payload_check::verify);
  };
  EXPECT_FALSE(is_lost_state(parse(damaged).record));
  damaged[70] ^= std::byte{1};
  const auto left = salvage_records(damaged, salvage_lineage, salvage_place);
  const auto got = parse(left);
  ASSERT_EQ(got.kind, parse_outcome::what::record);
  EXPECT_EQ(got.record.length, left.size());
  EXPECT_TRUE(is_lost_state(got.record));
}

} // namespace
} // namespace millrace::persistence
