#include <millrace/actors/rt/sequence/consensus.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <deque>

namespace millrace::rt {

namespace {

constexpr std::string_view entry_origin = "raft";

class group_of_one final : public consensus_group {
public:
  group_of_one(persistence::env& world, std::string directory, bool cached,
               std::unique_ptr<persistence::log_writer> log)
    : env_{&world},
      directory_{std::move(directory)}, cached_{cached}, log_{std::move(log)} {
    const auto& ids = log_->recovered_ids();
    if (const auto found = ids.find(std::string{entry_origin});
        found != ids.end())
      proposed_ = entry_index{static_cast<uint64_t>(found->second)};
    // What survived in the log of a group of one is its majority.
    committed_ = proposed_;
  }

  result<entry_index> propose(const merge_entry& entry) override {
    message_header header;
    header.on = entry_origin;
    header.id = static_cast<int64_t>(proposed_.next().value);
    auto end = log_->append(persistence::record_kind::messages,
                            payload_kind::opaque, header, encode(entry));
    if (!end)
      return end.failure();
    proposed_ = proposed_.next();
    ends_.push_back({*end, proposed_});
    return proposed_;
  }

  error write() override {
    if (auto fault = log_->write())
      return fault;
    if (cached_)
      commit(log_->recorded_end());
    return {};
  }

  persistence::log_writer::sync_job begin_sync() override {
    return log_->begin_sync();
  }

  void finish_sync(position end, const error& outcome) override {
    log_->finish_sync(end, outcome);
    if (!outcome)
      commit(end);
  }

  [[nodiscard]] entry_index committed() const noexcept override {
    return committed_;
  }
  [[nodiscard]] entry_index proposed() const noexcept override {
    return proposed_;
  }

  error replay(entry_index index,
               const std::function<error(entry_index, const merge_entry&)>&
                 apply) override {
    auto reader
      = persistence::log_reader::open(*env_->fs, {.directory = directory_}, {});
    if (!reader)
      return reader.failure();
    for (;;) {
      auto item = (*reader)->next();
      if (!item)
        return item.failure();
      if (std::holds_alternative<persistence::log_end>(*item))
        return {};
      if (const auto* event = std::get_if<stream_event>(&*item)) {
        if (event->kind == event_kind::badtail)
          return {errc::corrupt, directory_ + ": " + to_string(event->from)
                                   + ": the group's log is damaged"};
        continue;
      }
      const auto& message = std::get<persistence::log_message>(*item);
      const entry_index at{static_cast<uint64_t>(message.frame.header.id)};
      if (at <= index)
        continue;
      auto entry = decode_merge_entry(message.frame.payload);
      if (!entry)
        return entry.failure();
      if (auto fault = apply(at, *entry))
        return fault;
    }
  }

  // Not sealed: the next life goes on in the same file.
  error close() override { return log_->sync(); }

private:
  void commit(position end) {
    while (!ends_.empty() && ends_.front().end <= end) {
      committed_ = ends_.front().index;
      ends_.pop_front();
    }
  }

  struct entry_end {
    position end;
    entry_index index;
  };

  persistence::env* env_;
  std::string directory_;
  bool cached_;
  std::unique_ptr<persistence::log_writer> log_;
  entry_index proposed_;
  entry_index committed_;
  std::deque<entry_end> ends_; ///< Proposed, not yet committed.
};

} // namespace

result<std::unique_ptr<consensus_group>>
open_group_of_one(persistence::env& world, const std::string& directory,
                  bool cached) {
  persistence::log_writer_options options;
  options.directory = directory;
  options.session = persistence::session_policy::resume;
  options.reserve_bytes = uint64_t{1} << 20;
  auto log = persistence::log_writer::open(world, std::move(options));
  if (!log)
    return log.failure();
  return std::unique_ptr<consensus_group>{
    std::make_unique<group_of_one>(world, directory, cached, *std::move(log))};
}

} // namespace millrace::rt
