#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/messages/text/json_text.hpp>

#include <algorithm>
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
          {"cause", what.cause}};
}

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
  return out;
}

constexpr std::string_view cut_kind = "pruned";

bool of_merged_log(const loss& what) {
  return what.life.is_known() && what.input.empty();
}

} // namespace

loss_ledger::loss_ledger(persistence::file_system& fs, std::string path)
  : fs_{&fs}, path_{std::move(path)} {}

result<std::unique_ptr<loss_ledger>>
loss_ledger::open(persistence::file_system& fs, const std::string& path) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  std::unique_ptr<loss_ledger> out{new loss_ledger{fs, path}};
  if (auto fault = out->open_file())
    return fault;
  if (auto fault = out->load())
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
  auto bytes = persistence::read_own_file(*fs_, path_);
  if (!bytes)
    return bytes.failure();
  std::string_view rest{reinterpret_cast<const char*>(bytes->data()),
                        bytes->size()};
  for (size_t end; (end = rest.find('\n')) != std::string_view::npos;
       rest.remove_prefix(end + 1)) {
    end_ += end + 1;
    ++lines_;
    const auto line = text::parse_json(rest.substr(0, end));
    if (line && line->at("number").natural())
      keep(loss_of(*line));
  }
  return rest.empty() ? error{} : file_->truncate(end_);
}

void loss_ledger::keep(loss what) {
  count_ = std::max(count_, what.number);
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
           && each.kind == what.kind && each.from == what.from
           && each.to == what.to && each.origin == what.origin;
  });
}

error loss_ledger::add(loss what) {
  if (knows(what))
    return {};
  what.number = count_ + 1;
  const auto line = to_json(what).dump() + '\n';
  // What is torn by a failure is written over.
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{line})))
    return fault;
  end_ += line.size();
  ++lines_;
  keep(std::move(what));
  return lines_ > 2 * kept_max ? shorten() : error{};
}

/// Without what is not kept any more.
error loss_ledger::shorten() {
  std::string all;
  for (const auto& each : kept_)
    all += to_json(each).dump() + '\n';
  if (auto fault = persistence::replace_own_file(*fs_, path_,
                                                 std::as_bytes(std::span{all})))
    return fault;
  lines_ = kept_.size();
  end_ = all.size();
  return open_file();
}

json_value loss_ledger::after(uint64_t number) const {
  json_value out{{"count", count_},
                 {"first", kept_.empty() ? count_ + 1 : kept_.front().number}};
  auto& losses = out.add("losses", json_value::array());
  size_t told = 0;
  for (const auto& each : kept_)
    if (each.number > number && told++ < part_max)
      losses.add(to_json(each));
  return out;
}

std::function<error()> loss_ledger::sync_job() {
  const auto directory = path_.substr(0, path_.find_last_of('/'));
  return [file = file_, fs = fs_, directory]() -> error {
    if (auto fault = file->sync())
      return fault;
    return fs->sync_directory(directory);
  };
}

} // namespace millrace::rt
