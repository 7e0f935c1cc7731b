/* SPDX-License-Identifier: MIT */
/* A side whose work is a whole process: starts it, waits for it, and answers
   with its CPU seconds and the peak of its memory in KiB.

   spawn COMMAND [ARGUMENT...] */
#define _GNU_SOURCE /* wait4 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rounds.h"

extern char **environ;

static double seconds(struct timeval time)
{
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
  must(argc > 1, "spawn COMMAND [ARGUMENT...]");
  posix_spawn_file_actions_t silent;
  posix_spawn_file_actions_init(&silent);
  posix_spawn_file_actions_addopen(&silent, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null",
                                   O_WRONLY, 0);
  char line[32];
  while (fgets(line, sizeof(line), stdin)) {
    double cpu = 0;
    long peak = 0;
    for (long count = strtol(line, NULL, 10); count > 0; count--) {
      pid_t pid;
      int status;
      struct rusage used;
      must(posix_spawnp(&pid, argv[1], &silent, NULL, argv + 1, environ) == 0,
           "it does not start");
      must(wait4(pid, &status, 0, &used) == pid && status == 0, "it fails");
      cpu += seconds(used.ru_utime) + seconds(used.ru_stime);
      peak = used.ru_maxrss > peak ? used.ru_maxrss : peak;
    }
    printf("%.6f %ld\n", cpu, peak);
    fflush(stdout);
  }
  posix_spawn_file_actions_destroy(&silent);
  return EXIT_SUCCESS;
}
