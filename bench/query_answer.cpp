#include <millrace/bench/query_answer.hpp>

#include <algorithm>
#include <cmath>
#include <compare>
#include <numeric>

namespace millrace::bench {

namespace {

using kind = answer_column::kind;

constexpr double tolerance = 1e-9;

/// Below 0, 0 or above 0, as `a` comes before `b`, with it or after it.
int order_of(const answer_column& column, size_t a, size_t b) {
  const auto compare
    = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  switch (column.what) {
    case kind::integers:
      return compare(column.integers[a], column.integers[b]);
    case kind::floats:
      return compare(column.floats[a], column.floats[b]);
    default:
      return compare(column.texts[a], column.texts[b]);
  }
}

std::vector<uint32_t> sorted_rows(const answer& from) {
  std::vector<uint32_t> out(from.row_count);
  std::iota(out.begin(), out.end(), 0u);
  std::sort(out.begin(), out.end(), [&](uint32_t a, uint32_t b) {
    for (const auto& column : from.columns)
      if (const auto order = order_of(column, a, b); order != 0)
        return order < 0;
    return false;
  });
  return out;
}

bool same_float(double a, double b, bool rounded) {
  if (a == b || (a != a && b != b))
    return true;
  return rounded
         && std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

bool same(const answer_column& ours, size_t a, const answer_column& theirs,
          size_t b, bool rounded) {
  switch (ours.what) {
    case kind::integers:
      return ours.integers[a] == theirs.integers[b];
    case kind::floats:
      return same_float(ours.floats[a], theirs.floats[b], rounded);
    default:
      return ours.texts[a] == theirs.texts[b];
  }
}

std::string text_of(const answer_column& column, size_t row) {
  switch (column.what) {
    case kind::integers:
      return std::to_string(column.integers[row]);
    case kind::floats: {
      char text[32];
      std::snprintf(text, sizeof text, "%.17g", column.floats[row]);
      return text;
    }
    default:
      return "'" + column.texts[row] + "'";
  }
}

error differs(std::string how) {
  return {errc::bad_data, "the answers differ: " + std::move(how)};
}

} // namespace

error difference(const answer& ours, const answer& theirs, size_t rounded) {
  // No message of ours has a column when no row is found.
  if (ours.row_count == 0 && theirs.row_count == 0)
    return {};
  if (ours.columns.size() != theirs.columns.size())
    return differs(std::to_string(ours.columns.size())
                   + " columns of ours, and of the peer's "
                   + std::to_string(theirs.columns.size()));
  if (ours.row_count != theirs.row_count)
    return differs(std::to_string(ours.row_count)
                   + " rows of ours, and of the peer's "
                   + std::to_string(theirs.row_count));
  const auto count = ours.columns.size();
  for (size_t c = 0; c < count; ++c)
    if (ours.columns[c].what != theirs.columns[c].what)
      return differs("column " + std::to_string(c) + " is of another type");
  const auto left = sorted_rows(ours);
  const auto right = sorted_rows(theirs);
  for (size_t i = 0; i < left.size(); ++i)
    for (size_t c = 0; c < count; ++c)
      if (!same(ours.columns[c], left[i], theirs.columns[c], right[i],
                c + rounded >= count))
        return differs(
          "row " + std::to_string(i) + ", column " + std::to_string(c) + ": "
          + text_of(ours.columns[c], left[i]) + " of ours, and "
          + text_of(theirs.columns[c], right[i]) + " of the peer's");
  return {};
}

} // namespace millrace::bench
