// The publisher's rules, on a disk in memory and with jobs run by hand.

#include "publisher_core_fixture.hpp"

namespace millrace::rt {
namespace {

TEST_F(PublisherTest, IdsStepByOneInMagnitudeAndKeepTheirSign) {
  open_journal();
  for (const auto id : {1, -2, 3, 4})
    ASSERT_TRUE(publish(id));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  const auto headers = logged();
  ASSERT_EQ(headers.size(), 4u);
  EXPECT_EQ(headers[1].id, -2);
}

// Method: a message is recorded after the sync has begun.
TEST_F(PublisherTest, ASyncCoversNothingThatWasWrittenWhileItRan) {
  open_journal();
  std::optional<publish_token> later;
  env.crash_point = [&](std::string_view point) {
    if (point != "pub.before_sync" || later)
      return;
    const auto token = publish(2);
    ASSERT_TRUE(token);
    later = *token;
    ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  };
  const auto first = publish(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(pub->flush(ack_level::synced, 0ms).code, errc::timeout);
  io.run_all();
  ASSERT_TRUE(later);
  EXPECT_EQ(pub->reached(ack_level::synced), first->end);
  EXPECT_EQ(pub->reached(ack_level::recorded), later->end);
}

TEST_F(PublisherTest, RefusedIdsAreNamedAndWriteNothing) {
  open_journal();
  ASSERT_TRUE(publish(1));
  ASSERT_TRUE(publish(2));
  const auto before = pub->appended();
  for (const int64_t bad : {-2, 2, 4, 0, 1}) {
    const auto refused = publish(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.failure().code, errc::bad_id);
    const auto& text = refused.failure().context;
    EXPECT_NE(text.find(std::to_string(bad)), std::string::npos) << text;
    EXPECT_NE(text.find('2'), std::string::npos) << text;
  }
  EXPECT_EQ(pub->appended(), before);
  EXPECT_TRUE(publish(-3));
}

// RT has its origin by another directory, as of a life before.
TEST_F(PublisherTest, AnOriginThatOthersMayWriteIsNumberedWhenRtHasTold) {
  const publisher_options options{
    .topic = "market", .log_path = "/pub", .host = "a", .origin = "quotes"};
  for (int64_t life = 0; life < 2; ++life) {
    open(options);
    EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified);
    EXPECT_EQ(pub->wait_verified(0ms).code, errc::origin_unverified);
    pub->verify({10 * life + 5, {}});
    EXPECT_FALSE(pub->wait_verified(0ms));
    const auto behind = publish(10 * life + 5);
    ASSERT_FALSE(behind);
    EXPECT_EQ(behind.failure().code, errc::id_behind);
    EXPECT_EQ(publish(null_long)->id, 10 * life + 6);
    // A second node tells of a writer of the same sequence.
    pub->verify({10 * life + 9, {}});
    EXPECT_EQ(publish(null_long)->id, 10 * life + 7);
    ASSERT_FALSE(pub->close());
    end();
  }
  // One of its directory's name, which has all of its log, waits for nobody.
  open({.topic = "market", .log_path = "/pub", .host = "b"});
  pub->verify({0, {}});
  EXPECT_TRUE(publish(null_long));
  ASSERT_FALSE(pub->close());
  end();
  open({.topic = "market", .log_path = "/pub", .host = "b"});
  EXPECT_EQ(publish(null_long)->id, 2);
}

TEST_F(PublisherTest, AFencedOnePublishesNothingMoreAndSaysWhy) {
  open({.topic = "market", .log_path = "/pub", .host = "a"});
  pub->verify({0, {}});
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  const error why{errc::fenced, "origin 'q': 'b.market' writes it"};
  pub->fence(why);
  const auto before = pub->appended();
  EXPECT_EQ(publish(null_long).failure(), why);
  // What another node says late does not take it back.
  pub->verify({1, {}});
  EXPECT_EQ(publish(null_long).failure(), why);
  EXPECT_EQ(pub->appended(), before);
  EXPECT_EQ(pub->wait(*token, ack_level::committed, 1h), why) << "told at once";
  EXPECT_FALSE(pub->flush(ack_level::recorded, 1s));
  EXPECT_FALSE(pub->close()) << "the log ends cleanly";
}

TEST_F(PublisherTest, WhoReplaysMayGoBackAndTheNextLifeAsksFirst) {
  publisher_options options{.topic = "market", .log_path = "/pub", .host = "a"};
  open(options);
  pub->verify({0, {}});
  for (int i = 0; i < 9; ++i)
    ASSERT_TRUE(publish(null_long));
  ASSERT_FALSE(pub->close());
  end();
  options.replay = true;
  open(options);
  pub->verify({9, {}});
  EXPECT_EQ(publish(1)->id, 1);
  EXPECT_EQ(publish(null_long)->id, 2);
  EXPECT_EQ(publish(4).failure().code, errc::bad_id);
  ASSERT_FALSE(pub->close());
  end();
  options.replay = false;
  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified)
    << "its log ends with id 2";
  pub->verify({9, {}});
  EXPECT_EQ(publish(null_long)->id, 10);
  end();
  EXPECT_EQ(
    publisher::open(env, {.topic = "/journal", .replay = true}).failure().code,
    errc::invalid_argument);
}

TEST_F(PublisherTest, FirstIdSetsTheBaselineAndUnsetOnesFollow) {
  open_journal();
  ASSERT_TRUE(publish(-41));
  const auto next = publish(null_long);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->id, 42);
}

