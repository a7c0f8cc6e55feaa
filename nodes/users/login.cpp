#include <millrace/nodes/users/login.hpp>
#include <millrace/nodes/users/scram_exchange.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes {

std::string_view to_string(login_way way) noexcept {
  return way == login_way::password ? "password"
         : way == login_way::token  ? "token"
                                    : "scram";
}

result<login_judge>
login_judge::make(loader load, std::map<std::string, user_grants> users) {
  login_judge out;
  out.load_ = std::move(load);
  out.users_ = std::move(users);
  auto secret = random_secret(salt_bytes * 2);
  if (!secret)
    return secret.failure();
  out.mock_secret_ = *std::move(secret);
  auto nobody
    = password_hash(out.mock_secret_, out.mock_secret_.substr(0, salt_bytes));
  if (!nobody)
    return nobody.failure();
  out.nobody_ = *std::move(nobody);
  return out;
}

login_verdict login_judge::judge(const login_attempt& what) const {
  login_verdict out;
  out.user = what.user;
  const auto kept = load_();
  if (!kept) {
    out.fault = kept.failure();
    return out;
  }
  if (what.way == login_way::token) {
    const auto hash = token_hash(what.secret);
    for (const auto& [user, secrets] : *kept)
      for (const auto& each : secrets.tokens)
        if (users_.contains(user) && is_same_secret(each, hash)) {
          out.user = user;
          out.is_accepted = true;
          out.proof = each;
        }
    return out;
  }
  const auto known = kept->find(what.user);
  const auto* secrets = known != kept->end() && users_.contains(what.user)
                          ? &known->second
                          : nullptr;
  if (what.way == login_way::password) {
    const bool has_one = secrets != nullptr && !secrets->password.empty();
    const bool fits
      = is_password_of(has_one ? secrets->password : nobody_, what.secret);
    out.is_accepted = has_one && fits;
    if (out.is_accepted)
      out.proof = secrets->password;
    return out;
  }
  out.verifier = mock_verifier(mock_secret_, what.user);
  if (secrets != nullptr && !secrets->scram.empty())
    if (auto read = read_scram_verifier(secrets->scram)) {
      out.verifier = *std::move(read);
      out.proof = secrets->scram;
    }
  return out;
}

result<std::set<standing_login>>
login_judge::gone_of(const std::set<standing_login>& all) const {
  const auto kept = load_();
  if (!kept)
    return kept.failure();
  std::set<standing_login> out;
  for (const auto& each : all) {
    const auto user = kept->find(each.user);
    const bool is_there
      = user != kept->end()
        && (each.proof == user->second.password
            || each.proof == user->second.scram
            || std::find(user->second.tokens.begin(), user->second.tokens.end(),
                         each.proof)
                 != user->second.tokens.end());
    if (!is_there)
      out.insert(each);
  }
  return out;
}

const user_grants& login_judge::grants_of(const std::string& user) const {
  static const user_grants nothing;
  const auto found = users_.find(user);
  return found == users_.end() ? nothing : found->second;
}

} // namespace millrace::nodes
