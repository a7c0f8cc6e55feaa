#include <millrace/actors/torq/rdb/hdb_presence.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

using presence = hdb_presence;

const lineage_id one_life{1, 1};
const lineage_id other_life{2, 2};

/// "life1 rows /hdb market losses1 gone anew", what of it holds.
std::string note_text(const stream_note& note) {
  std::string out = note.life == one_life     ? "life1"
                    : note.life == other_life ? "life2"
                                              : "life?";
  if (note.has_rows)
    out += " rows " + note.directory + " " + note.stream;
  if (!note.losses.empty())
    out += " losses" + std::to_string(note.losses.size());
  if (!note.gone.empty())
    out += " gone";
  return out + (note.begins_anew ? " anew" : "");
}

struct presence_text {
  std::string operator()(const presence::keep_note& what) const {
    return "keep " + note_text(what.note);
  }
  std::string operator()(const presence::set_aside& what) const {
    return "aside " + what.stream;
  }
  std::string operator()(const presence::seek& what) const {
    return what.note_is_kept ? "seek" : "seek without file";
  }
  std::string operator()(const presence::add_loss&) const { return "loss"; }
  std::string operator()(const presence::tell& what) const { return what.id; }
  std::string operator()(const presence::release&) const { return "release"; }
  std::string operator()(const presence::leave&) const { return "leave"; }
};

/// The effects in their order, with "; " between them.
std::string presence_texts(const std::vector<presence::effect>& all) {
  std::string out;
  for (const auto& each : all)
    out += (out.empty() ? "" : "; ") + std::visit(presence_text{}, each);
  return out;
}

struct presence_step {
  std::string name;
  presence::input what;
  int64_t at = 0;
  std::string expected{};
  bool waits = false; ///< After it.
};

struct presence_case {
  std::string name;
  std::vector<presence_step> steps;
};

/// What an earlier life left that wrote to /hdb.
stream_note wrote_rows(const std::string& directory = "/hdb") {
  return {.life = one_life,
          .has_rows = true,
          .directory = directory,
          .stream = "market"};
}

stream_note missed_hdb(bool begins_anew = false) {
  auto out = wrote_rows();
  out.gone = "gone";
  out.begins_anew = begins_anew;
  return out;
}

presence::started with_hdb(stream_note left, bool knows = true) {
  return {.has_hdb = true,
          .knows_stream = knows,
          .holds_stream = knows,
          .left = std::move(left)};
}

presence::started without_hdb(stream_note left) {
  return {.left = std::move(left)};
}

presence::started beside_others(bool has_hdb, bool has_rows) {
  presence::started out = with_hdb({}, false);
  out.has_hdb = has_hdb;
  out.beside = {{"rows of rdb2 are gone"}, {"/streams/rdb2"}, has_rows};
  return out;
}

presence::started note_unread(bool has_hdb, bool knows) {
  auto out = with_hdb({}, knows);
  out.has_hdb = has_hdb;
  out.damage = "no note";
  return out;
}

const presence::kept note_kept{{}, true};
const presence::kept note_not_kept{{errc::storage_failed, "a"}, false};
const presence::kept older_note_kept{{errc::storage_failed, "a"}, true};

