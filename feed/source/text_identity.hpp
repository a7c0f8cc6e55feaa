#pragma once

#include <millrace/feed/source/source.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// What the name of a source says that is known by its text:
/// "=<bytes>:<hash>:<file>[#<member>]@<what makes rows of its lines>~<where
/// they go>[+[<instrument>][.<other constants>]]^<marks of its first lines>".
/// Before that there was no ".<...>", then no "+<...>", then no "^<...>", then
/// no "~<...>", and before that
/// "<file>:<bytes>:<hash of the first 64 KiB>[#<member>]@<...>", which does not
/// tell the text. What is known by its path has that in the place of all before
/// the '@'.
struct text_identity {
  std::string text;   ///< "<bytes>:<hash>"; empty: not told.
  std::string name;   ///< "<file>[#<member>]"
  std::string layout; ///< What makes rows of the lines.
  std::string place;  ///< Their table, date and symbol; empty: not told.
  /// Hash of the instrument of all rows, which the file's name says; empty: it
  /// does not, or it is not told.
  std::string instrument;
  std::string constants; ///< The same of columns beside the instrument's.
  /// See piece_cutter::line_marks; empty: not told.
  std::vector<uint32_t> marks;
  bool pipe = false; ///< It came through one.

  /// The same lines, and the same rows of them: also under another name.
  [[nodiscard]] bool same_rows(const text_identity& other) const {
    return !text.empty() && text == other.text && layout == other.layout;
  }
  /// Files of two instruments, or venues, may have the same text, as bars of
  /// what nobody trades: their rows are others.
  [[nodiscard]] bool is_of_another(const text_identity& other) const {
    const auto differ = [](const std::string& a, const std::string& b) {
      return !a.empty() && !b.empty() && a != b;
    };
    return name != other.name
           && (differ(instrument, other.instrument)
               || differ(constants, other.constants));
  }
};

[[nodiscard]] text_identity parse_text_identity(std::string_view source);

/// Ends the name of what came through a pipe.
inline constexpr std::string_view pipe_mark = "^pipe";
/// Ends, with a hash of their text, the name of lines that were rejected,
/// after that of their source.
inline constexpr std::string_view rejects_mark = "@rejects:";
/// The name of their source; none: it is of no rejected lines.
[[nodiscard]] std::optional<std::string_view>
source_of_rejects(std::string_view name);

/// The end of a name that says what its first lines are.
[[nodiscard]] std::string mark_text(const std::vector<uint32_t>& marks);

/// How many lines two texts begin with alike, as far as marks tell: none when
/// they are of different texts, or tell nothing.
struct shared_lines {
  bool differ = false;
  uint64_t count = 0;
};
[[nodiscard]] shared_lines compare_marks(const std::vector<uint32_t>& a,
                                         const std::vector<uint32_t>& b);

/// A name of a source without what says where its rows go, and what its first
/// lines are, which names had not always: two of one source are equal so.
[[nodiscard]] std::string without_place(std::string_view source);

/// Reads a whole source. @returns all of its name up to the '@'; `unsupported`
/// for a pipe, which cannot be read twice.
[[nodiscard]] result<std::string> identify_text(persistence::file_system& fs,
                                                const source_info& info,
                                                const std::atomic<bool>& stop);

} // namespace millrace::feed
