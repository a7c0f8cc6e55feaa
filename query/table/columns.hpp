#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/interner.hpp>
#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/plan/expression.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// One column that owns its memory, laid out as in a table batch.
struct column_data {
  std::string name;
  column_type type = column_type::long_;
  /// rows * width_of(type) bytes. symbol: codes of this column's own
  /// dictionary; string: end offsets in `bytes`.
  std::vector<std::byte> values;
  /// symbol: end of each dictionary entry in `bytes`; entry 0 is "".
  std::vector<uint32_t> dictionary_ends;
  std::string bytes;

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(values.data());
  }
  template <class T>
  [[nodiscard]] T* as() noexcept {
    return reinterpret_cast<T*>(values.data());
  }
  template <class T>
  void push(T value) {
    const auto* first = reinterpret_cast<const std::byte*>(&value);
    values.insert(values.end(), first, first + sizeof value);
  }
  /// Room for `count` more values, to be written; valid until there are more.
  template <class T>
  [[nodiscard]] T* extend(size_t count) {
    const auto held = values.size();
    values.resize(held + count * sizeof(T));
    return reinterpret_cast<T*>(values.data() + held);
  }
  [[nodiscard]] std::string_view entry(uint32_t code) const noexcept {
    return piece(dictionary_ends.data(), code);
  }
  /// Text of a symbol or string row.
  [[nodiscard]] std::string_view text(size_t row) const noexcept {
    return type == column_type::symbol ? entry(as<uint32_t>()[row])
                                       : piece(as<uint32_t>(), row);
  }
  [[nodiscard]] size_t byte_count() const noexcept {
    return values.size() + bytes.size() + 4 * dictionary_ends.size();
  }

private:
  [[nodiscard]] std::string_view piece(const uint32_t* ends,
                                       size_t i) const noexcept {
    const auto begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view{bytes}.substr(begin, ends[i] - begin);
  }
};

/// Rows that own their memory: a result, or a piece of a partial one.
struct table_data {
  std::vector<column_data> columns;
  uint64_t row_count = 0;

  [[nodiscard]] size_t byte_count() const noexcept {
    size_t total = 0;
    for (const auto& column : columns)
      total += column.byte_count();
    return total;
  }
};

/// The texts as the dictionary of `column`, whose codes are theirs.
void move_into(column_data& column, text::interner& texts);
void copy_into(column_data& column, const text::interner& texts);

/// A column in place, from a store or from a decoded partial result.
struct column_ref {
  column_type type = column_type::long_;
  const std::byte* values = nullptr; ///< nullptr: every row is null.
  const persistence::symbol_dictionary* dictionary = nullptr;
  const uint32_t* dictionary_ends = nullptr; ///< When `dictionary` is null.
  const char* bytes = nullptr;

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(values);
  }
  [[nodiscard]] std::string_view entry(uint32_t code) const noexcept {
    if (dictionary)
      return dictionary->text(code);
    const auto begin = code == 0 ? 0 : dictionary_ends[code - 1];
    return {bytes + begin, dictionary_ends[code] - begin};
  }
  [[nodiscard]] std::string_view text(size_t row) const noexcept {
    const auto* codes = as<uint32_t>();
    if (type == column_type::symbol)
      return entry(codes[row]);
    const auto begin = row == 0 ? 0 : codes[row - 1];
    // Zeros may stand for what a store lost; that is found out later.
    return codes[row] < begin
             ? std::string_view{}
             : std::string_view{bytes + begin, codes[row] - begin};
  }
};

[[nodiscard]] column_ref ref_of(const persistence::column_view& view) noexcept;
[[nodiscard]] column_ref ref_of(const column_data& column) noexcept;

