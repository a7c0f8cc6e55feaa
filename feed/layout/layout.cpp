#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/text/zone_clock.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <array>
#include <charconv>
#include <set>
#include <sstream>
#include <toml.hpp>
#include <utility>

namespace millrace::feed {

namespace {

constexpr std::array<std::pair<time_format, std::string_view>, 14> formats{{
  {time_format::none, "none"},
  {time_format::iso, "iso"},
  {time_format::s_of_day, "s_of_day"},
  {time_format::ms_of_day, "ms_of_day"},
  {time_format::us_of_day, "us_of_day"},
  {time_format::ns_of_day, "ns_of_day"},
  {time_format::hhmmss, "hhmmss"},
  {time_format::hhmmss_ms, "hhmmss_ms"},
  {time_format::hhmmss_us, "hhmmss_us"},
  {time_format::hhmmss_ns, "hhmmss_ns"},
  {time_format::unix_s, "unix_s"},
  {time_format::unix_ms, "unix_ms"},
  {time_format::unix_us, "unix_us"},
  {time_format::unix_ns, "unix_ns"},
}};

/// Carries a fault out of the readers below; never leaves parse_layout.
struct layout_fault {
  error what;
};

/// Reads the keys of one TOML table, and finds those nobody asked for.
class section {
public:
  section(const toml::value& from, std::string name, const std::string& path)
    : from_{from}, name_{std::move(name)}, path_{path} {
    if (!from_.is_table())
      fail(name_, from_, "is not a table");
  }

  [[noreturn]] void fail(const std::string& key, const toml::value& at,
                         const std::string& why) const {
    throw layout_fault{{errc::config, path_ + ":"
                                        + std::to_string(at.location().line())
                                        + ": " + key + ": " + why}};
  }

  [[noreturn]] void fail(const std::string& key, const std::string& why) const {
    fail(full(key), from_.contains(key) ? from_.at(key) : from_, why);
  }

  const toml::value* find(const std::string& key) {
    seen_.insert(key);
    return from_.contains(key) ? &from_.at(key) : nullptr;
  }

  std::string text(const std::string& key, std::string otherwise = {}) {
    const auto* found = find(key);
    if (!found)
      return otherwise;
    if (!found->is_string())
      fail(full(key), *found, "is not a text in quotes");
    return found->as_string().str;
  }

  bool flag(const std::string& key, bool otherwise) {
    const auto* found = find(key);
    if (!found)
      return otherwise;
    if (!found->is_boolean())
      fail(full(key), *found, "is neither true nor false");
    return found->as_boolean();
  }

  int64_t number(const std::string& key, int64_t otherwise, int64_t low,
                 int64_t high) {
    const auto* found = find(key);
    if (!found)
      return otherwise;
    if (!found->is_integer())
      fail(full(key), *found, "is not a whole number");
    if (found->as_integer() < low || found->as_integer() > high)
      fail(full(key), *found,
           std::to_string(found->as_integer()) + " is not within "
             + std::to_string(low) + " .. " + std::to_string(high));
    return found->as_integer();
  }

  void reject_unknown() const {
    for (const auto& [key, value] : from_.as_table())
      if (!seen_.contains(key))
        fail(full(key), value, "unknown key");
  }

  [[nodiscard]] uint32_t line() const {
    return static_cast<uint32_t>(from_.location().line());
  }

private:
  [[nodiscard]] std::string full(const std::string& key) const {
    return name_.empty() ? key : name_ + "." + key;
  }

