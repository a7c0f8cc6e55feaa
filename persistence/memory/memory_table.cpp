#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace millrace::persistence {

namespace {

/// Address space for the text of a string column's first segment.
constexpr size_t text_reserve_first = 1u << 20;

} // namespace

error schema_fault(std::string_view table, std::string_view column,
                   const std::string& what) {
  return {errc::schema_mismatch, "table '" + std::string{table} + "', column '"
                                   + std::string{column} + "': " + what};
}

error check_evolution(const table_schema& now, const table_schema& next) {
  if (now.name != next.name)
    return schema_fault(now.name, "", "renamed to '" + next.name + "'");
  if (now.time_column != next.time_column)
    return schema_fault(now.name, now.time_column,
                        "the time column may not become '" + next.time_column
                          + "'");
  if (now.symbol_column != next.symbol_column)
    return schema_fault(now.name, now.symbol_column,
                        "the symbol column may not become '"
                          + next.symbol_column + "'");
  for (const auto& column : now.columns) {
    const auto at = next.column_index(column.name);
    if (!at)
      return schema_fault(
        now.name, column.name,
        "columns may not be removed: keep it, and leave it out "
        "of what you ask for");
    const auto type = next.columns[*at].type;
    if (!widens(column.type, type))
      return schema_fault(now.name, column.name,
                          std::string{to_string(column.type)}
                            + " may not become " + std::string{to_string(type)}
                            + ": keep its type, and put the other one in a "
                              "column of another name");
  }
  return {};
}

/// Blocks of segments that nobody reads any more. Shared with the blocks, so
/// that a reader's thread may give one back; outlives the table if need be.
struct memory_table::block_pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<segment_block>> spares;
  size_t spares_max = 0;
  size_t block_bytes = 0; ///< Blocks of another size are let go.

  void reset(size_t bytes) {
    std::lock_guard guard{mutex};
    spares.clear();
    block_bytes = bytes;
  }

  std::unique_ptr<segment_block> take() {
    std::lock_guard guard{mutex};
    if (spares.empty())
      return nullptr;
    auto block = std::move(spares.back());
    spares.pop_back();
    return block;
  }

  void give(std::unique_ptr<segment_block> block) {
    block->texts.clear();
    std::lock_guard guard{mutex};
    if (block->memory.size() == block_bytes && spares.size() < spares_max)
      spares.push_back(std::move(block));
  }
};

memory_table::memory_table(table_schema schema, memory_table_options options)
  : options_{options}, layout_{schema, options.segment_rows},
    pool_{std::make_shared<block_pool>()} {
  MILLRACE_ASSERT(options.segment_rows > 0
                  && options.segment_rows <= segment_rows_max);
  pool_->spares_max = options.spare_blocks_max;
  pool_->reset(layout_.bytes);
  if (auto at = schema.column_index(schema.symbol_column))
    symbol_index_column_ = *at;
  auto version = std::make_shared<memory_table_version>();
  for (const auto& column : schema.columns)
    version->dictionaries.push_back(column.type == column_type::symbol
                                      ? std::make_shared<growing_dictionary>()
                                      : nullptr);
  version->schema = std::make_shared<const table_schema>(std::move(schema));
  version_ = std::move(version);
  codes_.resize(this->schema().columns.size());
  reserve_texts();
}

void memory_table::reserve_texts() {
  text_reserve_.assign(
    layout_.string_columns.size(),
    std::min<size_t>(text_reserve_first, options_.segment_text_bytes));
}

memory_table::~memory_table() = default;

const table_schema& memory_table::schema() const noexcept {
  return *version_->schema;
}

error memory_table::append(const batch_view& batch) {
  if (!same_layout(batch))
    if (auto fault = plan_sources(batch))
      return fault;
  if (batch.row_count == 0)
    return {};
  if (auto fault = map_symbols(batch))
    return fault;
  if (auto fault = plan_pieces(batch))
    return fault;
  for (const auto& part : pieces_)
    append_piece(batch, part);
  pieces_.clear();
  return {};
}

bool memory_table::same_layout(const batch_view& batch) const noexcept {
  if (batch.columns.size() != batch_layout_.size() || sources_.empty())
    return false;
  for (size_t i = 0; i < batch_layout_.size(); ++i)
    if (batch.columns[i].type != batch_layout_[i].second
        || batch.columns[i].name != batch_layout_[i].first)
      return false;
  return true;
}

