#pragma once

#include <millrace/messages/data/position.hpp>

namespace millrace::rt {

/// What of a file of out/ is lost: records [from, to), whose place padding
/// keeps.
struct out_hole {
  position from;
  position to;
  bool is_known = false; ///< It was there before.
  friend bool operator==(const out_hole&, const out_hole&) = default;
};

} // namespace millrace::rt