  const toml::value& from_;
  std::string name_;
  const std::string& path_;
  std::set<std::string> seen_;
};

column_type read_type(section& from) {
  const auto name = from.text("type");
  if (name.empty())
    from.fail("type", "missing");
  const auto type = column_type_of(name);
  if (!type)
    from.fail("type", "unknown type '" + name + "'");
  return *type;
}

std::string read_zone(section& from, const std::string& key) {
  auto zone = from.text(key, "UTC");
  if (auto clock = zone_clock::open(zone); !clock)
    from.fail(key, "unknown time zone '" + zone + "'");
  return zone;
}

bool is_time(column_type type) {
  switch (type) {
    case column_type::timestamp:
    case column_type::timespan:
    case column_type::date:
    case column_type::month:
    case column_type::time:
    case column_type::second:
    case column_type::minute:
      return true;
    default:
      return false;
  }
}

/// Times of day only fit columns that have a time of day; text of ISO form
/// fits all.
bool fits(time_format format, column_type type) {
  if (type == column_type::date || type == column_type::month)
    return format == time_format::iso;
  if (type == column_type::timestamp)
    return true;
  return format < time_format::unix_s;
}

time_format read_format(section& from, column_type type) {
  const auto name = from.text("format");
  if (!is_time(type)) {
    if (!name.empty())
      from.fail("format", "column type " + std::string{to_string(type)}
                            + " is not a time");
    return time_format::none;
  }
  if (name.empty())
    return time_format::iso;
  for (const auto& [format, candidate] : formats)
    if (candidate == name && format != time_format::none) {
      if (!fits(format, type))
        from.fail("format",
                  name + " does not fit type " + std::string{to_string(type)});
      return format;
    }
  from.fail("format", "unknown time format '" + name + "'");
}

uint32_t read_scale(section& from, column_type type) {
  auto scale = from.number("scale", 1, 1, 1'000'000'000);
  if (scale != 1 && type != column_type::float_ && type != column_type::real)
    from.fail("scale", "only columns of type float and real have a scale");
  uint32_t digits = 0;
  for (; scale > 1; scale /= 10, ++digits)
    if (scale % 10 != 0)
      from.fail("scale", "is not a power of ten");
  return digits;
}

layout_column read_column(const toml::value& value, bool has_header,
                          const std::string& path) {
  section from{value, "column", path};
  layout_column column;
  column.line = from.line();
  column.name = from.text("name");
  if (column.name.empty())
    from.fail("name", "missing");
  column.type = read_type(from);
  column.field = static_cast<uint32_t>(from.number("field", 0, 1, 4096));
  column.header = from.text("header");
  if ((column.field == 0) == column.header.empty())
    from.fail(column.field == 0 ? "field" : "header",
              "column '" + column.name
                + "' needs either field (a position from 1) or header (a "
                  "name)");
  if (!column.header.empty() && !has_header)
    from.fail("header", "the layout says that there is no header line");
  column.format = read_format(from, column.type);
  column.zone = read_zone(from, "zone");
  column.scale_digits = read_scale(from, column.type);
  column.optional = from.flag("optional", false);
  from.reject_unknown();
  return column;
}

layout_constant read_constant(const toml::value& value,
                              const std::string& path) {
  section from{value, "constant", path};
  layout_constant constant;
  constant.line = from.line();
  constant.name = from.text("name");
  if (constant.name.empty())
    from.fail("name", "missing");
  constant.type = read_type(from);
  constant.text = from.text("value");
  constant.optional = from.flag("optional", false);
  from.reject_unknown();
  if (auto tried = fill_template(constant.text, {"S", "20000101", "f", "a_b"});
      !tried && tried.failure().code == errc::invalid_argument)
    from.fail("value", tried.failure().context);
  return constant;
}

std::vector<std::string> read_absent(const toml::value& value,
                                     const layout& known,
                                     const std::string& path) {
  section from{value, "absent", path};
  const auto* list = from.find("columns");
  if (!list || !list->is_array() || list->as_array().empty())
    from.fail("columns", "is not a list of column names");
  std::vector<std::string> names;
  for (const auto& entry : list->as_array()) {
    if (!entry.is_string())
      from.fail("absent.columns", entry, "is not a text in quotes");
    const auto& name = entry.as_string().str;
    bool found = false;
    for (const auto& column : known.columns)
      if (column.name == name) {
        found = true;
        switch (column.type) {
          case column_type::short_:
          case column_type::int_:
          case column_type::long_:
          case column_type::real:
          case column_type::float_:
            break;
          default:
            from.fail("absent.columns", entry,
                      "column '" + name + "' is not a number");
        }
      }
    if (!found)
      from.fail("absent.columns", entry, "unknown column '" + name + "'");
    names.push_back(name);
  }
  from.reject_unknown();
  return names;
}

template <class F>
void each_of(section& from, const std::string& key, F&& f) {
  const auto* list = from.find(key);
  if (!list)
    return;
  if (!list->is_array())
    from.fail(key, "is not a list of tables ([[" + key + "]])");
  for (const auto& entry : list->as_array())
    f(entry);
}

char read_delimiter(section& from) {
  const auto text = from.text("delimiter", ",");
  if (text.size() != 1 || text[0] == '\n' || text[0] == '\r' || text[0] == '"'
      || text[0] == '\0' || static_cast<unsigned char>(text[0]) > 0x7f)
    from.fail("delimiter", "is not one ASCII character other than quote, "
                           "newline and NUL");
  return text[0];
}

/// Columns and constants come in the order of the file, as the table has them.
/// toml11 keeps each list apart, so the line numbers say which came first.
void check_names(const layout& made, section& from) {
  std::set<std::string> seen;
  auto check = [&](const std::string& name) {
    if (!seen.insert(name).second)
      from.fail("column", "column '" + name + "' appears twice");
  };
  for (const auto& column : made.columns)
    check(column.name);
  for (const auto& constant : made.constants)
    check(constant.name);
}

layout read_layout(const toml::value& root, const std::string& path) {
  section from{root, "", path};
  layout made;
  made.path = path;
  made.name = from.text("name", path);
  made.table = from.text("table");
  if (made.table.empty())
    from.fail("table", "missing");
  made.delimiter = read_delimiter(from);
  made.header = from.flag("header", false);
  made.quote = from.flag("quote", false);
  made.trailer = from.text("trailer");
  made.date = from.text("date");
  made.fields = static_cast<uint32_t>(from.number("fields", 0, 1, 4096));
  made.roll_zone = read_zone(from, "roll_zone");
  made.time_column = from.text("time_column", "time");
  made.symbol_column = from.text("symbol_column", "sym");
  each_of(from, "column", [&](const toml::value& value) {
    made.columns.push_back(read_column(value, made.header, path));
  });
  if (made.columns.empty())
    from.fail("column", "a layout needs at least one [[column]]");
  each_of(from, "constant", [&](const toml::value& value) {
    made.constants.push_back(read_constant(value, path));
  });
  check_names(made, from);
  each_of(from, "absent", [&](const toml::value& value) {
    made.absent.push_back(read_absent(value, made, path));
  });
  from.reject_unknown();
  if (!made.header)
    for (const auto& column : made.columns)
      if (made.fields != 0 && column.field > made.fields)
        throw layout_fault{
          {errc::config, path + ":" + std::to_string(column.line)
                           + ": column.field: " + std::to_string(column.field)
                           + " of " + std::to_string(made.fields) + " fields"}};
  if (auto schema = schema_of(made); !schema)
    throw layout_fault{
      {errc::config, path + ":" + std::to_string(from.line())
                       + ": column: " + schema.failure().context}};
  return made;
}

} // namespace

std::string_view to_string(time_format format) noexcept {
  for (const auto& [candidate, name] : formats)
    if (candidate == format)
      return name;
  return "unknown";
}

result<layout> parse_layout(std::string_view text, const std::string& path) {
  // toml11 3.7 reads out of bounds when it reports bytes that are no UTF-8.
  if (!text::valid_utf8(text)) {
    size_t line = 1;
    for (auto rest = text; !rest.empty(); ++line) {
      const auto end = std::min(rest.find('\n'), rest.size());
      if (!text::valid_utf8(rest.substr(0, end)))
        break;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return error{errc::config, path + ":" + std::to_string(line)
                                 + ": a byte that is no UTF-8"};
  }
  try {
    std::istringstream in{std::string{text}};
    return read_layout(toml::parse(in, path), path);
  } catch (const layout_fault& fault) {
    return fault.what;
  } catch (const toml::exception& fault) {
    // The text of toml11 is a page; its first line is the reason.
    std::string_view reason{fault.what()};
    reason = reason.substr(0, reason.find('\n'));
    return error{errc::config, path + ":"
                                 + std::to_string(fault.location().line())
                                 + ": " + std::string{reason}};
  } catch (const std::exception& fault) {
    return error{errc::config, path + ": " + fault.what()};
  }
}

result<layout> load_layout(persistence::file_system& fs,
                           const std::string& name_or_path) {
  if (preset_text(name_or_path))
    return preset(name_or_path);
  auto bytes = persistence::read_file(fs, name_or_path, 1u << 20);
  if (!bytes) {
    auto fault = bytes.failure();
    if (fault.code == errc::not_found) {
      fault.context += "; nor is it one of the presets";
      for (auto name : preset_names())
        fault.context += " " + std::string{name};
    }
    return fault;
  }
  return parse_layout(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()},
    name_or_path);
}

result<table_schema> schema_of(const layout& from) {
  struct entry {
    uint32_t line;
    column_schema column;
  };
  std::vector<entry> entries;
  for (const auto& column : from.columns)
    entries.push_back({column.line, {column.name, column.type}});
  for (const auto& constant : from.constants)
    entries.push_back({constant.line, {constant.name, constant.type}});
  std::stable_sort(
    entries.begin(), entries.end(),
    [](const entry& a, const entry& b) { return a.line < b.line; });
  table_schema schema;
  schema.name = from.table;
  schema.time_column = from.time_column;
  schema.symbol_column = from.symbol_column;
  schema.roll_zone = from.roll_zone;
  for (auto& each : entries)
    schema.columns.push_back(std::move(each.column));
  if (auto fault = validate(schema))
    return fault;
  return schema;
}

} // namespace millrace::feed
