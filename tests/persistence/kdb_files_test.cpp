#include <millrace/persistence/kdb/kdb_database.hpp>
#include <millrace/persistence/kdb/kdb_symbols.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/kdb_files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <lz4hc.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

namespace millrace::persistence {
namespace {

using namespace test_support;

class KdbFilesTest : public ::testing::Test {
protected:
  void put(const std::string& path, std::string_view text) {
    ASSERT_FALSE(disk_.create_directories(path.substr(0, path.rfind('/'))));
    const auto fault
      = replace_file(disk_, path, std::as_bytes(std::span{text}));
    ASSERT_FALSE(fault) << to_string(fault);
  }

  kdb_column column(const std::string& text) {
    put("/t/c", text);
    auto out = kdb_column::open(disk_, "/t/c");
    EXPECT_TRUE(out) << to_string(out.failure());
    return *std::move(out);
  }

  error refusal(const std::string& text) {
    put("/t/c", text);
    const auto out = kdb_column::open(disk_, "/t/c");
    return out.failure();
  }

  /// All bytes of a file, or why not.
  result<std::string> expanded(const std::string& path) {
    auto from = kdb_bytes::open(disk_, path);
    if (!from)
      return from.failure();
    std::string out(std::min<uint64_t>(from->size(), 1u << 20), '\0');
    if (auto fault = from->read(
          0, std::as_writable_bytes(std::span{out.data(), out.size()})))
      return fault;
    return out;
  }

