#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/parse/time_reader.hpp>
#include <millrace/feed/text/text_index.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <charconv>
#include <cmath>
#include <random>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

/// A field inside other text, as parsers meet it.
struct padded {
  std::string bytes;
  size_t length;
  explicit padded(const std::string& text)
    : bytes{text + ",123456789" + std::string(text_slack, '7')},
      length{text.size()} {}
  [[nodiscard]] const char* data() const { return bytes.data(); }
};

TEST(NumberTextTest, DecimalsAreRoundedCorrectly) {
  std::mt19937_64 random{1};
  for (int i = 0; i < 400'000; ++i) {
    std::string text = random() % 4 == 0 ? "-" : "";
    const auto whole = random() % 13;
    const auto fraction = random() % 10;
    for (uint64_t k = 0; k < whole; ++k)
      text += static_cast<char>('0' + random() % 10);
    if (fraction != 0 || whole == 0)
      text += '.';
    for (uint64_t k = 0; k < fraction; ++k)
      text += static_cast<char>('0' + random() % 10);
    if (whole + fraction == 0)
      continue;
    const padded field{text};
    double got = 0;
    ASSERT_EQ(parse_decimal(field.data(), field.length, 0, got), fault::none)
      << text;
    ASSERT_EQ(got, std::strtod(text.c_str(), nullptr)) << text;
    // A scale moves the point, and rounds once.
    ASSERT_EQ(parse_decimal(field.data(), field.length, 4, got), fault::none);
    ASSERT_EQ(got, std::strtod((text + "e-4").c_str(), nullptr)) << text;
    float narrow = 0;
    ASSERT_EQ(parse_decimal(field.data(), field.length, 0, narrow),
              fault::none);
    ASSERT_EQ(narrow, std::strtof(text.c_str(), nullptr)) << text;
  }
}

TEST(NumberTextTest, OtherFormsOfDecimals) {
  const std::vector<std::pair<std::string, double>> good{
    {"1e3", 1000},
    {"-1.5E-2", -0.015},
    {"5.", 5},
    {".5", 0.5},
    {"+7", 7},
    {"00012.50", 12.5},
    {"12345678901234567890123", 12345678901234567890123.0},
    {"0.1234567890123456789", 0.1234567890123456789}};
  for (const auto& [text, value] : good) {
    const padded field{text};
    double got = 0;
    EXPECT_EQ(parse_decimal(field.data(), field.length, 0, got), fault::none)
      << text;
    EXPECT_EQ(got, value) << text;
  }
  for (const std::string text :
       {"",     ".",     "-",   "+",     "--1",      "+-1",     "1-",
        "1..2", "1.2.3", "1,2", " 1",    "1 ",       "e5",      "0x1p3",
        "1e",   "/",     ":",   "12:34", "1234567/", "\xb1\xb2"}) {
    const padded field{text};
    double got = 0;
    EXPECT_EQ(parse_decimal(field.data(), field.length, 0, got),
              fault::not_number)
      << text;
  }
}

// Every string of up to three bytes: a number, or refused, as from_chars says.
TEST(NumberTextTest, ShortTextsExhaustively) {
  const auto check = [](const std::string& text) {
    const padded field{text};
    uint64_t got = 0;
    uint64_t wanted = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, wanted);
    const bool good = parsed.ec == std::errc{} && parsed.ptr == end;
    ASSERT_EQ(parse_digits(field.data(), field.length, got) == fault::none,
              good)
      << text;
    if (good) {
      ASSERT_EQ(got, wanted);
    }
  };
  for (int a = 0; a < 256; ++a) {
    check(std::string(1, static_cast<char>(a)));
    for (int b = 0; b < 256; ++b) {
      check({static_cast<char>(a), static_cast<char>(b)});
      for (const char c : {'\0', '/', '0', '5', '9', ':', '\x80', '\xff'})
        check(
          {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)});
    }
  }
}

