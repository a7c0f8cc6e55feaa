#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/interner.hpp>

#include <functional>
#include <limits>

namespace millrace::text {

namespace {
constexpr size_t first_slot_count = 64;
} // namespace

interner::interner() : ends_(1, 0), slots_(first_slot_count, 0) {}

uint32_t interner::code(std::string_view wanted) {
  if (wanted.empty())
    return 0;
  const auto mask = slots_.size() - 1;
  auto slot = std::hash<std::string_view>{}(wanted)&mask;
  while (slots_[slot] != 0) {
    if (text(slots_[slot] - 1) == wanted)
      return slots_[slot] - 1;
    slot = (slot + 1) & mask;
  }
  const auto made = size();
  MILLRACE_ASSERT(bytes_.size() + wanted.size()
                  <= std::numeric_limits<uint32_t>::max());
  bytes_.append(wanted);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  slots_[slot] = made + 1;
  if (ends_.size() * 2 > slots_.size())
    grow();
  return made;
}

void interner::grow() {
  slots_.assign(slots_.size() * 2, 0);
  const auto mask = slots_.size() - 1;
  for (uint32_t each = 1; each < size(); ++each) {
    auto slot = std::hash<std::string_view>{}(text(each)) & mask;
    while (slots_[slot] != 0)
      slot = (slot + 1) & mask;
    slots_[slot] = each + 1;
  }
}

std::pair<std::vector<uint32_t>, std::string> interner::take() {
  auto out = std::pair{std::move(ends_), std::move(bytes_)};
  *this = interner{};
  return out;
}

void interner::clear() {
  ends_.assign(1, 0);
  bytes_.clear();
  slots_.assign(first_slot_count, 0);
}

} // namespace millrace::text
