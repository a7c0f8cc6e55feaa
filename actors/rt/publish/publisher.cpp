#include <millrace/actors/rt/publish/collected_cursors.hpp>
#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

namespace {

error check(std::span<const std::byte> payload, const message_header& header) {
  if (payload.size() > payload_bytes_max)
    return {errc::oversize, "payload of " + std::to_string(payload.size())
                              + " bytes, at most "
                              + std::to_string(payload_bytes_max)};
  if (header.to != null_int && header.to < 0)
    return {errc::invalid_argument,
            "header field to: " + std::to_string(header.to) + " is negative"};
  if (header.on.size() > persistence::origin_bytes_max)
    return {errc::invalid_argument,
            "header field on: " + std::to_string(header.on.size())
              + " bytes, at most "
              + std::to_string(persistence::origin_bytes_max)};
  if (!text::valid_utf8(header.on))
    return {errc::invalid_argument, "header field on: is not UTF-8"};
  return {};
}

/// `<host>.<topic>`, or `<host>@<writer>.<topic>`, names one directory below
/// the log path, and no others give the same one.
error check_names(const publisher_options& options) {
  if (!text::is_undotted_name(options.host))
    return {errc::invalid_argument,
            "publisher '" + options.host
              + "' is not a name: at most 64 letters, digits, '_' and '-', not "
                "led by '-'"};
  if (!options.writer.empty() && !text::is_undotted_name(options.writer))
    return {errc::invalid_argument,
            "writer '" + options.writer
              + "' is not a name: at most 64 letters, digits, '_' and '-', not "
                "led by '-'"};
  if (!text::is_plain_name(options.topic))
    return {errc::invalid_argument,
            "stream '" + options.topic
              + "' is not a name: at most 64 letters, digits, '_', '-' and "
                "'.', not led by '-' or '.'"};
  return {};
}

/// Of a directory.
std::string name_of(const publisher_options& options) {
  return options.host + (options.writer.empty() ? "" : "@" + options.writer)
         + "." + options.topic;
}

/// A directory that does not say which life it is in is of no use before
/// somebody decides what it is.
error with_remedy(persistence::file_system& fs, const std::string& directory,
                  error why) {
  if (why.code != errc::corrupt
      || persistence::read_lineage(fs, directory).has_value())
    return why;
  why.context += "; put back the .lineage that each rt process keeps with its "
                 "copy of this log, in in/"
                 + directory.substr(directory.rfind('/') + 1)
                 + "/<lineage>/ of the stream, or move the directory aside: "
                   "the publisher then begins anew, what was not merged of it "
                   "is lost, and subscribers get a reset";
  return why;
}

} // namespace

result<std::unique_ptr<publisher>> publisher::open(persistence::env& world,
                                                   publisher_options options) {
  if (options.topic.empty())
    return error{errc::invalid_argument, "topic: must not be empty"};
  std::string directory = options.topic;
  const bool local = options.topic.starts_with('/');
  if ((local || options.direct) && options.replay)
    return error{errc::invalid_argument,
                 "topic '" + options.topic
                   + "': replay: nobody drops what a journal has, or a stream "
                     "that no rt orders"};
  if (!local) {
    if (auto fault = check_names(options))
      return fault;
    if (options.log_path.empty())
      return error{errc::invalid_argument,
                   "topic '" + options.topic
                     + "': not a full path, and no log_path to put it in"};
    directory = options.log_path + "/" + name_of(options);
  }
  if (options.origin.empty())
    options.origin = name_of(options);
  if (!text::valid_utf8(options.origin))
    return error{errc::invalid_argument, "origin: is not UTF-8"};
  if (options.origin.size() > persistence::origin_bytes_max)
    return error{errc::invalid_argument,
                 "origin: longer than "
                   + std::to_string(persistence::origin_bytes_max) + " bytes"};
  origin_doubt doubt{*world.fs, directory, !local && !options.direct};
  persistence::log_writer_options log;
  log.directory = directory;
  log.session = persistence::session_policy::same;
  log.roll_bytes = options.roll_bytes;
  log.ids = options.ids;
  log.before_repair = [&doubt] { return doubt.suspect(); };
  auto writer = persistence::log_writer::open(world, std::move(log));
  if (!writer)
    return with_remedy(*world.fs, directory, writer.failure());
  const bool files_taken = (*writer)->files_taken();
  std::unique_ptr<publisher> out{
    new publisher{world, std::move(options), std::move(directory),
                  std::move(doubt), *std::move(writer)}};
  if (auto fault = out->look_for_other_writers())
    return fault;
  if (auto fault = out->raise_fence(files_taken))
    return fault;
  if (out->options_.direct) {
    auto cursors = collected_cursors(*world.fs, out->directory_);
    if (!cursors)
      return cursors.failure();
    // Nobody else knows more than this log.
    out->told_ = merged_origin{0, *std::move(cursors)};
  }
  return out;
}