TEST(NumberTextTest, WholeNumbersOfEveryLength) {
  std::mt19937_64 random{2};
  for (int i = 0; i < 200'000; ++i) {
    const auto value = static_cast<int64_t>(random() >> (random() % 64))
                       * (random() % 2 == 0 ? 1 : -1);
    if (value == null_long)
      continue;
    const padded field{std::to_string(value)};
    int64_t got = 0;
    ASSERT_EQ(parse_integer(field.data(), field.length, got), fault::none);
    ASSERT_EQ(got, value);
  }
  for (const std::string text :
       {"9223372036854775808", "-9223372036854775808", "18446744073709551616",
        "99999999999999999999999"}) {
    const padded field{text};
    int64_t got = 0;
    EXPECT_EQ(parse_integer(field.data(), field.length, got), fault::overflow)
      << text;
  }
}

TEST(ValueTest, EveryTypeReadsItsText) {
  auto hex = [](column_type type, std::string_view text) -> std::string {
    std::string bytes;
    if (const auto why = read_value(type, text, bytes); why != fault::none)
      return std::string{to_string(why)};
    std::string out;
    for (const char c : bytes) {
      char two[4];
      std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
      out += two;
    }
    return out;
  };
  using t = column_type;
  EXPECT_EQ(hex(t::boolean, "true"), "01");
  EXPECT_EQ(hex(t::boolean, "0"), "00");
  EXPECT_EQ(hex(t::boolean, "2"), "is not a boolean (0, 1, true, false)");
  EXPECT_EQ(hex(t::byte_, "255"), "ff");
  EXPECT_EQ(hex(t::byte_, "256"), "does not fit the column's type");
  EXPECT_EQ(hex(t::byte_, "-1"), "does not fit the column's type");
  EXPECT_EQ(hex(t::short_, "-2"), "feff");
  EXPECT_EQ(hex(t::short_, "32768"), "does not fit the column's type");
  EXPECT_EQ(hex(t::short_, "-32768"), "does not fit the column's type");
  EXPECT_EQ(hex(t::short_, ""), "0080");
  EXPECT_EQ(hex(t::int_, "258"), "02010000");
  EXPECT_EQ(hex(t::long_, "-1"), "ffffffffffffffff");
  EXPECT_EQ(hex(t::real, "1.5"), "0000c03f");
  EXPECT_EQ(hex(t::real, "1e39"), "does not fit the column's type");
  EXPECT_EQ(hex(t::char_, "x"), "78");
  EXPECT_EQ(hex(t::char_, "xy"), "is more than one character");
  EXPECT_EQ(hex(t::guid, "00010203-0405-0607-0809-0a0B0c0D0e0f"),
            "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(hex(t::guid, "00010203-0405-0607-0809-0a0B0c0D0e0"),
            "is not a guid");
  EXPECT_EQ(hex(t::date, "2000-01-03"), "02000000");
  EXPECT_EQ(hex(t::date, "1999.12.31"), "ffffffff");
  EXPECT_EQ(hex(t::date, "20000229"), "3b000000");
  EXPECT_EQ(hex(t::date, "2001-02-29"), "is not a date of the calendar");
  EXPECT_EQ(hex(t::month, "2000-03"), "02000000");
  EXPECT_EQ(hex(t::month, "1999.12.31"), "ffffffff");
  EXPECT_EQ(hex(t::minute, "01:01"), "3d000000");
  EXPECT_EQ(hex(t::second, "00:01:01"), "3d000000");
  EXPECT_EQ(hex(t::time, "00:00:00.258"), "02010000");
  EXPECT_EQ(hex(t::timespan, "00:00:00.000000258"), "0201000000000000");
  EXPECT_EQ(hex(t::timespan, "24:00:00"), "00004f91944e0000");
  EXPECT_EQ(hex(t::timespan, "0D00:60:00"),
            "is not a time of the layout's format");
}

