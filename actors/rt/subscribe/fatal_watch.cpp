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
                  uint32_t park_after) {
  std::unique_ptr<fatal_watch> out{new fatal_watch{fs, path, park_after}};
  if (park_after == 0)
    return out;
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  if (auto fault = out->load_parked())
    return fault;
  if (auto fault = out->load())
    return fault;
  return out;
}

error fatal_watch::load_parked() {
  const auto bytes
    = persistence::read_file(*fs_, path_ + ".parked", parked_bytes_max);
  if (!bytes)
    return bytes.failure().code == errc::not_found ? error{} : bytes.failure();
  std::string_view rest{reinterpret_cast<const char*>(bytes->data()),
                        bytes->size()};
  for (size_t end; (end = rest.find('\n')) != std::string_view::npos;
       rest.remove_prefix(end + 1)) {
    const auto line = text::parse_json(rest.substr(0, end));
    const auto what = line ? read_place(*line) : std::nullopt;
    if (!what)
      return {errc::corrupt, path_ + ".parked: '"
                               + std::string{rest.substr(0, end)}
                               + "' names no message"};
    parked_.push_back(*what);
  }
  return {};
}

error fatal_watch::load() {
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
  careful_ = *got != 0 && state != "ended";
  if (state == "taking")
    if (const auto what = read_place(*found))
      suspect_ = {
        *what, static_cast<uint32_t>(found->at("times").natural().value_or(0))};
  if (suspect_ && suspect_->times >= park_after_) {
    if (auto fault = park(suspect_->what))
      return fault;
    suspect_.reset();
  }
  file_ = *std::move(file);
  // What is suspected stays there until the next message is taken.
  if (!suspect_)
    write(mark::running, {});
  return std::exchange(fault_, {});
}

error fatal_watch::park(const place& what) {
  auto next = parked_;
  next.push_back(what);
  std::string lines;
  for (const auto& each : next)
    lines += as_line(each) + "\n";
  if (auto fault = persistence::replace_file(
        *fs_, path_ + ".parked", std::as_bytes(std::span<const char>{lines})))
    return fault;
  parked_ = std::move(next);
  return {};
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
  if (past) {
    careful_ = false;
    suspect_.reset();
  }
  write(mark::running, {});
}

void fatal_watch::threw(const place& what) {
  write(mark::taking, {what, times_of(what)});
}

void fatal_watch::write(mark as, const taking& what) {
  constexpr const char* names[] = {"ended", "running", "taking"};
  text::json_value out{{"state", names[static_cast<int>(as)]}};
  if (as == mark::taking) {
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
