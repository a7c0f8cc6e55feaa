#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/command/interrupts.hpp>
#include <millrace/nodes/cli/read_password.hpp>
#include <millrace/nodes/cli/user.hpp>
#include <millrace/nodes/host/descriptor.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/users/secrets.hpp>
#include <millrace/nodes/users/user_secrets.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/file.h>

namespace millrace::nodes {

namespace {

using text::json_value;

/// A cluster, and what is kept of its users' secrets.
struct kept_users {
  cluster_config config;
  secrets_by_user secrets;
};

/// Reads the secrets of a cluster, changes them and writes them, one command at
/// a time: of two that begin together, both changes stay. The file of the lock
/// is left, for those who wait have it open.
error change_secrets(const cluster_config& config,
                     const std::function<error(secrets_by_user&)>& change) {
  const auto& path = config.passwords_path;
  const auto lock = path + ".lock";
  const descriptor held{
    ::open(lock.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640)};
  if (held.get() == -1 || ::flock(held.get(), LOCK_EX) != 0)
    return {errno == EACCES ? errc::permission : errc::storage_failed,
            lock + ": " + std::strerror(errno)};
  auto& fs = persistence::posix_file_system();
  auto secrets = load_secrets(fs, path);
  if (!secrets)
    return secrets.failure();
  if (auto fault = change(*secrets))
    return fault;
  return save_secrets(fs, path, *secrets);
}

result<kept_users> load_users(const std::string& path) {
  auto config = load_cluster(path);
  if (!config)
    return config.failure();
  auto secrets
    = load_secrets(persistence::posix_file_system(), config->passwords_path);
  if (!secrets)
    return secrets.failure();
  return kept_users{*std::move(config), *std::move(secrets)};
}

/// A secret of somebody whom the configuration does not name lets nobody in.
error check_declared(const cluster_config& config, const std::string& user) {
  std::vector<std::string> known;
  for (const auto& each : config.logins)
    known.push_back(each.name);
  if (std::find(known.begin(), known.end(), user) != known.end())
    return {};
  return {errc::not_found, config.path + ": no [[user]] is named '" + user + "'"
                             + text::meant(user, known)};
}

int tell_done(const std::string& user, const char* done, output_format output) {
  if (output == output_format::json)
    fmt::print("{}\n", json_value{{"user", user}, {"done", done}}.dump());
  else
    fmt::print("{}: {}\n", user, done);
  return exit_ok;
}

/// Why a password can be neither the first one nor another one.
error check_password(const secrets_by_user& secrets, const std::string& user,
                     bool is_new) {
  const auto found = secrets.find(user);
  const bool has_one
    = found != secrets.end() && !found->second.password.empty();
  if (has_one != is_new)
    return {};
  return is_new ? error{errc::already_exists,
                        "'" + user
                          + "' has a password; 'millrace user passwd' changes "
                            "it"}
                : error{errc::not_found, "'" + user
                                           + "' has no password; 'millrace "
                                             "user add' gives it one"};
}

int keep_password(const user_password_options& options, bool is_new) {
  const auto users = load_users(options.config);
  if (!users)
    return fail(users.failure());
  if (auto fault = check_declared(users->config, options.user))
    return fail(fault);
  // Before somebody types it, and once more when nobody else may change it.
  if (auto fault = check_password(users->secrets, options.user, is_new))
    return fail(fault);
  const interrupts signals;
  const auto password
    = read_password(options.user, options.password_file, signals);
  if (!password) {
    const auto code = fail(password.failure());
    return signals.raised() ? signals.exit_code() : code;
  }
  if (auto fault
      = change_secrets(users->config, [&](secrets_by_user& secrets) -> error {
          if (auto refusal = check_password(secrets, options.user, is_new))
            return refusal;
          return set_password(secrets[options.user], *password);
        }))
    return fail(fault);
  return tell_done(options.user,
                   is_new ? "has a password" : "has another password",
                   options.output);
}

int add(const user_password_options& options) {
  return keep_password(options, true);
}
int change(const user_password_options& options) {
  return keep_password(options, false);
}

error take_secrets(secrets_by_user& from, const user_remove_options& options,
                   const std::string& path) {
  const auto found = from.find(options.user);
  if (found == from.end())
    return {errc::not_found,
            path + ": nothing is kept of '" + options.user + "'"};
  if (options.token.empty()) {
    from.erase(found);
    return {};
  }
  if (std::erase_if(
        found->second.tokens,
        [&](const auto& each) { return token_name(each) == options.token; })
      == 0)
    return {errc::not_found, "'" + options.user + "' has no token '"
                               + options.token
                               + "'; 'millrace user ls' names them"};
  return {};
}

int remove_secrets(const user_remove_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (auto fault = change_secrets(*config, [&](secrets_by_user& secrets) {
        return take_secrets(secrets, options, config->passwords_path);
      }))
    return fail(fault);
  return tell_done(options.user,
                   options.token.empty() ? "can no longer log in"
                                         : "no longer has this token",
                   options.output);
}

int give_token(const user_token_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (auto fault = check_declared(*config, options.user))
    return fail(fault);
  const auto token = make_token();
  if (!token)
    return fail(token.failure());
  const auto hash = token_hash(*token);
  if (auto fault
      = change_secrets(*config, [&](secrets_by_user& secrets) -> error {
          secrets[options.user].tokens.push_back(hash);
          return {};
        }))
    return fail(fault);
  if (options.output == output_format::json)
    fmt::print("{}\n", json_value{{"user", options.user},
                                  {"name", token_name(hash)},
                                  {"token", *token}}
                         .dump());
  else
    fmt::print("{}\n", *token);
  return exit_ok;
}

json_value described(const std::string& user, const user_grants* grants,
                     const kept_secrets& kept) {
  json_value out{{"user", user},
                 {"declared", grants != nullptr},
                 {"password", !kept.password.empty()},
                 {"tokens", json_value::array()}};
  for (const auto& each : kept.tokens)
    out["tokens"].add(token_name(each));
  if (grants == nullptr)
    return out;
  out.add("query", grants->query);
  out.add("publish", grants->publish);
  out.add("subscribe", grants->subscribe);
  out.add("admin", grants->admin);
  return out;
}

std::string list_text(const json_value& items) {
  std::string out;
  for (const auto& each : items.elements())
    text::add_to_list(out, cell_text(each), " ");
  return out.empty() ? "-" : out;
}

int list_users(const user_list_options& options) {
  const auto users = load_users(options.config);
  if (!users)
    return fail(users.failure());
  auto all = json_value::array();
  auto rest = users->secrets;
  for (const auto& each : users->config.logins) {
    const auto kept = rest.extract(each.name);
    all.add(described(each.name, &each.grants,
                      kept ? kept.mapped() : kept_secrets{}));
  }
  for (const auto& [user, kept] : rest)
    all.add(described(user, nullptr, kept));
  if (options.output == output_format::json) {
    fmt::print("{}\n", all.dump(2));
    return exit_ok;
  }
  std::vector<std::vector<std::string>> rows{
    {"USER", "PASSWORD", "TOKENS", "QUERY", "PUBLISH", "SUBSCRIBE", "ADMIN"}};
  for (const auto& each : all.elements()) {
    const bool is_declared = each.at("declared").boolean().value_or(false);
    const auto yes = [&](const char* key) {
      return each.at(key).boolean().value_or(false) ? "yes" : "no";
    };
    rows.push_back({cell_text(each.at("user"))
                      + (is_declared ? "" : " (not in the configuration)"),
                    yes("password"), list_text(each.at("tokens")),
                    list_text(each.at("query")), list_text(each.at("publish")),
                    list_text(each.at("subscribe")), yes("admin")});
  }
  print_table(rows);
  return exit_ok;
}

template <class Options>
void declare_user(option_list& list, Options& into) {
  declare_config(list, into.config);
  list.text("USER", into.user, "Name of a [[user]]").required();
}

void declare_list(option_list& list, user_list_options& into) {
  declare_config(list, into.config);
  declare_output(list, into.output);
}
void declare_password(option_list& list, user_password_options& into) {
  declare_user(list, into);
  list
    .text("--password-file", into.password_file,
          "Reads it from the first line of this file, '-' for standard input; "
          "default: from the terminal, or standard input without one")
    .shown_as("FILE");
  declare_output(list, into.output);
}
void declare_remove(option_list& list, user_remove_options& into) {
  declare_user(list, into);
  list.text("--token", into.token, "Only the token of this name");
  declare_output(list, into.output);
}
void declare_token(option_list& list, user_token_options& into) {
  declare_user(list, into);
  declare_output(list, into.output);
}

const command<user_list_options> ls_command{
  {"ls", "List users, what they have to log in with, and their grants",
   "millrace user ls --config examples/local.toml"},
  declare_list,
  list_users};
const command<user_password_options> add_command{
  {"add", "Give a user of the configuration a password",
   "millrace user add ada --config examples/local.toml"},
  declare_password,
  add};
const command<user_password_options> passwd_command{
  {"passwd", "Change the password of a user",
   "millrace user passwd ada --config examples/local.toml"},
  declare_password,
  change};
const command<user_remove_options> remove_command{
  {"remove", "Remove a user's password and tokens, or one token",
   "millrace user remove ada --config examples/local.toml"},
  declare_remove,
  remove_secrets};
const command<user_token_options> token_command{
  {"token", "Make a token for a user, and print it this once",
   "millrace user token ada --config examples/local.toml"},
  declare_token,
  give_token};

void declare_user_commands(command_list& list) {
  list.add(ls_command);
  list.add(add_command);
  list.add(passwd_command);
  list.add(remove_command);
  list.add(token_command);
}

} // namespace

const command_group user_commands{
  {"user", "Passwords and tokens of those who may log in at ports",
   "millrace user ls"},
  declare_user_commands};

} // namespace millrace::nodes
