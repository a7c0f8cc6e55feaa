#include <millrace/feed/source/file_source.hpp>
#include <millrace/feed/source/reject_file.hpp>
#include <millrace/feed/source/source.hpp>

#include <bzlib.h>
#include <lzma.h>
#include <random>
#include <zlib.h>
#include <zstd.h>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

const std::string lines_layout = R"(table = "t"
[[column]]
name = "time"
type = "timestamp"
field = 1
format = "unix_s"
[[column]]
name = "sym"
type = "symbol"
field = 2
)";

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string bzipped(const std::string& text) {
  std::string out(text.size() + text.size() / 50 + 1'000, '\0');
  auto size = static_cast<unsigned>(out.size());
  EXPECT_EQ(
    BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(text.data()),
                             static_cast<unsigned>(text.size()), 1, 0, 0),
    BZ_OK);
  out.resize(size);
  return out;
}

std::string xzipped(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
              0, LZMA_CHECK_CRC64, nullptr,
              reinterpret_cast<const uint8_t*>(text.data()), text.size(),
              reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

/// With a checksum, as the program of that name writes it.
std::string zstandard(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  auto* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  const auto size
    = ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size());
  ZSTD_freeCCtx(context);
  EXPECT_FALSE(ZSTD_isError(size));
  out.resize(size);
  return out;
}

/// As programs write it that pack in several threads: after a frame of their
/// own.
std::string zstandard_after_a_note(const std::string& text) {
  return std::string{"\x50\x2a\x4d\x18\x03\0\0\0abc", 11} + zstandard(text);
}

void put(std::string& out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(number >> (8 * i));
}

/// A zip archive with stored members, written by hand from its specification.
std::string
zipped(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string out;
  std::string directory;
  for (const auto& [name, text] : members) {
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(text.data()),
                           static_cast<uInt>(text.size()));
    std::string common;
    put(common, 20, 2); // Version needed.
    put(common, 0, 8);  // Flags, stored, time, date.
    put(common, crc, 4);
    put(common, text.size(), 4);
    put(common, text.size(), 4);
    put(common, name.size(), 2);
    put(common, 0, 2);
    directory += "PK\x01\x02";
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2 + 2 + 2 + 4);
    put(directory, out.size(), 4);
    directory += name;
    out += "PK\x03\x04" + common + name + text;
  }
  const auto begin = out.size();
  out += directory + "PK\x05\x06";
  put(out, 0, 4);
  put(out, members.size(), 2);
  put(out, members.size(), 2);
  put(out, directory.size(), 4);
  put(out, begin, 4);
  put(out, 0, 2);
  return out;
}

