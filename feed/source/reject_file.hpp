#pragma once

#include <millrace/feed/parse/reject.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace millrace::feed {

/// Keeps rejected lines as text, one per line, fields between tabs: file, line
/// number, byte offset and how it was read (see line_place), reason, the line
/// itself (printable; one that is too long cut off). Tabs and newlines in a
/// file's name are \xNN there. The file grows at its end, is created with the
/// first reject, and holds a line once, however often it was rejected. Owner:
/// one thread.
class reject_file {
public:
  /// Nothing is touched yet. `fs` outlives the object.
  reject_file(persistence::file_system& fs, std::string path)
    : fs_{fs}, path_{std::move(path)} {}

  /// Takes out the lines of `source`, whose text before `offset` is the one of
  /// which they were rejected, at `offset` and after it, but for those that
  /// `now` does not cover: they are read again, also where they are mended, and
  /// are added again where they still give no row.
  error forget_from(const std::string& source, const line_reading& now,
                    uint64_t offset);
  /// Takes out the lines that stand at their offset in this text, which begins
  /// at `offset` of `source`, of all sources of the same name up to its first
  /// dot: a copy is read, or what was packed.
  error forget_read(const std::string& source, const line_reading& now,
                    uint64_t offset, std::string_view text);
  /// Appends one line, unless the file holds it; it may wait in memory until
  /// `write`.
  error add(const rejected_line& line);
  /// Writes what waits: it survives the process.
  error write();
  /// The same, and syncs the file.
  error flush();
  /// Lines of `source`, read with what `now` says, that the file held before
  /// the first `add`, but for those that were added again.
  result<uint64_t> kept_before(const std::string& source,
                               const line_reading& now);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// A sink that appends here.
  [[nodiscard]] reject_sink sink() {
    return [this](const rejected_line& line) { return add(line); };
  }

private:
  /// Reads what the file holds, if there is one.
  error read();
  /// Calls `one` with each of its lines, without the newline.
  template <class F>
  error each_line(F one);
  template <class F>
  error forget(F is_gone);

  /// While lines are added or taken out: others may do so, too.
  result<std::unique_ptr<persistence::file_lock>> change();

  persistence::file_system& fs_;
  std::string path_;
  bool written_ = false;
  std::string pending_;
  bool known_read_ = false;
  std::unordered_set<uint64_t> known_;                ///< Hashes of its lines.
  std::map<std::string, uint64_t, std::less<>> kept_; ///< Lines per source.
  std::set<std::string, std::less<>> sources_;        ///< Of its lines.
  std::multimap<uint64_t, uint32_t> places_; ///< Offset and hash of its lines.
  bool any_open_ = false;                    ///< Of its lines.
};

/// Who adds to a reject file shares it, and who feeds its lines, which takes
/// them out, has it alone. `locked` says who is in the way. None where it lies
/// in no directory.
[[nodiscard]] result<std::unique_ptr<persistence::file_lock>>
lock_rejects(persistence::file_system& fs, const std::string& path,
             persistence::lock_mode mode, const std::string& feed);

/// Whether lines may be added to what lies at `path`: nothing, an empty file,
/// or one that begins as a reject file does. `invalid_argument` names it.
[[nodiscard]] error check_reject_file(persistence::file_system& fs,
                                      const std::string& path);

/// The path of a file without what says how it is packed: `x.csv` of
/// `x.csv.gz`.
[[nodiscard]] std::string_view unpacked_name(std::string_view source);

/// Whether the line is known in part, as one that is too long, or may go on in
/// its file: it gives no row by itself.
[[nodiscard]] bool is_part(const rejected_line& line);

/// The lines of a reject file, in its order. `bad_data` names a line of it that
/// is not one of a reject file.
[[nodiscard]] result<std::vector<rejected_line>>
read_rejects(persistence::file_system& fs, const std::string& path);

/// Puts these lines in the place of all of a reject file, at once.
[[nodiscard]] error replace_rejects(persistence::file_system& fs,
                                    const std::string& path,
                                    const std::vector<rejected_line>& lines);

} // namespace millrace::feed
