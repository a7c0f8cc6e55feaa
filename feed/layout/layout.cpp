#include <millrace/feed/layout/layout.hpp>
#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/messages/text/zones.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace millrace::feed {

namespace {

using text::toml_kind;
using text::toml_section;
using text::toml_value;

constexpr name_table<time_format, 14> formats{{
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

bool is_number(column_type type) {
  switch (type) {
    case column_type::short_:
    case column_type::int_:
    case column_type::long_:
    case column_type::real:
    case column_type::float_:
      return true;
    default:
      return false;
  }
}

/// Reads one file. A fault does not end it, so that a user sees all of them.
class layout_file {
public:
  layout_file(const toml_value& root, const std::string& path)
    : faults_{path}, root_{root, "", faults_} {
    made_.path = path;
  }

  result<layout> run() {
    read_top();
    root_.each("column", [this](toml_section& at) { read_column(at); });
    root_.each("constant", [this](toml_section& at) { read_constant(at); });
    root_.each("absent", [this](toml_section& at) { read_absent(at); });
    if (!root_.has("column"))
      root_.fault("column", "a layout needs at least one [[column]]");
    root_.finish();
    // A table that its columns do not make would only repeat their faults.
    if (faults_.empty())
      if (auto schema = schema_of(made_); !schema)
        root_.fault("column", schema.failure().context);
    if (auto fault = faults_.to_error())
      return fault;
    return std::move(made_);
  }

private:
  void read_top() {
    made_.name = root_.text("name", made_.path);
    made_.table = root_.required_text("table");
    made_.delimiter = read_delimiter();
    made_.header = root_.flag("header", false);
    made_.quote = root_.flag("quote", false);
    made_.trailer = root_.text("trailer", "");
    made_.date = root_.text("date", "");
    made_.fields = static_cast<uint32_t>(root_.integer("fields", 0, 4096, 0));
    made_.roll_zone = read_zone(root_, "roll_zone");
    made_.time_column = root_.text("time_column", "time");
    made_.symbol_column = root_.text("symbol_column", "sym");
  }

  char read_delimiter() {
    const auto given = root_.text("delimiter", ",");
    if (given.size() == 1 && given[0] != '\n' && given[0] != '\r'
        && given[0] != '"' && given[0] != '\0'
        && static_cast<unsigned char>(given[0]) < 0x80)
      return given[0];
    root_.fault("delimiter", "is not one ASCII character other than quote, "
                             "newline and NUL");
    return ',';
  }

  static std::string read_zone(toml_section& at, const std::string& key) {
    auto zone = at.text(key, "UTC");
    if (!text::time_zone::open(zone))
      at.fault(key, "unknown time zone '" + zone + "'");
    return zone;
  }

  static column_type read_type(toml_section& at) {
    const auto name = at.required_text("type");
    const auto type = column_type_of(name);
    if (!type && !name.empty())
      at.fault("type", "unknown type '" + name + "'");
    return type.value_or(column_type::symbol);
  }

  /// Columns and constants share one list of names.
  std::string read_name(toml_section& at) {
    auto name = at.required_text("name");
    if (!name.empty() && !names_.insert(name).second)
      at.fault("name", "column '" + name + "' appears twice");
    return name;
  }

  static time_format read_format(toml_section& at, column_type type) {
    const auto name = at.text("format", "");
    if (!is_time(type)) {
      if (!name.empty())
        at.fault("format", "column type " + std::string{to_string(type)}
                             + " is not a time");
      return time_format::none;
    }
    if (name.empty())
      return time_format::iso;
    const auto format = formats.find(name).value_or(time_format::none);
    if (format == time_format::none) {
      at.fault("format", "unknown time format '" + name + "'");
      return time_format::iso;
    }
    if (!fits(format, type))
      at.fault("format",
               name + " does not fit type " + std::string{to_string(type)});
    return format;
  }

  static uint32_t read_scale(toml_section& at, column_type type) {
    auto scale = at.integer("scale", 1, 1'000'000'000, 1);
    if (scale != 1 && type != column_type::float_ && type != column_type::real)
      at.fault("scale", "only columns of type float and real have a scale");
    uint32_t digits = 0;
    for (; scale > 1; scale /= 10, ++digits)
      if (scale % 10 != 0) {
        at.fault("scale", "is not a power of ten");
        break;
      }
    return digits;
  }

  void read_column(toml_section& at) {
    auto& column = made_.columns.emplace_back();
    column.line = at.line();
    column.name = read_name(at);
    column.type = read_type(at);
    column.field = static_cast<uint32_t>(at.integer("field", 1, 4096, 0));
    column.header = at.text("header", "");
    if (at.has("field") == at.has("header"))
      at.fault(at.has("field") ? "header" : "field",
               "column '" + column.name
                 + "' needs either field (a position from 1) or header (a "
                   "name)");
    if (at.has("header") && !made_.header)
      at.fault("header", "the layout says that there is no header line");
    if (!made_.header && made_.fields != 0 && column.field > made_.fields)
      at.fault("field", std::to_string(column.field) + " of "
                          + std::to_string(made_.fields) + " fields");
    column.format = read_format(at, column.type);
    column.zone = read_zone(at, "zone");
    column.scale_digits = read_scale(at, column.type);
    column.optional = at.flag("optional", false);
  }

  void read_constant(toml_section& at) {
    auto& constant = made_.constants.emplace_back();
    constant.line = at.line();
    constant.name = read_name(at);
    constant.type = read_type(at);
    constant.text = at.text("value", "");
    constant.optional = at.flag("optional", false);
    if (auto tried
        = fill_template(constant.text, {"S", "20000101", "f", "a_b"});
        !tried && tried.failure().code == errc::invalid_argument)
      at.fault("value", tried.failure().context);
  }

  void read_absent(toml_section& at) {
    auto names = at.texts("columns");
    const auto* list = at.find("columns");
    if (!list || list->items.empty()) {
      at.fault("columns", "is not a list of column names");
      return;
    }
    for (const auto& item : list->items) {
      if (item.type != toml_kind::text)
        continue;
      const auto known = std::find_if(
        made_.columns.begin(), made_.columns.end(),
        [&](const layout_column& each) { return each.name == item.text; });
      if (known == made_.columns.end())
        faults_.add(item, "absent.columns",
                    "unknown column '" + item.text + "'");
      else if (!is_number(known->type))
        faults_.add(item, "absent.columns",
                    "column '" + item.text + "' is not a number");
    }
    made_.absent.push_back(std::move(names));
  }

  layout made_;
  std::set<std::string> names_;
  text::toml_faults faults_;
  toml_section root_;
};

} // namespace

std::string_view to_string(time_format format) noexcept {
  return formats.name_of(format);
}

result<layout> parse_layout(std::string_view given, const std::string& path) {
  const auto root = text::parse_toml(given, path);
  if (!root)
    return root.failure();
  return layout_file{*root, path}.run();
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
