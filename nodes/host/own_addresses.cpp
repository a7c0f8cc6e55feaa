#include <millrace/nodes/host/own_addresses.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>
#include <vector>

namespace millrace::nodes {

namespace {

/// Of 4 or 16 bytes; empty: it is no address.
std::vector<unsigned char> bytes_of(const std::string& address) {
  std::vector<unsigned char> out(16);
  if (inet_pton(AF_INET, address.c_str(), out.data()) == 1)
    out.resize(4);
  else if (inet_pton(AF_INET6, address.c_str(), out.data()) != 1)
    out.clear();
  return out;
}

bool is_at(const sockaddr* interface,
           const std::vector<unsigned char>& wanted) {
  if (interface == nullptr)
    return false;
  if (interface->sa_family == AF_INET && wanted.size() == 4) {
    sockaddr_in four{};
    std::memcpy(&four, interface, sizeof four);
    return std::memcmp(&four.sin_addr, wanted.data(), 4) == 0;
  }
  if (interface->sa_family == AF_INET6 && wanted.size() == 16) {
    sockaddr_in6 six{};
    std::memcpy(&six, interface, sizeof six);
    return std::memcmp(&six.sin6_addr, wanted.data(), 16) == 0;
  }
  return false;
}

} // namespace

bool is_of_this_host(const std::string& address) {
  const auto wanted = bytes_of(address);
  if (wanted.size() == 4 && wanted.front() == 127)
    return true;
  if (wanted.size() == 16
      && std::memcmp(wanted.data(), &in6addr_loopback, 16) == 0)
    return true;
  ifaddrs* found = nullptr;
  if (wanted.empty() || ::getifaddrs(&found) != 0)
    return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all{found, ::freeifaddrs};
  for (const auto* each = found; each != nullptr; each = each->ifa_next)
    if (is_at(each->ifa_addr, wanted))
      return true;
  return false;
}

} // namespace millrace::nodes
