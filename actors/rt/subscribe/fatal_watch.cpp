#include <millrace/actors/rt/subscribe/fatal_watch.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>
#include <span>
#include <string_view>

namespace millrace::rt {

namespace {

/// One mark is written over another.
constexpr size_t mark_bytes = 192;
constexpr uint64_t parked_bytes_max = 16u << 20;

std::string as_line(const fatal_watch::place& what) {
  return text::json_value{{"life", to_string(what.life)},
                          {"position", what.end.value}}
    .dump();
}

std::optional<fatal_watch::place> read_place(const text::json_value& from) {
  const auto* life = from.find("life");
  const auto* end = from.find("position");
  const auto known
    = life != nullptr ? lineage_of(life->text_or_empty()) : std::nullopt;
  const auto at = end != nullptr ? end->natural() : std::nullopt;
  if (!known || !at)
    return std::nullopt;
  return fatal_watch::place{*known, position{*at}};
}

} // namespace

fatal_watch::fatal_watch(persistence::file_system& fs, std::string path,
                         uint32_t park_after)
  : fs_{&fs}, path_{std::move(path)}, park_after_{park_after} {}

fatal_watch::~fatal_watch() {
  if (park_after_ != 0 && !inside_ && file_)
    write(mark::ended, {});
}

result<std::unique_ptr<fatal_watch>>
fatal_watch::open(persistence::file_system& fs, const std::string& path,
                  uint32_t park_after, bool faulted) {
  std::unique_ptr<fatal_watch> out{new fatal_watch{fs, path, park_after}};
  if (park_after == 0)
    return out;
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  if (auto fault = out->load_parked())
    return fault;
  if (auto fault = out->load(faulted))
    return fault;
  return out;
}

error fatal_watch::load_parked() {
  const auto list = path_ + ".parked";
  const auto bytes = persistence::read_own_file(*fs_, list, parked_bytes_max);
  if (!bytes)
    return bytes.failure().code == errc::not_found ? error{} : bytes.failure();
  std::string_view rest{reinterpret_cast<const char*>(bytes->data()),
                        bytes->size()};
  size_t unknown = 0;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = text::parse_json(rest.substr(0, end));
    if (const auto what = line ? read_place(*line) : std::nullopt)
      parked_.push_back(*what);
    else
      ++unknown;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (unknown == 0)
    return {};
  damage_ = list + ": " + std::to_string(unknown)
            + " lines name no message; the file is kept as " + list
            + ".damaged, and what they named is taken again";
  if (auto fault = persistence::replace_file(*fs_, list + ".damaged", *bytes))
    return fault;
  return write_parked(parked_);
}

error fatal_watch::load(bool faulted) {
  auto file = fs_->open(path_, persistence::open_mode::write);
  if (!file)
    return file.failure();
  std::vector<std::byte> bytes(mark_bytes);
  const auto got = (*file)->read_at(0, bytes);
  if (!got)
    return got.failure();
  const auto found
    = text::parse_json({reinterpret_cast<const char*>(bytes.data()), *got});
  const auto state = found ? found->at("state").text_or_empty() : std::string{};
  if (state == "taking" || state == "suspected" || state == "threw") {
    auto times
      = static_cast<uint32_t>(found->at("times").natural().value_or(0));
    // Who was killed from outside was not ended by what it took.
    if (state == "taking" && !faulted && times != 0)
      --times;
    if (const auto what = read_place(*found); what && times != 0)
      suspect_ = {*what, times};
  }
  if (suspect_ && suspect_->times >= park_after_) {
    if (auto fault = park(suspect_->what))
      return fault;
    suspect_.reset();
    faulted = true; // Another one may follow it.
  }
  careful_ = faulted || suspect_;
  file_ = *std::move(file);
  write(suspect_ ? mark::suspected : mark::running,
        suspect_.value_or(taking{}));
  return std::exchange(fault_, {});
}

error fatal_watch::park(const place& what) {
  auto next = parked_;
  next.push_back(what);
  if (auto fault = write_parked(next))
    return fault;
  parked_ = std::move(next);
  return {};
}

error fatal_watch::write_parked(const std::vector<place>& all) {
  std::string lines;
  for (const auto& each : all)
    lines += as_line(each) + "\n";
  return persistence::replace_own_file(
    *fs_, path_ + ".parked", std::as_bytes(std::span<const char>{lines}),
    parked_bytes_max);
}

bool fatal_watch::is_parked(const place& what) const {
  return std::find(parked_.begin(), parked_.end(), what) != parked_.end();
}

void fatal_watch::flow_began(position end) {
  careful_until_ = std::max(careful_until_, end);
}

uint32_t fatal_watch::times_of(const place& what) const {
  return suspect_ && suspect_->what == what ? suspect_->times + 1 : 1;
}

void fatal_watch::begin(const place& what) {
  inside_ = true;
  passed_ = what.end;
  if (careful_)
    write(mark::taking, {what, times_of(what)});
}

void fatal_watch::end() {
  inside_ = false;
  if (!careful_)
    return;
  // Whatever ends it now is none of this message.
  const bool past = careful_until_ != position{} && passed_ >= careful_until_;
  if (past)
    careful_ = false;
  if (past || (suspect_ && suspect_->what.end <= passed_))
    suspect_.reset();
  write(suspect_ ? mark::suspected : mark::running,
        suspect_.value_or(taking{}));
}

void fatal_watch::threw(const place& what) {
  write(mark::threw, {what, times_of(what)});
}

void fatal_watch::write(mark as, const taking& what) {
  constexpr const char* names[]
    = {"ended", "running", "taking", "suspected", "threw"};
  text::json_value out{{"state", names[static_cast<int>(as)]}};
  if (as > mark::running) {
    out["life"] = to_string(what.what.life);
    out["position"] = what.what.end.value;
    out["times"] = what.times;
  }
  auto line = out.dump();
  line.resize(mark_bytes - 1, ' ');
  line += '\n';
  fault_ = file_->write_at(0, std::as_bytes(std::span<const char>{line}));
}

} // namespace millrace::rt
