#pragma once

#include <chrono>

namespace millrace::sim {

/// Counts a world that ends, and how long it lived in its own time. When the
/// process ends, "<worlds> <seconds>" is added to the file that
/// MILLRACE_SIM_ACCOUNT names, if it names one. Thread safe.
void account_world(std::chrono::nanoseconds lived);

} // namespace millrace::sim
