#include <millrace/feed/layout/json_path.hpp>
#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/text/time_pattern.hpp>
#include <millrace/messages/base/name_table.hpp>
#include <millrace/messages/data/meant_type.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/messages/text/toml_section.hpp>
#include <millrace/messages/text/zones.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace millrace::feed {

namespace {

using text::toml_kind;
using text::toml_section;

struct named_decoding {
  std::string_view name;
  decoding is;
};
constexpr named_decoding decodings[] = {
  {"none", decoding::none},
  {"iex-trades", decoding::iex_trades},
  {"iex-quotes", decoding::iex_quotes},
  {"iex-levels", decoding::iex_levels},
  {"itch-trades", decoding::itch_trades},
  {"itch-orders", decoding::itch_orders},
};
using text::toml_value;

constexpr name_table<time_format, 16> formats{{
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
  {time_format::count, "count"},
  {time_format::pattern, "pattern"},
}};

constexpr std::pair<std::string_view, char> mark_forms[]{
  {"\xc2\xa0", ' '},
  {"\xe2\x80\x89", ' '},
  {"\xe2\x80\xaf", ' '},
  {"\xe2\x80\x99", '\''},
};

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
  if (type == column_type::date && format == time_format::count)
    return true;
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
    std::vector<std::string_view> names;
    for (const auto& each : decodings)
      names.push_back(each.name);
    made_.decode = decodings[root_.choice("decode", names, false)].is;
    read_json();
    for (const auto* key : {"trailer", "comment"})
      if (auto given = root_.text(key, ""); !given.empty())
        made_.skipped.push_back(std::move(given));
    made_.skip_lines
      = static_cast<uint32_t>(root_.integer("skip_lines", 0, 1'000'000, 0));
    read_text_rules(root_, defaults_);
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

  void read_json() {
    json_ = root_.flag("json", false);
    made_.json.each = root_.text("each", "");
    made_.json.only = root_.texts("only");
    check_path(root_, "each", made_.json.each);
    for (const auto& each : made_.json.only)
      if (const auto end = end_of_path(each); end == each.npos)
        root_.fault("only", "'" + each + "' is not of the form path=text");
      else
        check_path(root_, "only", each.substr(0, end));
    for (const auto* key : {"each", "only"})
      if (root_.has(key) && !json_)
        root_.fault(key, "only lines of JSON have it (json = true)");
    for (const auto* key : {"header", "quote", "delimiter", "fields"})
      if (root_.has(key) && json_)
        root_.fault(key, "lines of JSON have none");
  }

  static void check_path(toml_section& at, const std::string& key,
                         const std::string& path) {
    if (!parse_json_steps(path))
      at.fault(key, "'" + path
                      + "': a key in single quotes ends with one, and a point "
                        "or nothing follows it");
  }

  static char read_mark(toml_section& at, const std::string& key, char usual) {
    auto given = at.text(key, std::string(usual != '\0', usual));
    // Each mark stands for its other forms: see plain_marks.
    if (key == "thousands")
      for (const auto& [form, mark] : mark_forms)
        if (given == form)
          given = mark;
    if (given.empty() && usual == '\0')
      return usual;
    if (given.size() == 1
        && std::string_view{".,' _"}.find(given[0]) != std::string_view::npos)
      return given[0];
    at.fault(key, "is not one of . , ' _ and blank");
    return usual;
  }

  /// What may stand once for the file, and for a column by itself.
  static void read_text_rules(toml_section& at, text_rules& into) {
    into.trim = at.flag("trim", into.trim);
    if (at.has("null"))
      into.null_words = at.texts("null");
    into.decimal = read_mark(at, "decimal", into.decimal);
    into.thousands = read_mark(at, "thousands", into.thousands);
    if (into.decimal == into.thousands
        && (at.has("decimal") || at.has("thousands")))
      at.fault("thousands", "is the mark of decimals as well");
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
      at.fault("type", "unknown type '" + name + "'" + meant_type(name));
    return type.value_or(column_type::symbol);
  }

  /// Columns and constants share one list of names.
  std::string read_name(toml_section& at) {
    auto name = at.required_text("name");
    if (!name.empty() && !names_.insert(name).second)
      at.fault("name", "column '" + name + "' appears twice");
    return name;
  }