/// Reads one time; faults as their text.
std::string time_of(time_format format, const std::string& zone,
                    const std::string& text, int32_t date = null_int) {
  time_reader reader{format, *zone_clock::open(zone), date};
  const padded field{text};
  int64_t out = 0;
  const auto why = reader.timestamp(field.data(), field.length, out);
  return why == fault::none ? std::to_string(out) : std::string{to_string(why)};
}

TEST(TimeTextTest, AllFormatsOfOneInstant) {
  // 2013-10-08 09:30:00.123456789 in New York: 13:30 UTC.
  const auto date = *text::parse_date("2013-10-08");
  const std::string ns = "434554200123456789";
  const std::string zone = "America/New_York";
  using f = time_format;
  EXPECT_EQ(time_of(f::iso, zone, "2013-10-08T09:30:00.123456789"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "2013-10-08 09:30:00.123456789"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "2013.10.08D09:30:00.123456789"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "20131008T093000.123456789"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "2013-10-08T13:30:00.123456789Z"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "2013-10-08T19:00:00.123456789+05:30"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "2013-10-08T03:30:00.123456789-1000"), ns);
  EXPECT_EQ(time_of(f::iso, zone, "09:30:00.123456789", date), ns);
  EXPECT_EQ(time_of(f::ns_of_day, zone, "34200123456789", date), ns);
  EXPECT_EQ(time_of(f::us_of_day, zone, "34200123456.789", date), ns);
  EXPECT_EQ(time_of(f::ms_of_day, zone, "34200123.456789", date), ns);
  EXPECT_EQ(time_of(f::s_of_day, zone, "34200.123456789", date), ns);
  EXPECT_EQ(time_of(f::hhmmss_ns, zone, "093000123456789", date), ns);
  EXPECT_EQ(time_of(f::hhmmss_ns, zone, "93000123456789", date), ns);
  EXPECT_EQ(time_of(f::unix_ns, zone, "1381239000123456789"), ns);
  EXPECT_EQ(time_of(f::unix_us, zone, "1381239000123456.789"), ns);
  EXPECT_EQ(time_of(f::unix_ms, zone, "1381239000123.456789"), ns);
  EXPECT_EQ(time_of(f::unix_s, zone, "1381239000.123456789"), ns);
  EXPECT_EQ(time_of(f::hhmmss_us, zone, "093000000001", date),
            "434554200000001000");
  EXPECT_EQ(time_of(f::hhmmss_ms, zone, "093000001", date),
            "434554200001000000");
  EXPECT_EQ(time_of(f::hhmmss, zone, "93000", date), "434554200000000000");
}

TEST(TimeTextTest, WrongTimesAreRefused) {
  const auto date = *text::parse_date("2013-10-08");
  using f = time_format;
  const std::string wrong = "is not a time of the layout's format";
  for (const std::string text :
       {"2013-10-08T", "2013-10-08T9:30:00", "2013-10-08X09:30:00",
        "2013-10-08T09:30:60", "2013-10-08T24:00:00", "2013-10-08T09:30:00.",
        "2013-10-08T09:30:00.1234567890", "2013-10-08T09:30:00+19:00",
        "2013-10-08T09:30:00 ", "2013-1-08", "2013", "09:30:00x"})
    EXPECT_EQ(time_of(f::iso, "UTC", text, date), wrong) << text;
  EXPECT_EQ(time_of(f::iso, "UTC", "09:30:00"),
            "is a time of day, and no date is known: give --date");
  EXPECT_EQ(time_of(f::iso, "UTC", "09:30:60"), wrong);
  EXPECT_EQ(time_of(f::ms_of_day, "UTC", "86400000", date), wrong);
  EXPECT_EQ(time_of(f::ms_of_day, "UTC", "-1", date), wrong);
  EXPECT_EQ(time_of(f::ms_of_day, "UTC", "12x", date), wrong);
  EXPECT_EQ(time_of(f::ms_of_day, "UTC", "1.", date), wrong);
  EXPECT_EQ(time_of(f::ns_of_day, "UTC", "1.5", date), wrong);
  EXPECT_EQ(time_of(f::hhmmss_ns, "UTC", "236000000000000", date), wrong);
  EXPECT_EQ(time_of(f::hhmmss_ns, "UTC", "0930001234567890", date), wrong);
  EXPECT_EQ(time_of(f::unix_s, "UTC", "99999999999"),
            "does not fit the column's type");
}

