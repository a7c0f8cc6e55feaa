#include <millrace/nodes/assembly/roles.hpp>

#include <algorithm>

namespace millrace::nodes {

role_table::role_table()
  : roles_{{std::string{process_type::discovery}, start_discovery},
           {std::string{process_type::rt}, rt_factory{}},
           {std::string{process_type::hdb}, start_hdb},
           {std::string{process_type::rdb}, start_rdb},
           {std::string{process_type::gateway}, start_gateway},
           {std::string{process_type::kdb}, start_kdb},
           {std::string{process_type::http}, start_http},
           {std::string{process_type::postgres}, start_postgres},
           {std::string{process_type::feed}, start_feed}} {}

void role_table::add(std::string type, process_factory factory) {
  const auto known
    = std::find_if(roles_.begin(), roles_.end(),
                   [&](auto& each) { return each.first == type; });
  if (known != roles_.end())
    known->second = std::move(factory);
  else
    roles_.emplace_back(std::move(type), std::move(factory));
}

const process_factory* role_table::find(std::string_view type) const {
  for (const auto& [name, factory] : roles_)
    if (name == type)
      return &factory;
  return nullptr;
}

std::vector<std::string> role_table::types() const {
  std::vector<std::string> out;
  for (const auto& role : roles_)
    out.push_back(role.first);
  return out;
}

} // namespace millrace::nodes
