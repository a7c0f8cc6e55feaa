#include <millrace/query/execution/exact_number.hpp>

#include <algorithm>
#include <bit>

namespace millrace::query {

namespace {

__extension__ typedef unsigned __int128 uint128;

/// Units of sums are 2^-1074; those of words here 2^-1088, 17 words.
constexpr uint32_t unit_shift = 14;
constexpr int32_t unit_place = -17;

} // namespace

exact_number::exact_number(uint64_t value) : words_{value} { trim(); }

exact_number exact_number::of_sum(std::span<const uint64_t> words) {
  exact_number out;
  out.negative_ = words.back() >> 63;
  out.place_ = unit_place;
  uint64_t borrow = out.negative_;
  uint64_t below = 0;
  for (const auto word : words) {
    auto digits = out.negative_ ? ~word + borrow : word;
    borrow = borrow && digits == 0;
    out.words_.push_back(digits << unit_shift | below);
    below = digits >> (64 - unit_shift);
  }
  out.words_.push_back(below);
  out.trim();
  return out;
}

void exact_number::trim() {
  while (!words_.empty() && words_.back() == 0)
    words_.pop_back();
  const auto low = std::find_if(words_.begin(), words_.end(),
                                [](uint64_t word) { return word != 0; });
  place_ += static_cast<int32_t>(low - words_.begin());
  words_.erase(words_.begin(), low);
  if (words_.empty())
    negative_ = false;
}

exact_number exact_number::operator*(const exact_number& by) const {
  exact_number out;
  out.words_.assign(words_.size() + by.words_.size(), 0);
  out.place_ = place_ + by.place_;
  out.negative_ = negative_ != by.negative_;
  for (size_t i = 0; i < words_.size(); ++i) {
    uint64_t carry = 0;
    for (size_t j = 0; j < by.words_.size(); ++j) {
      const auto sum = static_cast<uint128>(words_[i]) * by.words_[j]
                       + out.words_[i + j] + carry;
      out.words_[i + j] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    out.words_[i + by.words_.size()] = carry;
  }
  out.trim();
  return out;
}

exact_number exact_number::operator-() const {
  auto out = *this;
  out.negative_ = !negative_ && !words_.empty();
  return out;
}

exact_number exact_number::operator+(const exact_number& other) const {
  if (words_.empty())
    return other;
  if (other.words_.empty())
    return *this;
  const auto place = std::min(place_, other.place_);
  const auto end
    = std::max(place_ + static_cast<int32_t>(words_.size()),
               other.place_ + static_cast<int32_t>(other.words_.size()))
      + 1;
  auto word_of = [](const exact_number& from, int32_t at) -> uint64_t {
    const auto i = at - from.place_;
    return i < 0 || i >= static_cast<int32_t>(from.words_.size())
             ? 0
             : from.words_[static_cast<size_t>(i)];
  };
  exact_number out;
  out.place_ = place;
  // The larger minus the smaller, when the signs differ.
  const auto* a = this;
  const auto* b = &other;
  const bool subtract = negative_ != other.negative_;
  for (auto at = end - 1; subtract && at >= place; --at)
    if (word_of(*a, at) != word_of(*b, at)) {
      if (word_of(*a, at) < word_of(*b, at))
        std::swap(a, b);
      break;
    }
  out.negative_ = a->negative_;
  uint64_t carry = subtract;
  for (auto at = place; at < end; ++at) {
    const auto addend = subtract ? ~word_of(*b, at) : word_of(*b, at);
    const auto sum = static_cast<uint128>(word_of(*a, at)) + addend + carry;
    out.words_.push_back(static_cast<uint64_t>(sum));
    carry = static_cast<uint64_t>(sum >> 64);
  }
  out.trim();
  return out;
}

exact_number::rounded_number exact_number::rounded() const {
  if (words_.empty())
    return {};
  // The highest 64 bits; what lies below them only breaks ties.
  const auto top = words_.size() - 1;
  const auto zeros = static_cast<uint32_t>(std::countl_zero(words_[top]));
  auto digits = words_[top] << zeros;
  bool rest = false;
  if (top > 0) {
    if (zeros)
      digits |= words_[top - 1] >> (64 - zeros);
    // The lowest word is not 0.
    rest = top > 1 || words_[0] << zeros != 0;
  }
  const auto value = static_cast<double>(digits | uint64_t{rest});
  return {negative_ ? -value : value, 64 * (place_ + static_cast<int32_t>(top))
                                        - static_cast<int32_t>(zeros)};
}

} // namespace millrace::query
