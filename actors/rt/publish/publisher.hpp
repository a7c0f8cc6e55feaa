#pragma once

#include <millrace/actors/rt/publish/awaited_responses.hpp>
#include <millrace/actors/rt/publish/collected_copies.hpp>
#include <millrace/actors/rt/publish/group_commit.hpp>
#include <millrace/actors/rt/publish/id_rule.hpp>
#include <millrace/actors/rt/publish/merged_note.hpp>
#include <millrace/actors/rt/publish/origin_doubt.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/header.hpp>
#include <millrace/messages/data/id_policy.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

// Messages that wait for a response are in publisher_responses.cpp.

namespace millrace::rt {

struct publisher_options {
  /// A stream's name, or a full path ("/..."): exactly that directory, without
  /// replicators; `committed` then means `synced`.
  std::string topic;
  /// Root of publisher directories; the directory is `<host>.<topic>` in it,
  /// or `<host>@<writer>.<topic>`.
  std::string log_path;
  std::string host = "localhost";
  /// Which of several publishers of the origin this is, each of which has a
  /// directory of its own, on whatever host; empty: there is one.
  std::string writer{};
  /// Default header field `on`.
  std::string origin;
  /// The stream is `cached`: everywhere "written" stands for "synced".
  bool cached = false;
  uint64_t roll_bytes = uint64_t{1} << 30;
  /// Which ids may follow each other; of a stream counts what was agreed on,
  /// from when RT tells it.
  id_policy ids = id_policy::strict;
  /// What a power cut took is published again by the user of this: RT tells
  /// how far it came. Otherwise subscribers are told, by a `reset`.
  bool resumes = false;
  /// What RT has of the origin may be published again, with the same ids: the
  /// second of two feeds does so, and a feed that is read again. RT drops what
  /// it has. Without an id the message after the log's own last is numbered,
  /// not the one after all that RT has. Schemas and markers of periods take no
  /// id then: what others publish as well has none of them.
  bool replay = false;
  /// With `replay`: the id of the first message of the sequence.
  int64_t first_id = 1;
  /// RT nodes that keep copies of this log: a file goes when all of them
  /// collected theirs. 0: none does, and files stay.
  size_t copies = 0;
  /// No RT node orders the stream: who subscribes reads this log itself, and
  /// `committed` means `synced`, as of a full path.
  bool direct = false;
};

/// What `publish` returns: the end of the message in the publisher's own log.
struct publish_token {
  position end;
  int64_t id = 0;
};

/// What RT has merged of a publisher's default origin.
struct merged_origin {
  int64_t watermark = 0;              ///< Last merged id; 0: none.
  std::vector<source_cursor> cursors; ///< The last one of each source.
  id_policy ids = id_policy::strict;  ///< Of the stream.
};

/// Appends messages to a durable log of its own without waiting for any node;
/// replicators carry them to RT. Thread safe: any thread may publish. One live
/// publisher per directory.
class publisher {
public:
  /// Opens the directory (`locked` when another lives there) in a new session.
  /// Ids go on from the highest one logged for each origin.
  [[nodiscard]] static result<std::unique_ptr<publisher>>
  open(persistence::env& world, publisher_options options);

  /// Does not seal: call `close` for a clean end.
  ~publisher();
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;

  /// Appends one message and returns at once. Unset header fields: `on` the
  /// default origin, `ts` now, `id` the next one, `to` none.
  /// Errors, nothing written: `bad_id` names both ids; so does `id_behind`,
  /// where RT has what the id is of, and this publisher does not replay;
  /// `fenced` for good, when another publisher writes the default origin now;
  /// `oversize`; `invalid_argument` for a negative `to`; `origin_unverified`
  /// (retry) until RT told the watermark of a new directory, or of an origin
  /// that has not the name of its directory, and may have other writers;
  /// `no_space` (retry; taken up
  /// again by itself when space returns); `storage_failed`; `permission` (its
  /// disk may only be read); `closed`.
  [[nodiscard]] result<publish_token>
  publish(std::span<const std::byte> payload, const message_header& header = {},
          payload_kind kind = payload_kind::opaque);

  /// Publishes as above, and waits for a response: the first that a consumer
  /// gives within header.to milliseconds counts. It is of the default origin,
  /// whose publisher RT knows. Errors: those of `publish`; `invalid_argument`
  /// for another origin, no `to`, or a local journal, which no consumer can
  /// answer; `limit_exceeded` while too many are waited for.
  [[nodiscard]] result<publish_token>
  request(std::span<const std::byte> payload, const message_header& header,
          payload_kind kind = payload_kind::opaque);
  /// Blocks until a response to what was `request`ed came. `timeout` says how
  /// far the message got. Never call it from an actor's handler: poll
  /// `response` there.
  // lint: allow(half_used): for programs.
  [[nodiscard]] result<std::vector<std::byte>>
  await_response(const publish_token& token);
  /// The response, `timeout`, or none: nothing yet. Told once; `not_found` for
  /// what was not requested, or was told before.
  [[nodiscard]] std::optional<result<std::vector<std::byte>>>
  response(const publish_token& token);

