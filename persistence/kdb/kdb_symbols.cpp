#include <millrace/persistence/kdb/kdb_bytes.hpp>
#include <millrace/persistence/kdb/kdb_symbols.hpp>

#include <array>

namespace millrace::persistence {

namespace {

/// ff 01, type 11, attribute, and how many there were when it was written.
constexpr uint64_t header_bytes = 8;

} // namespace

result<kdb_symbols> kdb_symbols::read(file_system& fs, const std::string& path,
                                      uint64_t bytes_max) {
  auto from = kdb_bytes::open(fs, path);
  if (!from)
    return from.failure();
  if (from->size() < header_bytes)
    return kdb_damage(path, from->size(), "it ends before its header does");
  if (from->size() > bytes_max)
    return error{errc::oversize, path + ": is larger than "
                                   + std::to_string(bytes_max) + " bytes"};
  std::array<std::byte, header_bytes> header{};
  if (auto fault = from->read(0, header))
    return fault;
  if (header[0] != std::byte{0xff} || header[1] != std::byte{1}
      || header[2] != std::byte{11})
    return kdb_damage(path, 0, "it is no list of symbols of kdb+");
  kdb_symbols out;
  out.text_.resize(from->size() - header_bytes);
  if (auto fault = from->read(
        header_bytes,
        std::as_writable_bytes(std::span{out.text_.data(), out.text_.size()})))
    return fault;
  for (size_t at = 0; at < out.text_.size();) {
    const auto end = out.text_.find('\0', at);
    if (end == std::string::npos)
      return kdb_damage(path, header_bytes + at, "its last symbol has no end");
    out.ends_.push_back(end);
    at = end + 1;
  }
  return out;
}

} // namespace millrace::persistence