publisher::publisher(persistence::env& world, publisher_options options,
                     std::string directory, origin_doubt doubt,
                     std::unique_ptr<persistence::log_writer> writer)
  : env_{&world}, options_{std::move(options)},
    directory_{std::move(directory)}, lineage_{writer->lineage()},
    life_{world.random() | 1}, ids_{options_.origin, writer->recovered_ids(),
                                    options_.ids, options_.replay,
                                    options_.first_id},
    doubt_{std::move(doubt)} {
  merged_before_ = merged_ = read_merged_note(*world.fs, directory_);
  collecting_->noted = merged_before_;
  noted_for_ = merged_before_.by;
  const bool known = writer->recovered_ids().contains(options_.origin);
  if (doubt_.settle(known, writer->recovered_clean())) {
    const auto& surviving = writer->surviving_ids();
    const auto found = surviving.find(options_.origin);
    ids_.set_last_id(found == surviving.end() ? 0 : found->second);
  }
  log_ = std::make_unique<group_commit>(
    world, std::move(writer), doubt_,
    group_commit::settings{.directory = directory_,
                           .cached = options_.cached,
                           .journal = is_own_order()});
}

/// Who has an origin of its directory's name is alone, as long as it goes on
/// after its own last id: one that was replayed may have ended anywhere. The
/// mark stays: it costs a question.
error publisher::look_for_other_writers() {
  if (is_own_order())
    return {};
  const auto replayed = directory_ + "/.replayed";
  auto& fs = *env_->fs;
  const auto held = log_->lock();
  hears_first_
    = fs.exists(replayed)
      || (options_.origin != name_of(options_)
          && (options_.origin != options_.host || !options_.writer.empty()));
  if (!options_.replay || fs.exists(replayed))
    return {};
  const auto made = fs.open(replayed, persistence::open_mode::write);
  return made ? error{} : made.failure();
}

error publisher::raise_fence(bool files_taken) {
  // Who reads a journal sees for himself.
  if (!doubt_.wants_fence() && (!files_taken || is_own_order()))
    return {};
  stream_event event;
  event.kind = event_kind::reset;
  event.origin = options_.origin;
  event.last_id = ids_.last_id();
  if (files_taken)
    event.cause
      = "files of the publisher's log were taken away: what they held "
        "and was not merged is lost";
  else if (!options_.resumes)
    event.cause = "the publisher's machine went down: what it had published "
                  "after this and not synced is lost";
  const auto held = log_->lock();
  auto end = log_->append(event);
  if (!end)
    return end.failure();
  fence_ = *end;
  return {};
}

result<publish_token> publisher::publish(std::span<const std::byte> payload,
                                         const message_header& header,
                                         payload_kind kind) {
  return append(payload, header, kind, false);
}

