#include <millrace/feed/parse/binding.hpp>
#include <millrace/feed/parse/column_reader.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/parse/text_rewrite.hpp>
#include <millrace/messages/data/no_column.hpp>
#include <millrace/messages/text/civil_time.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <cstdio>
#include <xxhash.h>

namespace millrace::feed {

namespace {

enum class family { number, text, other };

family family_of(column_type type) {
  switch (type) {
    case column_type::byte_:
    case column_type::short_:
    case column_type::int_:
    case column_type::long_:
    case column_type::real:
    case column_type::float_:
      return family::number;
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      return family::text;
    default:
      return family::other;
  }
}

bool is_text(column_type type) {
  return type == column_type::symbol || type == column_type::string;
}

/// The table's type rules; the layout's must be a way to write it.
bool fits(column_type said, column_type wanted) {
  if (said == wanted)
    return true;
  return family_of(said) != family::other
         && family_of(said) == family_of(wanted);
}

class binder {
public:
  explicit binder(const binding_request& request)
    : request_{request}, from_{*request.from} {}

  result<std::shared_ptr<const binding>> run() {
    out_->schema = request_.schema;
    out_->source = request_.source;
    out_->delimiter = from_.delimiter;
    out_->quote = from_.quote;
    out_->json = from_.json;
    out_->skipped = from_.skipped;
    print("table", request_.schema.name, std::string(1, from_.delimiter),
          from_.header ? "header" : "", from_.quote ? "quote" : "");
    for (const auto& each : from_.skipped)
      print("skipped", each);
    if (from_.decode != decoding::none)
      print("decode", std::to_string(static_cast<int>(from_.decode)));
    for (const auto& each : from_.json.paths)
      print("path", each);
    for (const auto& each : from_.json.only)
      print("only", each);
    if (from_.json.on())
      print("each", from_.json.each);
    if (from_.skip_lines != 0)
      print("skip_lines", std::to_string(from_.skip_lines));
    for (auto step :
         {&binder::check_table, &binder::find_date, &binder::bind_fields,
          &binder::bind_constants, &binder::bind_absent})
      if (auto fault = (this->*step)())
        return fault;
    out_->stamps = request_.stamps;
    if (!filled_[out_->time_column] && !out_->stamps)
      return fail(errc::config, from_.columns.front().line,
                  "time column '" + out_->schema.time_column + "' of table '"
                    + out_->schema.name
                    + "' is not a column of the layout ('stamp = true' of the "
                      "[[table]] gives rows that are fed the time of their "
                      "publishing)");
    for (size_t i = 0; i < filled_.size(); ++i)
      if (!filled_[i])
        out_->null_columns.push_back(i);
    out_->date_is_for_times = request_.date != null_int && !date_is_used_;
    const auto rows = hash_of(print_);
    print_.clear();
    print("place", request_.schema.name, std::to_string(out_->date),
          request_.values.symbol);
    out_->identity = request_.source + "@" + rows + "~" + hash_of(print_);
    if (!named_symbol_.empty() || !named_others_.empty())
      out_->identity += "+" + named_symbol_;
    if (!named_others_.empty())
      out_->identity += "." + hash_of(named_others_);
    return std::shared_ptr<const binding>{out_};
  }

private:
  [[nodiscard]] error fail(errc code, uint32_t line,
                           const std::string& what) const {
    return {code, from_.path + ":" + std::to_string(line) + ": " + what};
  }

  error check_table() {
    if (auto fault = validate(out_->schema))
      return fault;
    filled_.assign(out_->schema.columns.size(), false);
    out_->time_column = *out_->schema.column_index(out_->schema.time_column);
    return {};
  }

  error find_date() {
    out_->date = request_.date;
    if (out_->date != null_int || from_.date.empty())
      return {};
    // A name without a date is not a fault yet: perhaps no column needs one.
    const auto text = fill_template(from_.date, request_.values);
    if (!text)
      return {};
    if (const auto day = text::parse_date(*text))
      out_->date = *day;
    return {};
  }

  /// The table's column of this name, or none for an optional one.
  error find_column(const std::string& name, column_type type, bool optional,
                    uint32_t line, std::optional<size_t>& out) {
    out = out_->schema.column_index(name);
    if (!out) {
      if (optional)
        return {};
      return fail(errc::schema_mismatch, line, no_column(out_->schema, name));
    }
    const auto wanted = out_->schema.columns[*out].type;
    if (!fits(type, wanted))
      return fail(errc::schema_mismatch, line,
                  "column '" + name + "' is " + std::string{to_string(wanted)}
                    + " in table '" + out_->schema.name + "', "
                    + std::string{to_string(type)} + " in the layout");
    filled_[*out] = true;
    return {};
  }