TEST_F(PublisherTest, HeaderDefaultsAreNowAndNoTimeout) {
  open_journal();
  ASSERT_TRUE(publish(null_long));
  ASSERT_TRUE(publish(null_long, 0));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  const auto headers = logged();
  EXPECT_EQ(headers[0].ts, clock.now_ns());
  EXPECT_EQ(headers[0].id, 1);
  EXPECT_EQ(headers[0].to, null_int);
  EXPECT_EQ(headers[1].to, 0);
  EXPECT_EQ(publish(null_long, -1).failure().code, errc::invalid_argument);
}

TEST_F(PublisherTest, OversizedPayloadIsRefused) {
  open_journal();
  const std::vector<std::byte> large(payload_bytes_max + 1);
  EXPECT_EQ(pub->publish(large).failure().code, errc::oversize);
  EXPECT_TRUE(pub->publish(std::span{large}.first(payload_bytes_max)));
}

TEST_F(PublisherTest, FilesOfACachedStreamAreNotHeldOpenForEver) {
  open({.topic = "/journal",
        .origin = "a",
        .cached = true,
        .roll_bytes = 64u << 10});
  const std::vector<std::byte> payload(60u << 10);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(pub->publish(payload));
    io.run_all();
  }
  const auto synced = persistence::read_synced_end(disk, "/journal");
  ASSERT_TRUE(synced);
  EXPECT_GE(synced->roll(), persistence::unsynced_files_max);
}

TEST_F(PublisherTest, NamesThatLeadElsewhereAreRefused) {
  for (const auto* host : {"../../outside", "a/b", ".dot", "caf\xe9", "b.c"}) {
    const auto made
      = publisher::open(env, {.topic = "a", .log_path = "/pub", .host = host});
    ASSERT_FALSE(made) << host;
    EXPECT_EQ(made.failure().code, errc::invalid_argument);
  }
  EXPECT_EQ(
    publisher::open(
      env, {.topic = "a", .log_path = "/pub", .host = "h", .origin = "caf\xe9"})
      .failure()
      .context,
    "origin: is not UTF-8");
  EXPECT_FALSE(disk.exists("/pub"));
  open_journal();
  EXPECT_EQ(pub->publish({}, {.on = "caf\xe9"}).failure().code,
            errc::invalid_argument);
}

