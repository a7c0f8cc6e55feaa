#include <millrace/sim/world/seeds.hpp>

#include <charconv>
#include <cstdlib>
#include <optional>

namespace millrace::sim {

namespace {

/// None: the variable is not set, or empty.
result<std::optional<uint64_t>> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  const std::string_view digits = text == nullptr ? "" : text;
  if (digits.empty())
    return std::optional<uint64_t>{};
  uint64_t out = 0;
  const auto* const end = digits.data() + digits.size();
  const auto got = std::from_chars(digits.data(), end, out);
  if (got.ec != std::errc{} || got.ptr != end)
    return error{errc::invalid_argument, std::string{variable} + "="
                                           + std::string{digits}
                                           + " is not a number"};
  return std::optional{out};
}

} // namespace

result<seed_range> seeds_wanted(uint64_t count) {
  const auto only = number_in("MILLRACE_SIM_SEED");
  if (!only)
    return only.failure();
  const auto many = number_in("MILLRACE_SIM_SEEDS");
  if (!many)
    return many.failure();
  if (*only)
    return seed_range{**only, **only};
  if (*many && **many == 0)
    return error{errc::invalid_argument, "MILLRACE_SIM_SEEDS=0 runs nothing"};
  if (!*many && count == 0)
    return error{errc::invalid_argument, "a test of 0 seeds runs nothing"};
  return seed_range{1, many->value_or(count)};
}

std::string in_shell(std::string_view word) {
  constexpr std::string_view plain
    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string{word};
  std::string out = "'";
  for (const char c : word)
    out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

} // namespace millrace::sim
