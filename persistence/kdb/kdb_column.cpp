#include <millrace/messages/data/types.hpp>
#include <millrace/persistence/kdb/kdb_column.hpp>
#include <millrace/persistence/kdb/kdb_number_internal.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

// In front of the values stands what q holds of a list in memory: 3 bytes, the
// last of which is the type, the attribute, 4 bytes, and the number of values.
// What begins with fd has it at the end of a page, and names of domains before.
constexpr uint64_t list_bytes = 16;
constexpr uint64_t page_bytes = 4096;
constexpr uint64_t domain_offset = 16;
constexpr uint8_t nested = 77;
constexpr uint8_t nested_last = 97;

uint32_t width_in_file(uint8_t type) noexcept {
  if (type == kdb_datetime || type == kdb_texts)
    return 8;
  if (type == 0 || type > 19 || type == 11)
    return 0;
  return static_cast<uint32_t>(width_of(column_type{type}));
}

error unsupported(const std::string& path, uint64_t byte,
                  const std::string& what) {
  return {errc::unsupported,
          path + ": byte " + std::to_string(byte) + ": " + what};
}

} // namespace

std::string kdb_type_name(uint8_t type) {
  if (type == kdb_datetime)
    return "datetime";
  if (type == kdb_enumerated)
    return "enumerated symbol";
  if (type == kdb_texts)
    return "list of chars";
  if (width_in_file(type) != 0)
    return std::string{to_string(column_type{type})};
  return "type " + std::to_string(type);
}

result<kdb_column> kdb_column::open(file_system& fs, std::string path) {
  auto bytes = kdb_bytes::open(fs, std::move(path));
  if (!bytes)
    return bytes.failure();
  kdb_column out{*std::move(bytes)};
  if (auto fault = out.read_header(fs))
    return fault;
  return out;
}

error kdb_column::read_header(file_system& fs) {
  std::vector<std::byte> header(std::min(bytes_.size(), page_bytes));
  if (header.size() < list_bytes)
    return kdb_damage(path(), header.size(), "it ends before its header does");
  if (auto fault = bytes_.read(0, header))
    return fault;
  const auto first = std::to_integer<uint8_t>(header[0]);
  const auto second = std::to_integer<uint8_t>(header[1]);
  error fault;
  if (first == 0xfe && second == 0x20)
    fault = take_list(header, 0);
  else if (first == 0xfe)
    fault = take_old_enumeration(header);
  else if (first == 0xfd && second == 0x20)
    fault = take_paged(header);
  else if (first == 0xff && second == 1)
    fault = unsupported(path(), 0,
                        "it is a value of its own, and no column of a splayed "
                        "table");
  else
    fault = kdb_damage(path(), 0, "it is no column that kdb+ wrote");
  if (fault || type_ != kdb_texts)
    return fault;
  auto texts = kdb_bytes::open(fs, path() + "#");
  if (!texts)
    return texts.failure();
  texts_ = *std::move(texts);
  return {};
}

/// A list with its header at `offset`.
error kdb_column::take_list(std::span<const std::byte> header,
                            uint64_t offset) {
  const auto* list = header.data() + offset;
  type_ = std::to_integer<uint8_t>(list[2]);
  attribute_ = std::to_integer<uint8_t>(list[3]);
  width_ = width_in_file(type_);
  if (type_ == nested)
    return unsupported(path(), offset + 2,
                       "it is a list of anything; only lists of chars can be "
                       "read, as q writes them when each is one");
  if (type_ > nested && type_ <= nested_last && type_ != kdb_texts)
    return unsupported(path(), offset + 2,
                       "its values are lists of "
                         + kdb_type_name(static_cast<uint8_t>(type_ - nested))
                         + "; only lists of chars can be read");
  if (width_ == 0)
    return kdb_damage(path(), offset + 2,
                      "type " + std::to_string(type_)
                        + " is none of a column in a splayed table");
  return take_count(number_at<uint64_t>(list + 8), offset + list_bytes);
}

/// The name of the domain, then the header of a list from byte 8 on, or a
/// multiple of it; its codes have 32 bits. What a name of 10 to 14 bytes leaves
/// open the number of values decides.
error kdb_column::take_old_enumeration(std::span<const std::byte> header) {
  const auto* text = reinterpret_cast<const char*>(header.data());
  const auto end = std::string_view{text, header.size()}.find('\0', 1);
  if (end == std::string_view::npos || end == 1)
    return kdb_damage(path(), 1, "it is no column that kdb+ wrote");
  domain_.assign(text + 1, end - 1);
  type_ = kdb_enumerated;
  width_ = 4;
  std::vector<uint64_t> places{
    list_bytes - 8 + (end < 3 ? 0 : (end - 3) / 8 * 8),
    std::max<uint64_t>(list_bytes - 8, (end + 8) / 8 * 8 - 8)};
  if (places[0] == places[1])
    places.pop_back();
  const bool open = places.size() > 1;
  std::erase_if(places, [&](uint64_t at) {
    if (at + list_bytes > header.size())
      return true;
    const auto room = (bytes_.size() - at - 16) / width_;
    const auto count = number_at<uint64_t>(header.data() + at + 8);
    const bool indexed = std::to_integer<uint8_t>(header[at + 3]) > 1;
    return open
           && !(indexed ? count <= room
                        : count == room || (count == 0 && bytes_.compressed()));
  });
  if (places.empty())
    return kdb_damage(path(), list_bytes - 8,
                      "it has no room for the values that it says it has");
  if (places.size() > 1)
    return unsupported(path(), 1,
                       "the domain's name is such that two readings are "
                       "possible; write it with a release of q since 3.6");
  attribute_ = std::to_integer<uint8_t>(header[places[0] + 3]);
  return take_count(number_at<uint64_t>(header.data() + places[0] + 8),
                    places[0] + 16);
}

