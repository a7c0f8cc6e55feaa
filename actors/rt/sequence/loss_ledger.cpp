#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string_view>
#include <utility>

namespace millrace::rt {

namespace {

using text::json_value;

json_value to_json(const loss& what) {
  return {{"number", what.number},
          {"time", what.time_ns},
          {"kind", what.kind},
          {"life_high", what.life.words[0]},
          {"life_low", what.life.words[1]},
          {"from", what.from.value},
          {"to", what.to.value},
          {"origin", what.origin},
          {"input", what.input},
          {"first_id", what.first_id},
          {"last_id", what.last_id},
          {"cause", what.cause},
          {"missing", what.missing},
          {"let_go", what.let_go}};
}

constexpr std::string_view sum_begin = ",\"sum\":\"";
constexpr size_t sum_digits = 8;

std::string sum_of(std::string_view text) {
  std::array<char, sum_digits + 1> out{};
  std::snprintf(out.data(), out.size(), "%08x",
                persistence::crc32c(std::as_bytes(std::span{text})));
  return out.data();
}

/// A line of the file: its last key is the checksum of what it is without that.
std::string summed_line(const json_value& what) {
  auto out = what.dump();
  const auto sum = sum_of(out);
  out.pop_back();
  return out.append(sum_begin).append(sum).append("\"}\n");
}

std::string line_of(const loss& what) { return summed_line(to_json(what)); }

enum class line_state : uint8_t { summed, unsummed, damaged };

/// Whether a line is as it was written. @param line becomes what the sum covers
line_state check_sum(std::string& line) {
  constexpr size_t tail = sum_begin.size() + sum_digits + 2;
  if (line.size() < tail
      || line.compare(line.size() - tail, sum_begin.size(), sum_begin) != 0)
    return line_state::unsummed;
  const auto sum = line.substr(line.size() - sum_digits - 2, sum_digits);
  line.resize(line.size() - tail);
  line += '}';
  return sum_of(line) == sum ? line_state::summed : line_state::damaged;
}

std::string count_file(const std::string& path) { return path + ".count"; }

std::string text_at(const json_value& from, std::string_view key) {
  const auto* found = from.at(key).text();
  return found != nullptr ? *found : std::string{};
}

loss loss_of(const json_value& from) {
  const auto natural
    = [&](std::string_view key) { return from.at(key).natural().value_or(0); };
  const auto integer
    = [&](std::string_view key) { return from.at(key).integer().value_or(0); };
  loss out;
  out.number = natural("number");
  out.time_ns = integer("time");
  out.kind = text_at(from, "kind");
  out.life = {{natural("life_high"), natural("life_low")}};
  out.from = position{natural("from")};
  out.to = position{natural("to")};
  out.origin = text_at(from, "origin");
  out.input = text_at(from, "input");
  out.first_id = integer("first_id");
  out.last_id = integer("last_id");
  out.cause = text_at(from, "cause");
  out.missing = natural("missing");
  out.let_go = natural("let_go");
  return out;
}

constexpr std::string_view cut_kind = "pruned";
constexpr std::string_view damaged_kind = "ledger_damaged";

bool of_merged_log(const loss& what) {
  return what.life.is_known() && what.input.empty();
}

} // namespace

loss_ledger::loss_ledger(persistence::file_system& fs, std::string path)
  : fs_{&fs}, path_{std::move(path)} {}

result<std::unique_ptr<loss_ledger>>
loss_ledger::open(persistence::file_system& fs, const std::string& path,
                  int64_t now_ns) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  std::unique_ptr<loss_ledger> out{new loss_ledger{fs, path}};
  if (auto fault = out->open_file())
    return fault;
  if (auto fault = out->load())
    return fault;
  if (const auto missing = out->missing(); missing != 0)
    if (auto fault = out->replace_damaged(missing, now_ns))
      return fault;
  return out;
}

error loss_ledger::open_file() {
  auto opened = fs_->open(path_, persistence::open_mode::write);
  if (!opened)
    return opened.failure();
  file_ = *std::move(opened);
  return {};
}

