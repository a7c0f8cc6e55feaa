#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace millrace::nodes::postgres {

namespace {

using parts_type = std::vector<part>;

/// A SELECT: where its parts stand.
struct select_shape {
  size_t items_begin = 0;
  size_t items_end = 0;
  size_t end = 0;
  bool has_from = false;
  std::vector<std::string> relations; ///< Joined inwards, without schemas.
  bool is_of_catalogue = false;
  bool is_nested = false; ///< Its rows come from a SELECT in brackets.
  size_t nested_at = 0;
};

bool ends_from(const part& what) {
  static constexpr std::array<std::string_view, 9> words{
    "where",  "group",     "order",  "limit", "union",
    "having", "intersect", "except", "offset"};
  return std::any_of(words.begin(), words.end(),
                     [&](auto word) { return what.is(word); });
}

/// Relations of which each row of the others has one beside it: they take no
/// row away.
bool is_beside_all(std::string_view relation) {
  return relation == "pg_am" || relation == "pg_tablespace"
         || relation == "pg_roles" || relation == "pg_user"
         || relation == "pg_authid";
}

/// Reads relations from FROM on; `at` is after it then.
void read_relations(const parts_type& parts, size_t& at, select_shape& out) {
  bool is_expected = true;
  bool is_outer = false;
  size_t depth = 0;
  for (; at < out.end; ++at) {
    const auto& each = parts[at];
    if (each.is(")")) {
      if (depth == 0)
        break;
      --depth;
      continue;
    }
    if (each.is("(")) {
      const bool is_select = at + 1 < out.end && parts[at + 1].is("select");
      if (is_expected && depth == 0 && is_select && out.relations.empty()
          && !out.is_nested) {
        out.is_nested = true;
        out.nested_at = at + 1;
      } else if (is_expected && is_select && !is_outer) {
        out.relations.emplace_back(); // Of no rows.
      }
      ++depth;
      if (is_select)
        is_expected = false;
      continue;
    }
    if (depth == 0 && ends_from(each))
      break;
    if (each.is(",") && depth == 0) {
      is_expected = true;
      is_outer = false;
    } else if (each.is("left") || each.is("full")) {
      is_outer = true;
    } else if (each.is("join")) {
      is_expected = true;
    } else if (each.is("inner") || each.is("cross")) {
      is_outer = false;
    } else if (is_expected && !each.is("only") && !each.is("lateral")) {
      auto last = at;
      while (last + 2 < out.end && parts[last + 1].is("."))
        last += 2;
      const auto schema = last == at ? std::string{} : parts[last - 2].text;
      out.is_of_catalogue
        = out.is_of_catalogue || schema == "pg_catalog"
          || schema == "information_schema"
          || (schema.empty() && parts[last].text.starts_with("pg_"));
      if (!is_outer && !is_beside_all(parts[last].text))
        out.relations.push_back(parts[last].text);
      at = last;
      is_expected = false;
      is_outer = false;
    }
  }
}

/// @pre a "select" stands at `at`
select_shape shape_of(const parts_type& parts, size_t at, size_t end) {
  select_shape out;
  out.end = end;
  ++at;
  if (at < end && (parts[at].is("distinct") || parts[at].is("all")))
    ++at;
  out.items_begin = at;
  size_t depth = 0;
  for (; at < end; ++at) {
    if (parts[at].is("(") || parts[at].is("[")) {
      ++depth;
    } else if (parts[at].is(")") || parts[at].is("]")) {
      if (depth == 0)
        break;
      --depth;
    } else if (depth == 0 && (parts[at].is("from") || ends_from(parts[at]))) {
      break;
    }
  }
  out.items_end = at;
  out.has_from = at < end && parts[at].is("from");
  if (out.has_from) {
    ++at;
    read_relations(parts, at, out);
  }
  return out;
}

/// What a column must be, or must not.
struct filter {
  enum class kind { equal, pattern, like };
  std::string column;
  kind how = kind::equal;
  bool is_negated = false;
  std::vector<std::string> values;
};

bool can_filter(std::string_view column) {
  static constexpr std::array<std::string_view, 16> names{
    "oid",         "relname",    "nspname",      "relkind",
    "attrelid",    "attname",    "typname",      "typtype",
    "datname",     "table_name", "table_schema", "table_type",
    "column_name", "udt_name",   "schema_name",  "attnum"};
  return std::find(names.begin(), names.end(), column) != names.end();
}

/// Constants from `at` on, up to the bracket that ends them.
std::vector<std::string> constants_in(const parts_type& parts, size_t& at,
                                      size_t end) {
  std::vector<std::string> out;
  size_t depth = 0;
  for (; at < end; ++at) {
    if (parts[at].is("(") || parts[at].is("[")) {
      ++depth;
    } else if (parts[at].is(")") || parts[at].is("]")) {
      if (depth-- <= 1)
        break;
    } else if (parts[at].is_text && parts[at].text.starts_with('{')) {
      auto rest = std::string_view{parts[at].text}.substr(1);
      while (!rest.empty()) { // '{r,p}'
        const auto comma = std::min(rest.find_first_of(",}"), rest.size());
        out.emplace_back(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    } else if (parts[at].is_text
               || (!parts[at].text.empty()
                   && std::isdigit(
                     static_cast<unsigned char>(parts[at].text[0])))) {
      out.push_back(parts[at].text);
    }
  }
  return out;
}

/// The condition on the column at `at`, if it is one that is heeded.
std::optional<filter> filter_at(const parts_type& parts, size_t at,
                                size_t end) {
  filter out;
  out.column = parts[at].text;
  auto i = at + 1;
  const auto is = [&](std::string_view word, size_t ahead = 0) {
    return i + ahead < end && parts[i + ahead].is(word);
  };
  if (is(")"))
    ++i; // quote_ident(table_name) = ...
  while (is(":") && is(":", 1))
    i += is(".", 3) ? 5 : 3;
  if (is("not")) {
    out.is_negated = true;
    ++i;
  }
  if (is("operator") && is("(", 1)) {
    for (i += 2; i < end && !is(")"); ++i)
      if (is("~") || is("!~") || is("=") || is("<>")) {
        out.is_negated = is("!~") || is("<>");
        out.how
          = is("~") || is("!~") ? filter::kind::pattern : filter::kind::equal;
      }
    ++i;
  } else if (is("=") || is("<>") || is("!=")) {
    out.is_negated = !is("=");
    ++i;
    if (is("any") || is("all")) {
      ++i;
      out.values = constants_in(parts, i, end);
      return out.values.empty() ? std::nullopt : std::optional{out};
    }
  } else if (is("~") || is("!~")) {
    out.how = filter::kind::pattern;
    out.is_negated = is("!~");
    ++i;
  } else if (is("like") || is("ilike")) {
    out.how = filter::kind::like;
    ++i;
  } else if (is("in") && is("(", 1) && !is("select", 2)) {
    ++i;
    out.values = constants_in(parts, i, end);
    return out.values.empty() ? std::nullopt : std::optional{out};
  } else {
    return std::nullopt;
  }
  if (i >= end)
    return std::nullopt;
  const auto& value = parts[i];
  if (!value.is_text
      && value.text.find_first_not_of("0123456789") != value.text.npos)
    return std::nullopt;
  out.values.push_back(value.text);
  return out;
}

/// Whether a value is the one of a row: of a table also by its name, with or
/// without its schema, as ::regclass takes it.
bool is_value(const catalogue_row& row, const filter& by, const cell& of,
              const std::string& value) {
  if (of.text == value)
    return true;
  if (by.column != "attrelid" && by.column != "oid")
    return false;
  const auto* name = find_cell(row, "relname");
  const auto plain = value.starts_with("public.") ? value.substr(7) : value;
  return name && (name->text == plain || '"' + name->text + '"' == plain);
}

result<bool> passes(const catalogue_row& row, const filter& by) {
  const auto* of = find_cell(row, by.column);
  if (!of)
    return true;
  for (const auto& value : by.values) {
    const auto is_met = by.how == filter::kind::equal
                          ? result<bool>{is_value(row, by, *of, value)}
                        : by.how == filter::kind::like
                          ? is_like(of->text, value)
                          : matches(of->text, value);
    if (!is_met)
      return is_met.failure();
    if (*is_met)
      return !by.is_negated;
  }
  return by.is_negated;
}

/// All that must not be is not; of what must be, each column is one of it.
result<bool> passes_all(const catalogue_row& row,
                        const std::vector<filter>& filters) {
  std::vector<std::pair<std::string, bool>> wanted;
  for (const auto& each : filters) {
    const auto fits = passes(row, each);
    if (!fits)
      return fits.failure();
    if (each.is_negated) {
      if (!*fits)
        return false;
      continue;
    }
    const auto known
      = std::find_if(wanted.begin(), wanted.end(), [&](const auto& other) {
          return other.first == each.column;
        });
    if (known == wanted.end())
      wanted.emplace_back(each.column, *fits);
    else
      known->second = known->second || *fits;
  }
  return std::all_of(wanted.begin(), wanted.end(),
                     [](const auto& each) { return each.second; });
}

/// Begins and ends of what is put out.
std::vector<std::pair<size_t, size_t>> items_of(const parts_type& parts,
                                                const select_shape& shape) {
  std::vector<std::pair<size_t, size_t>> out;
  size_t depth = 0;
  auto begin = shape.items_begin;
  for (auto i = shape.items_begin; i < shape.items_end; ++i) {
    depth += parts[i].is("(") || parts[i].is("[");
    depth -= parts[i].is(")") || parts[i].is("]");
    if (depth == 0 && parts[i].is(",")) {
      out.emplace_back(begin, i);
      begin = i + 1;
    }
  }
  out.emplace_back(begin, shape.items_end);
  return out;
}

void append(query::column_data& to, query::column_writer* texts,
            const cell& value) {
  if (texts)
    return texts->append_text(value.is_null ? std::string_view{} : value.text);
  if (to.type == column_type::boolean)
    return to.push(static_cast<uint8_t>(value.text == "t"));
  int64_t number = 0;
  const auto* end = value.text.data() + value.text.size();
  const auto read = std::from_chars(value.text.data(), end, number);
  query::push_integer(to, value.is_null || read.ec != std::errc{} ? null_long
                                                                  : number);
}

using item_rows = std::vector<std::vector<catalogue_item>>;

/// @param sample names and types of the columns
result<query::table_data> table_of(const std::vector<catalogue_item>& sample,
                                   const item_rows& rows) {
  query::table_data out;
  out.row_count = rows.size();
  for (size_t i = 0; i < sample.size(); ++i) {
    const auto type = sample[i].value.type;
    if (type != column_type::symbol) {
      query::column_data column{sample[i].name, type, {}, {}, {}};
      for (const auto& row : rows)
        append(column, nullptr, row[i].value);
      out.columns.push_back(std::move(column));
      continue;
    }
    query::column_writer writer{sample[i].name, type};
    query::column_data unused;
    for (const auto& row : rows)
      append(unused, &writer, row[i].value);
    auto column = writer.finish();
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

result<std::vector<catalogue_item>> evaluate(const parts_type& parts,
                                             const select_shape& shape,
                                             const catalogue_row* row,
                                             const catalogue_facts& with) {
  std::vector<catalogue_item> out;
  for (const auto& [begin, end] : items_of(parts, shape)) {
    if (begin >= end)
      return error{errc::invalid_argument, "SELECT puts nothing out"};
    if (parts[end - 1].is("*") && row) {
      for (const auto& [name, value] : *row)
        out.push_back({name, value});
      continue;
    }
    auto item = evaluate_item(parts, begin, end, row, with);
    if (!item)
      return item.failure();
    out.push_back(*std::move(item));
  }
  return out;
}

bool counts(const parts_type& parts, const select_shape& shape) {
  return shape.items_end >= shape.items_begin + 4
         && parts[shape.items_begin].is("count")
         && parts[shape.items_begin + 1].is("(");
}

result<query::table_data> of_relations(const parts_type& parts,
                                       const select_shape& shape,
                                       const catalogue_facts& with) {
  auto from = rows_of(shape.relations, with);
  const bool is_empty
    = std::any_of(shape.relations.begin(), shape.relations.end(),
                  [](const auto& each) { return !has_rows(each); });
  const auto sample = evaluate(parts, shape, &from.sample, with);
  if (!sample)
    return sample.failure();
  std::vector<filter> filters;
  for (auto i = shape.items_end; i < parts.size(); ++i)
    if (can_filter(parts[i].text) && !parts[i].is_text)
      if (auto made = filter_at(parts, i, parts.size()))
        filters.push_back(*std::move(made));
  item_rows rows;
  if (!is_empty)
    for (const auto& row : from.rows) {
      const auto fits = passes_all(row, filters);
      if (!fits)
        return fits.failure();
      if (!*fits)
        continue;
      auto made = evaluate(parts, shape, &row, with);
      if (!made)
        return made.failure();
      rows.push_back(*std::move(made));
    }
  if (!counts(parts, shape))
    return table_of(*sample, rows);
  const catalogue_item count{
    "count", {std::to_string(rows.size()), column_type::long_, false}};
  return table_of({count}, {{count}});
}

} // namespace

query::table_data single_value(const std::string& column,
                               const std::string& value) {
  const catalogue_item one{column, {value, column_type::symbol, false}};
  // Shorter than any limit.
  return *table_of({one}, {{one}});
}

std::optional<result<query::table_data>>
catalogue_answer(std::string_view statement, const catalogue_facts& with) {
  const auto parts = parts_of(statement);
  if (parts.empty() || !parts[0].is("select"))
    return std::nullopt;
  auto shape = shape_of(parts, 0, parts.size());
  if (!shape.has_from) {
    const auto row = evaluate(parts, shape, nullptr, with);
    if (!row)
      return row.failure();
    return table_of(*row, {*row});
  }
  // SELECT * FROM (SELECT ...), as pgjdbc asks for columns.
  if (shape.is_nested) {
    const bool is_all = shape.items_end == shape.items_begin + 1
                        && parts[shape.items_begin].is("*");
    auto inner = shape_of(parts, shape.nested_at, parts.size());
    if (!inner.is_of_catalogue)
      return std::nullopt;
    if (!is_all) {
      inner.items_begin = shape.items_begin;
      inner.items_end = shape.items_end;
    }
    shape = std::move(inner);
  }
  if (!shape.is_of_catalogue)
    return std::nullopt;
  return of_relations(parts, shape, with);
}

} // namespace millrace::nodes::postgres