TEST_F(PublisherTest, NewDirectoryWaitsForTheWatermark) {
  open({.topic = "market", .log_path = "/pub", .host = "h"});
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified);
  pub->verify({-9, {}});
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, 10) << "RT had seen |id| 9 of this origin";
}

TEST_F(PublisherTest, TheLastWordOfRtIsKept) {
  open({.topic = "market", .log_path = "/pub", .host = "h"});
  EXPECT_FALSE(pub->told());
  pub->verify({2, {{"a", 20, 2}}});
  pub->verify({5, {{"a", 50, 5}, {"b", 10, 1}}});
  const auto told = pub->told();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->watermark, 5);
  ASSERT_EQ(told->cursors.size(), 2u);
  EXPECT_EQ(told->cursors[0].row, 5u);
  EXPECT_EQ(told->cursors[1].name, "b");
}

TEST_F(PublisherTest, RestartGoesOnBehindTheLoggedId) {
  open({.topic = "market", .log_path = "/pub", .host = "h"});
  pub->verify({0, {}});
  ASSERT_TRUE(publish(5));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  end();
  open({.topic = "market", .log_path = "/pub", .host = "h"});
  const auto token = publish(null_long);
  ASSERT_TRUE(token) << to_string(token.failure());
  EXPECT_EQ(token->id, 6);
  EXPECT_EQ(token->end.session(), 1u);
}

TEST_F(PublisherTest, RunsThatEndCleanlyCostNeitherSessionsNorFiles) {
  const publisher_options options{
    .topic = "market", .log_path = "/pub", .host = "h"};
  constexpr int64_t runs = 300;
  position end;
  for (int64_t run = 1; run <= runs; ++run) {
    open(options);
    if (run == 1)
      pub->verify({0, {}});
    const auto token = publish(null_long);
    ASSERT_TRUE(token) << to_string(token.failure());
    EXPECT_EQ(token->id, run);
    EXPECT_EQ(token->end.session(), 0u);
    EXPECT_GT(token->end, end);
    end = token->end;
    ASSERT_FALSE(pub->close());
    pub.reset();
  }
  open(options);
  EXPECT_EQ(persistence::list_log_files(disk, pub->directory())->size(), 1u);
  EXPECT_EQ(logged().size(), static_cast<size_t>(runs));
}

// A file goes when all nodes let go of their copies, and none while it is not
// known of one.
TEST_F(PublisherTest, FilesGoWhenAllCopiesWent) {
  open({.topic = "market",
        .log_path = "/pub",
        .host = "h",
        .roll_bytes = 1024,
        .copies = 2});
  pub->verify({0, {}});
  for (int64_t id = 1; id <= 60; ++id)
    ASSERT_TRUE(publish(id));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  EXPECT_FALSE(pub->collected("rt0", {position::of(0, 3, 100), {}}));
  EXPECT_FALSE(pub->collected("rt0", {position::of(0, 3, 100), {}}));
  auto job = pub->collected("rt1", {position::of(0, 2, 8), {}});
  ASSERT_TRUE(job);
  EXPECT_EQ(logged().size(), 60u);
  ASSERT_FALSE(job());
  EXPECT_LT(logged().size(), 60u);
  EXPECT_EQ(logged().back().id, 60);
  EXPECT_FALSE(disk.exists("/pub/h.market/log.0.0"));
  EXPECT_TRUE(disk.exists("/pub/h.market/log.0.2"));
  EXPECT_FALSE(pub->collected("rt1", {position::of(0, 2, 8), {}}));
  // What comes late touches no file of the next owner.
  auto late = pub->collected("rt1", {position::of(0, 3, 0), {}});
  ASSERT_TRUE(late);
  ASSERT_FALSE(pub->close());
  const auto left = logged().size();
  ASSERT_FALSE(late());
  EXPECT_EQ(logged().size(), left);
  end();
  open({.topic = "market", .log_path = "/pub", .host = "h"});
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, 61);
}

