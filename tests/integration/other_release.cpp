// A library that says of itself that it was made for another release.
#include <cstdint>

extern "C" const struct {
  uint32_t format;
  const char* release;
  void (*register_types)(void*);
} millrace_library{1, "0.0.0", nullptr};