result<publish_token> publisher::append(std::span<const std::byte> payload,
                                        const message_header& header,
                                        payload_kind kind,
                                        bool wants_response) {
  if (auto fault = check(payload, header))
    return fault;
  auto complete = header;
  if (complete.on.empty())
    complete.on = options_.origin;
  // One look at a clock per message: it is a tenth of what a message costs.
  const auto now = env_->clock->now_ns();
  if (complete.ts == null_long)
    complete.ts = now;
  const auto held = log_->lock();
  if (log_->failure())
    return log_->failure();
  if (fenced_)
    return fenced_;
  if ((!doubt_.verified() || hears_first_)
      && !MILLRACE_PLANTED(number_before_rt_answers))
    return error{errc::origin_unverified,
                 "origin '" + options_.origin
                   + "': RT has not yet told its last id; retry"};
  const bool has_no_id
    = kind == payload_kind::table_schema || kind == payload_kind::end_of_period;
  if (options_.replay && has_no_id)
    return announce(payload, complete, kind, now);
  auto id = ids_.next(complete.on, header.id);
  if (!id) {
    // Which ids it has the stream has not told yet.
    const auto other = ids_.policy() == id_policy::strict ? id_policy::monotonic
                                                          : id_policy::strict;
    if (!told_ && !is_own_order() && header.id != null_long
        && id.failure().code == errc::bad_id
        && id_follows(other, header.id, ids_.last_id(complete.on)))
      return error{errc::origin_unverified,
                   id.failure().context
                     + ", unless the stream was agreed to have other ids, "
                       "which RT has not told yet; retry"};
    return id.failure();
  }
  complete.id = *id;
  if (wants_response) {
    // Before anybody can see the message.
    const auto now_ns = env_->clock->monotonic_ns();
    if (auto fault = responses_.expect(
          complete.id, now_ns + int64_t{header.to} * 1'000'000, now_ns))
      return fault;
  }
  auto end = log_->append(kind, complete, payload);
  if (!end) {
    responses_.forget(complete.id);
    return end.failure();
  }
  ids_.took(complete.on, complete.id);
  if (complete.on == options_.origin)
    doubt_.appended();
  if (auto fault = log_->appended_at(now))
    return fault;
  return publish_token{*end, complete.id};
}

/// Others publish the same sequence of ids, and none of these. With the lock
/// held.
result<publish_token> publisher::announce(std::span<const std::byte> payload,
                                          const message_header& header,
                                          payload_kind kind, int64_t now_ns) {
  auto told = header;
  told.id = 0;
  auto end = [&] {
    if (kind == payload_kind::end_of_period)
      return log_->announce(persistence::record_kind::marker, kind, told,
                            payload);
    stream_event event;
    event.kind = event_kind::schema;
    event.origin = header.on;
    event.schema.assign(payload.begin(), payload.end());
    return log_->announce(persistence::record_kind::event, payload_kind::opaque,
                          told, encode(event));
  }();
  if (!end)
    return end.failure();
  if (auto fault = log_->appended_at(now_ns))
    return fault;
  return publish_token{*end, told.id};
}

error publisher::wait_verified(std::chrono::milliseconds deadline) {
  const auto known = [this] {
    return (doubt_.verified() && !hears_first_) || log_->refusal();
  };
  if (log_->wait_until(known, deadline)) {
    const auto held = log_->lock();
    return log_->refusal();
  }
  return {errc::origin_unverified,
          "origin '" + options_.origin + "': no answer from an RT node of '"
            + options_.topic + "' within " + std::to_string(deadline.count())
            + " ms" + troubles()};
}

error publisher::wait_for(position end, ack_level level,
                          std::chrono::milliseconds deadline) {
  auto why = log_->await(end, level, deadline);
  if (why.code == errc::timeout && level == ack_level::committed)
    why.context += troubles();
  return why;
}

void publisher::found_trouble(const std::string& copy, const error& why) {
  const auto held = log_->lock();
  if (why)
    troubles_[copy] = why;
  else
    troubles_.erase(copy);
}

std::string publisher::troubles() const {
  const auto held = log_->lock();
  std::string out;
  for (const auto& [copy, why] : troubles_)
    out += "; " + copy + ": " + to_string(why);
  return out;
}

