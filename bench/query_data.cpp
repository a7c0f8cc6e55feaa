#include <millrace/bench/query_data.hpp>
#include <millrace/bench/written_period.hpp>
#include <millrace/feed/generate/generator.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/plan/expression.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace millrace::bench {

namespace {

constexpr uint32_t date_count = 5;
constexpr uint64_t trades_per_date = 2'000'000;
constexpr uint64_t quotes_per_date = 10'000'000;
constexpr uint64_t notes_per_date = 400'000;
constexpr uint32_t note_texts = 20'000;
constexpr uint32_t rows_per_batch = 10'000;

table_schema note_schema() {
  table_schema out;
  out.name = "note";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"text", column_type::string}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

table_schema quote_schema() {
  auto out = feed::generated_quote_schema();
  out.columns.resize(6); // Without the exchange: 34 bytes per row.
  return out;
}

/// What people write beside an order: some words, none of them often.
std::string note_text(uint32_t number) {
  static constexpr std::array words{"buy",    "sell",   "late",   "open",
                                    "close",  "cross",  "block",  "sweep",
                                    "halted", "retail", "hedged", "amended"};
  std::string out;
  for (uint32_t left = number + 1; left > 0;
       left /= static_cast<uint32_t>(words.size()))
    out += std::string{words[left % words.size()]} + ' ';
  return out + std::to_string(number);
}

/// A column of all rows as DuckDB takes it: texts as numbers of an enum.
class gathered_column {
public:
  explicit gathered_column(column_type type) : type_{type} {}

  void append(const batch_column& from, uint32_t rows) {
    if (type_ == column_type::timestamp)
      return append_times(from, rows);
    if (!query::is_text(type_)) {
      values_.insert(values_.end(), from.values,
                     from.values + rows * width_of(type_));
      return;
    }
    const bool coded = from.type == column_type::symbol;
    std::vector<uint32_t> codes;
    for (uint32_t code = 0; coded && code < from.dictionary_ends.size(); ++code)
      codes.push_back(number_of(from.symbol(code)));
    for (uint32_t row = 0; row < rows; ++row)
      numbers_.push_back(static_cast<uint16_t>(
        coded ? codes[from.as<uint32_t>()[row]] : number_of(from.text(row))));
  }

  /// To be called when all rows are here: numbers ascend with their texts.
  void settle() {
    if (!query::is_text(type_))
      return;
    std::vector<uint16_t> ranks(found_.size());
    for (const auto& [text, number] : found_) {
      ranks[number] = static_cast<uint16_t>(texts_.size());
      texts_.push_back(text);
    }
    const bool small = texts_.size() < 256;
    width_ = small ? 1 : 2;
    values_.resize(numbers_.size() * width_);
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const auto rank = ranks[numbers_[i]];
      std::memcpy(values_.data() + i * width_, &rank, width_);
    }
    numbers_ = {};
  }

  [[nodiscard]] duckdb_peer::column view() const {
    return {values_, query::is_text(type_) ? width_ : width_of(type_)};
  }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

private:
  void append_times(const batch_column& from, uint32_t rows) {
    const auto* times = from.as<int64_t>();
    for (uint32_t row = 0; row < rows; ++row) {
      const auto time = times[row] + ns_1970_to_2000;
      const auto* bytes = reinterpret_cast<const std::byte*>(&time);
      values_.insert(values_.end(), bytes, bytes + sizeof time);
    }
  }
  uint32_t number_of(std::string_view text) {
    const auto at = found_.find(text);
    if (at != found_.end())
      return at->second;
    const auto number = static_cast<uint32_t>(found_.size());
    found_.emplace(std::string{text}, number);
    return number;
  }

  column_type type_;
  std::vector<std::byte> values_;
  std::vector<uint16_t> numbers_;
  std::map<std::string, uint32_t, std::less<>> found_;
  std::vector<std::string> texts_;
  size_t width_ = 0;
};

/// All rows of a table, as they go to DuckDB.
struct gathered_table {
  explicit gathered_table(table_schema of) : schema{std::move(of)} {
    for (const auto& column : schema.columns)
      columns.emplace_back(column.type);
  }
  table_schema schema;
  std::vector<gathered_column> columns;
  uint64_t rows = 0;
};

