#include <millrace/nodes/servers/kdb/session.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

/// What both ends know: compression, timestamps and guids.
constexpr char own_capability = 3;

} // namespace

void session::end(errc why, std::string text, session_effects& out) {
  ended_ = true;
  unread_.clear();
  waiting_.clear();
  out.emplace_back(end_connection{why, std::move(text)});
}

session_effects session::received(std::string_view bytes) {
  session_effects out;
  if (ended_)
    return out;
  unread_ += bytes;
  if (!logged_in_)
    log_in(out);
  if (logged_in_ && !ended_)
    take_messages(out);
  return out;
}

/// "user:password", perhaps a byte that says what the client knows, and zero.
void session::log_in(session_effects& out) {
  const auto end_of_login = unread_.find('\0');
  if (end_of_login == std::string::npos) {
    if (unread_.size() > limits_.login_bytes)
      end(errc::oversize, "a login without an end", out);
    return;
  }
  if (end_of_login > limits_.login_bytes)
    return end(errc::oversize, "a login that is too long", out);
  std::string_view login{unread_.data(), end_of_login};
  char capability = 0;
  if (!login.empty() && static_cast<uint8_t>(login.back()) < 0x20) {
    capability = std::min(login.back(), own_capability);
    login.remove_suffix(1);
  }
  user_ = login.substr(0, login.find(':'));
  unread_.erase(0, end_of_login + 1);
  logged_in_ = true;
  // Clients take more than one byte at once for a refusal.
  out.emplace_back(send_bytes{std::string(1, capability)});
}

void session::take_messages(session_effects& out) {
  size_t at = 0;
  while (!ended_ && unread_.size() - at >= header_bytes) {
    const auto left = std::string_view{unread_}.substr(at);
    const auto header = read_header(left, limits_.message_bytes);
    if (!header)
      return end(header.failure().code, header.failure().context, out);
    if (left.size() < header->size)
      break;
    take(left.substr(0, header->size), header->kind, out);
    at += header->size;
  }
  if (!ended_)
    unread_.erase(0, at);
}

void session::take(std::string_view message, message_kind kind,
                   session_effects& out) {
  if (kind == message_kind::response)
    return end(errc::malformed_message, "an answer, and nothing was asked",
               out);
  auto what = read_message(message, limits_.message_bytes);
  if (!what)
    return end(what.failure().code, what.failure().context, out);
  if (kind == message_kind::async) {
    out.emplace_back(handle_request{next_id_++, false, *std::move(what)});
    return;
  }
  if (waiting_.size() >= limits_.requests)
    return end(errc::limit_exceeded,
               "more than " + std::to_string(limits_.requests)
                 + " questions wait for their answers",
               out);
  waiting_.push_back({next_id_, std::nullopt});
  out.emplace_back(handle_request{next_id_++, true, *std::move(what)});
}

session_effects session::answered(uint64_t id, result<value> answer) {
  session_effects out;
  const auto found
    = std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const auto& each) { return each.id == id; });
  if (found == waiting_.end())
    return out;
  auto failed = [](const error& why) {
    value out_value;
    out_value.type = kind::error;
    out_value.text = why.context.substr(0, why.context.find('\0'));
    return write_message(message_kind::response, out_value);
  };
  auto message = answer ? write_message(message_kind::response, *answer)
                        : failed(answer.failure());
  if (!message)
    message = failed(message.failure());
  found->message = *std::move(message);
  while (!waiting_.empty() && waiting_.front().message) {
    out.emplace_back(send_bytes{*std::move(waiting_.front().message)});
    waiting_.pop_front();
  }
  return out;
}

} // namespace millrace::nodes::kdb
