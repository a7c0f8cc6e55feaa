#include <millrace/feed/source/foreign_text_internal.hpp>

#include <array>

namespace millrace::feed {

namespace {

using namespace std::string_view_literals;

struct magic {
  std::string_view begin;
  size_t offset;
  const char* what;
};

constexpr auto recorded_packets
  = "a recording of packets (pcap): those of IEX are read by the presets "
    "iex-trade, iex-quote and iex-level";

constexpr auto of_kdb
  = "of kdb+: `millrace load --kdb DIRECTORY` reads databases and splayed "
    "tables";

constexpr std::array magics{
  magic{"\xff\x01"sv, 0, of_kdb},
  magic{"\xff\x20"sv, 0, of_kdb},
  magic{"\xfe\x20"sv, 0, of_kdb},
  magic{"\xfesym\0"sv, 0, of_kdb},
  magic{"kxzipped"sv, 0, of_kdb},
  magic{"\xff\xfe\0\0"sv, 0,
        "UTF-32: `iconv -f UTF-32 -t UTF-8` makes UTF-8 of it"},
  magic{"\0\0\xfe\xff"sv, 0,
        "UTF-32: `iconv -f UTF-32 -t UTF-8` makes UTF-8 of it"},
  magic{"\xff\xfe"sv, 0,
        "UTF-16: `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it"},
  magic{"\xfe\xff"sv, 0,
        "UTF-16: `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it"},
  magic{"ustar"sv, 257, "a tar archive: unpack it"},
  magic{"7z\xbc\xaf\x27\x1c"sv, 0, "a 7z archive: unpack it"},
  magic{"Rar!\x1a\x07"sv, 0, "a rar archive: unpack it"},
  magic{"\x04\x22\x4d\x18"sv, 0, "packed by lz4: unpack it"},
  magic{"\x1f\x9d"sv, 0, "packed by compress: unpack it"},
  magic{"PAR1"sv, 0,
        "Parquet, and text is wanted: DuckDB makes it with COPY (FROM "
        "'IT') TO 'IT.csv'"},
  magic{"ARROW1"sv, 0, "Arrow, and text is wanted"},
  magic{"\x89HDF\r\n"sv, 0, "HDF5, and text is wanted"},
  magic{"SQLite format 3"sv, 0, "an SQLite database, and text is wanted"},
  magic{"%PDF-"sv, 0, "PDF, and text is wanted"},
  magic{"\xd0\xcf\x11\xe0"sv, 0, "of an office program: save it as CSV"},
  magic{"\x7f"
        "ELF"sv,
        0, "a program (ELF), and text is wanted"},
  magic{"\xd4\xc3\xb2\xa1"sv, 0, recorded_packets},
  magic{"\xa1\xb2\xc3\xd4"sv, 0, recorded_packets},
  magic{"\x4d\x3c\xb2\xa1"sv, 0, recorded_packets},
  magic{"\xa1\xb2\x3c\x4d"sv, 0, recorded_packets},
  magic{"\x0a\x0d\x0d\x0a"sv, 0, recorded_packets},
  magic{"PK\x03\x04"sv, 0, "a zip archive in another one: unpack it"},
};

/// That ends a line on its own.
constexpr size_t first_line_max = 64 * 1024;

} // namespace

std::string foreign_kind(std::string_view head, bool whole) {
  for (const auto& each : magics)
    if (head.size() >= each.offset
        && head.substr(each.offset).starts_with(each.begin))
      return each.what;
  const auto begin = head.substr(0, first_line_max);
  if ((whole || begin.size() == first_line_max)
      && begin.find('\r') != begin.npos && begin.find('\n') == begin.npos)
    return begin.find('\0') != begin.npos ? "binary, and text is wanted"
                                          : "of lines that end with a carriage "
                                            "return alone: `tr '\\r' '\\n'` "
                                            "makes lines of it";
  return {};
}

} // namespace millrace::feed
