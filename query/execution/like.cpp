#include <millrace/query/execution/like.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace millrace::query {

namespace {

using byte_set = std::array<uint64_t, 4>;

void add(byte_set& set, unsigned byte) {
  set[byte / 64] |= uint64_t{1} << byte % 64;
}

bool has(const byte_set& set, char c) {
  const auto byte = static_cast<unsigned char>(c);
  return set[byte / 64] >> byte % 64 & 1;
}

/// Reads the class at the start of `pattern`.
/// @returns the bytes it takes, 0 when it is not closed.
size_t read_class(std::string_view pattern, byte_set& set) {
  size_t at = 1;
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted)
    ++at;
  // A bracket that comes first stands for itself.
  for (bool first = true;; first = false) {
    if (at >= pattern.size())
      return 0;
    if (pattern[at] == ']' && !first)
      break;
    const auto low = static_cast<unsigned char>(pattern[at++]);
    auto high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-'
        && pattern[at + 1] != ']') {
      high = static_cast<unsigned char>(pattern[at + 1]);
      at += 2;
    }
    for (unsigned byte = low; byte <= high; ++byte)
      add(set, byte);
  }
  if (inverted)
    for (auto& word : set)
      word = ~word;
  return at + 1;
}

/// Looks for a word in bytes by its first two and its last two bytes, so many
/// places at a time. Linear: where much looks like the word and is not it, the
/// C library's search goes on.
class word_search {
public:
  explicit word_search(std::string_view word) : word_{word} {}

  /// Sets bit i where the word stands i bytes after `from`, of bits that are
  /// all zero. @returns false when that would take too long
  [[nodiscard]] bool mark(const char* from, const char* end, uint64_t* bits) {
    const auto size = word_.size();
    const auto* at = from;
#if defined(__AVX2__)
    if (size > 1)
      for (; static_cast<size_t>(end - at) >= width + size - 1; at += width) {
        auto places = candidates(at);
        patience_ += gained;
        if (size > 4)
          for (auto left = places; left != 0; left &= left - 1) {
            const auto place = std::countr_zero(left);
            if (patience_ <= 0)
              return false;
            patience_ -= static_cast<int64_t>(size);
            if (std::memcmp(at + place + 2, word_.data() + 2, size - 4) != 0)
              places ^= uint32_t{1} << place;
          }
        const auto place = static_cast<size_t>(at - from);
        bits[place / 64] |= uint64_t{places} << place % 64;
      }
#endif
    while (static_cast<size_t>(end - at) >= size) {
      const auto* found = static_cast<const char*>(
        memmem(at, static_cast<size_t>(end - at), word_.data(), size));
      if (!found)
        break;
      if (patience_ <= 0)
        return false;
      patience_ -= static_cast<int64_t>(size);
      const auto place = static_cast<size_t>(found - from);
      bits[place / 64] |= uint64_t{1} << place % 64;
      at = found + 1;
    }
    return true;
  }

  /// Where the word stands first in [from, end); `end`: nowhere.
  const char* find(const char* from, const char* end) {
    const auto size = word_.size();
#if defined(__AVX2__)
    if (size > 1) {
      for (;
           patience_ > 0 && static_cast<size_t>(end - from) >= width + size - 1;
           from += width) {
        auto places = candidates(from);
        patience_ += gained;
        for (; places != 0; places &= places - 1) {
          const auto* at = from + std::countr_zero(places);
          if (size <= 4 || std::memcmp(at + 2, word_.data() + 2, size - 4) == 0)
            return at;
          patience_ -= static_cast<int64_t>(size);
        }
      }
    }
#endif
    const auto* found = static_cast<const char*>(memmem(
      from, static_cast<size_t>(end - from), word_.data(), word_.size()));
    return found ? found : end;
  }

private:
#if defined(__AVX2__)
  static constexpr size_t width = 32;
  static constexpr int64_t gained = 64; ///< Bytes compared per step, at most.
  static __m256i load(const char* from) noexcept {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  /// Where the word may stand in the next bytes, as bits; up to four bytes of
  /// it are all that is looked at. Letters alone are frequent, pairs are not.
  [[nodiscard]] uint32_t candidates(const char* from) const noexcept {
    const auto size = word_.size();
    const auto begins = _mm256_and_si256(
      _mm256_cmpeq_epi8(load(from), _mm256_set1_epi8(word_[0])),
      _mm256_cmpeq_epi8(load(from + 1), _mm256_set1_epi8(word_[1])));
    const auto ends
      = _mm256_and_si256(_mm256_cmpeq_epi8(load(from + size - 2),
                                           _mm256_set1_epi8(word_[size - 2])),
                         _mm256_cmpeq_epi8(load(from + size - 1),
                                           _mm256_set1_epi8(word_[size - 1])));
    return static_cast<uint32_t>(
      _mm256_movemask_epi8(_mm256_and_si256(begins, ends)));
  }
#endif

  std::string_view word_;
  int64_t patience_ = 4096; ///< Bytes that may be compared in vain.
};

} // namespace

