#include <millrace/tests/chaos/link_proxy.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>

namespace millrace::chaos {

namespace {

constexpr size_t piece_bytes_max = size_t{64} << 10;

link_pipe::time now_of_system() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

error fault_of_system(const std::string& what) {
  return {errc::unavailable, what + ": " + std::strerror(errno)};
}

bool is_loopback(const sockaddr_storage& at) {
  if (at.ss_family == AF_INET)
    return ntohl(reinterpret_cast<const sockaddr_in&>(at).sin_addr.s_addr) >> 24
           == IN_LOOPBACKNET;
  return at.ss_family == AF_INET6
         && IN6_IS_ADDR_LOOPBACK(
           &reinterpret_cast<const sockaddr_in6&>(at).sin6_addr);
}

in_port_t& port_in(sockaddr_storage& at) {
  return at.ss_family == AF_INET
           ? reinterpret_cast<sockaddr_in&>(at).sin_port
           : reinterpret_cast<sockaddr_in6&>(at).sin6_port;
}

sockaddr* plain(sockaddr_storage& at) {
  return reinterpret_cast<sockaddr*>(&at);
}

/// A close of it resets the connection.
void reset_at_close(int socket) {
  const linger at_once{1, 0};
  (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace

result<std::unique_ptr<link_proxy>>
link_proxy::create(const nodes::cluster_config& config) {
  std::unique_ptr<link_proxy> made{new link_proxy};
  made->waker_ = nodes::descriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (made->waker_.get() < 0)
    return fault_of_system("eventfd");
  for (const auto& from : config.nodes)
    for (const auto& to : config.nodes)
      if (from.name != to.name)
        if (auto fault = made->listen(config, from, to))
          return fault;
  made->thread_ = std::thread{[proxy = made.get()] { proxy->run(); }};
  return made;
}

link_proxy::~link_proxy() {
  is_over_ = true;
  wake();
  if (thread_.joinable())
    thread_.join();
}

error link_proxy::listen(const nodes::cluster_config& config,
                         const nodes::node_config& from,
                         const nodes::node_config& to) {
  const auto& host = config.address_of(to);
  const auto where = host + ":" + std::to_string(to.port);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const auto fault = ::getaddrinfo(
        host.c_str(), std::to_string(to.port).c_str(), &wanted, &found);
      fault != 0)
    return {errc::unavailable, host + ": " + ::gai_strerror(fault)};
  auto made = std::make_unique<listener>();
  made->from_to = {from.name, to.name};
  made->node_port = to.port;
  std::memcpy(&made->node_at, found->ai_addr, found->ai_addrlen);
  made->node_at_size = found->ai_addrlen;
  ::freeaddrinfo(found);
  if (!is_loopback(made->node_at))
    return {errc::unsupported, config.path + ": node '" + to.name + "' is at "
                                 + where
                                 + ": links have faults on loopback alone"};
  made->socket = nodes::descriptor{::socket(
    made->node_at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  auto at = made->node_at;
  port_in(at) = 0;
  auto size = made->node_at_size;
  if (made->socket.get() < 0 || ::bind(made->socket.get(), plain(at), size) != 0
      || ::listen(made->socket.get(), SOMAXCONN) != 0
      || ::getsockname(made->socket.get(), plain(at), &size) != 0)
    return fault_of_system("a proxy before " + where);
  made->port = ntohs(port_in(at));
  listeners_.push_back(std::move(made));
  return {};
}

std::string link_proxy::ports_of(const std::string& node) const {
  std::string out;
  for (const auto& each : listeners_)
    if (each->from_to.first == node)
      out += (out.empty() ? "" : " ") + std::to_string(each->node_port) + "="
             + std::to_string(each->port);
  return out;
}

void link_proxy::change(const std::string& from, const std::string& to,
                        const std::function<void(link_rule&)>& how) {
  {
    const std::scoped_lock lock{mutex_};
    how(rules_[{from, to}]);
  }
  wake();
}

void link_proxy::heal() {
  {
    const std::scoped_lock lock{mutex_};
    for (auto& [from_to, rule] : rules_)
      rule = {};
  }
  wake();
}

void link_proxy::disarm() {
  const std::scoped_lock lock{mutex_};
  for (auto& [from_to, rule] : rules_)
    rule.corrupt_in = 0;
}

size_t link_proxy::reset(const std::string& one, const std::string& other) {
  const std::scoped_lock lock{mutex_};
  size_t out = 0;
  for (auto& each : sessions_)
    if (each.by->from_to == link{one, other}
        || each.by->from_to == link{other, one}) {
      cut_off(each);
      ++out;
    }
  wake();
  return out;
}

size_t link_proxy::vanish(const std::string& one, const std::string& other) {
  const std::scoped_lock lock{mutex_};
  size_t out = 0;
  for (auto& each : sessions_)
    if ((each.by->from_to == link{one, other}
         || each.by->from_to == link{other, one})
        && each.is_reached && !std::exchange(each.is_lost, true))
      ++out;
  wake();
  return out;
}

std::vector<std::string> link_proxy::awaited() const {
  const std::scoped_lock lock{mutex_};
  std::vector<std::string> out;
  for (const auto& [from_to, rule] : rules_)
    if (rule.corrupt_in != 0)
      out.push_back(from_to.first + " -> " + from_to.second);
  return out;
}

std::vector<std::string> link_proxy::take_flipped() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(flipped_, {});
}

void link_proxy::wake() {
  const uint64_t one = 1;
  // It is full only when nobody has read it, who wakes then.
  (void)!::write(waker_.get(), &one, sizeof one);
}

link_rule& link_proxy::rule_of(const session& at, size_t from) {
  const auto& [one, other] = at.by->from_to;
  return from == 0 ? rules_[{one, other}] : rules_[{other, one}];
}

void link_proxy::run() {
  std::vector<pollfd> polled;
  while (!is_over_) {
    auto until = time::max();
    {
      const std::scoped_lock lock{mutex_};
      poll_all(polled, until, now_of_system());
    }
    const auto wait = until == time::max()
                        ? time::max()
                        : std::max(time{0}, until - now_of_system());
    const timespec most{
      std::chrono::duration_cast<std::chrono::seconds>(wait).count(),
      (wait % std::chrono::seconds{1}).count()};
    (void)::ppoll(polled.data(), polled.size(),
                  until == time::max() ? nullptr : &most, nullptr);
    uint64_t woken = 0;
    (void)!::read(waker_.get(), &woken, sizeof woken);
    const std::scoped_lock lock{mutex_};
    for (auto& each : sessions_)
      if (!each.is_dead)
        serve(each, polled, now_of_system());
    std::erase_if(sessions_, [](const session& each) { return each.is_dead; });
    accept_all(polled);
  }
}

/// The waker, the listeners in their order, and two places for each session.
void link_proxy::poll_all(std::vector<pollfd>& into, time& until, time now) {
  into.assign(1, {waker_.get(), POLLIN, 0});
  for (const auto& each : listeners_)
    into.push_back({each->socket.get(), POLLIN, 0});
  for (auto& each : sessions_) {
    if (!each.is_reached)
      reach(each);
    for (const size_t from : {size_t{0}, size_t{1}}) {
      const auto& rule = rule_of(each, from);
      const bool hears
        = each.is_lost
          || (each.is_reached && !rule.is_cut && !each.pipes[from].is_full());
      short events = hears && !each.is_over[from] ? POLLIN : 0;
      if (each.ends[1].get() >= 0 && !each.is_reached && from == 1)
        events = POLLOUT;
      const auto& back = rule_of(each, 1 - from);
      if (const auto due = each.pipes[1 - from].next_due(back);
          due && each.is_reached && !each.is_lost) {
        if (*due <= now)
          events |= POLLOUT;
        else
          until = std::min(until, *due);
      }
      each.polled[from] = into.size();
      // Without events an end that hangs up would wake for ever.
      into.push_back({events == 0 ? -1 : each.ends[from].get(), events, 0});
    }
  }
}

/// To the node itself, once both directions pass.
void link_proxy::reach(session& at) {
  if (at.ends[1].get() >= 0 || at.is_dead || rule_of(at, 0).is_cut
      || rule_of(at, 1).is_cut)
    return;
  auto there = at.by->node_at;
  at.ends[1] = nodes::descriptor{
    ::socket(there.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (at.ends[1].get() < 0
      || (::connect(at.ends[1].get(), plain(there), at.by->node_at_size) != 0
          && errno != EINPROGRESS))
    cut_off(at);
}

void link_proxy::accept_all(const std::vector<pollfd>& polled) {
  for (size_t i = 0; i < listeners_.size(); ++i) {
    if (polled[1 + i].revents == 0)
      continue;
    nodes::descriptor came{::accept4(listeners_[i]->socket.get(), nullptr,
                                     nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (came.get() < 0)
      continue;
    const int at_once = 1;
    (void)::setsockopt(came.get(), IPPROTO_TCP, TCP_NODELAY, &at_once,
                       sizeof at_once);
    auto& made = sessions_.emplace_back();
    made.by = listeners_[i].get();
    made.ends[0] = std::move(came);
  }
}

void link_proxy::serve(session& at, const std::vector<pollfd>& polled,
                       time now) {
  const auto events_of = [&](size_t end) -> short {
    const auto place = at.polled[end];
    return place != 0 && place < polled.size()
               && polled[place].fd == at.ends[end].get()
             ? polled[place].revents
             : short{0};
  };
  if (!at.is_reached && events_of(1) != 0) {
    int why = 0;
    socklen_t size = sizeof why;
    (void)::getsockopt(at.ends[1].get(), SOL_SOCKET, SO_ERROR, &why, &size);
    if (why != 0)
      return cut_off(at);
    const int at_once = 1;
    (void)::setsockopt(at.ends[1].get(), IPPROTO_TCP, TCP_NODELAY, &at_once,
                       sizeof at_once);
    at.is_reached = true;
    return;
  }
  if (!at.is_reached && !at.is_lost)
    return;
  for (const size_t from : {size_t{0}, size_t{1}}) {
    if ((events_of(from) & (POLLIN | POLLHUP | POLLERR)) != 0)
      read_from(at, from, now);
    if (!at.is_dead && (events_of(1 - from) & POLLOUT) != 0)
      write_from(at, from, now);
  }
  // Ends pass after all that came before them.
  for (const size_t from : {size_t{0}, size_t{1}})
    if (!at.is_dead && !at.is_lost && at.is_over[from]
        && at.pipes[from].is_empty() && !rule_of(at, from).is_cut
        && !std::exchange(at.is_told[from], true))
      ::shutdown(at.ends[1 - from].get(), SHUT_WR);
  at.is_dead |= (at.is_told[0] && at.is_told[1])
                || (at.is_lost && at.is_over[0] && at.is_over[1]);
}

void link_proxy::read_from(session& at, size_t from, time now) {
  std::array<char, piece_bytes_max> buffer;
  const auto got = ::recv(at.ends[from].get(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    if (!at.is_lost
        && at.pipes[from].take({buffer.data(), static_cast<size_t>(got)}, now,
                               rule_of(at, from))) {
      const auto& [one, other] = at.by->from_to;
      flipped_.push_back(from == 0 ? one + " -> " + other
                                   : other + " -> " + one);
    }
    return;
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return;
  at.is_over[from] = true;
  if (got < 0 && !at.is_lost)
    cut_off(at);
}

void link_proxy::write_from(session& at, size_t from, time now) {
  const auto& rule = rule_of(at, from);
  const auto bytes = at.pipes[from].due(now, rule);
  if (bytes.empty() || at.is_lost)
    return;
  const auto put
    = ::send(at.ends[1 - from].get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put > 0)
    at.pipes[from].sent(static_cast<size_t>(put), now, rule);
  else if (put < 0 && errno != EAGAIN && errno != EWOULDBLOCK
           && errno != EINTR) {
    // The end that is gone says so in the other direction.
    if (rule_of(at, 1 - from).is_cut)
      at.is_lost = true;
    else
      cut_off(at);
  }
}

void link_proxy::cut_off(session& at) {
  for (auto& end : at.ends)
    if (end.get() >= 0)
      reset_at_close(end.get());
  at.is_dead = true;
}

} // namespace millrace::chaos
