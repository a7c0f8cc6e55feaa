#pragma once

#include <millrace/feed/parse/reject.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <memory>
#include <string>

namespace millrace::feed {

/// Keeps rejected lines as text, one per line, fields between tabs: file, line
/// number, byte offset, reason, the line itself (printable, cut off). The file
/// grows at its end; it is created with the first reject.
/// Owner: one thread.
class reject_file {
public:
  /// Nothing is touched yet. `fs` outlives the object.
  reject_file(persistence::file_system& fs, std::string path)
    : fs_{fs}, path_{std::move(path)} {}

  /// Appends one line; it may wait in memory until `flush`.
  error add(const rejected_line& line);
  /// Writes what waits, and syncs the file.
  error flush();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// A sink that appends here.
  [[nodiscard]] reject_sink sink() {
    return [this](const rejected_line& line) { return add(line); };
  }

private:
  error open();
  error write();

  persistence::file_system& fs_;
  std::string path_;
  std::unique_ptr<persistence::file> file_;
  uint64_t end_ = 0;
  std::string pending_;
};

} // namespace millrace::feed
