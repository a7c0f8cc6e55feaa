#include <millrace/feed/text/text_digest.hpp>

#define XXH_INLINE_ALL
#include <new>
#include <xxhash.h>

namespace millrace::feed {

namespace {

static_assert(sizeof(XXH3_state_t) == sizeof(text_digest)
              && alignof(XXH3_state_t) <= alignof(text_digest));

XXH3_state_t* state_of(std::byte* bytes) noexcept {
  return std::launder(reinterpret_cast<XXH3_state_t*>(bytes));
}

const XXH3_state_t* state_of(const std::byte* bytes) noexcept {
  return std::launder(reinterpret_cast<const XXH3_state_t*>(bytes));
}

} // namespace

text_digest::text_digest() noexcept {
  XXH3_64bits_reset(new (state_.data()) XXH3_state_t);
}

void text_digest::add(std::string_view text) noexcept {
  XXH3_64bits_update(state_of(state_.data()), text.data(), text.size());
}

uint64_t text_digest::value() const noexcept {
  const auto hash = XXH3_64bits_digest(state_of(state_.data()));
  return hash != 0 ? hash : 1;
}

} // namespace millrace::feed