  /// Blocks until the message is at least this safe. `timeout` says how far it
  /// got. Never call it from an actor's handler: poll `reached` there.
  [[nodiscard]] error wait(const publish_token& token, ack_level level,
                           std::chrono::milliseconds deadline) {
    return wait_for(token.end, level, deadline);
  }
  /// The same for everything published so far.
  [[nodiscard]] error flush(ack_level level,
                            std::chrono::milliseconds deadline) {
    return wait_for(appended(), level, deadline);
  }
  /// End of what reached `level`; tokens at or below it did. `committed` covers
  /// what earlier lives of the directory logged only once RT has told so.
  [[nodiscard]] position reached(ack_level level) const {
    return log_->reached(level);
  }
  /// What was published last waits for space, and nothing more is taken in.
  [[nodiscard]] bool is_disk_full() const { return log_->is_disk_full(); }
  /// Of the messages of an origin that this log has; 0: none.
  [[nodiscard]] int64_t last_id(std::string_view origin) const {
    const auto held = log_->lock();
    return ids_.last_id(origin);
  }
  /// End of everything published.
  [[nodiscard]] position appended() const { return log_->appended_end(); }

  /// Blocks until RT told the watermark (or it is not needed), or refused.
  [[nodiscard]] error wait_verified(std::chrono::milliseconds deadline);

  /// What RT had merged when it last took the replicator's offer; none: it was
  /// not heard of since this publisher was opened.
  [[nodiscard]] std::optional<merged_origin> told() const {
    const auto held = log_->lock();
    return told_;
  }

  /// Writes, seals the session, syncs. Idempotent; publishing ends.
  [[nodiscard]] error close();

  [[nodiscard]] const publisher_options& options() const noexcept {
    return options_;
  }
  [[nodiscard]] const std::string& directory() const noexcept {
    return directory_;
  }
  [[nodiscard]] bool is_local_journal() const noexcept {
    return options_.topic.starts_with('/');
  }
  /// Nobody orders this log: who reads it reads it as it stands.
  [[nodiscard]] bool is_own_order() const noexcept {
    return options_.direct || is_local_journal();
  }
  [[nodiscard]] const lineage_id& lineage() const noexcept { return lineage_; }

  // For the replicators beside the publisher, one per RT node.

  /// Called under the publisher's lock after each write, with its place and
  /// bytes (valid during the call). While there are listeners, messages are
  /// written when one asks (`pull`), when many are buffered, or by the first
  /// publish after `write_interval_max`: replicators that are behind get few
  /// large parts instead of many small ones.
  /// @returns a number, for `unlisten`.
  using listener = group_commit::listener;
  [[nodiscard]] uint64_t listen(listener on_write) {
    return log_->listen(std::move(on_write));
  }
  void unlisten(uint64_t number) { log_->unlisten(number); }
  /// The listener passed on all that it was told of: writes what is buffered,
  /// or lets the next publish write at once.
  /// @returns false when a publish is under way that may not see the wish: come
  ///   back soon with `insist`, which waits for it and writes what it left.
  [[nodiscard]] bool pull(bool insist) { return log_->pull(insist); }
  static constexpr auto write_interval_max = group_commit::write_interval_max;
  /// What is asked of RT from now on may be `verify`d: it has merged this log
  /// up to its fence (see origin_doubt).
  [[nodiscard]] bool may_verify() const {
    return reached(ack_level::committed) >= fence_;
  }
  /// RT's answer to the offer. @pre it `may_verify` when RT was asked
  void verify(merged_origin told);
  /// This life of the publisher, as RT tells it from others.
  [[nodiscard]] uint64_t life() const noexcept { return life_; }
  /// Another publisher writes the origin now, or has the place of this one's
  /// directory: nothing more is published.
  void fence(const error& why);
  /// Why nothing is published any more; none: it is.
  [[nodiscard]] error fenced() const {
    const auto held = log_->lock();
    return fenced_;
  }
  /// RT will never take this log: those that wait for it hear so at once.
  void refuse(const error& why) { log_->refuse(why); }
  /// The RT node `copy` is of another cluster, or, without a failure, is not.
  /// Without a majority nothing is committed: then that is refused.
  void found_strange(const std::string& copy, const error& why);
  /// Why nothing goes to the RT node `copy`; no error: it takes what is sent.
  void found_trouble(const std::string& copy, const error& why);
  /// Tries again what a full disk refused.
  void retry() { log_->retry(); }
  /// The log is damaged there, and nothing intact follows. Where that is in the
  /// newest file it goes on in a new one, so that who reads it comes past the
  /// damage and tells of it, also when nothing more is published.
  void pass_damage(position at) { log_->pass(at); }
  /// The same where the newest file was cut by somebody; one that was moved,
  /// removed or replaced is put back. Reads little, unless it puts one back.
  /// @returns what was found, to be told; empty: nothing.
  [[nodiscard]] std::string look_after_file() {
    return log_->look_after_file();
  }
  /// A consumer's response to the message of this id of the default origin.
  /// @returns why it does not count: see awaited_responses
  [[nodiscard]] error take_response(int64_t id,
                                    std::span<const std::byte> response);
  /// Responses that came and did not count: too late, or not the first.
  [[nodiscard]] uint64_t refused_responses() const {
    const auto held = log_->lock();
    return responses_.refused();
  }
  /// RT merged everything below this position of this log.
  void set_committed(position end) { log_->set_committed(end); }
  /// As it was known when this publisher was opened.
  [[nodiscard]] const merged_note& merged_before() const noexcept {
    return merged_before_;
  }
  /// A life of the stream has merged this log so far. What is remembered of it
  /// outlives the directory's owner, so that a stream that was wiped hears of
  /// what it had.
  /// @returns for another thread, when it is to be written down; else empty.
  [[nodiscard]] std::function<error()> merged_by(const lineage_id& life,
                                                 position end);
  /// The RT node `copy` collected its copy so far.
  /// @returns for another thread, when files of this log can go: they do,
  ///   unless this publisher has ended by then.
  [[nodiscard]] std::function<error()> collected(const std::string& copy,
                                                 const collected_copy& what);

