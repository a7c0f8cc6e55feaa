#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// The symbols of a list that kdb+ wrote: a file of an enumeration's domain, or
/// the names of a table's columns.
class kdb_symbols {
public:
  /// `corrupt` when the file is no list of symbols, `oversize` above
  /// `bytes_max`. The number that its header has is not believed: q appends
  /// without changing it.
  [[nodiscard]] static result<kdb_symbols>
  read(file_system& fs, const std::string& path, uint64_t bytes_max);

  [[nodiscard]] size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](size_t i) const noexcept {
    // After each stands a zero byte.
    const auto begin = i == 0 ? 0 : ends_[i - 1] + 1;
    return std::string_view{text_}.substr(begin, ends_[i] - begin);
  }
  /// The first `count` as they stand in the file.
  [[nodiscard]] std::string_view prefix(size_t count) const noexcept {
    return std::string_view{text_}.substr(0, count == 0 ? 0
                                                        : ends_[count - 1] + 1);
  }

private:
  std::string text_;
  std::vector<uint64_t> ends_;
};

} // namespace millrace::persistence