  error find_fields(const layout_column& column, std::vector<uint32_t>& out) {
    for (const auto field : column.fields)
      out.push_back(field - 1);
    for (const auto& name : column.headers) {
      auto& field = out.emplace_back();
      if (auto fault = find_field(column, name, field))
        return fault;
    }
    for (const auto field : out)
      if (field >= out_->field_count)
        return fail(errc::bad_data, column.line,
                    request_.source + ": column '" + column.name + "' is field "
                      + std::to_string(field + 1) + " of "
                      + std::to_string(out_->field_count));
    return {};
  }

  [[nodiscard]] bool has_headers(const layout_column& column) const {
    const auto& names = request_.header;
    return std::all_of(column.headers.begin(), column.headers.end(),
                       [&](const std::string& each) {
                         return std::find(names.begin(), names.end(), each)
                                != names.end();
                       });
  }

  error find_field(const layout_column& column, const std::string& name,
                   uint32_t& out) {
    const auto& names = request_.header;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      const auto other = std::find(found + 1, names.end(), name);
      out = static_cast<uint32_t>(found - names.begin());
      if (other == names.end())
        return {};
      return fail(errc::bad_data, column.line,
                  request_.source + ": the header has '" + name
                    + "' twice, as fields " + std::to_string(out + 1) + " and "
                    + std::to_string(other - names.begin() + 1)
                    + ": name column '" + column.name
                    + "' by its position (field = N)");
    }
    std::string known;
    for (const auto& each : names)
      known += (known.empty() ? "'" : ", '") + printable(each, 40) + "'";
    return fail(
      errc::bad_data, column.line,
      request_.source + ": the header has no field '" + name + "' for column '"
        + column.name + "'; it has "
        + (known.size() > 400 ? known.substr(0, 400) + "..." : known));
  }