  // For the one who serves the log of a stream that nobody orders.

  /// Messages that were published in this life.
  [[nodiscard]] uint64_t messages() const { return log_->messages(); }
  /// What was written is to be synced soon, also where nobody waits for it.
  void want_sync() { log_->want_sync(); }
  /// @returns for another thread: lets the files go that lie before that of
  ///   this position, unless this publisher has ended by then. How far they say
  ///   that its sources were read is kept.
  [[nodiscard]] std::function<error()> collect(position below);

private:
  [[nodiscard]] error wait_for(position end, ack_level level,
                               std::chrono::milliseconds deadline);
  [[nodiscard]] result<publish_token> append(std::span<const std::byte> payload,
                                             const message_header& header,
                                             payload_kind kind,
                                             bool wants_response);
  /// What keeps messages from RT, for those who wait in vain; empty: nothing.
  [[nodiscard]] std::string troubles() const;
  [[nodiscard]] result<publish_token>
  announce(std::span<const std::byte> payload, const message_header& header,
           payload_kind kind, int64_t now_ns);
  /// How far a message got, for those who wait in vain for its response.
  [[nodiscard]] std::string how_far(const publish_token& token) const;

  publisher(persistence::env& world, publisher_options options,
            std::string directory, origin_doubt doubt,
            std::unique_ptr<persistence::log_writer> writer);

  error look_for_other_writers();
  /// @param files_taken nobody knows what was in them
  error raise_fence(bool files_taken);

  persistence::env* env_;
  publisher_options options_;
  std::string directory_;
  lineage_id lineage_;
  uint64_t life_;
  /// Others may have written the origin: RT tells first how far it came.
  bool hears_first_ = false;          ///< Under the lock of `log_`.
  error fenced_;                      ///< Under the lock of `log_`.
  id_rule ids_;                       ///< Under the lock of `log_`.
  origin_doubt doubt_;                ///< Under the lock of `log_`.
  std::optional<merged_origin> told_; ///< Under the lock of `log_`.
  std::unique_ptr<group_commit> log_;
  position fence_;
  merged_note merged_before_;
  merged_note merged_;   ///< Under the lock of `log_`.
  lineage_id noted_for_; ///< The life that a job was handed out for. The same.
  awaited_responses responses_;           ///< Under the lock of `log_`.
  collected_copies collected_;            ///< Under the lock of `log_`.
  std::set<std::string> strange_;         ///< Under the lock of `log_`.
  std::map<std::string, error> troubles_; ///< Under the lock of `log_`.
  position collects_below_;               ///< Under the lock of `log_`.
  /// Who opens the directory next finds no file going away under it.
  struct collecting {
    std::mutex mutex;
    bool ended = false;
    merged_note noted; ///< As it stands in the directory.
  };
  std::shared_ptr<collecting> collecting_ = std::make_shared<collecting>();
};

} // namespace millrace::rt
