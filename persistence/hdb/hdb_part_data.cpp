#include <millrace/messages/data/offsets.hpp>
#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/persistence/columns/made_values.hpp>
#include <millrace/persistence/hdb/block_sums_internal.hpp>
#include <millrace/persistence/hdb/column_file_internal.hpp>
#include <millrace/persistence/hdb/hdb_part_data.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

template <class T>
std::span<const T> typed(const held_file& file) {
  const auto bytes = file.bytes();
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

} // namespace

part_dictionary::part_dictionary(std::shared_ptr<const held_file> ends,
                                 std::shared_ptr<const held_file> text)
  : held_ends_{std::move(ends)}, held_text_{std::move(text)},
    ends_{typed<uint32_t>(*held_ends_)}, text_{reinterpret_cast<const char*>(
                                           held_text_->bytes().data())} {}

error part_dictionary::fault() const {
  auto lost = held_ends_->fault();
  return lost ? lost : held_text_->fault();
}

std::optional<uint32_t>
part_dictionary::find(std::string_view symbol) const noexcept {
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

hdb_part_data::hdb_part_data(std::shared_ptr<hdb_directory> directory,
                             hdb_part part, table_schema schema)
  : directory_{std::move(directory)}, part_{std::move(part)}, schema_{std::move(
                                                                schema)},
    files_(part_.files.size()) {
  constexpr size_t looked_through_max = 64;
  if (files_.size() > looked_through_max)
    for (size_t i = 0; i < files_.size(); ++i)
      numbers_.emplace(part_.files[i].name, i);
}

std::string hdb_part_data::path_of(const std::string& name) const {
  return directory_->path + "/" + part_.path() + "/" + name;
}

error hdb_part_data::corrupt(const std::string& name,
                             const std::string& what) const {
  return {errc::corrupt, path_of(name) + ": " + what};
}

result<size_t> hdb_part_data::find(const std::string& name,
                                   std::optional<uint64_t> bytes) const {
  const hdb_file* file = nullptr;
  if (numbers_.empty())
    file = part_.file(name);
  else if (const auto at = numbers_.find(name); at != numbers_.end())
    file = &part_.files[at->second];
  if (!file)
    return corrupt(name, "not in the manifest");
  if (bytes && file->bytes != *bytes)
    return corrupt(name, std::to_string(file->bytes) + " bytes for "
                           + std::to_string(part_.row_count) + " rows");
  return static_cast<size_t>(file - part_.files.data());
}

/// A file that is not there: of a part that was replaced, or lost.
error hdb_part_data::missing(const error& fault) const {
  const auto newest = read_hdb_manifest(*directory_->fs, directory_->path);
  // All of it is lost: to who asks that is damage, and no wrong question.
  if (!newest && newest.failure().code == errc::not_found)
    return {errc::corrupt, fault.context + ": missing, as is the manifest: "
                             + newest.failure().context};
  if (!newest)
    return newest.failure();
  const auto path = part_.path();
  const bool named = std::any_of(
    newest->parts.begin(), newest->parts.end(), [&](const auto& each) {
      return each.row_count != 0 && each.path() == path;
    });
  if (named)
    return {errc::corrupt, fault.context + ": missing"};
  return {errc::moved, fault.context + ": replaced by version "
                         + std::to_string(newest->version)};
}

result<std::shared_ptr<const held_file>> hdb_part_data::hold(size_t file) {
  auto& state = files_[file];
  const auto& facts = part_.files[file];
  std::shared_ptr<const held_file> out;
  {
    // Waits at most for another reader that brings the same file in right now.
    const std::lock_guard lock{state.slot.mutex};
    if (state.slot.file && !state.slot.file->lost())
      return state.slot.file;
    const auto path = path_of(facts.name);
    const auto& totals = directory_->held.totals();
    auto opened = held_file::open(*directory_->fs, path, facts.bytes, totals);
    if (!opened && opened.failure().code == errc::limit_exceeded) {
      directory_->held.let_go();
      opened = held_file::open(*directory_->fs, path, facts.bytes, totals);
    }
    if (!opened && opened.failure().code == errc::not_found)
      return missing(opened.failure());
    if (!opened)
      return opened.failure();
    out = state.slot.file = *std::move(opened);
    if (!state.verified)
      state.verified = std::make_unique<std::atomic<uint8_t>[]>(
        std::max<uint64_t>(block_count(facts.bytes), 1));
  }
  directory_->held.filled({shared_from_this(), &state.slot});
  return out;
}

const std::vector<uint64_t>& hdb_part_data::sums_of(size_t file) {
  static const std::vector<uint64_t> one_block;
  if (block_count(part_.files[file].bytes) < 2)
    return one_block;
  std::call_once(sums_once_, [this] {
    sums_.resize(part_.files.size());
    const auto* facts = part_.file(sums_file_name);
    if (!facts)
      return; // Written by an earlier release.
    // Sums that cannot be used are no loss: the manifest has one of each file.
    const auto bytes
      = read_file(*directory_->fs, path_of(facts->name), facts->bytes);
    if (!bytes || xxh3_of(*bytes) != facts->checksum)
      return;
    if (auto sums = decode_block_sums(*bytes, part_.files))
      sums_ = *std::move(sums);
  });
  return sums_[file];
}

error hdb_part_data::verify_block(size_t file, std::span<const std::byte> bytes,
                                  uint64_t block, uint64_t block_bytes) {
  const auto& facts = part_.files[file];
  const auto& sums = sums_of(file);
  const auto expected = sums.empty() ? facts.checksum : sums[block];
  if (xxh3_of(bytes) == expected)
    return {};
  if (sums.empty())
    return corrupt(facts.name, "the checksum differs");
  const auto begin = block * block_bytes;
  return corrupt(facts.name, "the checksum of bytes " + std::to_string(begin)
                               + " to " + std::to_string(begin + bytes.size())
                               + " differs");
}

error hdb_part_data::verify(size_t file, const held_file& held,
                            byte_span wanted, content what, uint64_t entries) {
  const auto& facts = part_.files[file];
  const auto bytes = held.bytes();
  wanted.end = std::min<uint64_t>(wanted.end, bytes.size());
  if (wanted.begin >= wanted.end)
    return {};
  auto* verified = files_[file].verified.get();
  const bool one = block_count(facts.bytes) < 2 || sums_of(file).empty();
  const auto block_bytes = one ? bytes.size() : sums_block_bytes;
  for (auto block = wanted.begin / block_bytes;
       block * block_bytes < wanted.end; ++block) {
    if (verified[block].load(std::memory_order_acquire))
      continue;
    const auto begin = block * block_bytes;
    const auto part
      = bytes.subspan(begin, std::min(bytes.size() - begin, block_bytes));
    if (auto fault = verify_block(file, part, block, block_bytes))
      return held.lost() ? held.fault() : fault;
    const std::span<const uint32_t> numbers{
      reinterpret_cast<const uint32_t*>(part.data()), part.size() / 4};
    if (what == content::codes
        && *std::max_element(numbers.begin(), numbers.end()) >= entries)
      return corrupt(facts.name, "a code beyond the dictionary");
    if (what == content::ends
        && (!ascending_within(numbers, entries)
            || (begin != 0 && numbers[0] < numbers.data()[-1])))
      return corrupt(facts.name, "offsets are not in order");
    verified[block].store(1, std::memory_order_release);
  }
  return {};
}

result<std::shared_ptr<const held_file>> hdb_part_data::read(size_t file,
                                                             byte_span wanted,
                                                             content what,
                                                             uint64_t entries) {
  auto held = hold(file);
  if (!held)
    return held.failure();
  auto fault = verify(file, **held, wanted, what, entries);
  if (const auto all = (*held)->bytes().size();
      !fault
      && std::min<uint64_t>(wanted.end, all) + held_file::last_page_bytes > all)
    fault = (*held)->cut(*directory_->fs);
  if (fault) {
    // A file that is put right is read, and compared, anew.
    auto& state = files_[file];
    const std::lock_guard lock{state.slot.mutex};
    if (state.slot.file == *held)
      state.slot.file = nullptr;
    for (uint64_t i = 0; i < block_count(part_.files[file].bytes); ++i)
      state.verified[i].store(0, std::memory_order_release);
    return fault;
  }
  return *held;
}

result<std::shared_ptr<const part_dictionary>>
hdb_part_data::dictionary(size_t column) {
  const auto& name = schema_.columns[column].name;
  const auto ends_file = find(name + ".ends");
  if (!ends_file)
    return ends_file.failure();
  const auto text_file = find(name + ".text");
  if (!text_file)
    return text_file.failure();
  const auto text_bytes = part_.files[*text_file].bytes;
  auto ends = read(*ends_file, {}, content::ends, text_bytes);
  if (!ends)
    return ends.failure();
  const auto numbers = typed<uint32_t>(**ends);
  const auto& zone = part_.zones[column];
  if (numbers.empty() || numbers.front() != 0 || numbers.back() != text_bytes
      || (!zone.empty && zone.high >= static_cast<int64_t>(numbers.size())))
    return corrupt(name + ".ends", "not a dictionary of this column");
  auto text = read(*text_file, {});
  if (!text)
    return text.failure();
  return std::make_shared<const part_dictionary>(*std::move(ends),
                                                 *std::move(text));
}

result<std::shared_ptr<const held_file>> hdb_part_data::ranges() {
  const auto file = find(".ranges");
  if (!file)
    return file.failure();
  auto held = read(*file, {});
  if (!held || ranges_checked_.load(std::memory_order_acquire))
    return held;
  const auto symbols = schema_.column_index(schema_.symbol_column);
  const auto* ends
    = symbols ? part_.file(schema_.columns[*symbols].name + ".ends") : nullptr;
  const auto codes = ends ? ends->bytes / sizeof(uint32_t) : 0;
  uint32_t at = 0;
  for (const auto& range : typed<symbol_range>(**held)) {
    if (range.begin != at || range.end <= range.begin || range.code >= codes)
      return corrupt(".ranges", "not ranges of these rows");
    at = range.end;
  }
  if (at != part_.row_count)
    return corrupt(".ranges", "they end at row " + std::to_string(at));
  ranges_checked_.store(true, std::memory_order_release);
  return held;
}

result<segment_values> hdb_part_data::values(size_t column, row_span rows) {
  const auto& [name, type] = schema_.columns[column];
  const uint64_t width = width_of(type);
  const auto file = find(name, part_.row_count * width);
  if (!file)
    return file.failure();
  byte_span wanted{rows.begin * width, rows.end * width};
  segment_values out;
  auto what = content::plain;
  uint64_t entries = 0;
  std::optional<size_t> text_file;
  if (type == column_type::symbol) {
    const auto ends = find(name + ".ends");
    if (!ends)
      return ends.failure();
    what = content::codes;
    entries = part_.files[*ends].bytes / sizeof(uint32_t);
  } else if (type == column_type::string) {
    const auto text = find(name + ".text");
    if (!text)
      return text.failure();
    text_file = *text;
    what = content::ends;
    entries = part_.files[*text].bytes;
    // A text begins where the one before it ends.
    wanted.begin -= rows.begin == 0 ? 0 : width;
  }
  auto held = read(*file, wanted, what, entries);
  if (!held)
    return held.failure();
  out.values = (*held)->bytes().data();
  if (text_file) {
    const auto ends = typed<uint32_t>(**held);
    auto text = read(*text_file, {rows.begin == 0 ? 0 : ends[rows.begin - 1],
                                  ends[rows.end - 1]});
    if (!text)
      return text.failure();
    out.text = reinterpret_cast<const char*>((*text)->bytes().data());
    out.held[1] = *std::move(text);
  }
  out.held[0] = *std::move(held);
  return out;
}

result<segment_values> hdb_part_data::order(row_span rows) {
  const auto file = find(".order", uint64_t{part_.row_count} * 4);
  if (!file)
    return file.failure();
  auto held = read(*file, {uint64_t{rows.begin} * 4, uint64_t{rows.end} * 4});
  if (!held)
    return held.failure();
  segment_values out;
  out.values = (*held)->bytes().data();
  out.held[0] = *std::move(held);
  return out;
}

result<segment_values> hdb_part_data::convert(size_t column, column_type to,
                                              row_span rows) {
  const auto from = schema_.columns[column].type;
  const auto stored = values(column, rows);
  if (!stored)
    return stored.failure();
  const auto count = rows.end - rows.begin;
  auto made = std::make_shared<made_values>(uint64_t{count} * width_of(to));
  auto* bytes = made->bytes();
  copy_values(from, to, stored->values + uint64_t{rows.begin} * width_of(from),
              bytes, count);
  if (auto fault = stored->held[0]->fault())
    return fault;
  segment_values out;
  out.values = bytes - uint64_t{rows.begin} * width_of(to);
  out.held[0] = std::move(made);
  return out;
}

} // namespace millrace::persistence