  static time_format read_format(toml_section& at, layout_column& column) {
    const auto name = at.text("format", "");
    if (!is_time(column.type)) {
      if (!name.empty())
        at.fault("format", "column type " + std::string{to_string(column.type)}
                             + " is not a time");
      return time_format::none;
    }
    if (name.empty())
      return time_format::iso;
    if (name.find('%') != name.npos) {
      column.pattern = name;
      check_pattern(at, column);
      return time_format::pattern;
    }
    const auto format = formats.find(name).value_or(time_format::none);
    if (format == time_format::none || format == time_format::pattern) {
      std::vector<std::string> known;
      for (auto code = static_cast<int>(time_format::iso);
           code < static_cast<int>(time_format::pattern); ++code)
        known.emplace_back(formats.name_of(static_cast<time_format>(code)));
      at.fault("format",
               "unknown time format '" + name + "'" + text::meant(name, known));
      return time_format::iso;
    }
    if (!fits(format, column.type))
      at.fault("format", name + " does not fit type "
                           + std::string{to_string(column.type)});
    return format;
  }

  /// What a column of counts counts, and since when.
  static void read_count(toml_section& at, layout_column& column) {
    if (column.format != time_format::count) {
      for (const auto* key : {"unit", "epoch"})
        if (at.has(key))
          at.fault(key, "only times of format = \"count\" have one");
      return;
    }
    column.count.unit_ns
      = count_unit_ns(at.choice("unit", count_units(), true));
    if (!at.has("epoch"))
      return;
    if (const auto day = parse_epoch(at.text("epoch", "")))
      column.count.epoch = *day;
    else
      at.fault("epoch", "is not a date such as \"1970-01-01\", of the years 1 "
                        "to 9999");
  }

  static void check_pattern(toml_section& at, const layout_column& column) {
    const auto made = time_pattern::compile(column.pattern);
    if (!made)
      return at.fault("format",
                      "'" + column.pattern + "': " + made.failure().context);
    const bool dates
      = column.type == column_type::date || column.type == column_type::month;
    if (column.type != column_type::timestamp
        && !(dates ? made->has_date() : made->has_clock()))
      at.fault("format", "'" + column.pattern + "' does not fit type "
                           + std::string{to_string(column.type)});
  }

  static number_scale read_scale(toml_section& at, column_type type) {
    constexpr auto most = static_cast<int64_t>(scale_max);
    number_scale scale;
    scale.divide = static_cast<uint64_t>(at.integer("scale", 1, most, 1));
    scale.multiply = static_cast<uint64_t>(at.integer("multiply", 1, most, 1));
    for (const auto* key : {"scale", "multiply"})
      if (at.has(key) && !is_number(type))
        at.fault(key, "only columns of number types have one");
    return scale;
  }

  /// `field` or `fields` (positions), `header` or `headers` (names), `path` or
  /// `paths` (of JSON).
  void read_place(toml_section& at, layout_column& column) {
    int given = 0;
    for (const auto* key :
         {"field", "fields", "header", "headers", "path", "paths"})
      given += at.has(key);
    if (json_)
      return read_paths(at, column, given);
    for (const auto* key : {"path", "paths"})
      if (at.has(key))
        at.fault(key, "only lines of JSON have it (json = true)");
    if (at.has("field"))
      column.fields.push_back(
        static_cast<uint32_t>(at.integer("field", 1, 4096, 1)));
    if (at.has("fields"))
      read_positions(at, column);
    if (at.has("header"))
      column.headers.push_back(at.text("header", ""));
    if (at.has("headers"))
      column.headers = at.texts("headers");
    if (given != 1)
      at.fault(at.has("field") ? "header" : "field",
               "column '" + column.name
                 + "' needs either field (a position from 1) or header (a "
                   "name); fields and headers take several");
    if (!column.headers.empty() && !made_.header)
      at.fault(at.has("header") ? "header" : "headers",
               "the layout says that there is no header line");
    for (const auto field : column.fields)
      if (!made_.header && made_.fields != 0 && field > made_.fields)
        at.fault(at.has("field") ? "field" : "fields",
                 std::to_string(field) + " of " + std::to_string(made_.fields)
                   + " fields");
  }

