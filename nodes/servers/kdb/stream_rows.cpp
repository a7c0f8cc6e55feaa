#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/servers/kdb/answer.hpp>
#include <millrace/nodes/servers/kdb/stream_rows.hpp>
#include <millrace/persistence/columns/column_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

query::column_ref ref_of_batch(const batch_column& column) {
  query::column_ref out;
  out.type = column.type;
  out.values = column.values;
  out.dictionary_ends = column.dictionary_ends.data();
  out.bytes = column.bytes.data();
  return out;
}

const batch_column* column_in(const batch_view& batch,
                              const std::string& name) {
  const auto found
    = std::find_if(batch.columns.begin(), batch.columns.end(),
                   [&](const auto& each) { return each.name == name; });
  return found == batch.columns.end() ? nullptr : &*found;
}

/// Rows with one of these symbols.
std::vector<uint32_t> wanted_rows(const batch_view& batch,
                                  const table_schema& schema,
                                  const wanted_symbols& wanted) {
  std::vector<uint32_t> out;
  const auto* symbols = column_in(batch, schema.symbol_column);
  if (symbols == nullptr || symbols->type != column_type::symbol)
    return out;
  std::vector<bool> is_wanted;
  for (uint32_t code = 0; code < symbols->dictionary_ends.size(); ++code)
    is_wanted.push_back(wanted->contains(symbols->symbol(code)));
  const auto* codes = reinterpret_cast<const uint32_t*>(symbols->values);
  for (uint32_t row = 0; row < batch.row_count; ++row)
    if (codes[row] < is_wanted.size() && is_wanted[codes[row]])
      out.push_back(row);
  return out;
}

result<query::table_data> declared_rows(const batch_view& batch,
                                        const table_schema& schema,
                                        const wanted_symbols& wanted) {
  std::vector<uint32_t> rows;
  if (wanted)
    rows = wanted_rows(batch, schema, wanted);
  query::table_data out;
  out.row_count = wanted ? rows.size() : batch.row_count;
  if (out.row_count == 0)
    return out;
  for (const auto& column : schema.columns) {
    query::column_writer writer{column.name, column.type};
    const auto* from = column_in(batch, column.name);
    if (from == nullptr)
      writer.append_nulls(out.row_count);
    else if (!persistence::widens(from->type, column.type))
      return error{errc::schema_mismatch,
                   "table '" + schema.name + "': column '" + column.name
                     + "' is " + std::string{to_string(from->type)}
                     + ", and is declared as "
                     + std::string{to_string(column.type)}};
    else if (wanted)
      writer.append(ref_of_batch(*from), from, rows.data(), rows.size());
    else
      writer.append_range(ref_of_batch(*from), from, 0, batch.row_count);
    auto made = writer.finish();
    if (!made)
      return made.failure();
    out.columns.push_back(*std::move(made));
  }
  return out;
}

error column_fault(const std::string& column, const std::string& what) {
  return {errc::bad_data, "type: column '" + column + "' " + what};
}

/// -- rows of a feed ----------------------------------------------------------

std::string name_of(kind type) {
  switch (type) {
    case kind::list:
      return "a list";
    case kind::datetime:
      return "datetime";
    default:
      return width_of(type) == 0 && type != kind::symbol
               ? "no column"
               : std::string{
                 to_string(static_cast<column_type>(static_cast<int>(type)))};
  }
}

/// One text of a column of symbols or texts.
struct text_at {
  const value& from;

  [[nodiscard]] bool fits() const {
    if (from.type == kind::symbol || from.type == kind::char_)
      return true;
    return from.type == kind::list
           && std::all_of(
             from.parts.begin(), from.parts.end(),
             [](const value& each) { return each.type == kind::char_; });
  }
  /// @param is_row whether a list of char is one text
  [[nodiscard]] std::string_view at(size_t row, bool is_row) const {
    if (from.type == kind::symbol)
      return from.symbols[row];
    if (from.type == kind::list)
      return from.parts[row].bytes;
    return is_row ? std::string_view{from.bytes}
                  : std::string_view{from.bytes}.substr(row, 1);
  }
};

class feed_rows {
public:
  feed_rows(const table_schema& schema, bool stamps, int64_t now_ns)
    : schema_{schema}, stamps_{stamps}, now_ns_{now_ns}, out_{schema},
      columns_(schema.columns.size()) {}

