#include <millrace/nodes/users/scram_exchange.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

error malformed(const char* what) {
  return {errc::invalid_argument, std::string{"SCRAM: "} + what};
}

/// "r=value": the value of the next item, which goes.
std::optional<std::string_view> take_item(std::string_view& text, char name) {
  if (text.size() < 2 || text[0] != name || text[1] != '=')
    return std::nullopt;
  const auto end = std::min(text.find(','), text.size());
  const auto out = text.substr(2, end - 2);
  text.remove_prefix(std::min(end + 1, text.size()));
  return out;
}

} // namespace

void scram_exchange::offer_binding(std::string end_point, bool is_bound) {
  is_offered_ = true;
  is_bound_ = is_bound;
  end_point_ = std::move(end_point);
}

error scram_exchange::hear_first(std::string_view message) {
  constexpr std::string_view binds = "p=tls-server-end-point,";
  if (message.starts_with("p=") != is_bound_)
    return malformed(is_bound_ ? "the client does not bind the channel"
                               : "channels are not bound here");
  if (is_bound_ && !message.starts_with(binds))
    return malformed("channels are bound by tls-server-end-point");
  // It was told that we can: what it heard was another's word.
  if (is_offered_ && message.starts_with("y,"))
    return malformed("the client was not told that channels are bound here");
  if (!is_bound_ && !message.starts_with("n,") && !message.starts_with("y,"))
    return malformed("the first message cannot be read");
  const auto begin = is_bound_ ? binds.size() : 2;
  const auto end = message.find(',', begin);
  if (end == message.npos || end != begin)
    return malformed("nobody logs in for another one");
  header_ = message.substr(0, end + 1);
  if (is_bound_)
    header_ += end_point_;
  first_ = message.substr(end + 1);
  std::string_view rest{first_};
  const auto user = take_item(rest, 'n');
  const auto nonce = take_item(rest, 'r');
  if (!user || !nonce || nonce->empty())
    return malformed("the first message cannot be read");
  nonce_ = *nonce;
  return {};
}

std::string scram_exchange::challenge(scram_verifier of,
                                      std::string_view nonce) {
  verifier_ = std::move(of);
  nonce_ += nonce;
  challenge_ = "r=" + nonce_ + ",s=" + to_base64(verifier_.salt)
               + ",i=" + std::to_string(verifier_.iterations);
  return challenge_;
}

result<std::string> scram_exchange::hear_proof(std::string_view message) const {
  const auto mark = message.rfind(",p=");
  if (mark == message.npos)
    return malformed("the proof cannot be read");
  const auto without = message.substr(0, mark);
  const auto proof = from_base64(message.substr(mark + 3));
  auto rest = without;
  const auto binding = take_item(rest, 'c');
  const auto nonce = take_item(rest, 'r');
  if (!binding || !nonce || !rest.empty() || !proof
      || proof->size() != verifier_.stored_key.size())
    return malformed("the proof cannot be read");
  if (*binding != to_base64(header_) || !is_same_secret(*nonce, nonce_))
    return malformed("the proof is of another login");
  const auto said = first_ + "," + challenge_ + "," + std::string{without};
  const auto signature = hmac_sha256(verifier_.stored_key, said);
  auto key = *proof;
  for (size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<char>(key[i] ^ signature[i]);
  if (!is_same_secret(sha256(key), verifier_.stored_key))
    return error{errc::permission, "the user or the password is wrong"};
  return "v=" + to_base64(hmac_sha256(verifier_.server_key, said));
}

scram_verifier mock_verifier(std::string_view secret, std::string_view user) {
  scram_verifier out;
  const auto made
    = hmac_sha256(secret, std::string{"salt of "} + std::string{user});
  out.salt = made.substr(0, salt_bytes);
  // What has this sum is not known to anybody.
  out.stored_key = hmac_sha256(secret, "stored");
  out.server_key = hmac_sha256(secret, "server");
  return out;
}

} // namespace millrace::nodes