std::string numbered_lines(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += std::to_string(1'700'000'000 + i) + ",S" + std::to_string(i % 37)
            + "\n";
  return text;
}

TEST(ArchiveTest, GzipGivesTheRowsOfThePlainFile) {
  const auto text = numbered_lines(300'000);
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  put_file(disk, "a.csv.gz", gzipped(text));
  // Several members one after the other are one text; padding is none.
  put_file(disk, "b.csv.gz",
           gzipped(text.substr(0, 1'000'001)) + gzipped(text.substr(1'000'001))
             + std::string(512, '\0'));
  const auto plain = read_all(disk, options_of(lines_layout, {"a.csv"}));
  EXPECT_EQ(plain.rows(), 300'000u);
  for (const std::string name : {"a.csv.gz", "b.csv.gz"}) {
    auto options = options_of(lines_layout, {name});
    const auto got = read_all(disk, options);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(rows_of(got), rows_of(plain));
    EXPECT_EQ(got.counters.bytes, got.counters.total_bytes);
    EXPECT_EQ(got.counters.total_bytes, file_text(disk, name).size());
    ASSERT_EQ(got.batches.size(), plain.batches.size());
    // A restart skips what lies before the cursor in the text.
    options.resume = {got.batches[got.batches.size() / 2].cursor};
    const auto rest = read_all(disk, options);
    EXPECT_EQ(rest.batches.size(),
              got.batches.size() - got.batches.size() / 2 - 1);
    EXPECT_EQ(rest.batches.back().bytes, got.batches.back().bytes);
  }
}

struct packer {
  const char* name;
  std::string (*pack)(const std::string& text);
};
constexpr packer packers[] = {{"gz", gzipped},
                              {"bz2", bzipped},
                              {"xz", xzipped},
                              {"zst", zstandard},
                              {"zst after a note", zstandard_after_a_note}};

TEST(ArchiveTest, EveryPackingGivesTheRowsOfThePlainFile) {
  // Zeroes pack so well that little of the file makes much text.
  auto text = numbered_lines(40'000);
  text.insert(text.find('\n', 300'000) + 1, std::string(900'000, '0') + "\n");
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  const auto plain = read_all(disk, options_of(lines_layout, {"a.csv"}));
  ASSERT_EQ(plain.rows(), 40'000u);
  for (const auto& each : packers) {
    SCOPED_TRACE(each.name);
    // Two streams one after the other are one text.
    const auto packed
      = each.pack(text.substr(0, 300'001)) + each.pack(text.substr(300'001));
    put_file(disk, "packed", packed);
    const auto options = options_of(lines_layout, {"packed"});
    const auto got = read_all(disk, options);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_EQ(rows_of(got), rows_of(plain));
    EXPECT_EQ(got.counters.bytes, got.counters.total_bytes);
    for (const size_t cut : {packed.size() - 1, packed.size() / 2}) {
      put_file(disk, "packed", packed.substr(0, cut));
      const auto fault = read_all(disk, options).failed;
      EXPECT_EQ(fault.code, errc::corrupt);
      EXPECT_NE(
        fault.context.find("packed: the compressed data ends too early"),
        std::string::npos)
        << fault.context;
    }
    auto bad = packed;
    bad[packed.size() / 3] ^= 0x10;
    put_file(disk, "packed", bad);
    const auto damage = read_all(disk, options).failed;
    EXPECT_EQ(damage.code, errc::corrupt);
    EXPECT_TRUE(damage.context.ends_with(
      ": its bytes are not sound, or fail their checksum"))
      << damage.context;
    put_file(disk, "packed", packed + std::string(100, 'x'));
    const auto junk = read_all(disk, options).failed;
    EXPECT_EQ(junk.code, errc::corrupt);
    EXPECT_NE(junk.context.find(": what follows does not begin as "),
              std::string::npos)
      << junk.context;
  }
}

TEST(ArchiveTest, WhatIsPackedIsUnpackedToItsText) {
  const auto text = numbered_lines(40'000);
  sim::memory_file_system disk;
  put_file(disk, "a.csv", text);
  const auto plain = read_all(disk, options_of(lines_layout, {"a.csv"}));
  ASSERT_EQ(plain.rows(), 40'000u);
  for (const auto& each : packers) {
    SCOPED_TRACE(each.name);
    put_file(disk, "twice", gzipped(each.pack(text)));
    put_file(disk, "a.zip", zipped({{"in.csv", each.pack(text)}}));
    for (const auto* name : {"twice", "a.zip"}) {
      auto options = options_of(lines_layout, {name});
      const auto got = read_all(disk, options);
      EXPECT_FALSE(got.failed) << to_string(got.failed);
      EXPECT_EQ(rows_of(got), rows_of(plain));
      EXPECT_EQ(got.counters.bytes, got.counters.total_bytes);
      options.resume = {got.batches[got.batches.size() / 2].cursor};
      EXPECT_EQ(read_all(disk, options).batches.size(),
                got.batches.size() - got.batches.size() / 2 - 1);
    }
    put_file(disk, "a.zip",
             zipped({{"in.csv", each.pack(text).substr(0, 999)}}));
    EXPECT_NE(read_all(disk, options_of(lines_layout, {"a.zip"}))
                .failed.context.find(
                  "a.zip#in.csv: the compressed data ends too early, "
                  "at byte 999"),
              std::string::npos);
  }
}

TEST(ArchiveTest, WhatIsInsideOfOthersIsRefusedByItsKind) {
  std::string tar(512, '\0');
  tar.replace(257, 5, "ustar");
  const auto zip = zipped({{"a.csv", "1,A\n"}});
  struct {
    std::string bytes;
    std::string told;
  } const cases[]
    = {{gzipped(tar), "a tar archive: unpack it"},
       {zipped({{"a.tar", tar}}), "a tar archive: unpack it"},
       {gzipped(zip), "a zip archive in another one: unpack it"},
       {zipped({{"b.zip", zip}}), "a zip archive in another one: unpack it"},
       {gzipped(gzipped(gzipped(gzipped(gzipped("1,A\n"))))),
        "x: is packed more than 4 times, one in the other"}};
  for (const auto& each : cases) {
    sim::memory_file_system disk;
    put_file(disk, "x", each.bytes);
    const auto got = read_all(disk, options_of(lines_layout, {"x"}));
    EXPECT_NE(got.failed.context.find(each.told), std::string::npos)
      << got.failed.context;
    EXPECT_EQ(got.rows(), 0u);
  }
}

TEST(ArchiveTest, HiddenMembersAreSkippedAndOthersChosen) {
  sim::memory_file_system disk;
  put_file(disk, "a.zip",
           zipped({{"a.csv", "1,A\n"},
                   {"__MACOSX/._a.csv", "junk"},
                   {".DS_Store", "junk"},
                   {"d/.hidden/b.csv", "junk"},
                   {"d/b.csv", "2,B\n"},
                   {"readme.txt", "Read me.\n"}}));
  auto options = options_of(lines_layout, {"a.zip"});
  const auto all = read_all(disk, options);
  EXPECT_EQ(all.rows(), 2u);
  ASSERT_EQ(all.rejects.size(), 1u);
  EXPECT_EQ(all.rejects[0].source, "a.zip#readme.txt");
  EXPECT_NE(all.failed.context.find("--member PATTERN"), std::string::npos)
    << all.failed.context;
  struct {
    std::string pattern;
    uint64_t rows;
  } const cases[] = {{"*.csv", 2},   {"a*", 1},    {"?/b.csv", 1}, {"d/*", 1},
                     {"*/b.cs?", 1}, {"a.csv", 1}, {"**", 2}};
  for (const auto& each : cases) {
    options.choice.member = each.pattern;
    EXPECT_EQ(read_all(disk, options).rows(), each.rows) << each.pattern;
  }
  options.choice.member = "*.psv";
  const auto none = read_all(disk, options).failed;
  EXPECT_EQ(none.code, errc::not_found);
  EXPECT_NE(none.context.find("no member fits '*.psv'; it has a.csv, d/b.csv, "
                              "readme.txt"),
            std::string::npos)
    << none.context;
}

// "." and ".." are ways to a file, and no names: rows would be lost.
TEST(ArchiveTest, DotsOfAPathHideNothingAndWhatIsHiddenIsTold) {
  sim::memory_file_system disk;
  put_file(disk, "a.zip",
           zipped({{"../a.csv", "1,A\n"},
                   {"./b.csv", "2,B\n"},
                   {"d/../c.csv", "3,C\n"},
                   {".\\d.csv", "4,D\n"},
                   {"__MACOSX/._a.csv", "junk"},
                   {".DS_Store", "junk"},
                   {"d/.DS_Store", "junk"},
                   {".git/e.csv", "junk"},
                   {".\\..f.csv", "junk"},
                   {"d/.g.csv", "junk"}}));
  auto options = options_of(lines_layout, {"a.zip"});
  const auto all = read_all(disk, options);
  EXPECT_FALSE(all.failed) << to_string(all.failed);
  EXPECT_EQ(all.rows(), 4u);
  ASSERT_EQ(all.reports.size(), 4u);
  EXPECT_EQ(all.reports[0].left_out,
            (std::vector<std::string>{".\\..f.csv", ".git/e.csv", "d/.g.csv"}));
  EXPECT_TRUE(all.reports[1].left_out.empty());
  // What is not chosen is not missed.
  options.choice.member = "d/*";
  EXPECT_EQ(read_all(disk, options).reports.at(0).left_out,
            std::vector<std::string>{"d/.g.csv"});
  put_file(disk, "b.zip", zipped({{".a.csv", "1,A\n"}}));
  const auto none = read_all(disk, options_of(lines_layout, {"b.zip"})).failed;
  EXPECT_EQ(none.code, errc::bad_data);
  EXPECT_NE(none.context.find("b.zip: the archive has no file that is read"),
            std::string::npos);
  EXPECT_NE(none.context.find(".a.csv"), std::string::npos) << none.context;
}

// Whatever happens to a gzip file: an error that names it, or its true rows
// (a flipped bit in its header's time stamp or name changes nothing).
TEST(ArchiveTest, DamagedGzipIsToldAndNeverGivesWrongRows) {
  const auto text = numbered_lines(2'000);
  sim::memory_file_system disk;
  put_file(disk, "a.gz", gzipped(text));
  const auto good = file_text(disk, "a.gz");
  const auto options = options_of(lines_layout, {"a.gz"});
  const auto wanted = rows_of(read_all(disk, options));
  std::mt19937_64 random{1};
  size_t told = 0;
  for (int round = 0; round < 200; ++round) {
    auto bad = good;
    bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    put_file(disk, "a.gz", bad);
    const auto got = read_all(disk, options);
    if (got.failed) {
      ++told;
      EXPECT_NE(got.failed.context.find("a.gz"), std::string::npos);
    } else {
      EXPECT_EQ(rows_of(got), wanted);
    }
  }
  EXPECT_GT(told, 180u);
  for (const size_t cut : {size_t{19}, good.size() / 2, good.size() - 1}) {
    put_file(disk, "a.gz", good.substr(0, cut));
    const auto got = read_all(disk, options);
    EXPECT_EQ(got.failed.code, errc::corrupt);
    EXPECT_NE(got.failed.context.find("ends too early"), std::string::npos)
      << got.failed.context;
    // Nothing vouches for what came before its checksum.
    EXPECT_EQ(got.rows(), 0u);
  }
}

// As of one that is too long to be compared with those before it.
TEST(ArchiveTest, ADamagedFileIsToldAfterThoseBeforeIt) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", numbered_lines(20));
  const auto packed = gzipped("77,B\n" + numbered_lines(30));
  put_file(disk, "b.gz", packed.substr(0, packed.size() - 1));
  const auto got = read_all(disk, options_of(lines_layout, {"a.csv", "b.gz"}));
  EXPECT_EQ(got.failed.code, errc::corrupt);
  EXPECT_NE(got.failed.context.find("b.gz"), std::string::npos);
  EXPECT_EQ(got.rows(), 20u);
}

TEST(ArchiveTest, ZipMembersComeInTheOrderOfTheirNames) {
  sim::memory_file_system disk;
  put_file(
    disk, "a.zip",
    zipped({{"c.csv", "3,C\n"}, {"a.csv", "1,A"}, {"d/", ""}, {"b.csv", ""}}));
  const auto got = read_all(disk, options_of(lines_layout, {"a.zip"}));
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got), (std::vector<std::string>{"-946684799000000000|A",
                                                    "-946684797000000000|C"}));
  ASSERT_EQ(got.batches.size(), 2u);
  EXPECT_NE(got.batches[0].cursor.name.find("#a.csv@"), std::string::npos);
  EXPECT_TRUE(got.batches[0].cursor.name.starts_with("a.zip#"));
}

TEST(ArchiveTest, DamagedZipIsTold) {
  sim::memory_file_system disk;
  auto bytes = zipped({{"a.csv", "1,A\n2,B\n"}});
  bytes[bytes.find("2,B")] = '7';
  put_file(disk, "a.zip", bytes);
  auto got = read_all(disk, options_of(lines_layout, {"a.zip"}));
  EXPECT_EQ(got.failed.code, errc::corrupt);
  EXPECT_NE(got.failed.context.find("a.zip#a.csv"), std::string::npos)
    << got.failed.context;
  put_file(disk, "a.zip", zipped({{"a.csv", "1,A\n"}}).substr(0, 40));
  got = read_all(disk, options_of(lines_layout, {"a.zip"}));
  EXPECT_EQ(got.failed.code, errc::corrupt);
  EXPECT_EQ(got.failed.context, "a.zip: not a sound zip archive: it does not "
                                "end as a zip archive does (cut off?)");
  // A method that some packers have, and nobody here.
  bytes = zipped({{"a.csv", "1,A\n"}});
  bytes[8] = 9;
  bytes[bytes.find("PK\x01\x02") + 10] = 9;
  put_file(disk, "a.zip", bytes);
  got = read_all(disk, options_of(lines_layout, {"a.zip"}));
  EXPECT_EQ(got.failed.context,
            "a.zip#a.csv: it was packed by a method that is not known here: "
            "unpack it, and feed that");
}

TEST(ArchiveTest, AFailingDiskIsToldAsSuch) {
  sim::memory_file_system disk;
  put_file(disk, "a.gz", gzipped(numbered_lines(400'000)));
  // After the file's head and a first buffer that went well.
  disk.fail(sim::disk_call::read, 3);
  const auto got = read_all(disk, options_of(lines_layout, {"a.gz"}));
  EXPECT_EQ(got.failed.code, errc::storage_failed);
  EXPECT_NE(got.failed.context.find("Input/output error"), std::string::npos);
}

TEST(ArchiveTest, AHugeLineInGzipIsOneReject) {
  sim::memory_file_system disk;
  put_file(disk, "a.gz",
           gzipped("1,A\n" + std::string(100'000'000, 'x') + "\n2,B\n"));
  const auto got = read_all(disk, options_of(lines_layout, {"a.gz"}));
  EXPECT_EQ(got.rows(), 2u);
  EXPECT_EQ(reasons_of(got),
            std::vector<std::string>{"2: the line has 100000000 bytes, at most "
                                     "1048576 are taken"});
}

TEST(RejectFileTest, KeepsLinesWithTheirReasons) {
  sim::memory_file_system disk;
  put_file(disk, "a.csv", "1,A\nx,B\n2,C,\x01\t\n3,D\n");
  ASSERT_FALSE(disk.create_directories("out"));
  reject_file file{disk, "out/rejects"};
  auto options = options_of(lines_layout, {"a.csv"});
  options.rejects = file.sink();
  const auto got = read_all(disk, options);
  EXPECT_EQ(got.rows(), 2u);
  EXPECT_FALSE(file.flush());
  const std::string wanted = "a.csv\t2\t4 table=t line=c58eeb85\tcolumn "
                             "'time': 'x' is not a time of the layout's format "
                             "(timestamp)\tx,B\n"
                             "a.csv\t3\t8 table=t line=b13cdfa1\tthe line has "
                             "3 fields, 2 are expected\t2,C,\\x01\\x09\n";
  EXPECT_EQ(file_text(disk, "out/rejects"), wanted);
  // A second run finds them there.
  reject_file more{disk, "out/rejects"};
  options.rejects = more.sink();
  read_all(disk, options);
  EXPECT_FALSE(more.flush());
  EXPECT_EQ(file_text(disk, "out/rejects"), wanted);
  // What was rejected again is counted once.
  EXPECT_EQ(*more.kept_before("a.csv", {"t", {}, {}, {}}), 0u);
  reject_file untouched{disk, "out/rejects"};
  EXPECT_EQ(*untouched.kept_before("a.csv", {"t", {}, {}, {}}), 2u);
}

/// Goal: whatever a file is called, its lines are found again, and those of
/// others beside them. Method: names with what ends fields and lines, and with
/// what looks like their escapes.
TEST(RejectFileTest, NamesOfFilesMayHoldAnything) {
  const std::vector<std::string> names{
    "a.csv",      "t\tb.csv", "n\nb.csv", "\r.csv",       "e\x1b[1m.csv",
    "s\\x09.csv", "s\\.csv",  "\\\\.csv", "\xc3\xa9.csv", "\x7f"};
  const line_reading reading{"t", 8'767, "A B\t", {}};
  sim::memory_file_system disk;
  {
    reject_file file{disk, "rejects"};
    for (const auto& name : names)
      ASSERT_FALSE(file.add({name, 1, 0, "why", "text", reading, 0}));
    ASSERT_FALSE(file.flush());
  }
  const auto text = file_text(disk, "rejects");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_NE(text.find("t\\x09b.csv\t"), std::string::npos) << text;
  EXPECT_NE(text.find("\xc3\xa9.csv\t"), std::string::npos) << text;
  const auto read = read_rejects(disk, "rejects");
  ASSERT_TRUE(read) << to_string(read.failure());
  ASSERT_EQ(read->size(), names.size());
  for (size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ((*read)[i].source, names[i]);
  reject_file again{disk, "rejects"};
  for (const auto& name : names) {
    EXPECT_EQ(*again.kept_before(name, reading), 1u) << name;
    ASSERT_FALSE(again.add({name, 1, 0, "why", "text", reading, 0}));
  }
  reject_file more{disk, "rejects"};
  ASSERT_FALSE(more.forget_from("t\tb.csv", reading, 0));
  EXPECT_EQ(read_rejects(disk, "rejects")->size(), names.size() - 1);
  ASSERT_FALSE(replace_rejects(disk, "rejects", *read));
  EXPECT_EQ(file_text(disk, "rejects"), text);
}

TEST(RejectFileTest, NothingElseIsTakenForOne) {
  sim::memory_file_system disk;
  persistence::env world;
  world.fs = &disk;
  put_file(disk, "a.csv", "1,A\nx,B\n");
  put_file(disk, "c.toml", "[cluster]\nname\t1\t= 2\n");
  put_file(disk, "empty", "");
  put_file(disk, "old", "a.csv\t2\t4\twhy\tx,B\n");
  for (const auto& [path, is_taken] : {std::pair{"a.csv", false},
                                       {"c.toml", false},
                                       {"empty", true},
                                       {"old", true},
                                       {"none", true}}) {
    const auto before = disk.exists(path) ? file_text(disk, path) : "";
    file_source files{world, options_of(lines_layout, {"a.csv"}), path,
                      std::make_shared<batch_source_counters>()};
    const auto fault = files.open({});
    EXPECT_EQ(!fault, is_taken) << path;
    if (fault) {
      EXPECT_EQ(fault.code, errc::invalid_argument);
      EXPECT_TRUE(fault.context.starts_with(path)) << fault.context;
      EXPECT_EQ(file_text(disk, path), before);
    }
  }
}

TEST(RejectFileTest, NothingIsTouchedWithoutRejects) {
  sim::memory_file_system disk;
  reject_file file{disk, "rejects"};
  EXPECT_FALSE(file.flush());
  EXPECT_FALSE(disk.exists("rejects"));
}

TEST(RejectFileTest, AFullDiskEndsTheReading) {
  sim::memory_file_system disk;
  std::string text = "1,A\n";
  for (int i = 0; i < 5'000; ++i)
    text += "bad\n";
  put_file(disk, "a.csv", text);
  disk.set_quota(text.size() + 1'000);
  reject_file file{disk, "rejects"};
  auto options = options_of(lines_layout, {"a.csv"});
  options.rejects = file.sink();
  EXPECT_EQ(
    to_string(read_all(disk, options).failed),
    "no_space: rejects: write of 65607 bytes at 0: No space left on device");
}

} // namespace
} // namespace millrace::feed
