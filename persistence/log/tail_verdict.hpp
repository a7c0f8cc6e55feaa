#pragma once

#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>

namespace millrace::persistence {

/// What is known of the last file of a log when its next owner opens it.
struct tail_facts {
  /// What the bytes after the last intact record are.
  enum class ending_type : uint8_t {
    none,           ///< The file ends with an intact record, or is empty.
    cut_off,        ///< A record begins there, and the file ends inside it.
    wrong,          ///< No record begins there.
    sealed,         ///< The intact records end with a seal: the log rolled.
    session_sealed, ///< With a seal that ends the session.
    collected,      ///< The file was merged everywhere, and emptied.
    closed,         ///< The last record says that its owner ended there.
  };
  /// Where the synced end that an earlier owner noted lies.
  enum class mark_type : uint8_t {
    none,    ///< No intact note.
    reached, ///< The intact records reach it.
    closed,  ///< They end exactly there, or did before they were collected,
             ///< and the owner ended cleanly.
    missed,  ///< They end before it.
  };

  ending_type ending = ending_type::none;
  mark_type mark = mark_type::none;
  /// More is wrong than a torn write explains: an intact record follows, bytes
  /// follow a seal, or bytes are missing that were synced once.
  bool damaged = false;
  /// The machine did not go down since the note: what was written is there.
  bool same_boot = false;
  /// A write or sync failed since it went up: the page cache may lie.
  bool fenced = false;
};

/// What the next owner does with that file.
struct tail_verdict {
  enum class action_type : uint8_t {
    keep, ///< As it is: a clean end, or damage that stays to be seen.
    cut,  ///< Set a torn tail aside: what a power cut left counts for nothing.
    seal, ///< Seal it: only its process died, or it closed; nothing is missing.
    refuse, ///< Damaged, and its owner may not go on in it.
    pass,   ///< Damaged: what is intact after that stays, a tail goes aside.
    go_on,  ///< Go on in it: its owner ended there, and nothing is missing.
  };

  action_type action = action_type::keep;
  /// Nothing that was recorded before is missing.
  bool clean = false;
  /// A sync of the file failed: its bytes, which may only be in the cache, are
  /// to be written again before a sync of them counts.
  bool rewrite = false;

  friend bool operator==(const tail_verdict&, const tail_verdict&) = default;
};

/// Policies `resume` and `rebuild` go on in the file after `keep`, `cut` and
/// `pass`; policies `next` and `same` begin a session, whatever the action but
/// `go_on`. `resume` alone refuses, `rebuild` alone passes, `same` alone goes
/// on.
[[nodiscard]] tail_verdict judge_tail(session_policy policy,
                                      const tail_facts& facts) noexcept;

} // namespace millrace::persistence
