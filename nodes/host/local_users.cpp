#include <millrace/nodes/host/descriptor.hpp>
#include <millrace/nodes/host/local_users.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

struct diag_question {
  nlmsghdr head{};
  inet_diag_req_v2 what{};
};

/// One end as sock_diag wants it. @returns its family, 0: not of TCP/IP.
uint8_t put_end(const sockaddr_storage& from, uint16_t& port,
                uint32_t (&address)[4]) {
  if (from.ss_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, &from, sizeof four);
    port = four.sin_port;
    address[0] = four.sin_addr.s_addr;
    return AF_INET;
  }
  if (from.ss_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &from, sizeof six);
    port = six.sin6_port;
    std::memcpy(address, &six.sin6_addr, sizeof six.sin6_addr);
    return AF_INET6;
  }
  return 0;
}

error unsupported() {
  return {errc::unsupported,
          std::string{"the kernel does not tell who connects: "}
            + std::strerror(errno)};
}

/// The question for the other end of a connection: what is local there is
/// remote here.
result<diag_question> question_of(int connection) {
  sockaddr_storage here{};
  sockaddr_storage there{};
  socklen_t here_bytes = sizeof here;
  socklen_t there_bytes = sizeof there;
  if (::getsockname(connection, reinterpret_cast<sockaddr*>(&here), &here_bytes)
        != 0
      || ::getpeername(connection, reinterpret_cast<sockaddr*>(&there),
                       &there_bytes)
           != 0)
    return error{errc::not_found, "the other end has closed"};
  diag_question out;
  out.head.nlmsg_len = sizeof out;
  out.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  out.head.nlmsg_flags = NLM_F_REQUEST;
  auto& id = out.what.id;
  out.what.sdiag_family = put_end(there, id.idiag_sport, id.idiag_src);
  if (put_end(here, id.idiag_dport, id.idiag_dst) == 0
      || out.what.sdiag_family == 0)
    return error{errc::not_found, "not a connection of TCP"};
  out.what.sdiag_protocol = IPPROTO_TCP;
  out.what.idiag_states = ~uint32_t{0};
  id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  return out;
}

} // namespace

std::string user_text(user_id user) {
  std::array<char, 16 * 1024> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const auto number = "uid " + std::to_string(user);
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) != 0
      || found == nullptr)
    return number;
  return std::string{found->pw_name} + " (" + number + ")";
}

result<user_id> peer_user(int connection) {
  const auto question = question_of(connection);
  if (!question)
    return question.failure();
  const descriptor link{
    ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (link.get() < 0)
    return unsupported();
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(link.get(), &*question, sizeof *question, 0,
               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel)
      < 0)
    return unsupported();
  alignas(nlmsghdr) std::array<char, 8192> answer{};
  const auto got = ::recv(link.get(), answer.data(), answer.size(), 0);
  const auto* head = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (got < 0 || !NLMSG_OK(head, static_cast<size_t>(got)))
    return unsupported();
  if (head->nlmsg_type == NLMSG_ERROR
      && head->nlmsg_len >= NLMSG_LENGTH(sizeof(nlmsgerr))) {
    nlmsgerr why{};
    std::memcpy(&why, NLMSG_DATA(head), sizeof why);
    errno = -why.error;
    if (errno == ENOENT)
      return error{errc::not_found, "the other end has closed"};
    return unsupported();
  }
  if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY
      || head->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
    return error{errc::unsupported, "the kernel does not tell who connects"};
  inet_diag_msg said{};
  std::memcpy(&said, NLMSG_DATA(head), sizeof said);
  return user_id{said.idiag_uid};
}

admitted_users::admitted_users() : users_{0, ::geteuid()} {}

std::string admitted_users::refusal(const result<user_id>& peer) const {
  if (all_ || (peer ? admits(*peer) : peer.failure().code == errc::unsupported))
    return {};
  if (!peer)
    return peer.failure().context;
  return "user " + user_text(*peer)
         + " may not connect: 'users' of [cluster] says who may beside root "
           "and the one who runs the node";
}

result<admitted_users>
admitted_users::of(const std::vector<std::string>& names) {
  admitted_users out;
  for (const auto& name : names) {
    if (name == "*") {
      out.all_ = true;
      continue;
    }
    std::array<char, 16 * 1024> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)
          != 0
        || found == nullptr)
      return error{errc::config, "'" + name + "' is no user of this host"};
    out.users_.insert(found->pw_uid);
  }
  return out;
}

} // namespace millrace::nodes