error memory_table::plan_sources(const batch_view& batch) {
  const auto& ours = schema();
  sources_.clear();
  batch_layout_.clear();
  std::vector<source> found(ours.columns.size());
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    const auto& column = batch.columns[i];
    const auto at = ours.column_index(column.name);
    if (!at)
      return schema_fault(ours.name, column.name, "not a column of the table");
    if (found[*at].column >= 0)
      return schema_fault(ours.name, column.name, "appears twice in the batch");
    const auto type = ours.columns[*at].type;
    if (!widens(column.type, type))
      return schema_fault(ours.name, column.name,
                          std::string{to_string(column.type)}
                            + " in the batch does not fit "
                            + std::string{to_string(type)});
    found[*at] = {static_cast<int>(i), column.type};
  }
  // Few bytes could stand for millions of rows of nulls.
  if (batch.row_count != 0 && batch.columns.empty())
    return {errc::schema_mismatch, "table '" + ours.name
                                     + "': " + std::to_string(batch.row_count)
                                     + " rows without a column"};
  for (const auto& column : batch.columns)
    batch_layout_.emplace_back(column.name, column.type);
  sources_ = std::move(found);
  return {};
}

error memory_table::map_symbols(const batch_view& batch) {
  const auto& ours = schema();
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i].column < 0 || sources_[i].type != column_type::symbol)
      continue;
    const auto& column = batch.columns[static_cast<size_t>(sources_[i].column)];
    auto& dictionary = *version_->dictionaries[i];
    if (column.dictionary_ends.size()
        > growing_dictionary::symbols_max - dictionary.size())
      return {errc::limit_exceeded,
              "table '" + ours.name + "', column '" + ours.columns[i].name
                + "': more than "
                + std::to_string(growing_dictionary::symbols_max)
                + " distinct symbols"};
    dictionary.insert_all(column, codes_[i]);
  }
  return {};
}

/// Whether the open segment has room; a column that has none gets more in the
/// next.
bool memory_table::text_fits(const batch_view& batch, uint32_t begin,
                             uint32_t count) {
  for (size_t i = 0; i < layout_.string_columns.size(); ++i) {
    const auto& from = sources_[layout_.string_columns[i]];
    if (from.column < 0)
      continue;
    const auto& column = batch.columns[static_cast<size_t>(from.column)];
    const auto bytes
      = column.as<uint32_t>()[begin + count - 1] - column.text_begin(begin);
    if (bytes > open_->texts[i].size() - open_->text_used[i]) {
      text_reserve_[i]
        = std::min<size_t>(2 * text_reserve_[i], options_.segment_text_bytes);
      return false;
    }
  }
  return true;
}

/// Gets all memory first, so that a refusal leaves the table as it was.
error memory_table::plan_pieces(const batch_view& batch) {
  pieces_.clear();
  uint32_t done = 0;
  if (open_ && open_rows_ < layout_.row_max) {
    const auto count = std::min(layout_.row_max - open_rows_, batch.row_count);
    if (text_fits(batch, 0, count)) {
      pieces_.push_back({nullptr, 0, count});
      done = count;
    }
  }
  while (done < batch.row_count) {
    const auto count = std::min(layout_.row_max, batch.row_count - done);
    auto block = make_block(batch);
    if (!block) {
      pieces_.clear();
      return {errc::limit_exceeded,
              "table '" + schema().name + "': the system refused "
                + std::to_string(layout_.bytes) + " bytes for a segment"};
    }
    pieces_.push_back({std::move(block), done, count});
    done += count;
  }
  return {};
}

std::shared_ptr<segment_block>
memory_table::make_block(const batch_view& batch) {
  auto block = pool_->take();
  if (!block) {
    block = std::make_unique<segment_block>();
    // A table that filled one segment will fill the next.
    const bool grows = row_end_ >= layout_.row_max;
    block->memory
      = reserved_memory{layout_.bytes, grows ? layout_.index_offset : 0};
    if (!block->memory)
      return nullptr;
  }
  block->text_used.assign(layout_.string_columns.size(), 0);
  for (size_t i = 0; i < layout_.string_columns.size(); ++i) {
    const auto column = layout_.string_columns[i];
    auto bytes = text_reserve_[i];
    if (const auto from = sources_[column].column; from >= 0)
      bytes = std::max(bytes,
                       batch.columns[static_cast<size_t>(from)].bytes.size());
    block->texts.emplace_back(std::max<size_t>(bytes, 1));
    if (!block->texts.back())
      return nullptr;
  }
  if (symbol_index_column_ != SIZE_MAX)
    block->index = std::make_unique<segment_index>(block->memory.data()
                                                   + layout_.index_offset);
  return {block.release(), [pool = pool_](segment_block* done) {
            pool->give(std::unique_ptr<segment_block>{done});
          }};
}

