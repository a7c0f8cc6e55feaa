#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// What a message was that kdb+ has compressed as its IPC does: so it travels,
/// and so lie blocks of files on its disks. `malformed_message` names the byte
/// that is wrong, `oversize` a size beyond `size_max`.
[[nodiscard]] result<std::string> expand_kdb_message(std::string_view message,
                                                     uint32_t size_max);

} // namespace millrace
