/* Connections that go elsewhere: loaded before a program's libraries (LD_PRELOAD),
   it sends connections to some ports of this host to others, where a proxy stands.

     LINK_REDIRECT="7401=30001 7402=30002"

   Only TCP to loopback is meant: 127.0.0.0/8 and ::1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { most = 256 };
static struct {
  uint16_t from;
  uint16_t to;
} links[most];
static int count;

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("LINK_REDIRECT");
  unsigned from, to;
  int used;
  while (text && count < most
         && sscanf(text, " %5u=%5u%n", &from, &to, &used) == 2) {
    links[count].from = htons((uint16_t)from);
    links[count].to = htons((uint16_t)to);
    ++count;
    text += used;
  }
}

static void redirect(in_port_t* port) {
  for (int i = 0; i < count; ++i)
    if (links[i].from == *port) {
      *port = links[i].to;
      return;
    }
}

int connect(int socket, const struct sockaddr* at, socklen_t size) {
  static int (*real)(int, const struct sockaddr*, socklen_t);
  if (!real)
    real = (int (*)(int, const struct sockaddr*, socklen_t))dlsym(RTLD_NEXT,
                                                                  "connect");
  if (at && at->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in there;
    memcpy(&there, at, sizeof there);
    if (ntohl(there.sin_addr.s_addr) >> 24 == 127)
      redirect(&there.sin_port);
    return real(socket, (const struct sockaddr*)&there, sizeof there);
  }
  if (at && at->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 there;
    memcpy(&there, at, sizeof there);
    if (IN6_IS_ADDR_LOOPBACK(&there.sin6_addr))
      redirect(&there.sin6_port);
    return real(socket, (const struct sockaddr*)&there, sizeof there);
  }
  return real(socket, at, size);
}