error loss_ledger::load() {
  read_noted();
  auto bytes = persistence::read_own_file(*fs_, path_);
  if (!bytes)
    return bytes.failure();
  std::string_view rest{reinterpret_cast<const char*>(bytes->data()),
                        bytes->size()};
  // Earlier releases wrote no sums.
  bool are_summed = false;
  for (size_t end; (end = rest.find('\n')) != std::string_view::npos;
       rest.remove_prefix(end + 1)) {
    end_ += end + 1;
    ++lines_;
    std::string text{rest.substr(0, end)};
    const auto state = check_sum(text);
    are_summed = are_summed || state != line_state::unsummed;
    if (state == line_state::damaged
        || (are_summed && state == line_state::unsummed)) {
      ++bad_lines_;
      continue;
    }
    const auto line = text::parse_json(text);
    if (line && line->at("number").natural()) {
      auto read = loss_of(*line);
      // Earlier releases did not count them.
      read.let_go
        = std::max(read.let_go, let_go_ + (read.kind == cut_kind ? 1 : 0));
      keep(std::move(read));
      last_bytes_ = end + 1;
    } else {
      ++bad_lines_;
      last_bytes_ = 0;
    }
  }
  return rest.empty() ? error{} : file_->truncate(end_);
}

void loss_ledger::read_noted() {
  const auto bytes = persistence::read_own_file(*fs_, count_file(path_), 4096);
  if (!bytes)
    return;
  std::string text{reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  if (text.ends_with('\n'))
    text.pop_back();
  if (check_sum(text) != line_state::summed)
    return;
  const auto noted = text::parse_json(text);
  if (!noted)
    return;
  *noted_ = noted->at("count").natural().value_or(0);
  first_ = noted->at("first").natural().value_or(1);
}

/// Of those that no line of the file is as it was written, some may be after
/// all that is known of.
uint64_t loss_ledger::missing() const {
  const auto last = std::max<uint64_t>(count_, *noted_);
  // The oldest go only where more are kept than that.
  const auto first
    = lines_ < kept_max || kept_.empty() ? first_ : kept_.front().number;
  const auto expected = last + 1 - std::min(last + 1, first);
  const auto there = kept_.size() + told_missing();
  return std::max(expected > there ? expected - there : 0, bad_lines_);
}

uint64_t loss_ledger::told_missing() const {
  uint64_t out = 0;
  for (const auto& each : kept_)
    out += each.missing;
  return out;
}

/// What was there is kept for its readers.
error loss_ledger::replace_damaged(uint64_t missing, int64_t now_ns) {
  damage_ = path_ + ": " + std::to_string(missing)
            + " of the losses that were written down are missing, or cannot be "
              "read; the others stand in it again, and other nodes may know of "
              "them ('millrace stream losses')";
  if (lines_ != 0)
    if (auto fault = persistence::set_aside(*fs_, path_))
      return fault;
  if (lines_ >= kept_max && !kept_.empty())
    first_ = kept_.front().number;
  if (auto fault = shorten())
    return fault;
  count_ = std::max<uint64_t>(
    {count_, *noted_, first_ - 1 + kept_.size() + told_missing() + missing});
  loss told;
  told.kind = damaged_kind;
  told.time_ns = now_ns;
  told.cause = damage_;
  told.missing = missing;
  if (auto fault = add(std::move(told)))
    return fault;
  return sync_job()();
}

void loss_ledger::keep(loss what) {
  count_ = std::max(count_, what.number);
  let_go_ = std::max(let_go_, what.let_go);
  if (of_merged_log(what)) {
    if (what.life != life_) {
      life_ = what.life;
      event_ = cut_ = {};
    }
    auto& newest = what.kind == cut_kind ? cut_ : event_;
    newest = std::max(newest, what.to);
  }
  kept_.push_back(std::move(what));
  if (kept_.size() > kept_max)
    kept_.pop_front();
}

/// Another one may lie there if a group went on without what it had agreed on.
bool loss_ledger::knows(const loss& what) const {
  if (!of_merged_log(what) || what.life != life_
      || what.to > (what.kind == cut_kind ? cut_ : event_))
    return false;
  return std::any_of(kept_.rbegin(), kept_.rend(), [&](const loss& each) {
    return of_merged_log(each) && each.life == what.life
           && each.kind == what.kind && each.origin == what.origin
           && (each.kind == cut_kind
                 ? each.from <= what.from && what.to <= each.to
                 : each.from == what.from && each.to == what.to);
  });
}

bool loss_ledger::tells(const loss& what) const {
  return std::any_of(kept_.begin(), kept_.end(), [&](const loss& each) {
    return each.kind == what.kind && each.input == what.input
           && each.cause == what.cause;
  });
}

/// A retention lets files go every few seconds: the losses between are not to
/// be pushed out by that.
bool loss_ledger::goes_on(const loss& cut) const {
  constexpr int64_t day_ns = 86'400'000'000'000;
  if (cut.kind != cut_kind || kept_.empty() || last_bytes_ == 0)
    return false;
  const auto& last = kept_.back();
  return last.kind == cut_kind && last.life == cut.life && last.to == cut.from
         && last.cause == cut.cause
         && last.time_ns / day_ns == cut.time_ns / day_ns;
}

error loss_ledger::extend(loss cut) {
  auto& last = kept_.back();
  cut.number = last.number;
  cut.from = last.from;
  cut.let_go = last.let_go;
  const auto line = line_of(cut);
  const auto begin = end_ - last_bytes_;
  if (auto fault = file_->write_at(begin, std::as_bytes(std::span{line})))
    return fault;
  if (line.size() < last_bytes_)
    if (auto fault = file_->truncate(begin + line.size()))
      return fault;
  end_ = begin + line.size();
  last_bytes_ = line.size();
  cut_ = std::max(cut_, cut.to);
  last = std::move(cut);
  return {};
}

error loss_ledger::add(loss what) {
  if (knows(what))
    return {};
  if (goes_on(what))
    return extend(std::move(what));
  what.number = count_ + 1;
  what.let_go = let_go_ + (what.kind == cut_kind ? 1 : 0);
  const auto line = line_of(what);
  // What is torn by a failure is written over.
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{line})))
    return fault;
  end_ += line.size();
  last_bytes_ = line.size();
  ++lines_;
  keep(std::move(what));
  return lines_ > 2 * kept_max ? shorten() : error{};
}

