#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/exchange/exporter.hpp>
#include <millrace/persistence/kdb/kdb_column.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::persistence {

namespace {

constexpr uint64_t rows_per_piece = 64 * 1024;
constexpr std::string_view domain_name = "sym";
/// Of a column: its values ascend. The index that parted columns have on disk
/// is not written: its layout is nowhere published.
constexpr uint8_t sorted = 1;

template <class T>
void put(std::vector<std::byte>& into, T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  into.insert(into.end(), first, first + sizeof value);
}

void put(std::vector<std::byte>& into, std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  into.insert(into.end(), first, first + text.size());
}

/// A list of symbols in a file of its own.
std::vector<std::byte> list_of(const std::vector<std::string_view>& symbols) {
  std::vector<std::byte> out;
  put(out, std::string_view{"\xff\x01\x0b\x00", 4});
  put(out, static_cast<uint32_t>(symbols.size()));
  for (const auto each : symbols) {
    put(out, each);
    put(out, '\0');
  }
  return out;
}

/// In front of the values of a column.
std::vector<std::byte> header_of(column_type type, uint64_t rows,
                                 bool ascends) {
  std::vector<std::byte> out;
  if (type == column_type::symbol) {
    put(out, '\xfe');
    put(out, domain_name);
    out.resize(11);
  } else {
    put(out, std::string_view{"\xfe\x20"});
    put(out, type == column_type::string ? uint8_t{kdb_texts}
                                         : static_cast<uint8_t>(type));
  }
  put(out, ascends ? sorted : uint8_t{0});
  out.resize(out.size() + 4);
  put(out, rows);
  return out;
}

class kdb_exporter {
public:
  kdb_exporter(file_system& fs, std::shared_ptr<const hdb_snapshot> snapshot,
               const export_plan& plan, export_progress& progress)
    : fs_{&fs}, snapshot_{std::move(snapshot)}, plan_{&plan}, progress_{
                                                                &progress} {}

  error run(const std::string& path) {
    for (const auto& [table, dates] : *plan_)
      if (auto fault = check_export(*snapshot_->schema(table)))
        return fault;
    if (auto fault = collect_symbols())
      return fault;
    auto target = export_target::begin(*fs_, path);
    if (!target)
      return target.failure();
    progress_->took_over = target->took_over();
    target_ = &*target;
    if (auto fault = write_file("sym", list_of(symbols_)))
      return fault;
    for (const auto date : dates())
      for (const auto& [table, parts] : *plan_) {
        const auto found = parts.find(date);
        if (auto fault = write_table(
              table, date, found == parts.end() ? none_ : found->second))
          return fault;
      }
    return target->commit();
  }

private:
  std::set<int32_t> dates() const {
    std::set<int32_t> out;
    for (const auto& [table, parts] : *plan_)
      for (const auto& [date, of_date] : parts)
        out.insert(date);
    return out;
  }

  /// All of them before any: so that codes ascend as the symbols do.
  error collect_symbols() {
    std::set<std::string, std::less<>> all{""};
    for (const auto& [table, dates] : *plan_)
      for (const auto& [date, parts] : dates) {
        const auto rows = ordered_rows::open(snapshot_, table, parts);
        if (!rows)
          return rows.failure();
        progress_->rows_all += rows->row_count();
        for (size_t i = 0; i < rows->schema().columns.size(); ++i)
          for (const auto symbol : rows->symbols(i))
            all.emplace(symbol);
      }
    for (const auto& each : all) {
      if (each.find('\0') != std::string::npos)
        return {errc::unsupported,
                "the symbol '" + each
                  + "' has a zero byte, which kdb+ takes for its end"};
      texts_.append(each);
      ends_.push_back(texts_.size());
    }
    if (all.size() > INT32_MAX)
      return {errc::unsupported, "more than 2147483647 symbols"};
    for (size_t i = 0; i < ends_.size(); ++i) {
      const auto begin = i == 0 ? 0 : ends_[i - 1];
      symbols_.push_back(
        std::string_view{texts_}.substr(begin, ends_[i] - begin));
    }
    return {};
  }

  error write_file(const std::string& below, std::span<const std::byte> bytes) {
    auto file = target_->file(below);
    if (!file)
      return file.failure();
    if (auto fault = file->append(bytes))
      return fault;
    return close(*file);
  }

