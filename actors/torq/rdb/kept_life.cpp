#include <millrace/actors/torq/rdb/kept_life.hpp>

#include <charconv>
#include <cstdio>
#include <span>

namespace millrace::torq {

namespace {

constexpr size_t digits = 32;

std::string path_of(const std::string& directory, const std::string& stream) {
  return directory + "/.life." + stream;
}

bool read_hex(std::string_view text, uint64_t& into) {
  const auto [stop, fault]
    = std::from_chars(text.data(), text.data() + text.size(), into, 16);
  return fault == std::errc{} && stop == text.data() + text.size();
}

} // namespace

result<stream_life> read_kept_life(persistence::file_system& fs,
                                   const std::string& directory,
                                   const std::string& stream) {
  const auto path = path_of(directory, stream);
  auto bytes = persistence::read_file(fs, path, 4096);
  if (!bytes) {
    if (bytes.failure().code == errc::not_found)
      return stream_life{};
    return bytes.failure();
  }
  const std::string_view text{reinterpret_cast<const char*>(bytes->data()),
                              bytes->size()};
  stream_life out;
  if (text.size() != digits + 1 || text.back() != '\n'
      || !read_hex(text.substr(0, digits / 2), out.high)
      || !read_hex(text.substr(digits / 2, digits / 2), out.low))
    return error{errc::corrupt, path + ": is not 32 hex digits"};
  return out;
}

error keep_life(persistence::file_system& fs, const std::string& directory,
                const std::string& stream, const stream_life& life) {
  if (auto fault = fs.create_directories(directory))
    return fault;
  char text[digits + 2];
  std::snprintf(text, sizeof text, "%016llx%016llx\n",
                static_cast<unsigned long long>(life.high),
                static_cast<unsigned long long>(life.low));
  return persistence::replace_file(fs, path_of(directory, stream),
                                   std::as_bytes(std::span{text, digits + 1}));
}

} // namespace millrace::torq
