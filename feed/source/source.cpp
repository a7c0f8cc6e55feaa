#include <millrace/feed/source/archive_source_internal.hpp>
#include <millrace/feed/source/source.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <cstdio>
#include <xxhash.h>

namespace millrace::feed {

namespace {

constexpr size_t identity_bytes = 64 * 1024;

/// A plain file, mapped.
class plain_source : public source {
public:
  explicit plain_source(std::shared_ptr<persistence::mapped_file> file)
    : file_{std::move(file)} {}

  [[nodiscard]] std::span<const std::byte> mapped() const noexcept override {
    return file_ ? file_->bytes() : std::span<const std::byte>{};
  }
  [[nodiscard]] std::shared_ptr<const void> mapping() const override {
    return file_;
  }
  result<size_t> read(std::span<std::byte> into) override {
    const auto rest = mapped().subspan(at_);
    const auto count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    at_ += count;
    return count;
  }
  [[nodiscard]] uint64_t progress() const noexcept override { return at_; }

private:
  std::shared_ptr<persistence::mapped_file> file_; ///< None: an empty file.
  size_t at_ = 0;
};

std::string identity_of(const std::string& path, uint64_t size,
                        std::span<const std::byte> head) {
  const auto slash = path.rfind('/');
  char text[64];
  std::snprintf(
    text, sizeof text, ":%llu:%016llx", static_cast<unsigned long long>(size),
    static_cast<unsigned long long>(XXH3_64bits(head.data(), head.size())));
  return (slash == path.npos ? path : path.substr(slash + 1)) + text;
}

bool begins(std::span<const std::byte> head, std::string_view magic) {
  return head.size() >= magic.size()
         && std::equal(
           magic.begin(), magic.end(), head.begin(),
           [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

} // namespace

result<std::vector<source_info>> list_sources(persistence::file_system& fs,
                                              const std::string& path) {
  auto opened = fs.open(path, persistence::open_mode::read);
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  std::vector<std::byte> head(identity_bytes);
  const auto got = (*opened)->read_at(0, head);
  if (!got)
    return got.failure();
  head.resize(*got);
  source_info info;
  info.path = path;
  info.total_bytes = *size;
  info.identity = identity_of(path, *size, head);
  if (begins(head, "PK\x03\x04") || begins(head, "PK\x05\x06"))
    return list_zip(fs, path, info.identity);
  if (begins(head, "\x1f\x8b"))
    info.kind = source_kind::gzip;
  return std::vector<source_info>{info};
}

result<std::unique_ptr<source>> open_source(persistence::file_system& fs,
                                            const source_info& info) {
  switch (info.kind) {
    case source_kind::gzip:
      return open_gzip(fs, info.path);
    case source_kind::zip_member:
      return open_zip_member(fs, info);
    case source_kind::plain:
      break;
  }
  if (info.total_bytes == 0)
    return std::unique_ptr<source>{std::make_unique<plain_source>(nullptr)};
  auto file = fs.map(info.path);
  if (!file)
    return file.failure();
  return std::unique_ptr<source>{
    std::make_unique<plain_source>(std::move(*file))};
}

} // namespace millrace::feed
