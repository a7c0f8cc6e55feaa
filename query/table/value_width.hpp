#pragma once

#include <millrace/query/table/columns.hpp>

#include <cstddef>

namespace millrace::query {

/// Calls `f.template operator()<Width>()` with the bytes of a value of the
/// type, so that copies of it are of a constant size.
template <class F>
decltype(auto) with_width(column_type type, F&& f) {
  switch (width_of(type)) {
    case 1:
      return f.template operator()<1>();
    case 2:
      return f.template operator()<2>();
    case 4:
      return f.template operator()<4>();
    case 8:
      return f.template operator()<8>();
    default:
      return f.template operator()<16>();
  }
}

} // namespace millrace::query