void memory_table::open_segment(std::shared_ptr<segment_block> block) {
  close_segment();
  auto segment = std::make_shared<memory_segment>();
  const auto column_count = schema().columns.size();
  segment->texts.assign(column_count, nullptr);
  for (size_t i = 0; i < column_count; ++i)
    segment->values.push_back(block->memory.data() + layout_.offsets[i]);
  for (size_t i = 0; i < layout_.string_columns.size(); ++i)
    segment->texts[layout_.string_columns[i]]
      = reinterpret_cast<const char*>(block->texts[i].data());
  segment->index = block->index.get();
  segment->first_row = row_end_;
  segment->owners.push_back(block);
  auto next = std::make_shared<memory_table_version>(*version_);
  next->segments.push_back(std::move(segment));
  version_ = std::move(next);
  open_ = std::move(block);
  open_rows_ = 0;
}

void memory_table::append_piece(const batch_view& batch, const piece& part) {
  if (part.block)
    open_segment(part.block);
  for (size_t i = 0; i < sources_.size(); ++i)
    append_column(batch, part, i);
  if (open_->index) {
    const auto* codes = reinterpret_cast<const uint32_t*>(
      open_->memory.data() + layout_.offsets[symbol_index_column_]);
    open_->index->append({codes + open_rows_, part.count}, open_rows_);
  }
  open_rows_ += part.count;
  row_end_ += part.count;
}

void memory_table::append_column(const batch_view& batch, const piece& part,
                                 size_t column) {
  const auto type = schema().columns[column].type;
  const auto width = width_of(type);
  auto* into
    = open_->memory.data() + layout_.offsets[column] + open_rows_ * width;
  const auto& from = sources_[column];
  const auto* values
    = from.column < 0 ? nullptr
                      : batch.columns[static_cast<size_t>(from.column)].values
                          + part.begin * width_of(from.type);
  if (type == column_type::string) {
    const auto at
      = static_cast<size_t>(std::find(layout_.string_columns.begin(),
                                      layout_.string_columns.end(), column)
                            - layout_.string_columns.begin());
    auto& used = open_->text_used[at];
    auto* ends = reinterpret_cast<uint32_t*>(into);
    if (values == nullptr) {
      std::fill_n(ends, part.count, used);
      return;
    }
    const auto& strings = batch.columns[static_cast<size_t>(from.column)];
    const auto begin = strings.text_begin(part.begin);
    const auto bytes
      = strings.as<uint32_t>()[part.begin + part.count - 1] - begin;
    if (bytes != 0)
      std::memcpy(open_->texts[at].data() + used, strings.bytes.data() + begin,
                  bytes);
    for (uint32_t i = 0; i < part.count; ++i)
      ends[i] = strings.as<uint32_t>()[part.begin + i] - begin + used;
    used += bytes;
    return;
  }
  if (values == nullptr)
    return fill_null(type, into, part.count);
  if (type == column_type::symbol) {
    const auto* theirs = reinterpret_cast<const uint32_t*>(values);
    auto* codes = reinterpret_cast<uint32_t*>(into);
    const auto* map = codes_[column].data();
    for (uint32_t i = 0; i < part.count; ++i)
      codes[i] = map[theirs[i]];
    return;
  }
  copy_values(from.type, type, values, into, part.count);
}

void memory_table::close_segment() {
  if (!open_)
    return;
  const auto& open = *version_->segments.back();
  auto closed = std::make_shared<memory_segment>(open);
  closed->row_count = open_rows_;
  closed->byte_count = open_bytes();
  for (size_t i = 0; i < schema().columns.size(); ++i)
    closed->zones.push_back(
      zone_of(schema().columns[i].type, closed->values[i], open_rows_));
  for (size_t i = 0; i < open_->texts.size(); ++i)
    open_->texts[i].trim(open_->text_used[i]);
  auto next = std::make_shared<memory_table_version>(*version_);
  closed_bytes_ += closed->byte_count;
  next->segments.back() = std::move(closed);
  version_ = std::move(next);
  open_ = nullptr;
  open_rows_ = 0;
}