error kdb_column::take_paged(std::span<const std::byte> header) {
  if (header.size() < page_bytes)
    return kdb_damage(path(), header.size(), "it ends before its header does");
  const auto list = page_bytes - list_bytes;
  if (std::to_integer<uint8_t>(header[list + 2]) != kdb_enumerated)
    return take_list(header, list);
  const std::string_view text{reinterpret_cast<const char*>(header.data()),
                              list};
  const auto end = text.find('\0', domain_offset);
  if (end == std::string_view::npos || end == domain_offset)
    return kdb_damage(path(), domain_offset, "its domain has no name");
  domain_ = text.substr(domain_offset, end - domain_offset);
  type_ = kdb_enumerated;
  width_ = 8;
  attribute_ = std::to_integer<uint8_t>(header[list + 3]);
  return take_count(number_at<uint64_t>(header.data() + list + 8), page_bytes);
}

error kdb_column::take_count(uint64_t count, uint64_t values) {
  if (attribute_ > 4)
    return kdb_damage(path(), values - 13,
                      "attribute " + std::to_string(attribute_)
                        + " is not known");
  if (domain_.find('/') != std::string::npos || domain_ == "."
      || domain_ == "..")
    return kdb_damage(path(), 1, "'" + domain_ + "' is no name of a domain");
  values_ = values;
  const auto room = (bytes_.size() - values) / width_;
  if (count > room)
    return kdb_damage(path(), values - 8,
                      "it has room for " + std::to_string(room) + " of "
                        + std::to_string(count) + " values: it was cut");
  if (count != 0 || room == 0 || !bytes_.compressed())
    rows_ = count;
  else if (attribute_ <= 1)
    rows_ = room;
  return {};
}

uint64_t kdb_column::byte_count() const noexcept {
  return rows_.value_or(0) * width_ + (texts_ ? texts_->size() : 0);
}

error kdb_column::settle_rows(uint64_t rows) {
  if (!rows_ && rows <= (bytes_.size() - values_) / width_)
    rows_ = rows;
  if (rows_ != rows)
    return kdb_damage(path(), values_ - 8,
                      std::to_string(rows_.value_or(0))
                        + " values where the table's other columns have "
                        + std::to_string(rows));
  return {};
}

error kdb_column::read(uint64_t begin, uint64_t count,
                       std::vector<std::byte>& into) {
  into.resize(count * width_);
  return bytes_.read(values_ + begin * width_, into);
}

error kdb_column::read_codes(uint64_t begin, uint64_t count, uint64_t symbols,
                             std::vector<int64_t>& into) {
  if (auto fault = read(begin, count, scratch_))
    return fault;
  into.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    const auto code = width_ == 4 ? number_at<int32_t>(&scratch_[i * 4])
                                  : number_at<int64_t>(&scratch_[i * 8]);
    const bool is_null = code == (width_ == 4 ? null_int : null_long);
    if (!is_null && (code < 0 || static_cast<uint64_t>(code) >= symbols))
      return kdb_damage(path(), values_ + (begin + i) * width_,
                        "symbol " + std::to_string(code) + " of "
                          + std::to_string(symbols) + " in '" + domain_ + "'");
    into[i] = is_null ? kdb_null_code : code;
  }
  return {};
}

error kdb_column::read_texts(uint64_t begin, uint64_t count, uint64_t bytes_max,
                             std::string& text, std::vector<uint64_t>& ends) {
  ends.resize(count);
  text.clear();
  if (count == 0)
    return {};
  const auto first = begin == 0 ? 0 : begin - 1; // Where the one before ends.
  if (auto fault = read(first, begin - first + count, scratch_))
    return fault;
  auto before = begin == 0 ? 0 : number_at<uint64_t>(scratch_.data());
  const auto origin = before;
  for (uint64_t i = 0; i < count; ++i) {
    ends[i] = number_at<uint64_t>(&scratch_[(begin - first + i) * 8]);
    if (ends[i] < before || ends[i] > texts_->size())
      return kdb_damage(path(), values_ + (begin + i) * 8,
                        "a list that ends at " + std::to_string(ends[i])
                          + " of the " + std::to_string(texts_->size())
                          + " bytes of " + texts_->path());
    before = ends[i];
    ends[i] -= origin;
  }
  if (origin > texts_->size() || ends.back() > bytes_max)
    return {errc::oversize, path() + ": rows from " + std::to_string(begin)
                              + " on have more than "
                              + std::to_string(bytes_max) + " bytes of text"};
  text.resize(ends.back());
  return texts_->read(
    origin, std::as_writable_bytes(std::span{text.data(), text.size()}));
}

} // namespace millrace::persistence
