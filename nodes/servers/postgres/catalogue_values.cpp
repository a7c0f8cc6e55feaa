#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

// Implements catalogue_internal.hpp.

namespace millrace::nodes::postgres {

namespace {

using parts_type = std::vector<part>;

constexpr int64_t ns_per_day = 86'400'000'000'000;

bool is_word(const part& what) {
  return !what.is_quoted && !what.text.empty()
         && ((what.text[0] >= 'a' && what.text[0] <= 'z')
             || what.text[0] == '_');
}
bool is_number_text(const part& what) {
  return !what.is_quoted && !what.text.empty() && what.text[0] >= '0'
         && what.text[0] <= '9'
         && what.text.find_first_not_of("0123456789.") == what.text.npos;
}

cell unknown_cell() { return {{}, column_type::symbol, true}; }
cell known_cell(std::string text) {
  return {std::move(text), column_type::symbol, false};
}

/// One value, from the left to the right; each function reads what it is named
/// after and goes past it.
class value_reader {
public:
  value_reader(const parts_type& parts, size_t begin, size_t end,
               const catalogue_row* row, const catalogue_facts& with)
    : parts_{parts}, at_{begin}, end_{end}, row_{row}, with_{with} {}

  cell value() {
    auto out = primary();
    while (at_ < end_ && is_whole_) {
      if (is_next(":") && is_next(":", 1))
        cast(out);
      else if (is_next("collate"))
        at_ = std::min(end_, at_ + (is_next(".", 2) ? 4 : 2));
      else if (is_next("/"))
        divide(out);
      else
        return unknown(); // More than this reads.
    }
    return out;
  }