void memory_table::drop(uint64_t row) {
  MILLRACE_ASSERT(row <= row_end_);
  if (row <= version_->first_row)
    return;
  if (row == row_end_)
    close_segment();
  auto next = std::make_shared<memory_table_version>(*version_);
  next->first_row = row;
  auto& segments = next->segments;
  const auto kept = std::find_if(
    segments.begin(), segments.end(), [row](const auto& segment) {
      return segment->row_count == 0
             || segment->first_row + segment->row_count > row;
    });
  for (auto i = segments.begin(); i != kept; ++i)
    closed_bytes_ -= (*i)->byte_count;
  segments.erase(segments.begin(), kept);
  if (segments.empty())
    for (auto& dictionary : next->dictionaries)
      if (dictionary)
        dictionary = std::make_shared<growing_dictionary>();
  version_ = std::move(next);
}

error memory_table::alter(const table_schema& schema_next) {
  if (auto fault = validate(schema_next))
    return fault;
  const auto before = version_->schema;
  if (auto fault = check_evolution(*before, schema_next))
    return fault;
  close_segment();
  auto next = std::make_shared<memory_table_version>(*version_);
  next->schema = std::make_shared<const table_schema>(schema_next);
  next->dictionaries.clear();
  for (const auto& column : schema_next.columns) {
    const auto old = before->column_index(column.name);
    next->dictionaries.push_back(column.type != column_type::symbol ? nullptr
                                 : old
                                   ? version_->dictionaries[*old]
                                   : std::make_shared<growing_dictionary>());
  }
  for (auto& segment : next->segments) {
    auto changed = std::make_shared<memory_segment>(*segment);
    changed->values.clear();
    changed->texts.clear();
    changed->zones.clear();
    for (const auto& column : schema_next.columns) {
      const auto old = before->column_index(column.name);
      const std::byte* values = old ? segment->values[*old] : nullptr;
      auto zone = old ? segment->zones[*old] : zone_of_nulls(column.type);
      if (values && before->columns[*old].type != column.type) {
        auto memory = std::make_shared<std::vector<uint64_t>>(
          (segment->row_count * width_of(column.type) + 7) / 8);
        auto* into = reinterpret_cast<std::byte*>(memory->data());
        copy_values(before->columns[*old].type, column.type, values, into,
                    segment->row_count);
        zone = zone_of(column.type, into, segment->row_count);
        changed->byte_count += memory->size() * 8;
        closed_bytes_ += memory->size() * 8;
        changed->owners.push_back(memory);
        values = into;
      }
      changed->values.push_back(values);
      changed->texts.push_back(old ? segment->texts[*old] : nullptr);
      changed->zones.push_back(zone);
    }
    segment = std::move(changed);
  }
  version_ = std::move(next);
  layout_ = segment_layout{schema_next, options_.segment_rows};
  reserve_texts();
  symbol_index_column_
    = schema_next.column_index(schema_next.symbol_column).value_or(SIZE_MAX);
  codes_.assign(schema_next.columns.size(), {});
  sources_.clear();
  batch_layout_.clear();
  pool_->reset(layout_.bytes);
  return {};
}

size_t memory_table::open_bytes() const noexcept {
  if (!open_)
    return 0;
  size_t total = open_rows_ * layout_.row_bytes;
  for (const auto used : open_->text_used)
    total += used;
  return total + (open_->index ? open_->index->byte_count() : 0);
}

size_t memory_table::byte_count() const noexcept {
  size_t total = closed_bytes_ + open_bytes();
  for (const auto& dictionary : version_->dictionaries)
    if (dictionary)
      total += dictionary->byte_count();
  return total;
}

memory_table_mark memory_table::mark() const {
  memory_table_mark out{version_, row_end_, {}};
  for (const auto& dictionary : version_->dictionaries)
    if (dictionary)
      out.dictionary_sizes.push_back(dictionary->size());
  return out;
}

} // namespace millrace::persistence
