#include <millrace/query/execution/rows_view.hpp>
#include <millrace/query/plan/split.hpp>

#include <deque>
#include <limits>
#include <unordered_map>

namespace millrace::query {

namespace {

/// The dictionary of a symbol column that owns its memory.
class column_dictionary : public persistence::symbol_dictionary {
public:
  explicit column_dictionary(const column_data& column) : column_{column} {
    codes_.reserve(size());
    for (uint32_t code = 0; code < size(); ++code)
      codes_.emplace(column.entry(code), code);
  }
  [[nodiscard]] uint32_t size() const noexcept override {
    return static_cast<uint32_t>(column_.dictionary_ends.size());
  }
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept override {
    return column_.entry(code);
  }
  [[nodiscard]] std::optional<uint32_t>
  find(std::string_view symbol) const noexcept override {
    const auto found = codes_.find(symbol);
    return found == codes_.end() ? std::nullopt : std::optional{found->second};
  }

private:
  const column_data& column_;
  std::unordered_map<std::string_view, uint32_t> codes_;
};

/// What a view points to beside the rows themselves.
struct view_parts {
  std::deque<column_dictionary> dictionaries;
  std::vector<persistence::column_view> columns;
};

} // namespace

result<persistence::table_view> view_of(const table_data& rows) {
  if (rows.row_count >= std::numeric_limits<uint32_t>::max())
    return error{errc::limit_exceeded,
                 std::to_string(rows.row_count)
                   + " rows are more than a step of a query takes"};
  auto parts = std::make_shared<view_parts>();
  auto schema = std::make_shared<table_schema>();
  schema->name = rows_table;
  for (const auto& column : rows.columns) {
    schema->columns.push_back({column.name, column.type});
    auto& view = parts->columns.emplace_back();
    view.type = column.type;
    view.values = column.values.data();
    if (column.type == column_type::string)
      view.text = column.bytes.data();
    if (column.type == column_type::symbol)
      view.dictionary = &parts->dictionaries.emplace_back(column);
  }
  persistence::table_view out;
  out.schema = std::move(schema);
  auto& segment = out.segments.emplace_back();
  segment.row_count = static_cast<uint32_t>(rows.row_count);
  segment.columns = parts->columns;
  out.owner = std::move(parts);
  return out;
}

} // namespace millrace::query
