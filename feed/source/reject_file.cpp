#include <millrace/feed/source/reject_file.hpp>

#define XXH_INLINE_ALL
#include <span>
#include <xxhash.h>

namespace millrace::feed {

namespace {

constexpr size_t pending_bytes_max = 64 * 1024;

/// Of a line, whatever the reason is.
uint64_t key_of(std::string_view source, std::string_view offset,
                std::string_view text) {
  const auto seed = XXH3_64bits(source.data(), source.size());
  return XXH3_64bits_withSeed(
    text.data(), text.size(),
    XXH3_64bits_withSeed(offset.data(), offset.size(), seed));
}

std::string_view take_field(std::string_view& rest) {
  const auto end = std::min(rest.find('\t'), rest.size());
  const auto field = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return field;
}

} // namespace

error reject_file::read() {
  if (known_read_)
    return {};
  known_read_ = true;
  if (!fs_.exists(path_))
    return {};
  auto opened = fs_.open(path_, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  std::string text;
  std::vector<std::byte> part(pending_bytes_max);
  for (uint64_t at = 0;;) {
    const auto got = (*opened)->read_at(at, part);
    if (!got)
      return got.failure();
    if (*got == 0)
      return {};
    at += *got;
    text.append(reinterpret_cast<const char*>(part.data()), *got);
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != text.npos;
         begin = end + 1) {
      auto rest = std::string_view{text}.substr(begin, end - begin);
      const auto source = take_field(rest);
      take_field(rest); // Line.
      const auto offset = take_field(rest);
      take_field(rest); // Reason.
      if (known_.insert(key_of(source, offset, rest)).second)
        ++kept_[std::string{source}];
    }
    text.erase(0, begin);
  }
}

error reject_file::write() {
  if (pending_.empty())
    return {};
  if (!file_) {
    auto opened = fs_.open(path_, persistence::open_mode::write);
    if (!opened)
      return opened.failure();
    const auto size = (*opened)->size();
    if (!size)
      return size.failure();
    end_ = *size;
    file_ = std::move(*opened);
  }
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{pending_})))
    return fault;
  end_ += pending_.size();
  pending_.clear();
  return {};
}

error reject_file::add(const rejected_line& line) {
  if (auto fault = read())
    return fault;
  const auto offset = std::to_string(line.offset);
  if (!known_.insert(key_of(line.source, offset, line.text)).second)
    return {};
  pending_ += line.source + '\t' + std::to_string(line.line) + '\t' + offset
              + '\t' + line.reason + '\t' + line.text + '\n';
  return pending_.size() < pending_bytes_max ? error{} : write();
}

result<uint64_t> reject_file::kept_before(const std::string& source) {
  if (auto fault = read())
    return fault;
  const auto found = kept_.find(source);
  return found == kept_.end() ? 0 : found->second;
}

error reject_file::flush() {
  if (auto fault = write())
    return fault;
  return file_ ? file_->sync() : error{};
}

} // namespace millrace::feed