TEST_F(PublisherTest, ALostTailIsAskedForUntilTheLogGoesOnBehindIt) {
  const publisher_options options{
    .topic = "market", .log_path = "/pub", .host = "h"};
  open(options);
  pub->verify({0, {}});
  ASSERT_TRUE(publish(1));
  ASSERT_TRUE(publish(2));
  ASSERT_EQ(pub->flush(ack_level::synced, 0ms).code, errc::timeout);
  io.run_all();
  ASSERT_TRUE(publish(3)); // Merged by RT, and lost here:
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  end();
  disk.cut_power(sim::survival::nothing);

  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified);
  end();
  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified)
    << "only a process died since, and nobody was asked";
  pub->verify({3, {}});
  end();
  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified)
    << "the answer was not used";
  pub->verify({3, {}});
  message_header other;
  other.on = "other";
  ASSERT_TRUE(pub->publish(std::as_bytes(std::span{"x", 1}), other));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  end();
  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified)
    << "only another origin went on";
  pub->verify({3, {}});
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, 4);
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  end();
  open(options);
  const auto next = publish(null_long);
  ASSERT_TRUE(next) << to_string(next.failure());
  EXPECT_EQ(next->id, 5);
}

// What ended cleanly is whole, whatever becomes of a life that only began; what
// lost its tail is in doubt until its log went on.
TEST_F(PublisherTest, AStartThatFailsLeavesOnlyTheDoubtThatWasThere) {
  const publisher_options options{
    .topic = "market", .log_path = "/pub", .host = "h"};
  const auto fails_to_start = [&] {
    uint64_t starts_failed = 0;
    for (uint64_t room = 0; room < 2'000; room += 8) {
      disk.leave_free(room);
      if (auto made = publisher::open(env, options); made)
        break;
      ++starts_failed;
    }
    disk.set_quota({});
    return starts_failed;
  };
  open(options);
  pub->verify({0, {}});
  ASSERT_TRUE(publish(1));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  io.run_all();
  ASSERT_FALSE(pub->close());
  pub.reset();
  EXPECT_EQ(fails_to_start(), 0u) << "a log that goes on needs no room";
  open(options);
  const auto token = publish(null_long);
  ASSERT_TRUE(token) << to_string(token.failure());
  EXPECT_EQ(token->id, 2);
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  end();
  disk.cut_power(sim::survival::nothing);
  EXPECT_GT(fails_to_start(), 0u);
  open(options);
  EXPECT_EQ(publish(null_long).failure().code, errc::origin_unverified);
}

