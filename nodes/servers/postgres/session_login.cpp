#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/nodes/users/secrets.hpp>

#include <algorithm>

// Implements session.hpp: how a client says who it is.

namespace millrace::nodes::postgres {

namespace {

constexpr std::string_view mechanism = "SCRAM-SHA-256";
constexpr std::string_view bound_mechanism = "SCRAM-SHA-256-PLUS";

} // namespace

void pg_session::ask_login() {
  login_ = login_step::asked;
  message made{reply_, 'R'};
  made.number(int32_t{10});
  if (is_by_tls_)
    made.text(bound_mechanism);
  made.text(mechanism).text("");
}

/// The messages of a login are all of one type. false: the next is not there.
bool pg_session::log_in() {
  const auto left = std::string_view{unread_}.substr(read_);
  if (left.size() < 5)
    return false;
  const auto size = number_at<uint32_t>(left.substr(1));
  if (left[0] != 'p' || size < 4 || size > limits_.startup_bytes) {
    end(errc::malformed_message, "08P01", "this is no message of a login");
    return false;
  }
  if (left.size() < size_t{1} + size)
    return false;
  read_ += size_t{1} + size;
  const auto body = left.substr(5, size - 4);
  if (login_ == login_step::asked)
    hear_login(body);
  else
    hear_proof(body);
  return !ended_;
}

void pg_session::hear_login(std::string_view body) {
  fields from{body};
  const auto chosen = from.text();
  const auto size = from.number<int32_t>();
  const auto first = from.bytes(static_cast<size_t>(std::max(size, 0)));
  const bool is_bound = is_by_tls_ && chosen == bound_mechanism;
  if (!from.is_exact() || (chosen != mechanism && !is_bound))
    return end(errc::malformed_message, "08P01",
               "a client logs in by SCRAM-SHA-256");
  if (is_by_tls_)
    exchange_.offer_binding(*limits_.tls_end_point, is_bound);
  if (const auto fault = exchange_.hear_first(first))
    return end(errc::malformed_message, "08P01", fault.context);
  login_ = login_step::judged;
  attempt_ = login_attempt{login_way::scram, user_, {}};
}

pg_session::effects pg_session::judged(const login_verdict& what) {
  effects out;
  if (ended_ || login_ != login_step::judged)
    return out;
  login_ = login_step::challenged;
  constexpr size_t nonce_bytes = 18;
  const auto nonce = random_secret(nonce_bytes);
  if (!what.verifier || what.fault || !nonce) {
    end(errc::permission, "53300", "nobody can log in now");
  } else {
    message{reply_, 'R'}
      .number(int32_t{11})
      .bytes(exchange_.challenge(*what.verifier, to_base64(*nonce)));
  }
  go_on(out);
  return out;
}

void pg_session::hear_proof(std::string_view body) {
  const auto answer = exchange_.hear_proof(body);
  told_ = login_told{user_, answer.has_value()};
  if (!answer)
    return end(errc::permission, "28P01",
               "password authentication failed for user \"" + user_ + "\"");
  login_ = login_step::proven;
  limits_.served = limits_.served_to(user_);
  message{reply_, 'R'}.number(int32_t{12}).bytes(*answer);
  wish_for(login_wish{user_});
}

void pg_session::begun(std::string_view number_and_secret) {
  // Anything else is a message that says why it does not begin.
  if (number_and_secret.size() != 2 * sizeof(uint32_t)) {
    reply_ += number_and_secret;
    ended_ = true;
    ending_ = end_connection{};
    return;
  }
  number_ = number_at<uint32_t>(number_and_secret);
  secret_ = number_at<uint32_t>(number_and_secret.substr(4));
  has_begun_ = true;
  message{reply_, 'R'}.number(int32_t{0});
  reported_ = settings_.reported();
  for (const auto& [name, value] : reported_)
    message{reply_, 'S'}.text(name).text(value);
  message{reply_, 'K'}.number(number_).number(secret_);
  message{reply_, 'Z'}.bytes({&state_, 1});
}

} // namespace millrace::nodes::postgres
