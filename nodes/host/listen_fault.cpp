#include <millrace/nodes/host/listen_fault.hpp>
#include <millrace/nodes/host/local_ports.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace millrace::nodes {

namespace {

/// errno of a socket that listens there, with CAF's options; 0: it can.
int try_to_listen(const std::string& address, uint16_t port) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  four.sin_family = AF_INET;
  six.sin6_family = AF_INET6;
  four.sin_port = six.sin6_port = htons(port);
  const bool is_four = inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1;
  if (!is_four && inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) != 1)
    return EADDRNOTAVAIL;
  const auto* name = is_four ? reinterpret_cast<const sockaddr*>(&four)
                             : reinterpret_cast<const sockaddr*>(&six);
  const auto size = static_cast<socklen_t>(is_four ? sizeof four : sizeof six);
  const int made
    = ::socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made == -1)
    return errno;
  const int on = 1;
  int fault = 0;
  if (::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1
      || ::bind(made, name, size) == -1 || ::listen(made, 1) == -1)
    fault = errno;
  ::close(made);
  return fault;
}

enum class held_by { listener, connection };

/// The inodes of sockets that have a port, of any address: who has one of all
/// addresses holds it too.
std::set<std::string> sockets_at(uint16_t port, held_by whom) {
  constexpr std::string_view listens = "0A";
  std::set<std::string> out;
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file{table};
    std::string line;
    std::getline(file, line); // Of names.
    while (std::getline(file, line)) {
      std::istringstream words{line};
      std::string number, local, remote, state, queues, timer, again, user,
        wait, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> again
        >> user >> wait >> inode;
      const auto colon = local.rfind(':');
      if ((state == listens) == (whom == held_by::listener)
          && colon != local.npos
          && std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port)
        out.insert("socket:[" + inode + "]");
    }
  }
  return out;
}

/// "process 4711 (python3)" that has one of them; empty: the system does not
/// tell, as of processes of others.
std::string process_of(const std::set<std::string>& wanted) {
  namespace fs = std::filesystem;
  std::error_code fault;
  for (fs::directory_iterator each{"/proc", fault}, end; !fault && each != end;
       each.increment(fault)) {
    const auto id = each->path().filename().string();
    if (id.find_first_not_of("0123456789") != id.npos)
      continue;
    // Processes end while they are looked at.
    std::error_code gone;
    for (fs::directory_iterator open{each->path() / "fd", gone};
         !gone && open != end; open.increment(gone)) {
      const auto target = fs::read_symlink(open->path(), gone).string();
      if (gone || !wanted.contains(target))
        continue;
      std::ifstream file{each->path() / "comm"};
      std::string name;
      std::getline(file, name);
      return "process " + id + " (" + name + ")";
    }
  }
  return {};
}

} // namespace

error listen_fault(const std::string& address, uint16_t port) {
  const auto at = address + ":" + std::to_string(port);
  switch (const auto fault = try_to_listen(address, port)) {
    case 0:
      return {errc::unavailable, "cannot listen on " + at
                                   + ": it was refused, and is free by now"};
    case EADDRINUSE: {
      const auto listeners = sockets_at(port, held_by::listener);
      const auto connections = sockets_at(port, held_by::connection);
      const bool listens = !listeners.empty() || connections.empty();
      const auto holder = process_of(listens ? listeners : connections);
      auto why = "port " + std::to_string(port) + " of " + address
                 + " is in use by " + (listens ? "" : "a connection of ")
                 + (holder.empty() ? "another process, which the system does "
                                     "not name to this user ('ss -tanp' of "
                                     "root does)"
                                   : holder);
      if (!listens)
        why += is_given_to_connections(port)
                 ? "; " + std::string{port_advice}
                 : std::string{"; it is free again when that ends"};
      return {errc::locked, why};
    }
    default:
      return {fault == EACCES || fault == EPERM ? errc::permission
                                                : errc::unavailable,
              "cannot listen on " + at + ": "
                + std::generic_category().message(fault)};
  }
}

} // namespace millrace::nodes
