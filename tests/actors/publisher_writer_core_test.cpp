// A publisher as one of several of a sequence, and what it remembers of RT.

#include "publisher_core_fixture.hpp"

namespace millrace::rt {
namespace {

// One of several that publish the same sequence, on whatever host.
TEST_F(PublisherTest, AWriterOfASequenceHasADirectoryOfItsOwn) {
  publisher_options options{.topic = "market",
                            .log_path = "/pub",
                            .host = "hot",
                            .writer = "a-1",
                            .origin = "hot",
                            .replay = true};
  open(options);
  EXPECT_EQ(pub->directory(), "/pub/hot@a-1.market");
  EXPECT_EQ(publish(1).failure().code, errc::origin_unverified)
    << "others write it, too";
  // They are farther: what is missing here they published.
  pub->verify({300, {}});
  EXPECT_EQ(publish(301)->id, 301);
  const auto said = pub->publish(std::as_bytes(std::span{"x", 1}), {},
                                 payload_kind::end_of_period);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->id, 0);
  EXPECT_EQ(publish(302)->id, 302) << "it took no id";
  ASSERT_TRUE(pub->publish(std::as_bytes(std::span{"x", 1}), {},
                           payload_kind::table_schema));
  EXPECT_EQ(publish(303)->id, 303) << "nor did this";
  ASSERT_FALSE(pub->close());
  std::vector<int64_t> ids;
  for (const auto& header : logged())
    ids.push_back(header.id);
  EXPECT_EQ(ids, (std::vector<int64_t>{301, 0, 302})) << "an event follows";
  end();
  open(options);
  EXPECT_EQ(publish(1).failure().code, errc::origin_unverified);
  pub->verify({400, {}});
  EXPECT_EQ(publish(402).failure().code, errc::bad_id) << "401 is missing";
  EXPECT_EQ(publish(401)->id, 401);
  end();
  for (const auto* name : {"a.b", "a@b", "-a", "a/b"}) {
    options.writer = name;
    EXPECT_EQ(publisher::open(env, options).failure().code,
              errc::invalid_argument)
      << name;
  }
}

// What nobody has published would be dropped when others publish it.
TEST_F(PublisherTest, AWriterOfASequenceLeavesNothingOut) {
  publisher_options options{.topic = "market",
                            .log_path = "/pub",
                            .host = "hot",
                            .writer = "a-1",
                            .origin = "hot",
                            .replay = true};
  open(options);
  pub->verify({0, {}});
  EXPECT_EQ(publish(500).failure().code, errc::bad_id);
  EXPECT_EQ(publish(2).failure().code, errc::bad_id);
  EXPECT_EQ(publish(1)->id, 1);
  end();
  options.writer = "a-2";
  open(options);
  pub->verify({600, {}});
  const auto refused = publish(700).failure();
  EXPECT_EQ(refused.code, errc::bad_id);
  EXPECT_NE(refused.context.find("601"), std::string::npos) << refused.context;
  EXPECT_EQ(publish(601)->id, 601);
  end();
  // One whose sequence begins elsewhere says so.
  options.writer = "a-3";
  options.first_id = 1000;
  open(options);
  pub->verify({0, {}});
  EXPECT_EQ(publish(1001).failure().code, errc::bad_id);
  EXPECT_EQ(publish(1000)->id, 1000);
  end();
}

// For a stream that was wiped since: which life of it had the log.
TEST_F(PublisherTest, WhoMergedTheLogIsRemembered) {
  const publisher_options options{
    .topic = "market", .log_path = "/pub", .host = "a"};
  const lineage_id first{{1, 2}};
  const lineage_id second{{3, 4}};
  open(options);
  EXPECT_FALSE(pub->merged_before().by.is_known());
  pub->verify({0, {}});
  const auto end_of_1 = publish(null_long)->end;
  EXPECT_FALSE(pub->merged_by(first, {})) << "nothing was";
  EXPECT_FALSE(pub->merged_by({}, end_of_1)) << "by nobody who says who it is";
  auto job = pub->merged_by(first, end_of_1);
  ASSERT_TRUE(job);
  EXPECT_FALSE(job());
  const auto end_of_2 = publish(null_long)->end;
  EXPECT_FALSE(pub->merged_by(first, end_of_2)) << "noted when it ends";
  ASSERT_FALSE(pub->close());
  end();
  open(options);
  EXPECT_EQ(pub->merged_before().by, first);
  EXPECT_EQ(pub->merged_before().end, end_of_2);
  job = pub->merged_by(second, end_of_1);
  ASSERT_TRUE(job) << "another life of the stream";
  EXPECT_FALSE(job());
  end();
  open(options);
  EXPECT_EQ(pub->merged_before().by, second);
  EXPECT_EQ(pub->merged_before().end, end_of_1);
  end();
  for (const auto* text :
       {"", "no note", "00000000000000010000000000000002 x\n",
        "00000000000000010000000000000002 12"}) {
    const std::string wrong{text};
    ASSERT_FALSE(persistence::replace_file(disk, "/pub/a.market/.merged",
                                           std::as_bytes(std::span{wrong})));
    open(options);
    EXPECT_FALSE(pub->merged_before().by.is_known()) << text;
    end();
  }
}

} // namespace
} // namespace millrace::rt
