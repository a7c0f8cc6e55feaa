#include <millrace/actors/torq/rdb/dead_letters.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_value.hpp>

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
      known_.insert(hash_of(line));
      end_ += line.size() + 1;
      line.clear();
    }
    line.append(text);
  }
  return line.empty() ? error{} : file_->truncate(end_);
}

error dead_letters::keep(const dead_letter& what) {
  std::string digits;
  text::append_hex(digits, what.payload);
  const text::json_value letter{
    {"stream", what.stream}, {"position", what.end.value},
    {"origin", what.origin}, {"id", what.id},
    {"table", what.table},   {"rows", what.rows},
    {"reason", what.reason}, {"payload", std::move(digits)}};
  auto line = letter.dump();
  const auto hash = hash_of(line);
  if (known_.contains(hash))
    return {};
  line += '\n';
  // What is torn by a failure is written over.
  if (auto fault = file_->write_at(end_, std::as_bytes(std::span{line})))
    return fault;
  end_ += line.size();
  known_.insert(hash);
  return {};
}

} // namespace millrace::torq