  sim::memory_file_system disk_{7};
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_F(KdbFilesTest, ASimpleListOfEachTypeIsRead) {
  const std::vector<std::pair<uint8_t, uint32_t>> types{
    {1, 1},  {2, 16}, {4, 1},  {5, 2},  {6, 4},  {7, 8},
    {8, 4},  {9, 8},  {10, 1}, {12, 8}, {13, 4}, {14, 4},
    {15, 8}, {16, 8}, {17, 4}, {18, 4}, {19, 4}};
  for (const auto& [type, width] : types) {
    std::string values(3 * width, '\0');
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<char>(i * 7 + type);
    auto read = column(kdb_list(type, 3, values, 1));
    EXPECT_EQ(read.type(), type);
    EXPECT_EQ(read.attribute(), 1);
    EXPECT_EQ(read.width(), width);
    EXPECT_EQ(read.rows(), 3u);
    std::vector<std::byte> bytes;
    ASSERT_FALSE(read.read(1, 2, bytes));
    EXPECT_EQ(text_of(bytes), values.substr(width)) << int{type};
  }
}

TEST_F(KdbFilesTest, EnumerationsOfBothWidthsAreRead) {
  const std::vector<int64_t> wanted{2, 0, kdb_null_code, 1};
  std::vector<int64_t> codes;
  // An index follows the values of a parted column.
  auto old = column(kdb_old_codes("sym", {2, 0, INT32_MIN, 1}, 3)
                    + std::string(444, '\xff'));
  EXPECT_EQ(old.domain(), "sym");
  EXPECT_EQ(old.attribute(), 3);
  EXPECT_EQ(old.rows(), 4u);
  ASSERT_FALSE(old.read_codes(0, 4, 3, codes));
  EXPECT_EQ(codes, wanted);
  auto paged = column(kdb_codes("exchanges", {2, 0, INT64_MIN, 1}));
  EXPECT_EQ(paged.domain(), "exchanges");
  ASSERT_FALSE(paged.read_codes(0, 4, 3, codes));
  EXPECT_EQ(codes, wanted);
  const auto beyond = paged.read_codes(0, 4, 2, codes);
  EXPECT_EQ(beyond.code, errc::corrupt);
  EXPECT_EQ(beyond.context, "/t/c: byte 4096: symbol 2 of 2 in 'exchanges'");
}

TEST_F(KdbFilesTest, ALongNameOfADomainLeavesOnePlaceForItsHeader) {
  // Up to 9 bytes the header is at byte 8, of which it leaves 3 to the name;
  // one of 17 pushes it to 16.
  auto nine = column(kdb_old_codes("sym_small", {1, 1}));
  EXPECT_EQ(nine.domain(), "sym_small");
  EXPECT_EQ(nine.rows(), 2u);
  std::string text{"\xfe"};
  text += "a_long_name_of_it";
  text.resize(24, '\0');
  put_raw(text, uint64_t{3});
  text += raw<int32_t>({1, 0, 1});
  auto long_name = column(text);
  EXPECT_EQ(long_name.domain(), "a_long_name_of_it");
  EXPECT_EQ(long_name.rows(), 3u);
}

TEST_F(KdbFilesTest, ListsOfCharsComeFromTheFileBeside) {
  put("/t/c#", "abcde");
  auto read = column(kdb_list(87, 4, raw<int64_t>({3, 3, 4, 5})));
  std::string text;
  std::vector<uint64_t> ends;
  ASSERT_FALSE(read.read_texts(0, 4, 100, text, ends));
  EXPECT_EQ(text, "abcde");
  EXPECT_EQ(ends, (std::vector<uint64_t>{3, 3, 4, 5}));
  ASSERT_FALSE(read.read_texts(2, 2, 100, text, ends));
  EXPECT_EQ(text, "de");
  EXPECT_EQ(ends, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(read.read_texts(0, 4, 4, text, ends).code, errc::oversize);
  put("/t/c#", "abcd");
  auto cut = kdb_column::open(disk_, "/t/c");
  ASSERT_TRUE(cut);
  const auto fault = cut->read_texts(0, 4, 100, text, ends);
  EXPECT_EQ(fault.code, errc::corrupt);
  EXPECT_EQ(fault.context,
            "/t/c: byte 40: a list that ends at 5 of the 4 bytes of /t/c#");
}

TEST_F(KdbFilesTest, WhatNoTableHereHoldsIsRefusedByName) {
  EXPECT_EQ(refusal(kdb_list(77, 0, "")).code, errc::unsupported);
  EXPECT_EQ(refusal(kdb_list(86, 0, "")).context,
            "/t/c: byte 2: its values are lists of float; only lists of chars "
            "can be read");
  EXPECT_EQ(
    refusal(std::string("\xff\x01\x62\x00\0\0\0\0\0\0\0\0\0\0\0\0", 16)).code,
    errc::unsupported);
  EXPECT_EQ(refusal(kdb_list(3, 0, "")).context,
            "/t/c: byte 2: type 3 is none of a column in a splayed table");
  EXPECT_EQ(refusal("kxzippEd" + std::string(100, 'x')).code,
            errc::unsupported);
  EXPECT_EQ(refusal(kdb_list(7, 2, raw<int64_t>({1}))).context,
            "/t/c: byte 8: it has room for 1 of 2 values: it was cut");
  EXPECT_EQ(refusal("{\"not\": \"a column of q\"}").code, errc::corrupt);
  EXPECT_EQ(refusal("").context,
            "/t/c: byte 0: it ends before its header does");
}

/// `whole` in blocks, each compressed by another algorithm.
std::string packed(const std::string& whole, size_t block_bytes) {
  std::vector<kdb_block> blocks;
  uint32_t algorithm = 0;
  for (size_t at = 0; at < whole.size(); at += block_bytes) {
    const auto part = whole.substr(at, block_bytes);
    const auto length = static_cast<int>(part.size());
    std::string out(part.size() * 2 + 1000, '\0');
    if (algorithm == 0) {
      out = part;
    } else if (algorithm == 2) {
      auto size = static_cast<uLongf>(out.size());
      compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                reinterpret_cast<const Bytef*>(part.data()), part.size(), 6);
      out.resize(size);
    } else if (algorithm == 3) {
      auto size = out.size();
      snappy_compress(part.data(), part.size(), out.data(), &size);
      out.resize(size);
    } else if (algorithm == 4) {
      out.resize(static_cast<size_t>(LZ4_compress_HC(
        part.data(), out.data(), length, static_cast<int>(out.size()), 9)));
    } else {
      out.resize(
        ZSTD_compress(out.data(), out.size(), part.data(), part.size(), 3));
    }
    blocks.push_back({out, algorithm});
    algorithm = algorithm == 0 ? 2 : (algorithm + 1) % 6;
  }
  return kdb_zipped(blocks, whole.size(), block_bytes);
}

TEST_F(KdbFilesTest, BlocksOfEachAlgorithmExpand) {
  std::string whole;
  for (int i = 0; i < 2000; ++i)
    put_raw(whole, int64_t{i} * i % 97);
  whole = kdb_list(7, 2000, whole);
  put("/t/c", packed(whole, 4096));
  const auto out = expanded("/t/c");
  ASSERT_TRUE(out) << to_string(out.failure());
  EXPECT_EQ(*out, whole);
}

TEST_F(KdbFilesTest, ABlockOfQsOwnCompressionExpands) {
  // Two bytes as they are, then that pair again and 255 more after it.
  std::string block{"\x01\x00\x01\x00", 4};
  put_raw(block, uint32_t{17});
  put_raw(block, uint32_t{8 + 259});
  block += std::string("\x04zz\x00\xff", 5);
  put("/t/c", kdb_zipped({{block, 1}}, 259, 65536));
  const auto out = expanded("/t/c");
  ASSERT_TRUE(out) << to_string(out.failure());
  EXPECT_EQ(*out, std::string(259, 'z'));
}

TEST_F(KdbFilesTest, ACompressedColumnMayLeaveItsNumberOut) {
  const auto plain = kdb_list(6, 0, raw<int32_t>({1, 2, 3}));
  auto read = column(kdb_zipped({{plain, 0}}, plain.size(), 65536));
  EXPECT_EQ(read.rows(), 3u);
  // With an index after its values the other columns say it.
  const auto parted = kdb_old_codes("sym", {}, 3) + raw<int32_t>({1, 2, 3, 9});
  auto open = column(kdb_zipped({{parted, 0}}, parted.size(), 65536));
  EXPECT_EQ(open.rows(), std::nullopt);
  ASSERT_FALSE(open.settle_rows(3));
  EXPECT_EQ(open.settle_rows(2).code, errc::corrupt);
}

// Goal: no byte of a compressed file, wherever it was cut or flipped, is read
// beyond what is there, and what comes out is told to be damaged or is of the
// size that was asked for.
TEST_F(KdbFilesTest, CutAndFlippedFilesAreRefusedOrRead) {
  std::string whole;
  for (int i = 0; i < 3000; ++i)
    put_raw(whole, int64_t{i} % 7);
  whole = kdb_list(7, 3000, whole);
  const auto text = packed(whole, 4096);
  for (size_t size = 0; size < text.size(); ++size) {
    put("/t/c", text.substr(0, size));
    const auto out = kdb_column::open(disk_, "/t/c");
    ASSERT_FALSE(out) << size;
    EXPECT_NE(out.failure().context.find("/t/c: byte "), std::string::npos);
  }
  for (size_t at = 8; at < text.size(); ++at) {
    auto bad = text;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    put("/t/c", bad);
    if (const auto out = expanded("/t/c"))
      EXPECT_EQ(out->size(), whole.size()) << at;
  }
}

// Goal: the same of headers, which say where values lie and how many.
TEST_F(KdbFilesTest, FlippedHeadersAreRefusedOrReadWithinTheFile) {
  put("/t/c#", "abcde");
  const std::vector<std::string> files{kdb_list(7, 2, raw<int64_t>({1, 2}), 1),
                                       kdb_list(87, 2, raw<int64_t>({2, 5})),
                                       kdb_old_codes("sym", {0, 1}, 3),
                                       kdb_codes("sym", {0, 1})};
  for (const auto& text : files)
    for (size_t at = 0; at < text.size(); at += at == 32 ? 4000 : 1)
      for (int bit = 0; bit < 8; ++bit) {
        auto bad = text;
        bad[at] = static_cast<char>(bad[at] ^ 1 << bit);
        put("/t/c", bad);
        auto read = kdb_column::open(disk_, "/t/c");
        if (!read || !read->rows())
          continue;
        const auto rows = *read->rows();
        ASSERT_LE(rows * read->width(), bad.size());
        std::vector<std::byte> bytes;
        EXPECT_FALSE(read->read(0, rows, bytes));
        std::vector<int64_t> codes;
        std::string texts;
        std::vector<uint64_t> ends;
        if (read->type() == kdb_enumerated)
          static_cast<void>(read->read_codes(0, rows, 2, codes));
        if (read->type() == kdb_texts)
          static_cast<void>(read->read_texts(0, rows, 100, texts, ends));
      }
}

TEST_F(KdbFilesTest, SymbolsEndWhereTheFileDoes) {
  put("/db/sym", kdb_symbol_list({"AIG", "", "IBM"}, 1));
  const auto symbols = kdb_symbols::read(disk_, "/db/sym", 1000);
  ASSERT_TRUE(symbols) << to_string(symbols.failure());
  ASSERT_EQ(symbols->size(), 3u);
  EXPECT_EQ((*symbols)[0], "AIG");
  EXPECT_EQ((*symbols)[1], "");
  EXPECT_EQ((*symbols)[2], "IBM");
  EXPECT_EQ(symbols->prefix(2), std::string_view("AIG\0\0", 5));
  put("/db/sym", kdb_symbol_list({"AIG"}, 1) + "IB");
  EXPECT_EQ(kdb_symbols::read(disk_, "/db/sym", 1000).failure().context,
            "/db/sym: byte 12: its last symbol has no end");
  EXPECT_EQ(kdb_symbols::read(disk_, "/db/sym", 9).failure().code,
            errc::oversize);
}

class KdbDatabaseTest : public KdbFilesTest {
protected:
  void put_table(const std::string& directory) {
    put(directory + "/.d", kdb_symbol_list({"time", "size"}, 2));
    put(directory + "/time", kdb_list(12, 2, raw<int64_t>({1, 2})));
    put(directory + "/size", kdb_list(6, 2, raw<int32_t>({5, 6})));
  }
};

TEST_F(KdbDatabaseTest, TablesOfPartitionsAndSplayedOnesAreFound) {
  put("/db/sym", kdb_symbol_list({"A"}, 1));
  put("/db/flat", std::string("\xff\x01\x62\0\0\0\0\0", 8));
  put_table("/db/2015.01.08/trade");
  put_table("/db/2015.01.07/trade");
  put_table("/db/2015.01.07/quote");
  put_table("/db/ref");
  const auto found = read_kdb_database(disk_, "/db");
  ASSERT_TRUE(found) << to_string(found.failure());
  ASSERT_EQ(found->tables.size(), 3u);
  EXPECT_EQ(found->table("ref")->parts[0].partition, "");
  const auto& trade = found->table("trade")->parts;
  ASSERT_EQ(trade.size(), 2u);
  EXPECT_EQ(trade[0].partition, "2015.01.07");
  EXPECT_EQ(trade[0].date, 5485);
  EXPECT_EQ(trade[1].directory, "/db/2015.01.08/trade");
  EXPECT_EQ(found->passed_over, std::vector<std::string>{"/db/flat"});
  const auto part = open_kdb_part(disk_, trade[0]);
  ASSERT_TRUE(part) << to_string(part.failure());
  EXPECT_EQ(part->rows, 2u);
  EXPECT_EQ(part->columns[1].name, "size");
}

TEST_F(KdbDatabaseTest, OneTableOfAPartitionKeepsItsDateAndSymbols) {
  put("/db/sym", kdb_symbol_list({"A"}, 1));
  put_table("/db/2015.01.07/trade");
  put_table("/db/ref");
  const auto trade = read_kdb_database(disk_, "/db/2015.01.07/trade/");
  ASSERT_TRUE(trade) << to_string(trade.failure());
  EXPECT_EQ(trade->directory, "/db");
  ASSERT_EQ(trade->tables.size(), 1u);
  EXPECT_EQ(trade->tables[0].parts[0].partition, "2015.01.07");
  EXPECT_EQ(trade->tables[0].parts[0].date, 5485);
  const auto ref = read_kdb_database(disk_, "/db/ref");
  ASSERT_TRUE(ref) << to_string(ref.failure());
  EXPECT_EQ(ref->directory, "/db");
  EXPECT_FALSE(ref->tables[0].parts[0].date);
}

TEST_F(KdbDatabaseTest, SegmentsAreWhereTheirFileSays) {
  put("/db/par.txt", "/disk1\nnear\n");
  put_table("/disk1/2015.01.07/trade");
  put_table("/db/near/2015.01.08/trade");
  put_table("/db/2015.01.09/trade");
  const auto found = read_kdb_database(disk_, "/db");
  ASSERT_TRUE(found) << to_string(found.failure());
  const auto& parts = found->table("trade")->parts;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].partition, "disk1/2015.01.07");
  EXPECT_EQ(parts[1].directory, "/db/near/2015.01.08/trade");
  EXPECT_NE(std::find(found->passed_over.begin(), found->passed_over.end(),
                      "/db: its own partitions, for there is par.txt"),
            found->passed_over.end());
}

TEST_F(KdbDatabaseTest, PartitionsOfSeveralKindsAndNoTableAreRefused) {
  put_table("/db/2015.01.07/trade");
  put_table("/db/2015.01/trade");
  const auto mixed = read_kdb_database(disk_, "/db");
  EXPECT_EQ(mixed.failure().code, errc::unsupported);
  EXPECT_NE(mixed.failure().context.find("/db/2015.01.07"), std::string::npos);
  put("/empty/sym", kdb_symbol_list({}, 0));
  EXPECT_EQ(read_kdb_database(disk_, "/empty").failure().code, errc::not_found);
  // One who named a directory too high.
  put_table("/dbs/one/2015.01.07/trade");
  const auto above = read_kdb_database(disk_, "/dbs");
  EXPECT_EQ(above.failure().code, errc::not_found);
  EXPECT_TRUE(above.failure().context.ends_with("; but in /dbs/one"))
    << above.failure().context;
}

TEST_F(KdbDatabaseTest, ColumnsOfOneTableHaveTheSameRows) {
  put_table("/db/2015.01.07/trade");
  put("/db/2015.01.07/trade/size", kdb_list(6, 1, raw<int32_t>({5})));
  const auto part = open_kdb_part(
    disk_, read_kdb_database(disk_, "/db")->table("trade")->parts[0]);
  EXPECT_EQ(part.failure().code, errc::corrupt);
  EXPECT_EQ(part.failure().context,
            "/db/2015.01.07/trade/size: byte 8: 1 values where the table's "
            "other columns have 2");
  put("/db/2015.01.07/trade/.d", kdb_symbol_list({"../../sym"}, 1));
  EXPECT_EQ(open_kdb_part(
              disk_, read_kdb_database(disk_, "/db")->table("trade")->parts[0])
              .failure()
              .code,
            errc::corrupt);
}

} // namespace
} // namespace millrace::persistence
