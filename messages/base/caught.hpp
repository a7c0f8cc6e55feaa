#pragma once

#include <millrace/messages/base/errors.hpp>

#include <exception>
#include <new>
#include <string>
#include <utility>

namespace millrace {

/// What `f` returns, an `error` or a `result`; what it throws becomes one:
/// `limit_exceeded` when memory is out, else `internal`. For the edge of a
/// job, behind which an exception would end the process.
template <class F>
[[nodiscard]] auto caught(const std::string& what, F&& f) -> decltype(f()) {
  try {
    return std::forward<F>(f)();
  } catch (const std::bad_alloc&) {
    return error{errc::limit_exceeded,
                 what + ": the process has no memory left for it"};
  } catch (const std::exception& thrown) {
    return error{errc::internal, what + ": " + thrown.what()};
  }
}

} // namespace millrace
