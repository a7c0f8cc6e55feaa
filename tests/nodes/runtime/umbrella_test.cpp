// The one include of a program that embeds a node.
#include <millrace/millrace.hpp>

#include <gtest/gtest.h>

namespace millrace {
namespace {

// Goal: what examples and documents tell programs to use comes with it. The
// compiler is the test; running only shows that it links.
TEST(UmbrellaTest, NamesWhatAProgramNeeds) {
  const auto config = nodes::parse_configuration(
    "[cluster]\nname = \"x\"\ndata = \"d\"\n"
    "[[stream]]\nname = \"s\"\n"
    "[[node]]\nname = \"n\"\nport = 7000\n"
    "[[process]]\nname = \"rt\"\ntype = \"rt\"\nnode = \"n\"\n",
    "/x.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(nodes::exit_code_of(errc::config), nodes::exit_config);
  [[maybe_unused]] auto* start = &nodes::node::start;
  [[maybe_unused]] rt::subscription_handlers handlers;
  [[maybe_unused]] const rt::publisher* publisher = nullptr;
  [[maybe_unused]] const batch_builder* rows = nullptr;
}

} // namespace
} // namespace millrace
