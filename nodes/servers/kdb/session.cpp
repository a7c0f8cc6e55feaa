#include <millrace/nodes/servers/kdb/http_request.hpp>
#include <millrace/nodes/servers/kdb/session.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

/// What both ends know: compression, timestamps and guids.
constexpr char own_capability = 3;

std::string error_message(const error& why) {
  value out;
  out.type = kind::error;
  out.text = why.context.substr(0, why.context.find('\0'));
  // Shorter than any limit.
  return *write_message(message_kind::response, out);
}

} // namespace

std::string answer_message(const result<value>& answer) {
  if (!answer)
    return error_message(answer.failure());
  auto out = write_message(message_kind::response, *answer);
  return out ? *std::move(out) : error_message(out.failure());
}

size_t session::held_bytes() const noexcept {
  auto out = unread_.size();
  for (const auto& each : waiting_)
    out += each.message ? each.message->size() : 0;
  return out;
}

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
  if (is_judged_ && unread_.size() > limits_.login_bytes)
    end(errc::oversize, "much was sent before the login was answered", out);
  if (!logged_in_ && !is_judged_ && !ended_)
    log_in(out);
  if (logged_in_ && !ended_)
    take_unread(out);
  return out;
}

void session::take_unread(session_effects& out) {
  if (is_text_)
    take_text(out);
  else
    take_messages(out);
}

session_effects session::judged(const login_verdict& what) {
  session_effects out;
  if (!is_judged_ || ended_)
    return out;
  is_judged_ = false;
  if (!what.fault)
    out.emplace_back(login_told{user_, what.is_accepted});
  if (what.is_accepted) {
    begin(out);
    take_unread(out);
  } else {
    // A refusal is the end, without a word.
    end(errc::permission,
        what.fault ? what.fault.context : "the user or the password is wrong",
        out);
  }
  return out;
}

bool session::is_of_another_protocol(session_effects& out) {
  constexpr std::string_view tls_handshake{"\x16\x03", 2};
  if (unread_.starts_with(tls_handshake)) {
    end(errc::malformed_message, "it begins with TLS, and this port has none",
        out);
    return true;
  }
  // A login ends with a zero, which no request of HTTP has.
  if (!is_http(unread_) || unread_.find('\0') != std::string::npos)
    return false;
  if (unread_.find("\r\n\r\n") != std::string::npos) {
    out.emplace_back(send_bytes{answer_to_http(unread_, limits_.http_place)});
    end(errc::none, {}, out);
  } else if (unread_.size() > limits_.login_bytes) {
    end(errc::oversize, "a request of HTTP without an end", out);
  }
  return true;
}

/// "user:password", perhaps a byte that says what the client knows, and zero.
void session::log_in(session_effects& out) {
  if (is_of_another_protocol(out))
    return;
  const auto end_of_login = unread_.find('\0');
  if (end_of_login == std::string::npos) {
    if (unread_.size() > limits_.login_bytes)
      end(errc::oversize, "a login without an end", out);
    return;
  }
  if (end_of_login > limits_.login_bytes)
    return end(errc::oversize, "a login that is too long", out);
  std::string_view login{unread_.data(), end_of_login};
  says_capability_
    = !login.empty() && static_cast<uint8_t>(login.back()) < 0x20;
  if (says_capability_) {
    capability_ = std::min(login.back(), own_capability);
    login.remove_suffix(1);
  }
  const auto colon = std::min(login.find(':'), login.size());
  user_ = login.substr(0, colon);
  std::string password{login.substr(std::min(colon + 1, login.size()))};
  unread_.erase(0, end_of_login + 1);
  if (!limits_.asks_login)
    return begin(out);
  is_judged_ = true;
  out.emplace_back(
    login_attempt{login_way::password, user_, std::move(password)});
}

void session::begin(session_effects& out) {
  logged_in_ = true;
  // Some of the oldest clients end a login twice; they wait for the answer
  // before they send more.
  if (!says_capability_ && unread_.size() == 1 && unread_[0] == '\0')
    unread_.clear();
  is_text_ = !says_capability_ && !unread_.empty()
             && static_cast<uint8_t>(unread_.front()) >= 0x20;
  // Clients take more than one byte at once for a refusal.
  if (!is_text_)
    out.emplace_back(send_bytes{std::string(1, capability_)});
}

void session::take_text(session_effects& out) {
  const auto end_of_text = unread_.find('\0');
  if (end_of_text == std::string::npos) {
    if (unread_.size() > limits_.message_bytes)
      end(errc::oversize, "a question without an end", out);
    return;
  }
  if (!waiting_.empty())
    return; // It asks once.
  waiting_.push_back({next_id_, std::nullopt});
  out.emplace_back(handle_request{next_id_++, true,
                                  text_value(unread_.substr(0, end_of_text))});
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
  if (!what) {
    if (kind == message_kind::sync && waiting_.empty())
      out.emplace_back(send_bytes{error_message(what.failure())});
    return end(what.failure().code, what.failure().context, out);
  }
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
  return answered(id, answer_message(answer));
}

session_effects session::answered(uint64_t id, std::string message) {
  session_effects out;
  const auto found
    = std::find_if(waiting_.begin(), waiting_.end(),
                   [&](const auto& each) { return each.id == id; });
  if (found == waiting_.end())
    return out;
  found->message = std::move(message);
  while (!waiting_.empty() && waiting_.front().message) {
    out.emplace_back(send_bytes{*std::move(waiting_.front().message)});
    waiting_.pop_front();
  }
  if (is_text_)
    end(errc::none, {}, out);
  return out;
}

} // namespace millrace::nodes::kdb