// Digits without marks, as long as a time of another unit, are not guessed at.
TEST(TimeTextTest, DigitsOfAnotherUnitAreRefused) {
  using f = time_format;
  const std::string other
    = "has as many digits as a time of another unit: see `format`";
  const std::string wrong = "is not a time of the layout's format";
  const std::string digits = "093000123456789";
  for (const auto& [format, own] : {std::pair{f::hhmmss, 6u},
                                    {f::hhmmss_ms, 9u},
                                    {f::hhmmss_us, 12u},
                                    {f::hhmmss_ns, 15u}})
    for (size_t length = 5; length <= 15; ++length) {
      const bool two = length % 3 == 0;
      const bool one = length % 3 == 2; // The first zero is absent.
      if (!two && !one)
        continue;
      const auto got
        = time_of(format, "UTC", digits.substr(one ? 1 : 0, length), 0);
      if (length > own)
        EXPECT_EQ(got, wrong) << own << " " << length;
      else if (length + 1 < own)
        EXPECT_EQ(got, other) << own << " " << length;
      else
        EXPECT_EQ(got.substr(0, 5), "34200") << own << " " << length;
    }
  for (const auto& [format, text] : {std::pair{f::unix_ms, "1704205800"},
                                     {f::unix_us, "1704205800"},
                                     {f::unix_us, "1704205800000.5"},
                                     {f::unix_ns, "1704205800"},
                                     {f::unix_ns, "1704205800000"},
                                     {f::unix_ns, "1704205800000000"}})
    EXPECT_EQ(time_of(format, "UTC", text), other) << text;
  EXPECT_EQ(time_of(f::unix_ms, "UTC", "1704205800000"),
            time_of(f::unix_s, "UTC", "1704205800"));
  EXPECT_EQ(time_of(f::unix_ms, "UTC", "1000"), "-946684799000000000");
  // A number has no zero before it: these are of hours and minutes.
  for (const auto format : {f::hhmmss, f::hhmmss_ms, f::hhmmss_ns})
    EXPECT_EQ(time_of(format, "UTC", "0930", 0), other);
  // Shortly after midnight no other unit has so few digits.
  EXPECT_EQ(time_of(f::hhmmss_ms, "UTC", "1002", 0), "1002000000");
  EXPECT_EQ(time_of(f::hhmmss_ns, "UTC", "1002003000000", 0), "602003000000");
}

// The same reader over changing dates, seconds and forms: what it remembers of
// the row before must never show.
TEST(TimeTextTest, MemoryOfTheRowBeforeNeverShows) {
  std::mt19937_64 random{3};
  for (const std::string zone : {"UTC", "America/New_York", "Asia/Kolkata"}) {
    time_reader kept{time_format::iso, *zone_clock::open(zone), null_int};
    for (int i = 0; i < 20'000; ++i) {
      char text[64];
      std::snprintf(
        text, sizeof text, "2024-%02d-%02d%c%02d:%02d:%02d.%0*d%s",
        static_cast<int>(random() % 13), static_cast<int>(random() % 32),
        "T DX"[random() % 4], static_cast<int>(random() % 25),
        static_cast<int>(random() % 2 * 30),
        static_cast<int>(random() % 2), // Repeats are frequent.
        static_cast<int>(1 + random() % 10), 7, random() % 8 == 0 ? "Z" : "");
      const padded field{text};
      int64_t got = 0;
      const auto why = kept.timestamp(field.data(), field.length, got);
      EXPECT_EQ(why == fault::none ? std::to_string(got)
                                   : std::string{to_string(why)},
                time_of(time_format::iso, zone, text))
        << text;
    }
  }
}