/// Without what is not kept any more.
error loss_ledger::shorten() {
  std::string all;
  last_bytes_ = 0;
  for (const auto& each : kept_) {
    const auto line = line_of(each);
    all += line;
    last_bytes_ = line.size();
  }
  if (auto fault = persistence::replace_own_file(*fs_, path_,
                                                 std::as_bytes(std::span{all})))
    return fault;
  lines_ = kept_.size();
  end_ = all.size();
  return open_file();
}

json_value loss_ledger::after(uint64_t number) const {
  json_value out{{"count", count_},
                 {"first", kept_.empty() ? count_ + 1 : kept_.front().number},
                 {"missing", told_missing()}};
  auto& losses = out.add("losses", json_value::array());
  size_t told = 0;
  for (const auto& each : kept_)
    if (each.number > number && told++ < part_max)
      losses.add(to_json(each));
  return out;
}

std::function<error()> loss_ledger::sync_job() {
  const auto directory = path_.substr(0, path_.find_last_of('/'));
  return [file = file_, fs = fs_, directory, path = count_file(path_),
          count = count_, first = first_, noted = noted_]() -> error {
    if (auto fault = file->sync())
      return fault;
    if (count == *noted)
      return fs->sync_directory(directory);
    const auto line = summed_line({{"count", count}, {"first", first}});
    if (auto fault = persistence::replace_own_file(
          *fs, path, std::as_bytes(std::span{line})))
      return fault;
    *noted = count;
    return {};
  };
}

} // namespace millrace::rt
