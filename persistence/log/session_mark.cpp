#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/session_mark.hpp>

namespace millrace::persistence::detail {

namespace {

// Read as text: MRLGCL01 and MRLGOP01.
constexpr uint64_t closing_magic = 0x31304c43474c524d;
constexpr uint64_t opening_magic = 0x3130504f474c524d;

} // namespace

std::vector<std::byte> encode_closing(const seal_info& tally) {
  std::vector<std::byte> out;
  append_to(out, closing_magic);
  if (const auto body = encode(tally); body.size() <= closing_tally_bytes_max)
    out.insert(out.end(), body.begin(), body.end());
  return out;
}

bool is_closing(std::span<const std::byte> payload) noexcept {
  return payload.size() >= sizeof closing_magic
         && load<uint64_t>(payload.data()) == closing_magic;
}

std::optional<closing_mark> decode_closing(std::span<const std::byte> payload) {
  if (!is_closing(payload))
    return std::nullopt;
  const auto body = payload.subspan(sizeof closing_magic);
  if (body.empty())
    return closing_mark{};
  auto tally = decode_seal(body);
  if (!tally)
    return std::nullopt;
  return closing_mark{*std::move(tally)};
}

std::vector<std::byte> encode_opening() {
  std::vector<std::byte> out;
  append_to(out, opening_magic);
  return out;
}

} // namespace millrace::persistence::detail
