#pragma once

#include <millrace/messages/data/position.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace millrace::rt {

/// What an RT node says of the files of its copy of a publisher's log.
struct collected_copy {
  position below; ///< Those before that of this place went.
  /// Of them, what the publisher may let go once a majority says so: nodes that
  /// are away will not need it.
  position released;
  friend bool operator==(const collected_copy&, const collected_copy&)
    = default;
};

/// How far an RT node collected its copy, by node.
using collected_copies = std::map<std::string, collected_copy>;

/// The files of the publisher's log before that of this place can go: all nodes
/// let go of theirs, or most did and wait for no other.
/// @param count of the nodes that keep copies.
[[nodiscard]] position collects_below(const collected_copies& copies,
                                      size_t count);

} // namespace millrace::rt