std::string duckdb_type_of(column_type type, const std::string& enum_name) {
  switch (type) {
    case column_type::timestamp:
      return "TIMESTAMP_NS";
    case column_type::float_:
      return "DOUBLE";
    case column_type::int_:
      return "INTEGER";
    default:
      return enum_name;
  }
}

class maker {
public:
  explicit maker(const measure_options& options)
    : options_{options}, out_{std::make_unique<query_data>()} {}

  result<std::unique_ptr<query_data>> run() {
    auto duckdb = duckdb_peer::open();
    if (!duckdb)
      return duckdb.failure();
    out_->duckdb = *std::move(duckdb);
    auto host = nodes::real_env::create({.pool_threads = 2});
    if (!host)
      return host.failure();
    out_->host = *std::move(host);
    tables_.emplace_back(feed::generated_trade_schema());
    tables_.emplace_back(quote_schema());
    tables_.emplace_back(note_schema());
    for (const auto& table : tables_) {
      if (auto fault = out_->rdb.declare(table.schema))
        return fault;
      out_->schemas.push_back(table.schema);
    }
    if (auto fault = make_rows())
      return fault;
    if (auto fault = load_duckdb())
      return fault;
    auto hdb
      = persistence::hdb_store::open(*out_->host->world().fs, hdb_path());
    if (!hdb)
      return hdb.failure();
    out_->hdb = *std::move(hdb);
    return std::move(out_);
  }

private:
  [[nodiscard]] std::string hdb_path() const {
    return options_.directory + "/hdb";
  }

  error make_rows() {
    feed::generator_options market;
    market.periods = date_count;
    market.trades_per_period = options_.scaled(trades_per_date);
    market.quotes_per_period = options_.scaled(quotes_per_date);
    market.rows_per_batch = rows_per_batch;
    market.zone = "UTC";
    auto made = feed::generator::open(market);
    if (!made)
      return made.failure();
    int32_t date = null_int;
    batch_view view;
    while (auto batch = made->next()) {
      if (date != null_int && batch->date != date)
        if (auto fault = end_date(date))
          return fault;
      date = batch->date;
      if (auto fault = decode_batch(batch->batch.bytes, view))
        return fault;
      auto& table
        = tables_[batch->table == feed::generated_batch::kind::trade ? 0 : 1];
      if (auto fault = take(table, view))
        return fault;
    }
    return end_date(date);
  }

  error take(gathered_table& into, batch_view& rows) {
    rows.columns.resize(into.columns.size());
    for (size_t i = 0; i < into.columns.size(); ++i)
      into.columns[i].append(rows.columns[i], rows.row_count);
    into.rows += rows.row_count;
    return out_->rdb.append(rows, {at_ += 8});
  }

  /// The notes of the date come at its end; then it is written down.
  error end_date(int32_t date) {
    if (auto fault = add_notes(date))
      return fault;
    out_->rdb.end_period({at_ += 8});
    std::string text;
    text::append_date(text, date);
    out_->dates.push_back(std::move(text));
    const auto snapshot = out_->rdb.snapshot();
    persistence::period_request request;
    request.stream = "bench";
    request.period = date;
    request.partition = persistence::date_partition_name(date);
    request.from = written_;
    request.to = snapshot->end;
    for (const auto& table : tables_) {
      auto view = snapshot->view(table.schema.name, request.from, request.to);
      if (!view)
        return view.failure();
      request.tables.push_back(*std::move(view));
    }
    written_ = request.to;
    return write_period(out_->host->world(), hdb_path(), std::move(request));
  }

