#pragma once

#include <millrace/messages/data/chunk.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace millrace::rt {

/// Bytes of freshly written log that a writer may hand to a source directly.
/// What does not fit, the source reads from the file. Thread safe.
class tail_credit {
public:
  explicit tail_credit(int64_t bytes) : bytes_{bytes} {}
  /// Takes `size` bytes of credit if there is any.
  [[nodiscard]] bool take(int64_t size) noexcept {
    if (bytes_.load(std::memory_order_relaxed) < size)
      return false;
    bytes_.fetch_sub(size, std::memory_order_relaxed);
    return true;
  }
  void give(int64_t size) noexcept {
    bytes_.fetch_add(size, std::memory_order_relaxed);
  }

private:
  std::atomic<int64_t> bytes_;
};

struct flow_options {
  std::string directory;
  /// Bytes sent and not yet acknowledged, at most (one chunk may exceed it).
  uint64_t window_bytes = uint64_t{1} << 20;
  uint32_t chunk_bytes = 256u << 10;
  /// While so many parts are not acknowledged the flow is not `idle`. For flows
  /// whose receiver acknowledges every part. 0: no limit.
  uint32_t parts_in_flight_max = 0;
  /// The same of bytes; and new bytes that wait for credit go in parts of about
  /// that size.
  static constexpr uint64_t gathered_bytes = 64u << 10;
  /// After damage in a file that others follow; in the last one the flow goes
  /// on at the next intact record, as soon as there is one.
  persistence::damage_policy damage = persistence::damage_policy::next_file;
};

/// Cuts a growing log into chunks within a receiver's credit: new bytes as they
/// are handed over, older ones from the file. One owner; no actor, no clock.
class flow_sender {
public:
  flow_sender(persistence::file_system& fs, flow_options options,
              std::shared_ptr<tail_credit> credit);
  ~flow_sender(); ///< Gives the credit of an unsent tail back.
  flow_sender(const flow_sender&) = delete;
  flow_sender& operator=(const flow_sender&) = delete;

  /// Starts (again) at `from`; none: the earliest retained record. Errors of
  /// log_reader::open: bad_position, ahead, pruned, ...
  [[nodiscard]] error start(std::optional<position> from);

  /// Reads on from `to`, before where it stands: what was damaged there is not
  /// any more.
  /// @param unsent bytes of the last part, if that is not to be sent
  [[nodiscard]] error go_back(position to, uint64_t unsent = 0);

  /// The log was written up to `end`; `tail` are the last bytes of it, if at
  /// hand, and were covered by tail credit.
  void grew(position end, chunk tail);

  /// The receiver took in `bytes` of this flow in all: never less than before,
  /// nor more than was sent, whatever it says.
  void acked(uint64_t bytes) noexcept {
    acked_ = std::clamp(bytes, acked_, sent_);
    while (!parts_.empty() && parts_.front() <= acked_)
      parts_.pop_front();
  }

  struct part {
    position begin;
    chunk bytes;
    bool lost = false; ///< Padding: what was there is lost.
  };
  using item = std::variant<part, stream_event>;
  /// What to send next; none: no credit, or nothing more is written.
  [[nodiscard]] result<std::optional<item>> next();

  [[nodiscard]] position where() const noexcept { return next_; }
  [[nodiscard]] uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] uint64_t unacked() const noexcept { return sent_ - acked_; }
  /// Up to where the receiver took the log in; where that lies in an earlier
  /// file than the part sent last, the start of that part's file.
  [[nodiscard]] position taken() const noexcept {
    return unacked() == 0
             ? next_
             : position{last_sent_.value
                        - std::min(unacked(), last_sent_.offset())};
  }
  /// So little is under way that a writer need not let new messages gather.
  [[nodiscard]] bool idle() const noexcept {
    return unacked() <= flow_options::gathered_bytes
           && (options_.parts_in_flight_max == 0
               || parts_.size() < options_.parts_in_flight_max);
  }
  /// All of the log up to where() was sent; no record lies in
  /// [last_sent(), where()).
  [[nodiscard]] bool drained() const noexcept { return drained_; }
  /// End of the last part sent; at first where the flow started.
  [[nodiscard]] position last_sent() const noexcept { return last_sent_; }
  /// Damage at the end of the log that nothing intact follows yet; empty: none.
  [[nodiscard]] const std::string& stalled() const noexcept { return stalled_; }
  /// There is such damage, or nothing at all, where the writer says that it
  /// wrote.
  [[nodiscard]] bool ends_early() const noexcept {
    return drained_ && written_ != unknown_end && next_ < written_;
  }
  [[nodiscard]] const lineage_id& lineage() const noexcept { return lineage_; }

private:
  error open_reader(std::optional<position> from,
                    persistence::damage_policy damage);
  part take_tail();
  void note_sent(uint64_t bytes) {
    sent_ += bytes;
    if (options_.parts_in_flight_max != 0)
      parts_.push_back(sent_);
  }
  result<std::optional<item>> from_file();
  result<std::optional<item>> send(const persistence::log_chunk& read);

  persistence::file_system* fs_;
  flow_options options_;
  std::shared_ptr<tail_credit> credit_;
  std::unique_ptr<persistence::log_reader> reader_;
  lineage_id lineage_;
  std::deque<part> tail_;
  position next_;
  static constexpr position unknown_end{~uint64_t{0}};
  /// Everything below is in the file; unknown until the writer first tells.
  position written_ = unknown_end;
  position last_sent_;
  bool drained_ = false;
  std::string stalled_;
  bool resyncs_ = false; ///< The reader goes on at the next intact record.
  uint64_t sent_ = 0;
  uint64_t acked_ = 0;
  std::deque<uint64_t> parts_; ///< Ends of those not acknowledged, as sent_.
};

} // namespace millrace::rt