  error bind_fields() {
    out_->field_count = from_.header
                          ? static_cast<uint32_t>(request_.header.size())
                          : from_.fields;
    if (out_->field_count == 0)
      for (const auto& column : from_.columns)
        for (const auto field : column.fields)
          out_->field_count = std::max(out_->field_count, field);
    for (const auto& column : from_.columns)
      if (auto fault = bind_field(column))
        return fault;
    auto rank = [&](const bound_field& field) {
      return field.column == out_->time_column                  ? 0
             : is_text(out_->schema.columns[field.column].type) ? 2
                                                                : 1;
    };
    std::stable_sort(
      out_->fields.begin(), out_->fields.end(),
      [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    out_->fallible_count = static_cast<size_t>(
      std::count_if(out_->fields.begin(), out_->fields.end(),
                    [&](const auto& field) { return rank(field) < 2; }));
    return {};
  }

  error bind_field(const layout_column& column) {
    std::optional<size_t> index;
    if (auto fault = find_column(column.name, column.type, column.optional,
                                 column.line, index))
      return fault;
    if (!index)
      return {};
    if (column.optional && !has_headers(column)) {
      filled_[*index] = false;
      return {};
    }
    bound_field made{*index,       {},           column.format,
                     nullptr,      column.count, has_date_field(column),
                     column.scale, column.rules, *zone_clock::open("UTC")};
    if (auto fault = find_fields(column, made.fields))
      return fault;
    auto clock = zone_clock::open(column.zone);
    if (!clock)
      return clock.failure();
    made.clock = *std::move(clock);
    if (column.format == time_format::pattern) {
      auto pattern = time_pattern::compile(column.pattern);
      if (!pattern)
        return pattern.failure();
      made.pattern = std::make_shared<const time_pattern>(*std::move(pattern));
    }
    const auto of_day
      = (column.format >= time_format::s_of_day
         && column.format <= time_format::hhmmss_ns && !made.has_date)
        || (made.pattern && !made.pattern->has_date());
    if (of_day && column.type == column_type::timestamp
        && out_->date == null_int)
      return fail(errc::invalid_argument, column.line,
                  request_.source + ": column '" + column.name
                    + "' holds times of day: give a date (--date), or a file "
                      "name that holds one as the layout says");
    date_is_used_
      = date_is_used_ || (of_day && column.type == column_type::timestamp);
    print_field(column, made);
    if (column.type == column_type::timestamp
        && (of_day || column.format == time_format::iso))
      print("date", std::to_string(out_->date));
    out_->fields.push_back(std::move(made));
    return {};
  }

  void print_field(const layout_column& column, const bound_field& made) {
    for (const auto field : made.fields)
      print("field", column.name, std::to_string(field));
    print(to_string(column.format), column.pattern, column.zone,
          std::to_string(column.scale.multiply),
          std::to_string(column.scale.divide));
    if (column.format == time_format::count)
      print("count", std::to_string(column.count.unit_ns),
            std::to_string(column.count.epoch));
    const auto& rules = column.rules;
    if (rules == text_rules{})
      return;
    print("rules", std::string(1, rules.decimal),
          std::string(1, rules.thousands), rules.trim ? "trim" : "",
          rules.hex ? "hex" : "", rules.abs ? "abs" : "",
          rules.upper ? "upper" : "");
    for (const auto& each : rules.null_words)
      print("null", each);
    for (const auto& each : rules.sign)
      print("sign", each);
  }

  error bind_constants() {
    auto values = request_.values;
    if (out_->date != null_int)
      values.date = text::date_text(out_->date, '\0');
    for (const auto& constant : from_.constants) {
      std::optional<size_t> index;
      if (auto fault = find_column(constant.name, constant.type,
                                   constant.optional, constant.line, index))
        return fault;
      if (!index)
        continue;
      auto text = fill_template(constant.text, values);
      if (!text)
        return fail(errc::invalid_argument, constant.line,
                    "constant '" + constant.name
                      + "': " + text.failure().context);
      if (constant.upper) {
        text_rules upper;
        upper.upper = true;
        std::string made;
        append_rewritten(upper, *text, made);
        text = std::move(made);
      }
      print("constant", constant.name, *text);
      if (constant.text.find("{file}") != std::string::npos
          || constant.text.find("{member") != std::string::npos) {
        if (constant.name == out_->schema.symbol_column)
          named_symbol_ = hash_of(*text);
        else
          named_others_ += constant.name + "\n" + *text + "\n";
      }
      date_is_used_
        = date_is_used_ || constant.text.find("{date}") != std::string::npos;
      bound_constant bound{*index, *text, {}};
      const auto type = out_->schema.columns[*index].type;
      if (is_text(type)) {
        if (text->find('\0') != text->npos)
          return fail(errc::invalid_argument, constant.line,
                      "constant '" + constant.name + "' holds a NUL");
      } else if (const auto why = read_value(type, *text, bound.value);
                 why != fault::none) {
        return fail(errc::invalid_argument, constant.line,
                    "constant '" + constant.name + "': '" + *text + "' "
                      + std::string{to_string(why)});
      }
      out_->constants.push_back(std::move(bound));
    }
    return {};
  }

  error bind_absent() {
    for (const auto& group : from_.absent) {
      std::vector<size_t> columns;
      for (const auto& name : group)
        if (const auto index = out_->schema.column_index(name))
          columns.push_back(*index);
      if (columns.size() != group.size())
        continue;
      out_->absent.push_back(std::move(columns));
      print("absent");
      for (const auto& name : group)
        print(name);
    }
    return {};
  }

  /// Notes what rows depend on, so that no two notes read alike.
  template <class... Texts>
  void print(const Texts&... texts) {
    ((print_ += std::to_string(std::string_view{texts}.size()) + ":",
      print_ += texts),
     ...);
    print_ += "\n";
  }

  static std::string hash_of(const std::string& printed) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(
                    XXH3_64bits(printed.data(), printed.size())));
    return text;
  }

  /// Hash of the instrument, where the name of the file says it, and what it
  /// says in other columns.
  std::string named_symbol_;
  std::string named_others_;
  const binding_request& request_;
  const layout& from_;
  std::shared_ptr<binding> out_ = std::make_shared<binding>();
  std::vector<bool> filled_;
  bool date_is_used_ = false; ///< Whatever the times are like.
  std::string print_;         ///< All that makes rows of lines.
};

} // namespace

result<std::shared_ptr<const binding>> bind(const binding_request& request) {
  return binder{request}.run();
}

} // namespace millrace::feed
