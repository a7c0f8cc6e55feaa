#pragma once

#include <millrace/feed/text/number_text.hpp>
#include <millrace/feed/text/time_count.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Presets are in presets.cpp, placeholders in template.cpp.

namespace millrace::feed {

/// How the text of a time field is read.
enum class time_format : uint8_t {
  none,      ///< Not a time.
  iso,       ///< 2024-01-02[T ]09:30:00.123456789[Z|+hh:mm], or parts of it.
  s_of_day,  ///< Seconds since midnight, perhaps with a fraction.
  ms_of_day, ///< Milliseconds since midnight.
  us_of_day, ///< Microseconds since midnight.
  ns_of_day, ///< Nanoseconds since midnight.
  hhmmss,    ///< HHMMSS; leading zeroes may be absent, as in all of these.
  hhmmss_ms, ///< HHMMSSnnn
  hhmmss_us, ///< HHMMSSnnnnnn
  hhmmss_ns, ///< HHMMSSnnnnnnnnn
  unix_s,    ///< Seconds since 1970-01-01 UTC, perhaps with a fraction.
  unix_ms,
  unix_us,
  unix_ns,
  count,   ///< Units since a day; see time_count.
  pattern, ///< As the user wrote it down; see time_pattern.
};

[[nodiscard]] std::string_view to_string(time_format format) noexcept;

/// What is done to the text of a field before it is read as a value.
struct text_rules {
  bool trim = false;                   ///< Blanks around it are left out.
  std::vector<std::string> null_words; ///< Mean no value, as an empty field.
  char decimal = '.';
  char thousands = '\0'; ///< Left out.
  bool hex = false;      ///< A whole number, with or without 0x.
  bool abs = false;      ///< A minus is left out.
  bool upper = false;    ///< ASCII letters become capitals.
  /// Stand for the field: the first when it has a minus, else the second.
  std::vector<std::string> sign;
  friend bool operator==(const text_rules&, const text_rules&) = default;
};

/// One target column and the field it comes from.
struct layout_column {
  std::string name;
  column_type type = column_type::long_;
  /// Positions from 1; several are joined with blanks. None: see `headers`.
  std::vector<uint32_t> fields;
  std::vector<std::string> headers; ///< Names in the header line.
  time_format format = time_format::none;
  std::string pattern;      ///< Of time_format::pattern.
  time_count count;         ///< Of time_format::count.
  std::string zone = "UTC"; ///< Zone of wall times without an offset.
  number_scale scale;       ///< Of numbers.
  text_rules rules;
  bool optional = false; ///< Left out when the table has no such column.
  uint32_t line = 0;     ///< Of the layout file, for messages.
};

/// A column that is the same in every row of a source.
struct layout_constant {
  std::string name;
  column_type type = column_type::symbol;
  /// May hold {symbol}, {date}, {file}, {member} and {member:N}.
  std::string text;
  bool upper = false; ///< ASCII letters become capitals.
  bool optional = false;
  uint32_t line = 0;
};

/// What files that are not text are made into before they are read as lines. A
/// number is part of what a source is known by, and stands for one for ever.
enum class decoding : uint8_t {
  none = 0,       ///< They are text.
  iex_trades = 1, ///< Packets of IEX, and what is taken of them.
  iex_quotes = 2,
  iex_levels = 3,
  itch_trades = 4, ///< A day of Nasdaq's ITCH 5.0.
  itch_orders = 5,
};

/// What is taken out of lines of JSON. A path is keys and positions with points
/// between them, "@each" an element of `each`, "@before" the text before the
/// JSON.
struct json_lines {
  std::vector<std::string> paths; ///< The fields of a line.
  std::string each;               ///< A list: each element is a row.
  std::vector<std::string> only;  ///< "path=text": other lines are skipped.
  [[nodiscard]] bool on() const noexcept { return !paths.empty(); }
};

/// How the lines of a text file become rows of a table.
/// docs/feed_layouts.md describes the file.
struct layout {
  std::string name;
  std::string path; ///< Where it was read from, for messages.
  std::string table;
  char delimiter = ',';
  bool header = false;
  bool quote = false; ///< Fields may be quoted as in RFC 4180.
  decoding decode = decoding::none;
  json_lines json; ///< On: there are no delimiters, header and quotes.
  std::vector<std::string> skipped; ///< Lines that begin so are.
  uint32_t skip_lines = 0;          ///< Before the header or first row.
  std::string date;    ///< Template of the date when none is given.
  uint32_t fields = 0; ///< Fields per line when there is no header; 0: derived.
  std::string time_column;
  std::string symbol_column;
  std::string roll_zone = "UTC";
  std::vector<layout_column> columns;
  std::vector<layout_constant> constants;
  /// Columns that are null together when all of them are zero.
  std::vector<std::vector<std::string>> absent;
};

/// Reads a layout from TOML text. A fault is errc::config and names
/// file:line:key.
[[nodiscard]] result<layout> parse_layout(std::string_view text,
                                          const std::string& path);

/// A preset when `name_or_path` is the name of one, else the file.
[[nodiscard]] result<layout> load_layout(persistence::file_system& fs,
                                         const std::string& name_or_path);

[[nodiscard]] std::vector<std::string_view> preset_names();
/// The same, for messages: "csv-trade csv-quote ...".
[[nodiscard]] std::string names_of_presets();
/// Which of them a word may have meant: see text::meant.
[[nodiscard]] std::string meant_preset(std::string_view word);
/// The TOML text of a preset, to start one's own layout from.
[[nodiscard]] std::optional<std::string_view>
preset_text(std::string_view name) noexcept;
[[nodiscard]] result<layout> preset(std::string_view name);

/// The table that a layout fills, columns in the order of the layout; the time
/// column last if it has none: then the feed gives rows their time.
[[nodiscard]] result<table_schema> schema_of(const layout& from);
[[nodiscard]] result<table_schema> preset_schema(std::string_view name);

/// Whether the fields of a column are a date and a count or digits of the day.
[[nodiscard]] bool has_date_field(const layout_column& column) noexcept;

/// Whether the symbol that is said for files that carry none has any effect.
[[nodiscard]] bool uses_symbol(const layout& from);
/// The same of the date.
[[nodiscard]] bool uses_date(const layout& from);

/// Replaces {symbol}, {date} (YYYYMMDD), {file}, {member} and {member:N}: the
/// stem of the file or, in an archive, of the member; N picks one of its parts
/// between '_', from 0, or from the end when negative.
struct template_values {
  std::string symbol;
  std::string date;
  std::string file;   ///< Path of the file.
  std::string member; ///< Name in the archive; empty: the file itself.
};
[[nodiscard]] result<std::string> fill_template(std::string_view text,
                                                const template_values& values);

} // namespace millrace::feed
