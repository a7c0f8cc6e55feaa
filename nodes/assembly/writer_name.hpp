#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <string>

namespace millrace::nodes {

/// Which of the publishers of one sequence those are whose directories lie in
/// `log_path`: a name that no other log path has, on this host or another one,
/// and that stays. It is drawn once, `<host>-<8 digits>`, and kept there in
/// `.writer`; who moves or copies the directory takes it along. `corrupt` when
/// that file has no name in it.
/// @param host as people call it; what no name may have in it becomes '-'
/// @param random any number
[[nodiscard]] result<std::string> writer_name(persistence::file_system& fs,
                                              const std::string& log_path,
                                              const std::string& host,
                                              uint64_t random);

} // namespace millrace::nodes
