#include <millrace/actors/torq/rdb/dead_letters.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>
#include <functional>
#include <vector>

namespace millrace::torq {

namespace {

constexpr size_t piece_bytes = 1u << 20;

uint64_t hash_of(std::string_view line) {
  return std::hash<std::string_view>{}(line);
}

} // namespace

result<std::unique_ptr<dead_letters>>
dead_letters::open(persistence::file_system& fs, const std::string& path) {
  if (auto fault
      = fs.create_directories(path.substr(0, path.find_last_of('/'))))
    return fault;
  auto file = fs.open(path, persistence::open_mode::write);
  if (!file)
    return file.failure();
  std::unique_ptr<dead_letters> out{new dead_letters{*std::move(file)}};
  if (auto fault = out->load())
    return fault;
  return out;
}

error dead_letters::load() {
  std::string line; // What has come of one.
  std::vector<std::byte> piece(piece_bytes);
  for (uint64_t at = 0;;) {
    const auto got = file_->read_at(at, piece);
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    at += *got;
    std::string_view text{reinterpret_cast<const char*>(piece.data()), *got};
    for (size_t end; (end = text.find('\n')) != std::string_view::npos;
         text.remove_prefix(end + 1)) {
      line.append(text.substr(0, end));
      note(line);
      end_ += line.size() + 1;
      line.clear();
    }
    line.append(text);
  }
  return line.empty() ? error{} : file_->truncate(end_);
}

/// A line that is none of a letter counts for nothing here: who lists them
/// tells of it.
void dead_letters::note(const std::string& line) {
  const auto parsed = text::parse_json(line);
  const auto end = parsed ? parsed->at("position").natural() : std::nullopt;
  const auto id = parsed ? parsed->at("id").integer() : std::nullopt;
  if (!end || !id)
    return;
  auto stream = parsed->at("stream").text_or_empty();
  auto origin = parsed->at("origin").text_or_empty();
  if (parsed->find("taken") != nullptr)
    return forget(stream, position{*end}, origin, *id);
  const auto hash = hash_of(line);
  if (known_.insert(hash).second)
    waiting_.emplace(*end,
                     waiting{std::move(stream), std::move(origin), *id, hash});
}

void dead_letters::forget(std::string_view stream, position end,
                          std::string_view origin, int64_t id) {
  auto [at, last] = waiting_.equal_range(end.value);
  while (at != last)
    if (at->second.is_of(stream, origin, id)) {
      known_.erase(at->second.line);
      at = waiting_.erase(at);
    } else {
      ++at;
    }
}

error dead_letters::append(std::string line) {
  line += '\n';
  // What is torn by a failure is written over.
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{line})))
    return fault;
  end_ += line.size();
  return {};
}

error dead_letters::keep(const dead_letter& what) {
  std::string digits;
  text::append_hex(digits, what.payload);
  const text::json_value letter{
    {"stream", what.stream}, {"position", what.end.value},
    {"origin", what.origin}, {"id", what.id},
    {"table", what.table},   {"rows", what.rows},
    {"reason", what.reason}, {"payload", std::move(digits)}};
  const auto line = letter.dump();
  const auto hash = hash_of(line);
  if (known_.contains(hash))
    return {};
  if (auto fault = append(line))
    return fault;
  known_.insert(hash);
  waiting_.emplace(
    what.end.value,
    waiting{std::string{what.stream}, std::string{what.origin}, what.id, hash});
  return {};
}

error dead_letters::take_back(std::string_view stream, position end,
                              std::string_view origin, int64_t id) {
  const auto [first, last] = waiting_.equal_range(end.value);
  if (std::none_of(first, last, [&](const auto& each) {
        return each.second.is_of(stream, origin, id);
      }))
    return {};
  const text::json_value taken{{"stream", stream},
                               {"position", end.value},
                               {"origin", origin},
                               {"id", id},
                               {"taken", true}};
  if (auto fault = append(taken.dump()))
    return fault;
  forget(stream, end, origin, id);
  return {};
}

} // namespace millrace::torq
