#include <millrace/nodes/cli/cli.hpp>

#include <sys/stat.h>

int main(int argc, char** argv) {
  // What a cluster holds is its owner's and group's, also the files that
  // libraries make.
  ::umask(S_IWGRP | S_IRWXO);
  return millrace::nodes::run_cli(argc, argv);
}
