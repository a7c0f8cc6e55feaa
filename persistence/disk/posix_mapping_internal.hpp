#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace millrace::persistence {

/// Maps the first `bytes` of an open file. A page that cannot be brought in
/// later, because the file was cut or the disk fails, reads as zeros and makes
/// the mapping `lost`, where the system would end the process: the first
/// mapping puts a handler of SIGBUS in place, which passes on what is not of a
/// mapping of ours.
[[nodiscard]] result<std::unique_ptr<mapped_file>>
map_descriptor(int descriptor, size_t bytes, const std::string& path);

} // namespace millrace::persistence