  result<std::vector<std::byte>> take(const value& rows) {
    auto fault
      = rows.type == kind::table ? bind_names(rows) : bind_places(rows);
    if (fault)
      return fault;
    if (count_ == 0)
      return std::vector<std::byte>{};
    for (size_t i = 0; i < columns_.size(); ++i)
      if (auto wrong = append(i))
        return wrong;
    out_.add_rows(static_cast<uint32_t>(count_));
    return out_.encode();
  }

private:
  error bind_names(const value& rows) {
    const auto& names = rows.parts[0].parts[0].symbols;
    const auto& values = rows.parts[0].parts[1].parts;
    count_ = values.front().size();
    for (size_t i = 0; i < names.size(); ++i) {
      const auto column = schema_.column_index(names[i]);
      if (!column)
        return {errc::bad_data,
                names[i] + ": table '" + schema_.name + "' has no such column"};
      if (columns_[*column] != nullptr)
        return {errc::bad_data,
                "length: column '" + names[i] + "' comes twice"};
      columns_[*column] = &values[i];
    }
    return {};
  }

  /// A list of columns, or of the values of one row; a row of one type may
  /// travel as a list of that type.
  error bind_places(const value& rows) {
    if (rows.is_atom || rows.type == kind::dictionary
        || (rows.type != kind::list && rows.type != kind::symbol
            && width_of(rows.type) == 0))
      return {errc::bad_data, "type: rows are a table, a list of columns, or "
                              "the values of one row"};
    if (rows.type != kind::list)
      split_row(rows);
    else
      for (const auto& part : rows.parts)
        places_.push_back(part);
    const auto wanted = columns_.size();
    stamps_first_ = places_.size() + 1 == wanted
                    && schema_.columns.front().name == schema_.time_column;
    if (places_.size() != wanted && !stamps_first_)
      return {errc::bad_data, "length: " + std::to_string(places_.size())
                                + " columns came, and table '" + schema_.name
                                + "' has " + std::to_string(wanted)};
    is_row_ = std::any_of(places_.begin(), places_.end(),
                          [](const value& each) { return each.is_atom; });
    for (size_t i = 0; i < places_.size(); ++i) {
      const auto column = i + (stamps_first_ ? 1 : 0);
      columns_[column] = &places_[i];
      const bool is_text = places_[i].type == kind::char_;
      const auto size = is_row_ && (places_[i].is_atom || is_text)
                          ? size_t{1}
                          : places_[i].size();
      if (i == 0)
        count_ = size;
      if (size != count_)
        return {errc::bad_data, "length: column '"
                                  + schema_.columns[column].name + "' has "
                                  + std::to_string(size) + " values, and '"
                                  + schema_.columns[stamps_first_ ? 1 : 0].name
                                  + "' " + std::to_string(count_)};
    }
    return {};
  }

  void split_row(const value& rows) {
    const auto width = width_of(rows.type);
    for (size_t i = 0; i < rows.size(); ++i) {
      value item;
      item.type = rows.type;
      item.is_atom = true;
      if (rows.type == kind::symbol)
        item.symbols.push_back(rows.symbols[i]);
      else
        item.bytes = rows.bytes.substr(i * width, width);
      places_.push_back(std::move(item));
    }
  }

  error append(size_t at) {
    const auto& column = schema_.columns[at];
    const auto* from = columns_[at];
    const bool is_time = column.name == schema_.time_column;
    if (from == nullptr && is_time && (stamps_ || stamps_first_)) {
      for (size_t row = 0; row < count_; ++row)
        out_.append(at, now_for(column.type));
      return {};
    }
    if (from == nullptr && is_time)
      return no_time(column.name);
    if (from == nullptr) {
      for (size_t row = 0; row < count_; ++row)
        out_.append_null(at);
      return {};
    }
    if (column.type == column_type::symbol
        || column.type == column_type::string)
      return append_texts(at, *from);
    return append_numbers(at, *from, is_time);
  }

  static error no_time(const std::string& column) {
    return {
      errc::bad_data,
      "type: column '" + column
        + "' has no value, and a row without a time is found by no query; "
          "'stamp = true' in the [[table]] gives such rows the time of "
          "their publishing"};
  }

  int64_t now_for(column_type type) const {
    constexpr int64_t day_ns = 86'400'000'000'000;
    return type == column_type::timespan
             ? ((now_ns_ % day_ns) + day_ns) % day_ns
             : now_ns_;
  }

  error append_texts(size_t at, const value& from) {
    const auto& column = schema_.columns[at];
    const text_at texts{from};
    if (!texts.fits())
      return column_fault(column.name,
                          "is " + std::string{to_string(column.type)}
                            + ", and was sent as " + name_of(from.type));
    for (size_t row = 0; row < count_; ++row) {
      const auto text = texts.at(row, is_row_);
      if (!text::valid_utf8(text) || text.find('\0') != text.npos)
        return column_fault(column.name, "is not UTF-8, or has a zero");
      if (column.type == column_type::symbol)
        out_.append_symbol(at, text);
      else
        out_.append_string(at, text);
    }
    return {};
  }

