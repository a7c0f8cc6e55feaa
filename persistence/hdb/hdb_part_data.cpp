#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/hdb/column_file_internal.hpp>
#include <millrace/persistence/hdb/hdb_part_data.hpp>

#include <algorithm>

namespace millrace::persistence {

std::optional<uint32_t>
mapped_dictionary::find(std::string_view symbol) const noexcept {
  uint32_t low = 0;
  uint32_t high = size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (text(middle) < symbol)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < size() && text(low) == symbol)
    return low;
  return std::nullopt;
}

result<std::shared_ptr<hdb_part_data>>
hdb_part_data::map(file_system& fs, const std::string& directory,
                   const hdb_part& part, const table_schema& schema) {
  auto out = std::make_shared<hdb_part_data>();
  out->part_ = part;
  out->schema_ = schema;
  out->path_ = directory + "/" + part.path();
  for (const auto& file : part.files) {
    auto mapped = fs.map(out->path_ + "/" + file.name);
    if (!mapped)
      return mapped.failure();
    if ((*mapped)->bytes().size() != file.bytes)
      return out->corrupt(file.name, std::to_string((*mapped)->bytes().size())
                                       + " bytes, the manifest says "
                                       + std::to_string(file.bytes));
    out->files_.emplace(file.name, std::move(*mapped));
  }
  out->columns_.resize(schema.columns.size());
  for (size_t i = 0; i < schema.columns.size(); ++i)
    if (auto fault = out->map_column(i))
      return fault;
  if (auto fault = out->map_rows())
    return fault;
  return out;
}

error hdb_part_data::corrupt(const std::string& name,
                             const std::string& what) const {
  return {errc::corrupt, path_ + "/" + name + ": " + what};
}

result<std::span<const std::byte>>
hdb_part_data::bytes_of(const std::string& name,
                        std::optional<uint64_t> bytes) const {
  const auto at = files_.find(name);
  if (at == files_.end())
    return corrupt(name, "not in the manifest");
  const auto all = at->second->bytes();
  if (bytes && all.size() != *bytes)
    return corrupt(name, std::to_string(all.size()) + " bytes for "
                           + std::to_string(part_.row_count) + " rows");
  return all;
}

/// Files that the reader follows without bounds checks are compared with their
/// checksums when they are mapped; columns only by `check`.
error hdb_part_data::check_small(const std::string& name) {
  auto bytes = bytes_of(name);
  if (!bytes)
    return bytes.failure();
  return xxh3_of(*bytes) == part_.file(name)->checksum
           ? error{}
           : corrupt(name, "the checksum differs");
}

error hdb_part_data::map_column(size_t column) {
  const auto& [name, type] = schema_.columns[column];
  auto values = bytes_of(name, uint64_t{part_.row_count} * width_of(type));
  if (!values)
    return values.failure();
  auto& out = columns_[column];
  out.values.type = type;
  out.values.values = values->data();
  out.zone = part_.zones[column];
  if (type == column_type::string) {
    auto text = bytes_of(name + ".text");
    if (!text)
      return text.failure();
    out.values.text = reinterpret_cast<const char*>(text->data());
    if (out.values.as<uint32_t>()[part_.row_count - 1] != text->size())
      return corrupt(name, "it does not end where the text does");
  }
  if (type != column_type::symbol)
    return {};
  for (const auto* suffix : {".ends", ".text"})
    if (auto fault = check_small(name + suffix))
      return fault;
  const auto ends = *bytes_of(name + ".ends");
  const auto text = *bytes_of(name + ".text");
  const std::span<const uint32_t> typed{
    reinterpret_cast<const uint32_t*>(ends.data()), ends.size() / 4};
  if (typed.empty() || typed[0] != 0
      || !std::is_sorted(typed.begin(), typed.end())
      || typed.back() != text.size()
      || (!out.zone.empty
          && out.zone.high >= static_cast<int64_t>(typed.size())))
    return corrupt(name + ".ends", "not a dictionary of this column");
  out.dictionary = std::make_unique<mapped_dictionary>(
    typed, reinterpret_cast<const char*>(text.data()));
  out.values.dictionary = out.dictionary.get();
  return {};
}

error hdb_part_data::map_rows() {
  auto order = bytes_of(".order", uint64_t{part_.row_count} * 4);
  if (!order)
    return order.failure();
  order_ = reinterpret_cast<const uint32_t*>(order->data());
  if (auto fault = check_small(".ranges"))
    return fault;
  const auto bytes = *bytes_of(".ranges");
  ranges_ = {reinterpret_cast<const symbol_range*>(bytes.data()),
             bytes.size() / sizeof(symbol_range)};
  const auto symbols = schema_.column_index(schema_.symbol_column);
  uint32_t at = 0;
  for (const auto& range : ranges_) {
    if (range.begin != at || range.end <= range.begin || !symbols
        || range.code >= columns_[*symbols].dictionary->size())
      return corrupt(".ranges", "not ranges of these rows");
    at = range.end;
  }
  return at == part_.row_count
           ? error{}
           : corrupt(".ranges", "they end at row " + std::to_string(at));
}

const hdb_part_data::converted& hdb_part_data::convert(size_t column,
                                                       column_type to) {
  std::lock_guard guard{mutex_};
  auto& one = converted_[{column, to}];
  if (one)
    return *one;
  one = std::make_unique<converted>();
  one->memory.resize((part_.row_count * width_of(to) + 7) / 8);
  auto* into = reinterpret_cast<std::byte*>(one->memory.data());
  copy_values(schema_.columns[column].type, to, columns_[column].values.values,
              into, part_.row_count);
  one->zone = zone_of(to, into, part_.row_count);
  return *one;
}

namespace {

struct part_view_owner {
  std::shared_ptr<hdb_part_data> data;
  std::vector<column_view> columns;
  std::vector<zone_map> zones;
};

} // namespace

table_view hdb_part_data::view(std::shared_ptr<const table_schema> schema) {
  auto owner = std::make_shared<part_view_owner>();
  owner->data = shared_from_this();
  for (const auto& wanted : schema->columns) {
    const auto at = schema_.column_index(wanted.name);
    auto& column = owner->columns.emplace_back();
    auto& zone = owner->zones.emplace_back();
    if (!at) {
      column.type = wanted.type;
      zone = zone_of_nulls(wanted.type);
      continue;
    }
    column = columns_[*at].values;
    zone = columns_[*at].zone;
    if (column.type != wanted.type) {
      const auto& other = convert(*at, wanted.type);
      column.type = wanted.type;
      column.values = reinterpret_cast<const std::byte*>(other.memory.data());
      zone = other.zone;
    }
  }
  table_view out;
  out.schema = std::move(schema);
  out.part_order = part_.to.value;
  auto& segment = out.segments.emplace_back();
  segment.row_count = part_.row_count;
  segment.columns = owner->columns;
  segment.zones = owner->zones;
  segment.ranges = ranges_;
  segment.order = order_;
  out.owner = std::move(owner);
  return out;
}

std::vector<std::pair<std::string, std::string>> hdb_part_data::check() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& file : part_.files)
    if (xxh3_of(files_.at(file.name)->bytes()) != file.checksum)
      out.emplace_back(path_ + "/" + file.name, "the checksum differs");
  return out;
}

} // namespace millrace::persistence