  void read_paths(toml_section& at, layout_column& column, int given) {
    const auto* key = at.has("paths") ? "paths" : "path";
    std::vector<std::string> all;
    if (at.has("paths"))
      all = at.texts("paths");
    else
      all.push_back(at.required_text("path"));
    if (given != 1)
      at.fault(key, "is all that says where a value of JSON stands; paths "
                    "takes several");
    if (all.empty())
      at.fault(key, "is not a list of paths");
    auto& paths = made_.json.paths;
    for (const auto& path : all) {
      check_path(at, key, path);
      const auto known = std::find(paths.begin(), paths.end(), path);
      column.fields.push_back(static_cast<uint32_t>(known - paths.begin()) + 1);
      if (known == paths.end())
        paths.push_back(path);
    }
    made_.fields = static_cast<uint32_t>(paths.size());
  }

  static void read_positions(toml_section& at, layout_column& column) {
    const auto* list = at.find("fields");
    bool good = list->type == toml_kind::array && !list->items.empty();
    for (const auto& item : list->items) {
      good = good && item.type == toml_kind::integer && item.integer >= 1
             && item.integer <= 4096;
      if (good)
        column.fields.push_back(static_cast<uint32_t>(item.integer));
    }
    if (!good)
      at.fault("fields", "is not a list of positions from 1 to 4096");
  }

  void read_rules(toml_section& at, layout_column& column) {
    auto& rules = column.rules;
    rules = defaults_;
    read_text_rules(at, rules);
    const bool number = is_number(column.type);
    const bool text = column.type == column_type::symbol
                      || column.type == column_type::string
                      || column.type == column_type::char_;
    rules.hex = at.flag("hex", false);
    rules.abs = at.flag("abs", false);
    rules.upper = at.flag("upper", false);
    rules.sign = at.texts("sign");
    for (const auto* key : {"hex", "abs"})
      if (at.has(key) && !number && column.type != column_type::byte_)
        at.fault(key, "only columns of number types have it");
    for (const auto* key : {"upper", "sign"})
      if (at.has(key) && !text)
        at.fault(key, "only columns of type symbol, string and char have it");
    if (at.has("sign") && rules.sign.size() != 2)
      at.fault("sign", "is not a list of two texts: below zero, and others");
    const bool has_marks
      = number || !rules.sign.empty() || column.format == time_format::count;
    for (const auto* key : {"decimal", "thousands"})
      if (at.has(key) && !has_marks)
        at.fault(key, "only columns of number types, and those with `sign` "
                      "and of counts, have it");
    if (!has_marks) {
      rules.decimal = '.';
      rules.thousands = '\0';
    }
  }

  void read_column(toml_section& at) {
    auto& column = made_.columns.emplace_back();
    column.line = at.line();
    column.name = read_name(at);
    column.type = read_type(at);
    read_place(at, column);
    column.format = read_format(at, column);
    read_count(at, column);
    if (has_date_field(column)
        && column.fields.size() + column.headers.size() != 2)
      at.fault(at.has("fields") ? "fields"
               : json_          ? "paths"
                                : "headers",
               "a date and a time of day of this format are two fields");
    column.zone = read_zone(at, "zone");
    column.scale = read_scale(at, column.type);
    read_rules(at, column);
    column.optional = at.flag("optional", false);
  }

  void read_constant(toml_section& at) {
    auto& constant = made_.constants.emplace_back();
    constant.line = at.line();
    constant.name = read_name(at);
    constant.type = read_type(at);
    constant.text = at.text("value", "");
    constant.upper = at.flag("upper", false);
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
  text_rules defaults_; ///< Of the columns.
  bool json_ = false;
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

std::string names_of_presets() {
  std::string out;
  for (const auto name : preset_names())
    out.append(out.empty() ? "" : " ").append(name);
  return out;
}

std::string meant_preset(std::string_view word) {
  const auto names = preset_names();
  return text::meant(word, {names.begin(), names.end()});
}

result<layout> load_layout(persistence::file_system& fs,
                           const std::string& name_or_path) {
  if (preset_text(name_or_path))
    return preset(name_or_path);
  const auto text
    = persistence::read_text_file(fs, name_or_path, uint64_t{1} << 20);
  if (!text) {
    auto fault = text.failure();
    if (fault.code == errc::not_found) {
      fault.context += "; nor is it one of the presets " + names_of_presets()
                       + meant_preset(name_or_path);
    }
    return fault;
  }
  return parse_layout(*text, name_or_path);
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
  // Rows that a feed stamps have their time from elsewhere.
  if (!schema.column_index(schema.time_column))
    schema.columns.push_back({schema.time_column, column_type::timestamp});
  if (auto fault = validate(schema))
    return fault;
  return schema;
}

} // namespace millrace::feed
