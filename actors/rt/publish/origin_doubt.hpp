#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <string>

namespace millrace::rt {

/// Whether a publisher may number its messages by its own log. A new directory
/// must hear first what RT has already seen of its origin, and so must one
/// whose tail a power cut may have taken: RT may hold more of it. That doubt
/// outlives the process: a mark lies in the directory until the log goes on
/// after what RT had of it. The mark needs no sync: after another power cut the
/// directory is in doubt by itself. One owner.
class origin_doubt {
public:
  /// Before the log of the directory is opened.
  /// @param asks_rt false: nobody else numbers here.
  origin_doubt(persistence::file_system& fs, const std::string& directory,
               bool asks_rt);

  /// Recovery is about to mend a log of which something may be missing. It
  /// makes it look clean to the next life before it returns, so that the mark
  /// lies there first. One that is clean, and whose owner dies while it starts,
  /// or meets a full disk, is in no doubt.
  [[nodiscard]] error suspect();
  /// The log was opened.
  /// @param known it holds ids of the origin. @param clean nothing is missing.
  /// @returns whether the ids of intact records count, not those known of lost
  ///   ones: what never came to RT was never seen.
  [[nodiscard]] bool settle(bool known, bool clean);

  /// What RT holds of this directory may be more than this log: what RT tells
  /// counts only once it has merged something that was written after the doubt
  /// began. Then it merges no earlier byte any more, whichever node had it.
  [[nodiscard]] bool wants_fence() const noexcept {
    return asks_rt_ && existed_ && !verified_;
  }

  /// Publishing may begin.
  [[nodiscard]] bool verified() const noexcept { return verified_; }
  /// RT told what it has of the origin.
  void verify() noexcept { verified_ = true; }
  /// A message of the origin was appended; its id comes after all that RT has.
  void appended() noexcept { ends_ = marked_; }
  /// All that was appended is in the log.
  void written();

private:
  persistence::file_system* fs_;
  std::string mark_; ///< Path of the mark.
  bool asks_rt_;
  bool existed_;        ///< The directory had an earlier life,
  bool found_;          ///< which left the mark.
  bool marked_ = false; ///< The mark stays until the log went on.
  bool ends_ = false;   ///< With the next write.
  bool verified_ = false;
};

} // namespace millrace::rt
