#include <millrace/actors/rt/link/flow_sender.hpp>

#include <vector>

namespace millrace::rt {

flow_sender::flow_sender(persistence::file_system& fs, flow_options options,
                         std::shared_ptr<tail_credit> credit)
  : fs_{&fs}, options_{std::move(options)}, credit_{std::move(credit)} {}

flow_sender::~flow_sender() {
  for (const auto& unsent : tail_)
    credit_->give(static_cast<int64_t>(unsent.bytes.size()));
}

/// Payloads too are checked: what is damaged here is told here, once, and not
/// sent to be refused over and over.
error flow_sender::open_reader(std::optional<position> from,
                               persistence::damage_policy damage) {
  auto reader = persistence::log_reader::open(
    *fs_,
    {.directory = options_.directory,
     .damage = damage,
     .payloads = persistence::payload_check::verify},
    from);
  if (!reader)
    return reader.failure();
  reader_ = *std::move(reader);
  resyncs_ = damage == persistence::damage_policy::resync;
  return {};
}

error flow_sender::start(std::optional<position> from) {
  if (auto fault = open_reader(from, options_.damage))
    return fault;
  lineage_ = reader_->lineage();
  next_ = reader_->where();
  last_sent_ = from.value_or(position{});
  drained_ = false;
  stalled_.clear();
  sent_ = acked_ = 0;
  parts_.clear();
  return {};
}

error flow_sender::go_back(position to, uint64_t unsent) {
  if (unsent != 0 && !parts_.empty())
    parts_.pop_back();
  sent_ -= unsent;
  if (auto fault = open_reader(to, options_.damage))
    return fault;
  next_ = reader_->where();
  return {};
}

void flow_sender::grew(position end, chunk tail) {
  written_ = written_ == unknown_end ? end : std::max(written_, end);
  if (!tail.empty())
    tail_.push_back({{end.value - tail.size()}, std::move(tail)});
}

/// The next bytes of the tail, with those that follow them without a gap as
/// long as that costs little.
flow_sender::part flow_sender::take_tail() {
  auto out = std::move(tail_.front());
  tail_.pop_front();
  auto size = out.bytes.size();
  auto last = tail_.begin();
  for (; last != tail_.end() && last->begin.value == out.begin.value + size
         && size + last->bytes.size() <= flow_options::gathered_bytes;
       ++last)
    size += last->bytes.size();
  if (size != out.bytes.size()) {
    std::vector<std::byte> joined;
    joined.reserve(size);
    const auto add = [&](const chunk& more) {
      joined.insert(joined.end(), more.bytes().begin(), more.bytes().end());
    };
    add(out.bytes);
    std::for_each(tail_.begin(), last,
                  [&](const part& each) { add(each.bytes); });
    tail_.erase(tail_.begin(), last);
    out.bytes = chunk::copy_of(joined);
  }
  credit_->give(static_cast<int64_t>(size));
  return out;
}

result<std::optional<flow_sender::item>> flow_sender::next() {
  if (sent_ - acked_ >= options_.window_bytes || !reader_)
    return std::optional<item>{};
  drained_ = false;
  while (!tail_.empty() && tail_.front().begin < next_) {
    credit_->give(static_cast<int64_t>(tail_.front().bytes.size()));
    tail_.pop_front();
  }
  if (!tail_.empty() && tail_.front().begin == next_) {
    auto out = take_tail();
    next_.value += out.bytes.size();
    last_sent_ = next_;
    note_sent(out.bytes.size());
    return std::optional<item>{std::move(out)};
  }
  if (next_ >= written_) {
    drained_ = true;
    return std::optional<item>{};
  }
  return from_file();
}

result<std::optional<flow_sender::item>> flow_sender::from_file() {
  // The tail ran ahead of the reader: it has nothing to re-read.
  if (reader_->where() != next_)
    if (auto fault = open_reader(next_, options_.damage))
      return fault;
  // The writer says what is written: that much must be there.
  if (written_ != unknown_end)
    reader_->limit(written_);
  auto got = reader_->next_chunk(options_.chunk_bytes);
  const bool ended = got && std::holds_alternative<persistence::log_end>(*got);
  stalled_ = ended ? reader_->stalled() : std::string{};
  if (!stalled_.empty() && !resyncs_) {
    if (auto fault = open_reader(next_, persistence::damage_policy::resync))
      return fault;
    got = reader_->next_chunk(options_.chunk_bytes);
  }
  if (!got)
    return got.failure();
  if (auto* event = std::get_if<stream_event>(&*got)) {
    next_ = reader_->where();
    return std::optional<item>{std::move(*event)};
  }
  if (const auto* end = std::get_if<persistence::log_end>(&*got)) {
    next_ = end->end;
    drained_ = true;
    return std::optional<item>{};
  }
  return send(std::get<persistence::log_chunk>(*got));
}

result<std::optional<flow_sender::item>>
flow_sender::send(const persistence::log_chunk& read) {
  part out{read.begin, chunk::copy_of(read.bytes), read.lost};
  next_ = reader_->where();
  last_sent_ = read.end;
  note_sent(out.bytes.size());
  return std::optional<item>{std::move(out)};
}

} // namespace millrace::rt