TEST(ZoneClockTest, DaysWithoutAChangeToComeAreUniform) {
  for (const auto* name : {"UTC", "Asia/Tokyo"})
    for (const int32_t day : {-36'500, -365, 365}) {
      auto clock = zone_clock::open(name);
      ASSERT_TRUE(clock);
      EXPECT_TRUE(clock->uniform(day)) << name << " " << day;
    }
}

TEST(ZoneClockTest, DaysOfChangeAreExact) {
  const std::string zone = "America/New_York";
  using f = time_format;
  // 2024-03-10: 02:00 becomes 03:00.
  const auto spring = *text::parse_date("2024-03-10");
  EXPECT_EQ(time_of(f::iso, zone, "2024-03-10T01:59:59.999999999"),
            time_of(f::iso, "UTC", "2024-03-10T06:59:59.999999999"));
  EXPECT_EQ(time_of(f::iso, zone, "2024-03-10T02:30:00"),
            "is a time that the zone's clock skipped");
  EXPECT_EQ(time_of(f::iso, zone, "2024-03-10T03:00:00"),
            time_of(f::iso, "UTC", "2024-03-10T07:00:00"));
  EXPECT_EQ(time_of(f::ms_of_day, zone, "34200000", spring),
            time_of(f::iso, "UTC", "2024-03-10T13:30:00"));
  // 2024-11-03: 02:00 becomes 01:00; what comes twice is the earlier one.
  EXPECT_EQ(time_of(f::iso, zone, "2024-11-03T00:59:59"),
            time_of(f::iso, "UTC", "2024-11-03T04:59:59"));
  EXPECT_EQ(time_of(f::iso, zone, "2024-11-03T01:30:00"),
            time_of(f::iso, "UTC", "2024-11-03T05:30:00"));
  EXPECT_EQ(time_of(f::iso, zone, "2024-11-03T02:00:00"),
            time_of(f::iso, "UTC", "2024-11-03T07:00:00"));
  // A zone that changes at midnight, and days beside it.
  EXPECT_EQ(time_of(f::iso, "America/Sao_Paulo", "2017-10-15T00:30:00"),
            "is a time that the zone's clock skipped");
  EXPECT_EQ(time_of(f::iso, "America/Sao_Paulo", "2017-10-15T01:00:00"),
            time_of(f::iso, "UTC", "2017-10-15T03:00:00"));
  EXPECT_EQ(time_of(f::iso, "America/Sao_Paulo", "2017-10-14T23:00:00"),
            time_of(f::iso, "UTC", "2017-10-15T02:00:00"));
  EXPECT_FALSE(zone_clock::open("Nowhere/Land"));
}

TEST(TextIndexTest, AgreesWithALookAtEveryByte) {
  std::mt19937_64 random{4};
  for (int round = 0; round < 3'000; ++round) {
    std::string text(random() % 300, ' ');
    for (auto& c : text)
      c = "ab|,\n\r\"\x01"[random() % (2 + round % 7)];
    const auto size = text.size();
    text += std::string(text_slack, random() % 2 == 0 ? '\n' : '|');
    std::vector<uint32_t> bounds(size + 8);
    std::vector<uint32_t> newlines(size + 8);
    const auto found
      = find_structure(text.data(), size, '|', bounds.data(), newlines.data());
    std::vector<uint32_t> wanted;
    std::vector<uint32_t> wanted_lines;
    for (uint32_t i = 0; i < size; ++i) {
      if (text[i] == '\n')
        wanted_lines.push_back(static_cast<uint32_t>(wanted.size()));
      if (text[i] == '\n' || text[i] == '|')
        wanted.push_back(i);
    }
    bounds.resize(found.bound_count);
    newlines.resize(found.newline_count);
    ASSERT_EQ(bounds, wanted);
    ASSERT_EQ(newlines, wanted_lines);
    EXPECT_EQ(count_newlines(text.data(), size), wanted_lines.size());
  }
}

} // namespace
} // namespace millrace::feed