// Gone is looked for, and what is not kept tried again, after 100.
const std::vector<presence_case> presence_cases{
  {"a first life notes which stream it follows",
   {{"starts", without_hdb({})},
    {"follows", presence::followed{one_life}, 1, "keep life1"},
    {"kept", note_kept, 2},
    {"time passes", presence::passed{}, 1000}}},
  {"a period that was written is noted before it is told",
   {{"starts", without_hdb({.life = one_life})},
    {"follows", presence::followed{one_life}, 1},
    {"written", presence::written{}, 2, "keep life1 rows /hdb market"},
    {"kept", note_kept, 3, "release"},
    {"another", presence::written{}, 4, "release"}}},
  {"and waits for a note that is being kept",
   {{"starts", without_hdb({})},
    {"follows", presence::followed{one_life}, 1, "keep life1"},
    {"written", presence::written{}, 2},
    {"the first is kept", note_kept, 3, "keep life1 rows /hdb market"},
    {"and this one", note_kept, 4, "release"}}},
  {"what cannot be kept holds nothing up, and is tried again",
   {{"starts", without_hdb({.life = one_life})},
    {"written", presence::written{}, 1, "keep life1 rows /hdb market"},
    {"not kept", note_not_kept, 2, "note_not_kept; release"},
    {"too early", presence::passed{}, 101},
    {"again", presence::passed{}, 102, "keep life1 rows /hdb market"},
    {"one at a time", presence::passed{}, 300},
    {"told once", note_not_kept, 301},
    {"again", presence::passed{}, 401, "keep life1 rows /hdb market"},
    {"kept", note_kept, 402}}},
  {"the hdb is there as it was",
   {{"starts", with_hdb(wrote_rows())},
    {"follows", presence::followed{one_life}, 1},
    {"a period waits", presence::wanted{}, 2}}},
  {"a manifest that tells of the stream is noted",
   {{"starts", with_hdb({})},
    {"follows", presence::followed{one_life}, 1,
     "keep life1 rows /hdb market"}}},
  {"the stream began another life",
   {{"starts", with_hdb(wrote_rows())},
    {"follows", presence::followed{other_life}, 1,
     "loss; stream_loss; keep life2 rows /hdb market losses1"}}},
  {"which an earlier life told of already",
   {{"starts", without_hdb({.life = one_life, .losses = {"cut", "set back"}}),
     0, "loss; loss"},
    {"follows", presence::followed{other_life}, 1, "keep life2 losses2"},
    {"kept", note_kept, 2},
    {"written", presence::written{}, 3, "keep life2 rows /hdb market"}}},
  {"is not there: it is waited for, and looked for",
   {{"starts", without_hdb(wrote_rows())},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 rows /hdb market gone", true},
    {"kept", note_kept, 2, "", true},
    {"a period waits", presence::wanted{}, 3, "seek", true},
    {"time passes", presence::passed{}, 102, "", true},
    {"once at a time", presence::passed{}, 103, "", true},
    {"not there", presence::sought{}, 104, "", true},
    {"time passes", presence::passed{}, 202, "", true},
    {"again", presence::passed{}, 203, "seek", true}}},
  {"is another one, which has none of the stream",
   {{"starts", with_hdb(wrote_rows(), false)},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 rows /hdb market gone", true}}},
  {"was in another directory",
   {{"starts", without_hdb(wrote_rows("/elsewhere"))},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 rows /elsewhere market gone", true}}},
  {"an earlier release noted any hdb: one that is there will do",
   {{"starts", with_hdb({.life = one_life, .has_rows = true}, false)},
    {"follows", presence::followed{one_life}, 1}}},
  {"only rows of others were in it, and it is not there",
   {{"starts", beside_others(false, true)},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 gone", true}}},
  {"or is another one, without rows of other rdbs",
   {{"starts", beside_others(true, true)},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 gone", true}}},
  {"an older copy that lacks what was done by hand is gone on with",
   {{"starts", beside_others(true, false)},
    {"follows", presence::followed{one_life}, 1, "keep life1"}}},
  {"comes back: it leaves once that is noted",
   {{"starts", without_hdb(missed_hdb()), 0, "loss", true},
    {"follows", presence::followed{one_life}, 1, "", true},
    {"looks", presence::passed{}, 100, "seek", true},
    {"is back", presence::sought{.is_back = true}, 101,
     "hdb_back; keep life1 rows /hdb market"},
    {"no period is written now", presence::wanted{}, 102},
    {"kept", note_kept, 103, "leave"},
    {"once", presence::passed{}, 300}}},
  {"comes back, and the note cannot be kept: it leaves all the same",
   {{"starts", without_hdb(missed_hdb()), 0, "loss", true},
    {"looks", presence::passed{}, 100, "seek", true},
    {"is back", presence::sought{.is_back = true}, 101,
     "hdb_back; keep life1 rows /hdb market"},
    {"not kept", note_not_kept, 102, "note_not_kept; leave"}}},
  {"is there again at a start",
   {{"starts", with_hdb(missed_hdb()), 0,
     "hdb_back; keep life1 rows /hdb market"},
    {"follows", presence::followed{one_life}, 1},
    {"kept", note_kept, 2}}},
  {"somebody says that it is lost: another one is begun",
   {{"starts", without_hdb(missed_hdb()), 0, "loss", true},
    {"a period waits", presence::wanted{}, 1, "seek", true},
    {"removed", presence::sought{.is_settled = true}, 2,
     "hdb_begun_anew; keep life1 rows /hdb market gone anew"},
    {"kept", note_kept, 3},
    {"looks on", presence::passed{}, 101, "seek"},
    {"said once", presence::sought{.is_settled = true}, 102},
    {"written", presence::written{}, 103, "keep life1 rows /hdb market"},
    {"kept", note_kept, 104, "release"},
    {"nothing is looked for", presence::passed{}, 1000}}},
  {"and comes back before anything was written",
   {{"starts", without_hdb(missed_hdb(true)), 0, "loss"},
    {"looks", presence::passed{}, 100, "seek"},
    {"is back", presence::sought{.is_back = true}, 101,
     "hdb_back; keep life1 rows /hdb market"},
    {"kept", note_kept, 102, "leave"}}},
  {"is lost, and all that was in it is here: no loss is told of",
   {{"starts", without_hdb(missed_hdb()), 0, "loss", true},
    {"a period waits", presence::wanted{}, 1, "seek", true},
    {"removed", presence::sought{.is_settled = true, .has_all = true}, 2,
     "hdb_begun_anew; keep life1"},
    {"kept", note_kept, 3, "leave"}}},
  {"what is written just now is no old one that came back",
   {{"starts", without_hdb(missed_hdb(true)), 0, "loss"},
    {"looks", presence::passed{}, 100, "seek"},
    {"written meanwhile", presence::sought{.is_back = true, .is_writing = true},
     101},
    {"nor is it looked for", presence::passed{.is_writing = true}, 201},
    {"until it ended", presence::passed{}, 202, "seek"}}},
  {"rows of others that were gone are there at a start",
   {{"starts", without_hdb({.life = one_life, .gone = "rows of rdb2"}), 0,
     "loss; hdb_begun_anew; keep life1 gone anew"}}},
  {"an older note that somebody may remove is not written over",
   {{"starts", without_hdb(wrote_rows())},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 rows /hdb market gone", true},
    {"not kept", older_note_kept, 2, "note_not_kept", true},
    {"not tried again", presence::passed{}, 200, "seek", true}}},
  {"a note that is not there can be written over",
   {{"starts", without_hdb(wrote_rows())},
    {"follows", presence::followed{one_life}, 1,
     "loss; hdb_gone; keep life1 rows /hdb market gone", true},
    {"not kept", note_not_kept, 2, "note_not_kept", true},
    {"tried again", presence::passed{}, 200,
     "seek without file; keep life1 rows /hdb market gone", true}}},
  {"the note cannot be read, and there is no hdb",
   {{"starts", note_unread(false, false), 0, "damaged; loss; hdb_gone", true},
    {"follows", presence::followed{one_life}, 1,
     "keep life1 rows /hdb market gone", true}}},
  {"the note cannot be read, and the hdb has none of the stream",
   {{"starts", note_unread(true, false), 0, "damaged; loss; hdb_gone", true}}},
  {"the note cannot be read, and the hdb tells of the stream",
   {{"starts", note_unread(true, true), 0, "damaged"},
    {"follows", presence::followed{one_life}, 1,
     "keep life1 rows /hdb market"}}},
  {"the note is of another stream",
   {{"starts",
     without_hdb({.life = other_life,
                  .has_rows = true,
                  .directory = "/hdb",
                  .stream = "news"}),
     0, "aside news"},
    {"follows", presence::followed{one_life}, 1, "keep life1"}}},
  {"the note of another stream that wrote nothing is let go",
   {{"starts", without_hdb({.life = other_life, .stream = "news"})},
    {"follows", presence::followed{one_life}, 1, "keep life1"}}},
  {"the stream is not the one any more whose rows are held",
   {{"starts", with_hdb(wrote_rows())},
    {"follows", presence::followed{one_life}, 1},
    {"let go", presence::let_go{one_life, "a loss", "why"}, 2,
     "keep life1 rows /hdb market losses1"},
    {"once", presence::let_go{one_life, "a loss", "why"}, 3},
    {"kept", note_kept, 4, "leave"}}},
};

TEST(HdbPresenceTest, EachCaseEndsAsItMust) {
  for (const auto& each : presence_cases) {
    SCOPED_TRACE(each.name);
    presence core{{.stream = "market",
                   .directory = "/hdb",
                   .note_file = "/streams/rdb1",
                   .writes = true,
                   .again_ns = 100}};
    for (const auto& step : each.steps) {
      SCOPED_TRACE(step.name);
      EXPECT_EQ(presence_texts(core.step(step.what, step.at)), step.expected);
      EXPECT_EQ(core.waits(), step.waits);
    }
  }
}

TEST(HdbPresenceTest, WithoutAnHdbNothingIsMissed) {
  presence core{{.stream = "market", .note_file = "/streams/rdb1"}};
  EXPECT_EQ(presence_texts(core.step(without_hdb(wrote_rows()), 0)), "");
  EXPECT_EQ(presence_texts(core.step(presence::followed{one_life}, 1)), "");
  EXPECT_FALSE(core.waits());
}

TEST(HdbPresenceTest, SaysWhatEndsTheWait) {
  presence core{{.stream = "market",
                 .directory = "/hdb",
                 .note_file = "/streams/rdb1",
                 .writes = true}};
  (void)core.step(beside_others(false, true), 0);
  (void)core.step(presence::followed{one_life}, 1);
  EXPECT_EQ(core.waits_text(),
            "rows of rdb2 are gone; what it held may be missing; nothing is "
            "written down, and the stream is kept, until it is there again; if "
            "it is lost for good, remove /streams/rdb1 and /streams/rdb2 while "
            "it runs");
}

// Of a stream that is set back over and over.
TEST(HdbPresenceTest, ANoteDoesNotGrowWithoutEnd) {
  stream_note left{.life = one_life};
  for (int life = 0; life < 150; ++life) {
    presence core{{.stream = "market", .note_file = "/streams/rdb1"}};
    (void)core.step(without_hdb(left), 0);
    (void)core.step(presence::let_go{one_life, "set back", "why"}, 1);
    left = core.note();
  }
  EXPECT_EQ(left.losses.size(), 100u);
}

} // namespace
} // namespace millrace::torq