/// How the fixed-width types are loaded: `raw` as stored, `widen` to int64 with
/// every null as null_long (floats: to double, null is NaN).
struct load_byte {
  using raw = uint8_t;
  static int64_t widen(raw x) noexcept { return x; }
};
struct load_char {
  using raw = uint8_t;
  static int64_t widen(raw x) noexcept { return x == ' ' ? null_long : x; }
};
struct load_short {
  using raw = int16_t;
  static int64_t widen(raw x) noexcept {
    return x == null_short ? null_long : x;
  }
};
struct load_int {
  using raw = int32_t;
  static int64_t widen(raw x) noexcept { return x == null_int ? null_long : x; }
};
struct load_long {
  using raw = int64_t;
  static int64_t widen(raw x) noexcept { return x; }
};
struct load_real {
  using raw = float;
  static double widen(raw x) noexcept { return static_cast<double>(x); }
};
struct load_float {
  using raw = double;
  static double widen(raw x) noexcept { return x; }
};

/// Calls f(loader{}) for an integer-like type.
template <class F>
decltype(auto) with_integer(column_type type, F&& f) {
  switch (width_of(type)) {
    case 1:
      return type == column_type::char_ ? f(load_char{}) : f(load_byte{});
    case 2:
      return f(load_short{});
    case 4:
      return f(load_int{});
    default:
      return f(load_long{});
  }
}
template <class F>
decltype(auto) with_float(column_type type, F&& f) {
  return type == column_type::real ? f(load_real{}) : f(load_float{});
}
template <class F>
decltype(auto) with_number(column_type type, F&& f) {
  if (type == column_type::real)
    return f(load_real{});
  if (type == column_type::float_)
    return f(load_float{});
  return with_integer(type, std::forward<F>(f));
}

/// Appends a widened integer as a value of `column`'s type; null_long as its
/// null (boolean and byte have none: zero).
void push_integer(column_data& column, int64_t value);
void push_float(column_data& column, double value);

/// The widened value of a fixed-width integer-like column.
[[nodiscard]] int64_t integer_at(const column_ref& column, size_t row) noexcept;
[[nodiscard]] double float_at(const column_ref& column, size_t row) noexcept;

/// Appends values to a column that owns them, turning each source's symbols
/// into codes of the column's own dictionary, one look-up per distinct symbol
/// and source, and widening narrower types.
class column_writer {
public:
  column_writer(std::string name, column_type type);

  /// Makes room for so many rows in all.
  void reserve(size_t rows) { out_.values.reserve(rows * width_of(out_.type)); }

  /// Appends rows `rows[0..count)` of `from`. `key` identifies the source's
  /// dictionary: the same for all calls with the same one, in a row.
  void append(const column_ref& from, const void* key, const uint32_t* rows,
              size_t count);
  void append_range(const column_ref& from, const void* key, size_t begin,
                    size_t end);
  void append_nulls(size_t count);
  void append_text(std::string_view text);
  [[nodiscard]] size_t row_count() const noexcept { return rows_; }
  [[nodiscard]] size_t byte_count() const noexcept {
    return out_.byte_count() + pool_.byte_count();
  }
  /// What it holds at most while so many rows more are appended, but for their
  /// texts: what grows is held twice as it moves.
  [[nodiscard]] size_t byte_count_with(size_t rows) const noexcept {
    const auto now = out_.values.capacity();
    const auto needed = out_.values.size() + rows * width_of(out_.type);
    return now + (needed > now ? std::max(needed, 2 * now) : 0)
           + out_.bytes.capacity() + pool_.byte_count();
  }
  /// `limit_exceeded` when text passed 4 GiB. The writer is done then.
  [[nodiscard]] result<column_data> finish();

private:
  template <class RowOf>
  void append_any(const column_ref& from, const void* key, RowOf row_of,
                  size_t count);
  template <class RowOf>
  void append_texts(const column_ref& from, const void* key, RowOf row_of,
                    size_t count);

  column_data out_;
  text::interner pool_;
  const void* map_key_ = nullptr;
  std::vector<uint32_t> map_; ///< Source code -> own code + 1, 0: not yet.
  size_t rows_ = 0;
  bool overflow_ = false;
};

} // namespace millrace::query