  [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
  [[nodiscard]] bool is_next(std::string_view word, size_t ahead = 0) const {
    return at_ + ahead < end_ && parts_[at_ + ahead].is(word);
  }
  cell unknown() {
    is_whole_ = false;
    at_ = end_;
    return unknown_cell();
  }

  /// The place after the bracket that closes the one at `open`.
  [[nodiscard]] size_t after_bracket(size_t open) const {
    size_t depth = 0;
    for (auto i = open; i < end_; ++i) {
      if (parts_[i].is("("))
        ++depth;
      else if (parts_[i].is(")") && --depth == 0)
        return i + 1;
    }
    return end_;
  }

  cell primary() {
    if (at_ >= end_)
      return unknown();
    const auto& first = parts_[at_];
    if (first.is_text) {
      ++at_;
      return known_cell(first.text);
    }
    if (is_number_text(first)) {
      ++at_;
      const bool is_whole = first.text.find('.') == first.text.npos;
      return {first.text,
              is_whole && first.text.size() < 10   ? column_type::int_
              : is_whole && first.text.size() < 19 ? column_type::long_
                                                   : column_type::symbol,
              false};
    }
    if (first.is("null")) {
      ++at_;
      return unknown_cell();
    }
    if (first.is("true") || first.is("false")) {
      ++at_;
      name_ = "bool";
      return {first.is("true") ? "t" : "f", column_type::boolean, false};
    }
    if (first.is("case"))
      return choice();
    if (first.is("("))
      return in_brackets();
    if (is_word(first) || first.is_quoted)
      return named();
    return unknown();
  }

  cell in_brackets() {
    const auto end = after_bracket(at_);
    if (is_next("select", 1))
      return unknown();
    value_reader inner{parts_, at_ + 1, end - 1, row_, with_};
    auto out = inner.value();
    is_whole_ = inner.is_whole();
    name_ = inner.name();
    at_ = is_whole_ ? end : end_;
    return out;
  }

  /// CASE column WHEN 'a' THEN 'b' ... ELSE 'c' END
  cell choice() {
    name_ = "case";
    ++at_;
    if (is_next("when"))
      return unknown();
    const auto of = primary();
    std::optional<cell> out;
    while (is_whole_ && is_next("when")) {
      ++at_;
      const auto wanted = primary();
      if (!is_next("then"))
        return unknown();
      ++at_;
      const auto then = primary();
      if (!out && !of.is_null && wanted.text == of.text)
        out = then;
    }
    if (is_next("else")) {
      ++at_;
      const auto otherwise = primary();
      if (!out)
        out = otherwise;
    }
    name_ = "case";
    if (!is_whole_ || !is_next("end"))
      return unknown();
    ++at_;
    return out.value_or(unknown_cell());
  }

  /// a.b.column, or a.function(...)
  cell named() {
    auto last = at_;
    while (last + 2 < end_ && parts_[last + 1].is("."))
      last += 2;
    name_ = parts_[last].text;
    at_ = last + 1;
    if (is_next("("))
      return called(name_);
    if (const auto known = of_session(name_))
      return *known;
    const auto* found = row_ ? find_cell(*row_, name_) : nullptr;
    return found ? *found : unknown();
  }

  /// What has no brackets, or may have them.
  [[nodiscard]] std::optional<cell> of_session(std::string_view name) const {
    if (name == "current_user" || name == "session_user" || name == "user"
        || name == "current_role")
      return known_cell(with_.user);
    if (name == "current_catalog" || name == "current_database")
      return known_cell(with_.cluster);
    if (name == "current_schema")
      return known_cell("public");
    if (name == "current_date")
      return day_cell(text::floor_divide(with_.now_ns, ns_per_day));
    if (name == "current_timestamp" || name == "localtimestamp")
      return time_cell(with_.now_ns);
    return std::nullopt;
  }

  [[nodiscard]] static cell time_cell(int64_t ns) {
    return {std::to_string(ns), column_type::timestamp, false};
  }
  [[nodiscard]] static cell day_cell(int64_t day) {
    return {std::to_string(day), column_type::date, false};
  }

  cell called(const std::string& name) {
    const auto end = after_bracket(at_);
    const auto first = at_ + 1;
    at_ = end;
    const auto argument = [&] {
      auto last = first;
      for (size_t depth = 0; last + 1 < end; ++last) {
        depth += parts_[last].is("(");
        depth -= parts_[last].is(")");
        if (depth == 0 && parts_[last].is(","))
          break;
      }
      return value_reader{parts_, first, last, row_, with_}.value();
    };
    if (const auto known = of_session(name))
      return *known;
    if (name == "version")
      return known_cell("PostgreSQL 15.0 (Millrace)");
    if (name == "now" || name.ends_with("_timestamp"))
      return time_cell(with_.now_ns);
    // No lock is there that could be given back.
    if (name == "pg_advisory_unlock_all")
      return known_cell({});
    if (name == "pg_advisory_unlock" || name == "pg_advisory_unlock_shared")
      return {"f", column_type::boolean, false};
    if (name == "pg_backend_pid")
      return {std::to_string(with_.pid), column_type::int_, false};
    if (name == "pg_is_in_recovery")
      return {"f", column_type::boolean, false};
    if (name == "current_setting")
      return setting(argument());
    if (name == "quote_ident" || name == "lower" || name == "trim")
      return argument();
    if (name == "pg_encoding_to_char")
      return known_cell("UTF8");
    if (row_)
      return of_row(name);
    return unknown();
  }

  cell setting(const cell& named) {
    const auto found = with_.settings->find(named.text);
    return found ? known_cell(*found) : unknown();
  }

  /// Functions that have a meaning beside a relation only.
  cell of_row(const std::string& name) {
    if (name == "format_type") {
      const auto* type = find_cell(*row_, "format_type");
      return type ? *type : unknown_cell();
    }
    if (name == "pg_get_userbyid")
      return known_cell("millrace");
    if (name.starts_with("has_") || name.ends_with("_is_visible"))
      return {"t", column_type::boolean, false};
    return unknown_cell();
  }

  /// ::type, of which the last word counts.
  void cast(cell& of) {
    at_ += 2;
    if (at_ >= end_) {
      (void)unknown();
      return;
    }
    while (at_ + 2 < end_ && is_next(".", 1))
      at_ += 2;
    const auto& type = parts_[at_++].text;
    if (name_.empty())
      name_ = type;
    if (is_next("("))
      at_ = after_bracket(at_);
    if (type == "int" || type == "int4" || type == "integer")
      as_number(of, column_type::int_);
    else if (type == "int8" || type == "bigint" || type == "oid")
      as_number(of, column_type::long_);
    else if (type == "regclass" && row_)
      as_relation(of);
    else if (type == "date" && of.type == column_type::timestamp)
      of = day_cell(text::floor_divide(number_in(of), ns_per_day));
    else if (type.starts_with("timestamp") && of.type == column_type::date)
      of = time_cell(number_in(of) * ns_per_day);
    else if (type == "text" || type == "varchar" || type == "name")
      as_text(of);
  }

  [[nodiscard]] static int64_t number_in(const cell& of) {
    int64_t out = 0;
    std::from_chars(of.text.data(), of.text.data() + of.text.size(), out);
    return out;
  }

  static void as_text(cell& of) {
    std::string text;
    if (of.type == column_type::timestamp) {
      text::append_time(text, number_in(of), ' ');
      text.resize(text.size() - 3); // Microseconds.
    } else if (of.type == column_type::date) {
      text = text::date_text(number_in(of));
    } else {
      text = of.text;
    }
    of.text = std::move(text);
    of.type = column_type::symbol;
  }

  void as_number(cell& of, column_type type) {
    int64_t value = 0;
    const auto* end = of.text.data() + of.text.size();
    const auto read = std::from_chars(of.text.data(), end, value);
    const bool fits = read.ec == std::errc{} && read.ptr == end
                      && (type == column_type::long_
                          || (value <= inf_int && value > null_int));
    of.type = type;
    if (fits)
      return;
    of.is_null = true;
    if (!row_)
      (void)unknown();
  }

  void as_relation(cell& of) const {
    const auto* number = find_cell(*row_, "oid");
    const auto* name = find_cell(*row_, "relname");
    of.type = column_type::symbol;
    if (number && name && number->text == of.text)
      of.text = name->text;
  }

  /// Whole numbers, as current_setting('server_version_num')::int / 100.
  void divide(cell& of) {
    ++at_;
    const auto by = primary();
    int64_t left = 0;
    int64_t right = 0;
    const auto read = [](const std::string& text, int64_t& into) {
      return std::from_chars(text.data(), text.data() + text.size(), into).ec
             == std::errc{};
    };
    if (of.is_null || of.type == column_type::symbol || !read(of.text, left)
        || !read(by.text, right) || right <= 0) {
      of = unknown();
      return;
    }
    of.text = std::to_string(left / right);
    name_ = "?column?";
  }

  const parts_type& parts_;
  size_t at_;
  size_t end_;
  const catalogue_row* row_;
  const catalogue_facts& with_;
  std::string name_;
  bool is_whole_ = true;
};

/// Whether a name may follow it without AS.
bool ends_value(const part& what) {
  static constexpr std::array<std::string_view, 9> others{
    ".", ":", "/", "collate", "when", "then", "else", "case", ","};
  return std::none_of(others.begin(), others.end(),
                      [&](auto each) { return what.is(each); });
}

} // namespace

result<catalogue_item> evaluate_item(const parts_type& parts, size_t begin,
                                     size_t end, const catalogue_row* row,
                                     const catalogue_facts& with) {
  catalogue_item out;
  const auto& last = parts[end - 1];
  const bool is_name
    = !last.is_text && (last.is_quoted || is_word(last)) && !last.is("end");
  if (end - begin >= 3 && parts[end - 2].is("as")) {
    out.name = last.text;
    end -= 2;
  } else if (end - begin >= 2 && is_name && ends_value(parts[end - 2])) {
    out.name = last.text;
    end -= 1;
  }
  value_reader from{parts, begin, end, row, with};
  out.value = from.value();
  if (!from.is_whole() && !row)
    return error{errc::unsupported,
                 "of SELECT without FROM there are constants, casts, "
                 "version(), now(), current_timestamp, current_date, "
                 "current_database(), current_schema(), current_user, "
                 "current_setting('...') and pg_backend_pid()"};
  if (out.name.empty())
    out.name = from.name().empty() ? "?column?" : from.name();
  return out;
}

} // namespace millrace::nodes::postgres
