#pragma once

#include <millrace/actors/rt/sequence/out_hole.hpp>
#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace millrace::rt {

/// How the damaged files of a node's merged log are mended: one at a time, made
/// again of the inputs, or copied from another node, where they are the same
/// byte for byte. One that cannot be mended is tried again, as what it is made
/// of may be under repair too; in the end what cannot be had of it is given up,
/// and its place kept, so that the rest of the file can be read. What the disk
/// has no room for waits. Pure; one owner.
class out_repair {
public:
  struct peer {
    node_id node;
    std::string name; ///< For the text of a failure.
  };

  struct settings {
    std::vector<peer> peers; ///< In the order in which they are asked.
    int tries = 6;           ///< Of a file, those without room apart.
    /// No file is tried that soon after one was in vain.
    int64_t retry_after_ns = 4'000'000'000;
    /// What was given up is refused for that long.
    int64_t given_up_ns = 600'000'000'000;
  };

  /// Somebody found damage there. @pre not `has_given_up`.
  struct asked {
    position at;
  };
  /// Time passed; the merged log begins here by now.
  struct passed {
    position begin;
  };
  /// It was made again of the inputs, or was not.
  struct rebuilt {
    error why; ///< Empty: it is in its place.
    /// Something that it lacks of inputs may still come.
    bool may_come = false;
  };
  /// A copy of it is begun.
  struct opened {
    /// It is the file that is written, and wanted up to here; none: it is
    /// closed, and wanted up to its seal.
    std::optional<position> until{};
  };
  /// What was fetched begins there, and is added to the copy unless that is in
  /// a later file; the copy ends at `end`.
  struct came {
    position begin;
    position end;
  };
  /// The node has nothing of it, or not what can be added.
  struct denied {
    error why;
  };
  /// The node is not there to be asked.
  struct away {};
  /// The copy took its place, or could not, or could not be begun.
  struct placed {
    error why;
  };
  /// It was made again of what is at hand and what is intact in it, or could
  /// not.
  struct salvaged {
    error why;                   ///< Empty: it is in its place,
    std::vector<out_hole> holes; ///< and lacks these.
  };
  using input = std::variant<asked, passed, rebuilt, opened, came, denied, away,
                             placed, salvaged>;

  /// Said once per file: it is to be mended.
  struct damaged {
    position file;
    friend bool operator==(const damaged&, const damaged&) = default;
  };
  /// Make it again of the inputs; `rebuilt` follows.
  struct rebuild {
    position file;
    friend bool operator==(const rebuild&, const rebuild&) = default;
  };
  /// Begin an empty copy of it; `opened` follows, or `placed`.
  struct copy {
    position file;
    error why; ///< It could not be made again.
    friend bool operator==(const copy&, const copy&) = default;
  };
  /// Ask the node for what comes from there on; `came` follows, or `denied` or
  /// `away`.
  struct fetch {
    node_id node;
    position from;
    friend bool operator==(const fetch&, const fetch&) = default;
  };
  /// The copy is whole, if its seal came: put it in its place; `placed` or
  /// `denied` follows.
  struct place {
    position file;
    std::optional<position> until{}; ///< As in `opened`.
    friend bool operator==(const place&, const place&) = default;
  };
  /// Nobody has it whole: make it of what is at hand and what is intact in it;
  /// `salvaged` follows.
  struct salvage {
    position file;
    bool may_lose = false; ///< What cannot be had is given up.
    friend bool operator==(const salvage&, const salvage&) = default;
  };
  /// Said once per file: it waits for room on the disk.
  struct waits {
    position file;
    error why;
    friend bool operator==(const waits&, const waits&) = default;
  };
  /// It is mended: those who asked may read it.
  struct mended {
    position file;
    friend bool operator==(const mended&, const mended&) = default;
  };
  /// These parts of it are given up: the rest can be read. Without any it could
  /// not be made so, and is given up from `at` on.
  struct lost {
    position file;
    position at;
    error why;
    std::vector<out_hole> holes;
    friend bool operator==(const lost&, const lost&) = default;
  };
  /// It still lacks what was given up before, and no more.
  struct lacks {
    position file;
    friend bool operator==(const lacks&, const lacks&) = default;
  };
  /// The merged log begins after it by now: nothing of it is lost.
  struct pruned {
    position file;
    friend bool operator==(const pruned&, const pruned&) = default;
  };
  using effect = std::variant<damaged, rebuild, copy, fetch, place, salvage,
                              waits, mended, lost, lacks, pruned>;

  explicit out_repair(settings how) : settings_{std::move(how)} {}

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// The file there was given up a short while ago.
  [[nodiscard]] bool has_given_up(position at, int64_t now_ns) const;
  /// A file is under work right now.
  [[nodiscard]] bool is_mending() const noexcept {
    return stage_ != stage::idle;
  }
  /// Files that were mended, and that are given up now.
  [[nodiscard]] uint64_t mended_files() const noexcept { return mended_; }
  [[nodiscard]] size_t given_up_files() const noexcept {
    return given_up_.size();
  }

private:
  enum class stage { idle, rebuilding, opening, fetching, placing, salvaging };
  struct wanted {
    position at;       ///< The first damage that was found in it.
    int tries = 0;     ///< In vain so far.
    bool full = false; ///< `waits` was said.
  };
  using effects = std::vector<effect>;
  void take(const asked& what, int64_t now_ns, effects& out);
  void take(const passed& what, int64_t now_ns, effects& out);
  void take(const rebuilt& what, int64_t now_ns, effects& out);
  void take(const opened& what, int64_t now_ns, effects& out);
  void take(const came& what, int64_t now_ns, effects& out);
  void take(const denied& what, int64_t now_ns, effects& out);
  void take(const away&, int64_t now_ns, effects& out);
  void take(const placed& what, int64_t now_ns, effects& out);
  void take(const salvaged& what, int64_t now_ns, effects& out);
  void start(int64_t now_ns, effects& out);
  void fetch_on(int64_t now_ns, effects& out);
  void failed(const error& why, bool is_final, int64_t now_ns, effects& out);
  void finish(const error& why, std::vector<out_hole> holes, int64_t now_ns,
              effects& out);

  settings settings_;
  std::map<position, wanted> wanted_; ///< By the start of the file.
  std::map<position, int64_t> given_up_;
  position begin_;
  int64_t retry_at_ns_ = 0;
  uint64_t mended_ = 0;

  stage stage_ = stage::idle;
  position file_; ///< Under work; while idle, the one before.
  // Of the copy.
  std::optional<position> until_;
  position from_;
  size_t peer_ = 0;       ///< Which one is asked.
  error why_;             ///< Nothing has helped so far.
  bool is_final_ = false; ///< Nor will anything.
};

} // namespace millrace::rt
