#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::torq {

/// Which life of a stream the positions of an HDB are of: a file of 32 hex
/// digits beside its manifest. Not known: none was kept.
[[nodiscard]] result<stream_life> read_kept_life(persistence::file_system& fs,
                                                 const std::string& directory,
                                                 const std::string& stream);
/// Creates the directory if it is missing.
[[nodiscard]] error keep_life(persistence::file_system& fs,
                              const std::string& directory,
                              const std::string& stream,
                              const stream_life& life);

} // namespace millrace::torq
