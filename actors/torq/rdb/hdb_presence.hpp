#pragma once

#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/lineage.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace millrace::torq {

/// What an RDB makes of it that the HDB which it writes to is not there, or
/// another one: whether it waits for it, begins another one in its place, or
/// leaves, to begin anew with what is there. It notes for the RDB's next life
/// which life of the stream it followed, and that there was an HDB. Pure; one
/// owner.
class hdb_presence {
public:
  struct settings {
    std::string stream;
    std::string directory; ///< Of the HDB; empty: there is none.
    std::string note_file;
    bool writes = false; ///< Periods are written down.
    /// Between two looks at an HDB that is gone, and two tries to keep a note.
    int64_t again_ns = 1'000'000'000;
  };

  /// The RDB starts. Once, before all others.
  struct started {
    bool has_hdb = false; ///< Its manifest is there, be it one that is damaged.
    /// That tells of the stream, or cannot be read.
    bool knows_stream = false;
    bool holds_stream = false; ///< It could be read, and tells of it.
    stream_note left;          ///< By the life before.
    std::string damage;        ///< Why that is not known; empty: it is.
    lost_database beside;      ///< What else was in it, and is not there.
  };
  /// The first flow of the stream began, of this life of it.
  struct followed {
    lineage_id life;
  };
  /// A period is to be written, and waits.
  struct wanted {};
  /// A `seek` ended.
  struct sought {
    bool is_back = false;    ///< The HDB that was gone is there again.
    bool is_settled = false; ///< Somebody said that it is lost, or nothing is.
    /// Nothing that was ever in it is missing in the RDB's memory.
    bool has_all = false;
    bool is_writing = false; ///< A period is written down just now.
  };
  /// A period was written down: the manifest tells of the losses now.
  struct written {};
  /// The stream is not the one any more whose rows are held, which were of
  /// this life of it.
  struct let_go {
    lineage_id life;
    std::string loss; ///< What that costs, in words.
    std::string why;  ///< To leave.
  };
  /// A `keep_note` ended.
  struct kept {
    error why;
    bool is_there = false; ///< The file, be it an older one.
  };
  struct passed {
    bool is_writing = false; ///< A period is written down just now.
  };
  using input = std::variant<started, followed, wanted, sought, written, let_go,
                             kept, passed>;

  /// Write the note, durably. One at a time; `kept` follows.
  struct keep_note {
    stream_note note;
    friend bool operator==(const keep_note&, const keep_note&) = default;
  };
  /// The note was of another stream, and is kept by its name.
  struct set_aside {
    std::string stream;
    friend bool operator==(const set_aside&, const set_aside&) = default;
  };
  /// Look whether the HDB that this note is of is there, and whether somebody
  /// removed the note; `sought` follows.
  struct seek {
    stream_note was;
    bool note_is_kept = false;
    friend bool operator==(const seek&, const seek&) = default;
  };
  /// Rows may be missing: answers tell.
  struct add_loss {
    std::string text;
    friend bool operator==(const add_loss&, const add_loss&) = default;
  };
  struct tell {
    bool is_warning = true;
    std::string id;
    std::string text;
    friend bool operator==(const tell&, const tell&) = default;
  };
  /// What was `written` is in the note, as far as it can be: it may be told.
  struct release {
    friend bool operator==(const release&, const release&) = default;
  };
  /// End, to begin anew. The note is kept by now, as far as it can be.
  struct leave {
    std::string why;
    friend bool operator==(const leave&, const leave&) = default;
  };
  using effect
    = std::variant<keep_note, set_aside, seek, add_loss, tell, release, leave>;

  explicit hdb_presence(settings how) : settings_{std::move(how)} {}

  [[nodiscard]] std::vector<effect> step(const input& what, int64_t now_ns);

  /// No period is written down, as the HDB is gone.
  [[nodiscard]] bool waits() const noexcept {
    return !note_.gone.empty() && !note_.begins_anew;
  }
  /// That it is gone, and what ends the wait.
  [[nodiscard]] std::string waits_text() const;
  /// `leave` comes as soon as the note is kept; empty: it does not.
  [[nodiscard]] const std::string& leaving() const noexcept { return leaving_; }
  /// Another HDB is begun in the place of the one that is lost.
  [[nodiscard]] bool begins_anew() const noexcept { return note_.begins_anew; }
  /// There is or was an HDB, which periods of this stream were written to or
  /// which was there at the start.
  [[nodiscard]] bool had_hdb() const noexcept {
    return start_.has_hdb || note_.has_rows;
  }
  [[nodiscard]] const stream_note& note() const noexcept { return note_; }

private:
  using effects = std::vector<effect>;
  void take(const started& what, int64_t now_ns, effects& out);
  void take(const followed& what, int64_t now_ns, effects& out);
  void take(const wanted&, int64_t now_ns, effects& out);
  void take(const sought& what, int64_t now_ns, effects& out);
  void take(const written&, int64_t now_ns, effects& out);
  void take(const let_go& what, int64_t now_ns, effects& out);
  void take(const kept& what, int64_t now_ns, effects& out);
  void take(const passed& what, int64_t now_ns, effects& out);

  [[nodiscard]] bool lacks_rows() const;
  void note_place();
  void miss(effects& out);
  void tell_gone(effects& out);
  void is_back(effects& out);
  void begin_anew(bool has_all, effects& out);
  void remember(const std::string& loss, effects& out);
  void look(int64_t now_ns, effects& out);
  /// Once nothing is left to be kept: what waited for that.
  void settle(effects& out);
  void leave_hdb(const std::string& why);

  settings settings_;
  started start_;
  stream_note note_;
  bool is_kept_ = false;  ///< As a file, that somebody can remove.
  bool is_stale_ = false; ///< That file says less: it is tried again.
  bool keeping_ = false;  ///< `kept` is due,
  bool changed_ = false;  ///< and the note is another one by now.
  int64_t kept_at_ns_ = 0;
  bool seeking_ = false; ///< `sought` is due.
  int64_t sought_at_ns_ = 0;
  bool releases_ = false;
  std::string leaving_;
  bool left_ = false; ///< `leave` was said.
};

} // namespace millrace::torq
