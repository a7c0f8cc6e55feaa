#pragma once

#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::nodes {

/// Whose a key may be, beside root.
enum class key_owner {
  node, ///< The user of this process.
  any,  ///< No matter who lets the user of this process read it: for commands.
};

/// What the system says of the file of a key; empty: nobody else has it. A disk
/// that is not the system's has no such thing.
[[nodiscard]] std::string open_to_others(const std::string& path,
                                         key_owner whose);

/// @param fault why it cannot be read
/// @param code becomes `permission` when the system refused it
[[nodiscard]] std::string read_pem(persistence::file_system& fs,
                                   const std::string& path, std::string& fault,
                                   errc& code);

} // namespace millrace::nodes
