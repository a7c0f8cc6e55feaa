#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/users/secrets.hpp>
#include <millrace/nodes/users/user_secrets.hpp>

#include <algorithm>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr uint64_t file_bytes_max = 16u << 20;
constexpr size_t password_bytes_max = 1024;
constexpr size_t sum_digits = 64;

std::string_view take_word(std::string_view& line) {
  const auto begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  line.remove_prefix(begin);
  const auto end = std::min(line.find_first_of(" \t\r"), line.size());
  const auto out = line.substr(0, end);
  line.remove_prefix(end);
  return out;
}

/// Why a line is none; empty: it is one.
std::string read_line(std::string_view line, secrets_by_user& into) {
  const std::string user{take_word(line)};
  const auto kind = take_word(line);
  const std::string kept{take_word(line)};
  if (kept.empty() || !take_word(line).empty())
    return "a line is a user, a kind, and what is kept";
  if (!text::is_plain_name(user))
    return "'" + user + "' is not the name of a user";
  auto& of = into[user];
  if (kind == "token") {
    if (kept.size() != sum_digits || !text::parse_hex(kept))
      return "this is not the hash of a token";
    of.tokens.push_back(kept);
    return {};
  }
  if (kind != "password" && kind != "scram")
    return "there are password, scram and token, not '" + std::string{kind}
           + "'";
  if (kind == "password" ? !is_password_hash(kept)
                         : !read_scram_verifier(kept).has_value())
    return "this is not what is kept of a password";
  auto& form = kind == "password" ? of.password : of.scram;
  if (!form.empty())
    return "'" + user + "' has this twice";
  form = kept;
  return {};
}

/// What the system says of the file: who may read it. A disk that is not the
/// system's has no such thing.
error check_modes(const std::string& path) {
  using std::filesystem::perms;
  std::error_code fault;
  const auto found = std::filesystem::symlink_status(path, fault);
  if (fault || !std::filesystem::exists(found))
    return {};
  if (!std::filesystem::is_regular_file(found))
    return {errc::config, path + ": is not a file"};
  const auto wrong = perms::group_write | perms::group_exec | perms::others_all;
  if ((found.permissions() & wrong) != perms::none)
    return {errc::config,
            path + ": others could read or change it: chmod 0640"};
  return {};
}

} // namespace

std::string token_name(const std::string& hash) { return hash.substr(0, 8); }

result<secrets_by_user> parse_secrets(std::string_view text,
                                      const std::string& file) {
  secrets_by_user out;
  std::string faults;
  for (size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto begin = line.find_first_not_of(" \t\r");
    if (begin == line.npos || line[begin] == '#')
      continue;
    if (const auto why = read_line(line, out); !why.empty())
      text::add_to_list(faults,
                        file + ":" + std::to_string(number) + ": " + why, "\n");
  }
  if (!faults.empty())
    return error{errc::config, std::move(faults)};
  return out;
}

std::string to_text(const secrets_by_user& all) {
  std::string out
    = "# What is kept of passwords and tokens, by 'millrace user'.\n";
  for (const auto& [user, kept] : all) {
    if (!kept.password.empty())
      out += user + " password " + kept.password + "\n";
    if (!kept.scram.empty())
      out += user + " scram " + kept.scram + "\n";
    for (const auto& token : kept.tokens)
      out += user + " token " + token + "\n";
  }
  return out;
}

result<secrets_by_user> load_secrets(persistence::file_system& fs,
                                     const std::string& path) {
  if (!fs.exists(path))
    return secrets_by_user{};
  if (auto fault = check_modes(path))
    return fault;
  const auto text = persistence::read_text_file(fs, path, file_bytes_max);
  if (!text)
    return error{errc::config, text.failure().context};
  return parse_secrets(*text, path);
}

error save_secrets(persistence::file_system& fs, const std::string& path,
                   const secrets_by_user& all) {
  const auto text = to_text(all);
  return persistence::replace_own_file(fs, path, std::as_bytes(std::span{text}),
                                       file_bytes_max);
}

error set_password(kept_secrets& of, std::string_view password) {
  if (password.empty())
    return {errc::invalid_argument, "a password is not empty"};
  if (password.size() > password_bytes_max)
    return {errc::invalid_argument, "a password has at most 1024 bytes"};
  if (!text::valid_utf8(password)
      || std::any_of(password.begin(), password.end(), text::is_control))
    return {errc::invalid_argument,
            "a password is text of UTF-8, without control characters"};
  const auto salt = random_secret(salt_bytes);
  const auto other_salt = random_secret(salt_bytes);
  if (!salt || !other_salt)
    return (salt ? other_salt : salt).failure();
  auto hash = password_hash(password, *salt);
  if (!hash)
    return hash.failure();
  const auto verifier = make_scram_verifier(password, *other_salt);
  if (!verifier)
    return verifier.failure();
  of.password = *std::move(hash);
  of.scram = to_text(*verifier);
  return {};
}

} // namespace millrace::nodes