  error close(export_file& file) {
    ++progress_->files;
    progress_->bytes += file.size();
    return file.finish();
  }

  error write_table(const std::string& table, int32_t date,
                    const std::vector<const hdb_part*>& parts) {
    const auto below = text::date_text(date, '.') + "/" + table;
    const auto directory = target_->directory(below);
    if (!directory)
      return directory.failure();
    auto rows = ordered_rows::open(snapshot_, table, parts);
    if (!rows)
      return rows.failure();
    std::vector<std::string_view> names;
    for (const auto& column : rows->schema().columns)
      names.push_back(column.name);
    for (size_t i = 0; i < names.size(); ++i)
      if (auto fault = write_column(below, *rows, i))
        return fault;
    if (auto fault = write_file(below + "/.d", list_of(names)))
      return fault;
    progress_->rows += rows->row_count();
    progress_->rows_of[table] += rows->row_count();
    progress_->partitions_of[table] += rows->row_count() == 0 ? 0 : 1;
    return progress_->step();
  }

  error write_column(const std::string& below, ordered_rows& rows,
                     size_t column) {
    const auto& [name, type] = rows.schema().columns[column];
    auto file = target_->file(below + "/" + name);
    if (!file)
      return file.failure();
    std::optional<result<export_file>> text;
    if (type == column_type::string) {
      text = target_->file(below + "/" + name + "#");
      if (!*text)
        return text->failure();
    }
    std::vector<int32_t> codes;
    if (type == column_type::symbol)
      codes = codes_of(rows.symbols(column));
    const bool ascends = name == rows.schema().symbol_column;
    if (auto fault = file->append(header_of(type, rows.row_count(), ascends)))
      return fault;
    uint64_t text_bytes = 0;
    for (uint64_t at = 0; at < rows.row_count(); at += rows_per_piece) {
      const auto count = std::min(rows_per_piece, rows.row_count() - at);
      if (auto fault = rows.read(column, at, count, piece_))
        return fault;
      if (type == column_type::symbol)
        rename(piece_.values, codes);
      if (type == column_type::string)
        move_ends(piece_.values, text_bytes);
      text_bytes += piece_.text.size();
      if (auto fault = file->append(piece_.values))
        return fault;
      if (text)
        if (auto fault = (*text)->append(std::as_bytes(std::span{piece_.text})))
          return fault;
      if (auto fault = progress_->step())
        return fault;
    }
    if (text)
      if (auto fault = close(**text))
        return fault;
    return close(*file);
  }

  /// Codes of all symbols, by place in those of one table.
  std::vector<int32_t>
  codes_of(const std::vector<std::string_view>& symbols) const {
    std::vector<int32_t> out;
    for (const auto each : symbols)
      out.push_back(static_cast<int32_t>(
        std::lower_bound(symbols_.begin(), symbols_.end(), each)
        - symbols_.begin()));
    return out;
  }

  static void rename(std::vector<std::byte>& places,
                     const std::vector<int32_t>& codes) {
    auto* each = reinterpret_cast<uint32_t*>(places.data());
    for (size_t i = 0; i < places.size() / sizeof *each; ++i)
      each[i] = static_cast<uint32_t>(codes[each[i]]);
  }

  static void move_ends(std::vector<std::byte>& ends, uint64_t by) {
    auto* each = reinterpret_cast<uint64_t*>(ends.data());
    for (size_t i = 0; i < ends.size() / sizeof *each; ++i)
      each[i] += by;
  }

  file_system* fs_;
  std::shared_ptr<const hdb_snapshot> snapshot_;
  const export_plan* plan_;
  export_progress* progress_;
  export_target* target_ = nullptr;
  std::string texts_; ///< Of all symbols, which point into it.
  std::vector<uint64_t> ends_;
  std::vector<std::string_view> symbols_; ///< Ascending; the first is the null.
  column_piece piece_;
  const std::vector<const hdb_part*> none_;
};

} // namespace

error export_kdb(file_system& fs, const std::string& path,
                 std::shared_ptr<const hdb_snapshot> snapshot,
                 const export_plan& plan, export_progress& progress) {
  return kdb_exporter{fs, std::move(snapshot), plan, progress}.run(path);
}

} // namespace millrace::persistence
