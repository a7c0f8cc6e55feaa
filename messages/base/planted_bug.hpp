#pragma once

// Bugs that are planted on purpose, to see that the simulator finds them. They
// are in a build of their own (MILLRACE_PLANTED_BUGS of CMake), where the
// environment variable MILLRACE_PLANTED_BUG names the one that is to act. In
// all other builds MILLRACE_PLANTED is `false`. Only units may ask for them, no
// header: no other unit of the build knows of them. scripts/planted-bugs runs
// the swarm against each, docs/reliability.md says what came of it.

#ifdef MILLRACE_PLANTED_BUGS

namespace millrace {

#define MILLRACE_BUG(name, what) name,
enum class planted_bug {
  none,
#include <millrace/messages/base/planted_bugs.inc>
};
#undef MILLRACE_BUG

/// Whether this is the one that MILLRACE_PLANTED_BUG names. A name that is none
/// ends the program.
[[nodiscard]] bool acts(planted_bug what);

} // namespace millrace

#define MILLRACE_PLANTED(name) (::millrace::acts(::millrace::planted_bug::name))
#else
#define MILLRACE_PLANTED(name) false
#endif
