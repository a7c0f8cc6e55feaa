#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

namespace millrace {

/// A value or an `error`. Reading the value of a failure aborts with the
/// error's text: it is a programming fault, never a recoverable one.
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  template <class U = T>
  requires(
    std::is_constructible_v<
      T,
      U&&> && !std::is_same_v<std::remove_cvref_t<U>, error> && !std::is_same_v<std::remove_cvref_t<U>, result>)
    result(U&& x)
    : state_{std::in_place_index<0>, std::forward<U>(x)} {}

  result(error failure) : state_{std::in_place_index<1>, std::move(failure)} {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<result*>(this)->checked(); }
  /// By value: a reference into a temporary would dangle in `for (auto& x :
  /// *call())`.
  T operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<result*>(this)->checked(); }

  /// The failure; `errc::none` when there is a value.
  [[nodiscard]] error failure() const& {
    return has_value() ? error{} : std::get<1>(state_);
  }
  [[nodiscard]] error failure() && {
    return has_value() ? error{} : std::move(std::get<1>(state_));
  }

private:
  T& checked() {
    if (auto* x = std::get_if<0>(&state_))
      return *x;
    std::fprintf(stderr, "millrace: result without a value: %s\n",
                 to_string(std::get<1>(state_)).c_str());
    std::abort();
  }

  std::variant<T, error> state_;
};

} // namespace millrace

/// Always on, in every build: a broken invariant stops the process before it
/// writes a wrong byte.
#define MILLRACE_ASSERT(condition)                                             \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__,          \
                   __LINE__, #condition);                                      \
      std::abort();                                                            \
    }                                                                          \
  } while (false)
