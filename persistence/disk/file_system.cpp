#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/disk/temporary_name.hpp>

namespace millrace::persistence {

result<std::vector<std::byte>>
read_file(file_system& fs, const std::string& path, uint64_t bytes_max) {
  auto opened = fs.open(path, open_mode::read);
  if (!opened)
    return opened.failure();
  auto size = (*opened)->size();
  if (!size)
    return size.failure();
  if (*size > bytes_max)
    return error{errc::oversize, path + ": " + std::to_string(*size)
                                   + " bytes, at most "
                                   + std::to_string(bytes_max)};
  std::vector<std::byte> bytes(*size);
  auto got = (*opened)->read_at(0, bytes);
  if (!got)
    return got.failure();
  bytes.resize(*got);
  return bytes;
}

std::string_view without_mark(std::string_view text) noexcept {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  return text.substr(text.starts_with(mark) ? mark.size() : 0);
}

result<std::string> read_text_file(file_system& fs, const std::string& path,
                                   uint64_t bytes_max) {
  const auto bytes = read_file(fs, path, bytes_max);
  if (!bytes)
    return bytes.failure();
  return std::string{without_mark(
    {reinterpret_cast<const char*>(bytes->data()), bytes->size()})};
}

result<std::vector<std::byte>>
read_own_file(file_system& fs, const std::string& path, uint64_t bytes_max) {
  auto bytes = read_file(fs, path, bytes_max);
  if (!bytes && bytes.failure().code == errc::oversize)
    return error{errc::corrupt, bytes.failure().context};
  return bytes;
}

error replace_file(file_system& fs, const std::string& path,
                   std::span<const std::byte> bytes) {
  const auto temporary = path + std::string{temporary_suffix};
  {
    auto opened = fs.open(temporary, open_mode::write);
    if (!opened)
      return opened.failure();
    if (auto fault = (*opened)->truncate(0))
      return fault;
    if (auto fault = (*opened)->write_at(0, bytes))
      return fault;
    if (auto fault
        = MILLRACE_PLANTED(rename_before_sync) ? error{} : (*opened)->sync())
      return fault;
  }
  if (auto fault = fs.rename(temporary, path))
    return fault;
  const auto slash = path.rfind('/');
  return fs.sync_directory(slash == std::string::npos ? "."
                           : slash == 0               ? "/"
                                                      : path.substr(0, slash));
}

error replace_own_file(file_system& fs, const std::string& path,
                       std::span<const std::byte> bytes, uint64_t bytes_max) {
  if (bytes.size() > bytes_max)
    return {errc::oversize, path + ": would have "
                              + std::to_string(bytes.size())
                              + " bytes, at most " + std::to_string(bytes_max)
                              + " are read again; it stays as it was"};
  return replace_file(fs, path, bytes);
}

error set_aside(file_system& fs, const std::string& path) {
  uint64_t number = 1;
  const auto name
    = [&] { return path + std::string{aside_mark} + std::to_string(number); };
  while (fs.exists(name()))
    ++number;
  return fs.rename(path, name());
}

} // namespace millrace::persistence
