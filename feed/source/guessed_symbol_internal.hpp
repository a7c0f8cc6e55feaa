#pragma once

#include <millrace/feed/source/guessed_column_internal.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace millrace::feed {

/// Which field names the instrument.
struct guessed_symbol {
  std::optional<size_t> field;
  std::string question; ///< Empty: it is sure.
};

/// @param columns of the head's fields; one that is called so is of texts
[[nodiscard]] guessed_symbol
guess_symbol_field(const layout_head& head,
                   std::vector<guessed_column>& columns);

} // namespace millrace::feed
