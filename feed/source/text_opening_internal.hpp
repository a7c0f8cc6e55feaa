#pragma once

#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>

namespace millrace::feed {

/// A source at the place where its reading begins.
struct opened_text {
  /// None: the text is empty, so that it has no header and needs none.
  std::optional<piece_cutter> cutter;
  std::shared_ptr<const binding> fitted;
  bool resumed = false; ///< After published rows.
};

/// Opens a source, reads its header, and goes to where `options.resume` says
/// that it was left. `bad_data` when it is not what was published under its
/// name; `already_exists` when it was published under another one, or was read
/// before as one of `earlier`.
[[nodiscard]] result<opened_text>
open_text(persistence::file_system& fs, const source_info& info,
          const reader_options& options,
          const std::vector<source_cursor>& earlier = {});

/// Whether a source can be read, and its header fits.
[[nodiscard]] error check_text(persistence::file_system& fs,
                               const source_info& info,
                               const reader_options& options);

} // namespace millrace::feed