namespace {

/// Bytes of texts whose matches are marked all at once.
constexpr size_t marked_max = 128 * 1024;

/// Whether any of bits [begin, end) is set: those of one text, which are few.
bool any_bit_of(const uint64_t* bits, size_t begin, size_t end) noexcept {
  if (begin >= end)
    return false;
  const auto first = begin / 64;
  const auto last = (end - 1) / 64;
  const auto low = ~uint64_t{0} << begin % 64;
  const auto high = ~uint64_t{0} >> (63 - (end - 1) % 64);
  if (first == last)
    return (bits[first] & low & high) != 0;
  auto all = (bits[first] & low) | (bits[last] & high);
  for (auto word = first + 1; word < last; ++word)
    all |= bits[word];
  return all != 0;
}

/// Short texts: where the word stands in them all is found out first, without
/// a look at where they end. @returns false when that would take too long
bool seek_marked(std::string_view word, const char* bytes, uint32_t begin,
                 std::span<const uint32_t> ends, uint8_t* found) {
  const auto size = ends.back() - begin;
  uint64_t bits[marked_max / 64];
  std::fill_n(bits, size / 64 + 1, uint64_t{0});
  if (!word_search{word}.mark(bytes + begin, bytes + begin + size, bits))
    return false;
  size_t from = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const size_t to = ends[i] - begin;
    // Where it must begin so as to end in the text.
    const auto last = to + 1 > word.size() ? to + 1 - word.size() : 0;
    found[i] |= static_cast<uint8_t>(any_bit_of(bits, from, last));
    from = to;
  }
  return true;
}

} // namespace

void like_pattern::seek(const char* bytes, uint32_t begin,
                        std::span<const uint32_t> ends, uint8_t* found) const {
  if (ends.back() - begin < marked_max
      && seek_marked(middle_[0].literal, bytes, begin, ends, found))
    return;
  const auto size = middle_[0].size();
  word_search search{middle_[0].literal};
  const auto* end = bytes + ends.back();
  const auto* from = bytes + begin;
  for (size_t i = 0; from < end;) {
    const auto* at = search.find(from, end);
    if (at == end)
      return;
    const auto place = static_cast<size_t>(at - bytes);
    while (ends[i] <= place)
      ++i;
    // One that begins in a text and ends in the next one is in none.
    const bool inside = place + size <= ends[i];
    if (inside)
      found[i] = 1;
    from = inside ? bytes + ends[i] : at + 1;
  }
}

like_pattern::like_pattern(std::string_view pattern) {
  std::vector<piece> pieces(1);
  std::vector<bool> literal{true};
  for (size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '*') {
      starred_ = true;
      // Stars in a row are one.
      if (pieces.size() == 1 || pieces.back().size() > 0) {
        pieces.emplace_back();
        literal.push_back(true);
      }
      ++i;
      continue;
    }
    auto& held = pieces.back();
    byte_set set{};
    size_t taken = 1;
    if (pattern[i] == '?') {
      set.fill(~uint64_t{0});
      literal.back() = false;
    } else if (pattern[i] == '[') {
      taken = read_class(pattern.substr(i), set);
      literal.back() = false;
      if (taken == 0) {
        impossible_ = true;
        return;
      }
    } else {
      add(set, static_cast<unsigned char>(pattern[i]));
      held.literal += pattern[i];
    }
    held.places.push_back(set);
    ++bytes_min_;
    i += taken;
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    auto& held = pieces[i];
    if (literal[i])
      continue;
    held.literal.clear();
    held.takes.assign(256, std::vector<uint64_t>((held.size() + 63) / 64, 0));
    for (unsigned byte = 0; byte < 256; ++byte)
      for (size_t place = 0; place < held.size(); ++place)
        if (has(held.places[place], static_cast<char>(byte)))
          held.takes[byte][place / 64] |= uint64_t{1} << place % 64;
  }
  first_ = std::move(pieces.front());
  if (pieces.size() > 1)
    last_ = std::move(pieces.back());
  for (size_t i = 1; i + 1 < pieces.size(); ++i)
    middle_.push_back(std::move(pieces[i]));
}

bool like_pattern::at(const piece& what, std::string_view text, size_t from) {
  if (!what.literal.empty())
    return text.compare(from, what.size(), what.literal) == 0;
  for (size_t i = 0; i < what.size(); ++i)
    if (!has(what.places[i], text[from + i]))
      return false;
  return true;
}

size_t like_pattern::find(const piece& what, std::string_view text,
                          size_t from) {
  if (from > text.size())
    return std::string_view::npos;
  if (!what.literal.empty()) {
    // In two ways: never quadratic, unlike the standard library's.
    const auto* found = static_cast<const char*>(
      memmem(text.data() + from, text.size() - from, what.literal.data(),
             what.literal.size()));
    return found ? static_cast<size_t>(found - text.data()) + what.size()
                 : std::string_view::npos;
  }
  // Bit i of `state`: the i + 1 bytes before here match places 0..i.
  const auto words = (what.size() + 63) / 64;
  const auto last = what.size() - 1;
  std::vector<uint64_t> state(words, 0);
  for (auto i = from; i < text.size(); ++i) {
    const auto& takes = what.takes[static_cast<unsigned char>(text[i])];
    uint64_t carry = 1;
    for (size_t word = 0; word < words; ++word) {
      const auto out = state[word] >> 63;
      state[word] = (state[word] << 1 | carry) & takes[word];
      carry = out;
    }
    if (state[last / 64] >> last % 64 & 1)
      return i + 1;
  }
  return std::string_view::npos;
}

bool like_pattern::matches(std::string_view text) const {
  if (impossible_ || text.size() < bytes_min_)
    return false;
  if (!starred_)
    return text.size() == bytes_min_ && at(first_, text, 0);
  if (!at(first_, text, 0) || !at(last_, text, text.size() - last_.size()))
    return false;
  auto from = first_.size();
  const auto inside = text.substr(0, text.size() - last_.size());
  for (const auto& held : middle_) {
    from = find(held, inside, from);
    if (from == std::string_view::npos)
      return false;
  }
  return true;
}

} // namespace millrace::query
