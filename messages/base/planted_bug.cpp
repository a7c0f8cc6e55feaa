#include <millrace/messages/base/planted_bug.hpp>

#ifdef MILLRACE_PLANTED_BUGS

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace millrace {

namespace {

planted_bug chosen_bug() {
  // lint: allow(environment): no product code, and nothing else may carry it
  const char* const wanted = std::getenv("MILLRACE_PLANTED_BUG");
  if (wanted == nullptr || *wanted == '\0')
    return planted_bug::none;
#define MILLRACE_BUG(name, what)                                               \
  if (std::strcmp(wanted, #name) == 0)                                         \
    return planted_bug::name;
#include <millrace/messages/base/planted_bugs.inc>
#undef MILLRACE_BUG
  std::fprintf(stderr, "MILLRACE_PLANTED_BUG: there is no '%s'\n", wanted);
  std::exit(2);
}

} // namespace

bool acts(planted_bug what) {
  static const auto chosen = chosen_bug();
  return chosen == what;
}

} // namespace millrace

#endif
