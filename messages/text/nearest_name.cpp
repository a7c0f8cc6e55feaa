#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/nearest_name.hpp>

#include <algorithm>
#include <numeric>

namespace millrace::text {

namespace {

/// Optimal string alignment distance (Damerau 1964): three rows of its table.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = small_letter(a[i - 1]) == small_letter(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                         last[j - 1] + static_cast<size_t>(!same)});
      if (i > 1 && j > 1 && small_letter(a[i - 1]) == small_letter(b[j - 2])
          && small_letter(a[i - 2]) == small_letter(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

} // namespace

std::string nearest_name(std::string_view name,
                         const std::vector<std::string>& known) {
  // A longer one is not a slip of the keyboard, and would cost its square.
  constexpr size_t name_max = 64;
  if (name.empty() || name.size() > name_max)
    return {};
  std::string_view best;
  auto least = name.size();
  for (const auto& each : known) {
    const auto most = std::max(name.size(), each.size());
    if (each.empty() || most > name_max)
      continue;
    const auto apart = distance(name, each);
    if (apart < least && apart * 3 <= std::max<size_t>(most, 3)) {
      best = each;
      least = apart;
    }
  }
  return std::string{best};
}

std::string meant(std::string_view name,
                  const std::vector<std::string>& known) {
  const auto best = nearest_name(name, known);
  return best.empty() ? std::string{} : "; did you mean '" + best + "'?";
}

} // namespace millrace::text
