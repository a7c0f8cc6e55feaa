#pragma once

#include <millrace/nodes/servers/kdb/value.hpp>

#include <cstring>
#include <vector>

namespace millrace::nodes::kdb {

/// A list of these numbers.
template <class T>
value vector_of(kind type, const std::vector<T>& numbers) {
  value out;
  out.type = type;
  out.bytes.resize(numbers.size() * sizeof(T));
  if (!numbers.empty())
    std::memcpy(out.bytes.data(), numbers.data(), out.bytes.size());
  return out;
}

/// A list of symbols.
inline value symbols_of(std::vector<std::string> names) {
  value out;
  out.type = kind::symbol;
  out.symbols = std::move(names);
  return out;
}

} // namespace millrace::nodes::kdb