  error add_notes(int32_t date) {
    batch_builder builder{tables_[2].schema};
    const auto rows = options_.scaled(notes_per_date);
    const auto begin = date * text::day_ns + text::day_ns / 2;
    batch_view view;
    for (uint64_t i = 0; i < rows;) {
      builder.clear();
      for (uint32_t k = 0; k < rows_per_batch && i < rows; ++k, ++i) {
        random_
          = random_ * 6'364'136'223'846'793'005u + 1'442'695'040'888'963'407u;
        const auto drawn = static_cast<uint32_t>(random_ >> 33);
        builder.append(0, begin + static_cast<int64_t>(i) * 1'000'000);
        builder.append(
          1, builder.symbol_code(1, "N" + std::to_string(drawn % 500)));
        builder.append_string(2, note_text(drawn % note_texts));
        builder.end_row();
      }
      const auto bytes = builder.encode();
      if (auto fault = decode_batch(bytes, view))
        return fault;
      if (auto fault = take(tables_[2], view))
        return fault;
    }
    return {};
  }

  error load_duckdb() {
    auto& to = *out_->duckdb;
    for (const auto& sql :
         {std::string{"CREATE SCHEMA rdb"}, std::string{"CREATE SCHEMA hdb"},
          "ATTACH '" + options_.directory + "/queries.duckdb' AS file"})
      if (auto fault = to.query(sql))
        return fault;
    for (auto& table : tables_) {
      if (auto fault = load_arrival(table))
        return fault;
      if (table.schema.name == "trade")
        rank_symbols(table);
      table.columns.clear();
      const auto& name = table.schema.name;
      for (const auto& sql :
           {"CREATE TABLE memory.hdb." + name + " AS SELECT * FROM memory.rdb."
              + name + " ORDER BY time::DATE, sym, time",
            "CREATE TABLE file.main." + name + " AS SELECT * FROM memory.hdb."
              + name})
        if (auto fault = to.query(sql))
          return fault;
    }
    return to.query("CHECKPOINT file");
  }

  /// In the order of arrival; strings by way of an enum.
  error load_arrival(gathered_table& table) {
    auto& to = *out_->duckdb;
    const auto& name = table.schema.name;
    std::string columns;
    std::string read;
    std::vector<duckdb_peer::column> views;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      auto& column = table.columns[i];
      const auto& is = table.schema.columns[i];
      const auto enum_name = name + "_" + is.name;
      column.settle();
      if (query::is_text(is.type)) {
        std::string texts;
        for (const auto& text : column.texts())
          texts += (texts.empty() ? "'" : ",'") + text + "'";
        if (auto fault = to.query("CREATE TYPE memory.main." + enum_name
                                  + " AS ENUM (" + texts + ")"))
          return fault;
      }
      const auto* comma = i == 0 ? "" : ", ";
      columns += comma + is.name + ' '
                 + duckdb_type_of(is.type, "memory.main." + enum_name);
      read
        += comma + is.name
           + (is.type == column_type::string ? "::VARCHAR AS " + is.name : "");
      views.push_back(column.view());
    }
    if (auto fault
        = to.query("CREATE TABLE loaded_" + name + "(" + columns + ")"))
      return fault;
    if (auto fault = to.append("loaded_" + name, views, table.rows, 2'000))
      return fault;
    for (const auto& sql : {"CREATE TABLE memory.rdb." + name + " AS SELECT "
                              + read + " FROM loaded_" + name,
                            "DROP TABLE loaded_" + name})
      if (auto fault = to.query(sql))
        return fault;
    return {};
  }

  void rank_symbols(const gathered_table& trades) {
    const auto& column = trades.columns[1];
    const auto view = column.view();
    std::vector<uint64_t> counts(column.texts().size());
    for (uint64_t row = 0; row < trades.rows; ++row) {
      uint16_t code = 0;
      std::memcpy(&code, view.values.data() + row * view.width, view.width);
      ++counts[code];
    }
    std::vector<size_t> order(counts.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return counts[a] > counts[b]; });
    for (const auto i : order)
      out_->symbols.push_back(column.texts()[i]);
  }

  const measure_options& options_;
  std::unique_ptr<query_data> out_;
  std::vector<gathered_table> tables_;
  uint64_t at_ = 0;
  position written_;
  uint64_t random_ = 42;
};

} // namespace

std::string_view to_string(row_layout layout) noexcept {
  return layout == row_layout::rdb ? "rdb" : "hdb";
}

result<std::unique_ptr<query_data>>
make_query_data(const measure_options& options) {
  return maker{options}.run();
}

} // namespace millrace::bench