TEST_F(PublisherTest, AListenerThatIsBehindGetsFewLargeParts) {
  open_journal();
  std::vector<uint64_t> parts;
  const auto listening = pub->listen(
    [&](position begin, position end, std::span<const std::byte>) {
      parts.push_back(end.value - begin.value);
    });
  ASSERT_TRUE(publish(null_long));
  ASSERT_EQ(parts.size(), 1u) << "a listener that waits is served at once";
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(publish(null_long));
  EXPECT_EQ(parts.size(), 1u) << "it has not asked for more";
  EXPECT_TRUE(pub->pull(false));
  EXPECT_EQ(parts.size(), 2u);
  EXPECT_EQ(pub->reached(ack_level::recorded), pub->appended());
  EXPECT_TRUE(pub->pull(false)) << "nothing is left";
  EXPECT_EQ(parts.size(), 2u);
  ASSERT_TRUE(publish(null_long));
  EXPECT_EQ(parts.size(), 3u);

  // What nobody asks for is written by its size and by the time.
  for (int i = 0; parts.size() < 4 && i < 100'000; ++i)
    ASSERT_TRUE(publish(null_long));
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_GE(parts.back(), 256u << 10);
  ASSERT_TRUE(publish(null_long));
  clock.advance(1'000'000);
  ASSERT_TRUE(publish(null_long));
  EXPECT_EQ(parts.size(), 5u);

  // A wish that came too late for the last write still gets what gathered.
  ASSERT_TRUE(publish(null_long));
  EXPECT_TRUE(pub->pull(true));
  EXPECT_EQ(parts.size(), 6u);
  ASSERT_TRUE(publish(null_long));
  EXPECT_LT(pub->reached(ack_level::recorded), pub->appended());
  pub->unlisten(listening);
  EXPECT_EQ(pub->reached(ack_level::recorded), pub->appended())
    << "nobody is left who would ask";
}

TEST_F(PublisherTest, SecondPublisherOfADirectoryIsLockedOut) {
  open_journal();
  auto second = publisher::open(env, {.topic = "/journal"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.failure().code, errc::locked);
}

TEST_F(PublisherTest, FullDiskIsToldAndPassesByItself) {
  open_journal();
  ASSERT_TRUE(publish(null_long));
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  disk.set_quota(0);
  errc told = errc::none;
  for (int i = 0; i < 3 && told == errc::none; ++i) {
    clock.advance(1'000'000'000);
    told = publish(null_long).failure().code;
  }
  EXPECT_EQ(told, errc::no_space);
  disk.set_quota({});
  pub->retry();
  const auto token = publish(null_long);
  ASSERT_TRUE(token) << to_string(token.failure());
  ASSERT_FALSE(pub->flush(ack_level::recorded, 1s));
  const auto headers = logged();
  for (size_t i = 0; i < headers.size(); ++i)
    EXPECT_EQ(headers[i].id, static_cast<int64_t>(i) + 1);
  EXPECT_EQ(headers.back().id, token->id);
}

TEST_F(PublisherTest, FailedSyncFencesForGood) {
  open_journal();
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  disk.fail(sim::disk_call::sync, 1, errc::storage_failed);
  EXPECT_EQ(pub->wait(*token, ack_level::synced, 0ms).code, errc::timeout);
  io.run_all();
  EXPECT_EQ(pub->wait(*token, ack_level::synced, 0ms).code,
            errc::storage_failed);
  EXPECT_FALSE(publish(null_long));
}

TEST_F(PublisherTest, TimeoutSaysHowFarItGot) {
  open_journal();
  const auto token = publish(null_long);
  ASSERT_TRUE(token);
  const auto fault = pub->wait(*token, ack_level::synced, 0ms);
  EXPECT_EQ(to_string(fault),
            "timeout: not synced within 0 ms; so far only recorded");
  io.run_all();
  EXPECT_FALSE(pub->wait(*token, ack_level::synced, 0ms));
}

/// Of a stream that no rt orders nobody tells, and nobody drops.
TEST_F(PublisherTest, ADirectStreamIsNumberedByItsPublisherAlone) {
  const publisher_options how{
    .topic = "ticks", .log_path = "/pub", .origin = "quotes", .direct = true};
  open(how);
  EXPECT_TRUE(publish(null_long));
  end();
  auto replays = how;
  replays.replay = true;
  EXPECT_EQ(publisher::open(env, replays).failure().code,
            errc::invalid_argument);
}

/// Which ids a stream has it tells with its first word.
TEST_F(PublisherTest, IdsOfAnotherPolicyAreTriedAgainUntilRtHasTold) {
  const publisher_options how{
    .topic = "market", .log_path = "/pub", .host = "a", .origin = "a.market"};
  open(how);
  pub->verify({});
  ASSERT_TRUE(publish(1));
  ASSERT_FALSE(pub->close());
  end();
  open(how);
  EXPECT_EQ(publish(900).failure().code, errc::origin_unverified);
  EXPECT_EQ(publish(-900).failure().code, errc::bad_id);
  pub->verify({.watermark = 1});
  EXPECT_EQ(publish(900).failure().code, errc::bad_id);
}

} // namespace
} // namespace millrace::rt
