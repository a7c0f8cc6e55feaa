#include <millrace/bench/outcome.hpp>
#include <millrace/bench/postgres_peer.hpp>

#include <filesystem>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

namespace millrace::bench {

namespace {

/// Where Debian has the server's programs: the latest release that is there.
result<std::string> directory_of_programs() {
  std::string out;
  std::error_code none;
  for (const auto& each :
       std::filesystem::directory_iterator{"/usr/lib/postgresql", none})
    if (std::filesystem::exists(each.path() / "bin" / "initdb"))
      out = std::max(out, (each.path() / "bin").string());
  if (out.empty())
    return error{errc::unavailable,
                 "PostgreSQL is not there; scripts/bench-peers installs it"};
  return out;
}

/// The server does not run as root: then it is its package's user.
result<std::vector<std::string>> as_its_user(const std::string& directory) {
  if (::geteuid() != 0)
    return std::vector<std::string>{};
  const auto* user = ::getpwnam("postgres");
  if (user == nullptr)
    return error{errc::unavailable, "there is no user 'postgres'"};
  auto at = std::filesystem::path{directory}.parent_path();
  // Of this run, and nobody else's before.
  std::filesystem::permissions(at, std::filesystem::perms::others_exec,
                               std::filesystem::perm_options::add);
  for (; at.has_relative_path(); at = at.parent_path())
    if ((std::filesystem::status(at).permissions()
         & std::filesystem::perms::others_exec)
        == std::filesystem::perms::none)
      return error{errc::unavailable,
                   "PostgreSQL's user 'postgres' cannot enter " + at.string()
                     + ": choose another directory ($MILLRACE_BENCH_DIR)"};
  if (::chown(directory.c_str(), user->pw_uid, user->pw_gid) != 0)
    return system_error(directory);
  return std::vector<std::string>{"setpriv", "--reuid=postgres",
                                  "--regid=postgres", "--clear-groups",
                                  "--pdeathsig=KILL"};
}

} // namespace

result<std::unique_ptr<postgres_peer>>
postgres_peer::start(const std::string& directory) {
  const auto programs = directory_of_programs();
  if (!programs)
    return programs.failure();
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto user = as_its_user(directory);
  if (!user)
    return user.failure();
  const auto command = [&](std::vector<std::string> words) {
    words.insert(words.begin(), user->begin(), user->end());
    return words;
  };
  const auto data = directory + "/data";
  const auto log = directory + "/server.log";
  if (auto fault = peer_server::run(
        command({*programs + "/initdb", "-D", data, "-A", "trust", "-U",
                 "bench", "-E", "UTF8", "--no-locale"}),
        log))
    return fault;
  const auto port = free_port();
  if (!port)
    return port.failure();
  std::unique_ptr<postgres_peer> out{new postgres_peer};
  out->port_ = *port;
  out->programs_ = *programs;
  auto server = peer_server::start(
    command({*programs + "/postgres", "-D", data, "-p", std::to_string(*port),
             "-h", "127.0.0.1", "-k", directory}),
    *port, log);
  if (!server)
    return server.failure();
  out->server_ = *std::move(server);
  // It listens before it takes anybody in.
  const auto give_up = now_ns() + 10'000'000'000;
  for (;;) {
    auto client = postgres_client::connect(*port);
    if (client)
      return out;
    if (now_ns() > give_up)
      return client.failure();
    ::sched_yield();
  }
}

// It takes what it shares between its processes away when it is asked to end.
postgres_peer::~postgres_peer() {
  if (server_)
    server_->interrupt();
}

} // namespace millrace::bench