publisher::~publisher() {
  const std::scoped_lock held{collecting_->mutex};
  collecting_->ended = true;
}

error publisher::close() {
  merged_note noted;
  {
    const std::scoped_lock held{collecting_->mutex};
    collecting_->ended = true;
    noted = collecting_->noted;
  }
  auto fault = log_->close();
  const auto held = log_->lock();
  if (!merged_.by.is_known()
      || (merged_.by == noted.by && merged_.end <= noted.end))
    return fault;
  const auto unnoted = write_merged_note(*env_->fs, directory_, merged_);
  if (!unnoted) {
    const std::scoped_lock known{collecting_->mutex};
    collecting_->noted = merged_;
  }
  // It is of use for who looks into a loss, and no part of the log.
  return fault || unnoted.code == errc::no_space ? fault : unnoted;
}

std::function<error()> publisher::merged_by(const lineage_id& life,
                                            position end) {
  const auto held = log_->lock();
  if (!life.is_known() || end == position{})
    return {};
  if (merged_.by != life)
    merged_ = {life, end};
  merged_.end = std::max(merged_.end, end);
  // In a life that was noted the rest is, when the publisher is closed.
  if (std::exchange(noted_for_, life) == life)
    return {};
  return [world = env_, directory = directory_, what = merged_,
          ending = collecting_]() -> error {
    const std::scoped_lock not_ended{ending->mutex};
    if (ending->ended)
      return {};
    auto fault = write_merged_note(*world->fs, directory, what);
    if (!fault)
      ending->noted = what;
    return fault;
  };
}

std::function<error()> publisher::collected(const std::string& copy,
                                            const collected_copy& what) {
  const auto held = log_->lock();
  auto& known = collected_[copy];
  known.below = std::max(known.below, what.below);
  known.released = std::max(known.released, what.released);
  if (options_.copies == 0)
    return {};
  const auto floor = rt::collects_below(collected_, options_.copies);
  if (floor <= collects_below_)
    return {};
  collects_below_ = floor;
  return [world = env_, directory = directory_, floor,
          ending = collecting_]() -> error {
    const std::scoped_lock not_ended{ending->mutex};
    if (ending->ended)
      return {};
    return persistence::collect_log(*world, directory, floor).failure();
  };
}

std::function<error()> publisher::collect(position below) {
  return [world = env_, directory = directory_, below,
          ending = collecting_]() -> error {
    const std::scoped_lock not_ended{ending->mutex};
    if (ending->ended)
      return {errc::closed, directory + ": closed"};
    if (auto fault = keep_cursors(*world->fs, directory, below))
      return fault;
    return persistence::collect_log(*world, directory, below).failure();
  };
}

void publisher::found_strange(const std::string& copy, const error& why) {
  bool hopeless = false;
  {
    const auto held = log_->lock();
    if (why)
      strange_.insert(copy);
    else
      strange_.erase(copy);
    hopeless = why && strange_.size() * 2 > options_.copies;
  }
  if (hopeless)
    refuse(why);
}

void publisher::fence(const error& why) {
  {
    const auto held = log_->lock();
    if (fenced_)
      return;
    fenced_ = why;
  }
  log_->refuse(why);
}

void publisher::verify(merged_origin told) {
  const auto held = log_->lock();
  if (fenced_)
    return;
  ids_.set_policy(told.ids);
  ids_.set_merged(told.watermark);
  // RT may hold more than a log that lost its tail, or than one whose origin
  // had another writer: a reused id would be dropped as a duplicate. Later in
  // this life only a writer of the same sequence is ahead of it.
  if (!told_ && !options_.replay && told.watermark != 0
      && is_newer_id(told.ids, told.watermark, ids_.last_id())
      && !MILLRACE_PLANTED(reuse_lost_ids))
    ids_.set_last_id(told.watermark);
  told_ = std::move(told);
  doubt_.verify();
  hears_first_ = false;
  log_->take_back_refusal();
  log_->notify();
}

} // namespace millrace::rt