  /// Of a feed that knows no timestamps.
  error append_datetimes(size_t at, const value& from, bool is_time) {
    value made;
    made.type = kind::timestamp;
    for (size_t row = 0; row < count_; ++row) {
      const auto ns = timestamp_of(from.item<double>(row));
      if (!ns)
        return column_fault(schema_.columns[at].name,
                            "has a datetime beyond what there can be");
      made.bytes.append(reinterpret_cast<const char*>(&*ns), sizeof *ns);
    }
    return append_numbers(at, made, is_time);
  }

  error append_numbers(size_t at, const value& from, bool is_time) {
    const auto& column = schema_.columns[at];
    if (from.type == kind::datetime && column.type == column_type::timestamp)
      return append_datetimes(at, from, is_time);
    const auto sent = static_cast<column_type>(static_cast<int>(from.type));
    const bool is_number
      = from.type != kind::datetime && width_of(from.type) != 0;
    if (!is_number || !fits(sent, column.type))
      return column_fault(column.name,
                          "is " + std::string{to_string(column.type)}
                            + ", and was sent as " + name_of(from.type));
    const auto* values = reinterpret_cast<const std::byte*>(from.bytes.data());
    if (!persistence::widens(sent, column.type))
      return append_floats(at, {sent, values});
    auto& to = out_.values(at);
    const auto before = to.size();
    to.resize(before + count_ * width_of(column.type));
    persistence::copy_values(sent, column.type, values, to.data() + before,
                             count_);
    return is_time ? check_times(at) : error{};
  }

  /// A row without a time gets one, or is refused.
  error check_times(size_t at) {
    const auto& column = schema_.columns[at];
    auto& times = out_.values(at);
    for (size_t row = 0; row < count_; ++row) {
      int64_t time = 0;
      std::memcpy(&time, times.data() + row * sizeof time, sizeof time);
      if (time == inf_long || time == -inf_long)
        return column_fault(column.name,
                            "is infinite, and a row without a time "
                            "is found by no query");
      if (time != null_long)
        continue;
      if (!stamps_)
        return no_time(column.name);
      time = now_for(column.type);
      std::memcpy(times.data() + row * sizeof time, &time, sizeof time);
    }
    return {};
  }

  /// Also whole numbers as floats, which hold those of 53 bits.
  static bool fits(column_type sent, column_type declared) {
    const auto is_whole = [](column_type type) {
      return type == column_type::short_ || type == column_type::int_
             || type == column_type::long_;
    };
    return persistence::widens(sent, declared)
           || (is_whole(sent)
               && (declared == column_type::float_
                   || declared == column_type::real));
  }

  /// Whole numbers as floats.
  error append_floats(size_t at, const query::column_ref& from) {
    const auto& column = schema_.columns[at];
    const auto most
      = column.type == column_type::real ? int64_t{1} << 24 : int64_t{1} << 53;
    for (size_t row = 0; row < count_; ++row) {
      const auto whole = query::integer_at(from, row);
      if (whole != null_long && (whole > most || whole < -most))
        return column_fault(column.name,
                            "would lose digits of " + std::to_string(whole));
      const auto number
        = whole == null_long ? std::nan("") : static_cast<double>(whole);
      if (column.type == column_type::real)
        out_.append(at, static_cast<float>(number));
      else
        out_.append(at, number);
    }
    return {};
  }

  const table_schema& schema_;
  bool stamps_;
  int64_t now_ns_;
  batch_builder out_;
  std::vector<const value*> columns_; ///< By column; null: it did not come.
  std::vector<value> places_;
  size_t count_ = 0;
  bool is_row_ = false;
  bool stamps_first_ = false;
};

} // namespace

result<std::string> update_message(const batch_view& batch,
                                   const table_schema& schema,
                                   const wanted_symbols& wanted,
                                   char capability) {
  auto rows = declared_rows(batch, schema, wanted);
  if (!rows)
    return rows.failure();
  if (rows->row_count == 0)
    return std::string{};
  answer_form form;
  form.capability = capability;
  return table_message(message_kind::async, *rows, form, schema.name);
}

std::string end_message(period_id period) {
  return *write_message(
    message_kind::async,
    list_of({symbol_atom(".u.end"),
             atom_of(kind::date, static_cast<int32_t>(period.value))}));
}

result<std::vector<std::byte>> batch_of(const value& rows,
                                        const table_schema& schema, bool stamps,
                                        int64_t now_ns) {
  return feed_rows{schema, stamps, now_ns}.take(rows);
}

} // namespace millrace::nodes::kdb
