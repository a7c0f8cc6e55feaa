#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::persistence::detail {

/// Walks the records of a directory; decides what is damage, what is merely
/// not written yet, and which event a discontinuity is. One owner.
class log_cursor {
public:
  log_cursor(file_system& fs, log_reader_options options,
             const lineage_id& lineage)
    : fs_{&fs}, options_{std::move(options)}, lineage_{lineage} {}

  /// Goes to `from`, or to the earliest retained place. See log_reader::open.
  [[nodiscard]] error start(std::optional<position> from);

  enum class what {
    record,  ///< `record()` lies at `offset()`, whole and intact.
    salvage, ///< The same, but a payload of it is damaged.
    event,   ///< `take_event()`; the cursor is at its `to`.
    end,     ///< Nothing more for now.
  };
  /// Looks at the place where the cursor is. @param salvage: whether records
  /// of which only payloads are damaged are handed out.
  [[nodiscard]] result<what> look(bool salvage);

  [[nodiscard]] const record_view& record() const noexcept { return record_; }
  /// Offset of the first frame to deliver from `record()`.
  [[nodiscard]] uint32_t first_frame() const noexcept { return frame_; }
  [[nodiscard]] position record_begin() const noexcept;
  /// Passes `record()`.
  void pass_record();
  /// Passes `record()`, which is padding. @returns the event of it.
  [[nodiscard]] stream_event pass_lost();
  /// Passes the whole records of a run of `bytes` from `record()` on.
  void pass_run(std::span<const std::byte> run);
  [[nodiscard]] std::span<const std::byte> run(uint32_t bytes_max);

  [[nodiscard]] stream_event take_event();

  /// Damage inside `record()` at frame offset `bad`: makes the event, which
  /// ends at frame `next_good` of the record, or after it when none is.
  /// @returns event, or end when there is no place to go on yet.
  [[nodiscard]] result<what>
  damage_in_record(uint32_t bad, std::optional<uint32_t> next_good);

  [[nodiscard]] position where() const noexcept;
  void set_limit(position end) noexcept { limit_ = end; }
  [[nodiscard]] const std::string& stalled() const noexcept { return stalled_; }
  [[nodiscard]] const lineage_id& lineage() const noexcept { return lineage_; }

private:
  enum class place { found, inside, beyond };
  struct neighbours {
    bool present = false; ///< The current file is still listed.
    bool archived = false;
    uint64_t listed_size = 0;
    std::optional<log_file_info> next; ///< The next file with bytes to come.
    bool skipped_archived = false;     ///< Emptied files lie between.
  };

  [[nodiscard]] position at(uint64_t offset) const noexcept {
    return position::of(session_, roll_, offset);
  }
  [[nodiscard]] error attach(uint64_t session, uint64_t roll, uint64_t offset,
                             uint32_t frame = 0);
  void detach(position to);
  [[nodiscard]] error start_in(const log_file_info& info, position from);
  [[nodiscard]] error start_missing(const std::vector<log_file_info>& files,
                                    position from);
  [[nodiscard]] result<bool> locate(uint64_t offset);
  [[nodiscard]] error locate_slowly(uint64_t offset);
  [[nodiscard]] result<neighbours> look_around();
  [[nodiscard]] result<what> no_record(const parse_outcome& found,
                                       bool salvage);
  [[nodiscard]] result<what> last_file(const parse_outcome& found, bool salvage,
                                       uint64_t size);
  [[nodiscard]] result<what> go_on(const neighbours& around, uint64_t size,
                                   bool salvage);
  /// Goes on in a file; one that went meanwhile is looked for again.
  [[nodiscard]] result<what> enter(const log_file_info& next) {
    auto fault = attach(next.session, next.roll, 0);
    return fault && fault.code != errc::not_found ? result<what>{fault}
                                                  : what::record;
  }
  [[nodiscard]] result<what> directory_changed();
  /// Where the first of the files begins that are missing before `next`: the
  /// same place as the end of the file that was read. @pre a seal was read.
  [[nodiscard]] position after_seal(const log_file_info& next) const noexcept {
    const bool ended = session_end_ && next.session != session_;
    return ended || roll_ == position::roll_max
             ? position::of(session_ + 1, 0, 0)
             : position::of(session_, roll_ + 1, 0);
  }
  [[nodiscard]] result<bool> try_salvage();
  what emit(event_kind kind, position from, position to, std::string cause,
            uint32_t frame = 0);

  file_system* fs_;
  log_reader_options options_;
  lineage_id lineage_;
  std::optional<position> limit_;

  std::unique_ptr<file> file_; ///< None while there is no file to read.
  std::optional<record_window> window_;
  std::optional<record_window> skip_window_; ///< Does not check payloads.
  uint64_t session_ = 0;
  uint64_t roll_ = 0;
  uint64_t offset_ = 0; ///< Of the next record in the file.
  uint32_t frame_ = 0;  ///< Of the next frame in that record; 0: the first.
  bool sealed_ = false; ///< The record before offset_ is the file's seal.
  bool session_end_ = false; ///< And it ended the session.
  record_view record_;

  position floating_;     ///< Where to go on while there is no file.
  bool anywhere_ = false; ///< The first file that appears will do.
  std::optional<stream_event> pending_;
  std::string stalled_;
  uint64_t judged_offset_ = ~uint64_t{0}; ///< Tail judged last: its place
  uint64_t judged_size_ = 0;              ///< and the file's size then.
  std::optional<uint64_t> judged_intact_; ///< Next intact record after it.
};

} // namespace millrace::persistence::detail
